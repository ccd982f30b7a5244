//! STIX 2.1: indicators of a bundle, as far as their patterns can be looked for on the wire.
//!
//! Of the pattern language (section 9) comparisons for equality joined by OR are taken. A pattern with AND,
//! FOLLOWEDBY or a qualifier means less than each of its parts, and is left out as a whole.

use serde_json::Value;
use wardline_model::{Indicator, Label, Pattern, Timestamp, TrafficLight};

use super::{Intelligence, misp, value};

/// Confidence of an indicator that gives none (section 3.2: unspecified), of 100.
const CONFIDENCE: u8 = 50;

pub(super) fn read(source: &str, json: &Value) -> Intelligence {
    let mut read = Intelligence::default();
    let objects = json.get("objects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for object in objects.iter().filter(|object| text(object, "type") == Some("indicator")) {
        let patterns = if object.get("revoked").and_then(Value::as_bool) == Some(true) {
            None
        } else {
            text(object, "pattern")
                .filter(|_| text(object, "pattern_type").is_none_or(|kind| kind == "stix"))
                .and_then(patterns)
        };
        let Some(patterns) = patterns else {
            read.skipped += 1;
            continue;
        };
        for pattern in patterns {
            read.indicators.push(Indicator {
                id: Label::new(text(object, "id").unwrap_or_default()),
                pattern,
                name: Label::new(text(object, "name").unwrap_or("indicator")),
                source: Label::new(source),
                confidence: object
                    .get("confidence")
                    .and_then(Value::as_u64)
                    .and_then(|confidence| u8::try_from(confidence.min(100)).ok())
                    .unwrap_or(CONFIDENCE),
                valid_until: text(object, "valid_until").and_then(timestamp),
                sharing: sharing(object, objects),
            });
        }
    }
    read
}

fn text<'a>(json: &'a Value, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Value::as_str)
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let parsed: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(parsed.as_nanosecond()).ok().map(Timestamp::from_nanoseconds)
}

/// The marks that STIX 2.1 section 7.2.1.4 and TLP 2.0 predefine, or those that the bundle defines.
fn sharing(object: &Value, objects: &[Value]) -> TrafficLight {
    let marks = object.get("object_marking_refs").and_then(Value::as_array).into_iter().flatten();
    marks
        .filter_map(Value::as_str)
        .filter_map(|mark| {
            Some(match mark.strip_prefix("marking-definition--")? {
                "613f2e26-407d-48c7-9eca-b8e91df99dc9" | "94868c89-83c2-464b-929b-a1a8aa3c8487" => {
                    TrafficLight::Clear
                }
                "34098fce-860f-48ae-8e50-ebd3cc5e41da" | "bab4a63c-aed9-4cf5-a766-dfca5abac2bb" => {
                    TrafficLight::Green
                }
                "f88d31f6-486f-44da-b317-01333bde0b82" | "55d920b0-5e8b-4f79-9ee9-91f868d9b421" => {
                    TrafficLight::Amber
                }
                "939a9414-2ddd-4d32-a0cd-375ea402b003" => TrafficLight::AmberStrict,
                "5e57c739-391a-4eb3-b6be-7d15ca92d5ed" | "e828b379-4e03-4974-9ac4-e53a884c97c1" => {
                    TrafficLight::Red
                }
                _ => {
                    let defined = objects.iter().find(|object| text(object, "id") == Some(mark))?;
                    let name = text(defined.get("definition")?, "tlp")?;
                    misp::light(&format!("tlp:{name}"))?
                }
            })
        })
        .max()
        .unwrap_or_default()
}

/// Every alternative of a pattern, or `None` where one of them cannot be looked for.
fn patterns(text: &str) -> Option<Vec<Pattern>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    loop {
        let inside = rest.strip_prefix('[')?;
        let end = closing(inside)?;
        found.extend(alternatives(inside.get(..end)?)?);
        rest = inside.get(end + 1..)?.trim_start();
        if rest.is_empty() {
            return (!found.is_empty()).then_some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
    }
}

/// Where a bracket closes, outside of quotation.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            ']' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}

fn alternatives(text: &str) -> Option<Vec<Pattern>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    loop {
        let (path, after) = rest.split_once('=')?;
        let value = after.trim_start().strip_prefix('\'')?;
        let end = quotation_end(value)?;
        let literal = value.get(..end)?.replace("\\'", "'").replace("\\\\", "\\");
        found.push(comparison(path.trim(), &literal)?);
        rest = value.get(end + 1..)?.trim_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
    }
}

fn quotation_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(place, c)| match c {
        _ if escaped => {
            escaped = false;
            None
        }
        '\\' => {
            escaped = true;
            None
        }
        '\'' => Some(place),
        _ => None,
    })
}

fn comparison(path: &str, literal: &str) -> Option<Pattern> {
    // A path that ends in an operator other than equality is none.
    if path.ends_with(['!', '<', '>']) {
        return None;
    }
    let path = path.to_ascii_lowercase().replace('\'', "");
    let (object, property) = path.split_once(':')?;
    match (object, property) {
        ("ipv4-addr" | "ipv6-addr", "value") => value::network(literal),
        ("network-traffic", "dst_ref.value" | "src_ref.value") => {
            value::network(literal).or_else(|| value::domain(literal))
        }
        ("domain-name", "value") => value::domain(literal),
        ("url", "value") => value::url(literal),
        ("x509-certificate", property) if property.starts_with("hashes.") => value::certificate(literal),
        ("file" | "artifact", property) if property.starts_with("hashes.") => value::hash(literal),
        ("network-traffic", property) if property.ends_with("request_header.user-agent") => {
            Some(Pattern::UserAgent(Label::new(literal)))
        }
        _ => None,
    }
}
