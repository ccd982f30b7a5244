//! The header of an IPv4 packet, field by field.

use crate::{Error, Layer, Reader};

/// Fields of an IPv4 header, RFC 791 figure 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Version, 4 bits.
    pub version: u8,
    /// Header length, 32-bit words.
    pub header_words: u8,
    /// Differentiated services and congestion notification (RFC 2474, RFC 3168).
    pub service: u8,
    /// Length of header and payload, bytes.
    pub total_length: u16,
    /// Identification.
    pub identification: u16,
    /// Flags, 3 bits, and fragment offset in units of 8 bytes.
    pub flags_and_offset: u16,
    /// Time to live.
    pub time_to_live: u8,
    /// Protocol number.
    pub protocol: u8,
    /// Header checksum.
    pub checksum: u16,
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
    /// Options and everything after them.
    pub rest: &'a [u8],
}

impl<'a> View<'a> {
    /// Length of the header without options, bytes.
    pub const LENGTH: usize = 20;

    /// Reads the fixed header at the front of a packet.
    #[inline]
    pub fn new(packet: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ipv4, packet);
        // One bounds check for the whole header: this is the hottest read of all.
        let [
            b0,
            service,
            t0,
            t1,
            i0,
            i1,
            f0,
            f1,
            time_to_live,
            protocol,
            c0,
            c1,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = reader.array("header")?;
        Ok(Self {
            version: b0 >> 4,
            header_words: b0 & 15,
            service,
            total_length: u16::from_be_bytes([t0, t1]),
            identification: u16::from_be_bytes([i0, i1]),
            flags_and_offset: u16::from_be_bytes([f0, f1]),
            time_to_live,
            protocol,
            checksum: u16::from_be_bytes([c0, c1]),
            source: [s0, s1, s2, s3],
            destination: [d0, d1, d2, d3],
            rest: reader.rest(),
        })
    }
}
