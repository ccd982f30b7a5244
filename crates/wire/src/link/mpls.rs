//! MPLS label stack: RFC 3032 section 2.1.

use super::ether_type;
use crate::{Error, Layer, Reader};

/// The longest label stack that is followed; real ones have one to five.
const DEPTH_MAX: usize = 16;

/// What a label stack carries. MPLS does not say, so the first bits must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// IP of this EtherType.
    Type(u16),
    /// An Ethernet frame (pseudowire, RFC 4448).
    Ethernet,
}

/// Passes over the labels; gives what they carry and its bytes.
pub fn parse(bytes: &[u8]) -> Result<(Carried, &[u8]), Error> {
    let mut reader = Reader::new(Layer::Ethernet, bytes);
    for _ in 0..DEPTH_MAX {
        let entry = reader.u32_be("label stack entry")?;
        if entry & 0x100 != 0 {
            return match reader.rest().first().map(|byte| byte >> 4) {
                Some(4) => Ok((Carried::Type(ether_type::IPV4), reader.rest())),
                Some(6) => Ok((Carried::Type(ether_type::IPV6), reader.rest())),
                // A control word of RFC 4385 begins with zero bits.
                Some(0) => {
                    reader.skip("control word", 4)?;
                    Ok((Carried::Ethernet, reader.rest()))
                }
                _ => Err(reader.unsupported("content below the labels")),
            };
        }
    }
    Err(reader.error("label stack", crate::Fault::OverLimit { limit: DEPTH_MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_labels_to_the_bottom() {
        let two = [0, 1, 0x10, 64, 0, 2, 0x21, 64, 0x45];
        assert_eq!(parse(&two).unwrap(), (Carried::Type(ether_type::IPV4), &[0x45][..]));
        let wire = [0, 2, 0x21, 64, 0, 0, 0, 0, 0xaa];
        assert_eq!(parse(&wire).unwrap(), (Carried::Ethernet, &[0xaa][..]));
        assert_eq!(parse(&[0; 200]).unwrap_err().field, "label stack");
    }
}
