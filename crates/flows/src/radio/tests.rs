//! Frames of invented devices: advertised, connected, asked, paired, encrypted.

use wardline_model::fact::{PatientField, RadioLinkEvent};
use wardline_model::{Fact, Label, Observation, RadioAddress};
use wardline_wire::radio::ble::link::{ADVERTISING, ADVERTISING_CRC, crc};

use super::*;

const ACCESS: u32 = 0x5065_6da8;
const BEGIN: u32 = 0x12_3456;
/// Least significant byte first: a random static address, and a resolvable private one.
const SENSOR: [u8; 6] = [1, 0, 0, 0, 0, 0xc1];
const TELEPHONE: [u8; 6] = [2, 0, 0, 0, 0, 0x41];

fn packet(access: u32, begin: u32, header: u8, payload: &[u8]) -> Vec<u8> {
    let body = [&[header, payload.len() as u8], payload].concat();
    let check = crc(&body, begin).to_le_bytes();
    [&access.to_le_bytes()[..], &body, &check[..3]].concat()
}

fn advertising(header: u8, payload: &[u8]) -> Vec<u8> {
    packet(ADVERTISING, ADVERTISING_CRC, header, payload)
}

fn data(l2cap_channel: u16, message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u16).to_le_bytes();
    packet(ACCESS, BEGIN, 2, &[&length[..], &l2cap_channel.to_le_bytes(), message].concat())
}

fn connect() -> Vec<u8> {
    let [a, b, c, _] = BEGIN.to_le_bytes();
    let window = [1, 0, 0];
    let rest = [24, 0, 0, 0, 72, 0, 0xff, 0xff, 0xff, 0xff, 0x1f, 5];
    let payload = [&TELEPHONE[..], &SENSOR, &ACCESS.to_le_bytes(), &[a, b, c], &window, &rest].concat();
    advertising(0xc5, &payload)
}

pub(super) fn told(link_type: u16, frames: &[Vec<u8>]) -> (Vec<Observation>, Counters) {
    let (mut radio, mut counters, mut out) = (Radio::default(), Counters::default(), Vec::new());
    for (number, bytes) in (1..).zip(frames) {
        let frame = Frame {
            capture: wardline_model::CaptureId(0),
            number,
            time: wardline_model::Timestamp::from_nanoseconds(number as i64),
            link_type,
            bytes,
            original_length: bytes.len() as u32,
        };
        radio.frame(&frame, &mut counters, &mut out);
    }
    (out, counters)
}

/// A heart rate sensor that is asked for everything while nothing is encrypted.
fn conversation() -> Vec<Vec<u8>> {
    vec![
        advertising(0x40, &[&SENSOR[..], &[2, 1, 6, 3, 3, 0x0d, 0x18, 5, 9], b"Ward"].concat()),
        advertising(0x40, &[&SENSOR[..], &[2, 1, 6, 3, 3, 0x0d, 0x18, 5, 9], b"Ward"].concat()),
        connect(),
        data(4, &[0x10, 1, 0, 0xff, 0xff, 0, 0x28]),
        data(4, &[0x11, 6, 1, 0, 9, 0, 0x0d, 0x18, 10, 0, 20, 0, 0x0a, 0x18]),
        data(4, &[0x08, 1, 0, 0xff, 0xff, 3, 0x28]),
        data(
            4,
            &[
                0x09, 7, 2, 0, 0x10, 3, 0, 0x37, 0x2a, 11, 0, 2, 12, 0, 0x29, 0x2a, 13, 0, 2, 14, 0, 0x25,
                0x2a,
            ],
        ),
        data(4, &[0x0a, 12, 0]),
        data(4, &[&[0x0b][..], b"Acme"].concat()),
        data(4, &[0x0a, 14, 0]),
        data(4, &[&[0x0b][..], b"SN-0001-of-twenty-two."].concat()),
        data(4, &[0x0c, 14, 0, 22, 0]),
        data(4, &[&[0x0d][..], b"and-more"].concat()),
        data(4, &[0x1b, 3, 0, 0, 72]),
        data(4, &[0x1b, 3, 0, 0, 73]),
        data(6, &[1, 4, 0, 0x0d, 16, 7, 7]),
        data(6, &[2, 3, 0, 0x09, 16, 7, 7]),
        packet(ACCESS, BEGIN, 3, &[5]),
        data(4, &[0x1b, 3, 0, 0, 99]),
    ]
}

