//! Datagrams made by hand from the guide, of an invented monitor and an invented patient.

use proptest::prelude::*;

use super::super::mder::Specification;
use super::*;
use crate::Verdict;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn sized(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// A list of attributes with its count and length.
fn attributes(list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        list.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &sized(value)].concat()).collect();
    [&(list.len() as u16).to_be_bytes()[..], &sized(&items)].concat()
}

/// A String: UTF-16 with an end of zeros.
fn string(text: &str) -> Vec<u8> {
    let letters: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
    sized(&letters)
}

/// A remote operation of a kind, with its command.
fn operation(kind: u16, command: u16, content: &[u8]) -> Vec<u8> {
    let linked: &[u8] = if kind == 5 { &[1, 1] } else { &[] };
    let body = [linked, &[0, 7], &command.to_be_bytes(), &sized(content)].concat();
    [&kind.to_be_bytes()[..], &sized(&body)].concat()
}

fn export(kind: u16, command: u16, content: &[u8]) -> Vec<u8> {
    [&hex("e100 0002")[..], &operation(kind, command, content)].concat()
}

fn system() -> Vec<(u16, Vec<u8>)> {
    let entries = "0004 0000 0001 0008 0006 444530303031 0003 0008 0003 422e30 0004 0058 0007 472e30312e3738 0001 0058 0006 585858585858";
    let entries = hex(entries);
    let specification = [&entries[..2], &sized(&entries[4..])].concat();
    vec![
        (0x0928, [sized(b"Philips\0"), sized(b"M8007A\0")].concat()),
        (0x0984, sized(&hex("0009fb000001"))),
        (0xf100, hex("0009fb000001 c0000207 ffffff00")),
        (0xf101, hex("0002 0010 0001 0001 5e29 0000 0005 0001 5e29 0000")),
        (0x091e, string("ICU-7")),
        (0x0946, hex("4000")),
        (0x092d, specification),
    ]
}

fn event(kind: u16, info: &[u8]) -> Vec<u8> {
    [&hex("0023 0000 0000 00d6d400")[..], &kind.to_be_bytes(), &sized(info)].concat()
}

fn indication() -> Vec<u8> {
    let body = operation(1, 0, &event(3_351, &attributes(&system())));
    [&hex("0000 0100")[..], &body].concat()
}

/// An answer to a poll of the objects of a class: one context, one object.
fn polled(kind: u16, class: u16, list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let object = [&hex("0050")[..], &attributes(list)].concat();
    let context = [&hex("0000 0001")[..], &sized(&object)].concat();
    let contexts = [&hex("0001")[..], &sized(&context)].concat();
    let reply =
        [&hex("0007 00d6d400 2026030206070800 0001")[..], &class.to_be_bytes(), &hex("0000"), &contexts]
            .concat();
    export(kind, 7, &[&hex("0021 0000 0000 0c16")[..], &sized(&reply)].concat())
}

