//! Further detectors: the attack, what keeps it silent, and that its counterfactual holds; and what holds for all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    AmbiguityKind, AmbiguousStream, CredentialFact, CredentialKind, Hl7Fact, Hl7Observation, Hl7Value,
    IntegrityFact, IntegrityFault, MqttFact, ReplicaFact, SmbFact, SmbFileOperation, SnmpBinding, SnmpFact,
    SnmpOperation, SnmpSecurity, SnmpValue, TcpEvent, TopicShape,
};
use wardline_model::{
    Attack, Fact, Finding, Label, MacAddress, Observation, Protocol, Pseudonym, PseudonymKey, ServerRole,
    Severity, Sighting, Site, SiteServer, Station, Subject, Timestamp, Transport,
};

const START_SECONDS: i64 = 1_772_434_800;

#[derive(Default)]
struct Wire {
    observations: Vec<Observation>,
    milliseconds: i64,
}

impl Wire {
    fn wait(&mut self, milliseconds: i64) {
        self.milliseconds += milliseconds;
    }

    fn tell(&mut self, from: u8, to: u8, fact: Fact) {
        self.tell_from(station(from), to, fact);
    }

    fn tell_from(&mut self, from: Station, to: u8, fact: Fact) {
        let time = Timestamp::from_seconds(START_SECONDS).plus_milliseconds(self.milliseconds);
        let packet = self.observations.len() as u64 + 1;
        let sighting = Sighting { time, packet, ..Sighting::default() };
        let to = station(to);
        let transport = Some(Transport::TCP);
        self.observations.push(Observation { sighting, from, to, transport, vlan: None, fact });
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

    /// Findings above low, as attack and rule.
    fn serious(&self) -> Vec<(Attack, String)> {
        serious(self.findings())
    }
}

fn serious(findings: Vec<Finding>) -> Vec<(Attack, String)> {
    for finding in &findings {
        assert!(
            !finding.silent_if.is_empty() && !finding.playbook.is_empty() && !finding.evidence.is_empty()
        );
        assert!(!finding.techniques.is_empty() && !finding.clinical.is_empty());
    }
    let serious = findings.into_iter().filter(|finding| finding.severity > Severity::Low);
    serious.map(|finding| (finding.attack, finding.detector.to_string())).collect()
}

fn station(last: u8) -> Station {
    let mac = MacAddress([0x00, 0x09, 0xfb, 0, 0, last]);
    Station { mac: Some(mac), ip: Some(IpAddr::V4(Ipv4Addr::new(10, 20, 3, last))), port: 1000, radio: None }
}

fn pseudonym(text: &str) -> Pseudonym {
    PseudonymKey::new([3; 32]).pseudonym(Subject::Content, text.as_bytes())
}

fn result(control: &str, content: &str, unit: &str) -> Fact {
    let value = Hl7Observation {
        code: Label::new("8867-4"),
        system: Some(Label::new("LN")),
        value_type: Label::new("NM"),
        value: Hl7Value::Number(72.0),
        unit: Some(Label::new(unit)),
        status: Some(Label::new("F")),
        time: None,
        ..Hl7Observation::default()
    };
    Fact::Hl7(Box::new(Hl7Fact {
        message: Label::new("ORU"),
        trigger: Some(Label::new("R01")),
        control: Some(pseudonym(control)),
        content: Some(pseudonym(content)),
        observations: std::iter::once(value).collect(),
        ..Hl7Fact::default()
    }))
}

fn results(wire: &mut Wire, count: u32) {
    for number in 0..count {
        wire.tell(7, 20, result(&format!("m{number}"), &format!("c{number}"), "/min"));
        wire.wait(1_000);
    }
}

mod corruption {
    use super::*;

    fn overlap(step: i16, length: u32) -> Fact {
        Fact::Ambiguous(AmbiguousStream {
            kind: AmbiguityKind::TcpOverlap,
            offset: 100,
            length,
            time_to_live_step: step,
        })
    }

    fn bent(fault: IntegrityFault, accepted: bool) -> Fact {
        let place = Label::new("frame 3");
        Fact::Integrity(Box::new(IntegrityFact { protocol: Protocol::Astm, fault, place, accepted }))
    }

    #[test]
    fn a_bent_frame_is_found_only_where_it_was_taken() {
        let mut wire = Wire::default();
        wire.tell(7, 20, bent(IntegrityFault::Checksum, true));
        assert_eq!(wire.serious(), [(Attack::MessageCorruption, "bent-frame".to_owned())]);
        let mut wire = Wire::default();
        wire.tell(7, 20, bent(IntegrityFault::Checksum, false));
        wire.tell(7, 20, bent(IntegrityFault::Repeated, true));
        wire.tell(7, 20, bent(IntegrityFault::Order, true));
        assert!(wire.serious().is_empty(), "noise that was refused, a lost answer, a careless sender");
    }

