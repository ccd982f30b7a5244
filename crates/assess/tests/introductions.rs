//! What devices say of themselves becomes their record, for stations and for those that another speaks for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{DeviceIdentity, IdentityFact, IdentitySubject, RadioLinkEvent, RadioLinkFact};
use wardline_model::{
    Bounded, Category, Device, DeviceField, Fact, Label, MacAddress, Observation, Protocol, RadioAddress,
    Sighting, Station, Timestamp, Transport,
};

fn introduction(protocol: Protocol, subject: IdentitySubject, model: &str, serial: Option<&str>) -> Fact {
    Fact::Identity(Box::new(IdentityFact {
        protocol,
        subject,
        device: DeviceIdentity {
            model: Some(Label::new(model)),
            serial: serial.map(Label::new),
            firmware: Some(Label::new("8.10")),
            field: Label::new("H-5 sender"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: None,
        role: Some(Label::new("astm sender")),
        attributes: Bounded::new(),
    }))
}

fn station(last: u8) -> Station {
    let mac = MacAddress([0x00, 0x09, 0xfb, 0, 0, last]);
    Station { mac: Some(mac), ip: Some(IpAddr::V4(Ipv4Addr::new(10, 20, 3, last))), ..Station::default() }
}

fn devices(told: Vec<(Station, Fact)>) -> Vec<Device> {
    let mut assessor = Assessor::new(Settings::default());
    for (place, (from, fact)) in told.into_iter().enumerate() {
        let time = Timestamp::from_nanoseconds(1_772_434_800_000_000_000 + place as i64);
        let sighting = Sighting { time, packet: place as u64 + 1, ..Sighting::default() };
        let ip = from.ip.map(|_| Transport::TCP);
        assessor.observe(&Observation {
            sighting,
            from,
            to: Station::default(),
            transport: ip,
            vlan: None,
            fact,
        });
    }
    assessor.devices()
}

#[test]
fn an_analyser_is_known_by_what_it_calls_itself() {
    let fact = introduction(Protocol::Astm, IdentitySubject::Sender, "ARCHITECT", Some("F3453010001"));
    let [device] = &devices(vec![(station(7), fact)])[..] else { panic!("one device") };
    assert_eq!(device.category, Category::LabAnalyzer);
    assert_eq!(device.vendor, Some(Label::new("Abbott")));
    assert_eq!(device.serial, Some(Label::new("F3453010001")));
    assert_eq!(device.firmware, Some(Label::new("8.10")));
    assert!(device.evidence.iter().all(|claim| claim.packet == 1), "each claim names its packet");
}

#[test]
fn a_device_behind_two_gateways_is_one_if_it_has_a_number_and_two_if_it_has_only_a_name() {
    let behind = |serial| introduction(Protocol::Astm, IdentitySubject::Behind, "XN-10", serial);
    let told = devices(vec![
        (station(7), behind(Some("12345"))),
        (station(8), behind(Some("12345"))),
        (station(7), behind(None)),
        (station(8), behind(None)),
    ]);
    let analysers: Vec<_> = told.iter().filter(|device| device.model == Some(Label::new("XN-10"))).collect();
    assert_eq!(analysers.len(), 3, "{told:#?}");
    assert!(analysers.iter().all(|device| device.category == Category::LabAnalyzer && device.ips.is_empty()));
    let gateways = |device: &Device| {
        let through = device.evidence.iter().filter(|claim| claim.source.as_str() == "behind");
        assert!(through.clone().all(|claim| claim.field == DeviceField::Attribute));
        through.count()
    };
    assert_eq!(analysers.iter().map(|device| gateways(device)).collect::<Vec<_>>().iter().sum::<usize>(), 4);
    let gateway = told.iter().find(|device| device.macs.first() == station(7).mac.as_ref()).unwrap();
    assert_eq!((gateway.role[0].as_str(), &gateway.model), ("device gateway", &None));
}

#[test]
fn a_static_radio_address_is_a_device_and_a_private_one_is_nobody() {
    let radio = |address| Station { radio: Some(address), ..Station::default() };
    let fact = || introduction(Protocol::Ble, IdentitySubject::Sender, "Thermometer", None);
    let told = devices(vec![
        (radio(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1])), fact()),
        (radio(RadioAddress::BlePrivate([0x41, 0, 0, 0, 0, 2])), fact()),
        (radio(RadioAddress::BlePrivate([0x41, 0, 0, 0, 0, 3])), fact()),
    ]);
    let [device] = &told[..] else { panic!("{told:#?}") };
    assert_eq!(device.id.to_string(), "d-ble-c10000000001");
}

#[test]
fn a_radio_device_that_is_woken_again_and_again_is_found_and_a_bad_link_is_not() {
    let sensor =
        Station { radio: Some(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1])), ..Station::default() };
    let found = |connections: i64, apart_s: i64| {
        let mut assessor = Assessor::new(Settings::default());
        for number in 0..connections {
            let time = Timestamp::from_seconds(1_772_434_800 + number * apart_s);
            let event = RadioLinkEvent::Connected { interval_us: 30_000 };
            assessor.observe(&Observation {
                sighting: Sighting { time, packet: number as u64 + 1, ..Sighting::default() },
                from: Station { radio: Some(RadioAddress::BlePrivate([0x41; 6])), ..Station::default() },
                to: sensor,
                transport: None,
                vlan: None,
                fact: Fact::RadioLink(RadioLinkFact { protocol: Protocol::Ble, event }),
            });
        }
        let detectors: Vec<_> = assessor.findings().map(|finding| finding.detector.to_string()).collect();
        detectors
    };
    assert_eq!(found(60, 1), ["woken-again-and-again"]);
    assert!(found(60, 3).is_empty(), "twenty a minute");
}
