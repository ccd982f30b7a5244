//! Who leads the others on their way, and who takes that over: MITRE ATT&CK T0830, T1557, T1498.
//!
//! Spanning tree chooses a root bridge, VRRP and HSRP an active router, OSPF and RIP believe whoever speaks: most of it
//! without any proof. A leader that fails is followed by one of lower rank that was waiting; one that was never seen and
//! ranks higher, while the old one is alive, takes over. What is seen in the first minutes was there before.

use std::collections::BTreeMap;

use wardline_model::fact::{RoutingFact, RoutingKind};
use wardline_model::{Attack, Fact, Label, Observation, Protocol, ServerRole, Severity, Station, Timestamp};

use super::recent::Window;
use super::{Alarm, Detector, Episodes, World};
use crate::inventory::DeviceKey;

const SECOND: i64 = 1_000_000_000;
/// Time of watching after which a router that was never heard is new. They speak every few seconds, and what stays the
/// same is told every ten minutes.
const WATCHED_MIN: i64 = 300 * SECOND;
/// Changes of the leader within [`WAR_WITHIN`] after which two fight for it. A router that restarts makes two.
const CHANGES_MIN: usize = 5;
const WAR_WITHIN: i64 = 120 * SECOND;
/// How long a leader counts as alive without being told of anew.
const ALIVE: i64 = 900 * SECOND;
/// Groups of routers, and members of one group, that are remembered.
const GROUPS_MAX: usize = 1_024;
const MEMBERS_MAX: usize = 64;

/// Who chooses a leader among themselves: one protocol, one VLAN, one group or area. A mirror port may show several such
/// networks at once that know nothing of each other.
type GroupKey = (Protocol, Option<u16>, Option<Label>);

/// How a member is known: by the station that speaks, or by its own identifier.
type Member = (Option<DeviceKey>, Option<Label>);

#[derive(Clone, Debug)]
struct Leader {
    name: Label,
    priority: Option<u32>,
    last: Timestamp,
}

/// Whom somebody believes to lead, and when that changed.
#[derive(Clone, Debug)]
struct Belief {
    /// Whose belief: each bridge and each OSPF router has its own; an active router leads whether or not one believes it.
    of: Member,
    leader: Leader,
    changes: Window,
}

#[derive(Clone, Debug)]
struct Group {
    members: Vec<Member>,
    beliefs: Vec<Belief>,
    /// All that led.
    leaders: Vec<Label>,
}

/// Forged and fought-over leadership of routers and bridges.
#[derive(Default)]
pub(super) struct FalseRoutes {
    began: Option<Timestamp>,
    groups: BTreeMap<GroupKey, Group>,
}

/// What an alarm of this file says.
struct Told {
    detector: &'static str,
    severity: Severity,
    confidence: f32,
    field: &'static str,
    value: String,
    summary: String,
    silent_if: &'static str,
    started: Timestamp,
}

impl Detector for FalseRoutes {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        let began = *self.began.get_or_insert(time);
        let Fact::Routing(routing) = &observation.fact else { return };
        let key = (routing.protocol, observation.vlan, group_of(routing));
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            members: Vec::new(),
            beliefs: Vec::new(),
            leaders: Vec::new(),
        });
        let member = member_of(observation, routing, world);
        let known = group.members.contains(&member);
        if !known && group.members.len() < MEMBERS_MAX {
            group.members.push(member.clone());
        }
        let settled = time.nanoseconds_since(began) > WATCHED_MIN && !world.learning;
        let trusted = world.in_maintenance(observation.from.ip, time) || is_router(&observation.from, world);
        let taken = group.leads(observation, routing, member);
        if !settled || trusted {
            return;
        }
        let told = match taken {
            Some(taken) if taken.changes >= CHANGES_MIN => Some(war(routing, &taken)),
            Some(taken) => takeover(observation, routing, &taken, known),
            None if !known => newcomer(observation, routing, world),
            None => None,
        };
        let Some(told) = told else { return };
        let group_name = group_of(routing).map(|name| format!(" {name}")).unwrap_or_default();
        let alarm = Alarm {
            techniques: &["T0830", "T1557", "T1498"],
            severity: told.severity,
            confidence: told.confidence,
            device: None,
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, routing.protocol, told.field, &told.value)],
            started: told.started,
            silent_if: told.silent_if.to_owned(),
            ..Alarm::about(
                Attack::Routing,
                told.detector,
                format!("{} {:?}{group_name}", routing.protocol, observation.vlan),
                observation,
            )
        };
        episodes.raise(alarm, world.inventory);
    }
}

