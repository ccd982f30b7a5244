//! Generic Routing Encapsulation: RFC 2784 with the key and sequence of RFC 2890; version 1 as in PPTP
//! (RFC 2637).

use crate::{Error, Layer, Reader};

/// A GRE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gre {
    /// EtherType of the payload.
    pub protocol: u16,
    /// Key, where present.
    pub key: Option<u32>,
    /// Sequence number, where present.
    pub sequence: Option<u32>,
}

impl Gre {
    /// Reads the header; gives what follows as well.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::Gre, bytes);
        let flags = reader.u16_be("flags and version")?;
        let protocol = reader.u16_be("protocol type")?;
        let has = |bit: u16| flags & bit != 0;
        if flags & 7 > 1 {
            return Err(reader.unsupported("version"));
        }
        if has(0x4000) {
            // Source routing of RFC 1701, withdrawn by RFC 2784.
            return Err(reader.unsupported("routing"));
        }
        if has(0x8000) {
            reader.skip("checksum", 4)?;
        }
        let key = if has(0x2000) { Some(reader.u32_be("key")?) } else { None };
        let sequence = if has(0x1000) { Some(reader.u32_be("sequence number")?) } else { None };
        if flags & 7 == 1 && has(0x0080) {
            reader.skip("acknowledgment number", 4)?;
        }
        Ok((Self { protocol, key, sequence }, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_key_and_sequence() {
        let bytes = [0x30, 0, 0x88, 0xbe, 0, 0, 0, 5, 0, 0, 0, 9, 0xaa];
        let (gre, rest) = Gre::parse(&bytes).unwrap();
        assert_eq!((gre.protocol, gre.key, gre.sequence, rest), (0x88be, Some(5), Some(9), &[0xaa][..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Gre::parse(&bytes);
        }
    }
}
