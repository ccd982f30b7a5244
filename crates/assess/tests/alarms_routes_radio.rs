//! What devices say of their alarms, who leads on the way, and links over a radio: the attack is told as what it is, and
//! what explains it keeps it silent.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::{
    AlarmFact, AlarmLimits, ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject,
    NeighborFact, NeighborKind, PatientDataFact, PatientField, PatientFields, RadioLinkEvent, RadioLinkFact,
    RoutingFact, RoutingKind, SdcFact,
};
use wardline_model::{
    Attack, Bounded, Category, Fact, KnownDevice, Label, MacAddress, MaintenanceWindow, Observation,
    Protocol, RadioAddress, ServerRole, Severity, Sighting, Site, SiteServer, Station, Timestamp, Transport,
};

const START_SECONDS: i64 = 1_772_434_800;

/// Everything that was seen, in order.
#[derive(Clone, Default)]
struct Wire {
    observations: Vec<Observation>,
    baseline: usize,
    seconds: i64,
    site: Site,
}

impl Wire {
    fn wait(&mut self, seconds: i64) {
        self.seconds += seconds;
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START_SECONDS + self.seconds)
    }

    fn tell(&mut self, from: Station, to: Station, fact: Fact) {
        let packet = self.observations.len() as u64 + 1;
        let sighting = Sighting { time: self.now(), packet, ..Sighting::default() };
        let transport = from.ip.map(|_| Transport::TCP);
        self.observations.push(Observation { sighting, from, to, transport, vlan: None, fact });
    }

    /// All so far was a baseline.
    fn learned(&mut self) {
        self.baseline = self.observations.len();
    }

    /// Attack, rule and severity of each finding above low.
    fn serious(&self) -> Vec<(Attack, String, Severity)> {
        let mut assessor = Assessor::new(Settings { site: self.site.clone(), ..Settings::default() });
        let (learned, seen) = self.observations.split_at(self.baseline);
        learned.iter().for_each(|observation| assessor.learn(observation));
        seen.iter().for_each(|observation| assessor.observe(observation));
        assessor.finish(self.now());
        let whole = assessor.findings().all(|finding| {
            !finding.silent_if.is_empty() && !finding.evidence.is_empty() && !finding.techniques.is_empty()
        });
        assert!(whole);
        let serious = assessor.findings().filter(|finding| finding.severity > Severity::Low);
        serious.map(|finding| (finding.attack, finding.detector.to_string(), finding.severity)).collect()
    }

    fn tells(&self, rule: &str) -> bool {
        self.serious().iter().any(|(_, detector, _)| detector == rule)
    }
}

fn station(last: u8) -> Station {
    Station {
        mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, 0, last])),
        ip: Some(IpAddr::V4(Ipv4Addr::new(10, 20, 3, last))),
        port: 1000,
        radio: None,
    }
}

fn announced() -> MaintenanceWindow {
    MaintenanceWindow {
        devices: vec![],
        zones: vec![],
        from: Some(Timestamp::from_seconds(START_SECONDS)),
        until: Some(Timestamp::from_seconds(START_SECONDS + 86_400)),
        days: vec![],
        start_minute: None,
        length_minutes: None,
        reason: None,
    }
}

mod alarms {
    use super::*;

    const CENTRAL: u8 = 200;
    const STRANGER: u8 = 66;

    fn alarm(activation: &str, limits: Option<(f64, f64)>) -> Fact {
        Fact::Alarm(Box::new(AlarmFact {
            protocol: Protocol::Sdc,
            event: Label::new("rate.limit"),
            name: Some(Label::new("rate.limit")),
            source: None,
            phase: None,
            state: Some(Label::new("false")),
            inactivation: Some(Label::new(activation)),
            priority: None,
            kind: None,
            time: None,
            patient: None,
            location: None,
            device: None,
            limits: limits.map(|(lower, upper)| AlarmLimits { lower: Some(lower), upper: Some(upper) }),
        }))
    }

    fn order() -> Fact {
        Fact::Control(Box::new(ControlFact {
            protocol: Protocol::Sdc,
            operation: ControlOperation::Configure,
            command: Label::new("SetAlertState"),
            object: None,
            objects: 1,
            authenticated: false,
            accepted: None,
        }))
    }

