//! HL7, DICOM and MQTT. What may tell of a patient is compared by its digest and never printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wardline_model::fact::{DicomCommandKind, DicomFact};
use wardline_model::{Fact, Label};
use wardline_wire::Direction;
use wardline_wire::clinical::{dicom as dicom_wire, hl7 as hl7_wire};
use wardline_wire::enterprise::mqtt as mqtt_wire;

use super::super::dicom;
use super::streams::{Piece, conversations, play};
use super::{Comparison, Said, captures, number, tshark};

fn put(said: &mut Said, field: &'static str, value: impl ToString) {
    said.entry(field).or_default().push(value.to_string());
}

/// A text that can be compared and not be read: its length and the front of its hash.
fn digest(text: &str) -> String {
    let hash: String = Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{} characters {hash}", text.chars().count())
}

/// Rows of tshark by conversation.
fn by_stream(capture: &Path, filter: &str, fields: &[&str]) -> BTreeMap<u64, Vec<Vec<Vec<String>>>> {
    let all: Vec<&str> = ["tcp.stream"].iter().chain(fields).copied().collect();
    let mut streams: BTreeMap<u64, Vec<Vec<Vec<String>>>> = BTreeMap::new();
    for mut row in tshark(capture, filter, &all) {
        if let Some([stream]) = row.first().map(Vec::as_slice) {
            let stream = number(stream);
            row.remove(0);
            streams.entry(stream).or_default().push(row);
        }
    }
    streams
}

/// What one side said of a conversation: of each of its messages by a name that both sides give it, or of the whole
/// under an empty name.
type Messages = BTreeMap<String, Said>;

/// Compares every conversation of which tshark says something, message by message.
fn compare(
    name: &str,
    protocols: &[&str],
    ours: fn(&[(Direction, Piece)]) -> Messages,
    theirs: fn(&Path) -> BTreeMap<u64, Messages>,
) {
    let captures = captures(protocols);
    if captures.is_empty() {
        return;
    }
    let mut comparison = Comparison::default();
    for capture in &captures {
        let said = theirs(capture);
        if said.is_empty() {
            continue;
        }
        let conversations = conversations(capture);
        for (stream, said) in said {
            let place = format!("{} stream {stream}", capture.file_name().unwrap().to_string_lossy());
            let heard = ours(conversations.get(&stream).map_or(&[][..], Vec::as_slice));
            for message in heard.keys().chain(said.keys()).collect::<BTreeSet<_>>() {
                let place = format!("{place} {message}");
                match (heard.get(message), said.get(message)) {
                    (Some(heard), Some(said)) => comparison.add(&place, heard, said),
                    (heard, said) => comparison.add(&place, &there(heard), &there(said)),
                }
            }
        }
    }
    comparison.finish(name);
}

/// That there is such a message at all.
fn there(said: Option<&Said>) -> Said {
    said.map(|_| Said::from([("message", vec!["there".to_owned()])])).unwrap_or_default()
}

#[test]
fn hl7_agrees_with_tshark() {
    compare("hl7", &["hl7"], our_hl7, |capture| {
        let rows = by_stream(capture, "hl7 && !_ws.malformed", &["hl7.segment", "hl7.field"]);
        rows.into_iter().map(|(stream, rows)| (stream, their_hl7(&rows))).collect()
    });
}

/// Segments whose fields are compared by their position.
const POSITIONED: [&str; 3] = ["MSH", "PID", "OBX"];
/// Most fields of a segment.
const FIELDS_MAX: usize = 60;

fn our_hl7(pieces: &[(Direction, Piece)]) -> Messages {
    let mut said = Messages::new();
    let mut sessions = [hl7_wire::Session::default(), hl7_wire::Session::default()];
    let mut messages: [Vec<Vec<String>>; 2] = Default::default();
    for (direction, piece) in pieces {
        let message = &mut messages[direction.index()];
        let mut tell = |event: hl7_wire::Event<'_>| match event {
            hl7_wire::Event::Segment(segment) => message.push(fields_of(&segment)),
            hl7_wire::Event::End => {
                let message = std::mem::take(message);
                let told = said.entry(number_of(message.first())).or_default();
                message.iter().for_each(|segment| tell_segment(segment, told));
            }
        };
        match piece {
            Piece::Bytes(bytes) => sessions[direction.index()].feed(bytes, &mut tell),
            Piece::Gap(_) => sessions[direction.index()].gap(&mut tell),
        }
    }
    said
}

