//! What goes over the wire on an ordinary day: devices start, patients come and go, results and images are sent.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use wardline_model::MacAddress;

use super::{Bed, Due, Hospital, SECOND, STEP_NS};
use crate::attack::AttackKind;
use crate::devices::{Device, Duty};
use crate::frames::{End, arp, udp};
use crate::speech::{dicom, hl7, names};

impl Hospital {
    pub(super) fn boot(&mut self, now: i64, place: usize) {
        let device = self.devices[place].clone();
        let nobody = End { ip: Ipv4Addr::UNSPECIFIED, port: 68, ..device.end };
        let everybody = End {
            mac: MacAddress::BROADCAST,
            ip: Ipv4Addr::BROADCAST,
            ip6: None,
            port: 67,
            time_to_live: 64,
        };
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

    pub(super) fn admission(&mut self, now: i64, event: &str, bed: usize) {
        let control = self.control_number();
        let Bed { name, patient } = self.beds[bed].clone();
        let time = hl7::time(now);
        let message = hl7::admission(event, &patient, &name, &time, &control);
        let answer = hl7::acknowledgment("ADT", &time, &control);
        let (record, engine) = (self.end_of("record"), self.end_of("engine").at(2575));
        self.talk(now, record, engine, &[(true, message), (false, answer)]);
    }

    /// One patient goes home, another one comes.
    pub(super) fn exchange(&mut self, now: i64) {
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
    pub(super) fn resolve(&mut self, now: i64, place: usize) {
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
    pub(super) fn work(&mut self, now: i64, place: usize) -> i64 {
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
        let (time, control) = (hl7::time(now), self.control_number());
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
}
