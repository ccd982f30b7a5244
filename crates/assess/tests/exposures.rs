//! Every kind of exposure of the contract, each from what devices were seen to do; and what must not be one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings, default_credentials};
use wardline_model::fact::{
    ControlFact, ControlOperation, Conversation, CredentialFact, CredentialKind, DeviceIdentity,
    IdentityFact, IdentitySubject, LinkAdvertisement, NtlmFact, PatientDataFact, PatientField, PatientFields,
    TlsClientHello, TlsFact, TlsServerHello,
};
use wardline_model::{
    Bounded, Category, Exposure, ExposureKind, Fact, KnownDevice, Label, MacAddress, Observation, Protocol,
    Pseudonym, PseudonymKey, Sighting, Site, Station, Subject, Timestamp, Transport,
};

const KEY: [u8; 32] = [7; 32];
/// Devices of an invented ward: monitors from 1 on, pumps from 11 on, computers from 21 on.
const NETWORK: [u8; 3] = [10, 20, 3];

fn address(last: u8) -> MacAddress {
    MacAddress([0x00, 0x09, 0xfb, 0, 0, last])
}

fn station(last: u8) -> Station {
    let [a, b, c] = NETWORK;
    Station {
        mac: Some(address(last)),
        ip: Some(IpAddr::V4(Ipv4Addr::new(a, b, c, last))),
        ..Station::default()
    }
}

/// Somebody on the internet, behind a router without a link address of his own.
fn outside() -> Station {
    Station { ip: Some(IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))), port: 443, ..Station::default() }
}

fn everybody() -> Station {
    Station {
        mac: Some(MacAddress([0xff; 6])),
        ip: Some(IpAddr::V4(Ipv4Addr::BROADCAST)),
        ..Station::default()
    }
}

fn secret(subject: Subject, text: &str) -> Pseudonym {
    PseudonymKey::new(KEY).pseudonym(subject, text.as_bytes())
}

fn exposures(told: Vec<(Station, Station, Fact)>) -> Vec<Exposure> {
    let known = |last: u8, category: Category, vendor: &str| KnownDevice {
        mac: Some(address(last)),
        category: Some(category),
        vendor: Some(Label::new(vendor)),
        ..KnownDevice::default()
    };
    let devices = (1..=3)
        .map(|last| known(last, Category::PatientMonitor, "Philips"))
        .chain((11..=13).map(|last| known(last, Category::InfusionPump, "Baxter")))
        .chain((21..=23).map(|last| known(last, Category::Workstation, "Dell")))
        .collect();
    let mut assessor = Assessor::new(Settings {
        site: Site { devices, ..Site::default() },
        default_credentials: default_credentials(&PseudonymKey::new(KEY)),
        ..Settings::default()
    });
    let mut time = Timestamp::from_nanoseconds(1_772_434_800_000_000_000);
    for (place, (from, to, fact)) in told.into_iter().enumerate() {
        time = Timestamp::from_nanoseconds(time.nanoseconds() + 1_000_000_000);
        let sighting = Sighting { time, packet: place as u64 + 1, ..Sighting::default() };
        let transport = Some(Transport::TCP);
        assessor.observe(&Observation { sighting, from, to, transport, vlan: None, fact });
    }
    assessor.finish(time);
    assessor.exposures().cloned().collect()
}

fn kinds(told: Vec<(Station, Station, Fact)>) -> BTreeSet<ExposureKind> {
    exposures(told).iter().map(|exposure| exposure.kind).collect()
}

fn ended(application: Protocol, encrypted: bool) -> Fact {
    Fact::ConversationEnded(Box::new(Conversation {
        start: Timestamp::default(),
        end: Timestamp::default(),
        first_packet: 1,
        packets: [9, 9],
        bytes: [900, 900],
        application: Some(application),
        encrypted: Some(encrypted),
        tcp: None,
        server_name: None,
        ja4: None,
        missing_bytes: 0,
    }))
}