fn body(datagram: &[u8]) -> Body<'_> {
    assert_eq!(probe(datagram), Verdict::Certain);
    match Message::parse(datagram).unwrap() {
        Message::Export(Operation::Polled(body)) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_monitor_announces_itself() {
    let datagram = indication();
    assert_eq!(probe(&datagram), Verdict::Certain);
    let Ok(Message::ConnectIndication(mut list)) = Message::parse(&datagram) else { panic!() };
    let monitor = monitor(&mut list);
    assert_eq!(monitor.manufacturer, Some(&b"Philips\0"[..]));
    assert_eq!(monitor.model, Some(&b"M8007A\0"[..]));
    assert_eq!(monitor.address, Some(([0, 9, 0xfb, 0, 0, 1], [192, 0, 2, 7])));
    assert_eq!(monitor.ports[1], Port { application: 5, transport: 1, port: 24_105 });
    assert_eq!(monitor.bed.as_deref(), Some("ICU-7"));
    // Of the monitor rather than of a module, whichever stands first.
    assert_eq!(monitor.specified(Specification::Serial), Some(&b"DE0001"[..]));
    assert_eq!(monitor.specified(Specification::Software), Some(&b"G.01.78"[..]));
    assert_eq!(monitor.specified(Specification::Part), None);
}

#[test]
fn a_created_system_says_the_same() {
    let info = [&hex("0021 0000 0000")[..], &attributes(&system())].concat();
    let datagram = export(1, 1, &event(3_334, &info));
    assert_eq!(probe(&datagram), Verdict::Certain);
    let Ok(Message::Export(Operation::Create(mut list))) = Message::parse(&datagram) else { panic!() };
    assert_eq!(monitor(&mut list).system_id, Some(&[0, 9, 0xfb, 0, 0, 1][..]));
}

#[test]
fn numbers_are_told_and_what_is_none_is_not() {
    let datagram = polled(
        5,
        6,
        &[
            (0x0950, hex("4182 0000 0aa0 00000048")),
            (0x0950, hex("4bb8 2000 0220 00000061")),
            (0x0950, hex("4bb8 0000 0220 007fffff")),
            // Arterial pressure: systolic, diastolic, mean.
            (
                0x094b,
                hex("0003 001e 4a15 0000 0f20 00000078 4a16 0002 0f20 00000050 4a17 0000 0f20 0000005d"),
            ),
        ],
    );
    let mut told = Vec::new();
    let body = body(&datagram);
    assert_eq!(Polled::of(body.class), Polled::Numerics);
    numerics(&body, &mut |number| told.push((number.code, number.value, number.unit.into_owned()))).unwrap();
    let expected = [
        (147_842, 72.0, "/min"),
        (150_037, 120.0, "mm[Hg]"),
        (150_038, 80.0, "mm[Hg]"),
        (150_039, 93.0, "mm[Hg]"),
    ];
    assert_eq!(told, expected.map(|(code, value, unit)| (code, value, unit.to_owned())));
}

#[test]
fn alarms_are_told_with_their_state() {
    let entry = "4182 0002 0400 2000 0036 0000 0001 0204 000a 0001 00000000 0000 0000";
    let technical = "4bb8 0042 0001 0000 0036 0000 0002 0201 000a 0001 00000000 0000 0000";
    let list = |entry: &str| [&hex("0001")[..], &sized(&hex(entry))].concat();
    let datagram = polled(2, 54, &[(0x0902, list(entry)), (0x0904, list(technical))]);
    let mut told = Vec::new();
    alarms(&body(&datagram), &mut |alarm| told.push(alarm)).unwrap();
    let first = Alarm {
        kind: AlarmKind::Patient,
        source: 0x4182,
        code: 196_610,
        priority: 0x0400,
        state: Alarm::LATCHED,
    };
    assert_eq!(told[0], first);
    assert_eq!((told[1].kind, told[1].priority, told.len()), (AlarmKind::Technical, 1, 2));
}

#[test]
fn demographics_are_sensitive_from_here_on() {
    let datagram = polled(
        2,
        42,
        &[
            (0x0957, hex("0002")),
            (0x095a, string("0047")),
            (0x095c, string("Müster")),
            (0x095d, string("")),
            (0x0958, hex("1970 0220 00000000")),
            (0x0961, hex("0002")),
        ],
    );
    let patient = demographics(&body(&datagram)).unwrap();
    let shown = |text: Option<crate::Sensitive<String>>| text.map(crate::Sensitive::expose);
    assert_eq!(shown(patient.identifier).as_deref(), Some("0047"));
    assert_eq!(shown(patient.family).as_deref(), Some("Müster"));
    assert_eq!(shown(patient.given), None);
    assert_eq!(shown(patient.birth_date).as_deref(), Some("19700220"));
    assert_eq!((patient.sex, patient.state, patient.notes), (true, Some(2), false));
}

#[test]
fn a_computer_polls_and_sets() {
    let poll = export(1, 7, &hex("0021 0000 0000 00000000 0c16 0008 0007 0001 0006 0803"));
    assert!(matches!(Message::parse(&poll), Ok(Message::Export(Operation::Poll(6)))));
    let set = export(1, 5, &hex("0021 0000 0000 00000000 0000 0000"));
    assert!(matches!(Message::parse(&set), Ok(Message::Export(Operation::Set))));
}

#[test]
fn associations_are_recognised_by_their_session_data() {
    let data = hex("0508130100160102800014020002 c104 61803080");
    let request = [&[0x0d, data.len() as u8][..], &data].concat();
    assert_eq!(probe(&request), Verdict::Certain);
    assert!(matches!(Message::parse(&request), Ok(Message::AssociationRequest)));
    let long = [&hex("0eff")[..], &sized(&data)].concat();
    assert_eq!(probe(&long), Verdict::Certain);
    assert_eq!(probe(&request[..request.len() - 1]), Verdict::NotMine);
    let release = hex("0918 c116 6180 3080 020101 a080 6280 800100 0000 0000 0000 0000");
    assert_eq!(probe(&release), Verdict::Certain);
    assert!(matches!(Message::parse(&release), Ok(Message::Release)));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(
        bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        which in 0_usize..3,
        noise: Vec<u8>,
    ) {
        let numbers = polled(5, 6, &[(0x0950, hex("4182 0000 0aa0 00000048"))]);
        let mut datagram = vec![indication(), numbers, noise].swap_remove(which);
        for (place, byte) in bends {
            if !datagram.is_empty() {
                *place.get_mut(&mut datagram) = byte;
            }
        }
        let _ = probe(&datagram);
        match Message::parse(&datagram) {
            Ok(Message::ConnectIndication(mut list) | Message::Export(Operation::Create(mut list))) => {
                let _ = monitor(&mut list);
            }
            Ok(Message::Export(Operation::Polled(body))) => {
                let mut told = 0;
                let _ = numerics(&body, &mut |_| told += 1);
                let _ = alarms(&body, &mut |_| told += 1);
                let _ = demographics(&body);
                prop_assert!(told <= datagram.len());
            }
            _ => {}
        }
    }
}
