//! Somebody gives false directions: MITRE ATT&CK T1557.003, T1557.001, T0830, T1557.
//!
//! A second DHCP server, a station that advertises itself as an IPv6 router, a redirect, and a neighbour
//! advertisement for somebody else's address all put a station in the way of others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wardline_model::fact::{DhcpFact, DhcpMessage, DnsFact, IcmpFact, IcmpKind, NeighborFact, NeighborKind};
use wardline_model::{Attack, Fact, MacAddress, Observation, Protocol, ServerRole, Severity, Timestamp};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// How long a server counts as alive.
const ALIVE: i64 = 24 * 3_600 * SECOND;
/// Servers and routers remembered.
const GUIDES_MAX: usize = 64;
/// Claims of somebody else's IPv6 address after which it is no accident.
const CLAIMS_MIN: usize = 3;
/// Redirects of one station within a minute.
const REDIRECTS_MIN: usize = 3;
/// Names that a station answers for, though each is asked once, within five minutes.
const NAMES_ANSWERED_MIN: usize = 3;

#[derive(Clone, Debug)]
struct DhcpServer {
    mac: Option<MacAddress>,
    first: Timestamp,
    last: Timestamp,
    offers: u32,
    routers: Vec<Ipv4Addr>,
    name_servers: Vec<Ipv4Addr>,
    /// Networks (the first 24 bits) that it gives addresses of.
    networks: BTreeSet<u32>,
    /// Clients that it answered last.
    clients: VecDeque<(MacAddress, Timestamp)>,
}

impl DhcpServer {
    /// Whether two servers serve the same stations: addresses of one network, or one client answered by both.
    fn meets(&self, other: &Self) -> bool {
        const ONE_QUESTION: u64 = 10_000_000_000;
        !self.networks.is_disjoint(&other.networks)
            || self.clients.iter().any(|(client, time)| {
                other.clients.iter().any(|(known, at)| {
                    known == client && time.nanoseconds_since(*at).unsigned_abs() < ONE_QUESTION
                })
            })
    }
}

/// Who gives directions, and who gives false ones.
pub(super) struct FalseDirections {
    dhcp: BTreeMap<(Option<u16>, Ipv4Addr), DhcpServer>,
    routers: BTreeMap<(Option<u16>, MacAddress), Timestamp>,
    neighbors: Recent<Ipv6Addr, Option<(MacAddress, Timestamp)>>,
    neighbor_claims: Recent<MacAddress, Window>,
    redirects: Recent<IpAddr, Window>,
    answered: Recent<IpAddr, Different<u64>>,
}

impl Default for FalseDirections {
    fn default() -> Self {
        Self {
            dhcp: BTreeMap::new(),
            routers: BTreeMap::new(),
            neighbors: Recent::new(SENDERS_MAX),
            neighbor_claims: Recent::new(SENDERS_MAX),
            redirects: Recent::new(SENDERS_MAX),
            answered: Recent::new(SENDERS_MAX),
        }
    }
}

impl Detector for FalseDirections {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Dhcp(dhcp) if matches!(dhcp.message, DhcpMessage::Offer | DhcpMessage::Ack) => {
                self.dhcp(observation, dhcp, world, episodes);
            }
            Fact::Neighbor(neighbor) => self.neighbor(observation, neighbor, world, episodes),
            Fact::Icmp(icmp) if icmp.kind == IcmpKind::Redirect => {
                self.redirect(observation, icmp, world, episodes);
            }
            Fact::Dns(dns) if dns.response && matches!(dns.protocol, Protocol::Llmnr | Protocol::Nbns) => {
                self.names(observation, dns, world, episodes);
            }
            _ => {}
        }
    }
}

