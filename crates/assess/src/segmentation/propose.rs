//! A policy learned from what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{
    Action, Category, Criticality, Device, DeviceId, Documented, DocumentedUse, Group, Judge, Label,
    MEMBERS_MAX, Member, Party, Policy, PortRange, ProtectedConversation, Protocol, RULES_MAX, Rule,
    RuleEvidence, Standing, Timestamp, Transport, Zone, is_link_scope,
};

use super::{Conversation, placement};
use crate::limits::{CONDUITS_MAX, PAIRS_PER_CONDUIT_MAX};

const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;
/// Ports above are chosen for one conversation (RFC 6335 section 6).
const DYNAMIC_PORT_MIN: u16 = 49_152;
/// Examples shown with a rule.
const EXAMPLES_MAX: usize = 4;
/// Pairs from which on a conversation is usual rather than one device's own habit.
const COMMON_PAIRS_MIN: usize = 2;
/// Hours from which on unanswered datagrams to one service are a habit.
const HABIT_HOURS_MIN: usize = 3;
/// Senders, receivers and ports whose unanswered datagrams are counted.
const ONE_WAY_MAX: usize = 65_536;
/// Services that every device may need of whoever was seen to offer them: name, time, address (RFC 1035, 5905, 2131).
const INFRASTRUCTURE: &[(Transport, u16, &str)] = &[
    (Transport::UDP, 53, "RFC 1035 section 4.2: names"),
    (Transport::TCP, 53, "RFC 7766: names over TCP"),
    (Transport::UDP, 123, "RFC 5905: time"),
    (Transport::UDP, 67, "RFC 2131 section 4.4.5: renewal of an address"),
];

/// Group of addresses that are no device here.
const OUTSIDE_GROUP: &str = "outside/services";

type ConduitKey = (Label, Label, u8, PortRange, Option<Protocol>);

#[derive(Default)]
struct Conduit {
    flows: u64,
    pairs: BTreeSet<(IpAddr, IpAddr)>,
    hours: BTreeSet<i64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// Learns a policy: devices first, then conversations in any order.
pub struct Proposal {
    pub(super) policy: Policy,
    pub(super) group_of_ip: BTreeMap<IpAddr, Label>,
    group_of_device: BTreeMap<DeviceId, Label>,
    life_sustaining: BTreeSet<IpAddr>,
    conduits: BTreeMap<ConduitKey, Conduit>,
    protected: BTreeSet<ProtectedConversation>,
    hours: BTreeSet<i64>,
    refused: u64,
    documented: Vec<(Label, DocumentedUse)>,
    /// Hours in which somebody sent datagrams that nobody answers.
    one_way: BTreeMap<(IpAddr, IpAddr, u8, u16), BTreeSet<i64>>,
    pub(super) group_of_name: BTreeMap<String, Label>,
}

/// The policy that these devices and conversations suggest.
pub fn propose<'a>(
    name: Label,
    devices: &[Device],
    conversations: impl IntoIterator<Item = &'a Conversation>,
) -> Policy {
    let mut proposal = Proposal::new(name, devices);
    conversations.into_iter().for_each(|conversation| proposal.learn(conversation));
    proposal.finish()
}

/// A policy with the addresses that its devices have now: those that moved, and those that came and belong in a group that it
/// has. Nobody leaves, and nothing else changes. Tells how many were added.
pub fn refreshed(policy: &Policy, devices: &[Device]) -> (Policy, u64) {
    let mut refreshed = policy.clone();
    let groups: BTreeSet<&Label> = policy.groups.iter().map(|group| &group.name).collect();
    let of_device: BTreeMap<&DeviceId, &Label> =
        policy.members.iter().filter_map(|member| Some((member.device.as_ref()?, &member.group))).collect();
    let judge = Judge::new(policy);
    let mut added = BTreeSet::new();
    for device in devices {
        let place = placement(device);
        // Whoever is in a group stays there: people may have put it there.
        let group = of_device.get(&device.id).copied().cloned().unwrap_or(place.group);
        if !groups.contains(&group) {
            continue;
        }
        for ip in device.ips.iter().copied().filter(|ip| !is_link_scope(*ip)) {
            let known = judge.group(Party { ip: Some(ip), device: None }).is_some();
            if known || refreshed.members.len() >= MEMBERS_MAX || !added.insert(ip) {
                continue;
            }
            refreshed.members.push(Member {
                address: IpNet::from(ip),
                group: group.clone(),
                device: Some(device.id.clone()),
                name: Some(device.display_name()),
                criticality: device.criticality,
                ward: device.zone.clone(),
                reason: place.reason.clone(),
            });
        }
    }
    (refreshed, added.len() as u64)
}

