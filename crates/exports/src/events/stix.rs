//! STIX 2.1: for each finding what was seen, the techniques that it is a sighting of, and who saw it.
//!
//! Identifiers follow from the records, so that the same finding exported twice is one object.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use wardline_model::{DeviceReference, Finding, Record, Timestamp};

use super::{PRODUCT, title, without_nulls};

/// When identity and techniques were first described here; STIX asks for a time.
const MADE: &str = "2026-01-01T00:00:00.000Z";
/// Namespace of identifiers of cyber-observables, STIX 2.1 section 2.9.
const OBSERVABLES: &[u8; 16] =
    &[0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7];

/// Objects by identifier.
#[derive(Debug, Default)]
pub(super) struct Bundle(BTreeMap<String, Value>);

impl Bundle {
    /// Adds what a record says; whether there is a place for it.
    pub(super) fn add(&mut self, record: &Record) -> bool {
        let Record::Finding(finding) = record else { return false };
        self.finding(finding);
        true
    }

    pub(super) fn finish(self) -> Value {
        let contents: String = self.0.keys().map(String::as_str).collect();
        let objects: Vec<_> = self.0.into_values().collect();
        without_nulls(json!({
            "type": "bundle", "id": format!("bundle--{}", own_uuid(&contents)),
            "objects": if objects.is_empty() { Value::Null } else { Value::Array(objects) },
        }))
    }

    fn put(&mut self, object: Value) -> String {
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.0.entry(id.clone()).or_insert(object);
        id
    }

    fn finding(&mut self, finding: &Finding) {
        let who = self.put(json!({
            "type": "identity", "spec_version": "2.1", "id": format!("identity--{}", own_uuid(PRODUCT)),
            "created": MADE, "modified": MADE, "name": PRODUCT, "identity_class": "system",
        }));
        let parties = [&finding.device, &finding.source].into_iter().flatten();
        let seen: Vec<_> = parties.filter_map(|party| self.observable(party)).collect();
        let (first, last) = (time(finding.started), time(finding.last_seen));
        let observed = (!seen.is_empty()).then(|| {
            self.put(json!({
                "type": "observed-data", "spec_version": "2.1",
                "id": format!("observed-data--{}", own_uuid(&finding.id)),
                "created": time(finding.time), "modified": time(finding.last_seen.max(finding.time)),
                "created_by_ref": who, "first_observed": first, "last_observed": last,
                "number_observed": finding.observations.clamp(1, 999_999_999), "object_refs": seen,
            }))
        });
        for technique in &finding.techniques {
            let pattern = self.put(json!({
                "type": "attack-pattern", "spec_version": "2.1",
                "id": format!("attack-pattern--{}", own_uuid(technique)),
                "created": MADE, "modified": MADE, "created_by_ref": who, "name": technique,
                "external_references": [{"source_name": "mitre-attack", "external_id": technique}],
            }));
            let id = own_uuid(&format!("{} {technique}", finding.id));
            self.put(without_nulls(json!({
                "type": "sighting", "spec_version": "2.1", "id": format!("sighting--{id}"),
                "created": time(finding.time), "modified": time(finding.last_seen.max(finding.time)),
                "created_by_ref": who, "first_seen": first, "last_seen": last,
                "count": finding.observations.min(999_999_999),
                "confidence": (finding.confidence * 100.0).round() as u8,
                "description": format!("{}: {}", title(finding.attack), finding.summary),
                "sighting_of_ref": pattern,
                "observed_data_refs": observed.as_ref().map(|observed| [observed]),
                "where_sighted_refs": [who],
            })));
        }
    }

    /// The address of somebody, with an identifier that everybody makes alike.
    fn observable(&mut self, party: &DeviceReference) -> Option<String> {
        let (kind, value) = match (party.ip, party.mac) {
            (Some(ip), _) if ip.is_ipv4() => ("ipv4-addr", ip.to_string()),
            (Some(ip), _) => ("ipv6-addr", ip.to_string()),
            (None, Some(mac)) => ("mac-addr", mac.to_string()),
            (None, None) => return None,
        };
        // The only contributing property, as canonical JSON (RFC 8785).
        let id = uuid(OBSERVABLES, &json!({"value": value}).to_string());
        Some(
            self.put(
                json!({"type": kind, "spec_version": "2.1", "id": format!("{kind}--{id}"), "value": value}),
            ),
        )
    }
}

/// Three digits behind the second, as STIX writes times.
fn time(time: Timestamp) -> String {
    let microseconds = time.nanoseconds().div_euclid(1_000_000) * 1_000_000;
    let text = Timestamp::from_nanoseconds(microseconds).to_string();
    format!("{}Z", text.strip_suffix("000Z").unwrap_or_else(|| text.trim_end_matches('Z')))
}

/// An identifier that follows from a text, within our own namespace.
fn own_uuid(text: &str) -> String {
    let namespace: [u8; 16] = std::array::from_fn(|place| b"wardline records"[place]);
    uuid(&namespace, text)
}

/// UUID version 5, RFC 9562 section 5.5.
fn uuid(namespace: &[u8; 16], text: &str) -> String {
    let digest = Sha1::new().chain_update(namespace).chain_update(text).finalize();
    let mut bytes: [u8; 16] = std::array::from_fn(|place| digest[place]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_the_standards() {
        // RFC 9562 appendix A.4: www.example.com in the namespace of names.
        let dns =
            [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(uuid(&dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        // As the library of OASIS makes it (stix2 3.0).
        let id = uuid(OBSERVABLES, r#"{"value":"198.51.100.3"}"#);
        assert_eq!(id, "28bb3599-77cd-5a82-a950-b5bc3caf07c4");
    }

    #[test]
    fn times_have_three_digits() {
        assert_eq!(time(Timestamp::from_seconds(1_700_000_000)), "2023-11-14T22:13:20.000Z");
        assert_eq!(time(Timestamp::from_nanoseconds(1_700_000_000_120_999_999)), "2023-11-14T22:13:20.120Z");
    }
}
