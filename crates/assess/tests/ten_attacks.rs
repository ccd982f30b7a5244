//! The ten attacks, rule by rule: the attack is told as what it is, and what explains it keeps it silent.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    ArpFact, ArpOperation, ControlFact, ControlOperation, DhcpFact, DhcpMessage, DnsFact, DnsQuestion,
    Hl7Acknowledgment, Hl7Fact, Hl7Observation, Hl7Value, MeasurementFact, MqttFact, PaceFact,
    PatientReference, RtpFact, SipFact, SipMessage, StackTraits, TcpEvent, TopicShape,
};
use wardline_model::{
    Attack, Bounded, Category, Fact, Finding, KnownDevice, Label, MacAddress, MaintenanceWindow, Observation,
    Protocol, Pseudonym, PseudonymKey, ServerRole, Severity, Sighting, Site, SiteServer, Station, Subject,
    Timestamp, Transport,
};

const START_SECONDS: i64 = 1_772_434_800;

/// Everything that was seen, in order.
#[derive(Clone, Default)]
struct Wire {
    observations: Vec<Observation>,
    milliseconds: i64,
    site: Site,
}

impl Wire {
    /// A network in which the stations with these last bytes are of a known kind.
    fn with(devices: &[(u8, Category)]) -> Self {
        let known = devices.iter().map(|(last, category)| KnownDevice {
            ip: Some(ip(*last)),
            category: Some(*category),
            ..KnownDevice::default()
        });
        Self { site: Site { devices: known.collect(), ..Site::default() }, ..Self::default() }
    }

    fn wait(&mut self, milliseconds: i64) {
        self.milliseconds += milliseconds;
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START_SECONDS).plus_milliseconds(self.milliseconds)
    }

    fn tell(&mut self, from: u8, to: u8, fact: Fact) {
        self.tell_between(station(from), station(to), fact);
    }

    fn tell_between(&mut self, from: Station, to: Station, fact: Fact) {
        let packet = self.observations.len() as u64 + 1;
        let sighting = Sighting { time: self.now(), packet, ..Sighting::default() };
        let transport = Some(Transport::TCP);
        self.observations.push(Observation { sighting, from, to, transport, vlan: None, fact });
    }

    fn findings(&self) -> Vec<Finding> {
        let mut assessor = Assessor::new(Settings { site: self.site.clone(), ..Settings::default() });
        self.observations.iter().for_each(|observation| assessor.observe(observation));
        assessor.finish(self.now());
        assessor.findings().cloned().collect()
    }

    /// Attack and rule of each finding above low; each is whole.
    fn serious(&self) -> Vec<(Attack, String)> {
        let findings = self.findings();
        for finding in &findings {
            assert!(!finding.silent_if.is_empty() && !finding.summary.is_empty(), "{finding:?}");
            assert!(!finding.evidence.is_empty() && !finding.techniques.is_empty(), "{finding:?}");
        }
        let serious = findings.into_iter().filter(|finding| finding.severity > Severity::Low);
        serious.map(|finding| (finding.attack, finding.detector.to_string())).collect()
    }

    fn is_told(&self, attack: Attack, rule: &str) -> bool {
        self.serious().contains(&(attack, rule.to_owned()))
    }
}

fn ip(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 20, 3, last))
}

fn station(last: u8) -> Station {
    Station {
        mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, 0, last])),
        ip: Some(ip(last)),
        port: 1000,
        radio: None,
    }
}

fn pseudonym(text: &str) -> Pseudonym {
    PseudonymKey::new([3; 32]).pseudonym(Subject::Content, text.as_bytes())
}

/// A result of one quantity for one patient.
fn result(patient: &str, control: &str, code: &str, value: f64, taken: Option<Timestamp>) -> Hl7Fact {
    let observation = |code: &str, value| Hl7Observation {
        code: Label::new(code),
        system: Some(Label::new("MDC")),
        value_type: Label::new("NM"),
        value: Hl7Value::Number(value),
        unit: None,
        status: Some(Label::new("F")),
        time: taken,
        ..Hl7Observation::default()
    };
    Hl7Fact {
        message: Label::new("ORU"),
        trigger: Some(Label::new("R01")),
        sending_application: Some(Label::new("BEDSIDE")),
        control: Some(pseudonym(control)),
        content: Some(pseudonym(&format!("{control} {patient} {value}"))),
        patient: Some(PatientReference {
            identifier: Some(pseudonym(patient)),
            ..PatientReference::default()
        }),
        observations: [observation(code, value), observation("151562", value / 5.0)].into_iter().collect(),
        ..Hl7Fact::default()
    }
}

