//! Segmentation policy: which groups of devices may talk to which, and why.
//!
//! Zones and conduits are those of IEC 62443-3-2: a zone is a set of devices with the same need for protection, a
//! conduit is what is allowed between two. A *group* is the devices of one category within a zone; rules speak of
//! groups, so a device that joins a group changes no rule.
//!
//! # Verdict
//!
//! In this order:
//!
//! 1. multicast, broadcast and link-local traffic, and traffic between addresses that are in no group, is not governed;
//! 2. a protected conversation is accepted;
//! 3. what a rule names is accepted;
//! 4. traffic within a zone is accepted where the zone says so;
//! 5. everything else is denied.
//!
//! Answers belong to the conversation that they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Category, Criticality, DeviceId, Label, Protocol, Timestamp, Transport};

/// Version of the policy file that this program writes and reads.
pub const POLICY_VERSION: u32 = 1;
/// Members of a policy. A hospital campus has some ten thousand devices with a few addresses each.
pub const MEMBERS_MAX: usize = 131_072;
/// Rules of a policy; more than this cannot be reviewed, and no access switch holds them.
pub const RULES_MAX: usize = 16_384;

/// What is done with a conversation that a zone or policy speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Let it pass.
    Accept,
    /// Stop it.
    Deny,
}

/// A zone: devices with the same need for protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Name, unique in the policy.
    pub name: Label,
    /// What is done with conversations that stay within the zone and that no rule names.
    pub within: Action,
    /// Why these devices are together.
    pub reason: String,
}

/// The devices of one category within a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name, unique in the policy.
    pub name: Label,
    /// Zone that it is in.
    pub zone: Label,
    /// Category of its devices; `unknown` for services outside.
    pub category: Category,
}

/// An address and the group that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Address or network.
    #[schemars(with = "String")]
    pub address: IpNet,
    /// Group that it is in.
    pub group: Label,
    /// The device, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// What depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<Criticality>,
    /// Ward or other place that the site file names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<Label>,
    /// Why it is in this group.
    #[serde(default)]
    pub reason: String,
}

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { first: 0, last: u16::MAX };

    /// One port.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether a port is in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// The same ports as few ranges in order, none of which touches another.
    pub fn merged(ranges: &[Self]) -> Vec<Self> {
        let mut ranges = ranges.to_vec();
        ranges.sort_unstable();
        let mut merged: Vec<Self> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.first <= last.last.saturating_add(1) => {
                    last.last = last.last.max(range.last)
                }
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// Where a rule comes from, and how much it is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Seen here, and usual for such devices.
    Common,
    /// Seen here, and not known to be usual: look at it.
    HereOnly,
    /// Not seen here, but documented for such devices: service and rare work would be cut without it.
    Documented,
    /// Written by a person.
    Manual,
}

impl Standing {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::HereOnly => "here-only",
            Self::Documented => "documented",
            Self::Manual => "manual",
        }
    }
}

/// What a learned rule rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleEvidence {
    /// Conversations that it would have accepted.
    pub flows: u64,
    /// Pairs of addresses among them.
    pub pairs: u64,
    /// Hours in which it was used.
    pub hours: u64,
    /// First use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_used: Option<Timestamp>,
    /// Last use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
    /// Share of the hours seen in which it was not used, 0 to 1: 1 is rarest.
    pub rarity: f32,
    /// Some of the pairs, as `address > address`.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Document that names it, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A conduit: what one group may begin with another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Group that begins.
    pub from: Label,
    /// Group that answers.
    pub to: Label,
    /// IP protocol number.
    pub transport: Transport,
    /// Ports of the answering side; for ICMP, which has none, `0-65535`.
    pub ports: Vec<PortRange>,
    /// What is spoken, where one protocol is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Protocol>,
    /// Where it comes from.
    pub standing: Standing,
    /// Care depends on it: it stays in quarantine at the step "care-essential".
    #[serde(default)]
    pub care_essential: bool,
    /// What it rests on.
    #[serde(default)]
    pub evidence: RuleEvidence,
}

/// A conversation of a life-sustaining device that nothing may ever cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectedConversation {
    /// Side that begins.
    pub from: IpAddr,
    /// Side that answers.
    pub to: IpAddr,
    /// IP protocol number.
    pub transport: Transport,
    /// Ports of the answering side.
    pub ports: PortRange,
}

/// Who may talk to whom. Written by `wardline segment propose`, edited by people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of the format: 1.
    pub version: u32,
    /// What it is called; renderings name their objects after it.
    pub name: Label,
    /// Newest capture time that it was learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_until: Option<Timestamp>,
    /// Conversations of life-sustaining devices, accepted before everything else.
    #[serde(default)]
    pub protected: Vec<ProtectedConversation>,
    /// Zones.
    #[serde(default)]
    pub zones: Vec<Zone>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Conduits.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Who is in which group.
    #[serde(default)]
    pub members: Vec<Member>,
}

