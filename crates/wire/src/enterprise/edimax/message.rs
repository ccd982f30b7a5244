//! Texts for the maker's servers, and answers to a search.

use crate::{Error, Layer, Reader, Verdict};

/// Longest text that is read, bytes.
const TEXT_BYTES_MAX: usize = 2048;
/// Most elements of a text.
const ELEMENTS_MAX: usize = 48;
/// How far a text is looked at to tell whose it is.
const OPENING_BYTES: usize = 32;

/// A text, in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    text: Vec<u8>,
}

impl Registration {
    /// Reads a datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let text = clear(datagram, TEXT_BYTES_MAX);
        if is_opening(&text) {
            Ok(Self { text })
        } else {
            Err(Reader::new(Layer::Edimax, datagram).malformed("begin of the text"))
        }
    }

    /// The value of an element: `<model value="…" />`.
    pub fn value(&self, element: &str) -> Option<&[u8]> {
        let elements = self.text.split(|byte| *byte == b'<').take(ELEMENTS_MAX);
        let mut values = elements.filter_map(|text| {
            let quoted = text.strip_prefix(element.as_bytes())?.strip_prefix(b" value=\"")?;
            quoted.split(|byte| *byte == b'"').next().filter(|value| value.len() < quoted.len())
        });
        values.next().filter(|value| !value.is_empty())
    }
}

/// Undoes the rotation; no text where the first byte is none of theirs.
fn clear(datagram: &[u8], length_max: usize) -> Vec<u8> {
    let Some((first, rest)) = datagram.split_first() else { return Vec::new() };
    let Some(bits) = first.checked_sub(b'<').filter(|bits| *bits < 8) else { return Vec::new() };
    let rest = rest.iter().take(length_max).map(|byte| byte.rotate_left(u32::from(bits)));
    std::iter::once(b'<').chain(rest).collect()
}

fn is_opening(text: &[u8]) -> bool {
    let code = text.strip_prefix(b"<param>").map(<[u8]>::trim_ascii_start);
    code.is_some_and(|code| code.starts_with(b"<code value=\""))
}

/// A device's answer to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Link address of the device.
    pub address: [u8; 6],
    /// Model.
    pub model: &'a [u8],
    /// Version of its software.
    pub version: &'a [u8],
    /// Name that its owner gave it.
    pub name: &'a [u8],
}

impl<'a> Found<'a> {
    /// Reads a datagram. A search itself looks alike, and names no model.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Edimax, datagram);
        let address = reader.array("link address")?;
        let maker: [u8; 12] = reader.array("maker")?;
        if words(&maker) != b"EDIMAX" {
            return Err(reader.malformed("maker"));
        }
        reader.skip("kind and checksum", 4)?;
        let mut field = |name, length| reader.take(name, length).map(words);
        let (model, version) = (field("model", 14)?, field("version", 8)?);
        let name = words(reader.take_lax(128));
        Ok(Self { address, model, version, name })
    }
}

/// What stands before the first zero.
fn words(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether a datagram is theirs.
pub fn probe(datagram: &[u8]) -> Verdict {
    let named = datagram.get(6..18).is_some_and(|maker| maker == b"EDIMAX\0\0\0\0\0\0");
    if named || is_opening(&clear(datagram, OPENING_BYTES)) { Verdict::Certain } else { Verdict::NotMine }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] =
        b"<param>\n<code value=\"1010\" />\n<model value=\"SP-0000W\" />\n<type value=\"SmartPlug\" />\n\
        <alias value=\"\" />\n<devfwver value=\"1.09#010001\" />\n</param>";

    fn hidden(text: &[u8], bits: u8) -> Vec<u8> {
        let (first, rest) = text.split_first().unwrap();
        let rest = rest.iter().map(|byte| byte.rotate_right(u32::from(bits)));
        std::iter::once(first + bits).chain(rest).collect()
    }

    #[test]
    fn a_text_is_read_however_it_is_rotated() {
        for bits in 0..8 {
            let datagram = hidden(TEXT, bits);
            assert_eq!(probe(&datagram), Verdict::Certain);
            let read = Registration::parse(&datagram).unwrap();
            assert_eq!(read.value("model"), Some(&b"SP-0000W"[..]));
            assert_eq!(read.value("type"), Some(&b"SmartPlug"[..]));
            assert_eq!(read.value("devfwver"), Some(&b"1.09#010001"[..]));
            assert_eq!((read.value("alias"), read.value("mode")), (None, None));
        }
    }

    #[test]
    fn rotation_is_to_the_right() {
        let datagram = b"A\x83\x0b\x93\x0b\x6b\xf1\xe1\x1b\x7b\x23\x2b\x01\xb3\x0b\x63\xab\x2b\xe9\x11";
        assert_eq!(Registration::parse(datagram).unwrap().text, b"<param><code value=\"");
    }

    #[test]
    fn an_answer_to_a_search_is_read_and_a_search_names_no_model() {
        let mut datagram =
            b"\x02\0\0\0\0\x01EDIMAX\0\0\0\0\0\0\x01\xa1\xfe\x5eSP0000W\0\0\0\0\0\0\x001.09\0\0\0\0Lamp\0\0"
                .to_vec();
        let found = Found::parse(&datagram).unwrap();
        assert_eq!((found.model, found.version, found.name), (&b"SP0000W"[..], &b"1.09"[..], &b"Lamp"[..]));
        assert_eq!(probe(&datagram), Verdict::Certain);
        datagram[22..].fill(0);
        assert_eq!(Found::parse(&datagram).unwrap().model, b"");
        assert!(Found::parse(&datagram[..30]).is_err());
    }

    #[test]
    fn other_xml_is_not_theirs() {
        for text in [&b"<param><value=\"1\"/></param>"[..], b"<?xml version=\"1.0\"?>", b"", b"<", b"C"] {
            assert_eq!(probe(text), Verdict::NotMine);
            assert!(Registration::parse(text).is_err());
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200), bits in 0_u8..8) {
            let _ = Found::parse(&noise);
            let text = [TEXT.get(..20).unwrap(), &noise].concat();
            if let Ok(read) = Registration::parse(&hidden(&text, bits)) {
                let _ = read.value("model");
            }
        }
    }
}