/// The number of a message, MSH-10, which both sides know it by.
fn number_of(header: Option<&Vec<String>>) -> String {
    digest(header.and_then(|header| header.get(10)).map_or("", String::as_str))
}

/// The name, then the fields as they are on the wire, by their number.
fn fields_of(segment: &hl7_wire::Segment<'_>) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let numbers = 1..=FIELDS_MAX;
    [text(segment.name())]
        .into_iter()
        .chain(numbers.map(|number| text(segment.field(number).raw())))
        .collect()
}

/// A segment, from its name and its fields by their number.
fn tell_segment(segment: &[String], said: &mut Said) {
    let Some((name, fields)) = segment.split_first() else { return };
    put(said, "segment", name);
    let filled = fields.iter().enumerate().filter(|(_, field)| !field.is_empty());
    for (place, field) in filled {
        let position = place + 1;
        // The separator itself is MSH-1.
        if name == "MSH" && position == 1 {
            continue;
        }
        put(said, "field", digest(field));
        if POSITIONED.contains(&name.as_str()) {
            put(said, "field by position", format!("{name}-{position} {}", digest(field)));
        }
    }
}

fn their_hl7(rows: &[Vec<Vec<String>>]) -> Messages {
    let mut said = Messages::new();
    for row in rows {
        let [segments, fields] = row.as_slice() else { continue };
        // tshark lists the name of a segment before its fields that are not empty.
        let mut fields = fields.iter().peekable();
        let mut message = String::new();
        for (place, segment) in segments.iter().enumerate() {
            let segment = segment.trim_end_matches("\\r");
            let Some(name) = segment.get(..3) else { continue };
            if name == "MSH" {
                message = digest(segment.split('|').nth(9).unwrap_or_default());
            }
            let told = said.entry(message.clone()).or_default();
            put(told, "segment", name);
            their_positions(segment, told);
            fields.next_if(|field| *field == name);
            let next = segments.get(place + 1).and_then(|segment| segment.get(..3));
            while let Some(field) = fields.next_if(|field| Some(field.as_str()) != next) {
                put(told, "field", digest(field));
            }
        }
    }
    said
}

/// Cut at the separators, as tshark shows the segment.
fn their_positions(segment: &str, said: &mut Said) {
    let Some(separator) = segment.chars().nth(3) else { return };
    let mut parts = segment.split(separator);
    let name = parts.next().unwrap_or_default();
    let first = if name == "MSH" { 2 } else { 1 };
    for (place, field) in parts.enumerate().filter(|(_, field)| !field.is_empty()) {
        if POSITIONED.contains(&name) {
            put(said, "field by position", format!("{name}-{} {}", place + first, digest(field)));
        }
    }
}

#[test]
fn dicom_agrees_with_tshark() {
    compare("dicom", &["dicom"], our_dicom, |capture| {
        let fields = [
            "dicom.pdu.type",
            "dicom.assoc.ae.calling",
            "dicom.assoc.ae.called",
            "dicom.pctx.id",
            "dicom.pctx.result",
            "dicom.pctx.abss.syntax",
            "dicom.pctx.xfer.syntax",
            "dicom.userinfo.uid",
            "dicom.userinfo.version",
            "dicom.max_pdu_len",
            "dicom.assoc.reject.reason",
            "dicom.assoc.abort.reason",
        ];
        let rows = by_stream(capture, "dicom && tcp && !_ws.malformed", &fields);
        let mut said: BTreeMap<u64, Said> =
            rows.into_iter().map(|(stream, rows)| (stream, their_dicom(&rows))).collect();
        for (stream, commands) in their_commands(capture) {
            tell_commands(commands, said.entry(stream).or_default());
        }
        said.retain(|_, said| !said.is_empty());
        said.into_iter().map(|(stream, said)| (stream, whole(said))).collect()
    });
}

/// Of the whole conversation.
fn whole(said: Said) -> Messages {
    Messages::from([(String::new(), said)])
}

