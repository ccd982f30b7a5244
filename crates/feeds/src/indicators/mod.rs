//! Threat intelligence: STIX 2.1 bundles (OASIS), MISP events and warning lists (MISP core format), plain lists.
//!
//! What cannot be looked for on the wire (registry keys, mutexes, patterns with time) is counted as skipped and left
//! out, never half taken. Confidence, expiry and sharing marks are kept.

pub mod misp;
mod plain;
mod stix;
pub mod taxii;
mod value;

use serde_json::Value;
use thiserror::Error;
use wardline_model::{Indicator, WarningList};

/// Longest file, bytes. Larger collections come in parts.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intelligence {
    /// What to look for.
    pub indicators: Vec<Indicator>,
    /// What is known to be harmless.
    pub warning_lists: Vec<WarningList>,
    /// Entries that cannot be looked for on the wire.
    pub skipped: u64,
    /// Lines or entries that could not be read, and the first of them.
    pub unreadable: u64,
    /// Where the first unreadable entry is.
    pub first_unreadable: Option<String>,
}

/// Why a file gives nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IntelligenceError {
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("is {0} bytes long; at most {FILE_BYTES_MAX} are read: split it")]
    TooLong(usize),
    /// Begins like JSON and is none.
    #[error("line {line}, column {column}: is no JSON: {reason}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader says.
        reason: String,
    },
    /// JSON of another kind.
    #[error("is JSON, but neither a STIX 2.1 bundle nor a MISP event or warning list")]
    UnknownJson,
    /// Holds nothing that can be looked for.
    #[error("holds no indicator; one address, name, hash or web address is expected on each line")]
    Nothing,
}

