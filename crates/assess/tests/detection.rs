//! Each detector: the attack, what keeps it silent, and that its counterfactual holds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    ArpFact, ArpOperation, DeviceIdentity, DhcpFact, DhcpMessage, FlowRate, Hl7Fact, PatientLocation,
    PatientReference, StackTraits, TcpEvent,
};
use wardline_model::{
    Attack, Bounded, Fact, Finding, Label, MacAddress, Observation, PseudonymKey, ServerRole, Severity,
    Sighting, Site, SiteServer, Station, Subject, Timestamp, Transport,
};

/// Observations in the making: a clock, and packets that count up.
struct Wire {
    observations: Vec<Observation>,
    milliseconds: i64,
}

const START_SECONDS: i64 = 1_772_434_800;

impl Wire {
    fn new() -> Self {
        Self { observations: Vec::new(), milliseconds: 0 }
    }

    fn wait(&mut self, milliseconds: i64) {
        self.milliseconds += milliseconds;
    }

    fn tell(&mut self, from: Station, to: Station, transport: Option<Transport>, fact: Fact) {
        let time = Timestamp::from_seconds(START_SECONDS).plus_milliseconds(self.milliseconds);
        let packet = self.observations.len() as u64 + 1;
        let sighting = Sighting { time, packet, ..Sighting::default() };
        self.observations.push(Observation { sighting, from, to, transport, vlan: None, fact });
    }

    fn arp(&mut self, operation: ArpOperation, sender: (u8, u8), target: (u8, u8)) {
        let frame_target =
            if operation == ArpOperation::Request { MacAddress::BROADCAST } else { mac(target.0) };
        let fact = ArpFact {
            operation,
            sender_mac: mac(sender.0),
            sender_ip: ip4(sender.1),
            target_mac: if operation == ArpOperation::Request {
                MacAddress::default()
            } else {
                mac(target.0)
            },
            target_ip: ip4(target.1),
        };
        let from = Station { mac: Some(mac(sender.0)), ..Station::default() };
        let to = Station { mac: Some(frame_target), ..Station::default() };
        self.tell(from, to, None, Fact::Arp(fact));
    }

    /// A question and its answer.
    fn resolve(&mut self, asker: u8, owner: u8) {
        self.arp(ArpOperation::Request, (asker, asker), (0, owner));
        self.wait(1);
        self.arp(ArpOperation::Reply, (owner, owner), (asker, asker));
        self.wait(1);
    }

    fn syn(&mut self, from: Station, to: Station) {
        let traits = StackTraits { syn: true, time_to_live: 64, ..StackTraits::default() };
        self.tell(from, to, Some(Transport::TCP), Fact::ConversationStarted(traits));
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings_with(Site::default())
    }

    fn findings_with(&self, site: Site) -> Vec<Finding> {
        let mut assessor = Assessor::new(Settings { site, ..Settings::default() });
        self.observations.iter().for_each(|observation| assessor.observe(observation));
        assessor.finish(Timestamp::from_seconds(START_SECONDS).plus_milliseconds(self.milliseconds));
        assessor.findings().cloned().collect()
    }
}

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x00, 0x09, 0xfb, 0, 0, last])
}

const fn ip4(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 20, 3, last)
}

fn station(last: u8, port: u16) -> Station {
    Station { mac: Some(mac(last)), ip: Some(IpAddr::V4(ip4(last))), port, radio: None }
}

fn serious(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity > Severity::Low).collect()
}

mod interception {
    use super::*;

    const GATEWAY: u8 = 1;
    const PUMP: u8 = 7;
    const ATTACKER: u8 = 66;

    fn quiet_segment() -> Wire {
        let mut wire = Wire::new();
        for asker in [PUMP, ATTACKER, 8, 9] {
            wire.resolve(asker, GATEWAY);
            wire.resolve(GATEWAY, asker);
        }
        wire
    }

