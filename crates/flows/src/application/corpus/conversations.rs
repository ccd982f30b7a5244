//! Packets, bytes and conversations of every capture.
//!
//! A conversation of tshark lasts as long as the capture, one of ours ends with a pause or a new SYN as well. So
//! totals are compared for each pair of ends, both directions together: packets, and IP bytes (the length that the
//! header names). Totals of captures that hold IP fragments or packets within packets are not compared by pair: we count
//! what was put together and the innermost packet, tshark shows each layer.
//!
//! All captures are laid one after the other with mergecap and read by one tshark, for starting it costs more than
//! reading most of them; capinfos tells how many packets each has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wardline_capture::CaptureFile;
use wardline_model::{CaptureId, Fact, PseudonymKey, Timestamp, Transport};

use super::{Comparison, Said, captures, number};
use crate::{Frame, Pipeline, Settings};

/// Whether it is TCP, and both ends, the lower one first.
type Pair = (bool, (IpAddr, u16), (IpAddr, u16));

/// What one side counted in a capture.
#[derive(Default)]
struct Totals {
    packets: u64,
    bytes: u64,
    /// Packets and bytes of each pair.
    pairs: BTreeMap<Pair, (u64, u64)>,
    /// Holds IP fragments or packets within packets.
    layered: bool,
}

impl Totals {
    fn add(&mut self, pair: Pair, packets: u64, bytes: u64) {
        let total = self.pairs.entry(pair).or_default();
        total.0 += packets;
        total.1 += bytes;
    }
}

#[test]
fn packets_bytes_and_conversations_agree_with_tshark() {
    let captures: Vec<_> = captures(&[]).into_iter().filter(|path| is_capture(path)).collect();
    if captures.is_empty() {
        return;
    }
    let mut comparison = Comparison::default();
    let mut layered = 0;
    for (capture, theirs) in captures.iter().zip(their_totals(&captures)) {
        let name = capture.file_name().unwrap().to_string_lossy();
        let ours = our_totals(capture);
        comparison.add(&name, &whole(&ours), &whole(&theirs));
        if theirs.layered {
            layered += 1;
            continue;
        }
        for pair in ours.pairs.keys().chain(theirs.pairs.keys()).collect::<BTreeSet<_>>() {
            let (tcp, from, to) = pair;
            let place = format!("{name} {} {from:?} {to:?}", if *tcp { "tcp" } else { "udp" });
            comparison.add(&place, &total(ours.pairs.get(pair)), &total(theirs.pairs.get(pair)));
        }
    }
    println!(
        "conversations: {layered} captures hold fragments or packets within packets, only their totals count"
    );
    comparison.finish("conversations");
}

/// The manifest also names lists of devices.
fn is_capture(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["pcap", "pcapng", "cap", "zst"].iter().any(|known| end == *known))
}

fn whole(totals: &Totals) -> Said {
    Said::from([
        ("packets of a capture", vec![totals.packets.to_string()]),
        ("bytes of a capture", vec![totals.bytes.to_string()]),
    ])
}

fn total(total: Option<&(u64, u64)>) -> Said {
    let Some((packets, bytes)) = total else { return Said::new() };
    Said::from([
        ("conversation", vec!["there".to_owned()]),
        ("packets of a conversation", vec![packets.to_string()]),
        ("bytes of a conversation", vec![bytes.to_string()]),
    ])
}

fn pair(tcp: bool, one: (IpAddr, u16), two: (IpAddr, u16)) -> Pair {
    (tcp, one.min(two), one.max(two))
}

fn our_totals(capture: &Path) -> Totals {
    let mut pipeline = Pipeline::new(Settings::new(PseudonymKey::new([7; 32])));
    let (mut observations, mut totals) = (Vec::new(), Totals::default());
    let mut file = CaptureFile::open(capture).unwrap();
    // A capture that ends in the middle of a packet is compared up to there.
    while let Ok(Some(frame)) = file.next_frame() {
        let frame = Frame {
            capture: CaptureId(0),
            number: frame.number,
            time: Timestamp::from_nanoseconds(frame.time_ns),
            link_type: frame.link_type,
            bytes: frame.captured,
            original_length: frame.original_length,
        };
        pipeline.push(frame, &mut observations);
        observations.drain(..).for_each(|observation| tell(&observation, &mut totals));
    }
    pipeline.finish(&mut observations);
    observations.iter().for_each(|observation| tell(observation, &mut totals));
    let counters = pipeline.counters();
    (totals.packets, totals.bytes) = (counters.packets, counters.bytes);
    totals
}