/// What an alarm of this file says.
struct Told {
    detector: &'static str,
    key: String,
    severity: Severity,
    confidence: f32,
    evidence: (Protocol, &'static str, String),
    summary: String,
    silent_if: &'static str,
    started: Timestamp,
}

fn raise(observation: &Observation, told: Told, world: &World<'_>, episodes: &mut Episodes) {
    let time = observation.sighting.time;
    if world.learning || world.in_maintenance(observation.from.ip, time) {
        return;
    }
    let (protocol, field, value) = told.evidence;
    episodes.raise(
        Alarm {
            techniques: &["T1557", "T1557.003", "T0830"],
            severity: told.severity,
            confidence: told.confidence,
            device: observation.to.ip.filter(|ip| crate::inventory::is_unicast(*ip)).map(|_| observation.to),
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, protocol, field, &value)],
            started: told.started,
            silent_if: told.silent_if.to_owned(),
            ..Alarm::about(Attack::PassiveGathering, told.detector, told.key, observation)
        },
        world.inventory,
    );
}

impl FalseDirections {
    fn dhcp(
        &mut self,
        observation: &Observation,
        dhcp: &DhcpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(ip) = dhcp.server.or(match observation.from.ip {
            Some(IpAddr::V4(ip)) => Some(ip),
            _ => None,
        }) else {
            return;
        };
        let time = observation.sighting.time;
        // A relay speaks for a server elsewhere.
        let mac = observation.from.mac.filter(|_| dhcp.relay.is_none());
        let key = (observation.vlan, ip);
        if self.dhcp.len() >= GUIDES_MAX && !self.dhcp.contains_key(&key) {
            return;
        }
        let server = self.dhcp.entry(key).or_insert_with(|| DhcpServer {
            mac,
            first: time,
            last: time,
            offers: 0,
            routers: dhcp.routers.to_vec(),
            name_servers: dhcp.name_servers.to_vec(),
            networks: BTreeSet::new(),
            clients: VecDeque::new(),
        });
        if let Some(given) = dhcp.your_ip.filter(|_| server.networks.len() < GUIDES_MAX) {
            server.networks.insert(given.to_bits() >> 8);
        }
        if server.clients.len() >= GUIDES_MAX {
            server.clients.pop_front();
        }
        server.clients.push_back((dhcp.client_mac, time));
        (server.last, server.offers) = (time, server.offers + 1);
        let server = server.clone();
        let site = world.inventory.site();
        if site.has_role(IpAddr::V4(ip), ServerRole::Dhcp) {
            return;
        }
        let older = self
            .dhcp
            .iter()
            .filter(|((vlan, other), known)| {
                *vlan == observation.vlan
                    && *other != ip
                    && known.meets(&server)
                    && known.first < server.first
                    && time.nanoseconds_since(known.last) < ALIVE
            })
            .min_by_key(|(_, known)| known.first);
        let named_elsewhere = site.servers.iter().any(|known| known.role == ServerRole::Dhcp);
        // Two servers that share the work give the same directions.
        let other_directions = |known: &DhcpServer| {
            !server.routers.is_empty() && !known.routers.is_empty() && server.routers != known.routers
                || !server.name_servers.is_empty()
                    && !known.name_servers.is_empty()
                    && server.name_servers != known.name_servers
        };
        let (severity, confidence, why) = match older {
            Some((_, known)) if other_directions(known) => {
                (Severity::High, 0.9, "gives other directions than the server before it")
            }
            Some((_, known)) if known.mac != server.mac && named_elsewhere => {
                (Severity::High, 0.9, "is not among the site's servers")
            }
            Some(_) => return,
            None if named_elsewhere => (Severity::High, 0.85, "is not among the site's servers"),
            None => return,
        };
        let to_itself = server.routers.contains(&ip) || server.name_servers.contains(&ip);
        let told = Told {
            detector: "second-dhcp-server",
            key: ip.to_string(),
            severity,
            confidence,
            evidence: (Protocol::Dhcp, "dhcp.option.dhcp_server_id", ip.to_string()),
            summary: format!(
                "{ip} hands out addresses and {why}{}: traffic of new stations may go through it.",
                if to_itself { ", naming itself as router or name server" } else { "" }
            ),
            silent_if: if named_elsewhere {
                "the site file named it as a DHCP server"
            } else {
                "both servers had given the same router and name servers, or the site file named both as DHCP servers"
            },
            started: server.first,
        };
        raise(observation, told, world, episodes);
    }