    fn poison(wire: &mut Wire, seconds: u32) {
        for _ in 0..seconds {
            wire.arp(ArpOperation::Reply, (ATTACKER, GATEWAY), (PUMP, PUMP));
            wire.arp(ArpOperation::Reply, (ATTACKER, PUMP), (GATEWAY, GATEWAY));
            wire.wait(1000);
        }
    }

    #[test]
    fn both_ways_is_found_within_ten_seconds_with_the_right_addresses() {
        let mut wire = quiet_segment();
        poison(&mut wire, 10);
        let findings = wire.findings();
        let [finding] = serious(&findings)[..] else { panic!("{findings:#?}") };
        assert_eq!(finding.attack, Attack::PassiveGathering);
        let source = finding.source.as_ref().unwrap();
        assert_eq!((source.mac, source.ip), (Some(mac(ATTACKER)), Some(ip4(ATTACKER).into())));
        assert!(
            !finding.evidence.is_empty() && !finding.silent_if.is_empty() && !finding.playbook.is_empty()
        );
        let suffers = finding.device.as_ref().unwrap().ip.unwrap();
        assert!(suffers == ip4(PUMP) || suffers == ip4(GATEWAY), "{suffers}");
        assert!(finding.time.seconds_since(finding.started) < 10.0);
        assert!(finding.observations > 1, "one attack is one finding that grows");
    }

    #[test]
    fn the_gateway_of_dhcp_is_not_who_suffers() {
        let mut wire = quiet_segment();
        let mut routers = Bounded::new();
        routers.push(ip4(GATEWAY));
        let lease = DhcpFact {
            message: DhcpMessage::Ack,
            client_mac: mac(8),
            client_ip: None,
            your_ip: Some(ip4(8)),
            requested_ip: None,
            server: None,
            relay: None,
            host_name: None,
            domain_name: None,
            vendor_class: None,
            user_class: None,

            client_identifier: None,
            parameters: Bounded::new(),
            options: Bounded::new(),
            lease_s: Some(3600),
            routers,
            name_servers: Bounded::new(),
            mud_url: None,
        };
        wire.tell(station(GATEWAY, 67), station(8, 68), Some(Transport::UDP), Fact::Dhcp(Box::new(lease)));
        poison(&mut wire, 5);
        let findings = wire.findings();
        assert_eq!(serious(&findings)[0].device.as_ref().unwrap().ip, Some(ip4(PUMP).into()));
    }

    #[test]
    fn one_way_poisoning_of_a_gateway_that_is_still_there_is_found() {
        let mut wire = quiet_segment();
        for _ in 0..10 {
            wire.arp(ArpOperation::Reply, (ATTACKER, GATEWAY), (PUMP, PUMP));
            wire.wait(1000);
            wire.resolve(8, GATEWAY);
        }
        assert_eq!(serious(&wire.findings()).len(), 1);
    }

    #[test]
    fn stations_that_answer_for_themselves_are_silent() {
        let mut wire = quiet_segment();
        for round in 0..50 {
            wire.resolve(8, GATEWAY);
            wire.resolve(PUMP, 9);
            wire.wait(round * 100);
        }
        assert!(wire.findings().is_empty());
    }

    #[test]
    fn a_replaced_device_is_silent() {
        let mut wire = quiet_segment();
        // The old pump is gone; the new one announces itself as RFC 5227 asks, and answers from then on.
        wire.wait(20_000);
        for _ in 0..3 {
            wire.arp(ArpOperation::Request, (77, PUMP), (0, PUMP));
            wire.wait(2000);
        }
        for _ in 0..60 {
            wire.arp(ArpOperation::Request, (GATEWAY, GATEWAY), (0, PUMP));
            wire.wait(1);
            wire.arp(ArpOperation::Reply, (77, PUMP), (GATEWAY, GATEWAY));
            wire.wait(5000);
        }
        assert!(serious(&wire.findings()).is_empty());
    }

