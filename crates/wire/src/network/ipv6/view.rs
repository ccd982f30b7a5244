//! The fixed header of an IPv6 packet, field by field.

use crate::{Error, Layer, Reader};

/// Fields of an IPv6 header, RFC 8200 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Version, 4 bits.
    pub version: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Length of everything after the fixed header, bytes.
    pub payload_length: u16,
    /// Type of the next header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// Everything after the fixed header.
    pub rest: &'a [u8],
}

impl<'a> View<'a> {
    /// Length of the fixed header, bytes.
    pub const LENGTH: usize = 40;

    /// Reads the fixed header at the front of a packet.
    #[inline]
    pub fn new(packet: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ipv6, packet);
        let first = reader.u32_be("version, traffic class and flow label")?;
        Ok(Self {
            version: (first >> 28) as u8,
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0x000f_ffff,
            payload_length: reader.u16_be("payload length")?,
            next_header: reader.u8("next header")?,
            hop_limit: reader.u8("hop limit")?,
            source: reader.array("source address")?,
            destination: reader.array("destination address")?,
            rest: reader.rest(),
        })
    }
}
