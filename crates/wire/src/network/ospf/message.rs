//! A packet.

use std::net::Ipv4Addr;

use crate::{Error, Layer, Reader};

/// How a packet is protected, RFC 2328 appendix D.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// By a password that anybody can read.
    Password,
    /// By a keyed digest.
    Digest,
    /// By IPsec or not at all: version 3 leaves it to IP.
    Lower,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Version, 2 or 3.
    pub version: u8,
    /// Type: 1 hello, 2 description, 3 request, 4 update, 5 acknowledgment.
    pub kind: u8,
    /// Router identifier of the sender.
    pub router: Ipv4Addr,
    /// Area.
    pub area: Ipv4Addr,
    /// How it is protected.
    pub authentication: Authentication,
    /// Of a hello: priority and designated router; none where it is zero.
    pub hello: Option<(u8, Option<Ipv4Addr>)>,
    /// Of an update: how many announcements it holds.
    pub announcements: u32,
}

impl Message {
    /// Reads the payload of an IP packet.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ospf, payload);
        let version = reader.u8("version")?;
        let kind = reader.u8("type")?;
        let length = usize::from(reader.u16_be("packet length")?);
        if !matches!(version, 2 | 3) || !(1..=5).contains(&kind) || length < 16 {
            return Err(reader.malformed("version, type and length"));
        }
        let router = Ipv4Addr::from_bits(reader.u32_be("router id")?);
        let area = Ipv4Addr::from_bits(reader.u32_be("area id")?);
        reader.skip("checksum", 2)?;
        let authentication = if version == 2 {
            let kind = reader.u16_be("authentication type")?;
            reader.skip("authentication", 8)?;
            match kind {
                0 => Authentication::None,
                1 => Authentication::Password,
                _ => Authentication::Digest,
            }
        } else {
            reader.skip("instance id", 2)?;
            Authentication::Lower
        };
        let hello = if kind == 1 { Some(hello(&mut reader, version)?) } else { None };
        let announcements = if kind == 4 { reader.u32_be("number of announcements")? } else { 0 };
        Ok(Self { version, kind, router, area, authentication, hello, announcements })
    }
}

fn hello(reader: &mut Reader<'_>, version: u8) -> Result<(u8, Option<Ipv4Addr>), Error> {
    let priority = if version == 2 {
        reader.skip("network mask, hello interval and options", 7)?;
        let priority = reader.u8("router priority")?;
        reader.skip("router dead interval", 4)?;
        priority
    } else {
        reader.skip("interface id", 4)?;
        let priority = reader.u8("router priority")?;
        reader.skip("options and intervals", 7)?;
        priority
    };
    let designated = Ipv4Addr::from_bits(reader.u32_be("designated router")?);
    Ok((priority, Some(designated).filter(|router| !router.is_unspecified())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_hello_of_each_version() {
        let mut two = vec![2, 1, 0, 44, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        two.extend([0; 8]);
        two.extend([255, 255, 255, 0, 0, 10, 2, 7, 0, 0, 0, 40, 192, 0, 2, 9, 0, 0, 0, 0]);
        let read = Message::parse(&two).unwrap();
        assert_eq!((read.router, read.authentication), (Ipv4Addr::new(192, 0, 2, 1), Authentication::None));
        assert_eq!(read.hello, Some((7, Some(Ipv4Addr::new(192, 0, 2, 9)))));
        let mut three = vec![3, 1, 0, 36, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        three.extend([0, 0, 0, 5, 1, 0, 0, 19, 0, 10, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Message::parse(&three).unwrap().hello, Some((1, None)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Message::parse(&bytes);
        }
    }
}
