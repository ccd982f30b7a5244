//! A request or answer.

use crate::{Error, Layer, Reader};

/// Attributes that are read of one message; a printer has some two hundred.
const ATTRIBUTES_MAX: usize = 1_024;
/// Delimiter of the group of the printer's attributes, RFC 8010 section 3.5.1.
const PRINTER_GROUP: u8 = 4;

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Version: major and minor.
    pub version: [u8; 2],
    /// Operation of a request, status of an answer.
    pub code: u16,
    groups: Reader<'a>,
}

/// An attribute of the printer, with its first value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value as sent.
    pub value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads the begin of a body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ipp, body);
        let version = reader.array("version")?;
        if !matches!(version, [1 | 2, 0..=2]) {
            return Err(reader.malformed("version"));
        }
        let code = reader.u16_be("operation or status")?;
        reader.skip("request id", 4)?;
        Ok(Self { version, code, groups: reader })
    }

    /// Attributes of the printer that are text. Ends where the body does, or is not well formed.
    pub fn printer(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut reader = self.groups;
        let mut group = 0;
        let mut left = ATTRIBUTES_MAX;
        std::iter::from_fn(move || {
            loop {
                left = left.checked_sub(1)?;
                let tag = reader.u8("tag").ok()?;
                if tag < 0x10 {
                    // The end of all attributes is a tag too.
                    group = if tag == 3 { return None } else { tag };
                    continue;
                }
                let length = usize::from(reader.u16_be("name length").ok()?);
                let name = reader.take("name", length).ok()?;
                let length = usize::from(reader.u16_be("value length").ok()?);
                let value = reader.take("value", length).ok()?;
                // Texts, names, URIs and the like, RFC 8010 section 3.5.2; further values have no name.
                if group == PRINTER_GROUP && !name.is_empty() && matches!(tag, 0x41..=0x4a | 0x30) {
                    return Some(Attribute { name, value });
                }
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(tag: u8, name: &str, value: &str) -> Vec<u8> {
        let mut bytes = vec![tag];
        for text in [name, value] {
            bytes.extend((text.len() as u16).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    fn answer() -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 0, 1, 1];
        bytes.extend(attribute(0x47, "attributes-charset", "utf-8"));
        bytes.push(PRINTER_GROUP);
        bytes.extend(attribute(0x41, "printer-make-and-model", "Example LaserThing 9"));
        bytes.extend(attribute(0x42, "printer-name", "ward-3"));
        bytes.push(2);
        bytes.extend(attribute(0x42, "job-name", "letter"));
        bytes.push(3);
        bytes
    }

    #[test]
    fn reads_the_printer_and_no_job() {
        let bytes = answer();
        let message = Message::parse(&bytes).unwrap();
        let names: Vec<_> = message.printer().map(|attribute| (attribute.name, attribute.value)).collect();
        assert_eq!(
            names,
            [(&b"printer-make-and-model"[..], &b"Example LaserThing 9"[..]), (b"printer-name", b"ward-3")]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..120, byte: u8) {
            let mut bent = answer();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            for bytes in [&bytes, &bent] {
                if let Ok(message) = Message::parse(bytes) {
                    prop_assert!(message.printer().count() <= bytes.len());
                }
            }
        }
    }
}
