//! The ordinary day: devices start, report and are asked; patients come and go; people work.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use wardline_model::MacAddress;

use super::layout::{OUTSIDE, Role, SERVERS};
use super::network::STEP_NS;
use super::{Campus, MINUTE, SECOND};
use crate::frames::{End, Tcp, arp, tcp, udp};
use crate::speech::dialect::{self, Reading, Report};
use crate::speech::{control, dicom, files, hl7, names, sound, telemetry};

/// Where services listen.
pub(super) const MLLP: u16 = 2575;
pub(super) const DICOM: u16 = 104;
pub(super) const MQTT: u16 = 1883;
pub(super) const MODBUS: u16 = 502;

/// What a report differs in from what it should be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Twist {
    pub unit: Option<&'static str>,
    pub document: Option<&'static str>,
    /// Factor of every value.
    pub times: Option<f64>,
    /// All of the first quantity's values.
    pub fixed: Option<f64>,
    /// Identifier of the patient of another bed, with the own name.
    pub identifier_of: Option<usize>,
    /// The bed that is named.
    pub bed: Option<usize>,
}

impl Campus {
    /// How long a period is when traffic is thinned out.
    pub(super) fn thinned(&self, period_ns: i64) -> i64 {
        (period_ns as f64 / self.options.duty.clamp(1e-4, 1.0)) as i64
    }

    /// Everything that will be due, once for the first time.
    pub(super) fn open_day(&mut self) {
        let start = self.options.start_ns;
        let running = self.options.running;
        if self.chance.random_bool(0.3) {
            for place in 0..self.layout.units.len() {
                if matches!(self.unit(place).role, Role::Desk | Role::Names | Role::Files | Role::Printer) {
                    self.unit_mut(place).end.ip6 = Some(self.layout.ipv6(place));
                }
            }
        }
        for place in 0..self.layout.units.len() {
            if self.unit(place).role == Role::Internet {
                continue;
            }
            if !running {
                let boot = start + self.within(20 * SECOND);
                self.at(boot, move |campus, now| campus.boot(now, place));
            }
            let first = start + if running { 0 } else { 40 * SECOND };
            let resolve = first + self.within(60 * SECOND);
            self.at(resolve, move |campus, now| campus.resolve(now, place));
            let longest = self.thinned(self.unit(place).period_ns.min(60 * SECOND));
            let work = first + self.within(longest);
            self.at(work, move |campus, now| campus.work(now, place));
            let clock = first + self.within(64 * SECOND);
            self.at(clock, move |campus, now| campus.clock(now, place));
        }
        for bed in 0..self.beds.len() {
            if !running {
                let admit = start + 20 * SECOND + self.within(20 * SECOND);
                self.at(admit, move |campus, now| campus.admission(now, "A01", bed, None));
            }
        }
        let exchange = start + 10 * MINUTE + self.within(20 * MINUTE);
        self.at(exchange, Self::exchange);
        let poll = start + 50 * SECOND + self.within(60 * SECOND);
        self.at(poll, Self::poll);
        if self.options.disturbances_per_day > 0.0 {
            self.at(start + 15 * MINUTE, Self::disturb);
        }
    }

    fn boot(&mut self, now: i64, place: usize) {
        self.lease(now, place);
        let end = self.unit(place).end;
        let subnet = self.unit(place).subnet;
        self.show(
            now + 20 * STEP_NS,
            arp(1, (end.mac, end.ip), (MacAddress::default(), end.ip), MacAddress::BROADCAST),
            subnet,
        );
    }