fn acknowledge(wire: &mut Wire, from: u8, to: u8, control: &str) {
    let fact = Hl7Fact {
        message: Label::new("ACK"),
        acknowledgment: Some(Hl7Acknowledgment { code: Label::new("AA"), message: pseudonym(control) }),
        ..Hl7Fact::default()
    };
    wire.tell(from, to, Fact::Hl7(Box::new(fact)));
}

/// `count` results of one device, one each `gap_ms`, acknowledged; the value goes up and down a little.
fn report(wire: &mut Wire, device: u8, patient: &str, first: u32, count: u32, gap_ms: i64) {
    for number in first..first + count {
        let control = format!("{device}-{number}");
        let value = 70.0 + f64::from(number % 7);
        let fact = result(patient, &control, "147842", value, Some(wire.now()));
        wire.tell(device, 20, Fact::Hl7(Box::new(fact)));
        acknowledge(wire, 20, device, &control);
        wire.wait(gap_ms);
    }
}

fn syn(time_to_live: u8, options: [u8; 8]) -> StackTraits {
    StackTraits {
        time_to_live,
        syn: true,
        dont_fragment: true,
        window: 64_240,
        segment_size_max: 1_460,
        window_scale: 7,
        options,
    }
}

const LINUX: [u8; 8] = [2, 4, 8, 1, 3, 0, 0, 0];
const OTHER: [u8; 8] = [2, 1, 3, 1, 1, 4, 0, 0];

mod outage {
    use super::*;

    /// Two monitors report; one of them stops.
    fn one_stops(wire: &mut Wire) {
        for number in 0..40 {
            report(wire, 7, "a", number, 1, 1_000);
            report(wire, 8, "b", number, 1, 4_000);
        }
        report(wire, 8, "b", 40, 24, 5_000);
    }

