//! Fields that stand elsewhere in the message.

use crate::{Error, Reader};

/// Length and offset of a field in the payload, MS-NLMP section 2.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes.
    pub length: usize,
    /// From the start of the message.
    pub offset: usize,
}

impl Field {
    /// Reads length, allocated length and offset.
    pub fn new(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Error> {
        let length = reader.u16_le(field)?;
        reader.skip(field, 2)?;
        let offset = reader.u32_le(field)?;
        Ok(Self { length: usize::from(length), offset: usize::try_from(offset).unwrap_or(usize::MAX) })
    }

    /// The bytes that it points to, or nothing where it points outside the message.
    pub fn bytes<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        self.offset.checked_add(self.length).and_then(|end| message.get(self.offset..end)).unwrap_or_default()
    }
}
