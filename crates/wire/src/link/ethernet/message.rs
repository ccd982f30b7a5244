//! What an Ethernet frame carries.

use super::View;
use crate::{Error, Fault, Layer};

/// How a frame names what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// By EtherType.
    Type(u16),
    /// By IEEE 802.2 LLC, which follows.
    Llc,
}

/// An Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Destination address.
    pub destination: [u8; 6],
    /// Source address.
    pub source: [u8; 6],
    /// What follows.
    pub carried: Carried,
    /// The bytes that follow; with LLC without padding.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, Error> {
        let view = View::new(frame)?;
        let (carried, payload) = carried(view.length_or_type, view.payload)?;
        Ok(Self { destination: view.destination, source: view.source, carried, payload })
    }
}

/// Tells a length from an EtherType; used again after each VLAN tag, which is followed by the same choice.
#[inline]
pub fn carried(length_or_type: u16, payload: &[u8]) -> Result<(Carried, &[u8]), Error> {
    match length_or_type {
        1536.. => Ok((Carried::Type(length_or_type), payload)),
        0..=1500 => Ok((Carried::Llc, payload.get(..usize::from(length_or_type)).unwrap_or(payload))),
        _ => Err(Error {
            layer: Layer::Ethernet,
            field: "length or type",
            offset: 12,
            fault: Fault::Malformed,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_length_from_type() {
        let mut frame = [0u8; 60];
        frame[12] = 0x08;
        assert_eq!(Frame::parse(&frame).unwrap().carried, Carried::Type(0x0800));
        frame[12] = 0;
        frame[13] = 38;
        let parsed = Frame::parse(&frame).unwrap();
        assert_eq!((parsed.carried, parsed.payload.len()), (Carried::Llc, 38));
        frame[12] = 0x05;
        frame[13] = 0xf0;
        assert_eq!(Frame::parse(&frame).unwrap_err().field, "length or type");
        assert!(Frame::parse(&frame[..13]).unwrap_err().is_truncated());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Frame::parse(&bytes);
        }
    }
}
