//! Which hospital: its networks, where the mirror port is, who stands where. All of it is drawn from the seed.

use std::net::{Ipv4Addr, Ipv6Addr};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use wardline_model::{Category, MacAddress};

use super::day::Twist;
use super::makers::{self, Kind};
use crate::conversation::Connection;
use crate::frames::End;

/// Which frames the mirror port shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vantage {
    /// One network, everything is seen once.
    Flat,
    /// The switches of the wards: routed frames as they are on the side of the devices.
    Wards,
    /// The switch of the servers: what stays within a ward is not seen.
    Servers,
    /// The trunk to the router: routed frames are seen twice, before and behind it.
    Trunk,
}

/// A network and the router's side of it.
#[derive(Clone, Debug)]
pub(super) struct Subnet {
    network: [u8; 3],
    pub vlan: u16,
    pub router: MacAddress,
    hosts: u8,
}

/// The network of the servers, and what lies outside.
pub(super) const SERVERS: usize = 0;
pub(super) const OUTSIDE: usize = usize::MAX;

/// What a unit does all day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Monitor,
    Pump,
    Ventilator,
    /// Publishes over MQTT.
    Sensor,
    Modality(&'static str),
    Analyzer,
    /// Takes orders over Modbus from the building's controller.
    Chiller,
    Desk,
    Printer,
    Phone,
    Camera,
    /// Collects what monitors say and tells the engine.
    Gateway,
    Engine,
    Record,
    Archive,
    Names,
    Files,
    Broker,
    Building,
    Management,
    /// An address outside the hospital.
    Internet,
    /// Goes with a patient from place to place.
    Transport,
    /// Somebody's own computer.
    Intruder,
}

/// A machine.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub end: End,
    pub subnet: usize,
    pub role: Role,
    pub kind: &'static Kind,
    /// Whose operating system it runs.
    pub stack: &'static Kind,
    /// What its reports differ in from what they should be.
    pub twist: Twist,
    pub name: String,
    pub serial: String,
    pub bed: Option<usize>,
    /// Between two reports.
    pub period_ns: i64,
    /// What its clock is wrong by.
    pub clock_ns: i64,
    /// It says nothing at all, or no reports, until then.
    pub dead_until: i64,
    pub mute_until: i64,
    /// It announces itself and leaves.
    pub persistent: bool,
    pub line: Option<Connection>,
    pub vitals: Vitals,
    /// It reports as if on another bed's patient.
    pub reports_as: Option<usize>,
    pub via: Option<usize>,
}

/// What a body shows, moving slowly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Vitals {
    pub heart: f64,
    pub oxygen: f64,
    pub breaths: f64,
    pub temperature: f64,
    pub systolic: f64,
    pub flow: f64,
    /// Irregular rhythm: heart and pulse differ.
    pub irregular: bool,
}

impl Vitals {
    fn draw(chance: &mut ChaCha8Rng) -> Self {
        Self {
            heart: f64::from(chance.random_range(58..104)),
            oxygen: f64::from(chance.random_range(92..100)),
            breaths: f64::from(chance.random_range(11..22)),
            temperature: f64::from(chance.random_range(361..382)) / 10.0,
            systolic: f64::from(chance.random_range(98..150)),
            flow: f64::from(chance.random_range(2..160)),
            irregular: false,
        }
    }

    /// A step of time.
    pub(super) fn drift(&mut self, chance: &mut ChaCha8Rng) {
        let mut step = |value: f64, by: f64, low: f64, high: f64| {
            (value + by * (f64::from(chance.random_range(0..2_001)) / 1_000.0 - 1.0)).clamp(low, high)
        };
        self.heart = step(self.heart, 2.5, 48.0, 128.0);
        self.oxygen = step(self.oxygen, 0.8, 88.0, 100.0);
        self.breaths = step(self.breaths, 1.0, 8.0, 30.0);
        self.temperature = step(self.temperature, 0.05, 35.6, 39.4);
        self.systolic = step(self.systolic, 3.0, 85.0, 175.0);
    }
}

/// The hospital as it was built.
pub(super) struct Layout {
    pub subnets: Vec<Subnet>,
    pub vantage: Vantage,
    pub tagged: bool,
    /// Where it shows the switch of the servers: whether it shows the line to the world outside as well.
    pub uplink: bool,
    pub units: Vec<Unit>,
    /// Ward, room and bed as messages name them.
    pub beds: Vec<[String; 3]>,
    /// The engine passes results on to the record.
    pub forwards: bool,
}

