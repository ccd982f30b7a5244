//! Telemetry of health in documents, whatever carries them: numbers of known quantities with their units, SenML (RFC 8428),
//! and kinds of patient data. JSON and CBOR.

use wardline_model::fact::{MeasurementFact, PatientDataFact, PatientReference};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject, Timestamp};
use wardline_wire::Sensitive;
use wardline_wire::document::{Event, Scalar, cbor, json};

use super::{Context, patient_fields};

/// Longest name of a quantity, bytes, and most quantities of one document.
const NAME_BYTES_MAX: usize = 24;
const QUANTITIES_MAX: usize = 32;
/// Deepest object whose fields are read.
const DEPTH_MAX: usize = 6;
/// Times of SenML below this are relative to now, RFC 8428 section 4.5.3.
const RELATIVE_TIME_MAX: f64 = 268_435_456.0;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Cbor,
}

/// JSON or CBOR, by its first byte; `None` where it begins like neither.
pub(super) fn format(payload: &[u8]) -> Option<Format> {
    let first = payload.iter().find(|byte| !byte.is_ascii_whitespace())?;
    match first {
        b'{' | b'[' => Some(Format::Json),
        // Arrays and maps of CBOR, which no text begins with.
        0x81..=0x9f | 0xa1..=0xbf => cbor::read(payload, &mut |_| {}).then_some(Format::Cbor),
        _ => None,
    }
}

/// Reads a document; whether it told a measurement.
pub(super) fn document(
    format: Format,
    payload: &[u8],
    protocol: Protocol,
    context: &mut Context<'_>,
) -> bool {
    let mut telemetry = Telemetry::default();
    {
        let mut take = |event: Event<'_>| telemetry.take(event, context);
        match format {
            Format::Json => json::Reader::default().feed(payload, &mut take),
            Format::Cbor => {
                cbor::read(payload, &mut take);
            }
        }
    }
    telemetry.tell(protocol, context)
}

/// A number alone, under the name that its topic or path ends with.
pub(super) fn single(name: &[u8], payload: &[u8], protocol: Protocol, context: &mut Context<'_>) -> bool {
    let Ok(text) = std::str::from_utf8(payload.get(..payload.len().min(32)).unwrap_or_default()) else {
        return false;
    };
    let (Some(code), Some(value)) = (quantity(name), Scalar::Text(text).number()) else { return false };
    let mut telemetry = Telemetry::default();
    telemetry.measured.push(Measured { code, value, unit: None, time: None, device: None });
    telemetry.tell(protocol, context)
}

struct Measured {
    code: Label,
    value: f64,
    unit: Option<Label>,
    time: Option<Timestamp>,
    device: Option<Label>,
}

/// The fields of one object that belong together.
#[derive(Default)]
struct Object {
    name: Option<Label>,
    value: Option<f64>,
    unit: Option<Label>,
    time: Option<f64>,
    /// Place of the first quantity that stood in it as a field of its own.
    first: usize,
}

/// Base fields of SenML, which hold for all records behind them.
#[derive(Default)]
struct Base {
    name: String,
    unit: Option<Label>,
    time: f64,
    value: f64,
}

#[derive(Default)]
struct Telemetry {
    look: patient_fields::Look,
    objects: Vec<Object>,
    measured: Vec<Measured>,
    patient: Option<Pseudonym>,
    device: Option<Label>,
    base: Base,
}

impl Telemetry {
    fn take(&mut self, event: Event<'_>, context: &Context<'_>) {
        match event {
            Event::Open(key) => {
                self.look.field(key.as_bytes(), None);
                self.objects.push(Object { first: self.measured.len(), ..Object::default() });
            }
            Event::Close => {
                if let Some(object) = self.objects.pop() {
                    self.close(object);
                }
            }
            Event::Value(key, value) => {
                let value = value.expose();
                let text = value.text().map(|text| Sensitive::new(text.as_bytes()));
                self.look.field(key.as_bytes(), text);
                if self.objects.len() <= DEPTH_MAX {
                    self.field(key, value, context);
                }
            }
        }
    }