/// What is wrong with a policy beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Another program made it.
    #[error("policy version {0}; this program reads version {POLICY_VERSION}")]
    Version(u32),
    /// Too large.
    #[error("the policy has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// A name stands twice.
    #[error("{what} '{name}' is defined twice; give each a name of its own")]
    Twice {
        /// Zone or group.
        what: &'static str,
        /// Its name.
        name: Label,
    },
    /// Something is named that is not defined.
    #[error("{whose} names the {what} '{name}', which is not defined")]
    Missing {
        /// Zone or group.
        what: &'static str,
        /// Its name.
        name: Label,
        /// Who names it.
        whose: String,
    },
    /// A name that renderings could not carry.
    #[error(
        "{what} '{name}': use at most 63 letters, digits, '-', '_', '.', '/', beginning with a letter or digit"
    )]
    Name {
        /// Zone, group or policy.
        what: &'static str,
        /// The name.
        name: Label,
    },
    /// Two groups share an address.
    #[error(
        "{one} (group '{group}') and {other} (group '{other_group}') overlap; an address is in one group only"
    )]
    Overlap {
        /// First member.
        one: IpNet,
        /// Its group.
        group: Label,
        /// Second member.
        other: IpNet,
        /// Its group.
        other_group: Label,
    },
    /// Ports that are none.
    #[error("rule {from} > {to}: {reason}")]
    Ports {
        /// Group that begins.
        from: Label,
        /// Group that answers.
        to: Label,
        /// What is wrong.
        reason: &'static str,
    },
    /// A protected conversation between address families.
    #[error(
        "protected conversation {from} > {to}: one end is IPv4, the other IPv6, or its ports are reversed"
    )]
    Protected {
        /// Side that begins.
        from: IpAddr,
        /// Side that answers.
        to: IpAddr,
    },
}

impl Policy {
    /// A policy that governs nobody.
    pub fn empty(name: Label) -> Self {
        Self {
            version: POLICY_VERSION,
            name,
            learned_until: None,
            protected: Vec::new(),
            zones: Vec::new(),
            groups: Vec::new(),
            rules: Vec::new(),
            members: Vec::new(),
        }
    }

    /// Checks what the form alone does not; every other function may rely on it.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.version != POLICY_VERSION {
            return Err(PolicyError::Version(self.version));
        }
        let sizes = [
            ("members", self.members.len(), MEMBERS_MAX),
            ("rules", self.rules.len(), RULES_MAX),
            ("groups", self.groups.len(), RULES_MAX),
            ("zones", self.zones.len(), RULES_MAX),
            ("protected conversations", self.protected.len(), MEMBERS_MAX),
        ];
        if let Some((what, _, limit)) = sizes.into_iter().find(|(_, size, limit)| size > limit) {
            return Err(PolicyError::TooLarge { what, limit });
        }
        check_name("policy", &self.name)?;
        let mut zones = BTreeSet::new();
        for zone in &self.zones {
            check_name("zone", &zone.name)?;
            if !zones.insert(&zone.name) {
                return Err(PolicyError::Twice { what: "zone", name: zone.name.clone() });
            }
        }
        let mut groups = BTreeSet::new();
        for group in &self.groups {
            check_name("group", &group.name)?;
            if !groups.insert(&group.name) {
                return Err(PolicyError::Twice { what: "group", name: group.name.clone() });
            }
            known("zone", &zones, &group.zone, || format!("group '{}'", group.name))?;
        }
        for member in &self.members {
            known("group", &groups, &member.group, || format!("member {}", member.address))?;
        }
        for rule in &self.rules {
            let whose = || format!("rule {} > {}", rule.from, rule.to);
            known("group", &groups, &rule.from, whose)?;
            known("group", &groups, &rule.to, whose)?;
            check_ports(rule)?;
        }
        let crossed = |one: &&ProtectedConversation| {
            one.from.is_ipv4() != one.to.is_ipv4() || one.ports.first > one.ports.last
        };
        if let Some(wrong) = self.protected.iter().find(crossed) {
            return Err(PolicyError::Protected { from: wrong.from, to: wrong.to });
        }
        self.check_members()
    }

    fn check_members(&self) -> Result<(), PolicyError> {
        let mut sorted: Vec<&Member> = self.members.iter().collect();
        sorted.sort_by_key(|member| (member.address.network(), member.address.prefix_len()));
        let mut open: Vec<&Member> = Vec::new();
        for member in sorted {
            open.retain(|earlier| earlier.address.contains(&member.address));
            if let Some(other) = open.iter().find(|earlier| earlier.group != member.group) {
                return Err(PolicyError::Overlap {
                    one: other.address,
                    group: other.group.clone(),
                    other: member.address,
                    other_group: member.group.clone(),
                });
            }
            open.push(member);
        }
        Ok(())
    }

    /// Addresses of every group, networks before the addresses within them left out, in order.
    pub fn addresses(&self) -> BTreeMap<&Label, Vec<IpNet>> {
        let mut addresses: BTreeMap<&Label, Vec<IpNet>> =
            self.groups.iter().map(|group| (&group.name, Vec::new())).collect();
        for member in &self.members {
            addresses.entry(&member.group).or_default().push(member.address.trunc());
        }
        for list in addresses.values_mut() {
            *list = IpNet::aggregate(list);
            list.sort_unstable();
        }
        addresses
    }
}

