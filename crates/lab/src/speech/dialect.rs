//! HL7 version 2 as different makers write it: version, names, codes, which fields are there.

use std::fmt::Write as _;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::patients::Patient;

/// What is measured: name here, MDC number and name, LOINC, a maker's own code, and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    pub mdc: &'static str,
    pub reference: &'static str,
    pub loinc: &'static str,
    pub own: &'static str,
    pub unit: &'static str,
}

const fn quantity(
    mdc: &'static str,
    reference: &'static str,
    loinc: &'static str,
    own: &'static str,
    unit: &'static str,
) -> Quantity {
    Quantity { mdc, reference, loinc, own, unit }
}

pub(crate) const HEART_RATE: Quantity = quantity("147842", "MDC_ECG_HEART_RATE", "8867-4", "HR", "/min");
pub(crate) const PULSE: Quantity = quantity("149530", "MDC_PULS_OXIM_PULS_RATE", "8889-8", "PR", "/min");
pub(crate) const OXYGEN: Quantity = quantity("150456", "MDC_PULS_OXIM_SAT_O2", "59408-5", "SPO2", "%");
pub(crate) const BREATHS: Quantity = quantity("151562", "MDC_RESP_RATE", "9279-1", "RR", "/min");
pub(crate) const TEMPERATURE: Quantity = quantity("150344", "MDC_TEMP", "8310-5", "TEMP", "Cel");
pub(crate) const SYSTOLIC: Quantity =
    quantity("150021", "MDC_PRESS_BLD_NONINV_SYS", "8480-6", "NBPS", "mm[Hg]");
pub(crate) const MEAN: Quantity = quantity("150023", "MDC_PRESS_BLD_NONINV_MEAN", "8478-0", "MAP", "mm[Hg]");
pub(crate) const FLOW: Quantity = quantity("157784", "MDC_FLOW_FLUID_PUMP", "", "RATE", "mL/h");
pub(crate) const GLUCOSE: Quantity =
    quantity("160196", "MDC_CONC_GLU_VENOUS_PLASMA", "2345-7", "GLU", "mg/dL");
pub(crate) const POTASSIUM: Quantity = quantity("", "", "2823-3", "K", "mmol/L");

/// How observations are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codes {
    Mdc,
    MdcName,
    Loinc,
    Own,
}

/// How a message is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbering {
    Counter,
    TimeAndCounter,
    Random,
}

/// How one site's or one maker's systems write.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    version: &'static str,
    facility: &'static str,
    receiver: &'static str,
    codes: Codes,
    numbering: Numbering,
    structure: bool,
    zone: &'static str,
    /// Whether a result names bed, device, time and birth date.
    pub(crate) has_bed: bool,
    has_device: bool,
    has_time: bool,
    has_birth_date: bool,
    charset: bool,
    ward_only_bed: bool,
}

/// A result as it is sent.
pub(crate) type Reading = (Quantity, f64);

/// Everything in a message of results but its numbers.
pub(crate) struct Report<'a> {
    pub sender: &'a str,
    pub device: &'a str,
    pub patient: &'a Patient,
    /// The identifier, where it is another one than the patient's.
    pub identifier: Option<&'a str>,
    pub bed: &'a [String; 3],
    pub time: &'a str,
    pub control: &'a str,
    /// The unit, where it is another one than the quantity's.
    pub unit: Option<&'a str>,
    /// An embedded document.
    pub document: Option<&'a str>,
}

fn block(segments: &[String]) -> Vec<u8> {
    let mut bytes = vec![0x0b];
    for segment in segments {
        bytes.extend(segment.as_bytes());
        bytes.push(b'\r');
    }
    bytes.extend([0x1c, b'\r']);
    bytes
}

