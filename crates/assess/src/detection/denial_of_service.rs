//! Denial of service by flooding: MITRE ATT&CK T0814, T1498.001, T1499.002.
//!
//! A flood is told from a busy hour by what does not happen: half-open connections stay half-open, datagrams are
//! never answered. Rates are compared with what the target was used to; a floor keeps small numbers quiet.

use std::net::IpAddr;

use wardline_model::fact::{FlowRate, StackTraits, TcpEvent};
use wardline_model::{Attack, Fact, Observation, Protocol, Severity, Station, Timestamp, Transport};

use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::Map;
use crate::limits::FLOOD_TARGETS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Half-open connections to one target within a second that no legitimate client leaves behind.
const HALF_OPEN_MIN: u32 = 100;
/// Datagrams of one conversation within a second, all one way.
const DATAGRAMS_MIN: u32 = 1_000;
/// New one-way conversations over UDP or ICMP to one target within a second.
const CONVERSATIONS_MIN: u32 = 150;
/// Connections that were completed with one target within a second.
const CONNECTIONS_MIN: u32 = 200;
/// By how much a rate must exceed what the target was used to.
const TIMES_NORMAL: f64 = 5.0;
/// Share of a new second in what a target is used to.
const SMOOTHING: f64 = 0.1;
/// Ports tried within a second beyond which it is a scan rather than a flood.
const PORTS_MAX: u32 = 24;
/// Attempts within a second beyond which it is a flood, whatever its ports: no scan needs to be that loud.
const LOUD: u32 = 1_000;
/// Sources told apart within a second.
const SOURCES_MAX: usize = 64;

/// One second of one target.
#[derive(Clone, Debug, Default)]
struct Second {
    begin: i64,
    syns: u32,
    answered: u32,
    opened: u32,
    datagram_conversations: u32,
    ports: PortSet,
    sources: Vec<IpAddr>,
    many_sources: bool,
    told: bool,
}

/// Ports told apart coarsely: enough to tell one from many.
#[derive(Clone, Copy, Debug, Default)]
struct PortSet(u64);

impl PortSet {
    fn insert(&mut self, port: u16) {
        self.0 |= 1 << (port.wrapping_mul(40_503) >> 10);
    }

    const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

#[derive(Clone, Debug, Default)]
struct Target {
    second: Second,
    /// New connections and one-way conversations per second that the target is used to.
    normal_syns: f64,
    normal_conversations: f64,
    seen: Timestamp,
}

/// Floods of SYNs, datagrams, echo requests and connections.
#[derive(Default)]
pub(super) struct Flood {
    targets: Map<IpAddr, Target>,
}

/// What kind of flood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Syn,
    Connections,
    Datagrams,
    Echo,
}

impl Detector for Flood {
    fn conversations(&self) -> Conversations {
        Conversations::Begins
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::ConversationStarted(traits) => self.started(observation, traits, world, episodes),
            Fact::Tcp(TcpEvent::Answered(_)) => {
                // Told by the responder, so the target of the flood is `from`.
                if let Some(target) = self.at(observation.from.ip, observation.sighting.time) {
                    target.second.answered += 1;
                }
            }
            Fact::Tcp(TcpEvent::Opened) => {
                if let Some(target) = self.at(observation.to.ip, observation.sighting.time) {
                    target.second.opened += 1;
                    let connections = target.second.opened;
                    if f64::from(connections) > target.normal_syns * TIMES_NORMAL
                        && connections >= CONNECTIONS_MIN
                    {
                        let medical = world.is_medical(&observation.to);
                        self.flood(Kind::Connections, observation, connections, medical, world, episodes);
                    }
                }
            }
            Fact::Rate(rate) => self.rate(observation, rate, world, episodes),
            _ => {}
        }
    }
}

