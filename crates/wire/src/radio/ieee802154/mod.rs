//! IEEE 802.15.4: who speaks in which network, and whether frames are protected. IEEE 802.15.4-2020 section 7.2; LINKTYPE
//! 195 (with frame check sequence) and 230 (without).
//!
//! Ignored: what frames carry (ZigBee, Thread, makers' own); information elements; the key identifier.

use crate::{Error, Fault, Layer, Reader};

/// An address: section 7.2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// 16 bits, given by the coordinator.
    Short(u16),
    /// EUI-64, most significant byte first.
    Extended([u8; 8]),
}

/// What a frame is: section 7.2.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Beacon.
    Beacon,
    /// Data.
    Data,
    /// Acknowledgment.
    Acknowledgment,
    /// MAC command, with its identifier where it is readable.
    Command(Option<u8>),
    /// Reserved, multipurpose, fragment, extended.
    Other,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Whether it is protected by the link's own security.
    pub secured: bool,
    /// Network and address of the receiver.
    pub destination: Option<(u16, Address)>,
    /// Network and address of the sender.
    pub source: Option<(u16, Address)>,
}

/// What ends a frame as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailer {
    /// Nothing: LINKTYPE 230.
    None,
    /// The frame check sequence: LINKTYPE 195.
    CheckSequence,
    /// What many receivers leave in its place (Texas Instruments CC2420 data sheet section 14.4, and its successors):
    /// signal strength, then one bit that says that the check sequence was right, and the correlation.
    Receiver,
}

impl Frame {
    /// Reads a header.
    pub fn parse(bytes: &[u8], trailer: Trailer) -> Result<Self, Error> {
        /// Correlation below and above which no receiver reports: about 50 for the worst frame, 110 for the best.
        const CORRELATION: std::ops::RangeInclusive<u8> = 40..=115;
        let mut reader = Reader::new(Layer::Ieee802154, bytes);
        if trailer != Trailer::None {
            let Some((body, sent)) = bytes.split_last_chunk::<2>() else {
                return Err(reader.error("frame check sequence", Fault::Truncated { missing: 2 }));
            };
            let [_, last] = *sent;
            let right = match trailer {
                Trailer::Receiver => last & 0x80 != 0 && CORRELATION.contains(&(last & 0x7f)),
                _ => check_sequence(body) == u16::from_le_bytes(*sent),
            };
            if !right {
                return Err(reader.malformed("frame check sequence"));
            }
            reader = Reader::new(Layer::Ieee802154, body);
        }
        let control = reader.u16_le("frame control")?;
        let version = control >> 12 & 3;
        let kind = control & 7;
        // Frames of version 2 (2015 and later) order their fields otherwise where they hold information elements.
        let elements = version == 2 && control & 0x0200 != 0;
        if !(version == 2 && control & 0x0100 != 0) {
            reader.skip("sequence number", 1)?;
        }
        let compressed = control & 0x0040 != 0;
        let destination = endpoint(&mut reader, control >> 10 & 3, None)?;
        let shared = destination.map(|(network, _)| network).filter(|_| compressed);
        let source = endpoint(&mut reader, control >> 14 & 3, shared)?;
        let secured = control & 0x0008 != 0;
        let kind = match kind {
            0 => Kind::Beacon,
            1 => Kind::Data,
            2 => Kind::Acknowledgment,
            3 => Kind::Command(reader.rest().first().copied().filter(|_| !secured && !elements)),
            _ => Kind::Other,
        };
        Ok(Self { kind, secured, destination, source })
    }
}

fn endpoint(
    reader: &mut Reader<'_>,
    mode: u16,
    shared: Option<u16>,
) -> Result<Option<(u16, Address)>, Error> {
    if mode == 0 {
        return Ok(None);
    }
    let network = match shared {
        Some(network) => network,
        None => reader.u16_le("PAN identifier")?,
    };
    let address = match mode {
        2 => Address::Short(reader.u16_le("short address")?),
        3 => {
            let mut bytes = reader.array::<8>("extended address")?;
            bytes.reverse();
            Address::Extended(bytes)
        }
        _ => return Err(reader.malformed("addressing mode")),
    };
    Ok(Some((network, address)))
}

/// Section 7.2.11: x^16 + x^12 + x^5 + 1, least significant bit first, beginning with zero.
fn check_sequence(bytes: &[u8]) -> u16 {
    let mut register = 0_u16;
    for byte in bytes {
        register ^= u16::from(*byte);
        for _ in 0..8 {
            register = if register & 1 != 0 { register >> 1 ^ 0x8408 } else { register >> 1 };
        }
    }
    register
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_example_of_the_standard() {
        // Section 7.2.11: an acknowledgment with sequence number 0x56 has the check sequence 0x79e4.
        let frame = Frame::parse(&[0x02, 0x00, 0x6a, 0xe4, 0x79], Trailer::CheckSequence);
        assert_eq!(frame.map(|frame| frame.kind), Ok(Kind::Acknowledgment));
        assert!(Frame::parse(&[0x02, 0x00, 0x6b, 0xe4, 0x79], Trailer::CheckSequence).is_err());
        assert!(Frame::parse(&[0x02, 0x00, 0x6b, 0x0b, 0xeb], Trailer::Receiver).is_ok());
        assert!(Frame::parse(&[0x02, 0x00, 0x6b, 0x0b, 0x6b], Trailer::Receiver).is_err());
    }

    #[test]
    fn reads_short_and_extended_addresses() {
        let data = [0x41, 0xc8, 7, 0x34, 0x12, 0xff, 0xff, 8, 7, 6, 5, 4, 3, 2, 1];
        let frame = Frame::parse(&data, Trailer::None).unwrap();
        assert_eq!(frame.destination, Some((0x1234, Address::Short(0xffff))));
        assert_eq!(frame.source, Some((0x1234, Address::Extended([1, 2, 3, 4, 5, 6, 7, 8]))));
        assert!(!frame.secured && frame.kind == Kind::Data);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            for trailer in [Trailer::None, Trailer::CheckSequence, Trailer::Receiver] {
                let _ = Frame::parse(&bytes, trailer);
            }
        }
    }
}