#[test]
fn a_sensor_is_known_and_what_it_says_in_the_clear_is_told() {
    let (told, counters) = told(251, &conversation());
    let sensor = Some(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1]));
    let telephone = Some(RadioAddress::BlePrivate([0x41, 0, 0, 0, 0, 2]));
    let identities: Vec<_> = told
        .iter()
        .filter_map(|seen| match &seen.fact {
            Fact::Identity(told) => Some((seen, told)),
            _ => None,
        })
        .collect();
    assert!(identities.iter().all(|(seen, _)| seen.from.radio == sensor));
    let (_, offer) = identities[0];
    assert_eq!(offer.name, Some(Label::new("Ward")));
    assert_eq!(offer.description, Some(Label::new("service Heart Rate (0x180d)")));
    let makers: Vec<_> = identities.iter().filter_map(|(_, told)| told.device.manufacturer.clone()).collect();
    assert_eq!(makers, [Label::new("Acme")]);
    let rates: Vec<_> = told
        .iter()
        .filter_map(|seen| match &seen.fact {
            Fact::Measurement(told) => Some((told.code.to_string(), told.value, seen.to.radio)),
            _ => None,
        })
        .collect();
    let rate = |value| ("147842".to_owned(), value, telephone);
    assert_eq!(rates, [rate(72.0), rate(73.0)], "what comes behind the start of encryption is not read");
    let readable: Vec<_> = told.iter().filter(|seen| matches!(seen.fact, Fact::PatientData(_))).collect();
    let [only] = readable[..] else { panic!("told once for a connection") };
    let Fact::PatientData(data) = &only.fact else { panic!() };
    assert!(data.fields.contains(PatientField::Result));
    let schemes: Vec<_> = told
        .iter()
        .filter_map(|seen| match &seen.fact {
            Fact::Protection(told) => Some(told.scheme.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(schemes, ["pairing without a number to compare (Just Works)"]);
    let events: Vec<_> = told
        .iter()
        .filter_map(|seen| if let Fact::RadioLink(link) = seen.fact { Some(link.event) } else { None })
        .collect();
    let paired = RadioLinkEvent::Paired { sound: false };
    assert_eq!(
        events,
        [RadioLinkEvent::Connected { interval_us: 30_000 }, paired, RadioLinkEvent::Encrypted]
    );
    assert!(counters.undecoded().is_empty());
}

#[test]
fn a_serial_number_that_is_read_in_parts_is_told_whole() {
    let (told, _) = told(251, &conversation());
    let serials: Vec<_> = told
        .iter()
        .filter_map(|seen| match &seen.fact {
            Fact::Identity(told) => told.device.serial.clone(),
            _ => None,
        })
        .collect();
    // The next request ends the value.
    assert_eq!(serials, Vec::<Label>::new(), "nobody asked anything further, and the connection did not end");
    let mut frames = conversation();
    frames.insert(13, data(4, &[0x0a, 3, 0]));
    let serials = super::tests::told(251, &frames).0.into_iter().filter_map(|seen| match seen.fact {
        Fact::Identity(told) => told.device.serial.clone(),
        _ => None,
    });
    assert_eq!(serials.collect::<Vec<_>>(), [Label::new("SN-0001-of-twenty-two.and-more")]);
}

/// The same packets behind the header of link type 256: checked, sound, of a connection from the peripheral where they
/// are its answers.
fn with_header(packet: &[u8], flags: u16) -> Vec<u8> {
    [&[0; 8][..], &flags.to_le_bytes(), packet].concat()
}

#[test]
fn what_is_sent_again_on_the_air_counts_once() {
    const SOUND: u16 = 0x0c00;
    let (central, peripheral) = (SOUND | 2 << 7, SOUND | 3 << 7);
    let rate = |header: u8, value: u8| {
        with_header(&packet(ACCESS, BEGIN, header, &[5, 0, 4, 0, 0x1b, 3, 0, 0, value]), peripheral)
    };
    let frames = [
        with_header(&connect(), SOUND),
        with_header(&data(4, &[0x08, 1, 0, 0xff, 0xff, 3, 0x28]), central),
        with_header(&data(4, &[0x09, 7, 2, 0, 0x10, 3, 0, 0x37, 0x2a]), peripheral),
        rate(0x0a, 72),
        rate(0x0a, 72),
        rate(0x02, 72),
    ];
    let (told, _) = told(256, &frames);
    assert_eq!(told.iter().filter(|seen| matches!(seen.fact, Fact::Measurement(_))).count(), 2);
}

#[test]
fn who_writes_to_a_control_point_in_the_clear_gives_an_order() {
    let table = [
        data(4, &[0x08, 1, 0, 0xff, 0xff, 3, 0x28]),
        data(4, &[0x09, 7, 2, 0, 0x08, 3, 0, 0x52, 0x2a]),
        data(4, &[0x12, 3, 0, 2, 1]),
    ];
    let (told, _) = told(251, &[&[connect()][..], &table].concat());
    let order = told.iter().find_map(|seen| match &seen.fact {
        Fact::Control(control) => Some((control.operation, control.authenticated, seen.to.radio)),
        _ => None,
    });
    let sensor = Some(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1]));
    assert_eq!(order, Some((wardline_model::fact::ControlOperation::Erase, false, sensor)));
}

