//! TLS, HTTP and SMB over TCP.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use wardline_model::fact::{HttpFact, SmbFact, TlsFact};
use wardline_model::{Fact, Label};
use wardline_wire::{Direction, Verdict};

use super::super::{Progress, Stream, driver, http, smb, tls};
use super::{Comparison, Said, captures, from_hexadecimal, number, tshark};

/// One direction of a conversation, put in order.
#[derive(Default)]
struct Half {
    next: Option<u64>,
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl Half {
    /// The bytes that are in order now.
    fn push(&mut self, sequence: u64, bytes: Vec<u8>) -> Vec<u8> {
        self.next.get_or_insert(sequence);
        self.waiting
            .entry(sequence)
            .and_modify(|old| {
                if old.len() < bytes.len() {
                    old.clone_from(&bytes)
                }
            })
            .or_insert(bytes);
        let mut ready = Vec::new();
        while let Some(entry) = self.waiting.first_entry() {
            let next = self.next.unwrap_or(0);
            if *entry.key() > next {
                break;
            }
            let (start, bytes) = entry.remove_entry();
            let known = usize::try_from(next - start).unwrap_or(usize::MAX);
            if let Some(fresh) = bytes.get(known..) {
                ready.extend_from_slice(fresh);
                self.next = Some(next + fresh.len() as u64);
            }
        }
        ready
    }

    /// Passes over the hole in front of what waits.
    fn gap(&mut self) -> Option<u64> {
        let (start, _) = self.waiting.first_key_value()?;
        let length = start - self.next?;
        self.next = Some(*start);
        Some(length)
    }
}

/// What a direction of a conversation brings next.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// So many bytes are missing.
    Gap(u64),
}

/// The TCP conversations of a capture put in order, by tshark's number of each.
pub(super) fn conversations(capture: &Path) -> BTreeMap<u64, Vec<(Direction, Piece)>> {
    let fields =
        ["tcp.stream", "ip.src", "ipv6.src", "tcp.srcport", "tcp.seq", "tcp.flags.syn", "tcp.payload"];
    let mut conversations: BTreeMap<u64, Vec<(Direction, u64, Vec<u8>)>> = BTreeMap::new();
    let mut initiators: BTreeMap<u64, String> = BTreeMap::new();
    for row in tshark(capture, "(tcp.len > 0 || tcp.flags.syn == 1) && !icmp", &fields) {
        let one = |index: usize| row.get(index).and_then(|values: &Vec<String>| values.last()).cloned();
        let (Some(stream), Some(sequence)) = (one(0), one(4)) else { continue };
        let stream = number(&stream);
        let sender = format!("{:?} {:?} {:?}", one(1), one(2), one(3));
        let initiator = initiators.entry(stream).or_insert_with(|| sender.clone());
        let direction = if *initiator == sender { Direction::Forward } else { Direction::Backward };
        let syn = one(5).is_some_and(|flag| flag == "1" || flag == "True");
        let sequence = number(&sequence) + u64::from(syn);
        let bytes = one(6).map(|payload| from_hexadecimal(&payload)).unwrap_or_default();
        conversations.entry(stream).or_default().push((direction, sequence, bytes));
    }
    conversations.into_iter().map(|(stream, segments)| (stream, ordered(segments))).collect()
}

fn ordered(segments: Vec<(Direction, u64, Vec<u8>)>) -> Vec<(Direction, Piece)> {
    let mut halves = [Half::default(), Half::default()];
    let mut pieces = Vec::new();
    for (direction, sequence, bytes) in segments {
        let ready = halves[direction.index()].push(sequence, bytes);
        if !ready.is_empty() {
            pieces.push((direction, Piece::Bytes(ready)));
        }
    }
    for direction in [Direction::Forward, Direction::Backward] {
        while let Some(length) = halves[direction.index()].gap() {
            pieces.push((direction, Piece::Gap(length)));
            let ready = halves[direction.index()].push(u64::MAX, Vec::new());
            pieces.push((direction, Piece::Bytes(ready)));
        }
    }
    pieces
}

/// What the adaptor says about a conversation.
pub(super) fn play(protocol: &Stream, pieces: &[(Direction, Piece)]) -> Vec<Fact> {
    let mut driver = driver::Driver::new();
    let mut adaptor = (protocol.adaptor)();
    let mut recognised = false;
    for (direction, piece) in pieces {
        let progress = match piece {
            Piece::Bytes(bytes) => {
                recognised = recognised || (protocol.probe)(*direction, bytes) != Verdict::NotMine;
                if !recognised {
                    break;
                }
                driver.with(*direction, |context| adaptor.data(*direction, bytes, context))
            }
            Piece::Gap(length) => {
                driver.with(*direction, |context| adaptor.gap(*direction, *length, context))
            }
        };
        if progress != Progress::Continue {
            return driver.facts();
        }
    }
    driver.with(Direction::Forward, |context| adaptor.end(context));
    driver.facts()
}