impl Layout {
    pub(super) fn draw(chance: &mut ChaCha8Rng) -> Self {
        let vantage = match chance.random_range(0..10) {
            0..3 => Vantage::Flat,
            3..6 => Vantage::Wards,
            6..8 => Vantage::Servers,
            _ => Vantage::Trunk,
        };
        let wards = chance.random_range(2..5_usize);
        let networks = if vantage == Vantage::Flat { 1 } else { wards + 3 };
        let mut layout = Self {
            subnets: Vec::new(),
            vantage,
            tagged: vantage == Vantage::Trunk || chance.random_bool(0.3),
            uplink: false,
            units: Vec::new(),
            beds: Vec::new(),
            forwards: chance.random_bool(0.6),
        };
        layout.network(networks, chance);
        layout.servers(chance);
        let gateway = chance.random_bool(0.4);
        for ward in 0..wards {
            layout.ward(ward, gateway, chance);
        }
        layout.elsewhere(wards, chance);
        layout
    }

    fn network(&mut self, networks: usize, chance: &mut ChaCha8Rng) {
        let (private, first) = match chance.random_range(0..3) {
            0 => ([10, chance.random_range(1..250)], chance.random_range(1..120_u8)),
            1 => ([172, chance.random_range(16..32)], chance.random_range(1..120_u8)),
            _ => ([192, 168], chance.random_range(1..120_u8)),
        };
        let maker: [u8; 3] = if chance.random_bool(0.5) { [0x00, 0x1b, 0x17] } else { [0x00, 0x1a, 0xa1] };
        let one_address = chance.random_bool(0.5);
        let interface: [u8; 3] = chance.random();
        for number in 0..networks {
            let last = if one_address { interface[2] } else { interface[2].wrapping_add(number as u8) };
            self.subnets.push(Subnet {
                network: [private[0], private[1], first + number as u8],
                vlan: 100 + 10 * number as u16,
                router: MacAddress([maker[0], maker[1], maker[2], interface[0], interface[1], last]),
                hosts: 9,
            });
        }
    }

    /// The network with this number, or the only one.
    fn subnet(&self, wanted: usize) -> usize {
        if wanted < self.subnets.len() { wanted } else { 0 }
    }

    /// The router's address in a network.
    pub(super) fn router(&self, subnet: usize) -> End {
        let network = &self.subnets[self.subnet(subnet)];
        let [a, b, c] = network.network;
        End { mac: network.router, ip: Ipv4Addr::new(a, b, c, 1), ip6: None, port: 0, time_to_live: 64 }
    }

    fn servers(&mut self, chance: &mut ChaCha8Rng) {
        for (role, kind) in makers::SERVERS {
            self.add(*role, kind, SERVERS, chance);
        }
    }

    fn ward(&mut self, ward: usize, gateway: bool, chance: &mut ChaCha8Rng) {
        const NAMES: &[&str] = &["ICU", "MED", "SURG", "CARD", "NEO", "4W", "STEPDOWN"];
        let subnet = self.subnet(1 + ward);
        let via = gateway.then(|| self.add(Role::Gateway, &makers::GATEWAY, subnet, chance));
        let monitors = makers::one_of(makers::MONITORS, chance);
        let pumps = makers::one_of(makers::PUMPS, chance);
        let name = NAMES[(ward + chance.random_range(0..NAMES.len())) % NAMES.len()];
        let monitor_period = [5, 10, 15, 30, 60][chance.random_range(0..5)] * super::SECOND;
        let pump_period = [20, 30, 60][chance.random_range(0..3)] * super::SECOND;
        let persistent = chance.random_bool(0.5);
        for number in 1..=chance.random_range(4..8) {
            let bed = self.beds.len();
            self.beds.push([
                format!("{name}{ward}"),
                format!("{:02}", 10 * (ward + 1) + number),
                "1".to_owned(),
            ]);
            let mut at_bed = vec![(Role::Monitor, monitors, monitor_period)];
            if chance.random_bool(0.6) {
                at_bed.push((Role::Pump, pumps, pump_period));
            }
            if ward == 0 && chance.random_bool(0.5) {
                at_bed.push((Role::Ventilator, makers::one_of(makers::VENTILATORS, chance), monitor_period));
            }
            for (role, kind, period_ns) in at_bed {
                let place = self.add(role, kind, subnet, chance);
                let unit = &mut self.units[place];
                unit.bed = Some(bed);
                unit.period_ns = period_ns;
                unit.persistent = persistent;
                unit.via = via.filter(|_| role == Role::Monitor);
            }
        }
        for _ in 0..chance.random_range(1..4) {
            let place = self.add(Role::Sensor, makers::one_of(makers::SENSORS, chance), subnet, chance);
            self.units[place].period_ns = chance.random_range(2..20) * super::SECOND;
        }
        for _ in 0..2 {
            self.add(Role::Desk, makers::one_of(makers::DESKS, chance), subnet, chance);
        }
        self.add(Role::Phone, &makers::PHONE, subnet, chance);
        self.add(Role::Printer, &makers::PRINTER, subnet, chance);
    }