#[test]
fn noise_is_counted_and_not_read() {
    let mut frames = conversation();
    frames.iter_mut().for_each(|frame| frame[8] ^= 0x10);
    let (told, counters) = told(251, &frames);
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(counters.undecoded().get("ble checksum: malformed"), Some(&3));
}

#[test]
fn a_controller_tells_the_same_and_data_of_an_encrypted_link_is_nobodys_to_read() {
    let l2cap = |message: &[u8]| {
        let l2cap = [&(message.len() as u16).to_le_bytes()[..], &[4, 0], message].concat();
        [&[2, 0x40, 0x20][..], &(l2cap.len() as u16).to_le_bytes(), &l2cap].concat()
    };
    let connected = [&[4, 0x3e, 19, 1, 0, 0x40, 0, 0, 1][..], &SENSOR, &[24, 0, 0, 0, 72, 0, 0]].concat();
    let table = [l2cap(&[0x08, 1, 0, 0xff, 0xff, 3, 0x28]), l2cap(&[0x09, 7, 2, 0, 0x10, 3, 0, 0x37, 0x2a])];
    let clear = [&[connected.clone()][..], &table, &[l2cap(&[0x1b, 3, 0, 0, 72])]].concat();
    let kinds = |frames: &[Vec<u8>]| {
        let (told, _) = told(187, frames);
        let measured = told.iter().filter(|seen| matches!(seen.fact, Fact::Measurement(_))).count();
        (measured, told.iter().filter(|seen| matches!(seen.fact, Fact::PatientData(_))).count())
    };
    assert_eq!(kinds(&clear), (1, 1));
    let encryption = vec![4, 8, 4, 0, 0x40, 0, 1];
    let secret = [&[connected, encryption][..], &table, &[l2cap(&[0x1b, 3, 0, 0, 72])]].concat();
    assert_eq!(kinds(&secret), (1, 0));
}

#[test]
fn a_network_of_802_15_4_is_known_by_its_stations() {
    let open = vec![0x41, 0x88, 7, 0x34, 0x12, 0, 0, 0x01, 0x00, 1, 2, 3];
    let secured = vec![0x49, 0x88, 8, 0x34, 0x12, 0, 0, 0x01, 0x00, 1, 2, 3];
    let (told, _) = told(230, &[open.clone(), open, secured]);
    let stations: Vec<_> = told.iter().filter_map(|seen| seen.from.radio).collect();
    let station = RadioAddress::Ieee802154Short { network: 0x1234, address: 1 };
    assert_eq!(stations, [station, station], "once as open, once as secured");
}

proptest::proptest! {
    #[test]
    fn any_frame_of_any_radio_is_answered(bytes: Vec<u8>, kind in 0_usize..8, bent in 0_usize..19, at in 0_usize..40, byte: u8) {
        let link_type = [187, 192, 195, 201, 230, 251, 256, 272][kind];
        let mut frames = conversation();
        if let Some(place) = frames[bent].get_mut(at) {
            *place = byte;
        }
        frames.push(bytes);
        let (told, _) = told(link_type, &frames);
        proptest::prop_assert!(told.len() <= frames.iter().map(Vec::len).sum());
    }
}