    #[test]
    fn bytes_that_came_another_way_are_found_and_a_probe_is_not() {
        let mut wire = Wire::default();
        wire.tell(7, 20, overlap(-5, 40));
        assert_eq!(wire.serious(), [(Attack::MessageCorruption, "contradicting-bytes".to_owned())]);
        let mut wire = Wire::default();
        wire.tell(7, 20, overlap(0, 40));
        wire.tell(7, 20, overlap(-5, 1));
        assert!(wire.serious().is_empty(), "one contradiction of the same stack, and a keep-alive probe");
    }

    #[test]
    fn a_message_from_two_link_addresses_is_found_and_a_resent_one_is_not() {
        let mut wire = Wire::default();
        results(&mut wire, 6);
        wire.tell(7, 20, result("m5", "c5", "/min"));
        assert!(wire.serious().is_empty(), "sent again as it was");
        let mut other_way = station(7);
        other_way.mac = Some(MacAddress([0x00, 0x09, 0xfb, 0, 0, 66]));
        wire.tell_from(other_way, 20, result("m5", "altered", "/min"));
        assert_eq!(wire.serious(), [(Attack::MessageCorruption, "one-identifier-two-contents".to_owned())]);
    }

    #[test]
    fn a_sender_that_does_not_number_its_messages_is_silent() {
        let mut wire = Wire::default();
        for number in 0..20 {
            wire.tell(7, 20, result("1", &format!("c{number}"), "/min"));
            wire.wait(1_000);
        }
        assert!(wire.serious().is_empty());
    }

    #[test]
    fn another_unit_is_found_and_the_same_one_is_not() {
        let mut wire = Wire::default();
        results(&mut wire, 6);
        assert!(wire.serious().is_empty());
        wire.tell(7, 20, result("m9", "c9", "/s"));
        assert_eq!(wire.serious(), [(Attack::MessageCorruption, "unit-against-code".to_owned())]);
    }

    #[test]
    fn resets_that_came_another_way_are_found() {
        for (step, expected) in [(-9, 1), (0, 0), (1, 0)] {
            let mut wire = Wire::default();
            for _ in 0..4 {
                wire.tell(7, 20, Fact::Tcp(TcpEvent::Reset(step)));
                wire.wait(500);
            }
            assert_eq!(wire.serious().len(), expected, "{step}");
        }
    }
}

mod settings {
    use super::*;

    fn set(value: SnmpValue) -> Fact {
        let binding = SnmpBinding { object: Label::new("1.3.6.1.2.1.1.4.0"), value };
        Fact::Snmp(Box::new(SnmpFact {
            version: 2,
            operation: SnmpOperation::Set,
            security: SnmpSecurity::Community,
            error: 0,
            bindings: std::iter::once(binding).collect(),
            engine: None,
        }))
    }

    #[test]
    fn erasing_many_is_found_one_write_is_not_and_management_may() {
        let mut wire = Wire::default();
        wire.tell(66, 200, set(SnmpValue::Number(1)));
        let one = wire.findings();
        assert!(one.iter().all(|finding| finding.attack == Attack::NodeMalfunction));
        for target in 100..106 {
            wire.tell(66, target, set(SnmpValue::Text(Label::default())));
            wire.wait(500);
        }
        assert_eq!(wire.serious(), [(Attack::NodeMalfunction, "settings-written".to_owned())]);
        let manager = SiteServer { ip: station(66).ip.unwrap(), role: ServerRole::Management };
        let site = Site { servers: vec![manager], ..Site::default() };
        assert!(serious(wire.findings_with(site)).is_empty());
    }

    fn publish(shape: &str, payload_bytes: u32) -> Fact {
        Fact::Mqtt(Box::new(MqttFact::Publish {
            topic: TopicShape { shape: Label::new(shape), topic: pseudonym(shape) },
            retained: true,
            duplicate: false,
            quality: 1,
            payload_bytes,
            content: pseudonym("x"),
        }))
    }

    #[test]
    fn a_deleted_setting_is_found_and_a_changed_one_is_not() {
        let mut wire = Wire::default();
        wire.tell(66, 20, publish("ward/pump/alarm-limits", 12));
        assert!(wire.serious().is_empty());
        wire.tell(66, 20, publish("ward/pump/alarm-limits", 0));
        assert_eq!(wire.serious(), [(Attack::NodeMalfunction, "kept-settings-deleted".to_owned())]);
    }
}

mod routing {
    use super::*;

    #[test]
    fn packets_in_circles_are_found_and_doubled_ones_are_not() {
        for (copies, hops, expected) in [(4, 2, 1), (2, 2, 0), (4, 0, 0)] {
            let mut wire = Wire::default();
            wire.tell(7, 20, Fact::Replica(ReplicaFact { copies, hops, time_to_live: 50 }));
            assert_eq!(wire.serious().len(), expected);
        }
    }

    #[test]
    fn messages_in_circles_are_found_and_resent_ones_are_not() {
        let mut wire = Wire::default();
        for _ in 0..4 {
            for (from, to) in [(20, 21), (21, 22), (22, 20)] {
                wire.tell(from, to, result("m", "c", "/min"));
                wire.wait(50);
            }
        }
        assert_eq!(wire.serious(), [(Attack::Routing, "messages-in-circles".to_owned())]);
        let mut wire = Wire::default();
        for _ in 0..12 {
            wire.tell(20, 21, result("m", "c", "/min"));
            wire.tell(21, 22, result("m", "c", "/min"));
            wire.wait(50);
        }
        assert!(wire.serious().is_empty());
    }
}

mod denial {
    use super::*;

