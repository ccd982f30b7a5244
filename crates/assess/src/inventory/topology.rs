//! Which network address belongs to which link address, and which link addresses are routers'.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wardline_model::fact::{DhcpMessage, NeighborKind};
use wardline_model::{Fact, MacAddress, Observation, Timestamp};

use super::{DeviceKey, Map};
use crate::limits::{ADDRESSES_PER_STATION_MAX, STATIONS_MAX};

/// Network addresses of one kind (unbound, internal) after which a link address is taken for a router's.
const UNBOUND_ADDRESSES_MAX: usize = 6;
/// How long an owner of an address keeps it without being heard: 10 minutes.
const OWNER_ALIVE_NANOSECONDS: i64 = 600 * 1_000_000_000;
/// Ends of conversations of which it is remembered whose they are.
const FOUND_MAX: usize = 32_768;
/// Gateways remembered.
const GATEWAYS_MAX: usize = 1_024;

/// How sure it is that an address is on the link rather than behind a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// Its packets had crossed a router.
    Remote,
    /// Seen in a frame, nothing more.
    Seen,
    /// Its packets had crossed no router.
    Direct,
    /// The station said itself that the address is its own: ARP, neighbour discovery, DHCP.
    Bound,
}

#[derive(Clone, Copy, Debug)]
struct Address {
    ip: IpAddr,
    tie: Tie,
    last_seen: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct Link {
    addresses: Vec<Address>,
    router: bool,
    /// How many of the addresses are [`Tie::Direct`].
    direct: usize,
}

impl Link {
    /// After an address came, went or changed its tie. Whether that tells something of its other addresses.
    fn review(&mut self) -> bool {
        let before = (self.router, self.is_crowded());
        let count =
            |counts: fn(&Address) -> bool| self.addresses.iter().filter(|address| counts(address)).count();
        let remote = count(|address| address.tie == Tie::Remote);
        let unbound = count(|address| address.tie < Tie::Bound && address.ip.is_ipv4());
        self.direct = count(|address| address.tie == Tie::Direct);
        self.router |= remote > 0 || unbound > UNBOUND_ADDRESSES_MAX;
        before != (self.router, self.is_crowded())
    }

    /// Whether it has more addresses of its own than a station does.
    const fn is_crowded(&self) -> bool {
        self.direct > UNBOUND_ADDRESSES_MAX
    }
}

/// Link addresses and their network addresses.
#[derive(Debug, Default)]
pub(super) struct Topology {
    links: Map<MacAddress, Link>,
    /// Who says that a network address is its own, and when it last did.
    owners: Map<IpAddr, (MacAddress, Timestamp)>,
    gateways: BTreeSet<IpAddr>,
    /// Whose the ends of conversations were found to be, each with the revision at which that was found out. Forgotten
    /// altogether when there are too many.
    found: Map<End, (u64, Option<DeviceKey>)>,
    /// Counts changes of what tells whose an address is, but for those of one end alone.
    revision: u64,
}

/// Addresses in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    mac: MacAddress,
    ip: IpAddr,
}

/// In as few steps as there are words: this is done twice for every conversation.
impl Hash for End {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mac.to_bits());
        match self.ip {
            IpAddr::V4(ip) => state.write_u32(ip.to_bits()),
            IpAddr::V6(ip) => state.write_u128(ip.to_bits()),
        }
    }
}

impl Topology {
    pub(super) fn observe(&mut self, observation: &Observation) {
        let time = observation.sighting.time;
        match &observation.fact {
            // A probe (RFC 5227) claims nothing.
            Fact::Arp(arp) if !arp.sender_ip.is_unspecified() && arp.sender_mac.is_station() => {
                self.tie(arp.sender_mac, arp.sender_ip.into(), Tie::Bound, time);
            }
            Fact::Neighbor(neighbor) => self.neighbor(observation, neighbor),
            Fact::Dhcp(dhcp) => {
                if dhcp.message == DhcpMessage::Ack
                    && dhcp.client_mac.is_station()
                    && let Some(ip) = dhcp.your_ip
                {
                    // A lease ends what was before.
                    self.owners.remove(&IpAddr::V4(ip));
                    self.changed();
                    self.tie(dhcp.client_mac, ip.into(), Tie::Bound, time);
                }
                for router in &dhcp.routers {
                    self.gateway((*router).into());
                }
            }
            Fact::ConversationStarted(traits) => self.seen(observation, hops(traits.time_to_live)),
            Fact::Tcp(wardline_model::fact::TcpEvent::Answered(traits)) => {
                self.seen(observation, hops(traits.time_to_live))
            }
            Fact::StationSeen => self.seen(observation, Tie::Seen),
            _ => {}
        }
    }