fn our_dicom(pieces: &[(Direction, Piece)]) -> Messages {
    let mut said = Said::new();
    let mut session = dicom_wire::Session::default();
    for (direction, piece) in pieces {
        let Piece::Bytes(bytes) = piece else { break };
        let ours = session.feed(*direction, bytes, &mut |event| match event {
            dicom_wire::Event::Request(association) => our_association(1, &association, &mut said),
            dicom_wire::Event::Accept(association) => our_association(2, &association, &mut said),
            dicom_wire::Event::Reject([.., reason]) => {
                put(&mut said, "pdu", 3);
                put(&mut said, "reject reason", reason);
            }
            dicom_wire::Event::Release => put(&mut said, "pdu", 5),
            dicom_wire::Event::Abort([_, reason]) => {
                put(&mut said, "pdu", 7);
                put(&mut said, "abort reason", reason);
            }
            dicom_wire::Event::Command(_) | dicom_wire::Event::Dataset(..) => {}
        });
        if !ours {
            break;
        }
    }
    let commands = play(&dicom::STREAM, pieces).into_iter().filter_map(|fact| match fact {
        Fact::Dicom(fact) => match *fact {
            DicomFact::Command(command) => Some(DimseCommand {
                command: command_name(command.kind, command.response),
                message: command.message_id.to_string(),
                class: command.sop_class.map(|class| class.to_string()).unwrap_or_default(),
                status: command.status.map(|status| status.to_string()).unwrap_or_default(),
            }),
            _ => None,
        },
        _ => None,
    });
    tell_commands(commands.collect(), &mut said);
    whole(said)
}

fn our_association(kind: u8, association: &dicom_wire::Association<'_>, said: &mut Said) {
    let text = |bytes: &[u8]| Label::from_bytes(bytes).to_string();
    put(said, "pdu", kind);
    put(said, "calling", text(association.calling));
    put(said, "called", text(association.called));
    put(said, "max pdu", association.length_max);
    put(said, "implementation class", text(association.implementation_class));
    put(said, "implementation version", text(association.implementation_version));
    for context in &association.contexts {
        put(said, "context", context.id);
        if kind == 1 {
            put(said, "abstract syntax", text(context.abstract_syntax));
        } else {
            put(said, "context result", context.result);
            // PS3.8 9.3.3.2: the transfer syntax of a context that was refused is not significant.
            if context.result == 0 {
                put(said, "accepted transfer syntax", format!("{:?}", context.encoding));
            }
        }
    }
}

fn their_dicom(rows: &[Vec<Vec<String>>]) -> Said {
    let mut said = Said::new();
    // tshark shows "Name (UID)".
    let uid = |text: &String| {
        text.rsplit_once('(').map_or(text.as_str(), |(_, uid)| uid.trim_end_matches(')')).trim().to_owned()
    };
    for row in rows {
        let [
            kinds,
            calling,
            called,
            contexts,
            results,
            abstracts,
            transfers,
            classes,
            versions,
            lengths,
            rejects,
            aborts,
        ] = row.as_slice()
        else {
            continue;
        };
        let told = kinds.iter().map(|kind| number(kind)).filter(|kind| matches!(kind, 1 | 2 | 3 | 5 | 7));
        told.clone().for_each(|kind| put(&mut said, "pdu", kind));
        calling.iter().for_each(|title| put(&mut said, "calling", Label::new(title)));
        called.iter().for_each(|title| put(&mut said, "called", Label::new(title)));
        for kind in told {
            if matches!(kind, 1 | 2) {
                put(&mut said, "max pdu", lengths.first().map_or("0", String::as_str));
                put(&mut said, "implementation class", classes.first().map(uid).unwrap_or_default());
                put(
                    &mut said,
                    "implementation version",
                    versions.first().map(|version| Label::new(version).to_string()).unwrap_or_default(),
                );
            }
        }
        contexts.iter().for_each(|id| put(&mut said, "context", number(id)));
        // tshark shows the abstract syntax of an acceptance too, from the request, but not as this field.
        abstracts.iter().for_each(|syntax| put(&mut said, "abstract syntax", uid(syntax)));
        for (result, transfer) in results.iter().zip(transfers) {
            put(&mut said, "context result", number(result));
            if number(result) == 0 {
                let encoding = dicom_wire::Encoding::of(uid(transfer).as_bytes());
                put(&mut said, "accepted transfer syntax", format!("{encoding:?}"));
            }
        }
        rejects.iter().for_each(|reason| put(&mut said, "reject reason", number(reason)));
        aborts.iter().for_each(|reason| put(&mut said, "abort reason", number(reason)));
    }
    said
}