    fn file(operation: SmbFileOperation, name: u32, extension: &str, entropy: Option<u16>) -> Fact {
        Fact::Smb(Box::new(SmbFact::File {
            operation,
            file: Some(pseudonym(&name.to_string())),
            extension: Some(Label::new(extension)),
            bytes: 4_096,
            entropy_centibits: entropy,
        }))
    }

    fn run(files: u32, entropy: u16, rename: bool) -> Vec<(Attack, String)> {
        let mut wire = Wire::default();
        for name in 0..files {
            wire.tell(66, 20, file(SmbFileOperation::Read, name, "txt", None));
            wire.tell(66, 20, file(SmbFileOperation::Write, name, "txt", Some(entropy)));
            if rename {
                wire.tell(66, 20, file(SmbFileOperation::Rename, name, "locked", None));
            }
            wire.wait(300);
        }
        wire.serious()
    }

    #[test]
    fn files_encrypted_in_bulk_are_found_before_ten_are_lost() {
        assert_eq!(run(9, 790, true), [(Attack::DenialOfService, "files-encrypted".to_owned())]);
        assert!(run(7, 790, true).is_empty(), "too few");
        assert!(run(40, 520, true).is_empty(), "text, not random");
        assert!(run(40, 790, false).is_empty(), "written, but nothing is taken away");
    }

    fn guesses(count: u32, different: bool) -> Vec<(Attack, String)> {
        let mut wire = Wire::default();
        for number in 0..count {
            let secret = if different { number } else { 0 };
            wire.tell(
                66,
                20,
                Fact::Credential(Box::new(CredentialFact {
                    protocol: Protocol::Ftp,
                    kind: CredentialKind::Password,
                    field: Label::new("PASS"),
                    account: Some(pseudonym("account")),
                    secret: Some(pseudonym(&secret.to_string())),
                })),
            );
            wire.wait(1_000);
        }
        wire.serious()
    }

    #[test]
    fn guessed_passwords_are_found_and_one_that_is_used_often_is_not() {
        assert_eq!(guesses(12, true), [(Attack::DenialOfService, "password-guessing".to_owned())]);
        assert!(guesses(9, true).is_empty());
        assert!(guesses(60, false).is_empty());
    }
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let text = prop_oneof![Just("a"), Just("b"), Just("c")];
    prop_oneof![
        Just(Fact::StationSeen),
        (any::<i16>(), any::<u32>()).prop_map(|(time_to_live_step, length)| Fact::Ambiguous(
            AmbiguousStream { kind: AmbiguityKind::TcpOverlap, offset: u64::MAX, length, time_to_live_step }
        )),
        any::<i16>().prop_map(|step| Fact::Tcp(TcpEvent::Reset(step))),
        (any::<u32>(), any::<u8>()).prop_map(|(copies, hops)| Fact::Replica(ReplicaFact {
            copies,
            hops,
            time_to_live: hops,
        })),
        (text.clone(), text.clone(), text.clone()).prop_map(|(one, two, three)| result(one, two, three)),
        any::<u32>().prop_map(|status| Fact::Smb(Box::new(SmbFact::SessionSetup { status }))),
        any::<u8>().prop_map(|reason| Fact::Mqtt(Box::new(MqttFact::Connected { reason }))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any order of any times: no panic, and the same conclusions twice.
    #[test]
    fn whatever_comes_is_judged_twice_alike(
        steps in proptest::collection::vec((any_fact(), 0_u8..6, 0_u8..6, any::<i64>()), 0..120),
    ) {
        let judge = || {
            let mut assessor = Assessor::new(Settings::default());
            let mut told = Vec::new();
            for (packet, (fact, from, to, time)) in steps.iter().enumerate() {
                let sighting = Sighting {
                    time: Timestamp::from_nanoseconds(*time),
                    packet: packet as u64,
                    ..Sighting::default()
                };
                assessor.observe(&Observation {
                    sighting,
                    from: station(*from),
                    to: station(*to),
                    transport: Some(Transport::TCP),
                    vlan: None,
                    fact: fact.clone(),
                });
                if packet % 32 == 31 {
                    told.push(format!("{:?}", assessor.drain()));
                }
            }
            told.push(format!("{:?}", assessor.finish(Timestamp::from_nanoseconds(i64::MAX))));
            told
        };
        prop_assert_eq!(judge(), judge());
    }
}

/// A step of the time to live that no packet can have, as a wrong sensor might tell it.
#[test]
fn the_greatest_step_is_judged() {
    let mut wire = Wire::default();
    for step in [i16::MIN, i16::MAX] {
        wire.tell(7, 20, Fact::Tcp(TcpEvent::Reset(step)));
    }
    assert!(wire.findings().is_empty(), "two resets are no attack");
}
