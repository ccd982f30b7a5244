//! Encapsulated remote mirror port (ERSPAN): draft-foschiano-erspan-03 section 4. Carried by GRE.
//!
//! Type I has no header at all (GRE without a sequence number); type II has 8 bytes, type III 12 and an
//! optional platform-specific field of 8.

use crate::{Error, Layer, Reader};

/// An ERSPAN header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erspan {
    /// VLAN of the mirrored frame; 0 where it had none.
    pub vlan: u16,
    /// Mirror session, 10 bits.
    pub session: u16,
    /// The mirrored frame was cut.
    pub truncated: bool,
}

impl Erspan {
    /// Reads a type II or III header; gives the mirrored frame as well.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::Erspan, bytes);
        let version_vlan = reader.u16_be("version and vlan")?;
        let session = reader.u16_be("session")?;
        match version_vlan >> 12 {
            1 => reader.skip("index", 4)?,
            2 => {
                reader.skip("timestamp and security group", 6)?;
                let flags = reader.u16_be("frame type and flags")?;
                // O bit: a platform-specific sub-header follows.
                if flags & 1 != 0 {
                    reader.skip("platform-specific", 8)?;
                }
            }
            _ => return Err(reader.unsupported("version")),
        }
        let erspan =
            Self { vlan: version_vlan & 0x0fff, session: session & 0x03ff, truncated: session & 0x0400 != 0 };
        Ok((erspan, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_types_two_and_three() {
        let two = [0x10, 0x64, 0x04, 0x07, 0, 0, 0, 1, 0xaa];
        let (erspan, frame) = Erspan::parse(&two).unwrap();
        assert_eq!((erspan.vlan, erspan.session, erspan.truncated, frame), (100, 7, true, &[0xaa][..]));
        let three = [0x20, 0x64, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 0xaa];
        assert_eq!(Erspan::parse(&three).unwrap().1, [0xaa]);
        assert_eq!(Erspan::parse(&[0x30, 0, 0, 0]).unwrap_err().field, "version");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Erspan::parse(&bytes);
        }
    }
}