    /// A device asks for its address.
    pub(super) fn lease(&mut self, now: i64, place: usize) {
        let unit = self.unit(place).clone();
        if unit.subnet == SERVERS && self.layout.subnets.len() > 1 {
            return;
        }
        let nobody = End { ip: Ipv4Addr::UNSPECIFIED, ip6: None, port: 68, ..unit.end };
        let everybody = End {
            mac: MacAddress::BROADCAST,
            ip: Ipv4Addr::BROADCAST,
            ip6: None,
            port: 67,
            time_to_live: 64,
        };
        let router = self.layout.router(unit.subnet);
        let server = self.unit(self.the(Role::Names)).end;
        let transaction = self.chance.random();
        let mut said = vec![(12, unit.name.clone().into_bytes())];
        if !unit.stack.vendor_class.is_empty() {
            said.push((60, unit.stack.vendor_class.as_bytes().to_vec()));
        }
        said.push((55, unit.stack.parameters.to_vec()));
        let given = [
            (54, server.ip.octets().to_vec()),
            (51, 86_400_u32.to_be_bytes().to_vec()),
            (1, vec![255, 255, 255, 0]),
            (3, router.ip.octets().to_vec()),
            (6, server.ip.octets().to_vec()),
        ];
        let wanted = [&[(50, unit.end.ip.octets().to_vec())][..], &said].concat();
        let none = Ipv4Addr::UNSPECIFIED;
        let steps = [(1, true, &said[..]), (2, false, &given), (3, true, &wanted), (5, false, &given)];
        for (step, (kind, from_client, options)) in steps.into_iter().enumerate() {
            let your = if from_client { none } else { unit.end.ip };
            let message = names::dhcp(kind, unit.end.mac, transaction, your, options);
            // Answers come from the server itself, or from the router that relays.
            let answering = if unit.subnet == SERVERS { server } else { router };
            let (from, to) = if from_client {
                (nobody, everybody)
            } else {
                (answering.at(67).over_ipv4(), unit.end.at(68).over_ipv4())
            };
            let identification = self.chance.random();
            self.show(now + step as i64 * 3 * STEP_NS, udp(from, to, identification, &message), unit.subnet);
        }
    }

    /// Who has the router's address, and what is the address of a server?
    fn resolve(&mut self, now: i64, place: usize) {
        let unit = self.unit(place).clone();
        let again = now + self.thinned(50 * SECOND) + self.within(40 * SECOND);
        self.at(again, move |campus, now| campus.resolve(now, place));
        if now < unit.dead_until {
            return;
        }
        let router = self.layout.router(unit.subnet);
        let nobody = MacAddress::default();
        let asked = arp(1, (unit.end.mac, unit.end.ip), (nobody, router.ip), MacAddress::BROADCAST);
        self.show(now, asked, unit.subnet);
        let answer = arp(2, (router.mac, router.ip), (unit.end.mac, unit.end.ip), unit.end.mac);
        self.show(now + STEP_NS, answer, unit.subnet);
        if matches!(unit.role, Role::Desk | Role::Modality(_) | Role::Sensor | Role::Engine) {
            let (id, host) = (self.chance.random(), "pacs.north.example");
            let archive = self.unit(self.the(Role::Archive)).end.ip;
            let answer = names::dns_answer(id, host, archive);
            let server = self.the(Role::Names);
            self.ask(now + 5 * STEP_NS, place, (server, 53), &names::dns_question(id, host), &answer);
        }
    }

    fn clock(&mut self, now: i64, place: usize) {
        let again = now + self.thinned(256 * SECOND);
        self.at(again, move |campus, now| campus.clock(now, place));
        let server = self.the(Role::Names);
        if place != server && now >= self.unit(place).dead_until {
            let seconds = (now / SECOND) as u32;
            self.ask(now, place, (server, 123), &names::ntp(3, seconds), &names::ntp(4, seconds));
        }
    }

    /// The management station asks printers, servers and switches how they are.
    fn poll(&mut self, now: i64) {
        let again = now + self.thinned(120 * SECOND);
        self.at(again, Self::poll);
        let manager = self.the(Role::Management);
        let agents = self.with_role(|role| matches!(role, Role::Printer | Role::Files | Role::Archive));
        for (number, agent) in agents.into_iter().enumerate() {
            let description = format!("{} {}", self.unit(agent).kind.vendor, self.unit(agent).kind.model);
            const DESCRIPTION: &[u32] = &[1, 3, 6, 1, 2, 1, 1, 1, 0];
            let message = |request, text: Option<&str>| {
                telemetry::snmp("public", request, number as u16, DESCRIPTION, text)
            };
            let (ask, answer) = (
                message(telemetry::Request::Get, None),
                message(telemetry::Request::Response, Some(&description)),
            );
            self.ask(now + number as i64 * 5 * SECOND, manager, (agent, 161), &ask, &answer);
        }
        let (building, chillers) = (self.the(Role::Building), self.with_role(|role| role == Role::Chiller));
        for chiller in chillers {
            let transaction = self.chance.random();
            let mut said = Vec::new();
            let (ask, answer) = control::modbus_read(transaction, 40);
            said.extend([(true, ask), (false, answer)]);
            if self.chance.random_bool(0.1) {
                let (ask, answer) = control::modbus_write(transaction.wrapping_add(1), 40, &[215]);
                said.extend([(true, ask), (false, answer)]);
            }
            self.talk(now + SECOND, building, (chiller, MODBUS), &said);
        }
    }

