//! The header of a TCP segment, field by field.

use crate::{Error, Layer, Reader};

/// Fields of a TCP header, RFC 9293 figure 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte, or of the SYN.
    pub sequence: u32,
    /// Next sequence number that the sender expects.
    pub acknowledgment: u32,
    /// Header length, 32-bit words.
    pub header_words: u8,
    /// Control bits (the eight lowest).
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Checksum.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options and everything after them.
    pub rest: &'a [u8],
}

impl<'a> View<'a> {
    /// Length of the header without options, bytes.
    pub const LENGTH: usize = 20;

    /// Reads the fixed header at the front of a segment.
    #[inline]
    pub fn new(segment: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Tcp, segment);
        let [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, words, flags, w0, w1, c0, c1, u0, u1] =
            reader.array("header")?;
        Ok(Self {
            source_port: u16::from_be_bytes([p0, p1]),
            destination_port: u16::from_be_bytes([q0, q1]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            header_words: words >> 4,
            flags,
            window: u16::from_be_bytes([w0, w1]),
            checksum: u16::from_be_bytes([c0, c1]),
            urgent: u16::from_be_bytes([u0, u1]),
            rest: reader.rest(),
        })
    }
}
