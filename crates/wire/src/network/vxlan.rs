//! VXLAN: an Ethernet frame in UDP. RFC 7348 section 5.
//!
//! Recognised by content: flags exactly 0x08, reserved fields zero, and inside it a plausible Ethernet frame.
//! UDP port 4789 is at most a hint; with it the reserved fields may be anything (group policy, GPE).

use crate::link::ether_type;
use crate::link::ethernet::{Carried, Frame};
use crate::{Error, Layer, Reader, Verdict};

/// A VXLAN header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// VXLAN network identifier, 24 bits.
    pub network: u32,
}

impl Vxlan {
    /// The assigned UDP port.
    pub const PORT: u16 = 4789;

    /// Reads the header; gives the inner frame as well.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::Vxlan, datagram);
        let flags = reader.u32_be("flags")?;
        let network = reader.u32_be("network identifier")?;
        if flags & 0x0800_0000 == 0 {
            return Err(reader.malformed("flags"));
        }
        Ok((Self { network: network >> 8 }, reader.rest()))
    }
}

/// Whether a datagram is VXLAN.
#[inline]
pub fn probe(datagram: &[u8]) -> Verdict {
    // The first word alone refuses nearly everything that is not.
    let Some((&[8, 0, 0, 0, _, _, _, 0], inner)) = datagram.split_first_chunk::<8>() else {
        return Verdict::NotMine;
    };
    match Frame::parse(inner) {
        Ok(frame) => match (frame.carried, frame.payload.first()) {
            (Carried::Type(ether_type::IPV4), Some(0x45..=0x4f))
            | (Carried::Type(ether_type::IPV6), Some(0x60..=0x6f))
            | (Carried::Type(ether_type::ARP), Some(0))
            | (Carried::Type(ether_type::VLAN), Some(_)) => Verdict::Certain,
            _ => Verdict::Unsure,
        },
        Err(_) => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_recognised_by_what_is_inside() {
        let mut datagram = vec![8, 0, 0, 0, 0, 0, 42, 0];
        datagram.extend([2; 12]);
        datagram.extend([8, 0, 0x45, 0]);
        assert_eq!(probe(&datagram), Verdict::Certain);
        let (vxlan, inner) = Vxlan::parse(&datagram).unwrap();
        assert_eq!((vxlan.network, inner.len()), (42, 16));
        datagram[22] = 0x15;
        assert_eq!(probe(&datagram), Verdict::Unsure);
        datagram[3] = 1;
        assert_eq!(probe(&datagram), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (probe(&bytes), Vxlan::parse(&bytes));
        }
    }
}