    fn ward(activation: &str) -> Wire {
        let mut wire = Wire::default();
        for device in 1..=8 {
            wire.tell(station(device), station(CENTRAL), alarm(activation, Some((50.0, 120.0))));
        }
        wire.wait(1_200);
        wire
    }

    #[test]
    fn an_alarm_that_is_lost_on_a_strangers_order_is_told_at_once() {
        for lost in [alarm("Off", None), alarm("Psd", None), alarm("On", Some((10.0, 250.0)))] {
            let mut wire = ward("On");
            wire.tell(station(STRANGER), station(1), order());
            wire.wait(2);
            wire.tell(station(1), station(CENTRAL), lost);
            assert!(wire.tells("alarm-lost-on-order"), "{:?}", wire.serious());
            let mut by_order = wire.clone();
            let server = SiteServer { ip: station(STRANGER).ip.unwrap(), role: ServerRole::CentralStation };
            by_order.site.servers.push(server);
            assert!(!by_order.tells("alarm-lost-on-order"));
            wire.site.maintenance.push(announced());
            assert!(!wire.tells("alarm-lost-on-order"));
        }
    }

    #[test]
    fn who_gives_orders_all_day_and_who_stands_at_the_bed_are_not_told() {
        let mut wire = ward("On");
        wire.tell(station(CENTRAL), station(1), order());
        wire.wait(1_200);
        wire.tell(station(CENTRAL), station(1), order());
        wire.tell(station(1), station(CENTRAL), alarm("Psd", None));
        assert!(!wire.tells("alarm-lost-on-order"), "orders for twenty minutes");
        let mut wire = ward("On");
        wire.tell(station(1), station(CENTRAL), alarm("Off", Some((20.0, 250.0))));
        assert!(wire.serious().is_empty(), "nobody but the nurse");
    }

    #[test]
    fn the_alarms_of_a_ward_that_go_off_together_are_told() {
        let off = |wire: &mut Wire, apart: i64, activation: &str| {
            for device in 1..=6 {
                wire.tell(station(device), station(CENTRAL), alarm(activation, None));
                wire.wait(apart);
            }
        };
        let mut wire = ward("On");
        off(&mut wire, 5, "Off");
        assert_eq!(
            wire.serious(),
            [(Attack::NodeMalfunction, "alarms-off-together".to_owned(), Severity::High)]
        );
        wire.site.maintenance.push(announced());
        assert!(wire.serious().is_empty());
        for (apart, activation) in [(120, "Off"), (5, "Psd")] {
            let mut wire = ward("On");
            off(&mut wire, apart, activation);
            assert!(wire.serious().is_empty(), "one after the other, and pauses: {activation}");
        }
        let mut wire = ward("Off");
        off(&mut wire, 5, "Off");
        assert!(wire.serious().is_empty(), "they were off from the start");
    }

    #[test]
    fn a_pause_that_does_not_end_is_told() {
        let pause = |minutes: i64, activation: &str| {
            let mut wire = ward("On");
            wire.tell(station(1), station(CENTRAL), alarm(activation, None));
            wire.wait(minutes * 60);
            wire.tell(station(1), station(CENTRAL), alarm(activation, None));
            wire.tells("alarm-paused-long")
        };
        assert!(pause(31, "Psd"));
        assert!(!pause(10, "Psd") && !pause(31, "Off"));
    }

    fn told(version: u64) -> Fact {
        Fact::Sdc(Box::new(SdcFact {
            action: Label::new("EpisodicMetricReport"),
            mdib_version: Some(version),
            sequence: Some(Label::new("urn:uuid:0b6d1c0e-6f63-4d3a-8d3c-0c2ad9b7c7aa")),
        }))
    }

    /// A device reports, and another station tells of the same run.
    fn second(versions: impl Fn(u64) -> u64, goes_on: bool) -> Wire {
        let mut wire = Wire::default();
        for version in 1..=20 {
            if version < 10 || goes_on {
                wire.tell(station(1), station(CENTRAL), told(version));
            }
            if version >= 10 {
                wire.tell(station(STRANGER), station(CENTRAL), told(versions(version)));
            }
            wire.wait(5);
        }
        wire
    }

