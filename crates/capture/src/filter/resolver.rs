//! From a filter's tree to conditions on bytes, in the order of the text: `vlan`, `mpls` and `pppoes` change
//! where everything after them is looked for.
//!
//! The order of tests within each term is libpcap's, because a load beyond the end of a short frame refuses
//! the frame whatever the rest of the filter says.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::calculation;
use super::condition::{Condition, Test, Value, Width};
use super::error::{FilterError, FilterFault};
use super::layers::{
    ANCILLARY_PACKET_TYPE, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_PPPOE_DISCOVERY,
    ETHERTYPE_RARP, Layers, Link,
};
use super::names::{self, Transport};
use super::syntax::{
    Direction, Expression, Identifier, Joint, Kind, Located, Primitive, Protocol, Qualifiers,
};

pub(super) const IP_PROTOCOL_ICMP6: u32 = 58;
const IP_PROTOCOL_TCP: u32 = 6;
const IP_PROTOCOL_UDP: u32 = 17;
const IP_PROTOCOL_SCTP: u32 = 132;
const IP_PROTOCOL_FRAGMENT: u32 = 44;
/// `PACKET_OUTGOING` of `<linux/if_packet.h>`.
const OUTGOING: u32 = 4;

type Result<T> = std::result::Result<T, FilterFault>;

/// Where frames are when the filter sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vantage {
    /// In a file, or live with every tag in the frame.
    Captured,
    /// In the kernel, with this frame's outer VLAN tag beside it or not.
    Kernel { tag_beside_frame: bool },
}

pub(super) struct Resolver {
    pub(super) layers: Layers,
    vantage: Vantage,
}

impl Resolver {
    pub(super) fn new(link_type: u16, vantage: Vantage) -> Result<Self> {
        let beside = vantage == Vantage::Kernel { tag_beside_frame: true };
        Ok(Self { layers: Layers::new(link_type, beside)?, vantage })
    }

    pub(super) fn expression(
        &mut self,
        expression: &Expression,
    ) -> std::result::Result<Condition, FilterError> {
        Ok(match expression {
            Expression::Joined(first, rest) => {
                let mut condition = self.expression(first)?;
                for (joint, expression) in rest {
                    let next = self.expression(expression)?;
                    condition = match joint {
                        Joint::And => condition.and(next),
                        Joint::Or => condition.or(next),
                    };
                }
                condition
            }
            Expression::Not(inner) => self.expression(inner)?.negated(),
            Expression::Primitive(Located {
                value: Primitive::Relation(left, comparison, right), ..
            }) => calculation::relation(self, left, *comparison, right)?,
            Expression::Primitive(primitive) => self
                .primitive(&primitive.value)
                .map_err(|fault| FilterError { column: primitive.column, fault })?,
        })
    }

    fn primitive(&mut self, primitive: &Primitive) -> Result<Condition> {
        match primitive {
            Primitive::Protocol(protocol) => self.protocol(*protocol),
            Primitive::Qualified(qualifiers, identifier) => self.qualified(*qualifiers, identifier),
            Primitive::Broadcast(protocol) => self.broadcast(*protocol),
            Primitive::Multicast(protocol) => self.multicast(*protocol),
            Primitive::Less(length) => {
                Ok(Condition::compare(Value::WireLength, u32::MAX, Test::Greater, *length).negated())
            }
            Primitive::Greater(length) => {
                Ok(Condition::compare(Value::WireLength, u32::MAX, Test::GreaterOrEqual, *length))
            }
            Primitive::Vlan(number) => self.layers.enter_vlan(*number),
            Primitive::Mpls(label) => self.layers.enter_mpls(*label),
            Primitive::PppoeDiscovery => self.layers.carries(ETHERTYPE_PPPOE_DISCOVERY),
            Primitive::PppoeSession(session) => self.layers.enter_pppoe_session(*session),
            Primitive::Inbound => Ok(self.outbound("inbound")?.negated()),
            Primitive::Outbound => self.outbound("outbound"),
            // Handled above, because its faults have columns of their own.
            Primitive::Relation(..) => Ok(Condition::Constant(false)),
        }
    }