    fn field(&mut self, key: &str, value: Scalar<'_>, context: &Context<'_>) {
        let label = || value.text().map(Label::new).filter(|label| !label.is_empty());
        let Some(object) = self.objects.last_mut() else { return };
        // SenML in CBOR has numbers for names, RFC 8428 section 6; base values are those below zero.
        let key = match key {
            "-2" => "bn",
            "-3" => "bt",
            "-4" => "bu",
            "-5" => "bv",
            "0" => "n",
            "1" => "u",
            "2" => "v",
            "6" => "t",
            other => other,
        };
        let folded = key.to_ascii_lowercase().replace(['_', '-'], "");
        match folded.as_str() {
            "patientid" | "patient" | "mrn" => {
                let id = value.text().map(|text| Sensitive::new(text.as_bytes()));
                self.patient = self.patient.or(id.map(|id| context.pseudonym(Subject::PatientId, id)));
            }
            "deviceid" | "device" | "sensorid" | "serial" => self.device = self.device.take().or_else(label),
            "name" | "type" | "code" | "parameter" | "metric" | "n" => {
                object.name = object.name.take().or_else(label);
            }
            "unit" | "units" | "uom" | "u" => object.unit = label(),
            "value" | "v" => object.value = value.number(),
            "t" => object.time = value.number(),
            "bn" => self.base.name = value.text().unwrap_or_default().to_owned(),
            "bu" => self.base.unit = label(),
            "bt" => self.base.time = value.number().unwrap_or_default(),
            "bv" => self.base.value = value.number().unwrap_or_default(),
            _ => {
                if let (Some(code), Some(value)) = (quantity(key.as_bytes()), value.number()) {
                    self.add(Measured { code, value, unit: None, time: None, device: None });
                }
            }
        }
    }

    /// `{"name": "hr", "value": 72, "unit": "/min"}` says the same as `{"hr": 72}`; a unit beside quantities is theirs.
    fn close(&mut self, object: Object) {
        let Object { name, value, unit, time, first } = object;
        if let Some(alone) = self.measured.get_mut(first..).filter(|measured| measured.len() == 1) {
            for measured in alone {
                measured.unit = measured.unit.take().or_else(|| unit.clone());
            }
        }
        let Some(value) = value else { return };
        let whole = format!("{}{}", self.base.name, name.as_ref().map_or("", |name| name.as_str()));
        let (device, last) = match whole.rsplit_once(['/', ':']) {
            Some((device, last)) if whole.starts_with("urn:dev:") => (Some(Label::new(device)), last),
            Some((_, last)) => (None, last),
            None => (None, whole.as_str()),
        };
        let Some(code) = quantity(last.as_bytes()) else { return };
        let time = self.base.time + time.unwrap_or_default();
        let absolute = (RELATIVE_TIME_MAX..4e9).contains(&time);
        self.add(Measured {
            code,
            value: value + self.base.value,
            unit: unit.or_else(|| self.base.unit.clone()),
            time: absolute.then(|| Timestamp::from_nanoseconds((time * 1e9) as i64)),
            device,
        });
    }

    fn add(&mut self, measured: Measured) {
        if self.measured.len() < QUANTITIES_MAX && measured.value.is_finite() {
            self.measured.push(measured);
        }
    }

    fn tell(self, protocol: Protocol, context: &mut Context<'_>) -> bool {
        let any = !self.measured.is_empty();
        for Measured { code, value, unit, time, device } in self.measured {
            let patient = self.patient.map(|identifier| PatientReference {
                identifier: Some(identifier),
                ..PatientReference::default()
            });
            context.tell(Fact::Measurement(Box::new(MeasurementFact {
                protocol,
                code,
                system: None,
                value,
                unit,
                time,
                patient,
                location: None,
                device: device.or_else(|| self.device.clone()),
            })));
        }
        let fields = self.look.finish().fields;
        if !fields.is_empty() {
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol, fields })));
        }
        any
    }
}

