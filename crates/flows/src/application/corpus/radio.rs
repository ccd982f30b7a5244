//! Bluetooth Low Energy: advertising, link control and the attribute protocol, packet by packet.

use std::collections::BTreeMap;
use std::path::Path;

use wardline_capture::CaptureFile;
use wardline_model::Label;
use wardline_wire::Direction;
use wardline_wire::radio::ble::advertisement::{Element, elements};
use wardline_wire::radio::ble::att::Message;
use wardline_wire::radio::ble::capture::Captured;
use wardline_wire::radio::ble::link::{ADVERTISING, Advertising, Data, Packet};

use super::{Comparison, Said, captures, number, sound, tshark};

const FIELDS: [&str; 17] = [
    "frame.number",
    "btle.advertising_address",
    "btle.scanning_address",
    "btle.initiator_address",
    "btle.target_address",
    "btle.link_layer_data.access_address",
    "btle.link_layer_data.interval",
    "btcommon.eir_ad.entry.device_name",
    "btcommon.eir_ad.entry.company_id",
    "btcommon.eir_ad.entry.uuid_16",
    "btcommon.eir_ad.entry.appearance",
    "btle.control_opcode",
    "btatt.opcode",
    "btatt.handle",
    "btatt.uuid16",
    "btatt.value",
    "btatt.req_opcode_in_error",
];

/// The channel of the attribute protocol: volume 3 part A section 2.1.
const ATTRIBUTES: u16 = 4;

#[test]
fn bluetooth_low_energy_agrees_with_tshark() {
    let mut comparison = Comparison::default();
    for capture in captures(&["btle"]) {
        // What the sniffer itself found broken is read by nobody.
        let filter = "btle && !(nordic_ble.crcok == 0)";
        let rows = tshark(&capture, &sound(filter), &FIELDS);
        if rows.is_empty() {
            continue;
        }
        let told = ours_of(&capture);
        for row in rows {
            let frame = row.first().and_then(|values| values.first()).map_or(0, |text| number(text));
            let place = format!("{} {frame}", capture.file_name().unwrap().to_string_lossy());
            comparison.add(&place, told.get(&frame).unwrap_or(&Said::new()), &theirs(&row));
        }
    }
    comparison.finish("ble");
}

/// What we read of each packet, by its number.
fn ours_of(capture: &Path) -> BTreeMap<u64, Said> {
    let (mut told, mut channels) = (BTreeMap::new(), Channels::new());
    let mut file = CaptureFile::open(capture).unwrap();
    while let Ok(Some(frame)) = file.next_frame() {
        told.insert(frame.number, ours(frame.link_type, frame.captured, &mut channels));
    }
    told
}

/// L2CAP messages that are not whole yet, by connection and direction: a packet of the link layer holds 27 bytes, if the two
/// do not agree on more.
type Channels = BTreeMap<(u32, Option<usize>), Vec<u8>>;

fn put(said: &mut Said, field: &'static str, value: impl ToString) {
    said.entry(field).or_default().push(value.to_string());
}

