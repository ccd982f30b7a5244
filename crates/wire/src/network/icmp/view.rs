//! The header of an ICMP message, field by field.

use crate::{Error, Layer, Reader};

/// Fields that every ICMP message has, RFC 792.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Checksum.
    pub checksum: u16,
    /// Four bytes whose meaning the type decides: gateway, identifier and sequence, MTU.
    pub second: [u8; 4],
    /// What follows.
    pub body: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads the header at the front of a message of `layer`.
    #[inline]
    pub fn new(layer: Layer, message: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(layer, message);
        let [kind, code] = reader.array("type and code")?;
        let checksum = reader.u16_be("checksum")?;
        Ok(Self { kind, code, checksum, second: reader.array("second word")?, body: reader.rest() })
    }
}