/// The name of a quantity that telemetry of patients and pumps carries.
fn quantity(name: &[u8]) -> Option<Label> {
    const NAMES: &[&str] = &[
        "hr",
        "heartrate",
        "heart_rate",
        "pulse",
        "pulserate",
        "pulse_rate",
        "spo2",
        "rr",
        "resp",
        "resprate",
        "resp_rate",
        "respiratory_rate",
        "temp",
        "temperature",
        "bodytemp",
        "body_temperature",
        "sys",
        "systolic",
        "sbp",
        "dia",
        "diastolic",
        "dbp",
        "map",
        "etco2",
        "glucose",
        "rate",
        "infusion_rate",
        "flow_rate",
        "dose",
        "bolus",
        "volume",
        "vtbi",
        "pressure",
        "peep",
        "fio2",
        "tidal_volume",
        "battery",
        "steps",
        "weight",
    ];
    let name =
        std::str::from_utf8(name).ok().filter(|name| name.len() <= NAME_BYTES_MAX)?.to_ascii_lowercase();
    NAMES.contains(&name.as_str()).then(|| Label::new(&name))
}

#[cfg(test)]
mod tests {
    use super::super::driver::Driver;
    use super::*;
    use wardline_wire::Direction;

    fn told(format: Format, payload: &[u8]) -> Vec<Fact> {
        let mut driver = Driver::new();
        driver.with(Direction::Forward, |context| document(format, payload, Protocol::Mqtt, context));
        driver.facts()
    }

    fn values(facts: &[Fact]) -> Vec<(String, f64, Option<String>)> {
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Measurement(value) => {
                    let unit = value.unit.as_ref().map(Label::to_string);
                    Some((value.code.to_string(), value.value, unit))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn reads_nested_json_and_its_units() {
        let facts = told(
            Format::Json,
            br#"{"device":"m7","mrn":"X-0047","vitals":[{"name":"hr","value":72,"unit":"/min"},{"spo2":97.5,"unit":"%"}],
            "patient_name":"Muster"}"#,
        );
        let expected = [("hr", 72.0, "/min"), ("spo2", 97.5, "%")]
            .map(|(code, value, unit)| (code.to_owned(), value, Some(unit.to_owned())));
        // A quantity of its own is told where it stands, a named one when its object is over.
        assert_eq!(values(&facts), expected);
        assert!(facts.iter().any(|fact| matches!(fact, Fact::PatientData(_))));
        assert!(!format!("{facts:?}").contains("0047") && !format!("{facts:?}").contains("Muster"));
    }

    #[test]
    fn reads_senml_in_both_writings() {
        // After RFC 8428 sections 5.1.3 and 6, with names of quantities that are known here.
        let json = br#"[{"bn":"urn:dev:mac:0024befffe804ff1/","bt":1.276020076e9,"bu":"Cel","n":"temperature","v":36.6},
            {"n":"hr","u":"beat/min","v":71,"t":1}]"#;
        let facts = told(Format::Json, json);
        let Fact::Measurement(first) = &facts[0] else { panic!() };
        assert_eq!(first.device, Some(Label::new("urn:dev:mac:0024befffe804ff1")));
        assert_eq!(first.time.unwrap().to_string(), "2010-06-08T18:01:16.000000Z");
        let cbor = b"\x82\xa3\x21\x78\x1durn:dev:mac:0024befffe804ff1/\x00\x6btemperature\x02\xf9\x50\x92\xa3\x00\x62hr\x01\x68beat/min\x02\x18\x47";
        assert_eq!(format(cbor), Some(Format::Cbor));
        let read = values(&told(Format::Cbor, cbor));
        assert_eq!(read[0].0, "temperature");
        assert!((read[0].1 - 36.6).abs() < 0.05, "{read:?}");
        assert_eq!(read[1], ("hr".to_owned(), 71.0, Some("beat/min".to_owned())));
    }
}
