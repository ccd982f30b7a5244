//! A filter as written: the tree that the parser builds and the resolver reads.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Something at a place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) column: usize,
    pub(super) value: T,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Terms joined from the left, without precedence. A list, not a tree, so that a filter of a thousand
    /// terms needs no deep stack.
    Joined(Box<Self>, Vec<(Joint, Self)>),
    Not(Box<Self>),
    Primitive(Located<Primitive>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Protocol(Protocol),
    Qualified(Qualifiers, Identifier),
    Broadcast(Option<Protocol>),
    Multicast(Option<Protocol>),
    Less(u32),
    Greater(u32),
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u32>),
    Inbound,
    Outbound,
    Relation(Arithmetic, Comparison, Arithmetic),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Qualifiers {
    pub(super) protocol: Option<Protocol>,
    pub(super) direction: Direction,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Source,
    Destination,
    /// Also when nothing is said.
    Either,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing said: a host, whatever the direction.
    Default,
    Host,
    Net,
    Port,
    PortRange,
    Protocol,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    Name(String),
    Number(u32),
    /// One to four dotted numbers: the value so far and how many bits it covers.
    Ipv4 {
        value: u32,
        bits: u32,
    },
    Ipv4Network {
        address: Ipv4Addr,
        mask: u32,
    },
    Ipv6(Ipv6Addr),
    Ipv6Network {
        address: Ipv6Addr,
        length: u32,
    },
    Ethernet([u8; 6]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Link,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmp6,
    Igmp,
    Igrp,
    Pim,
    Vrrp,
    Carp,
    Ah,
    Esp,
    Atalk,
    Aarp,
    Decnet,
    Lat,
    Sca,
    Moprc,
    Mopdl,
    Iso,
    Stp,
    Ipx,
    Netbeui,
}

impl Protocol {
    pub(super) const ALL: [(&'static str, Self); 29] = [
        ("ether", Self::Link),
        ("link", Self::Link),
        ("ip", Self::Ip),
        ("ip6", Self::Ip6),
        ("arp", Self::Arp),
        ("rarp", Self::Rarp),
        ("tcp", Self::Tcp),
        ("udp", Self::Udp),
        ("sctp", Self::Sctp),
        ("icmp", Self::Icmp),
        ("icmp6", Self::Icmp6),
        ("igmp", Self::Igmp),
        ("igrp", Self::Igrp),
        ("pim", Self::Pim),
        ("vrrp", Self::Vrrp),
        ("carp", Self::Carp),
        ("ah", Self::Ah),
        ("esp", Self::Esp),
        ("atalk", Self::Atalk),
        ("aarp", Self::Aarp),
        ("decnet", Self::Decnet),
        ("lat", Self::Lat),
        ("sca", Self::Sca),
        ("moprc", Self::Moprc),
        ("mopdl", Self::Mopdl),
        ("iso", Self::Iso),
        ("stp", Self::Stp),
        ("ipx", Self::Ipx),
        ("netbeui", Self::Netbeui),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Number(u32),
    /// Length of the frame on the wire.
    Length,
    Access {
        protocol: Protocol,
        index: Box<Self>,
        size: u32,
        column: usize,
    },
    Negate(Box<Self>),
    Binary {
        operator: Operator,
        left: Box<Self>,
        right: Box<Self>,
        column: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}
