//! Resources out of a document that arrives in pieces.

use super::Resource;
use crate::document::{Event, json, xml};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, or JSON line by line.
    Json,
    /// XML.
    Xml,
}

/// Fields kept of one resource, longest path and longest value, bytes: together with [`NESTED_MAX`] what one
/// conversation may hold.
const FIELDS_MAX: usize = 96;
const PATH_BYTES_MAX: usize = 96;
const VALUE_BYTES_MAX: usize = 256;
/// Resources within resources that are told apart: a bundle in a bundle with contained devices.
const NESTED_MAX: usize = 4;
/// Most resources of one document that are told.
const RESOURCES_MAX: u32 = 2_000;

/// A resource that is being read.
pub(super) struct Frame {
    /// How many names were open when it began.
    depth: usize,
    pub(super) kind: String,
    /// Path from the resource, dots between names, and value; in order.
    pub(super) fields: Vec<(String, String)>,
}

/// Reads one document.
pub struct Reader {
    format: Format,
    json: json::Reader,
    xml: xml::Reader,
    walk: Walk,
}

#[derive(Default)]
struct Walk {
    path: Vec<String>,
    frames: Vec<Frame>,
    told: u32,
}

impl Reader {
    /// A reader of this format.
    pub fn new(format: Format) -> Self {
        Self { format, json: json::Reader::default(), xml: xml::Reader::default(), walk: Walk::default() }
    }

    /// Feeds the next piece; `tell` gets each resource that is over.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Resource)) {
        let walk = &mut self.walk;
        match self.format {
            Format::Json => self.json.feed(bytes, &mut |event| walk.json(event, tell)),
            Format::Xml => self.xml.feed(bytes, &mut |_, event| walk.xml(event, tell)),
        }
    }

    /// The document is over, perhaps before its end: tells what is known of the resources that are open.
    pub fn finish(mut self, tell: &mut dyn FnMut(Resource)) {
        while let Some(frame) = self.walk.frames.pop() {
            self.walk.tell(frame, tell);
        }
    }
}

impl Walk {
    fn json(&mut self, event: Event<'_>, tell: &mut dyn FnMut(Resource)) {
        match event {
            Event::Open(key) => {
                let begins = self.path.is_empty() || matches!(key, "resource" | "contained");
                self.path.push(key.to_owned());
                if begins {
                    self.begin(String::new());
                } else {
                    // Where the parts of a list begin is told, so that they can be told apart.
                    self.field("", "");
                }
            }
            Event::Close => {
                self.path.pop();
                self.end(tell);
            }
            Event::Value(key, value) => {
                let value = value.expose();
                let number;
                let text = match (value.text(), value.number()) {
                    (Some(text), _) => text,
                    (None, Some(value)) => {
                        number = value.to_string();
                        &number
                    }
                    (None, None) => return,
                };
                let here = self.path.len();
                match self.frames.last_mut().filter(|frame| frame.depth == here && key == "resourceType") {
                    Some(frame) => frame.kind = text.chars().take(64).collect(),
                    None => self.field(key, text),
                }
            }
        }
    }

    fn xml(&mut self, event: xml::Event<'_>, tell: &mut dyn FnMut(Resource)) {
        match event {
            xml::Event::Open(name, attributes) => {
                // Resources are the only elements that begin with a capital.
                let resource = name.starts_with(|first: char| first.is_ascii_uppercase());
                self.path.push(name.to_owned());
                if resource {
                    self.begin(name.to_owned());
                    return;
                }
                match attributes.iter().find(|(name, _)| name == "value") {
                    Some((_, value)) => {
                        let name = self.path.pop().unwrap_or_default();
                        self.field(&name, value);
                        self.path.push(name);
                    }
                    None => self.field("", ""),
                }
            }
            xml::Event::Close(..) => {
                self.path.pop();
                self.end(tell);
            }
        }
    }

    fn begin(&mut self, kind: String) {
        if self.frames.len() < NESTED_MAX {
            self.frames.push(Frame { depth: self.path.len(), kind, fields: Vec::new() });
        }
    }

    fn end(&mut self, tell: &mut dyn FnMut(Resource)) {
        let here = self.path.len();
        if let Some(frame) = self.frames.pop_if(|frame| frame.depth > here) {
            self.tell(frame, tell);
        }
    }

    fn tell(&mut self, frame: Frame, tell: &mut dyn FnMut(Resource)) {
        // Any other JSON has no type; it is not ours.
        if !frame.kind.is_empty() && self.told < RESOURCES_MAX {
            self.told += 1;
            tell(Resource::read(&frame));
        }
    }

    fn field(&mut self, key: &str, value: &str) {
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.fields.len() >= FIELDS_MAX {
            return;
        }
        let names = self.path.get(frame.depth..).unwrap_or_default();
        // Narrative and extensions say nothing that is read.
        let extends = |name: &String| matches!(name.as_str(), "extension" | "modifierExtension");
        if names.first().is_some_and(|name| name == "text") || names.iter().any(extends) {
            return;
        }
        // What is read stands in few and short names.
        if names.iter().map(|name| name.len() + 1).sum::<usize>() + key.len() > PATH_BYTES_MAX {
            return;
        }
        let mut path = names.join(".");
        if !key.is_empty() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
        }
        let value = value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default();
        frame.fields.push((path, value.to_owned()));
    }
}