    /// The daily work of a unit.
    fn work(&mut self, now: i64, place: usize) {
        let unit = self.unit(place).clone();
        let mut period = unit.period_ns;
        if now >= unit.dead_until && now >= unit.mute_until {
            match unit.role {
                Role::Monitor | Role::Pump | Role::Ventilator | Role::Analyzer => {
                    self.report(now, place, unit.twist);
                }
                Role::Sensor => self.publish(now, place),
                Role::Modality(modality) => {
                    self.image(now, place, modality);
                    period += self.within(period / 2);
                }
                Role::Desk => {
                    self.desk(now, place);
                    period = 20 * SECOND + self.within(80 * SECOND);
                }
                Role::Phone => {
                    self.call(now, place);
                    period = 20 * MINUTE + self.within(40 * MINUTE);
                }
                _ => {}
            }
        }
        // Clocks of devices are not that good, and some tasks wait for others.
        let next = now + self.thinned(period) + self.within(period / 50 + 1);
        self.at(next, move |campus, now| campus.work(now, place));
    }

    /// What a device has measured, in the order in which it tells it.
    fn readings(&mut self, place: usize) -> Vec<Reading> {
        let mut vitals = self.unit(place).vitals;
        vitals.drift(&mut self.chance);
        self.unit_mut(place).vitals = vitals;
        let whole = f64::round;
        let pulse = if vitals.irregular {
            vitals.heart - f64::from(self.chance.random_range(0..35))
        } else {
            vitals.heart
        };
        match self.unit(place).role {
            Role::Monitor => vec![
                (dialect::HEART_RATE, whole(vitals.heart)),
                (dialect::PULSE, whole(pulse)),
                (dialect::OXYGEN, whole(vitals.oxygen)),
                (dialect::BREATHS, whole(vitals.breaths)),
                (dialect::TEMPERATURE, (vitals.temperature * 10.0).round() / 10.0),
                (dialect::SYSTOLIC, whole(vitals.systolic)),
                (dialect::MEAN, whole(vitals.systolic * 0.7)),
            ],
            Role::Ventilator => {
                vec![(dialect::BREATHS, whole(vitals.breaths)), (dialect::OXYGEN, whole(vitals.oxygen))]
            }
            Role::Pump => vec![(dialect::FLOW, vitals.flow)],
            _ => vec![
                (dialect::GLUCOSE, f64::from(self.chance.random_range(65..210))),
                (dialect::POTASSIUM, f64::from(self.chance.random_range(33..55)) / 10.0),
            ],
        }
    }

    /// The time that a unit's clock shows.
    pub(super) fn shown_time(&self, now: i64, place: usize) -> String {
        hl7::time(now + self.unit(place).clock_ns)
    }

    /// What a unit calls itself in messages.
    fn sender(&self, place: usize) -> String {
        let model = self.unit(place).kind.model;
        model.split(' ').next().unwrap_or(model).to_uppercase()
    }

    /// A message of results of a unit, and its number.
    pub(super) fn result_of(&mut self, now: i64, place: usize, twist: Twist) -> (Vec<u8>, String) {
        let mut readings = self.readings(place);
        for (_, value) in &mut readings {
            *value = (*value * twist.times.unwrap_or(1.0) * 10.0).round() / 10.0;
        }
        if let (Some(fixed), Some((_, value))) = (twist.fixed, readings.first_mut()) {
            *value = fixed;
        }
        self.compose(now, place, &readings, twist)
    }

    pub(super) fn compose(
        &mut self,
        now: i64,
        place: usize,
        readings: &[Reading],
        twist: Twist,
    ) -> (Vec<u8>, String) {
        let unit = self.unit(place).clone();
        let own_bed = unit.bed.unwrap_or_else(|| self.chance.random_range(0..self.beds.len()));
        let patient = self.beds[unit.reports_as.unwrap_or(own_bed)].patient.clone();
        let identifier = twist.identifier_of.map(|bed| self.beds[bed].patient.number.clone());
        let time = self.shown_time(now, place);
        self.control += 1;
        let control = self.dialect.control(self.control, &time, &mut self.chance);
        let device = format!("{}^{}", unit.serial, unit.kind.model);
        let report = Report {
            sender: &self.sender(place),
            device: &device,
            patient: &patient,
            identifier: identifier.as_deref(),
            bed: &self.layout.beds[twist.bed.unwrap_or(own_bed)],
            time: &time,
            control: &control,
            unit: twist.unit,
            document: twist.document,
        };
        (self.dialect.results(&report, readings), control)
    }