fn put(said: &mut Said, field: &'static str, value: impl ToString) {
    said.entry(field).or_default().push(value.to_string());
}

/// Compares every conversation of which tshark says anything and in which the protocol begins at once.
pub(super) fn compare(
    name: &str,
    filter: &str,
    protocols: &[&str],
    fields: &[&str],
    protocol: &Stream,
    ours: fn(&Fact, &mut Said),
    theirs: fn(&[Vec<String>], &mut Said),
) {
    let mut comparison = Comparison::default();
    let captures = captures(protocols);
    if captures.is_empty() {
        return;
    }
    let mut silent = Vec::new();
    let all: Vec<&str> = ["tcp.stream"].iter().chain(fields).copied().collect();
    for capture in &captures {
        let mut said: BTreeMap<u64, Said> = BTreeMap::new();
        for row in tshark(capture, filter, &all) {
            if let Some([stream]) = row.first().map(Vec::as_slice) {
                theirs(&row[1..], said.entry(number(stream)).or_default());
            }
        }
        if said.is_empty() {
            continue;
        }
        let conversations = conversations(capture);
        for (stream, said) in said {
            let place = format!("{} stream {stream}", capture.file_name().unwrap().to_string_lossy());
            let mut heard = Said::new();
            let pieces = conversations.get(&stream).map_or(&[][..], Vec::as_slice);
            play(protocol, pieces).iter().for_each(|fact| ours(fact, &mut heard));
            if heard.is_empty() && !said.is_empty() {
                // Begun by another protocol (STARTTLS, a proxy), or recorded from its middle.
                silent.push(place);
            } else {
                comparison.add(&place, &heard, &said);
            }
        }
    }
    println!("{name}: not recognised {silent:?}");
    comparison.finish(name);
}

#[test]
fn tls_agrees_with_tshark() {
    let fields = [
        "tls.handshake.type",
        "tls.handshake.version",
        "tls.handshake.extensions.supported_version",
        "tls.handshake.ciphersuite",
        "tls.handshake.extensions_server_name",
        "tls.handshake.extension.type",
        "tls.handshake.sig_hash_alg",
        "tls.handshake.sig_hash_alg_len",
        "tls.handshake.extensions_alpn_str",
        "tls.handshake.random",
        "x509af.serialNumber",
    ];
    let filter = "tcp && (tls.handshake.type == 1 || tls.handshake.type == 2 || tls.handshake.type == 11)";
    compare("tls", filter, &["tls"], &fields, &tls::STREAM, our_tls, their_tls);
}

fn our_tls(fact: &Fact, said: &mut Said) {
    let Fact::Tls(fact) = fact else { return };
    match &**fact {
        TlsFact::ClientHello(hello) => {
            put(said, "ja4", &hello.ja4);
            put(said, "client version", hello.version);
            if let Some(name) = &hello.server_name {
                put(said, "server name", name);
            }
        }
        TlsFact::ServerHello(hello) => {
            put(said, "version", hello.version);
            put(said, "cipher suite", hello.cipher_suite);
        }
        TlsFact::Certificate(certificate) => put(said, "serial", &certificate.serial),
        TlsFact::Alert(_) => {}
    }
}

const RETRY: &str = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

fn their_tls(row: &[Vec<String>], said: &mut Said) {
    let [types, version, supported, suites, name, extensions, algorithms, lengths, alpn, random, serials] =
        row
    else {
        return;
    };
    let numbers = |values: &[String]| values.iter().map(|value| number(value)).collect::<Vec<_>>();
    let grease = |value: &u64| value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff;
    let is = |wanted: &str| types.iter().any(|kind| kind == wanted);
    let version = numbers(version).first().copied().unwrap_or(0);
    if is("1") {
        let supported = numbers(supported)
            .into_iter()
            .filter(|value| !grease(value))
            .filter(|value| value >> 8 == 3)
            .max();
        let version = supported.unwrap_or(version);
        put(said, "client version", version);
        // tshark has no such field for the suites of a hello in the form of SSL 2.
        if suites.is_empty() {
            put(said, "no suites", "");
        }
        let strip = |values: &[String]| -> Vec<u64> {
            numbers(values).into_iter().filter(|value| !grease(value)).collect()
        };
        // Delegated credentials (34) and signatures of certificates (50) hold such lists as well.
        let mut lists = numbers(lengths).into_iter();
        let mut rest = numbers(algorithms).into_iter();
        let mut own = Vec::new();
        for kind in numbers(extensions).into_iter().filter(|kind| matches!(kind, 13 | 34 | 50)) {
            let length = usize::try_from(lists.next().unwrap_or(0) / 2).unwrap_or(0);
            let list: Vec<u64> = rest.by_ref().take(length).filter(|value| !grease(value)).collect();
            if kind == 13 {
                own = list;
            }
        }
        put(said, "ja4", ja4(version, strip(suites), strip(extensions), &own, alpn.first()));
        if let Some(name) = name.first() {
            put(said, "server name", Label::new(name));
        }
    } else if is("2") && version != 0 && random.first().is_none_or(|random| random.replace(':', "") != RETRY)
    {
        put(said, "version", numbers(supported).first().copied().unwrap_or(version));
        put(said, "cipher suite", numbers(suites).first().copied().unwrap_or(0));
    }
    // A stapled response (22) may hold certificates of its own.
    if is("22") {
        put(said, "no serials", "");
    } else if is("11") {
        for serial in serials {
            put(said, "serial", serial.trim_start_matches("0x").replace(':', ""));
        }
    }
}

