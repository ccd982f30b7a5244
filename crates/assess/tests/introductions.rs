//! What devices say of themselves becomes their record, for stations and for those that another speaks for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    DeviceIdentity, DnsFact, DnsQuestion, Hl7Fact, IdentityFact, IdentitySubject, RadioLinkEvent,
    RadioLinkFact,
};
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

/// What arrives at a plain TCP port of a device server is said by what is at its lines.
#[test]
fn analysers_and_monitors_at_the_lines_of_a_device_server_are_devices_of_their_own() {
    // Moxa's number, by IEEE.
    let server = Station { mac: Some(MacAddress([0x00, 0x90, 0xe8, 0, 0, 7])), ..station(7) };
    let hl7 = Fact::Hl7(Box::new(Hl7Fact {
        sending_application: Some(Label::new("MONITOR-4")),
        message: Label::new("ORU"),
        ..Hl7Fact::default()
    }));
    let sender = |model, serial| introduction(Protocol::Astm, IdentitySubject::Sender, model, serial);
    let told = devices(vec![
        (server, sender("XN-10", Some("12345"))),
        (server, sender("ARCHITECT", Some("F3453010001"))),
        (server, hl7),
        // The same words from another station are its own.
        (station(8), sender("XN-10", Some("99999"))),
    ]);
    let gateway = told.iter().find(|device| device.macs.first() == server.mac.as_ref()).unwrap();
    assert!(gateway.role.iter().any(|role| role.as_str() == "serial device server"), "{gateway:#?}");
    assert_eq!((&gateway.model, &gateway.serial), (&None, &None));
    let behind: Vec<_> = told
        .iter()
        .filter(|device| device.evidence.iter().any(|claim| claim.source.as_str() == "behind"))
        .collect();
    assert_eq!(behind.len(), 3, "{told:#?}");
    let through = Label::new(&gateway.id.to_string());
    for device in &behind {
        let claim = device.evidence.iter().find(|claim| claim.source.as_str() == "behind").unwrap();
        assert_eq!(claim.value, through);
    }
    let analysers = behind.iter().filter(|device| device.category == Category::LabAnalyzer);
    assert_eq!(analysers.count(), 2);
    assert!(behind.iter().any(|device| device.hostnames.contains(&Label::new("MONITOR-4"))));
    let own = told.iter().find(|device| device.macs.first() == station(8).mac.as_ref()).unwrap();
    assert_eq!(own.model, Some(Label::new("XN-10")));
}

/// A question for the address of a host.
fn question(name: &str) -> Fact {
    let asked = DnsQuestion { name: Label::new(name), record_type: 1 };
    Fact::Dns(Box::new(DnsFact {
        protocol: Protocol::Dns,
        response: false,
        opcode: 0,
        response_code: 0,
        questions: [asked].into_iter().collect(),
        answers: Bounded::new(),
    }))
}

/// The first octets are those of D-Link, of Hi-Flying (a maker of modules), of Apple, and made up.
#[test]
fn servers_of_a_maker_tell_what_it_built_and_not_whose_telephone_has_its_program() {
    let category = |octets: [u8; 3], name: &str| {
        let [a, b, c] = octets;
        let from = Station { mac: Some(MacAddress([a, b, c, 0, 0, 9])), ..station(9) };
        let told = devices(vec![(from, question(name))]);
        let device = told.iter().find(|device| device.macs.first() == from.mac.as_ref()).unwrap();
        (device.category, device.vendor.clone())
    };
    let dlink = [0x1c, 0x5f, 0x2b];
    assert_eq!(
        category(dlink, "api.dch.dlink.com"),
        (Category::BuildingAutomation, Some(Label::new("D-Link")))
    );
    assert_eq!(category(dlink, "api.dch.dlink.com.example").0, Category::Unknown);
    assert_eq!(category([0xac, 0xcf, 0x23], "a.yunext.com"), (Category::BuildingAutomation, None));
    assert_eq!(
        category([0xc4, 0x61, 0x8b], "api.dch.dlink.com"),
        (Category::Unknown, Some(Label::new("Apple")))
    );
    assert_eq!(category([0x02, 0, 0x5e], "api.dch.dlink.com"), (Category::Unknown, None));
    // Only telephones on desks ask for their settings there.
    assert_eq!(category([0x02, 0, 0x5e], "rps.yealink.com").0, Category::Phone);
}

#[test]
fn whoever_is_asked_for_names_asks_for_others() {
    let mut assessor = Assessor::new(Settings::default());
    let resolver = Station { mac: Some(MacAddress([0x1c, 0x5f, 0x2b, 0, 0, 1])), ..station(1) };
    let mut ask = |from: Station, to: Station, packet| {
        assessor.observe(&Observation {
            sighting: Sighting { packet, ..Sighting::default() },
            from,
            to,
            transport: Some(Transport::UDP),
            vlan: None,
            fact: question("api.dch.dlink.com"),
        });
    };
    // It is known, is asked, and asks on.
    ask(resolver, Station::default(), 1);
    ask(station(8), resolver, 2);
    let known = |assessor: &Assessor| {
        let devices = assessor.devices();
        let device = devices.iter().find(|device| device.macs.first() == resolver.mac.as_ref()).unwrap();
        device.evidence.iter().filter(|claim| claim.field == DeviceField::Category).count()
    };
    let before = known(&assessor);
    let asked = Observation {
        sighting: Sighting { packet: 3, ..Sighting::default() },
        from: resolver,
        to: Station::default(),
        transport: Some(Transport::UDP),
        vlan: None,
        fact: question("rps.yealink.com"),
    };
    assessor.observe(&asked);
    assert_eq!(known(&assessor), before);
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