impl Dialect {
    /// A dialect by chance.
    pub(crate) fn draw(chance: &mut ChaCha8Rng) -> Self {
        let mut one = |of: &[&'static str]| of[chance.random_range(0..of.len())];
        let version = one(&["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"]);
        let facility = one(&["HOSP", "NORTH", "KLINIKUM", "ST_ANNE", "", "CHU"]);
        let receiver = one(&["ENGINE", "CLOVERLEAF", "RHAPSODY", "MIRTH", "HIS"]);
        let zone = one(&["", "+0000", "", "+0100"]);
        Self {
            version,
            facility,
            receiver,
            zone,
            codes: match chance.random_range(0..10) {
                0..4 => Codes::Mdc,
                4..6 => Codes::MdcName,
                6..8 => Codes::Loinc,
                _ => Codes::Own,
            },
            numbering: match chance.random_range(0..3) {
                0 => Numbering::Counter,
                1 => Numbering::TimeAndCounter,
                _ => Numbering::Random,
            },
            structure: version >= "2.4",
            has_bed: chance.random_bool(0.85),
            has_device: chance.random_bool(0.7),
            has_time: chance.random_bool(0.75),
            has_birth_date: chance.random_bool(0.7),
            charset: chance.random_bool(0.3),
            ward_only_bed: chance.random_bool(0.3),
        }
    }

    /// The dialect in a few words.
    pub(crate) fn describe(&self) -> String {
        let parts = [
            (self.has_bed, "bed"),
            (self.has_device, "device"),
            (self.has_time, "time"),
            (self.has_birth_date, "birth date"),
        ];
        let there: Vec<_> = parts.iter().filter(|(there, _)| *there).map(|(_, name)| *name).collect();
        format!("{} {:?} with {}", self.version, self.codes, there.join(", "))
    }

    /// What a message is called.
    pub(crate) fn control(&self, counter: u32, time: &str, chance: &mut ChaCha8Rng) -> String {
        match self.numbering {
            Numbering::Counter => format!("{counter}"),
            Numbering::TimeAndCounter => format!("{time}{:04}", counter % 10_000),
            Numbering::Random => format!("{:08X}{counter:06X}", chance.random::<u32>()),
        }
    }

    fn header(&self, sender: &str, kind: &str, structure: &str, time: &str, control: &str) -> String {
        let kind = if self.structure { format!("{kind}{structure}") } else { kind.to_owned() };
        let charset = if self.charset { "||||||UNICODE UTF-8" } else { "" };
        format!(
            "MSH|^~\\&|{sender}|{}|{}|{}|{time}{}||{kind}|{control}|P|{}{charset}",
            self.facility, self.receiver, self.facility, self.zone, self.version
        )
    }

    fn pid(&self, patient: &Patient, identifier: Option<&str>) -> String {
        let birth = if self.has_birth_date { patient.birth_date.as_str() } else { "" };
        let authority = if self.facility.is_empty() { "MRN" } else { self.facility };
        format!(
            "PID|1||{}^^^{authority}^MR||{}^{}||{birth}|U",
            identifier.unwrap_or(&patient.number),
            patient.family,
            patient.given
        )
    }

    fn place(&self, bed: &[String; 3]) -> String {
        let [ward, room, number] = bed;
        if self.ward_only_bed {
            format!("{ward}^^{room}-{number}")
        } else {
            format!("{ward}^{room}^{number}")
        }
    }

    /// ADT; `other` is the second patient and bed of a swap, or the patient that a merge does away with.
    pub(crate) fn admission(
        &self,
        event: &str,
        patient: &Patient,
        bed: &[String; 3],
        (time, control): (&str, &str),
        other: Option<(&Patient, &[String; 3])>,
    ) -> Vec<u8> {
        let structure = match event {
            "A17" => "^ADT_A17",
            "A40" => "^ADT_A39",
            "A03" => "^ADT_A03",
            _ => "^ADT_A01",
        };
        let mut segments = vec![
            self.header("ADT", &format!("ADT^{event}"), structure, time, control),
            format!("EVN|{event}|{time}"),
            self.pid(patient, None),
        ];
        match (event, other) {
            ("A40", Some((merged, _))) => {
                segments.push(format!("MRG|{}^^^{}^MR", merged.number, self.facility))
            }
            _ => segments.push(format!("PV1|1|I|{}||||||||||||||||{}", self.place(bed), patient.visit)),
        }
        if let ("A17", Some((second, place))) = (event, other) {
            segments.push(self.pid(second, None));
            segments.push(format!("PV1|2|I|{}||||||||||||||||{}", self.place(place), second.visit));
        }
        block(&segments)
    }

    /// ORU.
    pub(crate) fn results(&self, report: &Report<'_>, readings: &[Reading]) -> Vec<u8> {
        let mut segments = vec![
            self.header(report.sender, "ORU^R01", "^ORU_R01", report.time, report.control),
            self.pid(report.patient, report.identifier),
        ];
        if self.has_bed {
            segments.push(format!("PV1|1|I|{}", self.place(report.bed)));
        }
        segments.push(format!("OBR|1|{0}|{0}|VITALS|||{1}{2}", report.control, report.time, self.zone));
        let (time, device) = (
            if self.has_time { format!("{}{}", report.time, self.zone) } else { String::new() },
            if self.has_device { report.device } else { "" },
        );
        for (number, (quantity, value)) in readings.iter().enumerate() {
            let code = match self.codes {
                Codes::Mdc if !quantity.mdc.is_empty() => {
                    format!("{}^{}^MDC", quantity.mdc, quantity.reference)
                }
                Codes::MdcName if !quantity.mdc.is_empty() => {
                    format!("{}^{}^MDC", quantity.reference, quantity.own)
                }
                Codes::Loinc if !quantity.loinc.is_empty() => {
                    format!("{}^{}^LN", quantity.loinc, quantity.own)
                }
                _ => format!("{}^{}^99LOC", quantity.own, quantity.own),
            };
            let unit = report.unit.unwrap_or(quantity.unit);
            let mut segment =
                format!("OBX|{}|NM|{code}||{}|{unit}|||||F|||{time}", number + 1, digits(*value));
            if !device.is_empty() {
                let _ = write!(segment, "||||{device}");
            }
            segments.push(segment);
        }
        if let Some(document) = report.document {
            segments.push(format!("OBX|9|ED|REPORT^Report^99LOC||^AP^^Base64^{document}||||||F"));
        }
        block(&segments)
    }

    /// ACK.
    pub(crate) fn acknowledgment(&self, control: &str, time: &str) -> Vec<u8> {
        let own = format!("A{control}");
        block(&[self.header(self.receiver, "ACK", "^R01", time, &own), format!("MSA|AA|{control}")])
    }
}

/// As monitors write numbers: whole ones without a point.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}