    /// A protocol alone.
    pub(super) fn protocol(&self, protocol: Protocol) -> Result<Condition> {
        let number = match protocol {
            Protocol::Link => {
                return Err(FilterFault::Unqualified("\"ether\" names no frames by itself; it".to_owned()));
            }
            Protocol::Ip | Protocol::Ip6 | Protocol::Arp | Protocol::Rarp => protocol.name(),
            Protocol::Tcp => return self.above_ip(IP_PROTOCOL_TCP, None),
            Protocol::Udp => return self.above_ip(IP_PROTOCOL_UDP, None),
            Protocol::Sctp => return self.above_ip(IP_PROTOCOL_SCTP, None),
            Protocol::Pim => return self.above_ip(103, None),
            Protocol::Ah => return self.above_ip(51, None),
            Protocol::Esp => return self.above_ip(50, None),
            Protocol::Icmp => return self.above_ip(1, Some(Protocol::Ip)),
            Protocol::Igmp => return self.above_ip(2, Some(Protocol::Ip)),
            Protocol::Igrp => return self.above_ip(9, Some(Protocol::Ip)),
            Protocol::Vrrp | Protocol::Carp => return self.above_ip(112, Some(Protocol::Ip)),
            Protocol::Icmp6 => return self.above_ip(IP_PROTOCOL_ICMP6, Some(Protocol::Ip6)),
            Protocol::Atalk
            | Protocol::Aarp
            | Protocol::Decnet
            | Protocol::Lat
            | Protocol::Sca
            | Protocol::Moprc
            | Protocol::Mopdl
            | Protocol::Iso
            | Protocol::Stp
            | Protocol::Ipx
            | Protocol::Netbeui => protocol.name(),
        };
        let number = names::ether_protocol(number).ok_or(FilterFault::Index(protocol.name()))?;
        self.layers.carries(number)
    }

    /// The next protocol above IPv4, above IPv6 (one fragment header is passed over), or above either.
    fn above_ip(&self, number: u32, version: Option<Protocol>) -> Result<Condition> {
        let network = self.layers.network;
        let ipv4 = || {
            let next = Condition::equal(network + 9, Width::Byte, number);
            Ok(self.layers.carries(ETHERTYPE_IPV4)?.and(next))
        };
        let ipv6 = || {
            let next = Condition::equal(network + 6, Width::Byte, number);
            let fragment = Condition::equal(network + 6, Width::Byte, IP_PROTOCOL_FRAGMENT);
            let behind_fragment = fragment.and(Condition::equal(network + 40, Width::Byte, number));
            Ok(self.layers.carries(ETHERTYPE_IPV6)?.and(next.or(behind_fragment)))
        };
        match version {
            Some(Protocol::Ip) => ipv4(),
            Some(_) => ipv6(),
            None => Ok(ipv4()?.or(ipv6()?)),
        }
    }

    fn qualified(&self, qualifiers: Qualifiers, identifier: &Identifier) -> Result<Condition> {
        match identifier {
            Identifier::Name(name) => self.named(qualifiers, name),
            Identifier::Number(number) => self.numbered(qualifiers, *number),
            Identifier::Ipv4 { value, bits } => match qualifiers.kind {
                Kind::Default | Kind::Host | Kind::Net => {
                    let shift = 32 - bits;
                    let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                    self.ipv4_host(qualifiers, value.checked_shl(shift).unwrap_or(0), mask)
                }
                kind => Err(FilterFault::Qualifier { qualifier: kind_name(kind), what: "an IPv4 address" }),
            },
            Identifier::Ipv4Network { address, mask } => match qualifiers.kind {
                Kind::Net => self.ipv4_host(qualifiers, address.to_bits(), *mask),
                kind => Err(FilterFault::MaskWithoutNetwork(kind_name(kind))),
            },
            Identifier::Ipv6(address) => self.ipv6_host(qualifiers, *address, 128),
            Identifier::Ipv6Network { address, length } => match qualifiers.kind {
                Kind::Net => self.ipv6_host(qualifiers, *address, *length),
                kind if *length < 128 => Err(FilterFault::MaskWithoutNetwork(kind_name(kind))),
                _ => self.ipv6_host(qualifiers, *address, 128),
            },
            Identifier::Ethernet(address) => match (qualifiers.protocol, qualifiers.kind) {
                (Some(Protocol::Link), Kind::Host | Kind::Default) => {
                    self.ethernet_host(*address, qualifiers.direction)
                }
                _ => Err(FilterFault::Qualifier {
                    qualifier: kind_name(qualifiers.kind),
                    what: "a MAC address without ether before it",
                }),
            },
        }
    }