    #[test]
    fn a_monitor_that_falls_silent_is_missed_after_three_reports() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor), (8, Category::PatientMonitor)]);
        one_stops(&mut wire);
        let findings = wire.findings();
        let silence = findings.iter().find(|finding| finding.attack == Attack::Outage).unwrap();
        assert_eq!(silence.device.as_ref().unwrap().ip, Some(ip(7)));
        let late = silence.time.nanoseconds_since(silence.started) / 1_000_000_000;
        assert!((15..=25).contains(&late), "three reports of five seconds, not {late} s");
        assert_eq!(wire.serious().len(), 1, "{:?}", wire.serious());
    }

    /// After one stopped, another one reports its patient.
    fn reported_by_another(code: &str) -> Vec<(Attack, String)> {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor), (8, Category::PatientMonitor)]);
        for number in 0..40 {
            report(&mut wire, 7, "a", number, 1, 1_000);
            report(&mut wire, 8, "b", number, 1, 4_000);
        }
        for number in 40..64 {
            let mut fact = result("a", &format!("other{number}"), code, 5.0, Some(wire.now()));
            fact.observations = fact.observations.iter().take(1).cloned().collect();
            wire.tell(9, 20, Fact::Hl7(Box::new(fact)));
            report(&mut wire, 8, "b", number, 1, 5_000);
        }
        wire.serious()
    }

    #[test]
    fn another_monitor_takes_a_monitors_place_and_an_analyser_does_not() {
        assert_eq!(reported_by_another("147842"), []);
        let told = reported_by_another("2345-7");
        assert!(told.iter().any(|(attack, _)| *attack == Attack::Outage), "{told:?}");
    }

    /// A gateway reports three patients, until one of them is called otherwise; whether anything is missed then.
    fn is_missed_after(trigger: &str) -> bool {
        let names = |patient: &str| PatientReference {
            identifier: Some(pseudonym(patient)),
            ..PatientReference::default()
        };
        let mut wire = Wire::with(&[(7, Category::TelemetryGateway)]);
        for number in 0..40 {
            for patient in ["a", "b", "c"] {
                let fact = result(patient, &format!("{patient}{number}"), "147842", 70.0, Some(wire.now()));
                wire.tell(7, 20, Fact::Hl7(Box::new(fact)));
                wire.wait(2_000);
            }
        }
        let merge = Hl7Fact {
            message: Label::new("ADT"),
            trigger: Some(Label::new(trigger)),
            patient: Some(names("z")),
            other_patient: Some(names("a")),
            ..Hl7Fact::default()
        };
        wire.tell(30, 20, Fact::Hl7(Box::new(merge)));
        for number in 40..80 {
            for patient in ["z", "b", "c"] {
                let fact = result(patient, &format!("{patient}{number}"), "147842", 70.0, Some(wire.now()));
                wire.tell(7, 20, Fact::Hl7(Box::new(fact)));
                wire.wait(2_000);
            }
        }
        wire.findings().iter().any(|finding| finding.attack == Attack::Outage)
    }

    #[test]
    fn an_identifier_that_was_merged_away_is_not_missed() {
        assert!(!is_missed_after("A40"));
        assert!(is_missed_after("A08"));
    }

    #[test]
    fn a_discharge_explains_silence() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor), (8, Category::PatientMonitor)]);
        for number in 0..40 {
            report(&mut wire, 7, "a", number, 1, 1_000);
            report(&mut wire, 8, "b", number, 1, 4_000);
        }
        let discharge = Hl7Fact {
            message: Label::new("ADT"),
            trigger: Some(Label::new("A03")),
            patient: Some(PatientReference {
                identifier: Some(pseudonym("a")),
                ..PatientReference::default()
            }),
            ..Hl7Fact::default()
        };
        wire.tell(30, 20, Fact::Hl7(Box::new(discharge)));
        report(&mut wire, 8, "b", 40, 24, 5_000);
        assert_eq!(wire.serious(), []);
    }

    #[test]
    fn announced_work_explains_silence() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor), (8, Category::PatientMonitor)]);
        wire.site.maintenance.push(MaintenanceWindow {
            devices: vec![ip(7)],
            zones: vec![],
            from: Some(Timestamp::from_seconds(START_SECONDS)),
            until: Some(Timestamp::from_seconds(START_SECONDS + 86_400)),
            days: vec![],
            start_minute: None,
            length_minutes: None,
            reason: None,
        });
        one_stops(&mut wire);
        assert_eq!(wire.serious(), []);
    }

    #[test]
    fn many_that_fall_silent_together_share_one_cause() {
        let devices: Vec<_> = (1..=6).map(|last| (last, Category::PatientMonitor)).collect();
        let mut wire = Wire::with(&devices);
        for number in 0..30 {
            for device in 1..=6 {
                report(&mut wire, device, &format!("p{device}"), number, 1, 800);
            }
        }
        // Somebody else is still heard, so the capture goes on.
        report(&mut wire, 40, "z", 0, 30, 5_000);
        let findings = wire.findings();
        let outages: Vec<_> = findings.iter().filter(|finding| finding.attack == Attack::Outage).collect();
        let shared = outages.iter().filter(|finding| finding.severity == Severity::High).count();
        assert_eq!(shared, 1, "{outages:#?}");
        assert!(outages.len() <= 2, "{outages:#?}");
    }

    #[test]
    fn a_service_that_answered_and_now_refuses_has_stopped() {
        let mut wire = Wire::with(&[(20, Category::IntegrationEngine)]);
        for round in 0..5 {
            for client in 1..=3 {
                wire.tell(client, 20, Fact::ConversationStarted(syn(64, LINUX)));
                wire.tell(20, client, Fact::Tcp(TcpEvent::Answered(syn(64, LINUX))));
                wire.wait(7_000 + round * 900);
            }
        }
        assert_eq!(wire.serious(), []);
        for client in 1..=3 {
            wire.tell(20, client, Fact::Tcp(TcpEvent::Refused));
            wire.wait(1_000);
        }
        assert!(wire.is_told(Attack::Outage, "service-stopped"), "{:?}", wire.serious());
    }
}

mod physical {
    use super::*;

    #[test]
    fn a_clone_has_another_stack() {
        let mut wire = Wire::with(&[(7, Category::InfusionPump)]);
        for number in 0..10 {
            wire.tell(7, 20, Fact::ConversationStarted(syn(64, LINUX)));
            wire.wait(61_000 + number * 7_000);
        }
        assert_eq!(wire.serious(), []);
        wire.tell(7, 20, Fact::ConversationStarted(syn(128, OTHER)));
        assert!(wire.is_told(Attack::Physical, "changed-machine"), "{:?}", wire.serious());
    }

    #[test]
    fn two_systems_behind_one_address_are_a_persons_computer_or_two_machines() {
        let turns = |peers: u8| {
            let mut wire = Wire::with(&[(7, Category::Workstation)]);
            for round in 0..12 {
                let (time_to_live, options) = if round % 2 == 0 { (64, LINUX) } else { (128, OTHER) };
                wire.tell(7, 20 + round % peers, Fact::ConversationStarted(syn(time_to_live, options)));
                wire.wait(4_000);
            }
            wire
        };
        // Whoever speaks to two stations only is a device, whatever system it runs.
        assert!(turns(2).is_told(Attack::Physical, "changed-machine"));
        assert_eq!(turns(6).serious(), []);
    }

