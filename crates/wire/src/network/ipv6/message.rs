//! What an IPv6 packet means.

use std::net::Ipv6Addr;

use super::View;
use crate::{Error, Fault, Layer, Reader};

/// The most extension headers that are followed; RFC 8504 section 5.3 lets hosts refuse long chains too.
pub const EXTENSIONS_MAX: usize = 8;

/// Where a fragment belongs, RFC 8200 section 4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification.
    pub identification: u32,
    /// Offset of its payload in the fragmentable part, bytes.
    pub offset: u32,
    /// Whether others come after it.
    pub more: bool,
}

/// An IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Protocol number of the payload. For a fragment: of the fragmentable part, which the first fragment
    /// begins with and which may be another extension header.
    pub protocol: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Flow label.
    pub flow_label: u32,
    /// Where it belongs, if it is a fragment.
    pub fragment: Option<Fragment>,
    /// Length of header and payload as sent, bytes.
    pub length: u32,
    /// Length of the payload as sent, bytes; the capture may hold less.
    pub payload_length: u32,
    /// The payload after all extension headers, as captured, without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet of which the capture may hold only the front; it was `missing` bytes longer on the wire.
    #[inline]
    pub fn parse(packet: &'a [u8], missing: u32) -> Result<Self, Error> {
        let view = View::new(packet)?;
        if view.version != 6 {
            return Err(Error { layer: Layer::Ipv6, field: "version", offset: 0, fault: Fault::Malformed });
        }
        let on_wire = (view.rest.len() as u32).saturating_add(missing);
        let after_header = match u32::from(view.payload_length) {
            0 if view.next_header != NO_NEXT_HEADER => on_wire,
            length => length,
        };
        let captured = view.rest.get(..after_header as usize).unwrap_or(view.rest);
        let walked = walk(view.next_header, captured)?;
        let passed = captured.len().saturating_sub(walked.payload.len()) as u32;
        Ok(Self {
            source: view.source.into(),
            destination: view.destination.into(),
            protocol: walked.protocol,
            hop_limit: view.hop_limit,
            flow_label: view.flow_label,
            fragment: walked.fragment,
            length: after_header.saturating_add(View::LENGTH as u32),
            payload_length: after_header.saturating_sub(passed),
            payload: walked.payload,
        })
    }

    /// Follows the extension headers of a fragmentable part that was put together again.
    pub fn walk_reassembled(next_header: u8, bytes: &'a [u8]) -> Result<(u8, &'a [u8]), Error> {
        let walked = walk(next_header, bytes)?;
        match walked.fragment {
            None => Ok((walked.protocol, walked.payload)),
            Some(_) => Err(Reader::new(Layer::Ipv6, bytes).malformed("fragment within a fragment")),
        }
    }
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;

struct Walked<'a> {
    protocol: u8,
    fragment: Option<Fragment>,
    payload: &'a [u8],
}

#[inline]
fn walk(next_header: u8, bytes: &[u8]) -> Result<Walked<'_>, Error> {
    let is_extension = |kind| {
        matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS | MOBILITY)
    };
    if !is_extension(next_header) {
        return Ok(Walked { protocol: next_header, fragment: None, payload: bytes });
    }
    let mut reader = Reader::new(Layer::Ipv6, bytes);
    let mut kind = next_header;
    for _ in 0..EXTENSIONS_MAX {
        if !is_extension(kind) {
            return Ok(Walked { protocol: kind, fragment: None, payload: reader.rest() });
        }
        let next = reader.u8("next header of an extension")?;
        let length = usize::from(reader.u8("length of an extension")?);
        match kind {
            FRAGMENT => {
                let offset_and_flags = reader.u16_be("fragment offset")?;
                let identification = reader.u32_be("fragment identification")?;
                let offset = u32::from(offset_and_flags & 0xfff8);
                let more = offset_and_flags & 1 != 0;
                // An atomic fragment (RFC 6946) is whole: read on.
                if more || offset != 0 {
                    let fragment = Some(Fragment { identification, offset, more });
                    return Ok(Walked { protocol: next, fragment, payload: reader.rest() });
                }
            }
            // RFC 4302 section 2.2: counted in 32-bit words, less two.
            AUTHENTICATION => reader.skip("authentication header", (length + 2) * 4 - 2)?,
            _ => reader.skip("extension header", (length + 1) * 8 - 2)?,
        }
        kind = next;
    }
    Err(reader.error("extension headers", Fault::OverLimit { limit: EXTENSIONS_MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(next_header: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 1];
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend([next_header, 255]);
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn follows_extension_headers() {
        let rest = [60, 0, 0, 0, 0, 0, 0, 0, 58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 135, 0];
        let bytes = packet(0, &rest);
        let packet = Packet::parse(&bytes, 0).unwrap();
        assert_eq!((packet.protocol, packet.payload), (58, &[135, 0][..]));
        assert_eq!((packet.length, packet.payload_length, packet.hop_limit), (66, 2, 255));
    }

    #[test]
    fn reads_a_fragment_and_passes_an_atomic_one() {
        let bytes = packet(44, &[17, 0, 0, 0x29, 0, 0, 0, 7, 0xaa]);
        let parsed = Packet::parse(&bytes, 0).unwrap();
        assert_eq!(parsed.fragment, Some(Fragment { identification: 7, offset: 40, more: true }));
        let bytes = packet(44, &[17, 0, 0, 0, 0, 0, 0, 7, 0xaa]);
        let parsed = Packet::parse(&bytes, 0).unwrap();
        assert_eq!((parsed.fragment, parsed.protocol, parsed.payload), (None, 17, &[0xaa][..]));
    }

    #[test]
    fn a_long_chain_is_over_the_limit() {
        let bytes = packet(60, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(20));
        let error = Packet::parse(&bytes, 0).unwrap_err();
        assert_eq!(error.fault, Fault::OverLimit { limit: EXTENSIONS_MAX });
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, missing: u32, kind: u8) {
            let _ = Packet::parse(&bytes, missing);
            if let Ok(packet) = Packet::parse(&packet(kind, &bytes), missing) {
                prop_assert!(packet.payload.len() <= bytes.len());
            }
        }
    }
}