    fn neighbor(
        &mut self,
        observation: &Observation,
        neighbor: &NeighborFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let Some(sender) = observation.from.mac else { return };
        match neighbor.kind {
            NeighborKind::RouterAdvertisement => {
                let key = (observation.vlan, sender);
                let known = self.routers.contains_key(&key);
                let older = self
                    .routers
                    .iter()
                    .any(|((vlan, mac), first)| *vlan == observation.vlan && *mac != sender && *first < time);
                if self.routers.len() < GUIDES_MAX {
                    self.routers.entry(key).or_insert(time);
                }
                let first = self.routers.get(&key).copied().unwrap_or(time);
                let router = sender.is_virtual_router()
                    || observation
                        .from
                        .ip
                        .is_some_and(|ip| world.inventory.site().has_role(ip, ServerRole::Router));
                // The first one is the network's router as far as anybody can tell; a station that was a plain host
                // before and becomes a router is told even so.
                let was_host = !known && world.is_medical(&observation.from);
                if router || !(older && first.nanoseconds_since(self.first_router()) > 0 || was_host) {
                    return;
                }
                let told = Told {
                    detector: "second-ipv6-router",
                    key: sender.to_string(),
                    severity: Severity::High,
                    confidence: if older { 0.75 } else { 0.65 },
                    evidence: (
                        Protocol::NeighborDiscovery,
                        "icmpv6.type",
                        "134 (router advertisement)".to_owned(),
                    ),
                    summary: format!(
                        "{sender} calls itself an IPv6 router beside the one that was there: traffic may go through it."
                    ),
                    silent_if: "it had advertised from the start, or the site file named it as a router",
                    started: first,
                };
                raise(observation, told, world, episodes);
            }
            NeighborKind::NeighborAdvertisement => {
                let claimed = neighbor.link_address.unwrap_or(sender);
                if neighbor.target.is_unspecified() || !claimed.is_station() {
                    return;
                }
                let owner = self.neighbors.at(neighbor.target, time);
                let Some((mac, seen)) = *owner else {
                    *owner = Some((claimed, time));
                    return;
                };
                if mac == claimed {
                    *owner = Some((claimed, time));
                    return;
                }
                // An address moves when its owner is gone; while he still answers, two claim it.
                if time.nanoseconds_since(seen) > 3_600 * SECOND {
                    *owner = Some((claimed, time));
                    return;
                }
                let window = self.neighbor_claims.at(claimed, time);
                let count = window.add(time, 180 * SECOND);
                let started = window.first().unwrap_or(time);
                if count < CLAIMS_MIN || claimed.is_virtual_router() {
                    return;
                }
                let told = Told {
                    detector: "neighbor-interception",
                    key: claimed.to_string(),
                    severity: Severity::High,
                    confidence: 0.85,
                    evidence: (
                        Protocol::NeighborDiscovery,
                        "icmpv6.nd.na.target_address",
                        neighbor.target.to_string(),
                    ),
                    summary: format!(
                        "{claimed} claims the IPv6 address {} of {mac} ({count} claims).",
                        neighbor.target
                    ),
                    silent_if: "the owner had been silent for an hour, or it had claimed only its own address",
                    started,
                };
                raise(observation, told, world, episodes);
            }
            NeighborKind::Redirect => self.neighbor_redirect(observation, neighbor, world, episodes),
            _ => {}
        }
    }

