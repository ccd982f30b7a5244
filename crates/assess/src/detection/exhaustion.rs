//! Denial of service without a flood: MITRE ATT&CK T0814, T1499.001, T1498.
//!
//! * connections held open that say nothing, until a server has no more of them (slow HTTP, idle MLLP);
//! * a radio device that is woken again and again, until its battery is empty;
//! * addresses used up: every lease of a DHCP server, every place in a switch's table, every neighbour asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wardline_model::fact::{ArpOperation, DhcpMessage, RadioLinkEvent, TcpEvent};
use wardline_model::{Attack, Fact, MacAddress, Observation, Protocol, ServerRole, Severity, Timestamp};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::DeviceKey;
use crate::limits::{CONVERSATIONS_WATCHED_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// Connections of one client to one service that are open at the same time and no client needs.
const OPEN_MIN: usize = 100;
/// By how much that exceeds what the client held before.
const OPEN_TIMES: usize = 4;
/// Age from which an open connection counts; browsers open several at once for a moment.
const OPEN_FOR: i64 = 5 * SECOND;
/// Different link addresses that ask for a lease within [`BURST`].
const LEASES_MIN: usize = 40;
/// DHCP messages of clients within [`BURST`], more than all stations of a building send after a power cut.
const DHCP_MESSAGES_MIN: usize = 200;
/// New link addresses whose maker does not exist, within [`STATIONS_TOGETHER`].
const STATIONS_MIN: usize = 12;
const STATIONS_TOGETHER: i64 = SECOND / 4;
/// Addresses that one station asks for by ARP within [`BURST`].
const NEIGHBORS_MIN: usize = 60;
/// Identical ARP messages within a second: a frame that a loop of switches multiplies.
const IDENTICAL_MIN: usize = 60;
const BURST: i64 = 10 * SECOND;
/// Connections to one radio device within a minute. One whose radio is bad tries every few seconds; this is each second.
const WOKEN_MIN: usize = 40;
const WOKEN_WITHIN: i64 = 60 * SECOND;

#[derive(Clone, Debug, Default)]
struct Held {
    open: Vec<(u16, Timestamp)>,
    usual: usize,
}

/// Resources that are used up.
pub(super) struct Exhaustion {
    held: Recent<(IpAddr, IpAddr, u16), Held>,
    leases: Different<MacAddress>,
    lease_sources: Window,
    stations: Window,
    neighbors: Recent<MacAddress, Different<IpAddr>>,
    identical: Recent<(MacAddress, IpAddr, IpAddr, bool), Window>,
    woken: Recent<DeviceKey, Window>,
    known: BTreeSet<MacAddress>,
}

impl Default for Exhaustion {
    fn default() -> Self {
        Self {
            held: Recent::new(CONVERSATIONS_WATCHED_MAX),
            leases: Different::default(),
            lease_sources: Window::default(),
            stations: Window::default(),
            neighbors: Recent::new(SENDERS_MAX),
            identical: Recent::new(SENDERS_MAX),
            woken: Recent::new(SENDERS_MAX),
            known: BTreeSet::new(),
        }
    }
}

struct Told {
    attack: Attack,
    detector: &'static str,
    key: String,
    severity: Severity,
    confidence: f32,
    evidence: (Protocol, &'static str, String),
    summary: String,
    silent_if: &'static str,
    started: Timestamp,
    to_device: bool,
}

fn raise(observation: &Observation, told: Told, world: &World<'_>, episodes: &mut Episodes) {
    if world.learning || world.in_maintenance(observation.to.ip, observation.sighting.time) {
        return;
    }
    let (protocol, field, value) = told.evidence;
    episodes.raise(
        Alarm {
            techniques: &["T0814", "T1499.001", "T1498"],
            severity: told.severity,
            confidence: told.confidence,
            device: told.to_device.then_some(observation.to),
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, protocol, field, &value)],
            started: told.started,
            silent_if: told.silent_if.to_owned(),
            ..Alarm::about(told.attack, told.detector, told.key, observation)
        },
        world.inventory,
    );
}

