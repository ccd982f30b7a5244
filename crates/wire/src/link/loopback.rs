//! BSD loopback ("null") framing: four bytes of address family. tcpdump.org link types 0 and 108.

use super::ether_type;
use crate::{Error, Layer, Reader};

/// Reads the address family; gives the EtherType that means the same, and what follows.
///
/// Link type 0 is in the byte order of the machine that captured, 108 in network order. Families are small
/// numbers, so the order shows itself. IPv6 has another number on each system.
pub fn parse(bytes: &[u8]) -> Result<(u16, &[u8]), Error> {
    let mut reader = Reader::new(Layer::Loopback, bytes);
    let family = reader.u32_be("address family")?;
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    match family {
        2 => Ok((ether_type::IPV4, reader.rest())),
        10 | 23 | 24 | 28 | 30 => Ok((ether_type::IPV6, reader.rest())),
        _ => Err(Reader::new(Layer::Loopback, bytes).unsupported("address family")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_either_byte_order() {
        assert_eq!(parse(&[2, 0, 0, 0, 0x45]).unwrap(), (ether_type::IPV4, &[0x45][..]));
        assert_eq!(parse(&[0, 0, 0, 2, 0x45]).unwrap(), (ether_type::IPV4, &[0x45][..]));
        assert_eq!(parse(&[0, 0, 0, 30]).unwrap().0, ether_type::IPV6);
        assert_eq!(parse(&[0, 0, 0, 77]).unwrap_err().field, "address family");
    }
}