/// A leader that was followed by another one.
struct Taken {
    before: Leader,
    now: Leader,
    /// The new one had led at some time before.
    returns: bool,
    /// The old one had said that it would go, or was not heard of for long.
    gone: bool,
    /// How often that happened lately, and since when.
    changes: usize,
    since: Timestamp,
}

impl Group {
    /// Notes who leads. What changed, if it did.
    fn leads(&mut self, observation: &Observation, routing: &RoutingFact, member: Member) -> Option<Taken> {
        let time = observation.sighting.time;
        let now = leader_of(observation, routing)?;
        let by_belief = matches!(routing.protocol, Protocol::Stp | Protocol::Ospf);
        let of = if by_belief { member } else { (None, None) };
        let place = self.beliefs.iter().position(|belief| belief.of == of);
        let known = place.and_then(|place| self.beliefs.get_mut(place));
        if routing.kind == RoutingKind::Resignation {
            if let Some(belief) = known.filter(|belief| belief.leader.name == now.name) {
                belief.leader.last = Timestamp::default();
            }
            return None;
        }
        let returns = self.leaders.contains(&now.name);
        if !returns && self.leaders.len() < MEMBERS_MAX {
            self.leaders.push(now.name.clone());
        }
        let (before, changes, since) = match known {
            Some(belief) => {
                let before = std::mem::replace(&mut belief.leader, now.clone());
                if before.name == now.name {
                    return None;
                }
                let changes = belief.changes.add(time, WAR_WITHIN);
                (before, changes, belief.changes.first().unwrap_or(time))
            }
            None => {
                // A bridge that was never heard and says that it is the root: beside the best that there was.
                let best =
                    self.beliefs.iter().map(|belief| &belief.leader).min_by_key(|leader| rank(&leader.name));
                let best = best.cloned();
                if self.beliefs.len() < MEMBERS_MAX {
                    self.beliefs.push(Belief { of, leader: now.clone(), changes: Window::default() });
                }
                let beside = routing.protocol == Protocol::Stp && routing.leads;
                (best.filter(|best| beside && best.name != now.name)?, 1, time)
            }
        };
        let gone = time.nanoseconds_since(before.last) > ALIVE;
        Some(Taken { before, now, returns, gone, changes, since })
    }
}

/// Spanning trees of one VLAN are one group; those of several VLANs on one port have roots that differ in their priority.
fn group_of(routing: &RoutingFact) -> Option<Label> {
    match routing.protocol {
        Protocol::Stp => {
            let root = routing.leader.as_ref()?.as_str();
            // IEEE 802.1D-2004 section 9.2.5: the lower twelve bits of the priority name the VLAN.
            let priority: u32 = root.split('/').next()?.parse().ok()?;
            Some(Label::new(&format!("tree {}", priority & 0x0fff)))
        }
        Protocol::Vrrp | Protocol::Hsrp => {
            let address = routing.addresses.first().map(ToString::to_string).unwrap_or_default();
            let group = routing.group.as_ref().map_or("", Label::as_str);
            Some(Label::new(&format!("{group} {address}")))
        }
        _ => routing.group.clone(),
    }
}

fn member_of(observation: &Observation, routing: &RoutingFact, world: &World<'_>) -> Member {
    match (&routing.router, observation.from.ip) {
        (Some(router), _) => (None, Some(router.clone())),
        // The link address of an active router is that of its group.
        (None, Some(ip)) => (None, Some(Label::new(&ip.to_string()))),
        (None, None) => (world.inventory.key_of(&observation.from), None),
    }
}

/// Who leads by what this message says.
fn leader_of(observation: &Observation, routing: &RoutingFact) -> Option<Leader> {
    let name = match routing.protocol {
        Protocol::Stp | Protocol::Ospf => routing.leader.clone()?,
        Protocol::Vrrp | Protocol::Hsrp
            if routing.leads || matches!(routing.kind, RoutingKind::Claim | RoutingKind::Resignation) =>
        {
            Label::new(&observation.from.ip?.to_string())
        }
        _ => return None,
    };
    let priority = match routing.protocol {
        Protocol::Stp => name.as_str().split('/').next().and_then(|priority| priority.parse().ok()),
        _ => routing.priority,
    };
    Some(Leader { name, priority, last: observation.sighting.time })
}