impl Flood {
    /// The target at this second; the second before it goes into what is normal.
    fn at(&mut self, ip: Option<IpAddr>, time: Timestamp) -> Option<&mut Target> {
        let ip = ip.filter(|ip| !is_group(*ip))?;
        if self.targets.len() >= FLOOD_TARGETS_MAX && !self.targets.contains_key(&ip) {
            let oldest = self.targets.iter().map(|(ip, target)| (target.seen, *ip)).min()?.1;
            self.targets.remove(&oldest);
        }
        let target = self.targets.entry(ip).or_default();
        target.seen = time;
        let begin = time.nanoseconds().div_euclid(SECOND);
        if begin != target.second.begin {
            let quiet_seconds = (begin - target.second.begin).clamp(1, 120);
            // A second under attack teaches nothing.
            if !target.second.told && target.second.begin != 0 {
                target.normal_syns += SMOOTHING * (f64::from(target.second.syns) - target.normal_syns);
                target.normal_conversations += SMOOTHING
                    * (f64::from(target.second.datagram_conversations) - target.normal_conversations);
            }
            let fade = (1.0 - SMOOTHING).powf((quiet_seconds - 1) as f64);
            target.normal_syns *= fade;
            target.normal_conversations *= fade;
            target.second = Second { begin, ..Second::default() };
        }
        Some(target)
    }

    fn started(
        &mut self,
        observation: &Observation,
        traits: &StackTraits,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let source = observation.from.ip;
        let Some(target) = self.at(observation.to.ip, observation.sighting.time) else { return };
        let second = &mut target.second;
        second.ports.insert(observation.to.port);
        match source {
            Some(source) if second.sources.len() < SOURCES_MAX => {
                if !second.sources.contains(&source) {
                    second.sources.push(source);
                }
            }
            _ => second.many_sources = true,
        }
        let scan = second.ports.count() > PORTS_MAX && second.sources.len() == 1 && second.syns < LOUD;
        let told = second.told;
        match observation.transport {
            Some(Transport::TCP) if traits.syn => {
                second.syns += 1;
                let half_open = second.syns.saturating_sub(second.opened);
                let syns = second.syns;
                let unusual = f64::from(syns) > target.normal_syns * TIMES_NORMAL;
                // Handshakes take a moment: only what stays behind by far counts.
                if !told && half_open >= HALF_OPEN_MIN && half_open * 5 >= syns * 4 && unusual && !scan {
                    self.flood(Kind::Syn, observation, half_open, true, world, episodes);
                }
            }
            Some(Transport::UDP | Transport::ICMP | Transport::ICMP6) => {
                second.datagram_conversations += 1;
                let count = second.datagram_conversations;
                let unusual = f64::from(count) > target.normal_conversations * TIMES_NORMAL;
                if !told
                    && count >= CONVERSATIONS_MIN
                    && unusual
                    && !scan
                    && !is_name_server(observation.to.port)
                {
                    let kind = if observation.transport == Some(Transport::UDP) {
                        Kind::Datagrams
                    } else {
                        Kind::Echo
                    };
                    self.flood(kind, observation, count, true, world, episodes);
                }
            }
            _ => {}
        }
    }

    fn rate(
        &mut self,
        observation: &Observation,
        rate: &FlowRate,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let per_second = |packets: u32| u64::from(packets) * 1000 / u64::from(rate.interval_ms.max(1));
        let (forward, backward) = (per_second(rate.packets_from), per_second(rate.packets_to));
        let one_way = backward * 50 < forward;
        // Pictures and sound fill their packets; a flood of datagrams is judged by packets, whatever their size,
        // but one stream of large ones is more likely a picture.
        let mean_bytes = rate.bytes_from / u64::from(rate.packets_from.max(1));
        let floor = u64::from(DATAGRAMS_MIN) * if mean_bytes > 1_000 { 5 } else { 1 };
        let echoes = matches!(observation.transport, Some(Transport::ICMP | Transport::ICMP6));
        let kind = match observation.transport {
            Some(Transport::UDP) if one_way && forward >= floor => Kind::Datagrams,
            Some(_) if echoes && forward >= u64::from(DATAGRAMS_MIN) / 4 => Kind::Echo,
            _ => return,
        };
        if observation.to.ip.is_some_and(is_group) {
            return;
        }
        if self.at(observation.to.ip, observation.sighting.time).is_some() {
            let count = u32::try_from(forward).unwrap_or(u32::MAX);
            self.flood(kind, observation, count, true, world, episodes);
        }
    }