    /// A device reports to the engine, by itself or over the gateway, and the engine passes it on.
    pub(super) fn report(&mut self, now: i64, place: usize, twist: Twist) {
        let unit = self.unit(place).clone();
        if unit.bed.is_some_and(|bed| now < self.beds[bed].empty_until) {
            return;
        }
        let (message, control) = self.result_of(now, place, twist);
        let speaker = unit.via.unwrap_or(place);
        if let Some(gateway) = unit.via {
            let (from, to) = self.ends(place, gateway);
            self.tell(now, from.at(24_105), to.at(24_105), &[0x5a; 96]);
            if now < self.unit(gateway).dead_until {
                return;
            }
        }
        self.deliver(now + 4 * STEP_NS, speaker, message, &control);
    }

    /// Brings a message to the engine.
    pub(super) fn deliver(&mut self, now: i64, speaker: usize, message: Vec<u8>, control: &str) {
        let engine = self.the(Role::Engine);
        if now < self.unit(engine).dead_until {
            let refuses = self.engine_refuses;
            return self.knock(now, speaker, (engine, MLLP), refuses);
        }
        let time = self.shown_time(now, engine);
        let answer = self.dialect.acknowledgment(control, &time);
        self.say(now, speaker, (engine, MLLP), &[(true, message.clone()), (false, answer)]);
        if self.layout.forwards {
            let record = self.the(Role::Record);
            let again = self.dialect.acknowledgment(control, &time);
            self.talk(now + 40 * STEP_NS, engine, (record, 6661), &[(true, message), (false, again)]);
        }
    }

