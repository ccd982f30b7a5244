//! A day of one ward: who a device is does not flap when addresses are given anew, when stations roam and make up link
//! addresses, and when one device takes another's place.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    DeviceIdentity, DhcpFact, DhcpMessage, DicomCommandKind, DicomDataset, DicomFact, IdentityFact,
    IdentitySubject, StackTraits,
};
use wardline_model::{
    Bounded, Category, Device, DeviceField, DeviceId, Fact, KnownDevice, Label, MacAddress, MismatchKind,
    Observation, Protocol, Sighting, Site, Station, Timestamp, Transport,
};

const START_SECONDS: i64 = 1_795_478_400;
const SERVER: (MacAddress, Ipv4Addr) = (MacAddress([0, 0x50, 0x56, 0, 0, 1]), Ipv4Addr::new(10, 1, 0, 1));

/// Observations in the making, at minutes of the day.
struct Day {
    assessor: Assessor,
    packet: u64,
    /// What each device was called, in the order in which that changed.
    categories: BTreeMap<DeviceId, Vec<Category>>,
}

fn mac(last: u8) -> MacAddress {
    // A block of Philips' patient monitors.
    MacAddress([0, 0x09, 0xfb, 0, 0, last])
}

/// A link address that a station made up.
fn made_up(number: u8) -> MacAddress {
    MacAddress([0x02 | number << 2, number, 1, 2, 3, number])
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 1, 0, last)
}

impl Day {
    fn new(site: Site) -> Self {
        let assessor = Assessor::new(Settings { site, ..Settings::default() });
        Self { assessor, packet: 0, categories: BTreeMap::new() }
    }

    fn tell(&mut self, minute: i64, from: Station, to: Station, transport: Option<Transport>, fact: Fact) {
        self.packet += 1;
        let time = Timestamp::from_seconds(START_SECONDS + minute * 60);
        let sighting = Sighting { time, packet: self.packet, ..Sighting::default() };
        self.assessor.observe(&Observation { sighting, from, to, transport, vlan: None, fact });
        for device in self.assessor.drain().devices {
            let seen = self.categories.entry(device.id).or_default();
            if seen.last() != Some(&device.category) {
                seen.push(device.category);
            }
        }
    }

    /// A request and its lease.
    fn lease(
        &mut self,
        minute: i64,
        mac: MacAddress,
        ip: Ipv4Addr,
        name: Option<&str>,
        identifier: Option<&str>,
    ) {
        let fact = |message, your_ip| DhcpFact {
            message,
            client_mac: mac,
            client_ip: None,
            your_ip,
            requested_ip: None,
            server: None,
            relay: None,
            host_name: name.map(Label::new),
            domain_name: None,
            vendor_class: None,
            user_class: None,
            client_identifier: identifier.map(Label::new),
            parameters: Bounded::new(),
            options: Bounded::new(),
            lease_s: Some(3600),
            routers: Bounded::new(),
            name_servers: Bounded::new(),
            mud_url: None,
        };
        let client =
            Station { mac: Some(mac), ip: Some(Ipv4Addr::UNSPECIFIED.into()), port: 68, radio: None };
        let broadcast = Station {
            mac: Some(MacAddress::BROADCAST),
            ip: Some(Ipv4Addr::BROADCAST.into()),
            port: 67,
            radio: None,
        };
        let server = Station { mac: Some(SERVER.0), ip: Some(SERVER.1.into()), port: 67, radio: None };
        let to = Station { mac: Some(mac), ip: Some(ip.into()), port: 68, radio: None };
        self.tell(
            minute,
            client,
            broadcast,
            Some(Transport::UDP),
            Fact::Dhcp(Box::new(fact(DhcpMessage::Request, None))),
        );
        self.tell(
            minute,
            server,
            to,
            Some(Transport::UDP),
            Fact::Dhcp(Box::new(fact(DhcpMessage::Ack, Some(ip)))),
        );
    }

    /// A device says who it is, in a conversation with the server.
    fn introduce(&mut self, minute: i64, mac: MacAddress, ip: Ipv4Addr, model: &str, serial: &str) {
        let from = Station { mac: Some(mac), ip: Some(IpAddr::V4(ip)), port: 24_105, radio: None };
        let to = Station { mac: Some(SERVER.0), ip: Some(SERVER.1.into()), port: 24_105, radio: None };
        let traits = StackTraits { time_to_live: 64, ..StackTraits::default() };
        self.tell(minute, from, to, Some(Transport::UDP), Fact::ConversationStarted(traits));
        let fact = identity(IdentitySubject::Sender, "Philips", model, serial);
        self.tell(minute, from, to, Some(Transport::UDP), Fact::Identity(Box::new(fact)));
    }

