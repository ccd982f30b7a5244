//! What a policy says about a conversation: the reference that every rendering is compared with.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::policy::{Action, Policy, has_ports};
use crate::{DeviceId, PortRange, Transport};

/// What decided about a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The policy does not speak of it.
    Ungoverned,
    /// A life-sustaining device needs it.
    Protected,
    /// The rule at this place accepts it.
    Rule(usize),
    /// It stays within a zone that allows that.
    WithinZone,
    /// Nothing accepts it.
    Denied,
}

impl Verdict {
    /// Whether the conversation passes.
    pub const fn passes(self) -> bool {
        !matches!(self, Self::Denied)
    }
}

/// One end of a conversation: its address, its device, or both.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// Network address.
    pub ip: Option<IpAddr>,
    /// Device, for conversations that are kept by device.
    pub device: Option<&'a DeviceId>,
}

type RuleKey = (u32, u32, u8);

/// A policy made ready for questions. Make it only of a policy that [`Policy::check`] accepted.
#[derive(Clone, Debug)]
pub struct Judge {
    zone_of_group: Vec<(u32, Action)>,
    hosts: HashMap<IpAddr, u32>,
    networks: Vec<(IpNet, u32)>,
    devices: HashMap<DeviceId, u32>,
    rules: HashMap<RuleKey, Vec<(PortRange, usize)>>,
    protected: HashMap<(IpAddr, IpAddr, u8), Vec<PortRange>>,
}

impl Judge {
    /// Makes a policy ready.
    pub fn new(policy: &Policy) -> Self {
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let zones: BTreeMap<_, _> = policy
            .zones
            .iter()
            .enumerate()
            .map(|(place, zone)| (&zone.name, (number(place), zone.within)))
            .collect();
        let groups: BTreeMap<_, _> =
            policy.groups.iter().enumerate().map(|(place, group)| (&group.name, number(place))).collect();
        let mut judge = Self {
            zone_of_group: policy
                .groups
                .iter()
                .map(|group| zones.get(&group.zone).copied().unwrap_or((u32::MAX, Action::Deny)))
                .collect(),
            hosts: HashMap::new(),
            networks: Vec::new(),
            devices: HashMap::new(),
            rules: HashMap::new(),
            protected: HashMap::new(),
        };
        for member in &policy.members {
            let Some(group) = groups.get(&member.group).copied() else { continue };
            if member.address.prefix_len() == member.address.max_prefix_len() {
                judge.hosts.insert(member.address.addr(), group);
            } else {
                judge.networks.push((member.address.trunc(), group));
            }
            if let Some(device) = &member.device {
                judge.devices.insert(device.clone(), group);
            }
        }
        for (place, rule) in policy.rules.iter().enumerate() {
            if let (Some(from), Some(to)) = (groups.get(&rule.from), groups.get(&rule.to)) {
                let ranges = judge.rules.entry((*from, *to, rule.transport.0)).or_default();
                ranges.extend(rule.ports.iter().map(|range| (*range, place)));
            }
        }
        for one in &policy.protected {
            judge.protected.entry((one.from, one.to, one.transport.0)).or_default().push(one.ports);
        }
        judge
    }

    /// The place of the group that an end is in.
    pub fn group(&self, party: Party<'_>) -> Option<usize> {
        let by_address = party.ip.and_then(|ip| {
            self.hosts.get(&ip).copied().or_else(|| {
                self.networks.iter().find(|(network, _)| network.contains(&ip)).map(|(_, group)| *group)
            })
        });
        let group = by_address.or_else(|| self.devices.get(party.device?).copied());
        group.map(|group| group as usize)
    }

    /// What the policy says about a conversation that `from` begins with port `port` of `to`.
    pub fn verdict(&self, from: Party<'_>, to: Party<'_>, transport: Transport, port: u16) -> Verdict {
        if from.ip.is_some_and(is_link_scope) || to.ip.is_some_and(is_link_scope) {
            return Verdict::Ungoverned;
        }
        let (one, two) = (self.group(from), self.group(to));
        if one.is_none() && two.is_none() {
            return Verdict::Ungoverned;
        }
        if let (Some(from), Some(to)) = (from.ip, to.ip)
            && self
                .protected
                .get(&(from, to, transport.0))
                .is_some_and(|ports| ports.iter().any(|range| !has_ports(transport) || range.contains(port)))
        {
            return Verdict::Protected;
        }
        let (Some(one), Some(two)) = (one, two) else { return Verdict::Denied };
        self.between(one, two, transport, port)
    }

    /// What the policy says about a conversation between two groups.
    pub fn between(&self, from: usize, to: usize, transport: Transport, port: u16) -> Verdict {
        let key = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let rule = self.rules.get(&(key(from), key(to), transport.0)).and_then(|ranges| {
            ranges.iter().find(|(range, _)| !has_ports(transport) || range.contains(port))
        });
        if let Some((_, place)) = rule {
            return Verdict::Rule(*place);
        }
        match (self.zone_of_group.get(from), self.zone_of_group.get(to)) {
            (Some((one, Action::Accept)), Some((two, _))) if one == two => Verdict::WithinZone,
            _ => Verdict::Denied,
        }
    }
}

/// Networks whose addresses cross no router, whichever end has them: unspecified, loopback, link-local.
pub const LINK_SCOPE: [IpNet; 6] = [
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32),
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// Networks that only a receiver can be in: multicast and broadcast.
pub const LINK_SCOPE_RECEIVERS: [IpNet; 3] = [
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 4),
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::BROADCAST), 32),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
];

/// Multicast, broadcast, unspecified, loopback and link-local: it crosses no router, so no zone border either.
pub fn is_link_scope(ip: IpAddr) -> bool {
    LINK_SCOPE.iter().chain(&LINK_SCOPE_RECEIVERS).any(|network| network.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_no_router_is_what_the_registries_say() {
        for (text, crosses_none) in [
            ("0.0.0.0", true),
            ("0.0.0.1", false),
            ("127.1.2.3", true),
            ("169.254.255.255", true),
            ("169.255.0.0", false),
            ("223.255.255.255", false),
            ("239.1.2.3", true),
            ("240.0.0.1", false),
            ("255.255.255.255", true),
            ("255.255.255.254", false),
            ("10.0.0.255", false),
            ("::", true),
            ("::1", true),
            ("::2", false),
            ("febf::1", true),
            ("fec0::1", false),
            ("ff02::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_link_scope(text.parse().unwrap()), crosses_none, "{text}");
        }
    }
}
