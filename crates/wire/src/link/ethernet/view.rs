//! The header of an Ethernet frame, field by field.

use crate::{Error, Layer, Reader};

/// Fields of an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// Length or EtherType.
    pub length_or_type: u16,
    /// What follows, padding included.
    pub payload: &'a [u8],
}

impl<'a> View<'a> {
    /// Length of the header, bytes.
    pub const LENGTH: usize = 14;

    /// Reads the header at the front of a frame.
    #[inline]
    pub fn new(frame: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ethernet, frame);
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = reader.array("header")?;
        Ok(Self {
            destination: [d0, d1, d2, d3, d4, d5],
            source: [s0, s1, s2, s3, s4, s5],
            length_or_type: u16::from_be_bytes([high, low]),
            payload: reader.rest(),
        })
    }
}