    #[test]
    fn a_run_belongs_to_one_device() {
        let forged = second(|version| version + 500, true);
        assert_eq!(forged.serious()[0].1, "sequence-of-another");
        assert!(second(|version| version, true).serious().is_empty(), "passed on");
        assert!(second(|version| version, false).serious().is_empty(), "the device moved to another address");
    }

    fn ask() -> Fact {
        let action = Label::new("GetMdib");
        Fact::Sdc(Box::new(SdcFact { action, mdib_version: None, sequence: None }))
    }

    #[test]
    fn a_new_consumer_that_asks_everybody_is_told() {
        let asks = |wire: &mut Wire| {
            for device in 1..=6 {
                wire.tell(station(STRANGER), station(device), ask());
                wire.wait(2);
            }
        };
        let mut wire = ward("On");
        wire.tell(station(CENTRAL), station(1), ask());
        wire.wait(700);
        asks(&mut wire);
        assert!(wire.tells("new-consumer"));
        let mut central = wire.clone();
        central.site.servers =
            vec![SiteServer { ip: station(STRANGER).ip.unwrap(), role: ServerRole::CentralStation }];
        assert!(!central.tells("new-consumer"));
        let mut learned = Wire::default();
        asks(&mut learned);
        learned.learned();
        learned.wait(700);
        asks(&mut learned);
        assert!(!learned.tells("new-consumer"), "the baseline showed it");
    }
}

mod routes {
    use super::*;

    fn routing(protocol: Protocol) -> RoutingFact {
        RoutingFact {
            protocol,
            kind: RoutingKind::Hello,
            router: None,
            leader: None,
            leads: false,
            group: None,
            priority: None,
            addresses: Bounded::new(),
            routes: 0,
            default_route: false,
            authenticated: Some(false),
        }
    }

    fn bridge(own: &str, root: &str) -> Fact {
        Fact::Routing(Box::new(RoutingFact {
            router: Some(Label::new(own)),
            leader: Some(Label::new(root)),
            leads: own == root,
            ..routing(Protocol::Stp)
        }))
    }

    const ROOT: &str = "4096/00:1c:0e:00:00:01";
    const SWITCH: &str = "32768/00:1c:0e:00:00:02";
    const FORGED: &str = "0/00:09:fb:00:00:42";

    fn link(last: u8) -> Station {
        Station { ip: None, port: 0, ..station(last) }
    }

    fn tree() -> Wire {
        let mut wire = Wire::default();
        for _ in 0..4 {
            wire.tell(link(2), Station::default(), bridge(SWITCH, ROOT));
            wire.wait(150);
        }
        wire
    }

    #[test]
    fn a_bridge_from_nowhere_that_becomes_root_is_told_and_a_successor_is_not() {
        let mut wire = tree();
        wire.tell(link(66), Station::default(), bridge(FORGED, FORGED));
        wire.wait(2);
        wire.tell(link(2), Station::default(), bridge(SWITCH, FORGED));
        assert_eq!(wire.serious(), [(Attack::Routing, "new-root-bridge".to_owned(), Severity::High)]);
        wire.site.maintenance.push(announced());
        assert!(wire.serious().is_empty());
        let mut wire = tree();
        wire.tell(link(2), Station::default(), bridge(SWITCH, SWITCH));
        assert!(wire.serious().is_empty(), "the root failed, and the next one follows");
        wire.wait(60);
        wire.tell(link(2), Station::default(), bridge(SWITCH, ROOT));
        assert!(wire.serious().is_empty(), "and it is back");
    }

    #[test]
    fn two_trees_on_one_mirror_port_are_no_war() {
        let mut wire = Wire::default();
        for _ in 0..60 {
            wire.tell(link(2), Station::default(), bridge(SWITCH, ROOT));
            let other = "24576/00:1c:0e:00:00:09";
            wire.tell(link(9), Station::default(), bridge(other, other));
            wire.wait(10);
        }
        assert!(wire.serious().is_empty());
    }

    #[test]
    fn a_root_that_comes_and_goes_is_a_war() {
        let mut wire = tree();
        for _ in 0..4 {
            wire.tell(link(2), Station::default(), bridge(SWITCH, FORGED));
            wire.wait(5);
            wire.tell(link(2), Station::default(), bridge(SWITCH, ROOT));
            wire.wait(5);
        }
        assert!(wire.tells("leadership-fought-over"));
    }