fn password(account: &str, text: &str) -> Fact {
    Fact::Credential(Box::new(CredentialFact {
        protocol: Protocol::Telnet,
        kind: CredentialKind::Password,
        field: Label::new("password prompt"),
        account: Some(secret(Subject::Account, account)),
        secret: Some(secret(Subject::Secret, text)),
    }))
}

fn introduction(model: Option<&str>, serial: Option<&str>) -> Fact {
    Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::IntellivueDataExport,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity {
            model: model.map(Label::new),
            serial: serial.map(Label::new),
            field: Label::new("connect indication"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: None,
        role: None,
        attributes: Bounded::new(),
    }))
}

fn patient_data() -> Fact {
    let mut fields = PatientFields::default();
    fields.insert(PatientField::Name);
    Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Hl7, fields }))
}

fn command(authenticated: bool) -> Fact {
    Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Poct1a,
        operation: ControlOperation::Stop,
        command: Label::new("LOCK"),
        object: None,
        objects: 1,
        authenticated,
        accepted: None,
    }))
}

fn client_hello() -> Fact {
    Fact::Tls(Box::new(TlsFact::ClientHello(TlsClientHello {
        version: 0x0304,
        server_name: Some(Label::new("pumps.maker.example")),
        ..TlsClientHello::default()
    })))
}

fn old_tls() -> Fact {
    Fact::Tls(Box::new(TlsFact::ServerHello(TlsServerHello {
        version: 0x0301,
        cipher_suite: 0xc02f,
        protocol: None,
    })))
}

/// A computer with a system whose support is over, by the version that it gives in NTLM.
fn legacy() -> Fact {
    Fact::Ntlm(Box::new(NtlmFact { message: 3, version: Some((5, 1, 2600)), ..NtlmFact::default() }))
}

#[test]
fn each_kind_of_the_contract_is_told() {
    let seen: Vec<(Station, Station, Fact)> = (1..=3)
        .chain(11..=13)
        .chain(21..=23)
        .map(|last| (station(last), everybody(), Fact::StationSeen))
        .collect();
    let mut told = seen;
    told.extend([
        (station(1), station(21), patient_data()),
        (station(21), station(1), password("admin", "admin")),
        (station(21), station(11), password("service", "one secret for all")),
        (station(21), station(12), password("service", "one secret for all")),
        (station(21), station(13), password("service", "one secret for all")),
        (station(21), station(11), command(false)),
        (station(1), station(21), ended(Protocol::Hl7, false)),
        (station(1), station(21), old_tls()),
        (station(23), station(21), legacy()),
        (station(21), station(11), ended(Protocol::Rdp, true)),
        (outside(), station(11), ended(Protocol::Tls, true)),
        (station(1), everybody(), introduction(Some("MP50"), Some("DE0001"))),
    ]);
    let told = kinds(told);
    for kind in ExposureKind::ALL {
        assert!(told.contains(kind), "{kind} is not told: {told:?}");
    }
}

#[test]
fn a_log_in_of_its_own_and_other_secrets_are_no_default() {
    let told = kinds(vec![(station(21), station(1), password("admin", "correct horse"))]);
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [ExposureKind::CleartextCredentials]);
    let told = kinds(vec![
        (station(21), station(11), password("service", "one secret for all")),
        (station(21), station(12), password("service", "another")),
        (station(21), station(13), password("service", "a third")),
    ]);
    assert!(!told.contains(&ExposureKind::HardCodedCredentials), "{told:?}");
}

#[test]
fn a_command_of_somebody_who_logged_in_is_none() {
    assert!(kinds(vec![(station(21), station(11), command(true))]).is_empty());
}