    #[test]
    fn one_client_at_two_places_behind_one_router_is_two_machines() {
        let router =
            |last: u8| Station { mac: Some(MacAddress([0x00, 0x1b, 0x17, 0, 0, 1])), ..station(last) };
        let doubled = |router: &dyn Fn(u8) -> Station, routed: bool| {
            let mut wire = Wire::default();
            for last in 100..120 {
                if routed {
                    wire.tell_between(router(last), station(20), Fact::ConversationStarted(syn(62, LINUX)));
                }
            }
            for round in 0..20 {
                let from = if round >= 10 && round % 2 == 0 { 66 } else { 7 };
                let connect = MqttFact::Connect {
                    level: 4,
                    client: Label::new("PATCH-0042"),
                    keep_alive_s: 60,
                    clean: true,
                    will: None,
                    has_account: false,
                };
                wire.tell_between(router(from), station(20), Fact::Mqtt(Box::new(connect)));
                wire.wait(10_000);
            }
            wire.is_told(Attack::Physical, "one-identity-two-places")
        };
        assert!(doubled(&router, true));
        assert!(!doubled(&router, false), "one machine with two addresses");
    }

    #[test]
    fn another_route_is_no_other_machine() {
        let mut wire = Wire::with(&[(7, Category::InfusionPump)]);
        for number in 0..10 {
            wire.tell(7, 20, Fact::ConversationStarted(syn(64 - number % 3, LINUX)));
            wire.wait(61_000 + i64::from(number) * 7_000);
        }
        assert_eq!(wire.serious(), []);
    }

    #[test]
    fn a_second_source_for_one_patient_is_a_pseudo_sensor() {
        let mut wire = Wire::with(&[(7, Category::BuildingAutomation)]);
        report(&mut wire, 7, "a", 0, 80, 5_000);
        let other = |wire: &mut Wire, number: u32| {
            let fact = result("a", &format!("x{number}"), "147842", 140.0, Some(wire.now()));
            wire.tell(66, 20, Fact::Hl7(Box::new(fact)));
            wire.wait(3_000);
        };
        for number in 80..86 {
            report(&mut wire, 7, "a", number, 1, 2_000);
            other(&mut wire, number);
        }
        // One that takes the other's place is seen beside it for a moment.
        let mut replaced = wire.clone();
        (86..110).for_each(|number| other(&mut replaced, number));
        assert!(!replaced.is_told(Attack::Physical, "pseudo-sensor"), "{:?}", replaced.serious());
        for number in 86..100 {
            report(&mut wire, 7, "a", number, 1, 2_000);
            other(&mut wire, number);
        }
        let findings = wire.findings();
        let finding = findings.iter().find(|finding| finding.detector.as_str() == "pseudo-sensor").unwrap();
        assert_eq!(finding.attack, Attack::Physical);
        assert_eq!(finding.source.as_ref().unwrap().ip, Some(ip(66)));
        assert_eq!(finding.device.as_ref().unwrap().ip, Some(ip(7)));
    }