impl Detector for Exhaustion {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        match &observation.fact {
            Fact::Tcp(TcpEvent::Opened) => self.opened(observation, world, episodes),
            Fact::ConversationEnded(conversation) if conversation.tcp.is_some() => {
                if let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip)
                    && let Some(held) = self.held.get_mut(&(from, to, observation.to.port))
                {
                    // A client that closes what it opened shows how many it needs.
                    held.usual = held.usual.max(held.open.len().min(OPEN_MIN / 2));
                    held.open.retain(|(port, _)| *port != observation.from.port);
                }
            }
            Fact::Dhcp(dhcp)
                if matches!(
                    dhcp.message,
                    DhcpMessage::Discover | DhcpMessage::Request | DhcpMessage::Inform
                ) =>
            {
                // The relay and the client's own wait between attempts do not matter: other clients do.
                // Devices of a building that starts anew were seen before, or call themselves something; made-up ones do
                // neither, or have makers that do not exist.
                let mac = dhcp.client_mac;
                let strange = mac.is_local()
                    || world.inventory.is_made_up(mac)
                    || dhcp.host_name.is_none() && dhcp.vendor_class.is_none();
                let new = !world.inventory.has_address(mac);
                let count = if dhcp.message == DhcpMessage::Discover && strange && new {
                    self.leases.add(dhcp.client_mac, time, BURST)
                } else {
                    0
                };
                let all = self.lease_sources.add(time, BURST);
                if all >= DHCP_MESSAGES_MIN {
                    let started = self.lease_sources.first().unwrap_or(time);
                    let told = Told {
                        attack: Attack::DenialOfService,
                        detector: "dhcp-flood",
                        key: format!("vlan {:?}", observation.vlan),
                        severity: Severity::Medium,
                        confidence: 0.75,
                        evidence: (Protocol::Dhcp, "dhcp.option.dhcp", format!("{all} messages")),
                        summary: format!(
                            "{all} DHCP messages of clients within ten seconds: the address server is being flooded."
                        ),
                        silent_if: "fewer than 200 messages had come",
                        started,
                        to_device: true,
                    };
                    raise(observation, told, world, episodes);
                } else if count >= LEASES_MIN {
                    let started = self.leases.first().unwrap_or(time);
                    let told = Told {
                        attack: Attack::DenialOfService,
                        detector: "leases-used-up",
                        key: format!("vlan {:?}", observation.vlan),
                        severity: Severity::High,
                        confidence: 0.85,
                        evidence: (Protocol::Dhcp, "dhcp.hw.mac_addr", format!("{count} different ones")),
                        summary: format!(
                            "{all} requests for an address from {count} different link addresses within ten seconds: the address server runs out of addresses."
                        ),
                        silent_if: "fewer than 40 of them had been strangers: stations seen before, or of real makers and with names of their own, ask after a power cut",
                        started,
                        to_device: false,
                    };
                    raise(observation, told, world, episodes);
                }
            }
            Fact::RadioLink(link) if matches!(link.event, RadioLinkEvent::Connected { .. }) => {
                self.woken(observation, link.protocol, world, episodes);
            }
            Fact::StationSeen => self.station(observation, world, episodes),
            Fact::Arp(arp) => {
                let (from, to) = (IpAddr::V4(arp.sender_ip), IpAddr::V4(arp.target_ip));
                let request = arp.operation == ArpOperation::Request;
                let window = self.identical.at((arp.sender_mac, from, to, request), time);
                let same = window.add(time, SECOND);
                let started = window.first().unwrap_or(time);
                if same >= IDENTICAL_MIN {
                    let told = Told {
                        attack: Attack::Routing,
                        detector: "frames-in-circles",
                        key: format!("vlan {:?}", observation.vlan),
                        severity: Severity::High,
                        confidence: 0.7,
                        evidence: (Protocol::Arp, "arp", format!("{same} identical within a second")),
                        summary: format!(
                            "The same broadcast of {} comes {same} times within a second: frames go round in circles between switches.",
                            arp.sender_mac
                        ),
                        silent_if: "fewer copies had come",
                        started,
                        to_device: false,
                    };
                    raise(observation, told, world, episodes);
                }
                if request && arp.sender_ip != arp.target_ip {
                    self.sweep(observation, arp.sender_mac, to, world, episodes);
                }
            }
            _ => {}
        }
    }
}

