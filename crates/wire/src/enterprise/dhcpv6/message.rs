//! A message, taken out of what relays put around it.

use std::net::Ipv6Addr;

use crate::{Error, Layer, Reader};

/// Relays that may have passed a message on, RFC 8415 section 7.6.
const RELAYS_MAX: usize = 8;
/// Options that are read of one message.
const OPTIONS_MAX: usize = 128;
/// Addresses kept of one message.
const ADDRESSES_MAX: usize = 4;

/// What names a client: its DUID, RFC 8415 section 11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identifier<'a>(pub &'a [u8]);

impl Identifier<'_> {
    /// The Ethernet address in it, where it has one.
    pub fn mac(self) -> Option<[u8; 6]> {
        match self.0 {
            [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] => mac.try_into().ok(),
            _ => None,
        }
    }
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Type, section 7.3: 1 solicit, 2 advertise, 3 request … 7 reply, 11 information request.
    pub kind: u8,
    /// A relay passed it on.
    pub relayed: bool,
    /// Option 1.
    pub client: Option<Identifier<'a>>,
    /// Addresses asked for or given (options 3 and 5).
    pub addresses: [Option<Ipv6Addr>; ADDRESSES_MAX],
    /// Option 6: what the client wants to know, two bytes each, in wire order.
    pub requested: &'a [u8],
    /// Option 16: number of an enterprise, and its first words.
    pub vendor_class: Option<(u32, &'a [u8])>,
    /// Option 39: labels as in DNS.
    pub name: Option<&'a [u8]>,
    /// Option 112.
    pub mud_url: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Whether a client sent it, rather than a server.
    pub const fn is_from_client(&self) -> bool {
        matches!(self.kind, 1 | 3..=6 | 8 | 9 | 11)
    }

    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Dhcp, datagram);
        let mut relayed = false;
        for _ in 0..RELAYS_MAX {
            let kind = reader.u8("msg-type")?;
            if !matches!(kind, 12 | 13) {
                if !matches!(kind, 1..=11) {
                    return Err(reader.unsupported("msg-type"));
                }
                reader.skip("transaction-id", 3)?;
                let mut message = Self { kind, relayed, ..Self::default() };
                message.options(reader)?;
                return Ok(message);
            }
            relayed = true;
            reader.skip("hop-count, link-address, peer-address", 33)?;
            reader = relayed_message(reader)?;
        }
        Err(reader.malformed("relays"))
    }

    fn options(&mut self, mut reader: Reader<'a>) -> Result<(), Error> {
        for _ in 0..OPTIONS_MAX {
            if reader.is_empty() {
                break;
            }
            let (code, mut value) = option(&mut reader)?;
            match code {
                1 => self.client = Some(Identifier(value.take_rest())),
                3 => {
                    value.skip("IAID, T1, T2", 12)?;
                    self.addresses(value)?;
                }
                4 => {
                    value.skip("IAID", 4)?;
                    self.addresses(value)?;
                }
                6 => self.requested = value.take_rest(),
                16 => {
                    let enterprise = value.u32_be("enterprise-number")?;
                    let length = usize::from(value.u16_be("vendor-class-len")?);
                    self.vendor_class = Some((enterprise, value.take("vendor-class-data", length)?));
                }
                39 => {
                    value.skip("flags", 1)?;
                    self.name = Some(value.take_rest()).filter(|name| !name.is_empty());
                }
                112 => self.mud_url = Some(value.take_rest()),
                _ => {}
            }
        }
        Ok(())
    }

    fn addresses(&mut self, mut reader: Reader<'a>) -> Result<(), Error> {
        while !reader.is_empty() {
            let (code, mut value) = option(&mut reader)?;
            if code == 5 {
                let address = Ipv6Addr::from(value.array::<16>("IPv6-address")?);
                if let Some(place) = self.addresses.iter_mut().find(|place| place.is_none()) {
                    *place = Some(address);
                }
            }
        }
        Ok(())
    }
}

fn option<'a>(reader: &mut Reader<'a>) -> Result<(u16, Reader<'a>), Error> {
    let code = reader.u16_be("option-code")?;
    let length = usize::from(reader.u16_be("option-len")?);
    Ok((code, reader.sub("option", length)?))
}

fn relayed_message(mut reader: Reader<'_>) -> Result<Reader<'_>, Error> {
    for _ in 0..OPTIONS_MAX {
        let (code, value) = option(&mut reader)?;
        if code == 9 {
            return Ok(value);
        }
    }
    Err(reader.malformed("relay message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(bytes: &mut Vec<u8>, code: u16, value: &[u8]) {
        bytes.extend(code.to_be_bytes());
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(value);
    }

    fn request() -> Vec<u8> {
        let mut bytes = vec![3, 1, 2, 3];
        put(&mut bytes, 1, &[0, 3, 0, 1, 0, 9, 0xfb, 0, 0, 7]);
        let mut association = vec![0; 12];
        let address = "2001:db8::7".parse::<Ipv6Addr>().unwrap();
        put(&mut association, 5, &[&address.octets()[..], &[0; 8]].concat());
        put(&mut bytes, 3, &association);
        put(&mut bytes, 6, &[0, 23, 0, 24]);
        put(&mut bytes, 16, b"\0\0\x01\x37\0\x08MSFT 5.0");
        put(&mut bytes, 39, b"\0\x05pump7\x02or\0");
        bytes
    }

    #[test]
    fn reads_who_asks_also_behind_a_relay() {
        let bytes = request();
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_from_client() && !message.relayed);
        assert_eq!(message.client.unwrap().mac(), Some([0, 9, 0xfb, 0, 0, 7]));
        assert_eq!(message.addresses[0], Some("2001:db8::7".parse().unwrap()));
        assert_eq!(message.vendor_class, Some((311, &b"MSFT 5.0"[..])));
        assert_eq!(message.name, Some(&b"\x05pump7\x02or\0"[..]));
        let mut outer = vec![12; 34];
        put(&mut outer, 9, &bytes);
        assert_eq!(Message::parse(&outer).unwrap(), Message { relayed: true, ..message });
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..100, byte: u8) {
            let _ = Message::parse(&bytes);
            let mut bent = request();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent);
        }
    }
}
