//! PPPoE session frames: RFC 2516 section 4; the protocol field of RFC 1661 section 2.

use super::ether_type;
use crate::{Error, Layer, Reader};

/// Reads the session header; gives the EtherType of what it carries, and its bytes.
pub fn parse(bytes: &[u8]) -> Result<(u16, &[u8]), Error> {
    let mut reader = Reader::new(Layer::Ethernet, bytes);
    let [version, code] = reader.array("PPPoE version and code")?;
    if (version, code) != (0x11, 0) {
        return Err(reader.malformed("PPPoE version and code"));
    }
    reader.skip("PPPoE session", 2)?;
    let length = usize::from(reader.u16_be("PPPoE length")?);
    let session = reader.take_lax(length);
    ppp(session)
}

/// Reads the protocol field of a PPP frame; gives the EtherType that means the same, and what follows.
pub fn ppp(bytes: &[u8]) -> Result<(u16, &[u8]), Error> {
    let mut reader = Reader::new(Layer::Ethernet, bytes);
    if bytes.starts_with(&[0xff, 0x03]) {
        reader.skip("PPP address and control", 2)?;
    }
    // One byte is enough where the low bit is set: protocol field compression, RFC 1661 section 6.5.
    let protocol = match reader.u8("PPP protocol")? {
        short if short & 1 == 1 => u16::from(short),
        high => u16::from_be_bytes([high, reader.u8("PPP protocol")?]),
    };
    match protocol {
        0x0021 => Ok((ether_type::IPV4, reader.rest())),
        0x0057 => Ok((ether_type::IPV6, reader.rest())),
        _ => Err(reader.unsupported("PPP protocol")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_session_without_padding() {
        let frame = [0x11, 0, 0, 7, 0, 3, 0x00, 0x21, 0x45, 0, 0];
        assert_eq!(parse(&frame).unwrap(), (ether_type::IPV4, &[0x45][..]));
        assert_eq!(ppp(&[0xff, 3, 0x57, 0x60]).unwrap(), (ether_type::IPV6, &[0x60][..]));
        assert_eq!(ppp(&[0xc0, 0x21]).unwrap_err().field, "PPP protocol");
    }
}