    fn redundant(protocol: Protocol, kind: RoutingKind, priority: u32) -> Fact {
        Fact::Routing(Box::new(RoutingFact {
            kind,
            leads: kind == RoutingKind::Hello,
            group: Some(Label::new("7")),
            priority: Some(priority),
            addresses: std::iter::once(IpAddr::V4(Ipv4Addr::new(10, 20, 3, 254))).collect(),
            ..routing(protocol)
        }))
    }

    #[test]
    fn a_stranger_that_takes_over_the_gateway_is_told_and_the_reserve_is_not() {
        for protocol in [Protocol::Vrrp, Protocol::Hsrp] {
            let settled = || {
                let mut wire = Wire::default();
                wire.tell(station(250), station(18), redundant(protocol, RoutingKind::Hello, 110));
                wire.wait(400);
                wire.tell(station(250), station(18), redundant(protocol, RoutingKind::Hello, 110));
                wire
            };
            let mut wire = settled();
            wire.tell(station(66), station(18), redundant(protocol, RoutingKind::Hello, 255));
            assert_eq!(wire.serious(), [(Attack::Routing, "new-leading-router".to_owned(), Severity::High)]);
            wire.site.servers = vec![SiteServer { ip: station(66).ip.unwrap(), role: ServerRole::Router }];
            assert!(wire.serious().is_empty());
            let mut wire = settled();
            wire.tell(station(251), station(18), redundant(protocol, RoutingKind::Hello, 100));
            assert!(wire.serious().is_empty(), "the reserve ranks lower");
            let mut wire = settled();
            wire.tell(station(250), station(18), redundant(protocol, RoutingKind::Resignation, 0));
            wire.tell(station(251), station(18), redundant(protocol, RoutingKind::Hello, 200));
            assert!(wire.serious().is_empty(), "the first one resigned");
        }
    }

    #[test]
    fn a_new_router_that_knows_the_way_to_everywhere_is_told() {
        let rip = |default_route: bool| {
            Fact::Routing(Box::new(RoutingFact {
                kind: RoutingKind::Routes,
                routes: 1,
                default_route,
                ..routing(Protocol::Rip)
            }))
        };
        let settled = || {
            let mut wire = Wire::default();
            wire.site.devices = vec![KnownDevice {
                ip: station(66).ip,
                category: Some(Category::Workstation),
                ..KnownDevice::default()
            }];
            wire.tell(station(250), station(18), rip(true));
            wire.wait(400);
            wire
        };
        let mut wire = settled();
        wire.tell(station(66), station(18), rip(true));
        assert_eq!(wire.serious(), [(Attack::Routing, "new-router".to_owned(), Severity::High)]);
        let mut wire = settled();
        wire.tell(station(250), station(18), rip(true));
        assert!(wire.serious().is_empty());
    }

    #[test]
    fn an_ipv6_redirect_of_a_host_is_told_and_one_of_the_router_is_not() {
        let neighbor = |kind| {
            Fact::Neighbor(Box::new(NeighborFact {
                kind,
                target: "fe80::66".parse().unwrap(),
                link_address: None,
                router: false,
                solicited: false,
                overriding: false,
            }))
        };
        let six = |last: u8| Station { ip: Some(format!("fe80::{last}").parse().unwrap()), ..station(last) };
        let mut wire = Wire::default();
        wire.tell(six(250), six(1), neighbor(NeighborKind::RouterAdvertisement));
        for _ in 0..4 {
            wire.tell(six(250), six(1), neighbor(NeighborKind::Redirect));
        }
        assert!(wire.serious().is_empty());
        for _ in 0..4 {
            wire.tell(six(66), six(1), neighbor(NeighborKind::Redirect));
        }
        assert!(wire.tells("redirects"));
    }
}

mod radio {
    use super::*;

    fn sensor() -> Station {
        Station { radio: Some(RadioAddress::BleStatic([0xc1, 0, 0, 0, 0, 1])), ..Station::default() }
    }

