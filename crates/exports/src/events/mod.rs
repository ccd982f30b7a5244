//! Records as other programs expect them: one line of text for each, or one bundle of all.
//!
//! A format has no place for some kinds of record; those are left out and counted. What goes out is what the records hold:
//! they hold no patient.

mod cef;
mod ecs;
mod eve;
mod ocsf;
mod stix;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use wardline_model::{Attack, Device, DeviceReference, Record, Severity, Timestamp, Transport};

/// What makes these records.
const PRODUCT: &str = "Wardline";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A format of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// EVE JSON of Suricata: findings as alerts, conversations as flows.
    Eve,
    /// Open Cybersecurity Schema Framework 1.8.
    Ocsf,
    /// Elastic Common Schema 8.
    Ecs,
    /// Common Event Format of ArcSight, revision 25: findings and exposures.
    Cef,
    /// STIX 2.1: findings as sightings of techniques, in one bundle.
    Stix,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Eve, Self::Ocsf, Self::Ecs, Self::Cef, Self::Stix];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eve => "eve",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
            Self::Stix => "stix",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| "use one of: eve, ocsf, ecs, cef, stix".to_owned())
    }
}

/// Turns records into lines of a format.
#[derive(Debug)]
pub struct Exporter {
    format: Format,
    bundle: stix::Bundle,
    left_out: u64,
}

impl Exporter {
    /// An exporter that has seen nothing.
    pub fn new(format: Format) -> Self {
        Self { format, bundle: stix::Bundle::default(), left_out: 0 }
    }

    /// The line of a record, without its end; nothing where the format has no place for it, or gathers.
    pub fn line(&mut self, record: &Record) -> Option<String> {
        let json = |value: Option<Value>| value.map(|value| value.to_string());
        let line = match self.format {
            Format::Eve => json(eve::event(record)),
            Format::Ocsf => json(ocsf::event(record)),
            Format::Ecs => json(ecs::event(record)),
            Format::Cef => cef::event(record),
            Format::Stix => {
                self.left_out += u64::from(!self.bundle.add(record));
                return None;
            }
        };
        self.left_out += u64::from(line.is_none());
        line
    }

    /// What was gathered, after the last record.
    pub fn finish(self) -> (Option<String>, u64) {
        let last = (self.format == Format::Stix).then(|| self.bundle.finish().to_string());
        (last, self.left_out)
    }
}

/// What a kind of attack is called where people read it.
const fn title(attack: Attack) -> &'static str {
    match attack {
        Attack::Outage => "Device stopped",
        Attack::Physical => "Pseudo or altered device",
        Attack::MessageCorruption => "Message altered on its way",
        Attack::FalseNode => "Data of one patient as another's",
        Attack::PassiveGathering => "Information gathering",
        Attack::Routing => "Routing manipulated",
        Attack::Eavesdropping => "Eavesdropping on a room",
        Attack::TrafficAnalysis => "Extra messages to recipients",
        Attack::DenialOfService => "Denial of service or ransom",
        Attack::NodeMalfunction => "Device settings changed or erased",
        Attack::ThreatIntel => "Known bad address, name or file",
        Attack::PolicyViolation => "Against the site's policy",
        Attack::Anomaly => "Unlike what is normal here",
    }
}

const fn milliseconds(time: Timestamp) -> i64 {
    time.nanoseconds() / 1_000_000
}

const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::TCP => "tcp",
        Transport::UDP => "udp",
        Transport::ICMP => "icmp",
        Transport::ICMP6 => "ipv6-icmp",
        Transport::SCTP => "sctp",
        _ => "ip",
    }
}

/// 1 for the worst to 4, as Suricata counts.
const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Critical | Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

/// A number of its own for each rule, the same in every run: FNV-1a of its name, 31 bits.
fn number(rule: &str) -> u32 {
    let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    rule.bytes().fold(0x811c_9dc5, hash) & 0x7fff_ffff
}

fn text(party: Option<&DeviceReference>) -> Option<String> {
    let party = party?;
    party.name.as_ref().map(ToString::to_string).or_else(|| Some(party.ip?.to_string()))
}

/// Leaves out fields that nobody knows, which most formats do not allow as null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let known = fields.into_iter().map(|(name, value)| (name, without_nulls(value)));
            Value::Object(known.filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(without_nulls).filter(|item| !item.is_null()).collect())
        }
        other => other,
    }
}

/// The best name of a device.
fn device_name(device: &Device) -> String {
    device.display_name().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{Finding, Label};

    fn finding() -> Record {
        let party = |ip: &str| Some(DeviceReference { id: None, ip: ip.parse().ok(), mac: None, name: None });
        Record::Finding(Box::new(Finding {
            id: "f-1".to_owned(),
            time: Timestamp::from_seconds(1_800_000_000),
            started: Timestamp::from_seconds(1_800_000_000),
            last_seen: Timestamp::from_seconds(1_800_000_060),
            attack: Attack::PassiveGathering,
            techniques: vec!["T0846".to_owned()],
            detector: Label::new("scan"),
            severity: Severity::High,
            confidence: 0.9,
            device: party("192.0.2.7"),
            source: party("2001:db8::7"),
            summary: "asks for a=b | c\\d\nand more".to_owned(),
            evidence: Vec::new(),
            observations: 3,
            updates: 1,
            silent_if: "it had been allowed".to_owned(),
            clinical: "Therapy goes on.".to_owned(),
            playbook: vec!["Look.".to_owned()],
        }))
    }

    fn exported(format: Format, records: &[Record]) -> (Vec<String>, u64) {
        let mut exporter = Exporter::new(format);
        let mut lines: Vec<_> = records.iter().filter_map(|record| exporter.line(record)).collect();
        let (last, left_out) = exporter.finish();
        lines.extend(last);
        (lines, left_out)
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(fields) => fields.values().any(has_null),
            Value::Array(items) => items.iter().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn a_finding_says_in_each_format_what_it_is() {
        let expected = [
            (Format::Eve, "/alert/severity", Value::from(1)),
            (Format::Ocsf, "/class_uid", Value::from(2004)),
            (Format::Ocsf, "/type_uid", Value::from(200_402)),
            (Format::Ecs, "/threat/technique/id/0", Value::from("T0846")),
            (Format::Stix, "/type", Value::from("bundle")),
        ];
        for (format, pointer, value) in expected {
            let (lines, left_out) = exported(format, &[finding()]);
            assert_eq!((lines.len(), left_out), (1, 0), "{format}");
            let json: Value = serde_json::from_str(&lines[0]).unwrap();
            assert_eq!(json.pointer(pointer), Some(&value), "{format} {pointer}");
            assert!(!has_null(&json), "{format}: {json}");
        }
    }

    #[test]
    fn what_divides_fields_is_escaped_in_lines() {
        let (lines, _) = exported(Format::Cef, &[finding()]);
        let line = &lines[0];
        assert!(line.starts_with("CEF:0|Wardline|Wardline|"), "{line}");
        assert!(line.contains(r"msg=asks for a\=b | c\\d\nand more"), "{line}");
        assert!(line.contains("dst=192.0.2.7") && line.contains("c6a2=2001:db8::7"), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn the_same_finding_is_one_object_and_another_kind_is_left_out() {
        let edge = Record::Summary(Box::default());
        let once = exported(Format::Stix, &[finding()]).0;
        assert_eq!(exported(Format::Stix, &[finding(), finding(), edge]), (once, 1));
        let nothing: Value = serde_json::from_str(&exported(Format::Stix, &[]).0[0]).unwrap();
        assert_eq!(nothing.get("objects"), None);
    }
}
