//! The fixed header of an RTP packet.

use crate::{Error, Layer, Reader};

/// Borrowed fields of an RTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in units of the payload's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub source: u32,
    /// Length of the payload, padding included, bytes.
    pub payload_bytes: usize,
}

impl View {
    /// Reads a datagram; refuses other versions and RTCP, whose types stand in the same place.
    pub fn new(datagram: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Rtp, datagram);
        let flags = reader.u8("version")?;
        if flags >> 6 != 2 {
            return Err(reader.malformed("version"));
        }
        let kind = reader.u8("payload type")?;
        if (192..=223).contains(&kind) {
            return Err(reader.unsupported("payload type"));
        }
        let sequence = reader.u16_be("sequence number")?;
        let timestamp = reader.u32_be("timestamp")?;
        let source = reader.u32_be("source")?;
        reader.skip("contributing sources", usize::from(flags & 0x0f) * 4)?;
        if flags & 0x10 != 0 {
            reader.skip("extension profile", 2)?;
            let words = reader.u16_be("extension length")?;
            reader.skip("extension", usize::from(words) * 4)?;
        }
        Ok(Self { payload_type: kind & 0x7f, sequence, timestamp, source, payload_bytes: reader.remaining() })
    }
}