impl Proposal {
    /// A proposal that knows the devices and no conversation.
    pub fn new(name: Label, devices: &[Device]) -> Self {
        let mut proposal = Self {
            policy: Policy::empty(name),
            group_of_ip: BTreeMap::new(),
            group_of_device: BTreeMap::new(),
            life_sustaining: BTreeSet::new(),
            conduits: BTreeMap::new(),
            protected: BTreeSet::new(),
            hours: BTreeSet::new(),
            refused: 0,
            documented: Vec::new(),
            one_way: BTreeMap::new(),
            group_of_name: BTreeMap::new(),
        };
        let mut zones = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for device in devices {
            let place = placement(device);
            zones.entry(place.zone.clone()).or_insert((place.within, place.zone_reason));
            groups.entry(place.group.clone()).or_insert((place.zone.clone(), device.category));
            proposal.add(device, &place.group, &place.reason);
        }
        proposal.policy.zones = zones
            .into_iter()
            .map(|(name, (within, reason))| Zone { name, within, reason: reason.to_owned() })
            .collect();
        proposal.policy.groups =
            groups.into_iter().map(|(name, (zone, category))| Group { name, zone, category }).collect();
        proposal
    }

    fn add(&mut self, device: &Device, group: &Label, reason: &str) {
        self.group_of_device.insert(device.id.clone(), group.clone());
        for name in &device.hostnames {
            self.group_of_name.entry(name.as_str().to_lowercase()).or_insert_with(|| group.clone());
        }
        for ip in device.ips.iter().filter(|ip| !is_link_scope(**ip)) {
            // An address that two devices used belongs to the one that was told first.
            if self.group_of_ip.contains_key(ip) {
                continue;
            }
            self.group_of_ip.insert(*ip, group.clone());
            if device.criticality == Some(Criticality::LifeSustaining) {
                self.life_sustaining.insert(*ip);
            }
            self.policy.members.push(Member {
                address: IpNet::from(*ip),
                group: group.clone(),
                device: Some(device.id.clone()),
                name: Some(device.display_name()),
                criticality: device.criticality,
                ward: device.zone.clone(),
                reason: reason.to_owned(),
            });
        }
    }

    /// Learns from a conversation.
    pub fn learn(&mut self, conversation: &Conversation) {
        let hour = conversation.start.nanoseconds().div_euclid(HOUR_NANOSECONDS);
        self.hours.insert(hour);
        self.policy.learned_until = self.policy.learned_until.max(Some(conversation.start));
        let [from, to] = conversation.addresses;
        if is_link_scope(from) || is_link_scope(to) {
            return;
        }
        if !conversation.answered && !self.is_habit(conversation, hour) {
            return;
        }
        let (one, two) = (self.group(from, 0, conversation), self.group(to, 1, conversation));
        if one.is_none() && two.is_none() {
            return;
        }
        let ports = ports(conversation);
        self.protect(conversation, ports);
        let (one, two) = (one.unwrap_or_else(|| self.outside(from)), two.unwrap_or_else(|| self.outside(to)));
        let key = (one, two, conversation.transport.0, ports, conversation.application);
        if self.conduits.len() >= CONDUITS_MAX && !self.conduits.contains_key(&key) {
            self.refused += conversation.flows;
            return;
        }
        let conduit = self.conduits.entry(key).or_default();
        conduit.flows += conversation.flows;
        conduit.hours.insert(hour);
        conduit.first = Some(conduit.first.map_or(conversation.start, |first| first.min(conversation.start)));
        conduit.last = conduit.last.max(Some(conversation.start));
        if conduit.pairs.len() < PAIRS_PER_CONDUIT_MAX {
            conduit.pairs.insert((from, to));
        }
    }

    /// Datagrams that nobody answers, a few at a time, are work where they come to the same service hour after hour: readings,
    /// logs, alarms. A scan's probes do not.
    fn is_habit(&mut self, conversation: &Conversation, hour: i64) -> bool {
        if conversation.transport == Transport::TCP {
            return false;
        }
        let [from, to] = conversation.addresses;
        let key = (from, to, conversation.transport.0, conversation.port);
        if self.one_way.len() >= ONE_WAY_MAX && !self.one_way.contains_key(&key) {
            self.refused += conversation.flows;
            return false;
        }
        let hours = self.one_way.entry(key).or_default();
        if hours.len() < HABIT_HOURS_MIN {
            hours.insert(hour);
        }
        hours.len() >= HABIT_HOURS_MIN
    }

