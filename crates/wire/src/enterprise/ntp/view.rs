//! The header of an NTP packet, field by field.

use crate::{Error, Layer, Reader};

/// Borrowed fields of an NTP header, RFC 5905 figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Leap indicator, 2 bits.
    pub leap: u8,
    /// Version number, 3 bits.
    pub version: u8,
    /// Mode, 3 bits.
    pub mode: u8,
    /// Stratum.
    pub stratum: u8,
    /// Poll interval, log2 seconds.
    pub poll: i8,
    /// Precision, log2 seconds.
    pub precision: i8,
    /// Reference identifier.
    pub reference: [u8; 4],
    /// Transmit timestamp, seconds since 1900 and fraction.
    pub transmit: u64,
}

impl View {
    /// Length of the header without extensions, bytes.
    pub const LENGTH: usize = 48;

    /// Reads the header at the front of a datagram.
    pub fn new(datagram: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ntp, datagram);
        let flags = reader.u8("li-vn-mode")?;
        let stratum = reader.u8("stratum")?;
        let poll = reader.u8("poll")?.cast_signed();
        let precision = reader.u8("precision")?.cast_signed();
        reader.skip("root delay and dispersion", 8)?;
        let reference = reader.array("reference id")?;
        reader.skip("reference, origin and receive timestamps", 24)?;
        let transmit = reader.u64_be("transmit timestamp")?;
        Ok(Self {
            leap: flags >> 6,
            version: flags >> 3 & 7,
            mode: flags & 7,
            stratum,
            poll,
            precision,
            reference,
            transmit,
        })
    }
}