    #[test]
    fn a_virtual_router_that_fails_over_is_silent() {
        let mut wire = quiet_segment();
        let virtual_mac = MacAddress([0x00, 0x00, 0x5e, 0x00, 0x01, 0x0a]);
        for _ in 0..20 {
            let fact = ArpFact {
                operation: ArpOperation::Reply,
                sender_mac: virtual_mac,
                sender_ip: ip4(GATEWAY),
                target_mac: MacAddress::BROADCAST,
                target_ip: ip4(GATEWAY),
            };
            let from = Station { mac: Some(virtual_mac), ..Station::default() };
            wire.tell(
                from,
                Station { mac: Some(MacAddress::BROADCAST), ..Station::default() },
                None,
                Fact::Arp(fact),
            );
            wire.wait(500);
            wire.resolve(8, GATEWAY);
        }
        assert!(serious(&wire.findings()).is_empty());
    }
}

mod flood {
    use super::*;

    #[test]
    fn spoofed_syns_are_found_within_a_second() {
        let mut wire = Wire::new();
        for number in 0..2000_u32 {
            let spoofed = Station {
                mac: Some(mac(1)),
                ip: Some(Ipv4Addr::from(0x0b00_0000 + number * 7919).into()),
                port: 1024 + (number % 5000) as u16,
                radio: None,
            };
            wire.syn(spoofed, station(7, 2575));
            wire.wait(i64::from(number % 2));
        }
        let findings = wire.findings();
        let [finding] = serious(&findings)[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.attack, finding.detector.as_str()), (Attack::DenialOfService, "syn-flood"));
        assert_eq!(finding.device.as_ref().unwrap().ip, Some(ip4(7).into()));
        assert_eq!(finding.source.as_ref().unwrap().ip, None, "a spoofed address names nobody");
        assert!(finding.time.seconds_since(finding.started) <= 1.0);
    }

    #[test]
    fn one_source_is_named() {
        let mut wire = Wire::new();
        for number in 0..500 {
            wire.syn(station(66, 2000 + number), station(7, 104));
            wire.wait(2);
        }
        let findings = wire.findings();
        assert_eq!(serious(&findings)[0].source.as_ref().unwrap().ip, Some(ip4(66).into()));
    }

    #[test]
    fn a_busy_server_that_answers_is_silent() {
        let mut wire = Wire::new();
        for number in 0..1500_u16 {
            let (client, server) = (station(10 + (number % 100) as u8, 1024 + number), station(5, 443));
            wire.syn(client, server);
            wire.tell(
                server,
                client,
                Some(Transport::TCP),
                Fact::Tcp(TcpEvent::Answered(StackTraits::default())),
            );
            wire.tell(client, server, Some(Transport::TCP), Fact::Tcp(TcpEvent::Opened));
            wire.wait(10);
        }
        assert!(wire.findings().is_empty());
    }

    #[test]
    fn datagrams_that_nobody_answers_are_found_and_a_call_is_not() {
        let rate = |packets_from, packets_to| {
            let bytes = |packets: u32| u64::from(packets) * 100;
            Fact::Rate(FlowRate {
                interval_ms: 1000,
                packets_from,
                packets_to,
                bytes_from: bytes(packets_from),
                bytes_to: bytes(packets_to),
            })
        };
        for (fact, found) in [(rate(5000, 0), 1), (rate(5000, 5000), 0), (rate(50, 0), 0)] {
            let mut wire = Wire::new();
            for _ in 0..5 {
                wire.tell(station(66, 4000), station(7, 5000), Some(Transport::UDP), fact.clone());
                wire.wait(1000);
            }
            assert_eq!(serious(&wire.findings()).len(), found, "{fact:?}");
        }
    }

    #[test]
    fn a_scan_is_a_scan_and_one_by_order_is_silent() {
        let mut wire = Wire::new();
        for port in 1..400_u16 {
            wire.syn(station(66, 40_000), station(7, port));
            wire.tell(
                station(7, port),
                station(66, 40_000),
                Some(Transport::TCP),
                Fact::Tcp(TcpEvent::Refused),
            );
            wire.wait(3);
        }
        let findings = wire.findings();
        let [finding] = serious(&findings)[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.attack, finding.detector.as_str()), (Attack::PassiveGathering, "scan"));
        assert_eq!(finding.source.as_ref().unwrap().ip, Some(ip4(66).into()));
        let by_order = Site {
            servers: vec![SiteServer { ip: ip4(66).into(), role: ServerRole::Scanner }],
            ..Site::default()
        };
        assert!(serious(&wire.findings_with(by_order)).is_empty());
    }
}

