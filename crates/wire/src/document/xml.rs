//! XML 1.0, in pieces. Marks are told apart here, and read by `quick-xml`.
//!
//! Ignored: namespaces (names are told without their prefix), comments, processing instructions. A document with a type
//! declaration is not read, since nothing that is read here has one and its entities are only good for attacks.

use quick_xml::Reader as Marks;
use quick_xml::events::{BytesStart, Event as Mark};

use super::{DEPTH_MAX, TEXT_BYTES_MAX};

/// Longest mark, bytes.
const MARK_BYTES_MAX: usize = 16 * 1024;
/// Most attributes of an element that are told.
const ATTRIBUTES_MAX: usize = 32;

/// What a document holds.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// An element begins: its local name and its attributes by local name.
    Open(&'a str, &'a [(String, String)]),
    /// The newest element is over; the text that stood directly in it since its last child.
    Close(&'a str, &'a str),
}

/// Reads a document in pieces.
#[derive(Clone, Default)]
pub struct Reader {
    /// The mark or text that is not over yet.
    pending: Vec<u8>,
    /// Within a mark, and in which quotation marks.
    inside: bool,
    quote: Option<u8>,
    text: String,
    stack: Vec<String>,
    lost: bool,
}

impl Reader {
    /// Whether it fell silent.
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Feeds the next piece.
    pub fn feed(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(&[String], Event<'_>)) {
        while !self.lost && !bytes.is_empty() {
            let end = if self.inside { self.mark_end(bytes) } else { memchr::memchr(b'<', bytes) };
            let (piece, rest) = bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
            self.keep(piece);
            let Some(_) = end else { return };
            if self.inside {
                self.keep(b">");
                self.inside = false;
                let mark = std::mem::take(&mut self.pending);
                self.mark(&mark, tell);
            } else {
                let text = std::mem::take(&mut self.pending);
                self.add_text(&text);
                self.keep(b"<");
                self.inside = true;
                self.quote = None;
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        let limit = if self.inside { MARK_BYTES_MAX } else { TEXT_BYTES_MAX };
        let room = limit.saturating_sub(self.pending.len());
        self.pending.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
        if self.inside && piece.len() > room {
            self.lost = true;
        }
    }

    /// Where the mark ends whose front is pending.
    fn mark_end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (place, byte) in bytes.iter().enumerate() {
            // What is long enough to say so is a comment, or characters as they are.
            let last = |back: usize| match place.checked_sub(back) {
                Some(at) => bytes.get(at).copied(),
                None => {
                    self.pending.len().checked_sub(back - place).and_then(|at| self.pending.get(at)).copied()
                }
            };
            let length = self.pending.len() + place;
            let front =
                |at: usize| self.pending.get(at).or_else(|| bytes.get(at.checked_sub(self.pending.len())?));
            let special = match (front(1), front(2), front(3)) {
                (Some(b'!'), Some(b'-'), Some(b'-')) => Some(b'-'),
                (Some(b'!'), Some(b'['), _) => Some(b']'),
                (Some(b'?'), _, _) => Some(b'?'),
                _ => None,
            };
            match (special, byte, self.quote) {
                (Some(b'?'), b'>', _) if length >= 3 && last(1) == Some(b'?') => return Some(place),
                (Some(mark @ (b'-' | b']')), b'>', _)
                    if length >= 6 && last(1) == Some(mark) && last(2) == Some(mark) =>
                {
                    return Some(place);
                }
                (Some(_), ..) => {}
                (None, b'>', None) => return Some(place),
                (None, b'"' | b'\'', None) => self.quote = Some(*byte),
                (None, byte, Some(quote)) if *byte == quote => self.quote = None,
                _ => {}
            }
        }
        None
    }

    fn add_text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let text = unescape(&text);
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    fn mark(&mut self, mark: &[u8], tell: &mut dyn FnMut(&[String], Event<'_>)) {
        let Ok(text) = std::str::from_utf8(mark) else {
            self.lost = true;
            return;
        };
        let mut marks = Marks::from_str(text);
        // An end without its begin is checked against what is open, below.
        marks.config_mut().check_end_names = false;
        marks.config_mut().allow_unmatched_ends = true;
        match marks.read_event() {
            Ok(Mark::Start(start)) => self.open(&start, false, tell),
            Ok(Mark::Empty(start)) => self.open(&start, true, tell),
            Ok(Mark::End(_)) => self.close(tell),
            Ok(Mark::CData(data)) => {
                let data: &str = data.as_ref();
                let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
                self.text.push_str(data.get(..data.floor_char_boundary(room)).unwrap_or_default());
            }
            Ok(Mark::Comment(_) | Mark::PI(_) | Mark::Decl(_)) => {}
            _ => self.lost = true,
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, empty: bool, tell: &mut dyn FnMut(&[String], Event<'_>)) {
        if self.stack.len() >= DEPTH_MAX {
            self.lost = true;
            return;
        }
        let name: &str = start.local_name().into_inner();
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false).flatten().take(ATTRIBUTES_MAX) {
            let full: &str = attribute.key.as_ref();
            if full.starts_with("xmlns") {
                continue;
            }
            let local = full.rsplit(':').next().unwrap_or_default();
            let value: &str = attribute.value.as_ref();
            let value = unescape(value.get(..value.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default());
            attributes.push((local.to_owned(), value));
        }
        self.text.clear();
        tell(&self.stack, Event::Open(name, &attributes));
        self.stack.push(name.to_owned());
        if empty {
            self.close(tell);
        }
    }

    fn close(&mut self, tell: &mut dyn FnMut(&[String], Event<'_>)) {
        let Some(name) = self.stack.pop() else {
            self.lost = true;
            return;
        };
        tell(&self.stack, Event::Close(&name, self.text.trim()));
        self.text.clear();
    }
}

/// The references that every document knows, XML 1.0 section 4.6, and those by number.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(rest.get(..start).unwrap_or_default());
        rest = rest.get(start..).unwrap_or_default();
        let end = rest.find(';').filter(|end| *end <= 10);
        let name = end.and_then(|end| rest.get(1..end)).unwrap_or_default();
        let letter = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => name
                .strip_prefix("#x")
                .map(|digits| u32::from_str_radix(digits, 16))
                .or_else(|| name.strip_prefix('#').map(str::parse))
                .and_then(|number| char::from_u32(number.ok()?)),
        };
        plain.push(letter.unwrap_or('&'));
        let skip = if letter.is_some() { end.unwrap_or(0) + 1 } else { 1 };
        rest = rest.get(skip..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], size: usize) -> (Vec<String>, bool) {
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            reader.feed(piece, &mut |path, event| {
                all.push(match event {
                    Event::Open(name, attributes) => format!("{}<{name}{attributes:?}", path.len()),
                    Event::Close(name, text) => format!("{name}={text}"),
                });
            });
        }
        (all, reader.is_lost())
    }

    const SAMPLE: &[u8] =
        b"\xef\xbb\xbf<?xml version='1.0'?><!-- a > b --><s:A xmlns:s='urn:x' p:b='1 &gt; 0' c=\"x>y\">\
        <B>one &amp; two</B><C/><D><![CDATA[<&>]]></D></s:A>";

    #[test]
    fn tells_elements_attributes_and_texts() {
        let (told, lost) = read(SAMPLE, 4096);
        assert!(!lost);
        assert_eq!(
            told,
            [
                "0<A[(\"b\", \"1 > 0\"), (\"c\", \"x>y\")]",
                "1<B[]",
                "B=one & two",
                "1<C[]",
                "C=",
                "1<D[]",
                "D=<&>",
                "A=",
            ]
        );
    }

    #[test]
    fn a_type_declaration_is_not_followed() {
        let (told, lost) = read(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 5);
        assert!(told.is_empty() && lost);
    }

    proptest! {
        #[test]
        fn same_events_however_cut(text in "[<>/a!\\-\\[\\]?=\"' &;C]{0,60}", size in 1usize..12) {
            prop_assert_eq!(read(text.as_bytes(), 4096), read(text.as_bytes(), size));
            prop_assert_eq!(read(SAMPLE, 4096), read(SAMPLE, size));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = read(&bytes, 7);
        }
    }
}