    fn named(&self, qualifiers: Qualifiers, name: &str) -> Result<Condition> {
        match qualifiers.kind {
            Kind::Default | Kind::Host => Err(FilterFault::HostName(name.to_owned())),
            Kind::Net => Err(FilterFault::NetworkName(name.to_owned())),
            Kind::Port => {
                let (port, transport) = known_port(name)?;
                let transports = transports(qualifiers.protocol, transport)?;
                self.port(qualifiers.direction, &transports, port.into(), port.into())
            }
            Kind::PortRange => {
                let (low, high) = name.split_once('-').unwrap_or((name, name));
                let (low, high) = (known_port(low)?.0, known_port(high)?.0);
                let transports = transports(qualifiers.protocol, Transport::Any)?;
                self.port(qualifiers.direction, &transports, low.into(), high.into())
            }
            Kind::Protocol => {
                let number = match qualifiers.protocol {
                    Some(Protocol::Link) => names::ether_protocol(name),
                    _ => names::ip_protocol(name),
                };
                let number = number.ok_or_else(|| FilterFault::ProtocolName(name.to_owned()))?;
                self.protocol_number(qualifiers.protocol, number)
            }
        }
    }

    fn numbered(&self, qualifiers: Qualifiers, number: u32) -> Result<Condition> {
        match qualifiers.kind {
            Kind::Port | Kind::PortRange => {
                let port = port_number(number)?;
                let transports = transports(qualifiers.protocol, Transport::Any)?;
                self.port(qualifiers.direction, &transports, port, port)
            }
            Kind::Protocol => self.protocol_number(qualifiers.protocol, number),
            Kind::Net => {
                // A short network number stands for its leading octets.
                let shift = if number == 0 { 0 } else { number.leading_zeros() / 8 * 8 };
                self.ipv4_host(qualifiers, number << shift, u32::MAX << shift)
            }
            Kind::Default | Kind::Host => self.ipv4_host(qualifiers, number, u32::MAX),
        }
    }

    fn protocol_number(&self, above: Option<Protocol>, number: u32) -> Result<Condition> {
        let (quantity, limit) =
            if above == Some(Protocol::Link) { ("EtherType", 0xffff) } else { ("IP protocol number", 0xff) };
        if number > limit {
            return Err(FilterFault::TooLarge { value: number.to_string(), quantity, limit });
        }
        match above {
            None => self.above_ip(number, None),
            Some(Protocol::Link) => self.layers.carries(number),
            Some(version @ (Protocol::Ip | Protocol::Ip6)) => self.above_ip(number, Some(version)),
            Some(other) => Err(FilterFault::Qualifier { qualifier: other.name(), what: "proto" }),
        }
    }

    fn ipv4_host(&self, qualifiers: Qualifiers, address: u32, mask: u32) -> Result<Condition> {
        let direction = qualifiers.direction;
        let ip = || self.network_address(ETHERTYPE_IPV4, direction, [12, 16], address, mask);
        let arp = || self.network_address(ETHERTYPE_ARP, direction, [14, 24], address, mask);
        let rarp = || self.network_address(ETHERTYPE_RARP, direction, [14, 24], address, mask);
        match qualifiers.protocol {
            None if self.layers.mpls_labels > 0 => ip(),
            None => Ok(ip()?.or(arp()?).or(rarp()?)),
            Some(Protocol::Ip) => ip(),
            Some(Protocol::Arp) => arp(),
            Some(Protocol::Rarp) => rarp(),
            Some(other) => Err(FilterFault::Qualifier { qualifier: other.name(), what: "an IPv4 address" }),
        }
    }

    fn network_address(
        &self,
        protocol: u32,
        direction: Direction,
        [source, destination]: [u32; 2],
        address: u32,
        mask: u32,
    ) -> Result<Condition> {
        let one = |offset| {
            let network = self.layers.network;
            let same = Condition::masked(network + offset, Width::Word, address & mask, mask);
            Ok(self.layers.carries(protocol)?.and(same))
        };
        in_direction(direction, || one(source), || one(destination))
    }