fn tell(observation: &wardline_model::Observation, totals: &mut Totals) {
    let Fact::ConversationEnded(conversation) = &observation.fact else { return };
    let Some(transport) = observation.transport else { return };
    let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
    if transport != Transport::TCP && transport != Transport::UDP {
        return;
    }
    let ends = ((from, observation.from.port), (to, observation.to.port));
    let pair = pair(transport == Transport::TCP, ends.0, ends.1);
    totals.add(pair, conversation.packets.iter().sum(), conversation.bytes.iter().sum());
}

/// How many packets each capture has.
fn their_packets(captures: &[PathBuf]) -> Vec<u64> {
    let output = Command::new("capinfos").args(["-T", "-r", "-c"]).args(captures).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, count)| (name, number(count)))
        .collect();
    captures.iter().map(|capture| counts.get(capture.to_str().unwrap()).copied().unwrap_or(0)).collect()
}

const FIELDS: &[&str] = &[
    "frame.len",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ip.len",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "ip.flags.mf",
    "ip.frag_offset",
    "ipv6.fraghdr.ident",
];

/// Of each capture, in order.
fn their_totals(captures: &[PathBuf]) -> Vec<Totals> {
    let directory = tempfile::tempdir().unwrap();
    let merged = directory.path().join("all.pcapng");
    Command::new("mergecap").args(["-a", "-I", "none", "-w"]).arg(&merged).args(captures).output().unwrap();
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(&merged).args([
        "-o",
        "ip.defragment:FALSE",
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]);
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let mut tshark = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(tshark.stdout.take().unwrap()).lines();
    let mut all = Vec::new();
    for packets in their_packets(captures) {
        let mut totals = Totals { packets, ..Totals::default() };
        for line in lines.by_ref().take(usize::try_from(packets).unwrap()) {
            count(&line.unwrap().split('\t').collect::<Vec<_>>(), &mut totals);
        }
        all.push(totals);
    }
    assert_eq!(lines.count(), 0, "capinfos and mergecap read the same packets");
    assert!(tshark.wait().unwrap().success());
    all
}

fn count(row: &[&str], totals: &mut Totals) {
    let text = |index: usize| row.get(index).copied().unwrap_or_default();
    totals.bytes += number(text(0));
    let layers: Vec<&str> = text(1).split(':').collect();
    // Within the outermost packet there may be others; messages of errors only quote the packet that they are about.
    let is_packet = |layer: &&str| ["ip", "ipv6"].contains(layer);
    let above: Vec<&str> = layers.into_iter().skip_while(|layer| !is_packet(layer)).skip(1).collect();
    let is_icmp = |layer: &&str| ["icmp", "icmpv6"].contains(layer);
    let tunnel = above
        .iter()
        .take_while(|layer| !is_icmp(layer))
        .any(|layer| is_packet(layer) || ["eth", "wlan", "arp"].contains(layer));
    let fragment = (12..=14).any(|index| !["", "0"].contains(&text(index)));
    totals.layered |= tunnel || fragment;
    if above.iter().any(is_icmp) {
        return;
    }
    let (from, to, length) = match (text(2), text(5)) {
        ("", "") => return,
        ("", from) => (from, text(6), number(text(7)) + 40),
        (from, _) => (from, text(3), number(text(4))),
    };
    let (tcp, from_port, to_port) = match (text(8), text(10)) {
        ("", "") => return,
        ("", port) => (false, port, text(11)),
        (port, _) => (true, port, text(9)),
    };
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let port = |text: &str| text.parse::<u16>().unwrap_or_default();
    let (Some(from), Some(to)) = (address(from), address(to)) else { return };
    totals.add(pair(tcp, (from, port(from_port)), (to, port(to_port))), 1, length);
}
