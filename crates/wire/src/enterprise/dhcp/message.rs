//! What a DHCP message means.

use std::net::Ipv4Addr;

use super::{Options, View};
use crate::{Error, Fault, Layer, Verdict};

/// A DHCPv4 message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Sent by a server or relay towards the client.
    pub reply: bool,
    /// Option 53, RFC 2132 section 9.6.
    pub message_type: Option<u8>,
    /// `chaddr`, where it is an Ethernet address.
    pub client_mac: Option<[u8; 6]>,
    /// `ciaddr`.
    pub client_ip: Option<Ipv4Addr>,
    /// `yiaddr`.
    pub your_ip: Option<Ipv4Addr>,
    /// `giaddr`.
    pub relay: Option<Ipv4Addr>,
    /// Option 50.
    pub requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    pub server: Option<Ipv4Addr>,
    /// Option 12.
    pub host_name: Option<&'a [u8]>,
    /// Option 81.
    pub domain_name: Option<ClientName<'a>>,
    /// Option 60.
    pub vendor_class: Option<&'a [u8]>,
    /// Option 77: the first class where the value is built as RFC 3004 says, else all of it.
    pub user_class: Option<&'a [u8]>,
    /// The DUID in option 61, where it has the form of RFC 4361: type 255, IAID, DUID.
    pub client_identifier: Option<&'a [u8]>,
    /// Option 55 in wire order.
    pub parameters: &'a [u8],
    /// Option 51, seconds.
    pub lease_s: Option<u32>,
    /// Option 3.
    pub routers: Addresses<'a>,
    /// Option 6.
    pub name_servers: Addresses<'a>,
    /// Option 161.
    pub mud_url: Option<&'a [u8]>,
    options: Options<'a>,
}

/// The name of option 81, which has two encodings (RFC 4702 section 2.3).
#[derive(Clone, Copy, Debug)]
pub enum ClientName<'a> {
    /// ASCII, deprecated but usual.
    Text(&'a [u8]),
    /// DNS labels, possibly without the final root label: [`Name::lax`] reads them.
    Labels(&'a [u8]),
}

/// A list of IPv4 addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses<'a>(&'a [u8]);

impl<'a> Addresses<'a> {
    /// The addresses; a remainder of less than four bytes is left out.
    pub fn iter(self) -> impl Iterator<Item = Ipv4Addr> + 'a {
        self.0.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets))
    }
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let view = View::new(datagram)?;
        let malformed = |field, offset| Error { layer: Layer::Dhcp, field, offset, fault: Fault::Malformed };
        if !matches!(view.operation, 1 | 2) {
            return Err(malformed("op", 0));
        }
        if view.hardware_length > 16 {
            return Err(malformed("hlen", 2));
        }
        if view.cookie != View::COOKIE {
            return Err(malformed("magic cookie", 236));
        }
        let given = |address: Ipv4Addr| Some(address).filter(|address| !address.is_unspecified());
        let mut message = Self {
            reply: view.operation == 2,
            message_type: None,
            client_mac: view.hardware_address.first_chunk().copied().filter(|_| view.hardware_length == 6),
            client_ip: given(view.client_ip),
            your_ip: given(view.your_ip),
            relay: given(view.relay),
            requested_ip: None,
            server: None,
            host_name: None,
            domain_name: None,
            vendor_class: None,
            user_class: None,
            client_identifier: None,
            parameters: &[],
            lease_s: None,
            routers: Addresses::default(),
            name_servers: Addresses::default(),
            mud_url: None,
            options: view.options(),
        };
        // An option that comes twice should be joined, but none that we read is so long: the first counts.
        for option in view.options() {
            message.take(option.code, option.value);
        }
        Ok(message)
    }

    /// Codes of all options in wire order, without pad and end.
    pub fn option_codes(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.options.clone().map(|option| option.code)
    }

    fn take(&mut self, code: u8, value: &'a [u8]) {
        let number = || value.try_into().ok().map(u32::from_be_bytes);
        let text = Some(value).filter(|value| !value.is_empty());
        match code {
            3 if self.routers.0.is_empty() => self.routers = Addresses(value),
            6 if self.name_servers.0.is_empty() => self.name_servers = Addresses(value),
            12 if self.host_name.is_none() => self.host_name = text,
            50 if self.requested_ip.is_none() => self.requested_ip = number().map(Ipv4Addr::from),
            51 if self.lease_s.is_none() => self.lease_s = number(),
            53 if self.message_type.is_none() => self.message_type = value.first().copied(),
            54 if self.server.is_none() => self.server = number().map(Ipv4Addr::from),
            55 if self.parameters.is_empty() => self.parameters = value,
            60 if self.vendor_class.is_none() => self.vendor_class = text,
            61 if self.client_identifier.is_none() => {
                let duid = value.strip_prefix(&[255]).and_then(|rest| rest.get(4..));
                self.client_identifier = duid.filter(|duid| duid.len() > 4);
            }
            77 if self.user_class.is_none() => self.user_class = text.map(first_class),
            81 if self.domain_name.is_none() => self.domain_name = client_name(value),
            161 if self.mud_url.is_none() => self.mud_url = text,
            _ => {}
        }
    }
}