    /// Heart rate and pulse of one patient, apart by so much from the fortieth report on.
    fn two_hearts(apart: impl Fn(u32) -> f64) -> Vec<(Attack, String)> {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor)]);
        for number in 0..90 {
            let rate = 90.0 + f64::from(number % 5);
            let mut fact = result("a", &format!("h{number}"), "147842", rate, Some(wire.now()));
            let mut pulse = fact.observations.first().unwrap().clone();
            pulse.code = Label::new("149530");
            pulse.value = Hl7Value::Number(rate - if number < 40 { 1.0 } else { apart(number) });
            fact.observations = fact.observations.iter().cloned().chain([pulse]).collect();
            wire.tell(7, 20, Fact::Hl7(Box::new(fact)));
            wire.wait(5_000);
        }
        wire.serious()
    }

    #[test]
    fn an_irregular_rhythm_is_no_second_heart() {
        assert!(
            two_hearts(|number| 25.0 + f64::from(number % 3)).iter().any(|(_, rule)| rule == "two-hearts")
        );
        // Beats without a pulse come by chance.
        assert_eq!(two_hearts(|number| 17.0 + f64::from(number * 7 % 19)), []);
    }

    #[test]
    fn a_value_that_cannot_be_points_to_the_sensor_and_no_value_to_nothing() {
        let reading = |value: f64| {
            Fact::Measurement(Box::new(MeasurementFact {
                protocol: Protocol::Mqtt,
                code: Label::new("spo2"),
                system: None,
                value,
                unit: None,
                time: None,
                patient: None,
                location: None,
                device: Some(Label::new("ox-1")),
            }))
        };
        let mut wire = Wire::with(&[(7, Category::BuildingAutomation)]);
        for number in 0..30 {
            wire.tell(7, 20, reading(95.0 + f64::from(number % 4)));
            wire.wait(2_000 + i64::from(number % 5) * 400);
        }
        wire.tell(7, 20, reading(32_767.0));
        assert_eq!(wire.serious(), []);
        wire.tell(7, 20, reading(140.0));
        assert!(wire.is_told(Attack::Physical, "impossible-value"), "{:?}", wire.serious());
    }

    #[test]
    fn a_living_signal_does_not_stand_still() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor)]);
        report(&mut wire, 7, "a", 0, 40, 5_000);
        for number in 40..240 {
            let control = format!("7-{number}");
            wire.tell(7, 20, Fact::Hl7(Box::new(result("a", &control, "147842", 75.0, Some(wire.now())))));
            wire.wait(5_000);
        }
        assert!(wire.is_told(Attack::Physical, "living-signal-stands-still"), "{:?}", wire.serious());
    }
}

mod eavesdropping {
    use super::*;

    fn sound() -> Fact {
        Fact::Rtp(RtpFact { payload_type: 0, source: 7, interval_ms: 20 })
    }

    #[test]
    fn a_pump_has_no_voice_and_a_telephone_has() {
        let mut wire = Wire::with(&[(7, Category::InfusionPump), (9, Category::Phone)]);
        wire.tell(9, 20, sound());
        assert_eq!(wire.serious(), []);
        wire.tell(7, 20, sound());
        assert!(wire.is_told(Attack::Eavesdropping, "sound-without-role"));
    }

    #[test]
    fn the_pace_of_speech_is_enough() {
        let mut wire = Wire::with(&[(7, Category::InfusionPump)]);
        wire.tell(7, 20, Fact::Pace(PaceFact { interval_ms: 20, bytes_mean: 130, answered: true }));
        assert!(wire.is_told(Attack::Eavesdropping, "sound-without-role"));
    }

    #[test]
    fn what_nobody_knows_is_said_softly() {
        let mut wire = Wire::default();
        let nobody = Station { mac: Some(MacAddress([0x02, 0, 0, 0, 0, 7])), ..station(7) };
        wire.tell_between(nobody, station(20), sound());
        assert_eq!(wire.serious(), []);
    }

    /// Stations behind one router, which alone has a link address, and one outside.
    fn behind(last: u8) -> Station {
        Station { mac: Some(MacAddress([0x00, 0x1b, 0x17, 0, 0, 1])), ..station(last) }
    }

    fn outside() -> Station {
        let ip = Some(IpAddr::V4(Ipv4Addr::new(41, 7, 7, 7)));
        Station { mac: Some(MacAddress([0x00, 0x1b, 0x17, 0, 0, 2])), ip, ..station(7) }
    }

    fn pace(answered: bool) -> Fact {
        Fact::Pace(PaceFact { interval_ms: 20, bytes_mean: 130, answered })
    }

    #[test]
    fn a_voice_that_nobody_answers_and_nobody_called_is_listened_to() {
        let mut wire = Wire::default();
        wire.tell_between(behind(30), outside(), Fact::ConversationStarted(syn(63, LINUX)));
        wire.tell_between(outside(), behind(30), Fact::Tcp(TcpEvent::Answered(syn(50, LINUX))));
        wire.wait(60_000);
        let told = |wire: &Wire, fact: Fact| {
            let mut wire = wire.clone();
            wire.tell_between(behind(7), outside(), sound());
            wire.wait(10_000);
            wire.tell_between(behind(7), outside(), fact);
            wire.is_told(Attack::Eavesdropping, "sound-without-role")
        };
        assert!(told(&wire, pace(false)));
        assert!(!told(&wire, pace(true)), "whoever answers takes part in a call");
        let mut called = wire.clone();
        let sip = SipFact {
            message: SipMessage::Request(Label::new("INVITE")),
            agent: None,
            call: None,
            media: None,
        };
        called.tell_between(behind(7), behind(9), Fact::Sip(Box::new(sip)));
        assert!(!told(&called, pace(false)), "a telephone that is on hold");
        assert!(!told(&Wire::default(), pace(false)), "a mirror port that shows one direction");
    }

