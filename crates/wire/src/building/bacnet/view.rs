//! Tagged values, clause 20.2.

use crate::{Error, Reader};

/// What follows a tag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    Opening,
    Closing,
    Value(Reader<'a>),
}

/// One tag and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    pub number: u8,
    /// Number is the service's own rather than that of a type.
    pub context: bool,
    pub content: Content<'a>,
}

impl<'a> Tag<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let first = reader.u8("tag")?;
        let context = first & 8 != 0;
        let number = if first >> 4 == 15 { reader.u8("tag number")? } else { first >> 4 };
        let content = match first & 7 {
            6 if context => Content::Opening,
            7 if context => Content::Closing,
            // The value of a Boolean stands in the tag itself.
            _ if !context && number == 1 => Content::Value(reader.sub("boolean", 0)?),
            5 => {
                let length = match reader.u8("length")? {
                    254 => usize::from(reader.u16_be("length")?),
                    255 => usize::try_from(reader.u32_be("length")?).unwrap_or(usize::MAX),
                    short => usize::from(short),
                };
                Content::Value(reader.sub("value", length)?)
            }
            short => Content::Value(reader.sub("value", usize::from(short))?),
        };
        Ok(Self { number, context, content })
    }

    /// The value, if the tag is this one.
    pub(super) const fn value(self, context: bool, number: u8) -> Option<Reader<'a>> {
        match self.content {
            Content::Value(value) if self.context == context && self.number == number => Some(value),
            _ => None,
        }
    }

    pub(super) const fn opens(self, number: u8) -> bool {
        matches!(self.content, Content::Opening) && self.number == number
    }

    pub(super) const fn closes(self, number: u8) -> bool {
        matches!(self.content, Content::Closing) && self.number == number
    }
}

/// An unsigned number of at most four bytes.
pub(super) fn unsigned(value: Reader<'_>) -> Option<u32> {
    let bytes = value.rest();
    (1..=4).contains(&bytes.len()).then(|| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// Characters: UTF-8, or one of the older sets as far as it is ASCII. Clause 20.2.9.
pub(super) fn text(value: Reader<'_>) -> Option<&[u8]> {
    match value.rest() {
        [0, text @ ..] | [5, text @ ..] => Some(text),
        _ => None,
    }
}
