//! A CDP packet.

use std::net::Ipv4Addr;

use crate::{Error, Layer, Reader};

/// Most TLVs that are read of one packet.
const TLVS_MAX: usize = 64;

/// What a packet says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Device identifier: its host name.
    pub device: Option<&'a [u8]>,
    /// First IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// Port.
    pub port: Option<&'a [u8]>,
    /// Capabilities, in the bits of LLDP.
    pub capabilities: u16,
    /// Software version.
    pub software: Option<&'a [u8]>,
    /// Platform: its model.
    pub platform: Option<&'a [u8]>,
    /// Place, as somebody wrote it.
    pub location: Option<&'a [u8]>,
    /// Native VLAN.
    pub vlan: Option<u16>,
}

impl<'a> Message<'a> {
    /// Reads a packet, from its version on.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Cdp, bytes);
        if !matches!(reader.u8("version")?, 1 | 2) {
            return Err(reader.unsupported("version"));
        }
        reader.skip("time to live and checksum", 3)?;
        let mut message = Self::default();
        for _ in 0..TLVS_MAX {
            if reader.is_empty() {
                break;
            }
            let kind = reader.u16_be("TLV type")?;
            let length = usize::from(reader.u16_be("TLV length")?);
            let length = length.checked_sub(4).ok_or_else(|| reader.malformed("TLV length"))?;
            let mut value = reader.sub("TLV value", length)?;
            match kind {
                1 => message.device = Some(value.take_rest()),
                2 => message.address = address(value),
                3 => message.port = Some(value.take_rest()),
                4 => message.capabilities = capabilities(value.u32_be("capabilities")?),
                5 => message.software = Some(value.take_rest()),
                6 => message.platform = Some(value.take_rest()),
                // A byte of unknown meaning stands in front of it.
                0x17 => message.location = value.take_rest().get(1..).filter(|text| !text.is_empty()),
                10 => message.vlan = Some(value.u16_be("native VLAN")?),
                _ => {}
            }
        }
        Ok(message)
    }
}

/// The first address, if it is IPv4: count, then protocol type, length and NLPID 0xcc, then the address.
fn address(mut value: Reader<'_>) -> Option<Ipv4Addr> {
    let count = value.u32_be("number of addresses").ok()?;
    let head = value.array::<5>("protocol and length").ok()?;
    (count > 0 && head == [1, 1, 0xcc, 0, 4]).then(|| value.array::<4>("address").ok().map(Ipv4Addr::from))?
}

/// CDP: router 0x01, bridges 0x02 and 0x04, switch 0x08, host 0x10, telephone 0x80. LLDP: bridge 0x04, router 0x10,
/// telephone 0x20, station 0x80.
const fn capabilities(bits: u32) -> u16 {
    let mut found = 0;
    if bits & 0x01 != 0 {
        found |= 0x10;
    }
    if bits & 0x0e != 0 {
        found |= 0x04;
    }
    if bits & 0x10 != 0 {
        found |= 0x80;
    }
    if bits & 0x80 != 0 {
        found |= 0x20;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet() -> Vec<u8> {
        let mut bytes = vec![2, 180, 0, 0];
        let mut tlv = |kind: u16, value: &[u8]| {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((value.len() as u16 + 4).to_be_bytes());
            bytes.extend(value);
        };
        tlv(1, b"sw-core");
        tlv(2, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 192, 0, 2, 9]);
        tlv(4, &[0, 0, 0, 0x29]);
        tlv(6, b"example WS-C1");
        bytes
    }

    #[test]
    fn reads_name_address_and_platform() {
        let bytes = packet();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.device, message.platform), (Some(&b"sw-core"[..]), Some(&b"example WS-C1"[..])));
        assert_eq!(message.address, Some(Ipv4Addr::new(192, 0, 2, 9)));
        assert_eq!(message.capabilities, 0x14);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..60, byte: u8) {
            let _ = Message::parse(&bytes);
            let mut bent = packet();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent);
        }
    }
}