    #[test]
    fn a_voice_for_somebody_who_has_just_come_is_no_telephone() {
        let listener = |waited: i64| {
            let mut wire = Wire::default();
            wire.tell_between(behind(7), behind(5), Fact::ConversationStarted(syn(63, LINUX)));
            wire.wait(60_000);
            wire.tell_between(behind(66), behind(7), Fact::ConversationStarted(syn(63, LINUX)));
            wire.wait(waited);
            wire.tell_between(behind(7), behind(66), sound());
            wire.wait(10_000);
            wire.tell_between(behind(7), behind(66), pace(false));
            wire.serious()
        };
        assert_eq!(listener(5_000), [(Attack::Eavesdropping, "sound-without-role".to_owned())]);
        assert_eq!(listener(3_600_000), []);
    }
}

mod traffic_analysis {
    use super::*;

    #[test]
    fn an_acknowledged_message_needs_no_second_copy() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor)]);
        report(&mut wire, 7, "a", 0, 40, 5_000);
        assert_eq!(wire.serious(), []);
        // The first messages once more, from another connection.
        for number in 0..4 {
            let control = format!("7-{number}");
            let then = Timestamp::from_seconds(START_SECONDS + 5 * i64::from(number));
            let old = result("a", &control, "147842", 70.0 + f64::from(number % 7), Some(then));
            let from = Station { port: 2_222, ..station(7) };
            wire.tell_between(from, station(20), Fact::Hl7(Box::new(old)));
            wire.wait(500);
        }
        assert!(wire.is_told(Attack::TrafficAnalysis, "message-sent-again"), "{:?}", wire.serious());
    }

    #[test]
    fn a_message_without_acknowledgement_is_sent_again_in_peace() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor)]);
        for number in 0..20 {
            let fact =
                result("a", &format!("7-{number}"), "147842", 70.0 + f64::from(number % 7), Some(wire.now()));
            for _ in 0..2 {
                wire.tell(7, 20, Fact::Hl7(Box::new(fact.clone())));
                wire.wait(2_500);
            }
            acknowledge(&mut wire, 20, 7, &format!("7-{number}"));
        }
        assert_eq!(wire.serious(), []);
    }

    #[test]
    fn old_results_under_new_numbers_are_told() {
        let mut wire = Wire::with(&[(7, Category::PatientMonitor)]);
        report(&mut wire, 7, "a", 0, 30, 5_000);
        for number in 0..4_u32 {
            let then = Timestamp::from_seconds(START_SECONDS + 5 * i64::from(number));
            let old =
                result("a", &format!("new{number}"), "147842", 70.0 + f64::from(number % 7), Some(then));
            wire.tell(7, 20, Fact::Hl7(Box::new(old)));
            wire.wait(700);
        }
        assert!(wire.is_told(Attack::TrafficAnalysis, "results-sent-again"), "{:?}", wire.serious());
    }

    fn publish(topic: &str, content: &str) -> Fact {
        Fact::Mqtt(Box::new(MqttFact::Publish {
            topic: TopicShape { shape: Label::new("ward/*/vitals"), topic: pseudonym(topic) },
            retained: false,
            duplicate: false,
            quality: 0,
            payload_bytes: 64,
            content: pseudonym(content),
        }))
    }

    #[test]
    fn a_topic_of_one_device_belongs_to_it() {
        let mut wire = Wire::default();
        let broker = Station { port: 80, ..station(20) };
        for number in 0..30 {
            wire.tell_between(station(7), broker, publish("bed 1", &format!("c{number}")));
            wire.wait(3_000 + i64::from(number % 7) * 500);
        }
        assert_eq!(wire.serious(), []);
        let before = wire.observations.clone();
        for number in 0..3 {
            wire.tell_between(station(66), broker, publish("bed 1", &format!("evil{number}")));
            wire.wait(800);
        }
        assert_eq!(wire.serious(), [], "the owner has another address from now on");
        wire.observations = before;
        for number in 0..3 {
            wire.tell_between(station(66), broker, publish("bed 1", &format!("evil{number}")));
            wire.wait(800);
            wire.tell_between(station(7), broker, publish("bed 1", &format!("d{number}")));
            wire.wait(2_000);
        }
        assert!(wire.is_told(Attack::TrafficAnalysis, "message-of-a-stranger"), "{:?}", wire.serious());
    }
}

mod gathering {
    use super::*;

