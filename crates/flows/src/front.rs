//! What is done for every frame in order, before conversations are shared out: take it apart, put fragments together,
//! tell what the link and network layers say of themselves.

use std::hash::BuildHasher as _;

use hashbrown::HashMap;
use wardline_model::fact::{
    AmbiguityKind, AmbiguousStream, ArpFact, ArpOperation, NeighborFact, NeighborKind, RoutingFact,
};
use wardline_model::{Fact, MacAddress, Observation, Sighting, Station, Timestamp, Transport};
use wardline_wire::link::arp;
use wardline_wire::network::icmp6;

use crate::application::routing;
use crate::batch::Batch;
use crate::conversation::Key;
use crate::counters::Counters;
use crate::decode::{Content, Decoded, Ip, Link, decode, reads_link_type};
use crate::fragments::Fragments;
use crate::frame::Frame;
use crate::index::KeyHash;
use crate::limits::{Limits, SHARDS};
use crate::radio::{self, Radio};
use crate::replicas::Replicas;
use crate::shard::Packet;

/// After this time a station that is still there is told again: 10 minutes, in nanoseconds.
const SEEN_AGAIN: i64 = 600 * 1_000_000_000;

/// State of the front.
pub(crate) struct Front {
    limits: Limits,
    hasher: foldhash::fast::FixedState,
    fragments: Fragments,
    replicas: Replicas,
    stations: HashMap<MacAddress, Timestamp, foldhash::fast::FixedState>,
    /// By hash of a router or bridge and what it speaks: hash of what it said, and when.
    routers: HashMap<u64, (u64, Timestamp), foldhash::fast::FixedState>,
    radio: Radio,
    pub(crate) counters: Counters,
}