    /// RFC 4861 section 8: only the router in use tells of a better way, and it says that it is one.
    fn neighbor_redirect(
        &mut self,
        observation: &Observation,
        neighbor: &NeighborFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(sender)) = (observation.from.ip, observation.from.mac) else { return };
        let time = observation.sighting.time;
        let window = self.redirects.at(from, time);
        let count = window.add(time, 60 * SECOND);
        let started = window.first().unwrap_or(time);
        let router = self.routers.contains_key(&(observation.vlan, sender))
            || sender.is_virtual_router()
            || world.inventory.is_router(sender)
            || world.inventory.is_gateway(from);
        if router || count < REDIRECTS_MIN {
            return;
        }
        let told = Told {
            detector: "redirects",
            key: from.to_string(),
            severity: Severity::High,
            confidence: 0.8,
            evidence: (
                Protocol::NeighborDiscovery,
                "icmpv6.rd.na.target_address",
                neighbor.target.to_string(),
            ),
            summary: format!(
                "{from}, which is no router, tells stations to send through {} instead ({count} redirects within a minute).",
                neighbor.target
            ),
            silent_if: "a router had sent them, and fewer of them",
            started,
        };
        raise(observation, told, world, episodes);
    }

    fn first_router(&self) -> Timestamp {
        self.routers.values().copied().min().unwrap_or_default()
    }

    fn redirect(
        &mut self,
        observation: &Observation,
        icmp: &IcmpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(gateway)) = (observation.from.ip, icmp.gateway) else { return };
        let time = observation.sighting.time;
        let window = self.redirects.at(from, time);
        let count = window.add(time, 60 * SECOND);
        let started = window.first().unwrap_or(time);
        let is_router = observation.from.mac.is_some_and(|mac| world.inventory.is_router(mac))
            || world.inventory.is_gateway(from);
        // A router may name a better one, once in a while.
        let to_itself = !is_router;
        if !to_itself && count < 10 * REDIRECTS_MIN || count < REDIRECTS_MIN {
            return;
        }
        let told = Told {
            detector: "redirects",
            key: from.to_string(),
            severity: if to_itself { Severity::High } else { Severity::Medium },
            confidence: 0.75,
            evidence: (Protocol::Icmp, "icmp.redir_gw", gateway.to_string()),
            summary: format!(
                "{from} tells stations to send through {gateway} instead ({count} redirects within a minute)."
            ),
            silent_if: "a router had sent them, and fewer of them",
            started,
        };
        raise(observation, told, world, episodes);
    }

    /// One station that answers for many names, as tools that collect passwords do.
    fn names(
        &mut self,
        observation: &Observation,
        dns: &DnsFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        use std::hash::BuildHasher;
        let Some(from) = observation.from.ip else { return };
        // NBNS answers of a name server (WINS) and answers about itself are ordinary.
        if dns.response_code != 0 || dns.answers.is_empty() {
            return;
        }
        let time = observation.sighting.time;
        let window = self.answered.at(from, time);
        let mut count = 0;
        for answer in &dns.answers {
            let own = matches!(&answer.data, wardline_model::fact::DnsData::Address(ip) if *ip == from);
            if own {
                let name = answer.name.as_str().to_ascii_lowercase();
                let name = name.split(['.', '<']).next().unwrap_or_default().trim().to_owned();
                count = window.add(foldhash::fast::FixedState::default().hash_one(name), time, 300 * SECOND);
            }
        }
        let started = window.first().unwrap_or(time);
        let server = world.inventory.site().has_role(from, ServerRole::Dns)
            || world.inventory.site().has_role(from, ServerRole::DomainController);
        if count < NAMES_ANSWERED_MIN || server {
            return;
        }
        let told = Told {
            detector: "answers-for-others",
            key: from.to_string(),
            severity: Severity::High,
            confidence: 0.8,
            evidence: (dns.protocol, "dns.resp.name", format!("{count} different names")),
            summary: format!(
                "{from} says of {count} different names that they are its own: whoever looks for them sends it his password."
            ),
            silent_if: "it had answered for its own name only",
            started,
        };
        raise(observation, told, world, episodes);
    }
}