    #[test]
    fn who_asks_for_everything_is_told_unless_he_is_management() {
        let subscribe = || {
            Fact::Mqtt(Box::new(MqttFact::Subscribe {
                filter: TopicShape { shape: Label::new("#"), topic: pseudonym("#") },
                everything: true,
            }))
        };
        let mut wire = Wire::default();
        wire.tell(66, 20, subscribe());
        assert!(wire.is_told(Attack::PassiveGathering, "subscribe-to-everything"));
        wire.site.servers.push(SiteServer { ip: ip(66), role: ServerRole::Management });
        assert_eq!(wire.serious(), []);
    }

    #[test]
    fn names_that_carry_data_are_a_tunnel() {
        let question = |name: &str| {
            Fact::Dns(Box::new(DnsFact {
                protocol: Protocol::Dns,
                response: false,
                opcode: 0,
                response_code: 0,
                questions: std::iter::once(DnsQuestion { name: Label::new(name), record_type: 16 }).collect(),
                answers: Bounded::default(),
            }))
        };
        let mut wire = Wire::default();
        for number in 0..60_u32 {
            wire.tell(7, 53, question(&format!("www{number}.some-long-ordinary-name.example.org")));
            wire.wait(200);
        }
        assert_eq!(wire.serious(), []);
        for number in 0..60_u32 {
            let data = random_text(number);
            wire.tell(7, 53, question(&format!("{data}.t.example.net")));
            wire.wait(200);
        }
        assert!(wire.is_told(Attack::PassiveGathering, "name-tunnel"), "{:?}", wire.serious());
    }

    /// Text that looks random and is the same in every run.
    fn random_text(number: u32) -> String {
        let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut text = String::new();
        for _ in 0..40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 20) as usize % 32]));
        }
        text
    }

    fn arp(operation: ArpOperation, mac: u8, own: u8, target: u8) -> Fact {
        let address = |last| Ipv4Addr::new(10, 20, 3, last);
        Fact::Arp(ArpFact {
            operation,
            sender_mac: MacAddress([0x00, 0x25, 0xb3, 0, 0, mac]),
            sender_ip: address(own),
            target_mac: MacAddress::default(),
            target_ip: address(target),
        })
    }

    #[test]
    fn who_asks_for_an_address_that_he_claimed_stands_in_the_way() {
        let mut wire = Wire::default();
        wire.tell(66, 7, arp(ArpOperation::Reply, 66, 1, 7));
        wire.wait(10_000);
        wire.tell(66, 255, arp(ArpOperation::Request, 66, 66, 1));
        assert!(wire.is_told(Attack::PassiveGathering, "arp-interception"), "{:?}", wire.serious());
    }

    #[test]
    fn who_asks_for_a_whole_network_looks_for_stations() {
        let mut wire = Wire::default();
        for last in 1..=80 {
            wire.tell(66, 255, arp(ArpOperation::Request, 66, 66, last));
            wire.wait(50);
        }
        assert!(wire.is_told(Attack::PassiveGathering, "neighbor-sweep"), "{:?}", wire.serious());
    }

    fn offer(server: u8, router: u8, client: u8) -> Fact {
        Fact::Dhcp(Box::new(DhcpFact {
            message: DhcpMessage::Offer,
            client_mac: MacAddress([0x00, 0x09, 0xfb, 1, 1, client]),
            client_ip: None,
            your_ip: Some(Ipv4Addr::new(10, 20, 3, 100 + client)),
            requested_ip: None,
            server: Some(Ipv4Addr::new(10, 20, 3, server)),
            relay: None,
            host_name: None,
            domain_name: None,
            vendor_class: None,
            user_class: None,

            client_identifier: None,
            parameters: Bounded::default(),
            options: Bounded::default(),
            lease_s: Some(3_600),
            routers: std::iter::once(Ipv4Addr::new(10, 20, 3, router)).collect(),
            name_servers: Bounded::default(),
            mud_url: None,
        }))
    }

    #[test]
    fn two_address_servers_that_agree_share_the_work_and_one_that_differs_misleads() {
        let mut wire = Wire::default();
        for client in 1..=5 {
            wire.tell(2, 255, offer(2, 1, client));
            wire.tell(3, 255, offer(3, 1, client));
            wire.wait(60_000);
        }
        assert_eq!(wire.serious(), []);
        wire.tell(66, 255, offer(66, 66, 6));
        assert!(wire.is_told(Attack::PassiveGathering, "second-dhcp-server"), "{:?}", wire.serious());
    }
}

mod exhaustion {
    use super::*;