fn known(
    what: &'static str,
    names: &BTreeSet<&Label>,
    name: &Label,
    whose: impl Fn() -> String,
) -> Result<(), PolicyError> {
    if names.contains(name) {
        return Ok(());
    }
    Err(PolicyError::Missing { what, name: name.clone(), whose: whose() })
}

fn check_name(what: &'static str, name: &Label) -> Result<(), PolicyError> {
    const LENGTH_MAX: usize = 63;
    let text = name.as_str();
    let sound = text.len() <= LENGTH_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    if sound { Ok(()) } else { Err(PolicyError::Name { what, name: name.clone() }) }
}

fn check_ports(rule: &Rule) -> Result<(), PolicyError> {
    let reason = if rule.ports.is_empty() {
        "it names no port; write first = 0, last = 65535 for all"
    } else if rule.ports.iter().any(|range| range.first > range.last) {
        "a range of ports ends before it begins"
    } else if !has_ports(rule.transport) && rule.ports.iter().any(|range| *range != PortRange::ALL) {
        "its transport has no ports; write first = 0, last = 65535"
    } else {
        return Ok(());
    };
    Err(PolicyError::Ports { from: rule.from.clone(), to: rule.to.clone(), reason })
}

/// Whether a transport has ports that rules can name.
pub const fn has_ports(transport: Transport) -> bool {
    matches!(transport, Transport::TCP | Transport::UDP | Transport::SCTP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(members: &[(&str, &str)]) -> Policy {
        let group =
            |name: &str| Group { name: name.into(), zone: "z".into(), category: Category::InfusionPump };
        let member = |(address, group): &(&str, &str)| Member {
            address: address.parse().unwrap(),
            group: (*group).into(),
            device: None,
            name: None,
            criticality: None,
            ward: None,
            reason: String::new(),
        };
        Policy {
            zones: vec![Zone { name: "z".into(), within: Action::Deny, reason: String::new() }],
            groups: vec![group("a"), group("b")],
            members: members.iter().map(member).collect(),
            ..Policy::empty("p".into())
        }
    }

    #[test]
    fn an_address_is_in_one_group_only() {
        let sound = policy(&[("10.0.0.0/24", "a"), ("10.0.0.7/32", "a"), ("10.0.1.0/24", "b")]);
        assert_eq!(sound.check(), Ok(()));
        let error = policy(&[("10.0.0.0/24", "a"), ("10.0.0.7/32", "b")]).check().unwrap_err();
        assert!(matches!(error, PolicyError::Overlap { .. }), "{error}");
        let same = policy(&[("10.0.0.7/32", "a"), ("10.0.0.7/32", "b")]).check().unwrap_err();
        assert!(matches!(same, PolicyError::Overlap { .. }), "{same}");
    }

    #[test]
    fn what_is_named_must_be_there_and_names_must_be_plain() {
        assert!(matches!(policy(&[("10.0.0.1/32", "c")]).check(), Err(PolicyError::Missing { .. })));
        let mut twice = policy(&[]);
        twice.groups.push(twice.groups[0].clone());
        assert!(matches!(twice.check(), Err(PolicyError::Twice { .. })));
        for name in ["", "a b", "a;flush ruleset", "-a", "a\u{e9}"] {
            let named = Policy { name: name.into(), ..policy(&[]) };
            assert!(matches!(named.check(), Err(PolicyError::Name { .. })), "{name}");
        }
    }

    #[test]
    fn ports_are_ranges_and_only_where_there_are_ports() {
        let rule = |transport, ports| Rule {
            from: "a".into(),
            to: "b".into(),
            transport,
            ports,
            application: None,
            standing: Standing::Manual,
            care_essential: false,
            evidence: RuleEvidence::default(),
        };
        let check = |rule| Policy { rules: vec![rule], ..policy(&[]) }.check();
        assert_eq!(check(rule(Transport::TCP, vec![PortRange::one(2575)])), Ok(()));
        assert_eq!(check(rule(Transport::ICMP, vec![PortRange::ALL])), Ok(()));
        for wrong in [
            rule(Transport::TCP, vec![]),
            rule(Transport::TCP, vec![PortRange { first: 9, last: 8 }]),
            rule(Transport::ICMP, vec![PortRange::one(8)]),
        ] {
            assert!(matches!(check(wrong), Err(PolicyError::Ports { .. })));
        }
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let written = policy(&[("10.0.0.0/24", "a"), ("2001:db8::/64", "b")]);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), written);
        assert!(serde_json::from_str::<Policy>(r#"{"version":1,"name":"a","colour":"red"}"#).is_err());
    }
}
