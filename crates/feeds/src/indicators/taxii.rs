//! TAXII 2.1 (OASIS): what a server says of itself and of its collections, and what its envelopes come to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Value, json};

/// What requests name as wanted, section 1.6.8.1.
pub const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";
/// Header of an answer with objects: when the newest of them was added to the collection, section 3.4.
pub const DATE_ADDED_LAST: &str = "x-taxii-date-added-last";
/// And when the oldest was. Some servers give only this one where there is one object.
pub const DATE_ADDED_FIRST: &str = "x-taxii-date-added-first";
/// Objects kept of one collection; others are refused beyond them.
pub const OBJECTS_MAX: usize = 1_000_000;

/// What an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The server: addresses of its API roots, the default first (section 4.1).
    Discovery {
        /// Absolute or from the server's own address.
        roots: Vec<String>,
    },
    /// An API root (section 4.2); its collections are listed below it.
    Root,
    /// Its collections (section 5.1).
    Collections(Vec<Collection>),
    /// One collection (section 5.2).
    Collection(Collection),
    /// Objects (section 3.7).
    Envelope {
        /// There are more.
        more: bool,
        /// How to ask for them.
        next: Option<String>,
        /// STIX objects.
        objects: Vec<Value>,
    },
}

/// A collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its identifier, a part of its address.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Whether we may read it.
    pub can_read: bool,
}

/// Reads an answer. `None` where it is none of these.
pub fn read(bytes: &[u8]) -> Option<Resource> {
    let mut json: Value = serde_json::from_slice(bytes).ok()?;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if let Some(roots) = json.get("api_roots") {
        let mut roots = texts(roots);
        if let Some(default) = json.get("default").and_then(Value::as_str) {
            roots.retain(|root| root != default);
            roots.insert(0, default.to_owned());
        }
        return Some(Resource::Discovery { roots });
    }
    if let Some(collections) = json.get("collections").and_then(Value::as_array) {
        return Some(Resource::Collections(collections.iter().filter_map(collection).collect()));
    }
    if json.get("can_read").is_some() {
        return collection(&json).map(Resource::Collection);
    }
    if json.get("versions").is_some() && json.get("title").is_some() {
        return Some(Resource::Root);
    }
    // A bundle has objects as well, but is a file.
    let envelope = json.as_object_mut().filter(|fields| !fields.contains_key("type"))?;
    let keys = envelope.keys().all(|key| matches!(key.as_str(), "more" | "next" | "objects"));
    // An envelope without objects is empty (section 3.7).
    keys.then(|| Resource::Envelope {
        more: envelope.get("more").and_then(Value::as_bool) == Some(true),
        next: envelope.get("next").and_then(Value::as_str).map(str::to_owned),
        objects: match envelope.remove("objects") {
            Some(Value::Array(objects)) => objects,
            _ => Vec::new(),
        },
    })
}

fn collection(json: &Value) -> Option<Collection> {
    let text = |field| json.get(field).and_then(Value::as_str).map(str::to_owned);
    let id = text("id").filter(|id| !id.is_empty() && id.bytes().all(is_part_of_identifier))?;
    Some(Collection {
        title: text("title").unwrap_or_else(|| id.clone()),
        id,
        can_read: json.get("can_read").and_then(Value::as_bool) == Some(true),
    })
}

/// Identifiers are UUIDs (section 5.1); whatever else stands there must not lead to another address.
const fn is_part_of_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The objects of a collection so far, the newest version of each.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// By identifier: when that version was made, and the object.
    newest: BTreeMap<String, (String, Value)>,
}

impl Objects {
    /// Those of a bundle that was kept.
    pub fn of_bundle(bytes: &[u8]) -> Self {
        let mut objects = Self::default();
        let bundle: Value = serde_json::from_slice(bytes).unwrap_or_default();
        for object in bundle.get("objects").and_then(Value::as_array).into_iter().flatten() {
            objects.add(object.clone());
        }
        objects
    }

    /// Adds an object, unless a newer version of it is known: a withdrawal is a version, too (STIX 2.1 section 3.6).
    pub fn add(&mut self, object: Value) {
        let text = |field| object.get(field).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = text("id") else { return };
        // RFC 3339 in UTC: the order of the texts is that of the times, but for digits behind the second.
        let version = text("modified").or_else(|| text("created")).unwrap_or_default();
        let version = version.trim_end_matches('Z').to_owned();
        let full = self.newest.len() >= OBJECTS_MAX;
        match self.newest.entry(id) {
            Entry::Occupied(mut known) if known.get().0 <= version => {
                known.insert((version, object));
            }
            Entry::Vacant(new) if !full => {
                new.insert((version, object));
            }
            Entry::Occupied(_) | Entry::Vacant(_) => {}
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.newest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// All of them as a bundle.
    pub fn bundle(&self) -> Vec<u8> {
        let objects: Vec<_> = self.newest.values().map(|(_, object)| object).collect();
        json!({"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects})
            .to_string()
            .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let discovery =
            br#"{"title": "t", "default": "https://b/api/", "api_roots": ["https://a/", "https://b/api/"]}"#;
        let roots = vec!["https://b/api/".to_owned(), "https://a/".to_owned()];
        assert_eq!(read(discovery), Some(Resource::Discovery { roots }));
        let root =
            br#"{"title": "t", "versions": ["application/taxii+json;version=2.1"], "max_content_length": 1}"#;
        assert_eq!(read(root), Some(Resource::Root));
        let listed = br#"{"collections": [{"id": "1-2", "title": "c", "can_read": true, "can_write": false},
            {"id": "../x", "title": "elsewhere", "can_read": true}]}"#;
        let collection = Collection { id: "1-2".to_owned(), title: "c".to_owned(), can_read: true };
        assert_eq!(read(listed), Some(Resource::Collections(vec![collection])));
        assert_eq!(
            read(b"{}"),
            Some(Resource::Envelope { more: false, next: None, objects: Vec::new() }),
            "an empty collection"
        );
        assert_eq!(read(br#"{"type": "bundle", "id": "b", "objects": []}"#), None);
        assert_eq!(read(br#"{"Event": {}}"#), None);
        assert_eq!(read(b"198.51.100.7"), None);
    }

    #[test]
    fn the_newest_version_counts_whenever_it_came() {
        let object = |modified: &str, revoked: bool| json!({"id": "indicator--1", "type": "indicator", "modified": modified, "revoked": revoked});
        let (old, new) = (object("2026-01-01T00:00:00.000Z", false), object("2026-01-02T00:00:00Z", true));
        for order in [[&old, &new], [&new, &old]] {
            let mut objects = Objects::default();
            order.into_iter().for_each(|object| objects.add(object.clone()));
            let again = Objects::of_bundle(&objects.bundle());
            assert_eq!(again.len(), 1);
            assert!(String::from_utf8(again.bundle()).unwrap().contains("\"revoked\":true"));
        }
    }
}
