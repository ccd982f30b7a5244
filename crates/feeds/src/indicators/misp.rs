//! MISP core format: events, and warning lists.

use std::collections::BTreeMap;

use serde_json::Value;
use wardline_model::{Indicator, Label, Pattern, TrafficLight, WarningList};

use super::{Intelligence, value};

/// Confidence of an attribute that is meant for detection, of 100.
const CONFIDENCE: u8 = 60;

/// The list of a feed's events: when each last changed, by its identifier. `None` where it is no such list.
pub fn manifest(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    let events = json.as_object().filter(|events| !events.is_empty())?;
    let entry = |(id, about): (&String, &Value)| {
        let is_identifier = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let changed = match about.get("timestamp").filter(|_| is_identifier)? {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        };
        Some((id.clone(), changed))
    };
    events.iter().map(entry).collect()
}

/// One event, an answer with several, or a list of them.
pub(super) fn events(source: &str, json: &Value) -> Intelligence {
    let mut read = Intelligence::default();
    let several = json.get("response").unwrap_or(json);
    match several.as_array() {
        Some(several) => several.iter().for_each(|event| self::event(source, event, &mut read)),
        None => event(source, several, &mut read),
    }
    read
}

fn event(source: &str, json: &Value, read: &mut Intelligence) {
    let Some(event) = json.get("Event") else {
        read.unreadable += 1;
        read.first_unreadable.get_or_insert_with(|| "an entry without `Event`".to_owned());
        return;
    };
    let name = text(event, "info").unwrap_or(source);
    let sharing = sharing(event).unwrap_or_default();
    let own = event.get("Attribute").and_then(Value::as_array).into_iter().flatten();
    let objects = event.get("Object").and_then(Value::as_array).into_iter().flatten();
    let of_objects = objects.filter_map(|object| object.get("Attribute")?.as_array()).flatten();
    for attribute in own.chain(of_objects) {
        let deleted = attribute.get("deleted").and_then(Value::as_bool) == Some(true);
        let for_detection = attribute.get("to_ids").and_then(Value::as_bool) == Some(true);
        let pattern = match (text(attribute, "type"), text(attribute, "value")) {
            (Some(kind), Some(value)) if for_detection && !deleted => pattern(kind, value),
            _ => None,
        };
        match pattern {
            Some(pattern) => read.indicators.push(Indicator {
                id: Label::new(text(attribute, "uuid").unwrap_or_default()),
                pattern,
                name: Label::new(name),
                source: Label::new(source),
                confidence: CONFIDENCE,
                valid_until: None,
                sharing: self::sharing(attribute).unwrap_or(sharing),
            }),
            None => read.skipped += 1,
        }
    }
}

fn pattern(kind: &str, text: &str) -> Option<Pattern> {
    let text = value::refang(text);
    // Composite types are two values of two types.
    let first = text.split('|').next().unwrap_or_default();
    match kind {
        "ip-src" | "ip-dst" | "ip-src|port" | "ip-dst|port" => value::network(first),
        "domain" | "hostname" | "domain|ip" | "hostname|port" => value::domain(first),
        "url" | "uri" => value::url(&text),
        "md5" | "sha1" | "sha256" | "sha512" => value::hash(first),
        "filename|md5" | "filename|sha1" | "filename|sha256" => value::hash(text.rsplit('|').next()?),
        "x509-fingerprint-sha1" | "x509-fingerprint-sha256" => value::certificate(&text),
        "ja4" | "ja4-fingerprint" => value::ja4(&text),
        "user-agent" => Some(Pattern::UserAgent(Label::new(&text))),
        _ => None,
    }
}

fn text<'a>(json: &'a Value, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Value::as_str)
}

fn sharing(json: &Value) -> Option<TrafficLight> {
    let tags = json.get("Tag")?.as_array()?;
    tags.iter().filter_map(|tag| text(tag, "name")).find_map(light)
}

/// A mark of the traffic light protocol, 1.0 or 2.0.
pub(super) fn light(name: &str) -> Option<TrafficLight> {
    Some(match name.to_ascii_lowercase().as_str() {
        "tlp:clear" | "tlp:white" => TrafficLight::Clear,
        "tlp:green" => TrafficLight::Green,
        "tlp:amber" => TrafficLight::Amber,
        "tlp:amber+strict" => TrafficLight::AmberStrict,
        "tlp:red" => TrafficLight::Red,
        _ => return None,
    })
}

/// A warning list: what is harmless, or too common to mean anything.
pub(super) fn warning_list(json: &Value) -> Intelligence {
    let mut list =
        WarningList { name: Label::new(text(json, "name").unwrap_or_default()), ..WarningList::default() };
    let mut read = Intelligence::default();
    for entry in json.get("list").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        match value::any(entry) {
            Some(Pattern::Network(network)) => list.networks.push(network),
            Some(Pattern::Domain(name) | Pattern::UrlHost(name)) => list.domains.push(name),
            Some(Pattern::File(hash)) => list.hashes.push(hash),
            _ => read.skipped += 1,
        }
    }
    read.warning_lists.push(list);
    read
}
