//! The hospital itself: who is there, what is due, and what goes over the wire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wardline_model::{Attack, MacAddress, Timestamp};

use crate::attack::{AttackKind, AttackPlan};
use crate::conversation::{Said, conversation};
use crate::devices::{ANALYZERS, DESKS, Device, Duty, MODALITIES, MONITORS, PRINTERS, PUMPS, SERVERS};
use crate::frames::{End, Tcp, arp, tcp, udp};
use crate::labels::{AttackLabel, DeviceLabel, Labels};
use crate::patients::Patient;
use crate::speech::{dicom, hl7, names};

const SECOND: i64 = 1_000_000_000;
/// 2026-03-02T06:00:00Z, a Monday morning.
const MORNING_NS: i64 = 1_772_431_200 * SECOND;
/// Beds of each ward.
const WARDS: &[(&str, usize)] = &[("ICU", 8), ("MED", 7), ("SURG", 6)];
/// Between two frames of a conversation.
const STEP_NS: i64 = 350_000;
/// Between two frames of a flood.
const FLOOD_STEP_NS: i64 = 700_000;

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
            devices: equip(&mut chance),
            beds: Vec::new(),
            attacks: Vec::new(),
            canaries: Vec::new(),
            due: BinaryHeap::new(),
            frames: BinaryHeap::new(),
            count: 0,
            control: chance.random_range(1_000..100_000),
            patients: 0,
            start_ns: options.start_ns,
            chance,
        };
        for (ward, beds) in WARDS {
            for number in 1..=*beds {
                let patient = hospital.invent();
                hospital.beds.push(Bed { name: format!("{ward}^R{number:02}^1"), patient });
            }
        }
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
        Labels { devices: devices.collect(), attacks: attacks.collect(), canaries: self.canaries.clone() }
    }

    fn invent(&mut self) -> Patient {
        self.patients += 1;
        let patient = Patient::invent(&mut self.chance, self.patients);
        self.canaries.extend([patient.family.clone(), patient.number.clone(), patient.visit.clone()]);
        patient
    }

    /// Draws what the plans leave open.
    fn plan(&mut self, plans: &[AttackPlan]) {
        for plan in plans {
            let victims: Vec<_> = match plan.kind {
                AttackKind::Flood => self.on_duty(|duty| matches!(duty, Duty::Server | Duty::Modality(_))),
                AttackKind::ArpInterception => {
                    self.on_duty(|duty| matches!(duty, Duty::Monitor(_) | Duty::Pump(_)))
                }
                AttackKind::PatientSwap => self.on_duty(|duty| matches!(duty, Duty::Monitor(_))),
            };
            // The gateway is flooded by nobody here: it is whom everybody else depends on.
            let victims: Vec<_> =
                victims.into_iter().filter(|victim| *victim != self.server("gateway")).collect();
            let desks = self.on_duty(|duty| duty == Duty::Desk);
            let victim = victims[self.chance.random_range(0..victims.len())];
            let source = match plan.kind {
                AttackKind::PatientSwap => victim,
                _ => desks[self.chance.random_range(0..desks.len())],
            };
            let own_bed = match self.devices[victim].duty {
                Duty::Monitor(bed) | Duty::Pump(bed) => bed,
                _ => 0,
            };
            let other_bed =
                (own_bed + 1 + self.chance.random_range(0..self.beds.len() - 1)) % self.beds.len();
            let datagrams = plan.kind == AttackKind::Flood && self.chance.random_bool(0.4);
            let spoofed = plan.kind == AttackKind::Flood && !datagrams && self.chance.random_bool(0.5);
            self.attacks.push(Running { plan: *plan, victim, source, datagrams, spoofed, other_bed });
        }
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
        }
    }

    fn boot(&mut self, now: i64, place: usize) {
        let device = self.devices[place].clone();
        let nobody = End { ip: Ipv4Addr::UNSPECIFIED, port: 68, ..device.end };
        let everybody =
            End { mac: MacAddress::BROADCAST, ip: Ipv4Addr::BROADCAST, port: 67, time_to_live: 64 };
        let server = self.end_of("names");
        if device.duty != Duty::Server {
            let transaction = self.chance.random();
            let mut said = vec![(12, device.name.clone().into_bytes())];
            if !device.vendor_class.is_empty() {
                said.push((60, device.vendor_class.as_bytes().to_vec()));
            }
            said.push((55, device.parameters.to_vec()));
            let given = [
                (54, server.ip.octets().to_vec()),
                (51, 86_400_u32.to_be_bytes().to_vec()),
                (1, vec![255, 255, 255, 0]),
                (3, self.end_of("gateway").ip.octets().to_vec()),
                (6, server.ip.octets().to_vec()),
            ];
            let wanted = [&[(50, device.end.ip.octets().to_vec())][..], &said].concat();
            let none = Ipv4Addr::UNSPECIFIED;
            for (step, (kind, from_client, options)) in
                [(1, true, &said[..]), (2, false, &given), (3, true, &wanted), (5, false, &given)]
                    .into_iter()
                    .enumerate()
            {
                let your = if from_client { none } else { device.end.ip };
                let message = names::dhcp(kind, device.end.mac, transaction, your, options);
                let (from, to) =
                    if from_client { (nobody, everybody) } else { (server.at(67), device.end.at(68)) };
                let identification = self.chance.random();
                self.send(now + step as i64 * 3 * STEP_NS, udp(from, to, identification, &message));
            }
        }
        let (mac, ip) = (device.end.mac, device.end.ip);
        self.send(now + 20 * STEP_NS, arp(1, (mac, ip), (MacAddress::default(), ip), MacAddress::BROADCAST));
    }

    fn admission(&mut self, now: i64, event: &str, bed: usize) {
        let control = self.control_number();
        let Bed { name, patient } = self.beds[bed].clone();
        let time = hl7_time(now);
        let message = hl7::admission(event, &patient, &name, &time, &control);
        let answer = hl7::acknowledgment("ADT", &time, &control);
        let (record, engine) = (self.end_of("record"), self.end_of("engine").at(2575));
        self.talk(now, record, engine, &[(true, message), (false, answer)]);
    }

    /// One patient goes home, another one comes.
    fn exchange(&mut self, now: i64) {
        // Not from a bed whose monitor is under attack, so that the labels stay true.
        let attacked: Vec<_> = self
            .attacks
            .iter()
            .flat_map(|running| match self.devices[running.victim].duty {
                Duty::Monitor(bed) => vec![bed, running.other_bed],
                _ => vec![],
            })
            .collect();
        let free: Vec<_> = (0..self.beds.len()).filter(|bed| !attacked.contains(bed)).collect();
        let bed = free[self.chance.random_range(0..free.len())];
        self.admission(now, "A03", bed);
        self.beds[bed].patient = self.invent();
        self.schedule(now + 30 * SECOND, Due::Admit(bed));
    }

    /// Who has the gateway? And for desks: what is the address of a server?
    fn resolve(&mut self, now: i64, place: usize) {
        let (asker, gateway) = (self.devices[place].end, self.end_of("gateway"));
        if asker.ip == gateway.ip {
            return;
        }
        let nobody = MacAddress::default();
        self.send(now, arp(1, (asker.mac, asker.ip), (nobody, gateway.ip), MacAddress::BROADCAST));
        self.send(now + STEP_NS, arp(2, (gateway.mac, gateway.ip), (asker.mac, asker.ip), asker.mac));
        if matches!(self.devices[place].duty, Duty::Desk | Duty::Modality(_)) {
            let (id, host) = (self.chance.random(), "pacs1.hospital.example");
            let (archive, names_at) = (self.end_of("archive").ip, self.end_of("names").at(53));
            let client = asker.at(self.chance.random_range(49_200..65_000));
            let (question, answer) = (names::dns_question(id, host), names::dns_answer(id, host, archive));
            self.ask(now + 5 * STEP_NS, client, names_at, &question, &answer);
        }
    }

    /// The daily work of a device. Returns when it is due again.
    fn work(&mut self, now: i64, place: usize) -> i64 {
        let device = self.devices[place].clone();
        match device.duty {
            Duty::Monitor(bed) => {
                self.vital_signs(now, place, bed);
                15 * SECOND
            }
            Duty::Pump(bed) => {
                let rate = f64::from(self.chance.random_range(10..1_000)) / 10.0;
                self.report(now, &device, bed, &[("157784", "MDC_FLOW_FLUID_PUMP", rate, "mL/h")]);
                60 * SECOND
            }
            Duty::Analyzer => {
                let bed = self.chance.random_range(0..self.beds.len());
                let glucose = f64::from(self.chance.random_range(60..200));
                self.report(now, &device, bed, &[("160196", "MDC_CONC_GLU_VENOUS_PLASMA", glucose, "mg/dL")]);
                90 * SECOND + self.within(120 * SECOND)
            }
            Duty::Modality(modality) => {
                self.image(now, &device, modality);
                240 * SECOND + self.within(240 * SECOND)
            }
            Duty::Desk => {
                let page = format!(
                    "GET /intranet/page{} HTTP/1.1\r\nHost: web1.hospital.example\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)\r\n\r\n",
                    self.count % 9
                );
                let body = vec![b'x'; self.chance.random_range(200..20_000)];
                let head = format!(
                    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let answer = [head.into_bytes(), body].concat();
                self.talk(
                    now,
                    device.end,
                    self.end_of("files").at(80),
                    &[(true, page.into_bytes()), (false, answer)],
                );
                20 * SECOND + self.within(60 * SECOND)
            }
            Duty::Printer | Duty::Server => 3_600 * SECOND,
        }
    }

    fn vital_signs(&mut self, now: i64, place: usize, bed: usize) {
        // Under a swap, the monitor reports the patient of another bed as its own.
        let swapped = self.attacks.iter().find(|running| {
            let start = self.start_ns + i64::from(running.plan.start_s) * SECOND;
            running.plan.kind == AttackKind::PatientSwap
                && running.victim == place
                && (start..start + i64::from(running.plan.length_s) * SECOND).contains(&now)
        });
        let patient_bed = swapped.map_or(bed, |running| running.other_bed);
        let heart = f64::from(self.chance.random_range(58..105));
        let oxygen = f64::from(self.chance.random_range(93..100));
        let device = self.devices[place].clone();
        let measured = [
            ("147842", "MDC_ECG_HEART_RATE", heart, "/min"),
            ("150456", "MDC_PULS_OXIM_SAT_O2", oxygen, "%"),
        ];
        self.report_as(now, &device, bed, patient_bed, &measured);
    }

    fn report(&mut self, now: i64, device: &Device, bed: usize, measured: &[hl7::Measured]) {
        self.report_as(now, device, bed, bed, measured);
    }

    fn report_as(
        &mut self,
        now: i64,
        device: &Device,
        bed: usize,
        patient_bed: usize,
        measured: &[hl7::Measured],
    ) {
        let (time, control) = (hl7_time(now), self.control_number());
        let identity = format!(
            "{:012X}^{}^{:012X}^EUI-48",
            device.end.mac.to_bits(),
            device.model,
            device.end.mac.to_bits()
        );
        let (patient, place) = (self.beds[patient_bed].patient.clone(), self.beds[bed].name.clone());
        let sender = device.model.split(' ').next().unwrap_or("DEVICE").to_uppercase();
        let message = hl7::results((&sender, &identity), &patient, &place, &time, &control, measured);
        let answer = hl7::acknowledgment(&sender, &time, &control);
        self.talk(now, device.end, self.end_of("engine").at(2575), &[(true, message), (false, answer)]);
    }

    fn image(&mut self, now: i64, device: &Device, modality: &'static str) {
        let bed = self.chance.random_range(0..self.beds.len());
        let patient = self.beds[bed].patient.clone();
        self.control += 1;
        let study = dicom::Study {
            calling: &device.name.replace('-', "_"),
            called: "PACS1",
            modality,
            vendor: device.vendor,
            model: device.model,
            serial: &format!("SN{:06X}", device.end.mac.to_bits() & 0xff_ffff),
            patient: &patient,
            number: self.control,
            pixel_bytes: 2 * self.chance.random_range(4_000..40_000),
        };
        let said = dicom::store(&study);
        self.talk(now, device.end, self.end_of("archive").at(104), &said);
    }

    fn attack(&mut self, now: i64, place: usize, step: u32) {
        let running = self.attacks[place].clone();
        let end = self.start_ns + i64::from(running.plan.start_s + running.plan.length_s) * SECOND;
        if now >= end {
            return;
        }
        let (victim, source) = (self.devices[running.victim].end, self.devices[running.source].end);
        match running.plan.kind {
            AttackKind::ArpInterception => {
                let gateway = self.end_of("gateway");
                self.send(now, arp(2, (source.mac, gateway.ip), (victim.mac, victim.ip), victim.mac));
                self.send(
                    now + STEP_NS,
                    arp(2, (source.mac, victim.ip), (gateway.mac, gateway.ip), gateway.mac),
                );
                self.schedule(now + 2 * SECOND, Due::Attack(place, step + 1));
            }
            AttackKind::Flood => {
                let from = End { port: self.chance.random_range(1_024..65_000), ..source };
                let from = if running.spoofed {
                    End { ip: Ipv4Addr::from(self.chance.random_range(0x0b00_0000..0x6000_0000_u32)), ..from }
                } else {
                    from
                };
                let (identification, sequence) = (self.chance.random(), self.chance.random());
                let frame = if running.datagrams {
                    udp(from.at(40_000), victim.at(5_000), identification, &[0x41; 64])
                } else {
                    let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 512 };
                    tcp(from, victim.at(104), identification, syn, &[])
                };
                self.send(now, frame);
                self.schedule(now + FLOOD_STEP_NS, Due::Attack(place, step + 1));
            }
            // Made by the monitor itself: see its vital signs.
            AttackKind::PatientSwap => {}
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

/// The devices of a hospital.
fn equip(chance: &mut ChaCha8Rng) -> Vec<Device> {
    let (site, house) = (chance.random_range(1..250_u8), chance.random_range(1..250_u8));
    let mut host = 0_u8;
    let mut number: u32 = chance.random();
    let mut devices = Vec::new();
    let mut next = || {
        host += 1;
        number = number.wrapping_add(1);
        (number, Ipv4Addr::new(10, site, house, host))
    };
    for (_, kind) in SERVERS {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "IT", Duty::Server));
    }
    let mut bed = 0;
    for (ward, beds) in WARDS {
        for _ in 0..*beds {
            let (number, ip) = next();
            devices.push(MONITORS[chance.random_range(0..MONITORS.len())].make(
                number,
                ip,
                ward,
                Duty::Monitor(bed),
            ));
            if chance.random_bool(0.6) {
                let (number, ip) = next();
                devices.push(PUMPS[chance.random_range(0..PUMPS.len())].make(
                    number,
                    ip,
                    ward,
                    Duty::Pump(bed),
                ));
            }
            bed += 1;
        }
        for _ in 0..4 {
            let (number, ip) = next();
            devices.push(DESKS[chance.random_range(0..DESKS.len())].make(number, ip, ward, Duty::Desk));
        }
        let (number, ip) = next();
        devices.push(PRINTERS[0].make(number, ip, ward, Duty::Printer));
    }
    for (modality, kind) in MODALITIES {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "imaging", Duty::Modality(modality)));
    }
    for kind in ANALYZERS {
        let (number, ip) = next();
        devices.push(kind.make(number, ip, "laboratory", Duty::Analyzer));
    }
    for place in ["pharmacy", "pharmacy", "IT", "IT"] {
        let (number, ip) = next();
        devices.push(DESKS[0].make(number, ip, place, Duty::Desk));
    }
    devices
}

/// `YYYYMMDDHHMMSS`, UTC.
fn hl7_time(time_ns: i64) -> String {
    let text = Timestamp::from_nanoseconds(time_ns).to_string();
    text.chars().filter(char::is_ascii_digit).take(14).collect()
}