impl Front {
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        let hasher = || foldhash::fast::FixedState::with_seed(seed);
        Self {
            limits,
            hasher: hasher(),
            fragments: Fragments::new(limits, seed),
            replicas: Replicas::new(seed),
            stations: HashMap::with_hasher(hasher()),
            routers: HashMap::with_hasher(hasher()),
            radio: Radio::default(),
            counters: Counters::default(),
        }
    }

    /// Takes a frame apart.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<Observation>, batch: &mut Batch) {
        self.counters.packets += 1;
        self.counters.bytes += u64::from(frame.original_length);
        if !reads_link_type(frame.link_type) {
            return self.counters.link_type(frame.link_type);
        }
        if radio::reads_link_type(frame.link_type) {
            return self.radio.frame(frame, &mut self.counters, out);
        }
        let sighting = Sighting { time: frame.time, capture: frame.capture, packet: frame.number };
        let Decoded { link, content } = match decode(frame.link_type, frame.bytes, frame.original_length) {
            Ok(decoded) => decoded,
            Err(error) => return self.counters.error(error),
        };
        match content {
            Content::Ip(ip) => self.ip(sighting, link, &ip, out, batch),
            Content::Arp(message) => tell(sighting, link, arp_fact(&message), out),
            Content::Lldp(bytes) => {
                self.advertisement(sighting, link, crate::advertisement::lldp(bytes), out)
            }
            Content::Cdp(bytes) => self.advertisement(sighting, link, crate::advertisement::cdp(bytes), out),
            Content::SpanningTree(bytes) => match routing::spanning_tree(bytes) {
                Ok(fact) => self.routing(sighting, link, None, fact, out),
                Err(error) => {
                    self.counters.error(error);
                    self.presence(sighting, link, out);
                }
            },
            Content::Presence => self.presence(sighting, link, out),
        }
    }

    fn advertisement(
        &mut self,
        sighting: Sighting,
        link: Link,
        read: Result<wardline_model::fact::LinkAdvertisement, wardline_wire::Error>,
        out: &mut Vec<Observation>,
    ) {
        match read {
            Ok(fact) => tell(sighting, link, Fact::LinkAdvertisement(Box::new(fact)), out),
            Err(error) => {
                self.counters.error(error);
                self.presence(sighting, link, out);
            }
        }
    }

    /// What a router or bridge says of itself: told when it changes, and every ten minutes.
    fn routing(
        &mut self,
        sighting: Sighting,
        link: Link,
        ip: Option<&Ip<'_>>,
        fact: RoutingFact,
        out: &mut Vec<Observation>,
    ) {
        let who = (link.source, ip.map(|ip| ip.source), link.vlan, fact.protocol, &fact.group, fact.kind);
        let who = self.hasher.hash_one(who);
        let what = self.hasher.hash_one(&fact);
        if self.routers.len() >= self.limits.stations && !self.routers.contains_key(&who) {
            return self.counters.refuse("routers");
        }
        let known = self.routers.insert(who, (what, sighting.time));
        if known.is_some_and(|(before, seen)| {
            before == what && sighting.time.nanoseconds_since(seen) < SEEN_AGAIN
        }) {
            self.routers.extend(known.map(|(before, seen)| (who, (before, seen))));
            return;
        }
        let fact = Fact::Routing(Box::new(fact));
        match ip {
            None => tell(sighting, link, fact, out),
            Some(ip) => {
                let (from, to) = ends(link, ip);
                let transport = Some(Transport(ip.protocol));
                out.push(Observation { sighting, from, to, transport, vlan: link.vlan, fact });
            }
        }
    }

    /// Routing protocols directly over IP. They stay conversations like any other.
    fn routed(&mut self, sighting: Sighting, link: Link, ip: &Ip<'_>, out: &mut Vec<Observation>) {
        let read = match ip.protocol {
            89 => routing::ospf(ip.payload),
            112 => routing::vrrp(ip.payload, ip.source.is_ipv6()).map(Some),
            _ => return,
        };
        match read {
            Ok(Some(fact)) => self.routing(sighting, link, Some(ip), fact, out),
            Ok(None) => {}
            Err(error) => self.counters.error(error),
        }
    }

    /// A frame that only says that its sender is there.
    fn presence(&mut self, sighting: Sighting, link: Link, out: &mut Vec<Observation>) {
        let Some(mac) = link.source.filter(|mac| mac.is_station()) else { return };
        if self.stations.len() >= self.limits.stations && !self.stations.contains_key(&mac) {
            return self.counters.refuse("stations without IP");
        }
        let seen = self.stations.entry(mac).or_insert(Timestamp::from_nanoseconds(i64::MIN));
        if sighting.time.nanoseconds_since(*seen) >= SEEN_AGAIN {
            *seen = sighting.time;
            tell(sighting, link, Fact::StationSeen, out);
        }
    }

    #[inline]
    fn ip(
        &mut self,
        sighting: Sighting,
        link: Link,
        ip: &Ip<'_>,
        out: &mut Vec<Observation>,
        batch: &mut Batch,
    ) {
        if let Some(replica) = self.replicas.see(ip, sighting.time) {
            let (from, to) = ends(link, ip);
            let transport = Some(Transport(ip.protocol));
            out.push(Observation {
                sighting,
                from,
                to,
                transport,
                vlan: link.vlan,
                fact: Fact::Replica(replica),
            });
        }
        if let Some(fragment) = ip.fragment {
            let outcome = self.fragments.add(ip, fragment, sighting.time, &mut self.counters);
            if let Some((offset, length)) = outcome.ambiguous {
                let fact = AmbiguousStream {
                    kind: AmbiguityKind::FragmentOverlap,
                    offset: u64::from(offset),
                    length,
                    time_to_live_step: 0,
                };
                let (from, to) = ends(link, ip);
                let transport = Some(Transport(ip.protocol));
                out.push(Observation {
                    sighting,
                    from,
                    to,
                    transport,
                    vlan: link.vlan,
                    fact: Fact::Ambiguous(fact),
                });
            }
            if let Some((protocol, payload)) = outcome.whole {
                self.whole(sighting, link, ip, (protocol, &payload), out, batch);
            }
            return;
        }
        if ip.protocol == 58 && self.neighbor(sighting, link, ip, out) {
            return;
        }
        self.routed(sighting, link, ip, out);
        self.route(sighting, link, ip, batch);
    }

    /// A packet that was put together of fragments.
    fn whole(
        &mut self,
        sighting: Sighting,
        link: Link,
        ip: &Ip<'_>,
        (protocol, payload): (u8, &[u8]),
        out: &mut Vec<Observation>,
        batch: &mut Batch,
    ) {
        let (protocol, content) = if ip.source.is_ipv6() {
            match wardline_wire::network::ipv6::Packet::walk_reassembled(protocol, payload) {
                Ok(inside) => inside,
                Err(error) => return self.counters.error(error),
            }
        } else {
            (protocol, payload)
        };
        let length = content.len() as u32;
        let header = ip.length.saturating_sub(ip.payload_length);
        let whole = Ip {
            protocol,
            fragment: None,
            length: header + length,
            payload_length: length,
            payload: content,
            ..*ip
        };
        if protocol == 58 && self.neighbor(sighting, link, &whole, out) {
            return;
        }
        self.route(sighting, link, &whole, batch);
    }

    /// Adds a packet to what waits for its shard.
    #[inline]
    fn route(&self, sighting: Sighting, link: Link, ip: &Ip<'_>, batch: &mut Batch) {
        let (source_port, destination_port) = ports(ip);
        let (key, upward) =
            Key::new((ip.source, source_port), (ip.destination, destination_port), ip.protocol);
        let hash = self.hasher.hash_one(key);
        let packet = Packet {
            sighting,
            link,
            key,
            hash: KeyHash::new(hash),
            upward,
            time_to_live: ip.time_to_live,
            dont_fragment: ip.dont_fragment,
            length: ip.length,
            payload_length: ip.payload_length,
        };
        // Other bits than those of which the hash for the shard's index is made.
        batch.add_packet((hash >> 40) as usize % SHARDS, packet, ip.payload);
    }

    /// Neighbour discovery is of the link, not a conversation. Whether it was one.
    fn neighbor(&mut self, sighting: Sighting, link: Link, ip: &Ip<'_>, out: &mut Vec<Observation>) -> bool {
        let Some(133..=137) = ip.payload.first() else { return false };
        match icmp6::Message::parse(ip.payload) {
            Ok(icmp6::Message { kind: icmp6::Kind::Neighbor(neighbor), .. }) => {
                let fact = NeighborFact {
                    kind: match neighbor.discovery {
                        icmp6::Discovery::RouterSolicitation => NeighborKind::RouterSolicitation,
                        icmp6::Discovery::RouterAdvertisement => NeighborKind::RouterAdvertisement,
                        icmp6::Discovery::NeighborSolicitation => NeighborKind::NeighborSolicitation,
                        icmp6::Discovery::NeighborAdvertisement => NeighborKind::NeighborAdvertisement,
                        icmp6::Discovery::Redirect => NeighborKind::Redirect,
                    },
                    target: neighbor.target,
                    link_address: neighbor.link_address.map(MacAddress),
                    router: neighbor.router,
                    solicited: neighbor.solicited,
                    overriding: neighbor.overriding,
                };
                let (from, to) = ends(link, ip);
                let fact = Fact::Neighbor(Box::new(fact));
                out.push(Observation {
                    sighting,
                    from,
                    to,
                    transport: Some(Transport::ICMP6),
                    vlan: link.vlan,
                    fact,
                });
                true
            }
            Ok(_) => false,
            Err(error) => {
                self.counters.error(error);
                true
            }
        }
    }
}