/// A command of PS3.7, as both sides tell it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct DimseCommand {
    command: String,
    message: String,
    class: String,
    status: String,
}

/// In an order of their own: what tshark tells of one frame has none.
fn tell_commands(mut commands: Vec<DimseCommand>, said: &mut Said) {
    commands.sort();
    for DimseCommand { command, message, class, status } in commands {
        put(said, "command", command);
        put(said, "message id", message);
        put(said, "sop class", class);
        put(said, "status", status);
    }
}

fn command_name(kind: DicomCommandKind, response: bool) -> String {
    let name = match kind {
        DicomCommandKind::CStore => "C-STORE",
        DicomCommandKind::CGet => "C-GET",
        DicomCommandKind::CFind => "C-FIND",
        DicomCommandKind::CMove => "C-MOVE",
        DicomCommandKind::CEcho => "C-ECHO",
        DicomCommandKind::CCancel => return "C-CANCEL-RQ".to_owned(),
        DicomCommandKind::NEventReport => "N-EVENT-REPORT",
        DicomCommandKind::NGet => "N-GET",
        DicomCommandKind::NSet => "N-SET",
        DicomCommandKind::NAction => "N-ACTION",
        DicomCommandKind::NCreate => "N-CREATE",
        DicomCommandKind::NDelete => "N-DELETE",
        DicomCommandKind::Other(code) => return format!("{code}"),
    };
    format!("{name}-{}", if response { "RSP" } else { "RQ" })
}

/// The command sets by conversation: tshark has no fields for them, but names each element in its tree.
fn their_commands(capture: &Path) -> BTreeMap<u64, Vec<DimseCommand>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-Y", "dicom.pdu.type == 4 && !_ws.malformed"]);
    command.args(["-T", "json", "--no-duplicate-keys", "-J", "dicom tcp"]);
    let Ok(output) = command.output() else { return BTreeMap::new() };
    let packets: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut commands: BTreeMap<u64, Vec<DimseCommand>> = BTreeMap::new();
    for packet in packets.as_array().into_iter().flatten() {
        let layers = &packet["_source"]["layers"];
        let Some(stream) = layers["tcp"]["tcp.stream"].as_str() else { continue };
        command_sets(&layers["dicom"], commands.entry(number(stream)).or_default());
    }
    commands
}

fn command_sets(tree: &Value, commands: &mut Vec<DimseCommand>) {
    match tree {
        Value::Array(several) => several.iter().for_each(|one| command_sets(one, commands)),
        Value::Object(fields) => {
            let element = |tag: &str| {
                let line = fields.keys().find(|line| line.starts_with(tag))?;
                // "(0000,0110)          2 Message ID                                    1".
                let value = line.rsplit("  ").map(str::trim).find(|part| !part.is_empty())?;
                Some(value.to_owned())
            };
            if let Some(command) = element("(0000,0100)") {
                let class = element("(0000,0002)").or_else(|| element("(0000,0003)")).unwrap_or_default();
                let status = element("(0000,0900)").unwrap_or_default();
                let status = status.rsplit_once("(0x").map_or("", |(_, code)| code.trim_end_matches(')'));
                commands.push(DimseCommand {
                    command,
                    message: element("(0000,0110)").or_else(|| element("(0000,0120)")).unwrap_or_default(),
                    class: class.split(' ').next().unwrap_or_default().to_owned(),
                    status: u16::from_str_radix(status, 16).map(|code| code.to_string()).unwrap_or_default(),
                });
            }
            fields.values().for_each(|below| command_sets(below, commands));
        }
        _ => {}
    }
}

#[test]
fn mqtt_agrees_with_tshark() {
    compare("mqtt", &["mqtt"], our_mqtt, |capture| {
        let fields = [
            "mqtt.msgtype",
            "mqtt.clientid",
            "mqtt.ver",
            "mqtt.kalive",
            "mqtt.conflag.cleansess",
            "mqtt.conflag.uname",
            "mqtt.conflag.passwd",
            "mqtt.conflag.willflag",
            "mqtt.willtopic",
            "mqtt.topic",
            "mqtt.qos",
            "mqtt.retain",
            "mqtt.dupflag",
            "mqtt.conack.val",
            "mqtt.connack.reason_code",
        ];
        let rows = by_stream(capture, "mqtt && tcp && !_ws.malformed", &fields);
        rows.into_iter().map(|(stream, rows)| (stream, whole(their_mqtt(&rows)))).collect()
    });
}

