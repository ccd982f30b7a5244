//! What an IPv4 packet means.

use std::net::Ipv4Addr;

use super::View;
use crate::{Error, Fault, Layer};

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Offset of its payload in the datagram, bytes.
    pub offset: u32,
    /// Whether others come after it.
    pub more: bool,
}

/// An IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// Time to live.
    pub time_to_live: u8,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// Identification.
    pub identification: u16,
    /// Where it belongs, if it is a fragment.
    pub fragment: Option<Fragment>,
    /// Length of header and payload as sent, bytes.
    pub length: u32,
    /// Length of the payload as sent, bytes; the capture may hold less.
    pub payload_length: u32,
    /// The payload as captured, without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet of which the capture may hold only the front; it was `missing` bytes longer on the wire.
    #[inline]
    pub fn parse(packet: &'a [u8], missing: u32) -> Result<Self, Error> {
        let view = View::new(packet)?;
        let header_length = usize::from(view.header_words) * 4;
        if view.version != 4 {
            return Err(malformed("version", 0));
        }
        if header_length < View::LENGTH {
            return Err(malformed("header length", 0));
        }
        let captured = view
            .rest
            .get(header_length - View::LENGTH..)
            .ok_or_else(|| truncated("options", header_length, packet.len()))?;
        let on_wire = (packet.len() as u32).saturating_add(missing);
        let length = match u32::from(view.total_length) {
            0 => on_wire,
            length if length < header_length as u32 => return Err(malformed("total length", 2)),
            length => length,
        };
        let payload_length = length.saturating_sub(header_length as u32);
        let payload = captured.get(..payload_length as usize).unwrap_or(captured);
        let offset = u32::from(view.flags_and_offset & 0x1fff) * 8;
        let more = view.flags_and_offset & 0x2000 != 0;
        Ok(Self {
            source: view.source.into(),
            destination: view.destination.into(),
            protocol: view.protocol,
            time_to_live: view.time_to_live,
            dont_fragment: view.flags_and_offset & 0x4000 != 0,
            identification: view.identification,
            fragment: (more || offset != 0).then_some(Fragment { offset, more }),
            length,
            payload_length,
            payload,
        })
    }
}

#[cold]
const fn malformed(field: &'static str, offset: usize) -> Error {
    Error { layer: Layer::Ipv4, field, offset, fault: Fault::Malformed }
}

#[cold]
const fn truncated(field: &'static str, needed: usize, present: usize) -> Error {
    let missing = needed.saturating_sub(present);
    Error { layer: Layer::Ipv4, field, offset: View::LENGTH, fault: Fault::Truncated { missing } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet() -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 24, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        bytes.extend([1, 2, 3, 4]);
        bytes.extend([0; 6]);
        bytes
    }

    #[test]
    fn leaves_padding_out() {
        let bytes = packet();
        let packet = Packet::parse(&bytes, 0).unwrap();
        assert_eq!(packet.payload, [1, 2, 3, 4]);
        assert_eq!((packet.length, packet.time_to_live, packet.protocol), (24, 64, 17));
        assert!(packet.dont_fragment && packet.fragment.is_none());
    }

    #[test]
    fn reads_options_and_fragments() {
        let mut bytes = packet();
        bytes[0] = 0x46;
        bytes[6] = 0x20;
        bytes[7] = 3;
        let packet = Packet::parse(&bytes, 0).unwrap();
        assert_eq!(packet.fragment, Some(Fragment { offset: 24, more: true }));
        assert_eq!((packet.payload_length, packet.payload.len()), (0, 0));
    }

    #[test]
    fn a_cut_capture_keeps_the_length_on_the_wire() {
        let mut bytes = packet();
        bytes[2..4].copy_from_slice(&1000u16.to_be_bytes());
        let packet = Packet::parse(&bytes, 970).unwrap();
        assert_eq!((packet.payload_length, packet.payload.len()), (980, 10));
    }

    #[test]
    fn without_a_total_length_the_frame_decides() {
        let mut bytes = packet();
        bytes[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(Packet::parse(&bytes, 70_000).unwrap().length, 70_030);
    }

    #[test]
    fn names_what_is_wrong() {
        let mut bytes = packet();
        bytes[0] = 0x44;
        assert_eq!(Packet::parse(&bytes, 0).unwrap_err().field, "header length");
        bytes[0] = 0x65;
        assert_eq!(Packet::parse(&bytes, 0).unwrap_err().field, "version");
        bytes[0] = 0x4f;
        assert!(Packet::parse(&bytes, 0).unwrap_err().is_truncated());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, missing: u32) {
            if let Ok(packet) = Packet::parse(&bytes, missing) {
                prop_assert!(packet.payload.len() <= bytes.len());
            }
        }
    }
}
