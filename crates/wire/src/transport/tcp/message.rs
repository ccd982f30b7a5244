//! What a TCP segment means.

use super::View;
use crate::{Error, Fault, Layer, Reader};

/// Control bits, RFC 9293 section 3.1.
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
}

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte, or of the SYN.
    pub sequence: u32,
    /// Acknowledgment number; meaningless without the ACK bit.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Options as captured.
    pub options: &'a [u8],
    /// Length of the payload as sent, bytes.
    pub payload_length: u32,
    /// The payload as captured.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a segment of which `length` bytes were sent and `bytes` captured.
    #[inline]
    pub fn parse(bytes: &'a [u8], length: u32) -> Result<Self, Error> {
        let view = View::new(bytes)?;
        let header_length = usize::from(view.header_words) * 4;
        if header_length < View::LENGTH || header_length as u32 > length {
            return Err(Error {
                layer: Layer::Tcp,
                field: "data offset",
                offset: 12,
                fault: Fault::Malformed,
            });
        }
        // A capture cut within the options still tells ports, numbers and flags.
        let (options, payload) =
            view.rest.split_at_checked(header_length - View::LENGTH).unwrap_or((view.rest, &[]));
        Ok(Self {
            source_port: view.source_port,
            destination_port: view.destination_port,
            sequence: view.sequence,
            acknowledgment: view.acknowledgment,
            flags: view.flags,
            window: view.window,
            options,
            payload_length: length.saturating_sub(header_length as u32),
            payload,
        })
    }

    /// Whether all of these bits are set.
    #[inline]
    pub const fn has(&self, bits: u8) -> bool {
        self.flags & bits == bits
    }
}

/// Options of a SYN that tell which stack sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    /// Maximum segment size, RFC 9293 section 3.7.1.
    pub segment_size_max: Option<u16>,
    /// Window scale, RFC 7323 section 2.
    pub window_scale: Option<u8>,
    /// Kinds in wire order, 0 after the last.
    pub kinds: [u8; 8],
}

impl SynOptions {
    /// Reads options as far as they make sense.
    pub fn parse(options: &[u8]) -> Self {
        let mut found = Self::default();
        let mut kinds = [0; 8];
        let mut slots = kinds.iter_mut();
        let mut reader = Reader::new(Layer::Tcp, options);
        while let Ok(kind) = reader.u8("option kind") {
            if kind == 0 {
                break;
            }
            if let Some(slot) = slots.next() {
                *slot = kind;
            }
            if kind == 1 {
                continue;
            }
            let Ok(length) = reader.u8("option length") else { break };
            let Some(length) = usize::from(length).checked_sub(2) else { break };
            let Ok(mut value) = reader.sub("option", length) else { break };
            match kind {
                2 => found.segment_size_max = value.u16_be("maximum segment size").ok(),
                3 => found.window_scale = value.u8("window scale").ok(),
                _ => {}
            }
        }
        found.kinds = kinds;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn syn() -> Vec<u8> {
        let mut bytes = vec![0xc0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0xa0, 2, 0xfa, 0xf0, 0, 0, 0, 0];
        bytes.extend([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
        bytes
    }

    #[test]
    fn reads_a_syn_and_its_options() {
        let bytes = syn();
        let segment = Segment::parse(&bytes, 40).unwrap();
        assert!(segment.has(flags::SYN) && !segment.has(flags::ACK));
        assert_eq!((segment.window, segment.payload_length), (64240, 0));
        let options = SynOptions::parse(segment.options);
        assert_eq!((options.segment_size_max, options.window_scale), (Some(1460), Some(7)));
        assert_eq!(options.kinds, [2, 4, 8, 1, 3, 0, 0, 0]);
    }

    #[test]
    fn a_cut_capture_still_tells_the_header() {
        let bytes = syn();
        let segment = Segment::parse(&bytes[..30], 140).unwrap();
        assert_eq!((segment.payload_length, segment.payload.len()), (100, 0));
        assert_eq!(Segment::parse(&bytes, 30).unwrap_err().field, "data offset");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, length: u32) {
            let _ = Segment::parse(&bytes, length);
            let _ = SynOptions::parse(&bytes);
        }
    }
}