    #[test]
    fn connections_that_are_held_open_use_up_a_server() {
        let mut wire = Wire::with(&[(20, Category::Ehr)]);
        for port in 0..150 {
            let client = Station { port: 20_000 + port, ..station(66) };
            wire.tell_between(client, Station { port: 80, ..station(20) }, Fact::Tcp(TcpEvent::Opened));
            wire.wait(300);
        }
        assert!(wire.is_told(Attack::DenialOfService, "connections-held"), "{:?}", wire.serious());
    }

    #[test]
    fn made_up_stations_use_up_the_leases() {
        let mut wire = Wire::default();
        for number in 0..60 {
            let mac = MacAddress([0x9a, 0x11, 3, 7, 9, number]);
            let mut fact = DhcpFact {
                message: DhcpMessage::Discover,
                client_mac: mac,
                client_ip: None,
                your_ip: None,
                requested_ip: None,
                server: None,
                relay: None,
                host_name: None,
                domain_name: None,
                vendor_class: None,
                user_class: None,
                client_identifier: None,
                parameters: Bounded::default(),
                options: Bounded::default(),
                lease_s: None,
                routers: Bounded::default(),
                name_servers: Bounded::default(),
                mud_url: None,
            };
            fact.lease_s = None;
            wire.tell(66, 255, Fact::Dhcp(Box::new(fact)));
            wire.wait(60);
        }
        assert!(wire.is_told(Attack::DenialOfService, "leases-used-up"), "{:?}", wire.serious());
    }
}

mod malfunction {
    use super::*;

    fn control(operation: ControlOperation, object: u32) -> Fact {
        Fact::Control(Box::new(ControlFact {
            protocol: Protocol::Modbus,
            operation,
            command: Label::new("Write Single Register"),
            object: Some(Label::new(&format!("holding register {object}"))),
            objects: 1,
            authenticated: false,
            accepted: None,
        }))
    }

    #[test]
    fn a_stranger_that_erases_is_told_and_a_controller_at_work_is_not() {
        let mut wire = Wire::with(&[(7, Category::InfusionPump)]);
        for round in 0..200 {
            wire.tell(30, 7, control(ControlOperation::Read, round % 5));
            if round % 10 == 9 {
                wire.tell(30, 7, control(ControlOperation::Write, 3));
            }
            wire.wait(4_000 + i64::from(round % 3) * 900);
        }
        assert_eq!(wire.serious(), []);
        wire.tell(66, 7, control(ControlOperation::Erase, 3));
        let findings = wire.findings();
        let finding = findings.iter().find(|finding| finding.attack == Attack::NodeMalfunction).unwrap();
        assert_eq!(finding.severity, Severity::Critical, "a pump treats");
        assert_eq!(finding.source.as_ref().unwrap().ip, Some(ip(66)));
        assert_eq!(finding.device.as_ref().unwrap().ip, Some(ip(7)));
    }

    #[test]
    fn a_resource_deleted_over_coap_is_a_setting_only_where_its_path_says_so() {
        let delete = |path: &str| {
            Fact::Control(Box::new(ControlFact {
                protocol: Protocol::Coap,
                operation: ControlOperation::Erase,
                command: Label::new("DELETE"),
                object: Some(Label::new(path)),
                objects: 1,
                authenticated: false,
                accepted: None,
            }))
        };
        let mut wire = Wire::with(&[(7, Category::BuildingAutomation)]);
        let erased = |wire: &Wire| wire.findings().iter().any(|finding| finding.summary.contains("erases"));
        wire.tell(66, 7, delete("/store/reading"));
        assert!(!erased(&wire));
        wire.tell(67, 7, delete("/alarm/limits"));
        assert!(erased(&wire));
    }
}

/// What the rules keep is bounded: a month of made-up names and addresses takes no more than a day.
#[test]
fn floods_of_names_are_forgotten() {
    let mut assessor = Assessor::new(Settings::default());
    let mut wire = Wire::default();
    for number in 0..40_000_u32 {
        let patient = format!("p{number}");
        let mut fact = result(&patient, &format!("m{number}"), "147842", 70.0, None);
        fact.sending_application = Some(Label::new(&format!("A{number}")));
        wire.tell((number % 250) as u8, 20, Fact::Hl7(Box::new(fact)));
        wire.wait(100);
        let observation = wire.observations.pop().unwrap();
        assessor.observe(&observation);
    }
    assessor.finish(wire.now());
    assert!(assessor.findings().count() < 600, "{}", assessor.findings().count());
}
