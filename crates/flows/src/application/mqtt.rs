//! MQTT.

use serde_json::Value;
use wardline_model::fact::{
    CredentialFact, CredentialKind, MeasurementFact, MqttFact, PatientDataFact, PatientReference, TopicShape,
};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject};
use wardline_wire::enterprise::http::BodyFormat;
use wardline_wire::enterprise::mqtt::{Connect, Packet, Publish, Session, probe};
use wardline_wire::{Direction, Sensitive};

use super::{Context, Progress, Stream, StreamAdaptor, patient_fields};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Mqtt, ports: &[1883, 1884], probe, adaptor: || Box::<Mqtt>::default() };

/// Longest name of a quantity, and most quantities of one message.
const NAME_BYTES_MAX: usize = 24;
const QUANTITIES_MAX: usize = 12;
/// Longest document whose numbers are read, bytes.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024;

#[derive(Default)]
struct Mqtt {
    session: Session,
}

impl StreamAdaptor for Mqtt {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let right = self.session.feed(direction, bytes, |packet| match packet {
            Packet::Connect(connect) => self::connect(&connect, context),
            Packet::Connected(reason) => tell(context, MqttFact::Connected { reason }),
            Packet::Publish(publish) => self::publish(&publish, context),
            Packet::Subscribe(filter) => {
                let text = filter.filter;
                let everything = text == b"#" || text.starts_with(b"$SYS") || text == b"+/#";
                let filter = topic(text, context);
                tell(context, MqttFact::Subscribe { filter, everything });
            }
            Packet::Disconnect(reason) => tell(context, MqttFact::Disconnect { reason }),
            Packet::Other(_) => {}
        });
        if right { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        if self.session.gap(direction, length) { Progress::Continue } else { Progress::Done }
    }
}

fn tell(context: &mut Context<'_>, fact: MqttFact) {
    context.tell(Fact::Mqtt(Box::new(fact)));
}

fn connect(connect: &Connect<'_>, context: &mut Context<'_>) {
    let account = connect.account.map(|account| context.pseudonym(Subject::Account, account));
    if let Some(secret) = connect.secret {
        let secret = context.pseudonym(Subject::Secret, secret);
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Mqtt,
            kind: CredentialKind::Password,
            field: Label::new("mqtt.passwd"),
            account,
            secret: Some(secret),
        })));
    }
    let will = connect.will_topic.map(|will| topic(will, context));
    tell(
        context,
        MqttFact::Connect {
            level: connect.level,
            client: Label::from_bytes(connect.client),
            keep_alive_s: connect.keep_alive_s,
            clean: connect.clean,
            will,
            has_account: account.is_some(),
        },
    );
}

/// Levels of a topic that may name a person are taken out: those with digits or other characters.
fn topic(text: &[u8], context: &Context<'_>) -> TopicShape {
    let shape: Vec<_> = text
        .split(|byte| *byte == b'/')
        .map(|level| {
            let plain = level.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
            let wildcard = matches!(level, b"#" | b"+");
            let own = level.first() == Some(&b'$');
            if plain || wildcard || own {
                String::from_utf8_lossy(level).into_owned()
            } else {
                "*".to_owned()
            }
        })
        .collect();
    TopicShape {
        shape: Label::new(&shape.join("/")),
        topic: context.pseudonym(Subject::Resource, Sensitive::new(text)),
    }
}

fn publish(publish: &Publish<'_>, context: &mut Context<'_>) {
    let payload = publish.payload.expose();
    let content = context.pseudonym(Subject::Content, publish.payload);
    let shape = topic(publish.topic, context);
    tell(
        context,
        MqttFact::Publish {
            topic: shape,
            retained: publish.retained,
            duplicate: publish.duplicate,
            quality: publish.quality,
            payload_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            content,
        },
    );
    // What the broker passes on was told when it came in.
    if context.direction == Direction::Backward {
        return;
    }
    let json = payload
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    if json {
        document(payload, context);
    } else if let Some(value) = number(payload)
        && let Some(name) = publish.topic.rsplit(|byte| *byte == b'/').next()
        && let Some(code) = quantity(name)
    {
        measure(context, code, value, None, None);
    }
}

/// A message of telemetry: numbers of known quantities, and kinds of patient data.
fn document(payload: &[u8], context: &mut Context<'_>) {
    let found = patient_fields::look(BodyFormat::Json, payload);
    let mut telemetry = Telemetry::default();
    if payload.len() <= DOCUMENT_BYTES_MAX
        && let Ok(json) = serde_json::from_slice(payload)
    {
        telemetry.read(&json, 0, context);
    }
    let Telemetry { measured, patient, device } = telemetry;
    for (code, value) in measured {
        let patient = patient.map(|identifier| PatientReference {
            identifier: Some(identifier),
            ..PatientReference::default()
        });
        measure(context, code, value, patient, device.clone());
    }
    if !found.fields.is_empty() {
        context.tell(Fact::PatientData(Box::new(PatientDataFact {
            protocol: Protocol::Mqtt,
            fields: found.fields,
        })));
    }
}

