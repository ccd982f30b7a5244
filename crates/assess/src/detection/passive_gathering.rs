//! Somebody gathers information, or puts himself in the way to do so.
//!
//! * [`ArpInterception`]: a station claims network addresses that others use (RFC 826 has no defence).
//! * [`Scan`]: a station tries many doors.
//!
//! A silent tap cannot be seen and is not claimed; it is measured as exposure.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use wardline_model::fact::{ArpFact, ArpOperation, DhcpMessage, TcpEvent};
use wardline_model::{
    Attack, Fact, MacAddress, Observation, Protocol, ServerRole, Severity, Station, TcpOutcome, Timestamp,
};

use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::Map;
use crate::limits::{ARP_BINDINGS_MAX, SCAN_SOURCES_MAX};

const SECOND: i64 = 1_000_000_000;
/// How long a request waits for its answer. A claim without a request in that time was not asked for.
const REQUEST_WAITS: i64 = SECOND;
/// How long an owner counts as alive after it was last heard.
const OWNER_ALIVE: i64 = 3600 * SECOND;
/// Within this time claims of one station belong together.
const CLAIMS_TOGETHER: i64 = 180 * SECOND;
/// Unasked claims of an address that its owner still uses, after which it is no accident.
const CLAIMS_MIN: usize = 3;
/// Requests remembered.
const REQUESTS_MAX: usize = 4_096;
/// Stations that claim addresses of others, remembered at the same time.
const CLAIMANTS_MAX: usize = 1_024;
/// Addresses of one station from which on it answers for others by order.
const PROXY_ADDRESSES: usize = 4;
/// Claims remembered of one station.
const CLAIMS_PER_STATION_MAX: usize = 64;

/// Who uses a network address.
#[derive(Clone, Copy)]
struct Owner {
    mac: MacAddress,
    last_seen: Timestamp,
}

#[derive(Clone, Copy)]
struct FalseClaim {
    ip: Ipv4Addr,
    target: Ipv4Addr,
    owner: MacAddress,
    time: Timestamp,
    asked_for: bool,
}

#[derive(Default)]
struct Claimant {
    claims: VecDeque<FalseClaim>,
    /// Owners that were heard after their address was claimed: they are alive, so it was no takeover.
    contested: BTreeSet<Ipv4Addr>,
    own_address: Option<Ipv4Addr>,
}

/// ARP interception: MITRE ATT&CK T1557.002.
#[derive(Default)]
pub(super) struct ArpInterception {
    owners: Map<Ipv4Addr, Owner>,
    requests: VecDeque<(Timestamp, Ipv4Addr, Ipv4Addr)>,
    claimants: Map<MacAddress, Claimant>,
}

impl Detector for ArpInterception {
    fn conversations(&self) -> Conversations {
        Conversations::Begins
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Arp(arp) => self.arp(observation, arp, world, episodes),
            Fact::Dhcp(dhcp) if dhcp.message == DhcpMessage::Ack => {
                if let Some(ip) = dhcp.your_ip {
                    self.own(ip, dhcp.client_mac, observation.sighting.time);
                }
            }
            // Whoever begins conversations from an address uses it. The capture shows the link address of its
            // frames, so behind a router this is the router's, and says nothing.
            Fact::ConversationStarted(_) | Fact::StationSeen => {
                if let (Some(mac), Some(IpAddr::V4(ip))) = (observation.from.mac, observation.from.ip)
                    && self.owners.get(&ip).is_some_and(|owner| owner.mac == mac)
                {
                    self.heard(ip, mac, observation, world, episodes);
                }
            }
            _ => {}
        }
    }
}

impl ArpInterception {
    fn arp(&mut self, observation: &Observation, arp: &ArpFact, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        if arp.operation == ArpOperation::Request && arp.sender_ip != arp.target_ip {
            self.asks_for_its_own(observation, arp, world, episodes);
            if self.requests.len() >= REQUESTS_MAX {
                self.requests.pop_front();
            }
            self.requests.push_back((time, arp.sender_ip, arp.target_ip));
        }
        if arp.sender_ip.is_unspecified()
            || !arp.sender_mac.is_station()
            || arp.sender_mac.is_virtual_router()
        {
            return;
        }
        match self.owners.get(&arp.sender_ip).copied() {
            None => self.own(arp.sender_ip, arp.sender_mac, time),
            Some(owner) if owner.mac == arp.sender_mac => {
                self.heard(arp.sender_ip, owner.mac, observation, world, episodes)
            }
            Some(owner) => self.conflict(observation, arp, owner, world, episodes),
        }
    }