fn our_mqtt(pieces: &[(Direction, Piece)]) -> Messages {
    let mut said = Said::new();
    let mut session = mqtt_wire::Session::default();
    for (direction, piece) in pieces {
        let right = match piece {
            Piece::Bytes(bytes) => session.feed(*direction, bytes, |packet| our_packet(&packet, &mut said)),
            Piece::Gap(length) => session.gap(*direction, *length),
        };
        if !right {
            break;
        }
    }
    whole(said)
}

fn our_packet(packet: &mqtt_wire::Packet<'_>, said: &mut Said) {
    let text = |bytes: &[u8]| digest(&String::from_utf8_lossy(bytes));
    match packet {
        mqtt_wire::Packet::Connect(connect) => {
            put(said, "type", 1);
            put(said, "client", text(connect.client));
            put(said, "level", connect.level);
            put(said, "keep alive", connect.keep_alive_s);
            put(said, "clean", connect.clean);
            put(said, "user name", connect.account.is_some());
            put(said, "password", connect.secret.is_some());
            put(said, "will", connect.will_topic.is_some());
            if let Some(topic) = connect.will_topic {
                put(said, "will topic", text(topic));
            }
        }
        mqtt_wire::Packet::Connected(reason) => {
            put(said, "type", 2);
            put(said, "reason", reason);
        }
        mqtt_wire::Packet::Publish(publish) => {
            put(said, "type", 3);
            put(said, "topic", text(publish.topic));
            put(said, "quality of service", publish.quality);
            put(said, "retained", publish.retained);
            put(said, "duplicate", publish.duplicate);
        }
        mqtt_wire::Packet::Subscribe(filter) => put(said, "topic", text(filter.filter)),
        mqtt_wire::Packet::Disconnect(_) => put(said, "type", 14),
        mqtt_wire::Packet::Other(_) => {}
    }
}

fn their_mqtt(rows: &[Vec<Vec<String>>]) -> Said {
    let mut said = Said::new();
    let yes = |text: &String| text == "1" || text == "True";
    for row in rows {
        let [
            kinds,
            clients,
            levels,
            alive,
            clean,
            names,
            secrets,
            wills,
            will_topics,
            topics,
            qualities,
            retained,
            duplicates,
            values,
            reasons,
        ] = row.as_slice()
        else {
            continue;
        };
        // Subscriptions are told filter by filter, acknowledgments and pings not at all.
        let told = kinds.iter().map(|kind| number(kind)).filter(|kind| matches!(kind, 1 | 2 | 3 | 14));
        told.for_each(|kind| put(&mut said, "type", kind));
        clients.iter().for_each(|client| put(&mut said, "client", digest(client)));
        // An identifier may be empty: the broker then makes one.
        if clients.is_empty() && kinds.iter().any(|kind| number(kind) == 1) {
            put(&mut said, "client", digest(""));
        }
        levels.iter().for_each(|level| put(&mut said, "level", number(level)));
        alive.iter().for_each(|seconds| put(&mut said, "keep alive", seconds));
        for (field, flags) in [("clean", clean), ("user name", names), ("password", secrets), ("will", wills)]
        {
            flags.iter().for_each(|flag| put(&mut said, field, yes(flag)));
        }
        will_topics.iter().for_each(|topic| put(&mut said, "will topic", digest(topic)));
        topics.iter().for_each(|topic| put(&mut said, "topic", digest(topic)));
        // In MQTT 3.1 subscriptions have these flags as well.
        if kinds.iter().any(|kind| number(kind) == 3) {
            qualities.iter().for_each(|quality| put(&mut said, "quality of service", number(quality)));
            retained.iter().for_each(|flag| put(&mut said, "retained", yes(flag)));
            duplicates.iter().for_each(|flag| put(&mut said, "duplicate", yes(flag)));
        }
        values.iter().chain(reasons).for_each(|reason| put(&mut said, "reason", number(reason)));
    }
    said
}