fn address(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

fn ours(link_type: u16, bytes: &[u8], channels: &mut Channels) -> Said {
    let mut said = Said::new();
    let Ok(captured) = Captured::parse(link_type, bytes) else { return said };
    let Ok(packet) = Packet::parse(captured.packet) else { return said };
    if captured.sound == Some(false) {
        return said;
    }
    if packet.access_address == ADVERTISING {
        if let Ok(told) = Advertising::parse(&packet) {
            advertising(&told, &mut said);
        }
        return said;
    }
    let pending =
        channels.entry((packet.access_address, captured.direction.map(Direction::index))).or_default();
    match Data::parse(&packet) {
        Data::Control(opcode, _) => {
            put(&mut said, "control", opcode);
            return said;
        }
        Data::Begin(bytes) => {
            pending.clear();
            pending.extend_from_slice(bytes);
        }
        // What is sent again is empty, or its begin was.
        Data::More(bytes) if !pending.is_empty() => pending.extend_from_slice(bytes),
        _ => return said,
    }
    if let [low, high, channel_low, channel_high, message @ ..] = pending.as_slice()
        && message.len() >= usize::from(u16::from_le_bytes([*low, *high]))
    {
        if u16::from_le_bytes([*channel_low, *channel_high]) == ATTRIBUTES {
            message.first().into_iter().for_each(|opcode| put(&mut said, "attribute opcode", opcode));
            if let Ok(message) = Message::parse(message) {
                attributes(&message, &mut said);
            }
        }
        pending.clear();
    }
    said
}

fn advertising(told: &Advertising<'_>, said: &mut Said) {
    match told {
        Advertising::Offer { advertiser, data, .. } => {
            put(said, "advertiser", address(advertiser.bytes));
            elements(data, |element| match element {
                Element::Name(name, _) => put(said, "name", Label::from_bytes(name)),
                Element::Company(company, _) => put(said, "company", company),
                Element::Appearance(appearance) => put(said, "appearance", appearance),
                Element::Service(uuid) | Element::ServiceData(uuid, _) => {
                    uuid.assigned().into_iter().for_each(|uuid| put(said, "service", uuid));
                }
                Element::Flags(_) => {}
            });
        }
        Advertising::Directed { advertiser, target } => {
            put(said, "advertiser", address(advertiser.bytes));
            put(said, "target", address(target.bytes));
        }
        Advertising::Question { scanner, advertiser } => {
            put(said, "scanner", address(scanner.bytes));
            put(said, "advertiser", address(advertiser.bytes));
        }
        Advertising::Connect { initiator, advertiser, access_address, interval, .. } => {
            put(said, "initiator", address(initiator.bytes));
            put(said, "advertiser", address(advertiser.bytes));
            put(said, "access address", access_address);
            put(said, "interval", interval);
        }
        Advertising::Other => {}
    }
}

/// Handles, types that are asked for or told, and values that are written or told unasked.
fn attributes(message: &Message<'_>, said: &mut Said) {
    let number = |bytes: &[u8]| bytes.first_chunk().map(|chunk| u16::from_le_bytes(*chunk));
    let hexadecimal = |value: &[u8]| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match message {
        Message::Error(request, handle, _) => {
            put(said, "refused", request);
            put(said, "handle", handle);
        }
        Message::Read(handle) | Message::ReadBlob(handle, _) => put(said, "handle", handle),
        Message::Write(handle, value) | Message::Notify(handle, value) => {
            put(said, "handle", handle);
            put(said, "value", hexadecimal(value));
        }
        Message::ReadByType(uuid) | Message::ReadByGroup(uuid) => {
            uuid.assigned().into_iter().for_each(|uuid| put(said, "type", uuid));
        }
        // Declarations of characteristics: of each its own handle, its properties, the handle of its value, its type.
        Message::Typed(length @ (7 | 21), entries) => {
            for entry in entries.chunks_exact(*length) {
                let value = entry.get(3..).and_then(number);
                number(entry).into_iter().chain(value).for_each(|handle| put(said, "handle", handle));
            }
        }
        Message::Typed(length, entries) | Message::Grouped(length, entries) if *length > 0 => {
            let entries = entries.chunks_exact(*length).filter_map(number);
            entries.for_each(|handle| put(said, "handle", handle));
        }
        Message::Information(entries, width) => {
            for entry in entries.chunks_exact(width + 2) {
                number(entry).into_iter().for_each(|handle| put(said, "handle", handle));
            }
        }
        _ => {}
    }
}

fn theirs(row: &[Vec<String>]) -> Said {
    let mut said = Said::new();
    let values = |place: usize| row.get(place).map_or(&[][..], Vec::as_slice);
    for (place, field) in [(1, "advertiser"), (2, "scanner"), (3, "initiator"), (4, "target")] {
        values(place).iter().for_each(|text| put(&mut said, field, text));
    }
    for (place, field) in [
        (5, "access address"),
        (6, "interval"),
        (8, "company"),
        (9, "service"),
        (10, "appearance"),
        (11, "control"),
        (12, "attribute opcode"),
        (16, "refused"),
    ] {
        values(place).iter().for_each(|text| put(&mut said, field, number(text)));
    }
    values(7).iter().for_each(|text| put(&mut said, "name", Label::new(text)));
    let opcode = values(12).first().map_or(0, |text| number(text));
    // tshark also tells of each handle what it was found to be before, and takes ranges apart.
    if matches!(opcode, 0x01 | 0x05 | 0x09 | 0x0a | 0x0c | 0x11 | 0x12 | 0x1b | 0x1d | 0x52) {
        values(13).iter().for_each(|text| put(&mut said, "handle", number(text)));
    }
    if matches!(opcode, 0x12 | 0x1b | 0x1d | 0x52) {
        values(15).iter().for_each(|text| put(&mut said, "value", text));
        // What tshark takes apart it does not also show whole.
        if values(15).is_empty() {
            put(&mut said, "no value", "");
        }
    }
    if matches!(opcode, 0x08 | 0x10) {
        values(14).iter().for_each(|text| put(&mut said, "type", number(text)));
    }
    said
}