/// What a document of telemetry says.
#[derive(Default)]
struct Telemetry {
    measured: Vec<(Label, f64)>,
    patient: Option<Pseudonym>,
    device: Option<Label>,
}

impl Telemetry {
    fn read(&mut self, json: &Value, depth: usize, context: &Context<'_>) {
        const DEPTH_MAX: usize = 4;
        if depth > DEPTH_MAX {
            return;
        }
        match json {
            Value::Array(items) => items.iter().for_each(|item| self.read(item, depth + 1, context)),
            Value::Object(fields) => {
                // `{"name": "hr", "value": 72}` says the same as `{"hr": 72}`.
                let named = ["name", "type", "code", "parameter", "metric"]
                    .iter()
                    .find_map(|key| fields.get(*key)?.as_str());
                if let (Some(name), Some(value)) = (named, fields.get("value").and_then(numeric)) {
                    self.add(name, value);
                }
                for (key, value) in fields {
                    self.field(key, value, depth, context);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, key: &str, value: &Value, depth: usize, context: &Context<'_>) {
        match (key.to_ascii_lowercase().replace(['_', '-'], "").as_str(), value) {
            ("patientid" | "patient" | "mrn", Value::String(text)) => {
                self.patient = Some(context.pseudonym(Subject::PatientId, Sensitive::new(text.as_bytes())));
            }
            ("deviceid" | "device" | "sensorid" | "serial", Value::String(text)) => {
                self.device = Label::non_empty(text.as_bytes());
            }
            _ => match numeric(value) {
                Some(value) => self.add(key, value),
                None => self.read(value, depth + 1, context),
            },
        }
    }

    fn add(&mut self, name: &str, value: f64) {
        if let Some(code) = quantity(name.as_bytes()).filter(|_| self.measured.len() < QUANTITIES_MAX) {
            self.measured.push((code, value));
        }
    }
}

/// A number, also where it was sent as text.
fn numeric(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => number(text.as_bytes()),
        other => other.as_f64(),
    }
}

fn measure(
    context: &mut Context<'_>,
    code: Label,
    value: f64,
    patient: Option<PatientReference>,
    device: Option<Label>,
) {
    context.tell(Fact::Measurement(Box::new(MeasurementFact {
        protocol: Protocol::Mqtt,
        code,
        system: None,
        value,
        unit: None,
        time: None,
        patient,
        location: None,
        device,
    })));
}

/// A number and nothing else.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.get(..text.len().min(32))?;
    std::str::from_utf8(text).ok()?.trim().parse::<f64>().ok().filter(|value| value.is_finite())
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
    use super::super::driver;
    use super::*;

    fn facts(stream: &[u8]) -> Vec<Fact> {
        driver::stream(&STREAM, &[(Direction::Forward, stream)], 7).0
    }

    fn publish(topic: &str, payload: &str) -> Vec<u8> {
        let mut packet = vec![0x30, (2 + topic.len() + payload.len()) as u8, 0, topic.len() as u8];
        packet.extend(topic.as_bytes());
        packet.extend(payload.as_bytes());
        packet
    }

    const CONNECT: &[u8] = b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06pump-7\x00\x01u\x00\x05hunte";

    #[test]
    fn credentials_and_quantities_are_told_and_no_content() {
        let mut stream = CONNECT.to_vec();
        stream.extend(publish("ward/7/vitals", r#"{"patient_id":"X9","hr":72,"spo2":97.5,"note":"x"}"#));
        let facts = facts(&stream);
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Credential(_))));
        let values: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Measurement(measured) => {
                    Some((measured.code.as_str(), measured.value, measured.patient.is_some()))
                }
                _ => None,
            })
            .collect();
        assert_eq!(values, [("hr", 72.0, true), ("spo2", 97.5, true)]);
        let text = format!("{facts:?}");
        assert!(text.contains("ward/*/vitals") && !text.contains("X9") && !text.contains("hunte"), "{text}");
    }

    #[test]
    fn who_asks_for_everything_is_told() {
        let mut stream = CONNECT.to_vec();
        stream.extend(b"\x82\x06\x00\x01\x00\x01#\x00");
        assert!(facts(&stream).iter().any(|fact| matches!(fact, Fact::Mqtt(mqtt)
            if matches!(mqtt.as_ref(), MqttFact::Subscribe { everything: true, .. }))));
    }
}