    /// A station asks who has an address that it said was its own: it said so falsely, and needs the true owner to
    /// pass on what it intercepts. This shows where the capture began too late to see the owner before.
    fn asks_for_its_own(
        &mut self,
        observation: &Observation,
        arp: &ArpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let claimed = self.owners.get(&arp.target_ip).is_some_and(|owner| {
            owner.mac == arp.sender_mac
                && observation.sighting.time.nanoseconds_since(owner.last_seen) < CLAIMS_TOGETHER
        });
        // A router that answers for others (RFC 1027) asks for them on their own link.
        if !claimed
            || arp.sender_ip.is_unspecified()
            || !arp.sender_mac.is_station()
            || world.learning
            || world.inventory.is_router(arp.sender_mac)
            || self.owners.values().filter(|owner| owner.mac == arp.sender_mac).count() > PROXY_ADDRESSES
        {
            return;
        }
        let (mac, ip) = (arp.sender_mac, arp.target_ip);
        let source = Station { mac: Some(mac), ip: Some(IpAddr::V4(arp.sender_ip)), ..Station::default() };
        episodes.raise(
            Alarm {
                techniques: &["T1557.002", "T0830"],
                severity: Severity::High,
                confidence: 0.85,
                device: Some(Station { mac: None, ip: Some(IpAddr::V4(ip)), ..Station::default() }),
                source: Some(source),
                summary: format!("{mac} said that {ip} was its own, and now asks who has {ip}: it puts itself between stations."),
                evidence: vec![
                    world.names.evidence(observation, Protocol::Arp, "arp.tpa", &ip.to_string()),
                    world.names.evidence(observation, Protocol::Arp, "arp.sha", &mac.to_string()),
                ],
                silent_if: format!("{mac} had never claimed {ip}, or were a router that answers for others"),
                ..Alarm::about(Attack::PassiveGathering, "arp-interception", mac.to_string(), observation)
            },
            world.inventory,
        );
    }

    fn own(&mut self, ip: Ipv4Addr, mac: MacAddress, time: Timestamp) {
        if self.owners.len() < ARP_BINDINGS_MAX || self.owners.contains_key(&ip) {
            self.owners.insert(ip, Owner { mac, last_seen: time });
        }
    }

    /// The owner of an address is heard: if somebody else claims it, the two contest it.
    fn heard(
        &mut self,
        ip: Ipv4Addr,
        mac: MacAddress,
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        if let Some(owner) = self.owners.get_mut(&ip) {
            owner.last_seen = owner.last_seen.max(time);
        }
        if self.claimants.is_empty() {
            return;
        }
        let mut contested: Vec<_> = self
            .claimants
            .iter()
            .filter(|(_, claimant)| claimant.claims.iter().any(|claim| claim.ip == ip && claim.owner == mac))
            .map(|(claimant, _)| *claimant)
            .collect();
        contested.sort_unstable();
        for claimant in contested {
            let new = self.claimants.get_mut(&claimant).is_some_and(|claimant| claimant.contested.insert(ip));
            if new {
                self.judge(claimant, observation, world, episodes);
            }
        }
    }