#[test]
fn metadata_leaks_where_more_is_told_than_anybody_asked_for() {
    let leak = |from, to, fact| {
        exposures(vec![(from, to, fact)]).into_iter().find(|told| told.kind == ExposureKind::MetadataLeak)
    };
    let whole = || introduction(Some("MP50"), Some("DE0001"));
    let told = leak(station(1), everybody(), whole()).unwrap();
    assert!(told.summary.contains("model, serial number"), "{}", told.summary);
    // To one who asked; by something that is no medical device; a name alone.
    assert!(leak(station(1), station(21), whole()).is_none());
    assert!(leak(station(21), everybody(), whole()).is_none());
    assert!(leak(station(1), everybody(), introduction(Some("MP50"), None)).is_none());
    // The name of a server on the internet stands in front of what is encrypted.
    assert!(leak(station(11), outside(), client_hello()).is_some());
    assert!(leak(station(11), station(21), client_hello()).is_none());
    assert!(leak(station(21), outside(), client_hello()).is_none());
    let advertisement = LinkAdvertisement {
        protocol: Protocol::Lldp,
        chassis: Some(Label::new("1")),
        port: Some(Label::new("1")),
        port_description: None,
        system_name: None,
        system_description: None,
        model: Some(Label::new("MP50")),
        manufacturer: None,
        serial: Some(Label::new("DE0001")),
        firmware: None,
        management: None,
        capabilities: 0,
        vlan: None,
        location: None,
        mud_url: None,
    };
    assert!(leak(station(1), Station::default(), Fact::LinkAdvertisement(Box::new(advertisement))).is_some());
}

#[test]
fn who_could_hear_readable_patient_data_is_counted() {
    let told = exposures(vec![
        (station(1), station(21), Fact::StationSeen),
        (station(2), station(21), Fact::StationSeen),
        (station(21), station(1), Fact::StationSeen),
        (station(1), station(21), patient_data()),
        (station(1), station(21), patient_data()),
        (station(11), outside(), patient_data()),
    ]);
    let hearing = |last: u8| {
        let of = told.iter().find(|told| {
            told.kind == ExposureKind::CleartextPhi
                && told.device.as_ref().is_some_and(|device| device.ip == station(last).ip)
        });
        of.unwrap().hearing.clone().unwrap()
    };
    let inside = hearing(1);
    assert_eq!(inside.field_hours, 1, "one field within one hour, however often");
    assert_eq!((inside.networks, inside.outside), (vec!["10.20.3.0/24".to_owned()], false));
    assert!(inside.devices >= 3, "{}", inside.devices);
    assert!(hearing(11).outside);
    // What is no patient data has nobody who could hear it.
    let door = exposures(vec![(station(21), station(1), password("admin", "x"))]);
    assert!(door.iter().all(|told| told.hearing.is_none()));
}

#[test]
fn a_device_that_speaks_now_so_and_now_so_shows_what_it_does() {
    let spoken = |number: i64, bytes: u64, from: u8| {
        let start = Timestamp::from_seconds(1_772_434_800 + number);
        let Fact::ConversationEnded(conversation) = ended(Protocol::Tls, true) else { unreachable!() };
        let conversation = Conversation { start, end: start, bytes: [bytes, 100], ..*conversation };
        (station(from), station(22), Fact::ConversationEnded(Box::new(conversation)))
    };
    let leak = |told: Vec<(Station, Station, Fact)>| {
        let told = exposures(told);
        told.into_iter().find(|told| told.summary.contains("bits of what it does"))
    };
    // Four lengths, each as often: two bits.
    let changing = |from: u8, count: i64| {
        let length = |number: i64| 200 << (2 * (number * 7 % 4));
        leak((0..count).map(|number| spoken(number, length(number), from)).collect())
    };
    let told = changing(11, 600).unwrap();
    assert_eq!(told.kind, ExposureKind::MetadataLeak);
    assert!(
        told.summary.contains("at most 2.0 bits") && told.summary.contains("512 conversations"),
        "{}",
        told.summary
    );
    assert!(changing(11, 100).is_none(), "too few to say");
    assert!(changing(21, 600).is_none(), "a computer of people");
    assert!(leak((0..600).map(|number| spoken(number, 900, 11)).collect()).is_none(), "always alike");
}
