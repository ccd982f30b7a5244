//! An advertisement.

use std::net::IpAddr;

use crate::{Error, Layer, Reader};

/// Addresses kept of one advertisement.
const ADDRESSES_MAX: usize = 4;

/// An advertisement: its sender is the active router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Version.
    pub version: u8,
    /// Number of the virtual router.
    pub group: u8,
    /// Priority: 255 owns the address, 0 gives up.
    pub priority: u8,
    /// Virtual addresses.
    pub addresses: [Option<IpAddr>; ADDRESSES_MAX],
}

impl Message {
    /// Reads the payload of an IP packet; `ipv6` says which addresses it holds.
    pub fn parse(payload: &[u8], ipv6: bool) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Vrrp, payload);
        let first = reader.u8("version and type")?;
        let version = first >> 4;
        if !matches!(version, 2 | 3) || first & 0x0f != 1 {
            return Err(reader.malformed("version and type"));
        }
        let group = reader.u8("virtual router id")?;
        let priority = reader.u8("priority")?;
        let count = usize::from(reader.u8("number of addresses")?);
        reader.skip("interval and checksum", 4)?;
        let mut addresses = [None; ADDRESSES_MAX];
        for place in addresses.iter_mut().take(count) {
            *place = Some(if ipv6 {
                reader.array::<16>("address")?.into()
            } else {
                reader.array::<4>("address")?.into()
            });
        }
        Ok(Self { version, group, priority, addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_an_advertisement() {
        let read = Message::parse(&[0x31, 7, 200, 1, 0, 100, 0, 0, 192, 0, 2, 254], false).unwrap();
        assert_eq!((read.group, read.priority), (7, 200));
        assert_eq!(read.addresses[0], Some("192.0.2.254".parse().unwrap()));
        assert!(Message::parse(&[0x45, 0, 0, 0], false).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, ipv6: bool) {
            let _ = Message::parse(&bytes, ipv6);
        }
    }
}