    /// A station claims an address that another one uses.
    fn conflict(
        &mut self,
        observation: &Observation,
        arp: &ArpFact,
        owner: Owner,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let alive = time.nanoseconds_since(owner.last_seen) < OWNER_ALIVE;
        if owner.mac.is_virtual_router() || !alive {
            self.own(arp.sender_ip, arp.sender_mac, time);
            return;
        }
        let asked_for = arp.operation == ArpOperation::Reply
            && self
                .requests
                .iter()
                .rev()
                .take_while(|(asked, ..)| time.nanoseconds_since(*asked) < REQUEST_WAITS)
                .any(|(_, asker, wanted)| {
                    *wanted == arp.sender_ip && (*asker == arp.target_ip || arp.target_ip.is_unspecified())
                });
        if self.claimants.len() >= CLAIMANTS_MAX && !self.claimants.contains_key(&arp.sender_mac) {
            return;
        }
        let own_address = self.address_of(arp.sender_mac, arp.sender_ip);
        let claimant = self.claimants.entry(arp.sender_mac).or_default();
        claimant.own_address = own_address.or(claimant.own_address);
        while claimant
            .claims
            .front()
            .is_some_and(|claim| time.nanoseconds_since(claim.time) > CLAIMS_TOGETHER)
            || claimant.claims.len() >= CLAIMS_PER_STATION_MAX
        {
            claimant.claims.pop_front();
        }
        claimant.claims.push_back(FalseClaim {
            ip: arp.sender_ip,
            target: arp.target_ip,
            owner: owner.mac,
            time,
            asked_for,
        });
        self.judge(arp.sender_mac, observation, world, episodes);
        self.take_over(arp.sender_mac, arp.sender_ip, time);
    }

    /// An address that a station has besides the one that it claims.
    fn address_of(&self, mac: MacAddress, but: Ipv4Addr) -> Option<Ipv4Addr> {
        let own = self.owners.iter().filter(|(ip, owner)| owner.mac == mac && **ip != but).map(|(ip, _)| *ip);
        own.min()
    }

    /// A device was replaced, or its address was given to another one: the old owner stays silent. The new one
    /// becomes the owner when it alone was heard for long enough.
    fn take_over(&mut self, mac: MacAddress, ip: Ipv4Addr, time: Timestamp) {
        let Some(owner) = self.owners.get(&ip) else { return };
        let contested = self.claimants.get(&mac).is_some_and(|claimant| claimant.contested.contains(&ip));
        let first_claim =
            self.claimants.get(&mac).and_then(|claimant| claimant.claims.iter().find(|claim| claim.ip == ip));
        let long = first_claim.is_some_and(|claim| time.nanoseconds_since(claim.time) > CLAIMS_TOGETHER / 2);
        if !contested && long && time.nanoseconds_since(owner.last_seen) > CLAIMS_TOGETHER / 2 {
            self.own(ip, mac, time);
        }
    }

    fn judge(
        &mut self,
        mac: MacAddress,
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(claimant) = self.claimants.get(&mac) else { return };
        if world.learning {
            return;
        }
        let unasked: Vec<_> = claimant.claims.iter().filter(|claim| !claim.asked_for).collect();
        let stolen: BTreeSet<_> = unasked.iter().map(|claim| claim.ip).collect();
        let contested = stolen.iter().filter(|ip| claimant.contested.contains(*ip)).count();
        // Two addresses claimed unasked by a station that has one of its own is interception in both directions;
        // one address needs an owner who is heard meanwhile, or a claim that is repeated again and again while
        // the claimant keeps an address of its own.
        let both_ways = stolen.len() >= 2 && unasked.len() >= CLAIMS_MIN;
        let fought_over = contested > 0 && unasked.len() >= CLAIMS_MIN;
        let insistent = claimant.own_address.is_some() && unasked.len() >= 2 * CLAIMS_MIN;
        if !(both_ways || fought_over || insistent) {
            return;
        }
        let victim = self.victim(&unasked, world);
        let (Some(first), Some(newest)) = (unasked.first(), unasked.last()) else { return };
        let source_ip = claimant.own_address.map(IpAddr::V4);
        let source = Station { mac: Some(mac), ip: source_ip, ..Station::default() };
        let listed: Vec<_> = stolen.iter().take(4).map(ToString::to_string).collect();
        let severity = if both_ways || fought_over { Severity::High } else { Severity::Medium };
        episodes.raise(
            Alarm {
                attack: Attack::PassiveGathering,
                detector: "arp-interception",
                key: mac.to_string(),
                techniques: &["T1557.002", "T0830"],
                severity,
                confidence: if both_ways && contested > 0 { 0.97 } else if both_ways || fought_over { 0.9 } else { 0.75 },
                device: Some(victim),
                source: Some(source),
                summary: format!(
                    "{mac} answers for {} without being asked, {} times, while the owner{} of {} still there: it puts itself between stations.",
                    listed.join(", "),
                    unasked.len(),
                    if stolen.len() == 1 { "" } else { "s" },
                    if stolen.len() == 1 { "the address is" } else { "these addresses are" },
                ),
                evidence: vec![
                    world.names.evidence(observation, Protocol::Arp, "arp.spa", &newest.ip.to_string()),
                    world.names.evidence(observation, Protocol::Arp, "arp.sha", &mac.to_string()),
                    world.names.evidence(observation, Protocol::Arp, "owner before (arp.sha)", &newest.owner.to_string()),
                ],
                started: first.time,
                time: observation.sighting.time,
                silent_if: format!(
                    "{mac} had claimed only its own address, or a DHCP server had given it {}, or {} had fallen silent before",
                    newest.ip, newest.owner
                ),
            },
            world.inventory,
        );
    }