    fn flood(
        &mut self,
        kind: Kind,
        observation: &Observation,
        count: u32,
        sure: bool,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let (Some(ip), Some(target)) = (observation.to.ip, self.at(observation.to.ip, time)) else { return };
        // Once a second is enough, and once more when it has grown tenfold.
        if std::mem::replace(&mut target.second.told, true) || world.learning {
            return;
        }
        let answered = target.second.answered;
        let spoofed = target.second.many_sources || target.second.sources.len() > 16;
        let sources = if target.second.many_sources {
            format!("more than {SOURCES_MAX}")
        } else {
            target.second.sources.len().max(1).to_string()
        };
        let normal = match kind {
            Kind::Syn | Kind::Connections => target.normal_syns,
            Kind::Datagrams | Kind::Echo => target.normal_conversations,
        };
        if world.in_maintenance(observation.to.ip, time) && kind == Kind::Connections {
            return;
        }
        let medical = world.is_medical(&observation.to);
        let (what, technique): (_, &'static [&'static str]) = match kind {
            Kind::Syn => ("connection attempts that stay half-open", &["T1499.001", "T1498.001", "T0814"]),
            Kind::Connections => ("completed connections", &["T1499.002", "T0814"]),
            Kind::Datagrams => ("datagrams that nobody answers", &["T1498.001", "T0814"]),
            Kind::Echo => ("echo requests", &["T1498.001", "T0814"]),
        };
        let detector = match kind {
            Kind::Syn => "syn-flood",
            Kind::Connections => "connection-flood",
            Kind::Datagrams => "udp-flood",
            Kind::Echo => "icmp-flood",
        };
        // A made-up address names nobody; the link address is that of the sender or of the last router.
        let source = Station { ip: observation.from.ip.filter(|_| !spoofed), ..observation.from };
        let protocol = match kind {
            Kind::Syn | Kind::Connections => Protocol::Tcp,
            Kind::Datagrams => Protocol::Udp,
            Kind::Echo => Protocol::Icmp,
        };
        episodes.raise(
            Alarm {
                attack: Attack::DenialOfService,
                detector,
                key: ip.to_string(),
                techniques: technique,
                severity: match (kind, medical) {
                    (Kind::Connections, false) => Severity::Medium,
                    (_, true) => Severity::Critical,
                    (_, false) => Severity::High,
                },
                confidence: if sure { 0.95 } else { 0.7 },
                device: Some(observation.to),
                source: Some(source),
                summary: format!("{ip} gets {count} {what} within a second, from {sources} address{}: it is being flooded.", if sources == "1" { "" } else { "es" }),
                evidence: vec![
                    world.names.evidence(observation, protocol, "per second", &count.to_string()),
                    world.names.evidence(observation, protocol, "answered in that second", &answered.to_string()),
                ],
                started: Timestamp::from_seconds(time.nanoseconds().div_euclid(SECOND)),
                time,
                silent_if: format!("there had been fewer than {} within a second, or {ip} were used to a fifth of that (it is used to {normal:.1})", floor(kind)),
            },
            world.inventory,
        );
    }
}

const fn floor(kind: Kind) -> u32 {
    match kind {
        Kind::Syn => HALF_OPEN_MIN,
        Kind::Connections => CONNECTIONS_MIN,
        Kind::Datagrams => CONVERSATIONS_MIN,
        Kind::Echo => DATAGRAMS_MIN / 4,
    }
}

/// Name servers get very many short conversations, each answered.
const fn is_name_server(port: u16) -> bool {
    port == 53
}

fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.octets()[3] == 255,
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}