/// The first class of a list of length-prefixed classes, or all where the lengths do not fit.
fn first_class(value: &[u8]) -> &[u8] {
    let mut rest = value;
    while let Some((&length, after)) = rest.split_first() {
        match after.split_at_checked(usize::from(length)) {
            Some((class, next)) if !class.is_empty() => rest = next,
            _ => return value,
        }
    }
    let length = usize::from(value.first().copied().unwrap_or(0));
    value.get(1..1 + length).unwrap_or(value)
}

fn client_name(value: &[u8]) -> Option<ClientName<'_>> {
    let (&[flags, _, _], name) = value.split_first_chunk()?;
    if name.is_empty() {
        return None;
    }
    // Flag E: the name is encoded as in DNS.
    if flags & 0x04 != 0 { Some(ClientName::Labels(name)) } else { Some(ClientName::Text(name)) }
}

/// Whether a datagram is a DHCP message.
pub fn probe(datagram: &[u8]) -> Verdict {
    match Message::parse(datagram) {
        Ok(_) => Verdict::Certain,
        Err(_) => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enterprise::dns::Name;
    use proptest::prelude::*;

    fn packet(options: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 240];
        packet[..4].copy_from_slice(&[1, 1, 6, 0]);
        packet[28..34].copy_from_slice(&[0, 9, 0xfb, 1, 2, 3]);
        packet[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        packet.extend_from_slice(options);
        packet
    }

    #[test]
    fn reads_a_discover_and_keeps_the_order_of_its_options() {
        let bytes = packet(&[
            53, 1, 1, 0, 60, 5, b'p', b'u', b'm', b'p', b'1', 55, 3, 1, 15, 3, 12, 2, b'a', b'b', 255, 9, 9,
        ]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(probe(&bytes), Verdict::Certain);
        assert_eq!(message.message_type, Some(1));
        assert_eq!(message.client_mac, Some([0, 9, 0xfb, 1, 2, 3]));
        assert_eq!(message.vendor_class, Some(&b"pump1"[..]));
        assert_eq!(message.host_name, Some(&b"ab"[..]));
        assert_eq!(message.parameters, [1, 15, 3]);
        assert_eq!(message.option_codes().collect::<Vec<_>>(), [53, 60, 55, 12]);
    }

    #[test]
    fn follows_an_overload_into_file_and_sname() {
        let mut bytes = packet(&[53, 1, 5, 52, 1, 3, 255]);
        bytes[0] = 2;
        bytes[108..113].copy_from_slice(&[6, 4, 10, 0, 0]);
        bytes[113..115].copy_from_slice(&[53, 255]);
        bytes[44..49].copy_from_slice(&[51, 4, 0, 0, 1]);
        let message = Message::parse(&bytes).unwrap();
        assert!(message.reply);
        assert_eq!(message.option_codes().collect::<Vec<_>>(), [53, 52, 6, 51]);
        assert_eq!(message.name_servers.iter().next(), Some(Ipv4Addr::new(10, 0, 0, 53)));
        assert_eq!(message.lease_s, Some(256));
    }

    #[test]
    fn reads_both_encodings_of_a_client_name() {
        let bytes = packet(&[81, 6, 0, 0, 0, b'a', b'.', b'b', 255]);
        let text = Message::parse(&bytes).unwrap().domain_name;
        assert!(matches!(text, Some(ClientName::Text(b"a.b"))));
        let bytes = packet(&[81, 7, 4, 0, 0, 1, b'a', 1, b'b', 255]);
        let Some(ClientName::Labels(labels)) = Message::parse(&bytes).unwrap().domain_name else { panic!() };
        assert_eq!(Name::lax(labels).unwrap().as_bytes(), b"a.b");
    }

    #[test]
    fn reads_a_user_class_with_and_without_lengths() {
        assert_eq!(first_class(b"\x03abc\x01d"), b"abc");
        assert_eq!(first_class(b"MSFT"), b"MSFT");
    }

    #[test]
    fn refuses_bootp_without_the_cookie() {
        let mut bytes = packet(&[]);
        bytes[239] = 0;
        let error = Message::parse(&bytes).unwrap_err();
        assert_eq!((error.field, error.offset), ("magic cookie", 236));
    }

    proptest! {
        #[test]
        fn any_options_are_walked_to_an_end(options: Vec<u8>, overload in 0u8..4) {
            let mut bytes = packet(&[52, 1, overload]);
            bytes.extend_from_slice(&options);
            let message = Message::parse(&bytes).unwrap();
            prop_assert!(message.option_codes().count() <= bytes.len());
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = probe(&bytes);
        }
    }
}