mod swap {
    use super::*;

    const ENGINE: u8 = 5;

    fn patient(number: u8) -> PatientReference {
        let key = PseudonymKey::new([3; 32]);
        PatientReference {
            identifier: Some(key.pseudonym(Subject::PatientId, &[b'M', number])),
            name: Some(key.pseudonym(Subject::PatientName, &[b'N', number])),
            birth_date: Some(key.pseudonym(Subject::BirthDate, &[b'B', number])),
            ..PatientReference::default()
        }
    }

    fn bed(number: u8) -> PatientLocation {
        PatientLocation {
            unit: Some(Label::new("ICU")),
            room: Some(Label::new(&format!("R{number}"))),
            bed: Some(Label::new("1")),
            facility: None,
        }
    }

    fn message(
        kind: &str,
        trigger: &str,
        patient: PatientReference,
        bed: Option<PatientLocation>,
    ) -> Hl7Fact {
        Hl7Fact {
            message: Label::new(kind),
            trigger: Some(Label::new(trigger)),
            patient: Some(patient),
            location: bed,
            ..Hl7Fact::default()
        }
    }

    fn send(wire: &mut Wire, from: u8, hl7: Hl7Fact) {
        wire.tell(
            station(from, 30_000),
            station(ENGINE, 2575),
            Some(Transport::TCP),
            Fact::Hl7(Box::new(hl7)),
        );
        wire.wait(1000);
    }

    fn admit(wire: &mut Wire, number: u8, place: u8) {
        send(wire, 4, message("ADT", "A01", patient(number), Some(bed(place))));
    }

    /// Two patients in two beds for ten minutes, each with results of his own.
    fn ward() -> Wire {
        let mut wire = Wire::new();
        admit(&mut wire, 1, 1);
        admit(&mut wire, 2, 2);
        wire.wait(600_000);
        for _ in 0..5 {
            results(&mut wire, 1, 1);
            results(&mut wire, 2, 2);
        }
        wire
    }

    /// The monitor at a bed reports a patient.
    fn results(wire: &mut Wire, number: u8, place: u8) {
        let mut hl7 = message("ORU", "R01", patient(number), Some(bed(place)));
        hl7.devices.push(DeviceIdentity {
            identifier: Some(Label::new(&format!("monitor-{place}"))),
            ..DeviceIdentity::default()
        });
        send(wire, 20 + place, hl7);
    }

