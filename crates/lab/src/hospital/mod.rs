//! The hospital itself: who is there, what is due, and what goes over the wire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wardline_model::Attack;

use crate::attack::{AttackKind, AttackPlan};
use crate::conversation::{Said, conversation};
use crate::devices::{Device, Duty, SERVERS};
use crate::frames::{End, udp};
use crate::labels::{AttackLabel, DeviceLabel, Labels};
use crate::patients::Patient;
use crate::recorded::Recorded;
use crate::speech::names;

mod attacks;
mod equipment;
mod work;

const SECOND: i64 = 1_000_000_000;
/// 2026-03-02T06:00:00Z, a Monday morning.
const MORNING_NS: i64 = 1_772_431_200 * SECOND;
/// Between two frames of a conversation.
const STEP_NS: i64 = 350_000;
/// When the first recording of real software is played, and from one to the next. Each is played once: messages that
/// come again are what an attacker would send.
const RECORDED_FIRST_NS: i64 = 100 * SECOND;
const RECORDED_STEP_NS: i64 = 20 * SECOND;

/// A frame on the mirror port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabFrame {
    /// Time, nanoseconds since 1970.
    pub time_ns: i64,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// What a hospital is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When it begins, nanoseconds since 1970.
    pub start_ns: i64,
    /// Attacks, if any.
    pub attacks: Vec<AttackPlan>,
}

impl Default for Options {
    fn default() -> Self {
        Self { start_ns: MORNING_NS, attacks: Vec::new() }
    }
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Boot(usize),
    Admit(usize),
    Exchange,
    Resolve(usize),
    Work(usize),
    Clock(usize),
    Poll(usize),
    Attack(usize, u32),
    Recording(usize),
}

/// A bed and who lies in it.
#[derive(Clone, Debug)]
struct Bed {
    name: String,
    patient: Patient,
}

/// An attack with everything that was drawn for it.
#[derive(Clone, Debug)]
struct Running {
    plan: AttackPlan,
    victim: usize,
    source: usize,
    datagrams: bool,
    spoofed: bool,
    other_bed: usize,
}

/// An endless, time-ordered stream of frames.
pub struct Hospital {
    chance: ChaCha8Rng,
    start_ns: i64,
    devices: Vec<Device>,
    beds: Vec<Bed>,
    attacks: Vec<Running>,
    canaries: Vec<String>,
    recorded: Recorded,
    due: BinaryHeap<Reverse<(i64, u64, Due)>>,
    frames: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>>,
    count: u64,
    control: u32,
    patients: u32,
}