    fn ipv6_host(&self, qualifiers: Qualifiers, address: Ipv6Addr, length: u32) -> Result<Condition> {
        match (qualifiers.kind, qualifiers.protocol) {
            (Kind::Port | Kind::PortRange | Kind::Protocol, _) => {
                let qualifier = kind_name(qualifiers.kind);
                return Err(FilterFault::Qualifier { qualifier, what: "an IPv6 address" });
            }
            (_, None | Some(Protocol::Ip6)) => {}
            (_, Some(other)) => {
                return Err(FilterFault::Qualifier { qualifier: other.name(), what: "an IPv6 address" });
            }
        }
        let one = |offset: u32| {
            let address = words(address.to_bits());
            let mask = words(u128::MAX.checked_shl(128 - length).unwrap_or(0));
            let mut condition = self.layers.carries(ETHERTYPE_IPV6)?;
            for ((address, mask), at) in address.into_iter().zip(mask).zip([0, 4, 8, 12]) {
                let place = self.layers.network + offset + at;
                condition = condition.and(Condition::masked(place, Width::Word, address & mask, mask));
            }
            Ok(condition)
        };
        in_direction(qualifiers.direction, || one(8), || one(24))
    }

    fn ethernet_host(&self, address: [u8; 6], direction: Direction) -> Result<Condition> {
        if self.layers.link != Link::Ethernet {
            return Err(self.not_on_this_link("ether"));
        }
        let [a, b, c, d, e, f] = address;
        let one = |offset: u32| {
            let place = self.layers.link_header + offset;
            let tail = Condition::equal(place + 2, Width::Word, u32::from_be_bytes([c, d, e, f]));
            Ok(tail.and(Condition::equal(place, Width::Half, u16::from_be_bytes([a, b]).into())))
        };
        in_direction(direction, || one(6), || one(0))
    }

    /// A port from `low` to `high` of any of the transports, over IPv6 (without extension headers) or over
    /// IPv4 in a first fragment.
    fn port(&self, direction: Direction, transports: &[u32], low: u32, high: u32) -> Result<Condition> {
        let (low, high) = (low.min(high), low.max(high));
        let network = self.layers.network;
        let within = |value: Value| {
            if low == high {
                return Condition::compare(value, u32::MAX, Test::Equal, low);
            }
            Condition::compare(value.clone(), u32::MAX, Test::GreaterOrEqual, low)
                .and(Condition::compare(value, u32::MAX, Test::Greater, high).negated())
        };
        let any_transport = |offset: u32, tail: &dyn Fn() -> Result<Condition>| {
            transports.iter().try_fold(Condition::Constant(false), |any, transport| {
                let this = Condition::equal(network + offset, Width::Byte, *transport).and(tail()?);
                Ok::<_, FilterFault>(any.or(this))
            })
        };
        let ipv6 = any_transport(6, &|| {
            let at = |offset| Ok(within(Value::At { offset: network + 40 + offset, width: Width::Half }));
            in_direction(direction, || at(0), || at(2))
        })?;
        let ipv4 = any_transport(9, &|| {
            let at = |offset| {
                let index = Box::new(Value::Constant(offset));
                Ok(within(Value::BehindIpv4 { base: network, index, width: Width::Half }))
            };
            Ok(self.first_fragment().and(in_direction(direction, || at(0), || at(2))?))
        })?;
        let ipv6 = self.layers.carries(ETHERTYPE_IPV6)?.and(ipv6);
        Ok(ipv6.or(self.layers.carries(ETHERTYPE_IPV4)?.and(ipv4)))
    }

    /// The IPv4 packet is whole or a first fragment.
    pub(super) fn first_fragment(&self) -> Condition {
        let field = Value::At { offset: self.layers.network + 6, width: Width::Half };
        Condition::compare(field, u32::MAX, Test::AnyBit, 0x1fff).negated()
    }

    fn broadcast(&self, protocol: Option<Protocol>) -> Result<Condition> {
        match protocol {
            None | Some(Protocol::Link) if self.layers.link == Link::Ethernet => {
                self.ethernet_host([0xff; 6], Direction::Destination)
            }
            None | Some(Protocol::Link) => Err(self.not_on_this_link("broadcast")),
            Some(Protocol::Ip) => {
                // What tcpdump tests when it knows no network mask, as on a mirror port without an address.
                let one = |address| Condition::equal(self.layers.network + 16, Width::Word, address);
                Ok(self.layers.carries(ETHERTYPE_IPV4)?.and(one(0).or(one(u32::MAX))))
            }
            Some(other) => Err(FilterFault::Qualifier { qualifier: other.name(), what: "broadcast" }),
        }
    }

