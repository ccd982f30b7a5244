//! What an ICMP message means.

use std::net::{IpAddr, Ipv4Addr};

use super::View;
use crate::network::{ipv4, ipv6};
use crate::{Error, Layer};

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Echo request.
    Echo,
    /// Echo reply.
    EchoReply,
    /// Unreachable, with the code.
    Unreachable(u8),
    /// Time exceeded.
    TimeExceeded,
    /// Use this gateway.
    Redirect(Ipv4Addr),
    /// Another type.
    Other(u8),
}

/// The packet that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Source and destination port, where the quotation is long enough and the transport has them.
    pub ports: Option<(u16, u16)>,
}

impl Quoted {
    /// Reads the packet that an ICMP error quotes.
    pub fn parse_v4(bytes: &[u8]) -> Option<Self> {
        let packet = ipv4::Packet::parse(bytes, 0).ok()?;
        let first = packet.fragment.is_none_or(|fragment| fragment.offset == 0);
        Some(Self {
            source: packet.source.into(),
            destination: packet.destination.into(),
            protocol: packet.protocol,
            ports: ports(packet.protocol, packet.payload).filter(|_| first),
        })
    }

    /// Reads the packet that an ICMPv6 error quotes.
    pub fn parse_v6(bytes: &[u8]) -> Option<Self> {
        let packet = ipv6::Packet::parse(bytes, 0).ok()?;
        let first = packet.fragment.is_none_or(|fragment| fragment.offset == 0);
        Some(Self {
            source: packet.source.into(),
            destination: packet.destination.into(),
            protocol: packet.protocol,
            ports: ports(packet.protocol, packet.payload).filter(|_| first),
        })
    }
}

fn ports(protocol: u8, payload: &[u8]) -> Option<(u16, u16)> {
    let (&[a, b, c, d], _) = payload.split_first_chunk::<4>()?;
    matches!(protocol, 6 | 17 | 132).then_some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// An ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which message.
    pub kind: Kind,
    /// Type and code as numbers.
    pub type_and_code: (u8, u8),
    /// The packet that it is about.
    pub about: Option<Quoted>,
}

impl Message {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let view = View::new(Layer::Icmp, bytes)?;
        let kind = match view.kind {
            0 => Kind::EchoReply,
            3 => Kind::Unreachable(view.code),
            5 => Kind::Redirect(view.second.into()),
            8 => Kind::Echo,
            11 => Kind::TimeExceeded,
            other => Kind::Other(other),
        };
        // Source quench (4) and parameter problem (12) quote as well.
        let about = if matches!(view.kind, 3 | 4 | 5 | 11 | 12) { Quoted::parse_v4(view.body) } else { None };
        Ok(Self { kind, type_and_code: (view.kind, view.code), about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_says_what_it_is_about() {
        let mut bytes = vec![3, 3, 0, 0, 0, 0, 0, 0];
        bytes.extend([0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.extend([0xc0, 0, 0, 53, 0, 40, 0, 0]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.kind, Kind::Unreachable(3));
        let about = message.about.unwrap();
        assert_eq!(about.source, IpAddr::from([192, 0, 2, 1]));
        assert_eq!((about.protocol, about.ports), (17, Some((49152, 53))));
    }

    #[test]
    fn a_redirect_names_the_gateway() {
        let bytes = [5, 1, 0, 0, 192, 0, 2, 254];
        assert_eq!(Message::parse(&bytes).unwrap().kind, Kind::Redirect(Ipv4Addr::new(192, 0, 2, 254)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Message::parse(&bytes);
        }
    }
}
