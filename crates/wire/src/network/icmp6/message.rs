//! What an ICMPv6 message means.

use std::net::Ipv6Addr;

use crate::network::icmp::{Quoted, View};
use crate::{Error, Layer, Reader};

/// Which neighbour discovery message, RFC 4861 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// A host asks for routers.
    RouterSolicitation,
    /// A router tells of itself.
    RouterAdvertisement,
    /// Who has this address?
    NeighborSolicitation,
    /// This address is mine.
    NeighborAdvertisement,
    /// Use another first hop.
    Redirect,
}

/// A neighbour discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Which message.
    pub discovery: Discovery,
    /// The address in question; unspecified for router messages.
    pub target: Ipv6Addr,
    /// Source or target link-layer address option.
    pub link_address: Option<[u8; 6]>,
    /// The sender is a router.
    pub router: bool,
    /// The answer was asked for.
    pub solicited: bool,
    /// The answer replaces what neighbours remember.
    pub overriding: bool,
}

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Destination unreachable, with the code.
    Unreachable(u8),
    /// Packet too big.
    TooBig,
    /// Hop limit or reassembly time exceeded.
    TimeExceeded,
    /// Echo request.
    Echo,
    /// Echo reply.
    EchoReply,
    /// Neighbour discovery.
    Neighbor(Neighbor),
    /// Another type.
    Other(u8),
}

/// An ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which message.
    pub kind: Kind,
    /// Type and code as numbers.
    pub type_and_code: (u8, u8),
    /// The packet that an error is about.
    pub about: Option<Quoted>,
}

impl Message {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let view = View::new(Layer::Icmp6, bytes)?;
        let mut body = Reader::new(Layer::Icmp6, bytes);
        body.skip("header", 8)?;
        let kind = match view.kind {
            1 => Kind::Unreachable(view.code),
            2 => Kind::TooBig,
            3 => Kind::TimeExceeded,
            128 => Kind::Echo,
            129 => Kind::EchoReply,
            133..=137 => Kind::Neighbor(neighbor(view.kind, view.second, body)?),
            other => Kind::Other(other),
        };
        let about = if matches!(view.kind, 1..=4) { Quoted::parse_v6(view.body) } else { None };
        Ok(Self { kind, type_and_code: (view.kind, view.code), about })
    }
}

fn neighbor(kind: u8, [flags, ..]: [u8; 4], mut body: Reader<'_>) -> Result<Neighbor, Error> {
    let mut target = Ipv6Addr::UNSPECIFIED;
    let discovery = match kind {
        133 => Discovery::RouterSolicitation,
        134 => {
            body.skip("reachable time and retransmission timer", 8)?;
            Discovery::RouterAdvertisement
        }
        135 => {
            target = body.array::<16>("target address")?.into();
            Discovery::NeighborSolicitation
        }
        136 => {
            target = body.array::<16>("target address")?.into();
            Discovery::NeighborAdvertisement
        }
        _ => {
            target = body.array::<16>("target address")?.into();
            body.skip("destination address", 16)?;
            Discovery::Redirect
        }
    };
    let advertises = discovery == Discovery::NeighborAdvertisement;
    let link_address = link_address(body)?;
    Ok(Neighbor {
        discovery,
        target,
        link_address,
        router: discovery == Discovery::RouterAdvertisement || advertises && flags & 0x80 != 0,
        solicited: advertises && flags & 0x40 != 0,
        overriding: advertises && flags & 0x20 != 0,
    })
}

/// The first source (1) or target (2) link-layer address option, RFC 4861 section 4.6.1.
fn link_address(mut options: Reader<'_>) -> Result<Option<[u8; 6]>, Error> {
    while options.remaining() >= 8 {
        let kind = options.u8("option type")?;
        let length = usize::from(options.u8("option length")?) * 8;
        if length == 0 {
            return Err(options.malformed("option length"));
        }
        let mut value = options.sub("option", length - 2)?;
        if matches!(kind, 1 | 2) && length == 8 {
            return value.array("link-layer address").map(Some);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_neighbour_advertisement() {
        let mut bytes = vec![136, 0, 0, 0, 0x60, 0, 0, 0];
        bytes.extend(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9).octets());
        bytes.extend([2, 1, 2, 0, 0, 0, 0, 9]);
        let Kind::Neighbor(neighbor) = Message::parse(&bytes).unwrap().kind else {
            panic!("not a neighbour")
        };
        assert_eq!(neighbor.discovery, Discovery::NeighborAdvertisement);
        assert_eq!(neighbor.link_address, Some([2, 0, 0, 0, 0, 9]));
        assert!(neighbor.solicited && neighbor.overriding && !neighbor.router);
    }

    #[test]
    fn an_option_without_length_is_malformed() {
        let mut bytes = vec![133, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend([0; 8]);
        assert_eq!(Message::parse(&bytes).unwrap_err().field, "option length");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, kind in 130u8..140) {
            let _ = Message::parse(&bytes);
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() { *first = kind; }
            let _ = Message::parse(&bytes);
        }
    }
}