impl Exhaustion {
    /// Each connection costs a device that lives on its battery far more than waiting for one.
    fn woken(
        &mut self,
        observation: &Observation,
        protocol: Protocol,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let Some(device) = world.inventory.key_of(&observation.to) else { return };
        let window = self.woken.at(device, time);
        let count = window.add(time, WOKEN_WITHIN);
        if count < WOKEN_MIN {
            return;
        }
        let started = window.first().unwrap_or(time);
        let told = Told {
            attack: Attack::DenialOfService,
            detector: "woken-again-and-again",
            key: device.id().to_string(),
            severity: Severity::Medium,
            confidence: 0.7,
            evidence: (protocol, "connection", format!("{count} within a minute")),
            summary: format!(
                "{count} connections over {protocol} to one device within a minute: its battery empties, and others cannot reach it."
            ),
            silent_if: "fewer than 40 connections had begun within a minute",
            started,
            to_device: true,
        };
        raise(observation, told, world, episodes);
    }

    fn opened(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let held = self.held.at((from, to, observation.to.port), time);
        let old = held.open.iter().filter(|(_, since)| time.nanoseconds_since(*since) > OPEN_FOR).count();
        if held.open.len() < 1_024 {
            held.open.push((observation.from.port, time));
        }
        let count = held.open.len();
        if count < OPEN_MIN || old * 2 < OPEN_MIN || count < held.usual.saturating_mul(OPEN_TIMES) {
            return;
        }
        if world.learning {
            held.usual = held.usual.max(count);
        }
        if episodes.is_acting(&observation.from, time) {
            return;
        }
        let started = held.open.first().map_or(time, |(_, since)| *since);
        let medical = world.is_medical(&observation.to);
        let told = Told {
            attack: Attack::DenialOfService,
            detector: "connections-held",
            key: to.to_string(),
            severity: if medical { Severity::High } else { Severity::Medium },
            confidence: 0.75,
            evidence: (Protocol::Tcp, "open connections", count.to_string()),
            summary: format!(
                "{from} holds {count} connections to port {} of {to} open at the same time: others find no room.",
                observation.to.port
            ),
            silent_if: "fewer than 100 connections had been open at the same time, or the client had held as many in the baseline",
            started,
            to_device: true,
        };
        raise(observation, told, world, episodes);
    }

    /// Link addresses that were never seen, in masses: they push the real ones out of the switch's table.
    fn station(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Some(mac) = observation.from.mac else { return };
        let time = observation.sighting.time;
        if self.known.len() >= SENDERS_MAX {
            self.known.clear();
        }
        if !self.known.insert(mac) {
            return;
        }
        if !world.inventory.is_made_up(mac) {
            return;
        }
        let count = self.stations.add(time, STATIONS_TOGETHER);
        if count < STATIONS_MIN {
            return;
        }
        let started = self.stations.first().unwrap_or(time);
        let told = Told {
            attack: Attack::DenialOfService,
            detector: "made-up-stations",
            key: format!("vlan {:?}", observation.vlan),
            severity: Severity::High,
            confidence: 0.8,
            evidence: (Protocol::Ethernet, "eth.src", format!("{count} new ones")),
            summary: format!(
                "{count} new link addresses of makers that do not exist appeared within a quarter of a second: made up to fill the tables of switches."
            ),
            silent_if: "fewer than 12 of them had been new, or they had the prefixes of real makers",
            started,
            to_device: false,
        };
        raise(observation, told, world, episodes);
    }

    /// One station asks for the whole network.
    fn sweep(
        &mut self,
        observation: &Observation,
        mac: MacAddress,
        to: IpAddr,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let window = self.neighbors.at(mac, time);
        let count = window.add(to, time, BURST);
        if count < NEIGHBORS_MIN {
            return;
        }
        let started = window.first().unwrap_or(time);
        let router = world.inventory.is_router(mac)
            || observation.from.ip.is_some_and(|ip| {
                let site = world.inventory.site();
                world.inventory.is_gateway(ip)
                    || site.has_role(ip, ServerRole::Scanner)
                    || site.has_role(ip, ServerRole::Router)
                    || site.has_role(ip, ServerRole::Management)
            });
        if router {
            return;
        }
        let told = Told {
            attack: Attack::PassiveGathering,
            detector: "neighbor-sweep",
            key: mac.to_string(),
            severity: Severity::Medium,
            confidence: 0.8,
            evidence: (Protocol::Arp, "arp.tpa", format!("{count} addresses")),
            summary: format!(
                "{mac} asks for {count} different addresses of its network within ten seconds: it looks for who is there."
            ),
            silent_if: "it were a router, or the site file named it as a scanner or management",
            started,
            to_device: false,
        };
        raise(observation, told, world, episodes);
    }
}