    /// Conversations from which nothing was learned because a limit was reached.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn group(&self, ip: IpAddr, side: usize, conversation: &Conversation) -> Option<Label> {
        let device = || conversation.devices.get(side)?.as_ref().and_then(|id| self.group_of_device.get(id));
        self.group_of_ip.get(&ip).or_else(device).cloned()
    }

    /// An address that is no device of ours joins the group of outside services.
    fn outside(&mut self, ip: IpAddr) -> Label {
        self.group_of_ip.insert(ip, Label::new(OUTSIDE_GROUP));
        self.outside_network(IpNet::from(ip), "no device here")
    }

    /// As [`Self::outside`], for a network.
    pub(super) fn outside_network(&mut self, network: IpNet, reason: &str) -> Label {
        let (zone, group) = (Label::new("outside"), Label::new(OUTSIDE_GROUP));
        if !self.policy.zones.iter().any(|known| known.name == zone) {
            self.policy.zones.push(Zone {
                name: zone.clone(),
                within: Action::Accept,
                reason: "addresses that are no device here and were talked to".to_owned(),
            });
            self.policy.groups.push(Group { name: group.clone(), zone, category: Category::Unknown });
        }
        if self.policy.members.len() >= wardline_model::MEMBERS_MAX {
            self.refused += 1;
            return group;
        }
        self.policy.members.push(Member {
            address: network,
            group: group.clone(),
            device: None,
            name: None,
            criticality: None,
            ward: None,
            reason: reason.to_owned(),
        });
        group
    }

    fn protect(&mut self, conversation: &Conversation, ports: PortRange) {
        let [from, to] = conversation.addresses;
        let needed = self.life_sustaining.contains(&from) || self.life_sustaining.contains(&to);
        if needed && self.protected.len() < wardline_model::MEMBERS_MAX {
            self.protected.insert(ProtectedConversation {
                from,
                to,
                transport: conversation.transport,
                ports,
            });
        }
    }

    /// Takes what makers document about devices that are here. Rules come of it where nothing was seen.
    pub fn document(&mut self, documented: &[Documented], devices: &[Device]) {
        for one in documented {
            let about = devices.iter().filter(|device| one.is_about(device));
            let groups: BTreeSet<&Label> =
                about.filter_map(|device| self.group_of_device.get(&device.id)).collect();
            for group in groups {
                for documented in one.uses.iter().take(RULES_MAX.saturating_sub(self.documented.len())) {
                    self.documented.push((group.clone(), documented.clone()));
                }
            }
        }
    }

    /// The policy.
    pub fn finish(self) -> Policy {
        self.complete().0
    }

    /// The policy, and what is documented and leads to nobody known here, a line each.
    pub fn complete(mut self) -> (Policy, Vec<String>) {
        let clinical: BTreeSet<Label> = self
            .policy
            .groups
            .iter()
            .filter(|group| group.category.is_medical())
            .map(|group| group.name.clone())
            .collect();
        let hours = self.hours.len().max(1) as f32;
        let mut rules: Vec<Rule> = std::mem::take(&mut self.conduits)
            .into_iter()
            .map(|((from, to, transport, ports, application), conduit)| Rule {
                care_essential: clinical.contains(&from) && clinical.contains(&to),
                standing: if conduit.pairs.len() >= COMMON_PAIRS_MIN {
                    Standing::Common
                } else {
                    Standing::HereOnly
                },
                from,
                to,
                transport: Transport(transport),
                ports: vec![ports],
                application,
                evidence: evidence(&conduit, hours),
            })
            .collect();
        self.add_infrastructure(&mut rules);
        let documented = std::mem::take(&mut self.documented);
        let unplaced = self.add_documented(&documented, &clinical, &mut rules);
        rules.truncate(RULES_MAX);
        self.policy.rules = rules;
        self.policy.protected = self.protected.into_iter().collect();
        (self.policy, unplaced)
    }

    /// Who offers names, time or addresses to one group may be asked by all: rare renewals are not cut.
    fn add_infrastructure(&self, rules: &mut Vec<Rule>) {
        let mut documented = Vec::new();
        for (transport, port, source) in INFRASTRUCTURE {
            let ports = PortRange::one(*port);
            let offers = |rule: &&Rule| rule.transport == *transport && rule.ports.contains(&ports);
            let servers: BTreeSet<_> = rules
                .iter()
                .filter(offers)
                .map(|rule| (rule.to.clone(), rule.application))
                .filter(|(to, _)| !to.as_str().starts_with("outside/"))
                .collect();
            for (to, application) in servers {
                for group in self.policy.groups.iter().filter(|group| group.zone.as_str() != "outside") {
                    let seen =
                        rules.iter().filter(offers).any(|rule| rule.from == group.name && rule.to == to);
                    if seen {
                        continue;
                    }
                    documented.push(Rule {
                        from: group.name.clone(),
                        to: to.clone(),
                        transport: *transport,
                        ports: vec![ports],
                        application,
                        standing: Standing::Documented,
                        care_essential: false,
                        evidence: RuleEvidence {
                            rarity: 1.0,
                            source: Some((*source).to_owned()),
                            ..RuleEvidence::default()
                        },
                    });
                }
            }
        }
        rules.append(&mut documented);
    }
}

fn ports(conversation: &Conversation) -> PortRange {
    if !wardline_model::has_ports(conversation.transport) {
        PortRange::ALL
    } else if conversation.port >= DYNAMIC_PORT_MIN {
        PortRange { first: DYNAMIC_PORT_MIN, last: u16::MAX }
    } else {
        PortRange::one(conversation.port)
    }
}

fn evidence(conduit: &Conduit, hours: f32) -> RuleEvidence {
    RuleEvidence {
        flows: conduit.flows,
        pairs: conduit.pairs.len() as u64,
        hours: conduit.hours.len() as u64,
        first_used: conduit.first,
        last_used: conduit.last,
        rarity: 1.0 - (conduit.hours.len() as f32 / hours).min(1.0),
        examples: conduit
            .pairs
            .iter()
            .take(EXAMPLES_MAX)
            .map(|(from, to)| format!("{from} > {to}"))
            .collect(),
        source: None,
    }
}