    fn devices(&self) -> Vec<Device> {
        self.assessor.devices()
    }

    fn device(&self, mac: MacAddress) -> Device {
        self.devices().into_iter().find(|device| device.macs.contains(&mac)).unwrap()
    }
}

fn identity(subject: IdentitySubject, maker: &str, model: &str, serial: &str) -> IdentityFact {
    IdentityFact {
        protocol: Protocol::IntellivueDataExport,
        subject,
        device: DeviceIdentity {
            manufacturer: Some(Label::new(maker)),
            model: Some(Label::new(model)),
            serial: Some(Label::new(serial)),
            field: Label::new("system model"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: None,
        role: None,
        attributes: Bounded::new(),
    }
}

#[test]
fn a_day_of_new_addresses_changes_no_device() {
    let mut day = Day::new(Site::default());
    // Four monitors; each gets another address every two hours, and each hour they say who they are.
    for hour in 0..24_u8 {
        for monitor in 0..4_u8 {
            let address = ip(20 + (monitor + hour / 2) % 12);
            let minute = i64::from(hour) * 60 + i64::from(monitor);
            day.lease(minute, mac(monitor), address, Some(&format!("bed-monitor-{monitor}")), None);
            day.introduce(minute + 1, mac(monitor), address, "IntelliVue MX800", &format!("DE4711{monitor}"));
        }
    }
    for monitor in 0..4_u8 {
        let device = day.device(mac(monitor));
        assert_eq!(device.category, Category::PatientMonitor);
        assert_eq!(
            device.ips.first(),
            Some(&ip(20 + (monitor + 11) % 12).into()),
            "the newest address first"
        );
        // Unknown until it spoke, then what it is: one change.
        assert!(day.categories[&device.id].len() <= 2, "{:?}", day.categories[&device.id]);
        assert!(device.mismatches.is_empty(), "{:?}", device.mismatches);
    }
    // The monitors and the server, and nobody for any of the addresses.
    assert_eq!(day.devices().len(), 5);
}

#[test]
fn a_tablet_that_makes_up_addresses_is_one_device() {
    let mut day = Day::new(Site::default());
    // Six link addresses in a day, four hours each; two tablets, one known again by identifier, one by name.
    for turn in 0..6_u8 {
        for step in 0..8_i64 {
            let minute = i64::from(turn) * 240 + step * 25;
            day.lease(minute, made_up(turn), ip(40 + turn), None, Some("000100012a3b4c5d02aabbccddee"));
            day.lease(minute + 1, made_up(20 + turn), ip(60 + turn), Some("ward-tablet-07"), None);
        }
    }
    let devices = day.devices();
    assert_eq!(devices.len(), 3, "two tablets and the server");
    for first in [made_up(0), made_up(20)] {
        let device = day.device(first);
        assert_eq!(device.macs.len(), 6);
        assert_eq!(device.macs.first(), Some(&first), "the identifier is that of the first address");
        assert!(device.evidence.iter().all(|claim| claim.confidence < 1.0));
    }
}

#[test]
fn two_with_the_same_name_at_the_same_time_stay_two() {
    let mut day = Day::new(Site::default());
    for step in 0..8_i64 {
        day.lease(step * 10, made_up(1), ip(41), Some("ward-tablet-07"), None);
        day.lease(step * 10 + 1, made_up(2), ip(42), Some("ward-tablet-07"), None);
    }
    assert_ne!(day.device(made_up(1)).id, day.device(made_up(2)).id);
    // The name says nothing any more, also to a third.
    day.lease(600, made_up(3), ip(43), Some("ward-tablet-07"), None);
    assert_eq!(day.device(made_up(3)).macs.len(), 1);
}

#[test]
fn a_swapped_device_is_another_one() {
    let mut day = Day::new(Site::default());
    for hour in 0..12_i64 {
        day.lease(hour * 60, mac(1), ip(21), Some("bed-monitor-1"), None);
        day.introduce(hour * 60 + 1, mac(1), ip(21), "IntelliVue MX800", "DE47111");
    }
    // Service brings another; name and address stay with the bed.
    for hour in 12..24_i64 {
        day.lease(hour * 60, mac(9), ip(21), Some("bed-monitor-1"), None);
        day.introduce(hour * 60 + 1, mac(9), ip(21), "IntelliVue MX800", "DE47119");
    }
    let (before, after) = (day.device(mac(1)), day.device(mac(9)));
    assert_ne!(before.id, after.id);
    assert_eq!(after.serial.unwrap().as_str(), "DE47119");
    assert_eq!(after.ips, [IpAddr::from(ip(21))]);
    assert!(before.ips.is_empty(), "an address belongs to one device: {:?}", before.ips);
}

#[test]
fn one_serial_number_at_two_places_is_told() {
    let mut day = Day::new(Site::default());
    for step in 0..4_i64 {
        day.introduce(step * 10, mac(1), ip(21), "IntelliVue MX800", "DE47111");
        day.introduce(step * 10 + 1, mac(2), ip(22), "IntelliVue MX800", "DE47111");
    }
    let (one, other) = (day.device(mac(1)), day.device(mac(2)));
    for (device, elsewhere) in [(&one, &other), (&other, &one)] {
        let told: Vec<_> = device.mismatches.iter().map(|told| (told.kind, told.source.as_str())).collect();
        assert_eq!(told, [(MismatchKind::TwoPlaces, elsewhere.id.to_string().as_str())]);
    }
}

#[test]
fn a_device_behind_a_gateway_is_its_own_whoever_tells() {
    let mut day = Day::new(Site::default());
    for (gateway, minute) in [(1, 0), (1, 30), (2, 600)] {
        let from =
            Station { mac: Some(mac(gateway)), ip: Some(ip(20 + gateway).into()), port: 4000, radio: None };
        let to = Station { mac: Some(SERVER.0), ip: Some(SERVER.1.into()), port: 4000, radio: None };
        let fact = identity(IdentitySubject::Behind, "Dräger", "Infinity Delta", "ASHC0042");
        day.tell(minute, from, to, Some(Transport::TCP), Fact::Identity(Box::new(fact)));
    }
    let behind: Vec<_> =
        day.devices().into_iter().filter(|device| device.id.to_string().starts_with("d-of-")).collect();
    let [device] = &behind[..] else { panic!("{behind:?}") };
    assert_eq!(device.vendor, Some(Label::new("Dräger")));
    let via: BTreeSet<_> = device
        .evidence
        .iter()
        .filter(|claim| claim.source.as_str() == "behind")
        .map(|claim| claim.value.to_string())
        .collect();
    assert_eq!(via, BTreeSet::from([day.device(mac(1)).id.to_string(), day.device(mac(2)).id.to_string()]));
    // Once it is seen itself, it is that device.
    day.introduce(700, mac(7), ip(27), "Infinity Delta", "ASHC0042");
    assert!(day.devices().iter().any(|device| device.macs.contains(&mac(7))));
}

#[test]
fn the_same_address_that_becomes_something_else_is_told() {
    let mut day = Day::new(Site::default());
    day.introduce(0, mac(1), ip(21), "IntelliVue MX800", "DE47111");
    let from = Station { mac: Some(mac(1)), ip: Some(ip(21).into()), port: 9100, radio: None };
    let to = Station { mac: Some(SERVER.0), ip: Some(SERVER.1.into()), port: 9100, radio: None };
    for (minute, model) in [(300, "LaserJet M607"), (310, "HP LaserJet M608"), (320, "LaserJet MFP M725")] {
        let mut fact = identity(IdentitySubject::Sender, "Hewlett Packard", model, "X");
        fact.protocol = Protocol::Ipp;
        fact.role = Some(Label::new("ipp printer"));
        fact.description = Some(Label::new(model));
        day.tell(minute, from, to, Some(Transport::TCP), Fact::Identity(Box::new(fact)));
    }
    let device = day.device(mac(1));
    assert_eq!(device.category, Category::PatientMonitor, "whoever takes its address does not become it");
    let told = device.mismatches.iter().find(|told| told.kind == MismatchKind::ClassChanged).unwrap();
    assert_eq!(told.expected.as_ref().unwrap().as_str(), "patient-monitor");
    assert!(day.categories[&device.id].len() <= 2, "{:?}", day.categories[&device.id]);
}

#[test]
fn a_list_is_laid_beside_the_wire() {
    let record = |mac, model: &str, line: &str| KnownDevice {
        mac: Some(mac),
        vendor: Some(Label::new("Philips Healthcare")),
        model: Some(Label::new(model)),
        location: Some(Label::new("ICU 3")),
        listed: Some(Label::new(line)),
        ..KnownDevice::default()
    };
    let site = Site {
        devices: vec![
            record(mac(1), "IntelliVue MX450", "cmms.csv, line 2"),
            record(mac(2), "IntelliVue MX800", "cmms.csv, line 3"),
            record(mac(3), "IntelliVue MX800", "cmms.csv, line 4"),
        ],
        ..Site::default()
    };
    let mut day = Day::new(site);
    day.introduce(0, mac(1), ip(21), "IntelliVue MX800", "DE47111");
    day.introduce(1, mac(2), ip(22), "IntelliVue MX800", "DE47112");
    day.introduce(2, mac(8), ip(28), "IntelliVue MX800", "DE47118");
    let contradicted = day.device(mac(1));
    let [told] = &contradicted.mismatches[..] else { panic!("{:?}", contradicted.mismatches) };
    assert_eq!((told.kind, told.field), (MismatchKind::Record, DeviceField::Model));
    assert_eq!(told.source.as_str(), "cmms.csv, line 2");
    assert_eq!(contradicted.model.as_ref().unwrap().as_str(), "IntelliVue MX800", "the wire stands");
    assert!(day.device(mac(2)).mismatches.is_empty());
    assert!(day.device(mac(8)).mismatches.iter().any(|told| told.kind == MismatchKind::NotListed));
    let lists = day.assessor.inventory_comparison().unwrap();
    assert_eq!((lists.listed, lists.seen, lists.contradicting), (3, 2, 1));
    assert_eq!(lists.never_seen, [Label::new("cmms.csv, line 4")]);
}

#[test]
fn a_client_of_dhcp_has_the_maker_of_its_link_address() {
    let mut day = Day::new(Site::default());
    day.lease(0, mac(7), ip(7), Some("bed-7"), None);
    let device = day.device(mac(7));
    assert_eq!(device.vendor, Some(Label::new("Philips")));
    assert!(device.evidence.iter().any(|claim| claim.source.as_str() == "eth.src.oui"), "{device:#?}");
}

#[test]
fn what_modalities_of_two_kinds_store_with_is_an_archive() {
    let station = |last| Station { mac: Some(mac(last)), ip: Some(ip(last).into()), port: 104, radio: None };
    let mut day = Day::new(Site::default());
    let mut store = |minute, from, modality| {
        let dataset = DicomDataset {
            command: Some(DicomCommandKind::CStore),
            response: false,
            modality: Some(Label::new(modality)),
            device: DeviceIdentity::default(),
            institution: None,
            patient: None,
            accession: None,
            study: None,
            executable: false,
            query_keys: 0,
            query_open: false,
        };
        let provider = station(9);
        let heard = Fact::ConversationStarted(StackTraits::default());
        day.tell(minute, provider, station(from), Some(Transport::TCP), heard);
        let fact = Fact::Dicom(Box::new(DicomFact::Dataset(Box::new(dataset))));
        day.tell(minute, station(from), provider, Some(Transport::TCP), fact);
        day.device(mac(9)).role.iter().any(|role| role.as_str().ends_with("of several modalities"))
    };
    assert!(!store(0, 1, "CT"));
    // Structured reports of the same scanner, and another scanner of its kind.
    assert!(!store(1, 1, "SR"));
    assert!(!store(2, 2, "CT"));
    assert!(store(3, 3, "MR"));
}

#[test]
fn a_device_that_goes_on_is_told_again_after_five_minutes() {
    let mut day = Day::new(Site::default());
    let station = Station { mac: Some(mac(7)), ip: Some(ip(7).into()), port: 1_024, radio: None };
    let mut told = Vec::new();
    for minute in 0..12 {
        let time = Timestamp::from_seconds(START_SECONDS + minute * 60);
        let sighting = Sighting { time, packet: minute as u64 + 1, ..Sighting::default() };
        let fact = Fact::StationSeen;
        day.assessor.observe(&Observation {
            sighting,
            from: station,
            to: Station::default(),
            transport: None,
            vlan: None,
            fact,
        });
        let devices = day.assessor.drain().devices;
        if let [device] = &devices[..] {
            assert_eq!(device.last_seen, time);
            told.push(minute);
        }
    }
    assert_eq!(told, [0, 5, 10]);
}
