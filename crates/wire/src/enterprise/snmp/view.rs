//! The elements of BER (ITU-T X.690) that SNMP uses.

use std::fmt;

use crate::{Error, Reader};

/// One element: tag and content.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// Tag byte.
    pub tag: u8,
    /// Content.
    pub content: Reader<'a>,
}

impl<'a> Element<'a> {
    /// Reads the element at the reader's place. Lengths of indefinite form are not used by SNMP.
    pub fn read(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, Error> {
        let tag = reader.u8(field)?;
        let length = match reader.u8(field)? {
            short @ 0..=0x7f => usize::from(short),
            0x81 => usize::from(reader.u8(field)?),
            0x82 => usize::from(reader.u16_be(field)?),
            0x83 => usize::try_from(reader.u24_be(field)?).unwrap_or(usize::MAX),
            0x84 => usize::try_from(reader.u32_be(field)?).unwrap_or(usize::MAX),
            _ => return Err(reader.unsupported(field)),
        };
        Ok(Self { tag, content: reader.sub(field, length)? })
    }

    /// Reads an element that must have a tag.
    pub fn expect(reader: &mut Reader<'a>, tag: u8, field: &'static str) -> Result<Reader<'a>, Error> {
        let before = *reader;
        let element = Self::read(reader, field)?;
        if element.tag == tag { Ok(element.content) } else { Err(before.malformed(field)) }
    }

    /// Reads an INTEGER.
    pub fn integer(reader: &mut Reader<'a>, field: &'static str) -> Result<i64, Error> {
        let content = Self::expect(reader, 2, field)?;
        integer(content.rest()).ok_or(content.malformed(field))
    }
}

/// A number in two's complement; `None` where it has no byte or more than 64 bits.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    let (first, rest) = bytes.split_first()?;
    if bytes.len() > 8 {
        return None;
    }
    let start = i64::from(first.cast_signed());
    Some(rest.iter().fold(start, |value, byte| value << 8 | i64::from(*byte)))
}

/// A number without sign; what does not fit becomes the greatest.
pub(super) fn unsigned(bytes: &[u8]) -> Option<i64> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let significant = bytes.get(start..).unwrap_or_default();
    if bytes.is_empty() {
        return None;
    }
    if significant.len() > 8 {
        return Some(i64::MAX);
    }
    let value = significant.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    Some(i64::try_from(value).unwrap_or(i64::MAX))
}

/// An object identifier as encoded; prints dotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectIdentifier<'a>(pub &'a [u8]);

impl ObjectIdentifier<'_> {
    /// Whether the identifier is the encoded `prefix` or below it.
    pub fn is_below(self, prefix: &[u8]) -> bool {
        self.0.starts_with(prefix)
    }
}

impl fmt::Display for ObjectIdentifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = 0_u64;
        let mut first = true;
        for byte in self.0 {
            value = value.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
            if byte & 0x80 != 0 {
                continue;
            }
            if std::mem::take(&mut first) {
                let root = (value / 40).min(2);
                write!(f, "{root}.{}", value - root * 40)?;
            } else {
                write!(f, ".{value}")?;
            }
            value = 0;
        }
        Ok(())
    }
}