fn is_router(station: &Station, world: &World<'_>) -> bool {
    station.ip.is_some_and(|ip| world.inventory.site().has_role(ip, ServerRole::Router))
}

fn takeover(observation: &Observation, routing: &RoutingFact, taken: &Taken, known: bool) -> Option<Told> {
    // Whom OSPF routers follow was chosen by all, and is not taken from one that lives (RFC 2328 section 9.4).
    if taken.returns || taken.gone || routing.protocol == Protocol::Ospf {
        return None;
    }
    let (before, now) = (&taken.before, &taken.now);
    let stronger = match (routing.protocol, now.priority, before.priority) {
        // The root of a tree is the lowest of all: a higher one follows only where the old one is gone.
        (Protocol::Stp, ..) => rank(&now.name) < rank(&before.name),
        (_, Some(now), Some(before)) => now >= before,
        _ => false,
    };
    // A router that was heard waiting, as those of HSRP are, is there to take over.
    if !stronger || known && routing.protocol != Protocol::Stp {
        return None;
    }
    let (detector, field) = match routing.protocol {
        Protocol::Stp => ("new-root-bridge", "stp.root.hw"),
        Protocol::Vrrp => ("new-leading-router", "vrrp.prio"),
        _ => ("new-leading-router", "hsrp.priority"),
    };
    let severity = match (routing.protocol, routing.authenticated) {
        (_, Some(true)) => Severity::Medium,
        (Protocol::Stp, _) if now.priority == before.priority => Severity::Medium,
        _ => Severity::High,
    };
    Some(Told {
        detector,
        severity,
        confidence: 0.8,
        field,
        value: format!("{} (priority {:?})", now.name, now.priority),
        summary: format!(
            "{} takes over from {} in {} though that one was alive: traffic goes through it now.",
            now.name, before.name, routing.protocol
        ),
        silent_if: "it had been heard before, ranked lower than the one before it, the other one had resigned, or the site file named it as a router or announced the work",
        started: observation.sighting.time,
    })
}

/// Priority and address of a bridge, to be compared.
fn rank(bridge: &Label) -> (u32, String) {
    let (priority, address) = bridge.as_str().split_once('/').unwrap_or_default();
    (priority.parse().unwrap_or(u32::MAX), address.to_owned())
}

fn war(routing: &RoutingFact, taken: &Taken) -> Told {
    Told {
        detector: "leadership-fought-over",
        severity: Severity::High,
        confidence: 0.85,
        field: "leader",
        value: format!("{} after {}", taken.now.name, taken.before.name),
        summary: format!(
            "{} and {} take leadership of {} from each other again and again: traffic stops at each change.",
            taken.now.name, taken.before.name, routing.protocol
        ),
        silent_if: "the leader had changed fewer than five times within two minutes, or the site file named them as routers or announced the work",
        started: taken.since,
    }
}

/// Somebody new among those that tell each other routes.
fn newcomer(observation: &Observation, routing: &RoutingFact, world: &World<'_>) -> Option<Told> {
    if !matches!(routing.protocol, Protocol::Ospf | Protocol::Rip) {
        return None;
    }
    let was_host = world.is_medical(&observation.from);
    let (severity, what) = match (routing.authenticated, was_host) {
        (_, true) => (Severity::High, "a medical device, "),
        (Some(true), false) => (Severity::Low, ""),
        (_, false) if routing.default_route => (Severity::High, ""),
        (_, false) => (Severity::Medium, ""),
    };
    let who = routing.router.as_ref().map(ToString::to_string);
    let from = observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let who = who.unwrap_or_else(|| from.clone());
    Some(Told {
        detector: "new-router",
        severity,
        confidence: 0.75,
        field: if routing.protocol == Protocol::Ospf { "ospf.srcrouter" } else { "rip.command" },
        value: who.clone(),
        summary: format!(
            "{from}, {what}never heard before, speaks {} as router {who}{}.",
            routing.protocol,
            if routing.default_route { " and says that the way to everywhere leads through it" } else { "" }
        ),
        silent_if: "it had spoken from the start, or the site file named it as a router or announced the work",
        started: observation.sighting.time,
    })
}
