//! Logical Link Control and its SNAP extension: IEEE 802.2 clause 3, IEEE 802 clause 9.5.

use crate::{Error, Layer, Reader};

/// What an LLC frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Llc {
    /// Spanning tree (both access points 0x42).
    SpanningTree,
    /// SNAP without organisation: an EtherType as in Ethernet II.
    Type(u16),
    /// SNAP with an organisation and its own protocol number, such as CDP (Cisco 0x2000).
    Organization([u8; 3], u16),
    /// Another access point: IPX (0xe0), NetBEUI (0xf0), OSI (0xfe) and the like.
    AccessPoint(u8),
}

impl Llc {
    /// Reads the header; gives what follows as well.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::Llc, bytes);
        let [destination, source] = reader.array("service access points")?;
        // Before LLC there was raw 802.3 with IPX: its checksum field is always ffff.
        if (destination, source) == (0xff, 0xff) {
            return Ok((Self::AccessPoint(0xff), reader.rest()));
        }
        // Information and supervisory frames have two control bytes, unnumbered ones have one.
        let control = reader.u8("control")?;
        if control & 3 != 3 {
            reader.skip("control", 1)?;
        }
        let llc = match (destination, source, control) {
            (0x42, 0x42, 3) => Self::SpanningTree,
            (0xaa, 0xaa, 3) => {
                let organization = reader.array("organization")?;
                let protocol = reader.u16_be("protocol")?;
                // RFC 1042 encapsulation, and bridge-tunnel encapsulation of IEEE 802.1H.
                if matches!(organization, [0, 0, 0] | [0, 0, 0xf8]) {
                    Self::Type(protocol)
                } else {
                    Self::Organization(organization, protocol)
                }
            }
            _ => Self::AccessPoint(destination),
        };
        Ok((llc, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_spanning_tree_snap_and_others() {
        assert_eq!(Llc::parse(&[0x42, 0x42, 3, 0]).unwrap().0, Llc::SpanningTree);
        let cdp = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2];
        assert_eq!(Llc::parse(&cdp).unwrap(), (Llc::Organization([0, 0, 0x0c], 0x2000), &[2][..]));
        let ip = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        assert_eq!(Llc::parse(&ip).unwrap().0, Llc::Type(0x0800));
        assert_eq!(Llc::parse(&[0xf0, 0xf0, 3]).unwrap().0, Llc::AccessPoint(0xf0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Llc::parse(&bytes);
        }
    }
}
