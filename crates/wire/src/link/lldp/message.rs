//! An LLDP data unit.

use std::net::IpAddr;

use crate::{Error, Layer, Reader};

/// Most TLVs that are read of one unit.
const TLVS_MAX: usize = 128;

/// How a chassis or port names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier<'a> {
    /// A link address.
    Mac([u8; 6]),
    /// Text, or anything else as it is.
    Text(&'a [u8]),
}

/// What a data unit says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Chassis ID.
    pub chassis: Option<Identifier<'a>>,
    /// Port ID.
    pub port: Option<Identifier<'a>>,
    /// Port description.
    pub port_description: Option<&'a [u8]>,
    /// System name.
    pub system_name: Option<&'a [u8]>,
    /// System description.
    pub system_description: Option<&'a [u8]>,
    /// Enabled capabilities.
    pub capabilities: u16,
    /// Management address.
    pub management: Option<IpAddr>,
    /// Port VLAN.
    pub vlan: Option<u16>,
    /// LLDP-MED manufacturer name.
    pub manufacturer: Option<&'a [u8]>,
    /// LLDP-MED model name.
    pub model: Option<&'a [u8]>,
    /// LLDP-MED serial number.
    pub serial: Option<&'a [u8]>,
    /// LLDP-MED firmware or software revision.
    pub firmware: Option<&'a [u8]>,
    /// LLDP-MED location in words: a civic address (RFC 4776), from its second byte on.
    pub civic_location: Option<&'a [u8]>,
    /// MUD URL.
    pub mud_url: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Reads a data unit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut message = Self::default();
        let mut reader = Reader::new(Layer::Lldp, bytes);
        for number in 0..TLVS_MAX {
            if reader.is_empty() {
                break;
            }
            let header = reader.u16_be("TLV type and length")?;
            let value = reader.sub("TLV value", usize::from(header & 0x01ff))?;
            let kind = header >> 9;
            if number == 0 && kind != 1 {
                return Err(reader.malformed("chassis ID first"));
            }
            if kind == 0 {
                break;
            }
            message.take(kind, value)?;
        }
        Ok(message)
    }

    /// The parts of the civic address that say where in a house something is: city, street, house number, building,
    /// unit, floor, room, seat (RFC 4776 section 3.4).
    pub fn civic_parts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(Layer::Lldp, self.civic_location.unwrap_or_default());
        // Length, what the address is of, and country.
        let head = reader.skip("civic address head", 4);
        std::iter::from_fn(move || {
            head.ok()?;
            loop {
                let kind = reader.u8("civic address type").ok()?;
                let length = usize::from(reader.u8("civic address length").ok()?);
                let value = reader.take("civic address value", length).ok()?;
                if matches!(kind, 3 | 6 | 19 | 25..=28 | 33 | 34) {
                    return Some(value);
                }
            }
        })
    }

    fn take(&mut self, kind: u16, mut value: Reader<'a>) -> Result<(), Error> {
        match kind {
            1 => self.chassis = Some(identifier(value, 4)?),
            2 => self.port = Some(identifier(value, 3)?),
            4 => self.port_description = Some(value.take_rest()),
            5 => self.system_name = Some(value.take_rest()),
            6 => self.system_description = Some(value.take_rest()),
            7 => {
                value.skip("system capabilities", 2)?;
                self.capabilities = value.u16_be("enabled capabilities")?;
            }
            8 => self.management = self.management.or(management(value)?),
            127 => self.organization(value)?,
            _ => {}
        }
        Ok(())
    }

    fn organization(&mut self, mut value: Reader<'a>) -> Result<(), Error> {
        let organization = value.array::<3>("organization")?;
        let subtype = value.u8("subtype")?;
        match (organization, subtype) {
            ([0x00, 0x80, 0xc2], 1) => self.vlan = Some(value.u16_be("port VLAN")?),
            // Form 2 is a civic address, TIA-1057 section 10.2.4.4.
            ([0x00, 0x12, 0xbb], 3) if value.u8("location form")? == 2 => {
                self.civic_location = Some(value.take_rest());
            }
            ([0x00, 0x12, 0xbb], 6 | 7) => {
                self.firmware = Some(value.take_rest()).filter(|text| !text.is_empty()).or(self.firmware)
            }
            ([0x00, 0x12, 0xbb], 8) => self.serial = Some(value.take_rest()),
            ([0x00, 0x12, 0xbb], 9) => self.manufacturer = Some(value.take_rest()),
            ([0x00, 0x12, 0xbb], 10) => self.model = Some(value.take_rest()),
            ([0x00, 0x00, 0x5e], 1) => self.mud_url = Some(value.take_rest()),
            _ => {}
        }
        Ok(())
    }
}

/// Chassis and port identifiers carry a subtype; that of a link address differs between the two.
fn identifier(mut value: Reader<'_>, mac_subtype: u8) -> Result<Identifier<'_>, Error> {
    let subtype = value.u8("identifier subtype")?;
    if subtype == mac_subtype && value.remaining() == 6 {
        return value.array("identifier").map(Identifier::Mac);
    }
    Ok(Identifier::Text(value.take_rest()))
}

fn management(mut value: Reader<'_>) -> Result<Option<IpAddr>, Error> {
    let length = value.u8("address length")?;
    let family = value.u8("address family")?;
    Ok(match (family, length) {
        (1, 5) => Some(IpAddr::from(value.array::<4>("management address")?)),
        (2, 17) => Some(IpAddr::from(value.array::<16>("management address")?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut tlv = |kind: u16, value: &[u8]| {
            bytes.extend((kind << 9 | value.len() as u16).to_be_bytes());
            bytes.extend(value);
        };
        tlv(1, &[4, 0, 9, 0xfb, 0, 0, 1]);
        tlv(2, b"\x05Gi1/0/7");
        tlv(5, b"sw-icu-1");
        tlv(7, &[0, 0x14, 0, 0x14]);
        tlv(8, &[5, 1, 192, 0, 2, 1, 2, 0, 0, 0, 1, 0]);
        tlv(127, b"\x00\x12\xbb\x0aExample 24");
        tlv(127, b"\x00\x12\xbb\x03\x02\x13\x02DE\x19\x06House3\x1c\x05R 104");
        tlv(127, b"\x00\x00\x5e\x01https://mud.example/switch");
        tlv(0, b"");
        bytes
    }

    #[test]
    fn reads_identity_inventory_and_mud_url() {
        let bytes = unit();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.chassis, Some(Identifier::Mac([0, 9, 0xfb, 0, 0, 1])));
        assert_eq!(message.port, Some(Identifier::Text(b"Gi1/0/7")));
        assert_eq!(message.system_name, Some(&b"sw-icu-1"[..]));
        assert_eq!((message.capabilities, message.management), (0x14, Some("192.0.2.1".parse().unwrap())));
        assert_eq!(message.model, Some(&b"Example 24"[..]));
        assert_eq!(message.civic_parts().collect::<Vec<_>>(), [&b"House3"[..], b"R 104"]);
        assert_eq!(message.mud_url, Some(&b"https://mud.example/switch"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..90, byte: u8) {
            let _ = Message::parse(&bytes).map(|message| message.civic_parts().count());
            let mut bent = unit();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent);
        }
    }
}
