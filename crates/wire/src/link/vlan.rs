//! VLAN tags: IEEE 802.1Q clause 9, stacked as in 802.1ad (QinQ).

use super::ether_type;
use crate::{Error, Layer, Reader};

/// A VLAN tag without the EtherType that announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Priority code point, 3 bits.
    pub priority: u8,
    /// Drop eligible indicator.
    pub drop_eligible: bool,
    /// VLAN identifier, 12 bits; 0 means that the tag only carries the priority.
    pub identifier: u16,
    /// Length or EtherType of what follows.
    pub length_or_type: u16,
}

impl Tag {
    /// Whether an EtherType announces a tag.
    #[inline]
    pub const fn announced_by(kind: u16) -> bool {
        matches!(
            kind,
            ether_type::VLAN
                | ether_type::SERVICE_VLAN
                | ether_type::OLD_SERVICE_VLAN
                | ether_type::OTHER_SERVICE_VLAN
        )
    }

    /// Reads a tag; gives what follows as well.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::Vlan, bytes);
        let control = reader.u16_be("tag control information")?;
        let length_or_type = reader.u16_be("length or type")?;
        let tag = Self {
            priority: (control >> 13) as u8,
            drop_eligible: control & 0x1000 != 0,
            identifier: control & 0x0fff,
            length_or_type,
        };
        Ok((tag, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_priority_and_identifier() {
        let (tag, rest) = Tag::parse(&[0xa0, 0x64, 0x08, 0x00, 0x45]).unwrap();
        assert_eq!((tag.priority, tag.drop_eligible, tag.identifier), (5, false, 100));
        assert_eq!((tag.length_or_type, rest), (0x0800, &[0x45][..]));
        assert!(Tag::parse(&[0, 1, 8]).unwrap_err().is_truncated());
    }
}