    fn multicast(&self, protocol: Option<Protocol>) -> Result<Condition> {
        let network = self.layers.network;
        match protocol {
            None | Some(Protocol::Link) if self.layers.link == Link::Ethernet => {
                let first = Value::At { offset: self.layers.link_header, width: Width::Byte };
                Ok(Condition::compare(first, u32::MAX, Test::AnyBit, 1))
            }
            None | Some(Protocol::Link) => Err(self.not_on_this_link("multicast")),
            Some(Protocol::Ip) => {
                let first = Value::At { offset: network + 16, width: Width::Byte };
                let multicast = u32::from(Ipv4Addr::new(224, 0, 0, 0).octets()[0]);
                let is_multicast = Condition::compare(first, u32::MAX, Test::GreaterOrEqual, multicast);
                Ok(self.layers.carries(ETHERTYPE_IPV4)?.and(is_multicast))
            }
            Some(Protocol::Ip6) => {
                let is_multicast = Condition::equal(network + 24, Width::Byte, 0xff);
                Ok(self.layers.carries(ETHERTYPE_IPV6)?.and(is_multicast))
            }
            Some(other) => Err(FilterFault::Qualifier { qualifier: other.name(), what: "multicast" }),
        }
    }

    fn outbound(&self, what: &'static str) -> Result<Condition> {
        match (self.vantage, self.layers.link) {
            (Vantage::Kernel { .. }, _) => Ok(Condition::equal(ANCILLARY_PACKET_TYPE, Width::Half, OUTGOING)),
            (_, Link::LinuxCooked1) => Ok(Condition::equal(0, Width::Half, OUTGOING)),
            (_, Link::LinuxCooked2) => Ok(Condition::equal(10, Width::Byte, OUTGOING)),
            _ => Err(self.not_on_this_link(what)),
        }
    }

    fn not_on_this_link(&self, what: &'static str) -> FilterFault {
        FilterFault::LinkLayer { what, link: self.layers.link.name() }
    }
}

fn in_direction(
    direction: Direction,
    source: impl FnOnce() -> Result<Condition>,
    destination: impl FnOnce() -> Result<Condition>,
) -> Result<Condition> {
    Ok(match direction {
        Direction::Source => source()?,
        Direction::Destination => destination()?,
        Direction::Either => source()?.or(destination()?),
        Direction::Both => source()?.and(destination()?),
    })
}

fn words(bits: u128) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}

/// Protocol numbers of the transports that a qualifier and a service name leave, in libpcap's order.
fn transports(qualifier: Option<Protocol>, service: Transport) -> Result<Vec<u32>> {
    let named = match service {
        Transport::Tcp => Some(IP_PROTOCOL_TCP),
        Transport::Udp => Some(IP_PROTOCOL_UDP),
        Transport::Any => None,
    };
    let wanted = match qualifier {
        None => {
            return Ok(
                named.map_or(vec![IP_PROTOCOL_SCTP, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP], |one| vec![one])
            );
        }
        Some(Protocol::Tcp) => IP_PROTOCOL_TCP,
        Some(Protocol::Udp) => IP_PROTOCOL_UDP,
        Some(Protocol::Sctp) => IP_PROTOCOL_SCTP,
        Some(other) => {
            return Err(FilterFault::Qualifier { qualifier: other.name(), what: "a port" });
        }
    };
    if named.is_some_and(|named| named != wanted) {
        let qualifier = qualifier.map_or("", Protocol::name);
        return Err(FilterFault::Qualifier { qualifier, what: "a service of another transport" });
    }
    Ok(vec![wanted])
}

fn known_port(name: &str) -> Result<(u16, Transport)> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() {
        let number = name.parse().unwrap_or(u32::MAX);
        return Ok((u16::try_from(port_number(number)?).unwrap_or(u16::MAX), Transport::Any));
    }
    names::service(name).ok_or_else(|| FilterFault::ServiceName(name.to_owned()))
}

fn port_number(number: u32) -> Result<u32> {
    if number > 0xffff {
        return Err(FilterFault::TooLarge { value: number.to_string(), quantity: "port", limit: 0xffff });
    }
    Ok(number)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Default | Kind::Host => "host",
        Kind::Net => "net",
        Kind::Port => "port",
        Kind::PortRange => "portrange",
        Kind::Protocol => "proto",
    }
}