    fn neighbor(&mut self, observation: &Observation, neighbor: &wardline_model::fact::NeighborFact) {
        let time = observation.sighting.time;
        let mac = neighbor.link_address.or(observation.from.mac).filter(|mac| mac.is_station());
        match (neighbor.kind, observation.from.ip, mac) {
            (NeighborKind::NeighborAdvertisement, _, Some(mac)) => {
                self.tie(mac, neighbor.target.into(), Tie::Bound, time)
            }
            (NeighborKind::RouterAdvertisement, Some(ip), Some(mac)) => {
                self.tie(mac, ip, Tie::Bound, time);
                self.gateway(ip);
            }
            (NeighborKind::NeighborSolicitation | NeighborKind::RouterSolicitation, Some(ip), Some(mac))
                if is_unicast(ip) =>
            {
                self.tie(mac, ip, Tie::Bound, time);
            }
            _ => {}
        }
    }

    fn seen(&mut self, observation: &Observation, tie: Tie) {
        if let (Some(mac), Some(ip)) = (observation.from.mac, observation.from.ip)
            && mac.is_station()
            && is_unicast(ip)
        {
            // A public address in a frame is behind a router unless its packets prove otherwise.
            let tie = if tie == Tie::Seen && !is_internal(ip) { Tie::Remote } else { tie };
            self.tie(mac, ip, tie, observation.sighting.time);
        }
    }

    fn gateway(&mut self, ip: IpAddr) {
        if self.gateways.len() < GATEWAYS_MAX && is_unicast(ip) {
            self.gateways.insert(ip);
        }
    }

    fn tie(&mut self, mac: MacAddress, ip: IpAddr, tie: Tie, time: Timestamp) {
        if self.links.len() >= STATIONS_MAX && !self.links.contains_key(&mac) {
            return;
        }
        if tie == Tie::Bound && !self.bind(mac, ip, time) {
            return;
        }
        let link = self.links.entry(mac).or_default();
        match link.addresses.iter_mut().find(|address| address.ip == ip) {
            Some(address) => {
                // One packet over a longer way does not undo what the station said itself.
                let now = if tie == Tie::Remote && address.tie < Tie::Bound {
                    Tie::Remote
                } else {
                    address.tie.max(tie)
                };
                address.last_seen = address.last_seen.max(time);
                // As nearly always: every conversation comes by here.
                if std::mem::replace(&mut address.tie, now) == now {
                    return;
                }
            }
            None => {
                if link.addresses.len() >= ADDRESSES_PER_STATION_MAX {
                    // The address that was heard of longest ago goes; bound ones stay if they can.
                    let oldest = link
                        .addresses
                        .iter()
                        .enumerate()
                        .min_by_key(|(_, address)| (address.tie, address.last_seen));
                    if let Some((place, _)) = oldest {
                        let gone = link.addresses.swap_remove(place);
                        self.found.remove(&End { mac, ip: gone.ip });
                    }
                }
                link.addresses.push(Address { ip, tie, last_seen: time });
            }
        }
        self.found.remove(&End { mac, ip });
        if link.review() {
            self.changed();
        }
    }

    /// Something changed that tells whose addresses are, whatever their links.
    pub(super) const fn changed(&mut self) {
        self.revision += 1;
    }

    /// Whose an address in a frame is, if that was found out since the last change.
    pub(super) fn remembered(&self, mac: MacAddress, ip: IpAddr) -> Option<Option<DeviceKey>> {
        let (revision, device) = self.found.get(&End { mac, ip })?;
        (*revision == self.revision).then_some(*device)
    }