    #[test]
    fn a_patient_in_anothers_bed_is_found_at_the_second_message() {
        let mut wire = ward();
        assert!(wire.findings().is_empty());
        results(&mut wire, 2, 1);
        assert!(wire.findings().is_empty(), "one may be a slip");
        results(&mut wire, 2, 1);
        let findings = wire.findings();
        let [finding] = &findings[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.attack, finding.severity), (Attack::FalseNode, Severity::Critical));
        assert_eq!(finding.device.as_ref().unwrap().ip, Some(ip4(21).into()));
        let text = serde_json::to_string(finding).unwrap();
        assert!(!text.contains("\"M1\"") && text.contains("PV1-3"));
    }

    #[test]
    fn what_silences_it_does() {
        let moved = message("ADT", "A02", patient(2), Some(bed(1)));
        let mut swapped = message("ADT", "A17", patient(2), Some(bed(1)));
        swapped.other_patient = Some(patient(1));
        swapped.other_location = Some(bed(2));
        for explained in [moved, swapped] {
            let mut wire = ward();
            send(&mut wire, 4, explained);
            for _ in 0..4 {
                results(&mut wire, 2, 1);
            }
            assert!(wire.findings().is_empty());
        }
    }

    #[test]
    fn results_that_lag_behind_a_move_are_silent() {
        let mut wire = ward();
        send(&mut wire, 4, message("ADT", "A02", patient(1), Some(bed(3))));
        for _ in 0..5 {
            results(&mut wire, 1, 1);
        }
        assert!(wire.findings().is_empty());
    }

    #[test]
    fn an_unknown_patient_is_silent() {
        let mut wire = ward();
        for _ in 0..5 {
            results(&mut wire, 9, 1);
        }
        assert!(wire.findings().is_empty());
    }

    #[test]
    fn the_number_of_one_with_the_name_of_another_is_found_and_a_merge_is_silent() {
        let mut wire = ward();
        let mixed = PatientReference { identifier: patient(1).identifier, ..patient(2) };
        for _ in 0..2 {
            send(&mut wire, 21, message("ORU", "R01", mixed.clone(), None));
        }
        let findings = wire.findings();
        assert_eq!(findings.len(), 1, "{findings:#?}");

        let mut wire = ward();
        let mut merge = message("ADT", "A40", patient(2), None);
        merge.other_patient =
            Some(PatientReference { identifier: patient(1).identifier, ..PatientReference::default() });
        send(&mut wire, 4, merge);
        for _ in 0..3 {
            results(&mut wire, 1, 2);
        }
        assert!(wire.findings().is_empty(), "the merged number is the same patient");
    }

    #[test]
    fn a_monitor_without_bed_that_changes_its_patient_is_found() {
        let mut wire = Wire::new();
        admit(&mut wire, 1, 1);
        admit(&mut wire, 2, 2);
        wire.wait(600_000);
        let report = |wire: &mut Wire, number: u8, monitor: u8| {
            let mut hl7 = message("ORU", "R01", patient(number), None);
            hl7.devices.push(DeviceIdentity {
                identifier: Some(Label::new(&format!("monitor-{monitor}"))),
                ..DeviceIdentity::default()
            });
            send(wire, 20 + monitor, hl7);
        };
        for _ in 0..5 {
            report(&mut wire, 1, 1);
            report(&mut wire, 2, 2);
            wire.wait(60_000);
        }
        assert!(wire.findings().is_empty());
        for _ in 0..2 {
            report(&mut wire, 2, 1);
            report(&mut wire, 2, 2);
        }
        assert_eq!(wire.findings().len(), 1);
    }

    #[test]
    fn an_analyser_that_reports_one_patient_a_few_times_and_then_another_is_silent() {
        let mut wire = Wire::new();
        admit(&mut wire, 1, 1);
        admit(&mut wire, 2, 2);
        wire.wait(600_000);
        let report = |wire: &mut Wire, number: u8, from: u8| {
            send(wire, from, message("ORU", "R01", patient(number), None));
        };
        // Both patients have monitors of their own.
        for _ in 0..6 {
            report(&mut wire, 1, 21);
            report(&mut wire, 2, 22);
            wire.wait(60_000);
        }
        for patient in [1, 2, 1, 2] {
            for _ in 0..4 {
                report(&mut wire, patient, 30);
                wire.wait(2_000);
            }
            wire.wait(300_000);
        }
        assert!(wire.findings().is_empty());
    }
}

#[test]
fn the_same_observations_give_the_same_bytes() {
    let mut wire = Wire::new();
    for number in 0..200_u8 {
        wire.resolve(number, 1);
        wire.syn(station(number, 1000), station(1, u16::from(number)));
    }
    let run = || serde_json::to_string(&wire.findings()).unwrap();
    assert_eq!(run(), run());
}