    /// Who suffers: a station whose address was taken or that was lied to, other than the gateway if there is one.
    fn victim(&self, claims: &[&FalseClaim], world: &World<'_>) -> Station {
        let mut hit: Map<Ipv4Addr, usize> = Map::default();
        for claim in claims {
            *hit.entry(claim.ip).or_default() += 2;
            if claim.target != claim.ip
                && !claim.target.is_unspecified()
                && claim.target != Ipv4Addr::BROADCAST
            {
                *hit.entry(claim.target).or_default() += 1;
            }
        }
        let best = hit.iter().max_by_key(|(ip, count)| {
            let mac = self.owners.get(*ip).map(|owner| owner.mac);
            let router = world.inventory.is_gateway(IpAddr::V4(**ip))
                || mac.is_some_and(|mac| world.inventory.is_router(mac));
            let station = Station { mac, ip: Some(IpAddr::V4(**ip)), ..Station::default() };
            let medical = world.is_medical(&station);
            (!router, medical, **count, std::cmp::Reverse(**ip))
        });
        let ip = best.map(|(ip, _)| *ip);
        Station {
            mac: ip.and_then(|ip| self.owners.get(&ip)).map(|owner| owner.mac),
            ip: ip.map(IpAddr::V4),
            ..Station::default()
        }
    }
}

/// Refused or unanswered attempts at different doors, after which it is a scan.
const DOORS_MIN: usize = 25;
/// Within this time.
const DOORS_TOGETHER: i64 = 60 * SECOND;
/// Share of attempts that fail in a scan; a busy client succeeds mostly.
const FAILED_SHARE_MIN: f64 = 0.7;
/// Time after which a flood has been told as one, and attempts from which on it may be one.
const FLOOD_SHOWS: i64 = 2 * SECOND;
const FAST_ATTEMPTS: u32 = 100;
/// Doors remembered of one source.
const DOORS_MAX: usize = 512;

#[derive(Default)]
struct Tries {
    since: Timestamp,
    doors: BTreeSet<(IpAddr, u16)>,
    attempts: u32,
    failed: u32,
    told_at: u32,
    /// An attempt that waits for judgement: a flood tries many ports too, and is known as one only after a second.
    waits: Option<Box<Observation>>,
}

/// Port scans and sweeps: MITRE ATT&CK T1046, T0846.
#[derive(Default)]
pub(super) struct Scan {
    sources: Map<IpAddr, Tries>,
    waiting: BTreeSet<IpAddr>,
}

impl Detector for Scan {
    fn conversations(&self) -> Conversations {
        Conversations::Both
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(source), Some(_)) = (observation.from.ip, observation.to.ip) else { return };
        if !self.waiting.is_empty() {
            self.judge_waiting(observation.sighting.time, world, episodes);
        }
        match &observation.fact {
            Fact::Tcp(TcpEvent::Opened) => self.tried(source, observation, false),
            // The refusal comes from the other end.
            Fact::Tcp(TcpEvent::Refused) => {
                let Some(scanner) = observation.to.ip else { return };
                let mut turned = observation.clone();
                std::mem::swap(&mut turned.from, &mut turned.to);
                self.tried(scanner, &turned, true);
                self.judge(scanner, &turned, observation.sighting.time, world, episodes);
            }
            Fact::ConversationEnded(conversation) if conversation.tcp == Some(TcpOutcome::Unanswered) => {
                self.tried(source, observation, true);
                self.judge(source, observation, observation.sighting.time, world, episodes);
            }
            // A half-open scan resets what was answered.
            Fact::ConversationEnded(conversation) if conversation.tcp == Some(TcpOutcome::HalfOpen) => {
                self.tried(source, observation, true);
                self.judge(source, observation, observation.sighting.time, world, episodes);
            }
            _ => {}
        }
    }

    fn advance(&mut self, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        // Time that passes without packets, or the end: nothing more is known by waiting.
        self.judge_waiting(
            Timestamp::from_nanoseconds(now.nanoseconds().saturating_add(FLOOD_SHOWS)),
            world,
            episodes,
        );
    }
}