/// The fingerprint computed from tshark's fields, apart from the code under test.
fn ja4(
    version: u64,
    mut suites: Vec<u64>,
    extensions: Vec<u64>,
    algorithms: &[u64],
    alpn: Option<&String>,
) -> String {
    let list =
        |values: &[u64]| values.iter().map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",");
    let hash = |text: &str| -> String {
        if text.is_empty() {
            return "000000000000".to_owned();
        }
        Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    };
    let version = match version {
        0x304 => "13",
        0x303 => "12",
        0x302 => "11",
        0x301 => "10",
        0x300 => "s3",
        _ => "00",
    };
    let name = if extensions.contains(&0) { "d" } else { "i" };
    let counts = (suites.len().min(99), extensions.len().min(99));
    let ends = alpn.map_or("00".to_owned(), |alpn| {
        let (first, last) = (alpn.chars().next().unwrap_or('0'), alpn.chars().last().unwrap_or('0'));
        format!("{first}{last}")
    });
    suites.sort_unstable();
    let mut hashed: Vec<u64> = extensions.into_iter().filter(|kind| !matches!(kind, 0 | 16)).collect();
    hashed.sort_unstable();
    let mut text = list(&hashed);
    if !algorithms.is_empty() {
        text = format!("{text}_{}", list(algorithms));
    }
    format!("t{version}{name}{:02}{:02}{ends}_{}_{}", counts.0, counts.1, hash(&list(&suites)), hash(&text))
}

#[test]
fn http_agrees_with_tshark() {
    let fields = [
        "http.request.method",
        "http.host",
        "http.user_agent",
        "http.response.code",
        "http.server",
        "http.content_type",
    ];
    compare("http", "http && tcp && !icmp", &["http"], &fields, &http::STREAM, our_http, their_http);
}

fn our_http(fact: &Fact, said: &mut Said) {
    let Fact::Http(fact) = fact else { return };
    let mut some = |field, value: &Option<Label>| {
        if let Some(value) = value {
            put(said, field, value);
        }
    };
    match &**fact {
        HttpFact::Request(request) => {
            some("method", &Some(request.method.clone()));
            some("host", &request.host);
            some("user agent", &request.user_agent);
            some("content type", &request.content_type);
        }
        HttpFact::Response(response) => {
            some("status", &Some(Label::new(&response.status.to_string())));
            some("server", &response.server);
            some("content type", &response.content_type);
        }
    }
}

fn their_http(row: &[Vec<String>], said: &mut Said) {
    let names = ["method", "host", "user agent", "status", "server", "content type"];
    for (name, values) in names.into_iter().zip(row) {
        for value in values.iter().map(|value| Label::new(value)).filter(|value| !value.is_empty()) {
            put(said, name, value);
        }
    }
}

#[test]
fn smb_agrees_with_tshark() {
    let fields =
        ["smb2.cmd", "smb2.flags.response", "smb2.dialect", "smb2.tree", "smb2.nt_status", "smb2.filename"];
    compare("smb2", "smb2 && tcp && !icmp", &["smb2"], &fields, &smb::STREAM, our_smb, their_smb);
}

fn our_smb(fact: &Fact, said: &mut Said) {
    let Fact::Smb(fact) = fact else { return };
    match &**fact {
        SmbFact::Negotiated { dialect, .. } if *dialect != 0x0100 => put(said, "dialect", dialect),
        SmbFact::SessionSetup { status } => put(said, "status", status),
        SmbFact::TreeConnect { share } => put(said, "share", share),
        _ => {}
    }
}

fn their_smb(row: &[Vec<String>], said: &mut Said) {
    let [commands, responses, dialects, trees, statuses, _names] = row else { return };
    // Compounds are compared by the tests of the parser; here one command per packet.
    let ([command], [response]) = (commands.as_slice(), responses.as_slice()) else { return };
    let response = response == "1" || response == "True";
    match number(command) {
        0 if response => dialects.iter().for_each(|dialect| put(said, "dialect", number(dialect))),
        1 if response => {
            let status = statuses.first().map_or(0, |status| number(status));
            if status != 0xc000_0016 {
                put(said, "status", status);
            }
        }
        3 if !response => {
            for tree in trees {
                put(said, "share", Label::new(tree.rsplit('\\').next().unwrap_or_default()));
            }
        }
        _ => {}
    }
}