    /// An attempt at a service that refuses or says nothing.
    pub(super) fn knock(&mut self, now: i64, client: usize, (server, port): (usize, u16), refuses: bool) {
        let (from, to) = self.ends(client, server);
        let (from, to) = (from.at(self.port()), to.at(port));
        let sequence = self.chance.random();
        let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 64_240 };
        self.emit(now, tcp(from, to, 7, syn, &[]));
        if refuses {
            let reset = Tcp { sequence: 0, acknowledgment: sequence.wrapping_add(1), flags: 20, window: 0 };
            self.emit(now + STEP_NS, tcp(to, from, 0, reset, &[]));
        } else {
            self.emit(now + SECOND, tcp(from, to, 8, syn, &[]));
        }
        self.unit_mut(client).line = None;
    }

    fn publish(&mut self, now: i64, place: usize) {
        let broker = self.the(Role::Broker);
        let mut vitals = self.unit(place).vitals;
        vitals.drift(&mut self.chance);
        self.unit_mut(place).vitals = vitals;
        let (topic, count) = (self.topic(place), self.control);
        let payload =
            format!("{{\"temp\":{:.1},\"n\":{count},\"batt\":{}}}", vitals.temperature, 40 + count % 60);
        self.control += 1;
        let mut said = Vec::new();
        if self.unit(place).line.is_none() {
            self.unit_mut(place).persistent = true;
            if !(self.options.running && now < self.options.start_ns + 90 * SECOND) {
                let name = self.unit(place).name.clone();
                said.extend([(true, telemetry::connect(&name, 60, None)), (false, telemetry::connected(0))]);
            }
        }
        said.push((true, telemetry::publish(&topic, payload.as_bytes(), false)));
        self.say(now, place, (broker, MQTT), &said);
    }

    /// Where a sensor publishes.
    pub(super) fn topic(&self, place: usize) -> String {
        format!("hospital/{}/{}/telemetry", self.unit(place).subnet, self.unit(place).name.to_lowercase())
    }

    pub(super) fn image(&mut self, now: i64, place: usize, modality: &'static str) {
        let unit = self.unit(place).clone();
        let bed = self.chance.random_range(0..self.beds.len());
        let patient = self.beds[bed].patient.clone();
        self.control += 1;
        let archive = self.the(Role::Archive);
        let title = unit.name.replace('-', "_");
        if self.chance.random_bool(0.3) {
            let said = dicom::find(&title, "PACS", Some(&patient.number));
            return self.talk(now, place, (archive, DICOM), &said);
        }
        let study = dicom::Study {
            calling: &title,
            called: "PACS",
            modality,
            vendor: unit.kind.vendor,
            model: unit.kind.model,
            serial: &unit.serial,
            patient: &patient,
            number: self.control,
            pixel_bytes: 2 * self.chance.random_range(2_000..12_000),
        };
        self.talk(now, place, (archive, DICOM), &dicom::store(&study));
    }

    fn desk(&mut self, now: i64, place: usize) {
        match self.chance.random_range(0..10) {
            0..5 => {
                let page = self.chance.random_range(0..9);
                let body = "x".repeat(self.chance.random_range(200..8_000));
                let request =
                    control::web_request("GET", &format!("/intranet/page{page}"), "web", "Mozilla/5.0", "");
                let answer = control::web_answer("200 OK", "nginx", &body);
                let server = self.the(Role::Files);
                self.talk(now, place, (server, 80), &[(true, request), (false, answer)]);
            }
            5..7 => {
                let random = self.chance.random();
                let outside = self.with_role(|role| role == Role::Internet);
                let server = self.pick(&outside);
                let said = [
                    (true, sound::client_hello("updates.example", random)),
                    (false, sound::tls_data(&[1; 900])),
                    (true, sound::tls_data(&[2; 300])),
                    (false, sound::tls_data(&vec![3; 4_000])),
                ];
                self.talk(now, place, (server, 443), &said);
            }
            _ => {
                let mut share = files::Share::default();
                let mut said = share.open("files", "documents", 0);
                let number = self.chance.random_range(0..400);
                said.extend(share.create(&format!("letters\\letter{number}.docx")));
                said.extend(share.read(3_000));
                if self.chance.random_bool(0.4) {
                    said.extend(
                        share.write(b"Dear colleague, thank you for your patient. ".repeat(20).as_slice()),
                    );
                }
                said.extend(share.close());
                let server = self.the(Role::Files);
                self.talk(now, place, (server, 445), &said);
            }
        }
    }

    /// A call between two telephones.
    fn call(&mut self, now: i64, place: usize) {
        let phones = self.with_role(|role| role == Role::Phone);
        let other = self.pick(&phones);
        if other == place {
            return;
        }
        let (from, to) = self.ends(place, other);
        let (number, source) = (self.chance.random::<u32>() >> 8, self.chance.random());
        let (mine, theirs) = (from.ip.to_string(), to.ip.to_string());
        self.tell(now, from.at(5060), to.at(5060), &sound::invite(&mine, &theirs, number));
        self.tell(now + SECOND, to.at(5060), from.at(5060), &sound::taken(&mine, &theirs, number));
        for packet in 0..400_u16 {
            let at = now + 2 * SECOND + i64::from(packet) * 20_000_000;
            self.tell(at, from.at(40_000), to.at(40_000), &sound::rtp(0, packet, source, &[0x7f; 160]));
            self.tell(at + 1, to.at(40_000), from.at(40_000), &sound::rtp(0, packet, !source, &[0x7f; 160]));
        }
    }

    /// The admission system tells the engine what became of the patient of a bed.
    pub(super) fn admission(&mut self, now: i64, event: &'static str, bed: usize, other: Option<usize>) {
        let record = self.the(Role::Record);
        let engine = self.the(Role::Engine);
        let time = self.shown_time(now, record);
        self.control += 1;
        let control = self.dialect.control(self.control, &time, &mut self.chance);
        let (patient, second) =
            (&self.beds[bed].patient, other.map(|bed| (&self.beds[bed].patient, &self.layout.beds[bed])));
        let message =
            self.dialect.admission(event, patient, &self.layout.beds[bed], (&time, &control), second);
        let answer = self.dialect.acknowledgment(&control, &time);
        self.talk(now, record, (engine, MLLP), &[(true, message), (false, answer)]);
    }

    /// One patient goes home, another one comes.
    fn exchange(&mut self, now: i64) {
        let again = now + 20 * MINUTE + self.within(60 * MINUTE);
        self.at(again, Self::exchange);
        let bed = self.chance.random_range(0..self.beds.len());
        // Where an attack is planned nobody leaves, so that what is said of it stays true.
        if self.options.attacks.is_empty() {
            self.discharge(now, bed, 2 * MINUTE);
        }
    }

    /// The patient of a bed goes, and after a while another one comes.
    pub(super) fn discharge(&mut self, now: i64, bed: usize, pause_ns: i64) {
        self.admission(now, "A03", bed, None);
        self.beds[bed].empty_until = now + pause_ns;
        self.at(now + pause_ns, move |campus, now| {
            campus.beds[bed].patient = campus.invent();
            campus.admission(now, "A01", bed, None);
        });
    }

    /// The unit's place outside the hospital, for what is sent there.
    pub(super) fn outside(&self) -> usize {
        self.layout.units.iter().position(|unit| unit.subnet == OUTSIDE).unwrap_or(0)
    }
}