impl Hospital {
    /// The hospital of this seed.
    pub fn new(seed: u64, options: Options) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut hospital = Self {
            devices: equipment::equip(&mut chance),
            beds: Vec::new(),
            attacks: Vec::new(),
            canaries: Recorded::canaries().collect(),
            recorded: Recorded::default(),
            due: BinaryHeap::new(),
            frames: BinaryHeap::new(),
            count: 0,
            control: chance.random_range(1_000..100_000),
            patients: 0,
            start_ns: options.start_ns,
            chance,
        };
        for (ward, beds) in equipment::WARDS {
            for number in 1..=*beds {
                let patient = hospital.invent();
                hospital.beds.push(Bed { name: format!("{ward}^R{number:02}^1"), patient });
            }
        }
        let [a, b, c, _] = hospital.devices[0].end.ip.octets();
        hospital.recorded = Recorded::new(seed, [a, b, c]);
        hospital.plan(&options.attacks);
        hospital.open();
        hospital
    }

    /// A hospital to show, with or without attacks in its first half hour.
    pub fn for_demonstration(seed: u64, attacked: bool) -> Self {
        let plan = |kind, start_s, length_s| AttackPlan { kind, start_s, length_s };
        let attacks = if attacked {
            vec![
                plan(AttackKind::ArpInterception, 420, 240),
                plan(AttackKind::PatientSwap, 900, 300),
                plan(AttackKind::Flood, 1_500, 20),
            ]
        } else {
            Vec::new()
        };
        Self::new(seed, Options { attacks, ..Options::default() })
    }

    /// When it begins, nanoseconds since 1970.
    pub const fn start_ns(&self) -> i64 {
        self.start_ns
    }

    /// What is true of what was said so far.
    pub fn labels(&self) -> Labels {
        let devices = self.devices.iter().map(|device| DeviceLabel {
            mac: device.end.mac,
            ip: device.end.ip,
            name: device.name.clone(),
            vendor: device.vendor.to_owned(),
            model: device.model.to_owned(),
            category: device.category,
            place: device.place.to_owned(),
        });
        let attacks = self.attacks.iter().map(|running| {
            let (attack, variant) = match (running.plan.kind, running.datagrams, running.spoofed) {
                (AttackKind::ArpInterception, ..) => (Attack::PassiveGathering, "arp-both-ways"),
                (AttackKind::PatientSwap, ..) => (Attack::FalseNode, "other-patient-from-bed"),
                (AttackKind::Flood, true, _) => (Attack::DenialOfService, "udp"),
                (AttackKind::Flood, false, true) => (Attack::DenialOfService, "syn-spoofed"),
                (AttackKind::Flood, false, false) => (Attack::DenialOfService, "syn"),
            };
            let start_ns = self.start_ns + i64::from(running.plan.start_s) * SECOND;
            let source = self.devices[running.source].end;
            AttackLabel {
                attack,
                variant: variant.to_owned(),
                start_ns,
                end_ns: start_ns + i64::from(running.plan.length_s) * SECOND,
                victim: self.devices[running.victim].end.ip,
                source: (!running.spoofed).then_some(source.ip),
                source_mac: source.mac,
            }
        });
        Labels {
            devices: devices.chain(self.recorded.stations().iter().cloned()).collect(),
            attacks: attacks.collect(),
            recordings: self.recorded.labels(),
            canaries: self.canaries.clone(),
        }
    }

    fn invent(&mut self) -> Patient {
        self.patients += 1;
        let patient = Patient::invent(&mut self.chance, self.patients);
        self.canaries.extend([patient.family.clone(), patient.number.clone(), patient.visit.clone()]);
        patient
    }

    fn on_duty(&self, wanted: impl Fn(Duty) -> bool) -> Vec<usize> {
        (0..self.devices.len()).filter(|place| wanted(self.devices[*place].duty)).collect()
    }

    /// The morning: everything that will be due, once for the first time.
    fn open(&mut self) {
        let start = self.start_ns;
        for place in 0..self.devices.len() {
            let boot = start + self.within(20 * SECOND);
            self.schedule(boot, Due::Boot(place));
            let (resolve, work, clock) =
                (self.within(60 * SECOND), self.within(30 * SECOND), self.within(64 * SECOND));
            self.schedule(start + 25 * SECOND + resolve, Due::Resolve(place));
            self.schedule(start + 60 * SECOND + work, Due::Work(place));
            self.schedule(start + 30 * SECOND + clock, Due::Clock(place));
            let poll = self.within(60 * SECOND);
            self.schedule(start + 40 * SECOND + poll, Due::Poll(place));
        }
        for bed in 0..self.beds.len() {
            let admit = self.within(20 * SECOND);
            self.schedule(start + 25 * SECOND + admit, Due::Admit(bed));
        }
        self.schedule(start + 700 * SECOND, Due::Exchange);
        for place in 0..self.recorded.len() {
            self.schedule(start + RECORDED_FIRST_NS + place as i64 * RECORDED_STEP_NS, Due::Recording(place));
        }
        for place in 0..self.attacks.len() {
            let begin = start + i64::from(self.attacks[place].plan.start_s) * SECOND;
            self.schedule(begin, Due::Attack(place, 0));
        }
    }

    fn within(&mut self, longest_ns: i64) -> i64 {
        self.chance.random_range(0..longest_ns)
    }

    fn schedule(&mut self, time_ns: i64, due: Due) {
        self.count += 1;
        self.due.push(Reverse((time_ns, self.count, due)));
    }

    fn send(&mut self, time_ns: i64, bytes: Vec<u8>) {
        self.count += 1;
        self.frames.push(Reverse((time_ns, self.count, bytes)));
    }

    fn talk(&mut self, now: i64, client: End, server: End, said: &[Said]) {
        let sequence = self.chance.random();
        let client = client.at(self.chance.random_range(49_200..65_000));
        for (time_ns, frame) in conversation(client, server, (now, STEP_NS), sequence, said) {
            self.send(time_ns, frame);
        }
    }

    /// A datagram and its answer.
    fn ask(&mut self, now: i64, client: End, server: End, question: &[u8], answer: &[u8]) {
        let identification = self.chance.random();
        self.send(now, udp(client, server, identification, question));
        self.send(now + 2 * STEP_NS, udp(server, client, identification ^ 0x55, answer));
    }

    fn server(&self, purpose: &str) -> usize {
        let place = SERVERS.iter().position(|(name, _)| *name == purpose).unwrap_or(0);
        self.devices.iter().position(|device| device.duty == Duty::Server).unwrap_or(0) + place
    }

    fn end_of(&self, purpose: &str) -> End {
        self.devices[self.server(purpose)].end
    }

    fn control_number(&mut self) -> String {
        self.control += 1;
        format!("M{}", self.control)
    }

    fn act(&mut self, now: i64, due: Due) {
        match due {
            Due::Boot(place) => self.boot(now, place),
            Due::Admit(bed) => self.admission(now, "A01", bed),
            Due::Exchange => {
                self.exchange(now);
                let pause = 300 * SECOND + self.within(400 * SECOND);
                self.schedule(now + pause, Due::Exchange);
            }
            Due::Resolve(place) => {
                self.resolve(now, place);
                let pause = 45 * SECOND + self.within(30 * SECOND);
                self.schedule(now + pause, Due::Resolve(place));
            }
            Due::Work(place) => {
                let pause = self.work(now, place);
                let jitter = self.within(SECOND);
                self.schedule(now + pause + jitter, Due::Work(place));
            }
            Due::Clock(place) => {
                let (client, server) = (self.devices[place].end.at(123), self.end_of("names").at(123));
                if client.ip != server.ip {
                    let seconds = (now / SECOND) as u32;
                    self.ask(now, client, server, &names::ntp(3, seconds), &names::ntp(4, seconds));
                }
                self.schedule(now + 256 * SECOND, Due::Clock(place));
            }
            Due::Poll(place) => {
                let device = &self.devices[place];
                let description = format!("{} {}, software 2.1", device.vendor, device.model);
                let (manager, agent) = (self.end_of("files").at(50_161), device.end.at(161));
                if matches!(device.duty, Duty::Printer | Duty::Server) && manager.ip != agent.ip {
                    let request = (self.count & 0x7f) as u8;
                    self.ask(
                        now,
                        manager,
                        agent,
                        &names::snmp(request, None),
                        &names::snmp(request, Some(&description)),
                    );
                    self.schedule(now + 120 * SECOND, Due::Poll(place));
                }
            }
            Due::Attack(place, step) => self.attack(now, place, step),
            Due::Recording(place) => {
                for (time_ns, frame) in self.recorded.play(place, now) {
                    self.send(time_ns, frame);
                }
            }
        }
    }
}

impl Iterator for Hospital {
    type Item = LabFrame;

    fn next(&mut self) -> Option<LabFrame> {
        loop {
            let next_due = self.due.peek().map(|Reverse((time, ..))| *time);
            let next_frame = self.frames.peek().map(|Reverse((time, ..))| *time);
            match (next_due, next_frame) {
                (Some(due), Some(frame)) if frame <= due => break,
                (None, _) => break,
                _ => {}
            }
            if let Some(Reverse((time, _, due))) = self.due.pop() {
                self.act(time, due);
            }
        }
        self.frames.pop().map(|Reverse((time_ns, _, bytes))| LabFrame { time_ns, bytes })
    }
}