impl Scan {
    fn judge_waiting(&mut self, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        for source in std::mem::take(&mut self.waiting) {
            let Some(tries) = self.sources.get_mut(&source) else { continue };
            if now.nanoseconds_since(tries.since) < FLOOD_SHOWS {
                self.waiting.insert(source);
            } else if let Some(observation) = tries.waits.take() {
                self.judge(source, &observation, now, world, episodes);
            }
        }
    }

    fn tried(&mut self, source: IpAddr, observation: &Observation, failed: bool) {
        if self.sources.len() >= SCAN_SOURCES_MAX && !self.sources.contains_key(&source) {
            // Under a flood of made-up sources nobody here is a scanner; begin again.
            self.sources.clear();
        }
        let time = observation.sighting.time;
        let tries = self.sources.entry(source).or_insert_with(|| Tries { since: time, ..Tries::default() });
        if time.nanoseconds_since(tries.since) > DOORS_TOGETHER {
            *tries = Tries { since: time, ..Tries::default() };
        }
        tries.attempts += 1;
        if failed {
            tries.failed += 1;
            if let Some(ip) = observation.to.ip.filter(|_| tries.doors.len() < DOORS_MAX) {
                tries.doors.insert((ip, observation.to.port));
            }
        }
    }

    fn judge(
        &mut self,
        source: IpAddr,
        observation: &Observation,
        now: Timestamp,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(tries) = self.sources.get_mut(&source) else { return };
        let enough = tries.doors.len() >= DOORS_MIN
            && f64::from(tries.failed) >= FAILED_SHARE_MIN * f64::from(tries.attempts)
            && tries.failed >= tries.told_at.saturating_mul(2);
        if !enough || world.learning || world.inventory.site().has_role(source, ServerRole::Scanner) {
            return;
        }
        let fast = tries.attempts >= FAST_ATTEMPTS;
        if fast && now.nanoseconds_since(tries.since) < FLOOD_SHOWS {
            tries.waits = Some(Box::new(observation.clone()));
            self.waiting.insert(source);
            return;
        }
        tries.told_at = tries.failed;
        // A flood tries many ports as well; it is told as what it is.
        if tries.doors.iter().all(|(ip, _)| Some(*ip) == observation.to.ip)
            && episodes.is_flooded(&observation.to, observation.sighting.time)
        {
            return;
        }
        let hosts: BTreeSet<_> = tries.doors.iter().map(|(ip, _)| *ip).collect();
        let ports: BTreeSet<_> = tries.doors.iter().map(|(_, port)| *port).collect();
        let device = (hosts.len() == 1).then_some(observation.to);
        episodes.raise(
            Alarm {
                attack: Attack::PassiveGathering,
                detector: "scan",
                key: source.to_string(),
                techniques: &["T1046", "T0846"],
                severity: Severity::Medium,
                confidence: 0.9,
                device,
                source: Some(observation.from),
                summary: format!(
                    "{source} tried {} ports on {} stations within a minute; {} of {} attempts failed: it looks for open doors.",
                    ports.len(),
                    hosts.len(),
                    tries.failed,
                    tries.attempts
                ),
                evidence: vec![world.names.evidence(observation, Protocol::Tcp, "tcp.dstport", &observation.to.port.to_string())],
                started: tries.since,
                time: observation.sighting.time,
                silent_if: format!("the site file named {source} as a scanner, or most attempts had been answered"),
            },
            world.inventory,
        );
    }
}
