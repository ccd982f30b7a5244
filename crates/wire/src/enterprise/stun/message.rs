//! A message and its attributes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Error, Layer, Reader};

/// Attributes that are read of one message.
const ATTRIBUTES_MAX: usize = 32;
const COOKIE: u32 = 0x2112_a442;

/// A message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// 0 request, 1 indication, 2 success, 3 error.
    pub class: u8,
    /// Method; 1 is binding.
    pub method: u16,
    /// SOFTWARE, section 14.14.
    pub software: Option<&'a [u8]>,
    /// USERNAME, section 14.3: only for pseudonyms.
    pub username: Option<&'a [u8]>,
    /// A REALM stands beside it, section 14.9: the name is an account, not a word for one call.
    pub long_term: bool,
    /// XOR-MAPPED-ADDRESS, section 14.2: how the sender of the request is seen.
    pub mapped: Option<(IpAddr, u16)>,
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Stun, datagram);
        let kind = reader.u16_be("message type")?;
        if kind & 0xc000 != 0 {
            return Err(reader.malformed("message type"));
        }
        let length = usize::from(reader.u16_be("message length")?);
        if reader.u32_be("magic cookie")? != COOKIE {
            return Err(reader.malformed("magic cookie"));
        }
        let transaction: [u8; 12] = reader.array("transaction id")?;
        let mut attributes = reader.sub("attributes", length)?;
        // The two bits of the class stand between those of the method.
        let mut message = Self {
            class: u8::from(kind & 0x0010 != 0) | u8::from(kind & 0x0100 != 0) << 1,
            method: kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2,
            ..Self::default()
        };
        for _ in 0..ATTRIBUTES_MAX {
            if attributes.is_empty() {
                break;
            }
            let kind = attributes.u16_be("attribute type")?;
            let length = usize::from(attributes.u16_be("attribute length")?);
            let value = attributes.take("attribute", length)?;
            attributes.take_lax(length.next_multiple_of(4) - length);
            match kind {
                0x0006 => message.username = Some(value),
                0x0014 => message.long_term = true,
                0x0020 => message.mapped = mapped(value, &transaction),
                0x8022 => message.software = Some(value),
                _ => {}
            }
        }
        Ok(message)
    }
}

fn mapped(value: &[u8], transaction: &[u8; 12]) -> Option<(IpAddr, u16)> {
    let mut reader = Reader::new(Layer::Stun, value);
    reader.skip("reserved", 1).ok()?;
    let family = reader.u8("family").ok()?;
    let port = reader.u16_be("port").ok()? ^ (COOKIE >> 16) as u16;
    let ip = match family {
        1 => Ipv4Addr::from_bits(reader.u32_be("address").ok()? ^ COOKIE).into(),
        2 => {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *transaction;
            let mask = u128::from(COOKIE) << 96
                | u128::from_be_bytes([0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l]);
            Ipv6Addr::from_bits(u128::from_be_bytes(reader.array("address").ok()?) ^ mask).into()
        }
        _ => return None,
    };
    Some((ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer of RFC 5769 section 2.2, up to its integrity.
    fn answer() -> Vec<u8> {
        let mut bytes = vec![1, 1, 0, 28, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);
        bytes.extend([0x80, 0x22, 0, 11]);
        bytes.extend(b"test vector ");
        bytes.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        bytes
    }

    #[test]
    fn reads_software_and_address_of_the_standard() {
        let bytes = answer();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.class, message.method), (2, 1));
        assert_eq!(message.software, Some(&b"test vector"[..]));
        assert_eq!(message.mapped, Some(("192.0.2.1".parse().unwrap(), 32853)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..50, byte: u8) {
            let _ = Message::parse(&bytes);
            let mut bent = answer();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent);
        }
    }
}