    /// Remembers whose an address in a frame is.
    pub(super) fn remember(&mut self, mac: MacAddress, ip: IpAddr, device: Option<DeviceKey>) {
        if self.found.len() >= FOUND_MAX {
            self.found.clear();
        }
        self.found.insert(End { mac, ip }, (self.revision, device));
    }

    /// Whether a station may have an address now. While the one that has it is heard, others only claim it: such a
    /// claim is a matter of detection, and moves no device.
    fn bind(&mut self, mac: MacAddress, ip: IpAddr, time: Timestamp) -> bool {
        let room = self.owners.len() < STATIONS_MAX * 2;
        match self.owners.get_mut(&ip) {
            Some((owner, heard)) if *owner == mac => *heard = (*heard).max(time),
            Some((_, heard)) if time.nanoseconds_since(*heard) < OWNER_ALIVE_NANOSECONDS => return false,
            Some((owner, heard)) => {
                let before = std::mem::replace(owner, mac);
                *heard = time;
                // An address that moved belongs to its new owner alone.
                if let Some(link) = self.links.get_mut(&before) {
                    link.addresses.retain(|address| address.ip != ip);
                    link.review();
                }
                self.changed();
            }
            None if room => {
                self.owners.insert(ip, (mac, time));
                self.changed();
            }
            None => {}
        }
        true
    }

    /// Who said that a network address is its own.
    pub(super) fn owner(&self, ip: IpAddr) -> Option<MacAddress> {
        self.owners.get(&ip).map(|(mac, _)| *mac)
    }

    /// Whether a network address in a frame of this link address is the station's own.
    pub(super) fn is_on_link(&self, mac: MacAddress, ip: IpAddr) -> bool {
        let Some(link) = self.links.get(&mac) else { return is_internal(ip) };
        match link.addresses.iter().find(|address| address.ip == ip).map(|address| address.tie) {
            Some(Tie::Bound) => true,
            Some(Tie::Direct) => !link.router || is_internal(ip) && !link.is_crowded(),
            Some(Tie::Remote) => false,
            Some(Tie::Seen) | None => !link.router && is_internal(ip),
        }
    }

    pub(super) fn is_router(&self, mac: MacAddress) -> bool {
        self.links.get(&mac).is_some_and(|link| link.router)
    }

    pub(super) fn is_gateway(&self, ip: IpAddr) -> bool {
        self.gateways.contains(&ip)
    }

    /// The addresses of a station itself, the newest first.
    pub(super) fn addresses(&self, mac: MacAddress) -> Vec<IpAddr> {
        let Some(link) = self.links.get(&mac) else { return Vec::new() };
        let mut own: Vec<_> = link
            .addresses
            .iter()
            .filter(|address| match self.owner(address.ip) {
                Some(owner) => owner == mac,
                None => self.is_on_link(mac, address.ip),
            })
            .collect();
        own.sort_by_key(|address| (address.ip.is_ipv6(), std::cmp::Reverse(address.last_seen), address.ip));
        own.into_iter().map(|address| address.ip).collect()
    }
}

/// Whether a packet with this time to live has crossed a router: senders begin with 32, 64, 128 or 255.
const fn hops(time_to_live: u8) -> Tie {
    match time_to_live {
        32 | 64 | 128 | 255 => Tie::Direct,
        // Link-local protocols send with 1; nothing can be said.
        0 | 1 => Tie::Seen,
        _ => Tie::Remote,
    }
}

/// Whether an address can name one station.
pub(crate) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !ip.is_unspecified()
                && !ip.is_multicast()
                && !ip.is_broadcast()
                && !ip.is_loopback()
                && ip.octets()[0] != 0
        }
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_loopback(),
    }
}

/// Whether an address is of a private network: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291, RFC 5737.
pub(crate) fn is_internal(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || is_shared(ip) || ip.is_documentation(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || is_documentation(ip),
    }
}

/// 100.64.0.0/10, RFC 6598.
const fn is_shared(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64
}

/// 2001:db8::/32, RFC 3849.
const fn is_documentation(ip: Ipv6Addr) -> bool {
    ip.segments()[0] == 0x2001 && ip.segments()[1] == 0xdb8
}