fn ends(link: Link, ip: &Ip<'_>) -> (Station, Station) {
    (
        Station { mac: link.source, ip: Some(ip.source), ..Station::default() },
        Station { mac: link.destination, ip: Some(ip.destination), ..Station::default() },
    )
}

/// Ports of a conversation; for ICMP type and code as Community ID wants them, request and answer alike.
#[inline]
fn ports(ip: &Ip<'_>) -> (u16, u16) {
    match (ip.protocol, ip.payload) {
        (6 | 17 | 132, [a, b, c, d, ..]) => (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
        (1, [kind, code, ..]) => match kind {
            0 => (0, 8),
            8 => (8, 0),
            13 => (13, 14),
            14 => (14, 13),
            _ => (u16::from(*kind), u16::from(*code)),
        },
        (58, [kind, code, ..]) => match kind {
            128 => (128, 129),
            129 => (129, 128),
            _ => (u16::from(*kind), u16::from(*code)),
        },
        _ => (0, 0),
    }
}

fn tell(sighting: Sighting, link: Link, fact: Fact, out: &mut Vec<Observation>) {
    let from = Station { mac: link.source, ..Station::default() };
    let to = Station { mac: link.destination, ..Station::default() };
    out.push(Observation { sighting, from, to, transport: None, vlan: link.vlan, fact });
}

fn arp_fact(message: &arp::Message) -> Fact {
    let operation = match message.operation {
        arp::Operation::Request => ArpOperation::Request,
        arp::Operation::Reply => ArpOperation::Reply,
    };
    Fact::Arp(ArpFact {
        operation,
        sender_mac: MacAddress(message.sender_mac),
        sender_ip: message.sender_ip,
        target_mac: MacAddress(message.target_mac),
        target_ip: message.target_ip,
    })
}