/// Reads a file. `source` is what it is called.
pub fn read(source: &str, bytes: &[u8]) -> Result<Intelligence, IntelligenceError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(IntelligenceError::TooLong(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let begin = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(begin, Some(b'{' | b'[')) {
        let read = plain::read(source, &String::from_utf8_lossy(bytes));
        return if read.indicators.is_empty() { Err(IntelligenceError::Nothing) } else { Ok(read) };
    }
    let json: Value = serde_json::from_slice(bytes).map_err(|error| IntelligenceError::Json {
        line: error.line(),
        column: error.column(),
        reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    // TAXII envelopes (`objects` without a type) hold the same objects as bundles.
    if json.get("type").and_then(Value::as_str) == Some("bundle")
        || json.get("objects").is_some_and(Value::is_array) && json.get("list").is_none()
    {
        Ok(stix::read(source, &json))
    } else if json.get("list").is_some_and(Value::is_array) {
        Ok(misp::warning_list(&json))
    } else if json.get("Event").is_some() || json.get("response").is_some() || json.is_array() {
        Ok(misp::events(source, &json))
    } else {
        Err(IntelligenceError::UnknownJson)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardline_model::{Label, Pattern, TrafficLight};

    #[test]
    fn a_bundle_gives_its_patterns_and_keeps_confidence_expiry_and_marks() {
        let bundle = br#"{"type": "bundle", "id": "bundle--1", "objects": [
            {"type": "indicator", "id": "indicator--1", "name": "C2", "pattern_type": "stix", "confidence": 80,
             "pattern": "[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'Bad.Example.org']",
             "valid_until": "2027-01-01T00:00:00Z",
             "object_marking_refs": ["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]},
            {"type": "indicator", "id": "indicator--2", "pattern_type": "stix",
             "pattern": "[file:name = 'x' AND file:size = 3]"},
            {"type": "indicator", "id": "indicator--3", "revoked": true, "pattern_type": "stix",
             "pattern": "[ipv4-addr:value = '198.51.100.8']"}
        ]}"#;
        let read = read("b.json", bundle).unwrap();
        assert_eq!(read.indicators.len(), 2);
        assert_eq!(read.skipped, 2);
        let first = &read.indicators[0];
        assert_eq!(first.pattern, Pattern::Network("198.51.100.7/32".parse().unwrap()));
        assert_eq!((first.confidence, first.sharing), (80, TrafficLight::Red));
        assert!(first.valid_until.is_some());
        assert_eq!(read.indicators[1].pattern, Pattern::Domain(Label::new("bad.example.org")));
    }

    #[test]
    fn a_misp_event_gives_what_is_meant_for_detection() {
        let event =
            br#"{"Event": {"uuid": "u", "info": "case", "Tag": [{"name": "tlp:green"}], "Attribute": [
            {"uuid": "a", "type": "ip-dst|port", "value": "198.51.100.7|443", "to_ids": true},
            {"uuid": "b", "type": "domain", "value": "bad.example", "to_ids": false},
            {"uuid": "c", "type": "url", "value": "http://evil.example/path?name=x", "to_ids": true}],
            "Object": [{"Attribute": [{"uuid": "d", "type": "sha256", "to_ids": true,
              "value": "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"}]}]}}"#;
        let read = read("e.json", event).unwrap();
        assert_eq!(read.indicators.len(), 3);
        assert_eq!(read.skipped, 1, "what is not meant for detection");
        assert!(read.indicators.iter().all(|indicator| indicator.sharing == TrafficLight::Green));
        assert_eq!(read.indicators[1].pattern, Pattern::UrlHost(Label::new("evil.example")));
    }

    #[test]
    fn the_list_of_a_feed_is_told_from_other_files() {
        let id = "5a0c30a3-8d7c-4d7c-9b5e-0a3e9f3c1d2e";
        let list = format!("{{\"{id}\": {{\"info\": \"i\", \"timestamp\": \"1500000000\"}}}}");
        let events = misp::manifest(list.as_bytes()).unwrap();
        assert_eq!(events.get(id).map(String::as_str), Some("1500000000"));
        for other in ["{}", "{\"a\": {\"timestamp\": \"1\"}}", "{\"Event\": {}}", "[]", "198.51.100.7"] {
            assert_eq!(misp::manifest(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_plain_list_may_be_defanged_and_commented() {
        let text = "# feed\n198.51.100.7\nhxxp://bad[.]example/x\n2001:db8::/32,comment\n\n;note\n\"44d88612fea8a8f36de82e1278abb02f\",\"malware\"\nwhat is this\n";
        let read = read("list.txt", text.as_bytes()).unwrap();
        assert_eq!(read.indicators.len(), 4);
        assert_eq!(read.unreadable, 1);
        assert_eq!(read.first_unreadable.as_deref(), Some("line 8"));
    }

    #[test]
    fn wrong_files_say_what_is_wrong() {
        assert_eq!(read("x", b"hello there\n"), Err(IntelligenceError::Nothing));
        assert_eq!(read("x", b"{\"a\": 1}"), Err(IntelligenceError::UnknownJson));
        let error = read("x", b"{\"a\": \n oops}").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_warning_list_is_told_from_indicators() {
        let list = br#"{"name": "l", "type": "cidr", "list": ["10.0.0.0/8", ".akamai.net", "d41d8cd98f00b204e9800998ecf8427e"]}"#;
        let read = read("w.json", list).unwrap();
        let [list] = &read.warning_lists[..] else { panic!("one list") };
        assert!(list.covers(&Pattern::Domain(Label::new("a.akamai.net"))));
        assert!(list.covers(&Pattern::File(Label::new("d41d8cd98f00b204e9800998ecf8427e"))));
        assert!(read.indicators.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let _ = read("any", &bytes);
        }

        #[test]
        fn any_pattern_is_read_or_refused(text in "\\[?[a-z0-9:='. \\]()ANDOR-]{0,80}") {
            let bundle = serde_json::json!({"type": "bundle", "objects": [
                {"type": "indicator", "pattern_type": "stix", "pattern": text}]});
            let _ = read("any", bundle.to_string().as_bytes());
        }
    }
}