    fn phone() -> Station {
        Station { radio: Some(RadioAddress::BlePrivate([0x41; 6])), ..Station::default() }
    }

    fn event(wire: &mut Wire, event: RadioLinkEvent) {
        wire.tell(phone(), sensor(), Fact::RadioLink(RadioLinkFact { protocol: Protocol::Ble, event }));
    }

    fn readings(wire: &mut Wire) {
        let mut fields = PatientFields::default();
        fields.insert(PatientField::Result);
        let data = PatientDataFact { protocol: Protocol::Ble, fields };
        wire.tell(sensor(), phone(), Fact::PatientData(Box::new(data)));
    }

    fn connections(count: u32, encrypted: bool) -> Wire {
        let mut wire = Wire::default();
        for _ in 0..count {
            event(&mut wire, RadioLinkEvent::Connected { interval_us: 30_000 });
            if encrypted {
                event(&mut wire, RadioLinkEvent::Encrypted);
            } else {
                readings(&mut wire);
            }
            event(&mut wire, RadioLinkEvent::Ended);
            wire.wait(60);
        }
        wire
    }

    #[test]
    fn readings_that_were_protected_and_are_not_any_more_are_told() {
        let last = |mut wire: Wire| {
            event(&mut wire, RadioLinkEvent::Connected { interval_us: 30_000 });
            readings(&mut wire);
            wire
        };
        let given_up = last(connections(3, true)).serious();
        assert_eq!(
            given_up,
            [(Attack::PassiveGathering, "encryption-given-up".to_owned(), Severity::Medium)]
        );
        assert!(last(connections(3, false)).serious().is_empty(), "it never was protected");
    }

    #[test]
    fn an_order_in_the_clear_to_a_device_that_encrypts_is_told() {
        let mut wire = connections(3, true);
        event(&mut wire, RadioLinkEvent::Connected { interval_us: 30_000 });
        let order = |authenticated| {
            Fact::Control(Box::new(ControlFact {
                protocol: Protocol::Ble,
                operation: ControlOperation::Erase,
                command: Label::new("Record Access Control Point: delete stored records"),
                object: None,
                objects: 1,
                authenticated,
                accepted: None,
            }))
        };
        let mut protected = wire.clone();
        protected.tell(phone(), sensor(), order(true));
        assert!(protected.serious().is_empty());
        wire.tell(phone(), sensor(), order(false));
        assert_eq!(wire.serious()[0].2, Severity::High);
    }

    #[test]
    fn a_pairing_that_is_weaker_than_the_one_before_is_told() {
        let mut wire = Wire::default();
        event(&mut wire, RadioLinkEvent::Paired { sound: false });
        event(&mut wire, RadioLinkEvent::Paired { sound: false });
        assert!(wire.serious().is_empty(), "it can do no better");
        event(&mut wire, RadioLinkEvent::Paired { sound: true });
        assert!(wire.serious().is_empty());
        event(&mut wire, RadioLinkEvent::Paired { sound: false });
        assert!(wire.tells("pairing-weakened"));
    }

    fn introduce(wire: &mut Wire, serial: Option<&str>, model: Option<&str>, name: &str) {
        let device = DeviceIdentity {
            serial: serial.map(Label::new),
            model: model.map(Label::new),
            field: Label::new("Serial Number String"),
            ..DeviceIdentity::default()
        };
        let identity = IdentityFact {
            protocol: Protocol::Ble,
            subject: IdentitySubject::Sender,
            device,
            name: Some(Label::new(name)),
            description: None,
            role: None,
            attributes: Bounded::new(),
        };
        wire.tell(sensor(), phone(), Fact::Identity(Box::new(identity)));
    }

    #[test]
    fn one_address_with_two_serial_numbers_is_a_copy_and_another_name_is_not() {
        let mut wire = Wire::default();
        introduce(&mut wire, Some("SN-1"), Some("GL-2"), "Meter");
        introduce(&mut wire, None, Some("GL-2"), "Meter update");
        assert!(wire.serious().is_empty());
        introduce(&mut wire, Some("SN-2"), Some("GL-2"), "Meter");
        let copies = wire.serious();
        assert_eq!(copies, [(Attack::Physical, "one-radio-address-two-devices".to_owned(), Severity::High)]);
    }
}