    fn elsewhere(&mut self, wards: usize, chance: &mut ChaCha8Rng) {
        let (imaging, offices) = (self.subnet(wards + 1), self.subnet(wards + 2));
        for (modality, kind) in makers::MODALITIES {
            if chance.random_bool(0.7) {
                let place = self.add(Role::Modality(modality), kind, imaging, chance);
                self.units[place].period_ns = chance.random_range(180..600) * super::SECOND;
            }
        }
        self.add(Role::Modality("CR"), &makers::MODALITIES[2].1, imaging, chance);
        for _ in 0..2 {
            let place = self.add(Role::Analyzer, makers::one_of(makers::ANALYZERS, chance), offices, chance);
            self.units[place].period_ns = chance.random_range(60..180) * super::SECOND;
        }
        for _ in 0..3 {
            self.add(Role::Desk, makers::one_of(makers::DESKS, chance), offices, chance);
        }
        self.add(Role::Camera, &makers::CAMERA, offices, chance);
        self.add(Role::Chiller, &makers::CHILLER, offices, chance);
    }

    /// A machine of this kind in a network.
    pub(super) fn add(
        &mut self,
        role: Role,
        kind: &'static Kind,
        subnet: usize,
        chance: &mut ChaCha8Rng,
    ) -> usize {
        let [a, b, c] = kind.prefix;
        let [d, e, f]: [u8; 3] = chance.random();
        let number = chance.random_range(0..9_999_u32);
        let ip = if role == Role::Internet {
            Ipv4Addr::new(
                chance.random_range(41..62),
                chance.random(),
                chance.random(),
                chance.random_range(1..250),
            )
        } else {
            let network = &mut self.subnets[subnet];
            network.hosts = network.hosts.saturating_add(1);
            let [a, b, c] = network.network;
            Ipv4Addr::new(a, b, c, network.hosts)
        };
        let place = self.units.len();
        self.units.push(Unit {
            end: End {
                mac: MacAddress([a, b, c, d, e, f]),
                ip,
                ip6: None,
                port: 0,
                time_to_live: kind.time_to_live,
            },
            subnet: if role == Role::Internet { OUTSIDE } else { subnet },
            role,
            kind,
            stack: kind,
            twist: Twist::default(),
            name: if subnet == SERVERS && kind.category != Category::Workstation {
                format!("{}{place}", kind.name)
            } else {
                format!("{}-{number:04}", kind.name)
            },
            serial: format!("{}{number:04}{:02X}", kind.name, f),
            bed: None,
            period_ns: 3_600 * super::SECOND,
            clock_ns: i64::from(chance.random_range(-40_000..40_000)) * 1_000_000,
            dead_until: 0,
            mute_until: 0,
            persistent: false,
            line: None,
            vitals: Vitals::draw(chance),
            reports_as: None,
            via: None,
        });
        place
    }

    /// An address of a network that nobody has.
    pub(super) fn free_address(&self, subnet: usize, chance: &mut ChaCha8Rng) -> Ipv4Addr {
        let [a, b, c, _] = self.router(subnet).ip.octets();
        let first = chance.random_range(0..100_u8);
        let addresses = (0..100).map(|step| Ipv4Addr::new(a, b, c, 150 + (first + step) % 100));
        let taken = |ip: &Ipv4Addr| self.units.iter().any(|unit| unit.end.ip == *ip);
        addresses.into_iter().find(|ip| !taken(ip)).unwrap_or(Ipv4Addr::new(a, b, c, 250))
    }

    /// An IPv6 address by the rule of RFC 4291 appendix A.
    pub(super) fn ipv6(&self, place: usize) -> Ipv6Addr {
        let unit = &self.units[place];
        let [a, b, c, d, e, f] = unit.end.mac.0.map(u16::from);
        let subnet = self.subnets.get(unit.subnet).map_or(0, |subnet| subnet.vlan);
        Ipv6Addr::new(0xfd12, 0x3456, 0x789a, subnet, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f)
    }
}
