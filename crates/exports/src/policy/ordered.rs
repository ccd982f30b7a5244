//! A policy as an ordered list, first match wins: what every firewall but nftables wants.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{
    Action, LINK_SCOPE, LINK_SCOPE_RECEIVERS, Label, Policy, PortRange, Transport, has_ports,
};

/// One end of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Any,
    /// Group, by its place in the policy.
    Group(usize),
    /// All members.
    Governed,
    /// Senders that cross no router.
    LinkSources,
    /// Receivers that cross no router, or are many.
    LinkDestinations,
    Host(IpAddr),
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) from: Side,
    pub(super) to: Side,
    /// Transport and ports; none is all of them.
    pub(super) service: Option<(Transport, Vec<PortRange>)>,
}

/// What one end is allowed, as it sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use<'a> {
    /// Whether it begins.
    pub(super) begins: bool,
    pub(super) peer: Side,
    /// Transport and ports of the answering side; none is all of them.
    pub(super) service: Option<&'a (Transport, Vec<PortRange>)>,
}

/// The list, in the order of the verdict, and the addresses of its sides.
pub(super) struct Ordered {
    pub(super) entries: Vec<Entry>,
    groups: Vec<Vec<IpNet>>,
    governed: Vec<IpNet>,
}

impl Ordered {
    pub(super) fn new(policy: &Policy) -> Self {
        let addresses = policy.addresses();
        let groups = policy.groups.iter();
        let groups = groups.map(|group| addresses.get(&group.name).cloned().unwrap_or_default()).collect();
        let members: Vec<IpNet> = policy.members.iter().map(|member| member.address.trunc()).collect();
        let entries = entries(policy);
        Self { entries, groups, governed: IpNet::aggregate(&members) }
    }

    /// Addresses of a side, of both families; `None` is any.
    pub(super) fn addresses(&self, side: Side) -> Option<Vec<IpNet>> {
        match side {
            Side::Any => None,
            Side::Group(place) => Some(self.groups.get(place).cloned().unwrap_or_default()),
            Side::Governed => Some(self.governed.clone()),
            Side::LinkSources => Some(LINK_SCOPE.to_vec()),
            Side::LinkDestinations => Some([&LINK_SCOPE[..], &LINK_SCOPE_RECEIVERS].concat()),
            Side::Host(address) => Some(vec![IpNet::from(address)]),
        }
    }

    /// What the members of one group may begin, and what may be begun with them.
    pub(super) fn uses(&self, place: usize) -> Vec<Use<'_>> {
        self.uses_of(Side::Group(place))
    }

    /// As [`Self::uses`], for the protected conversations of one host.
    pub(super) fn protected(&self, host: IpAddr) -> Vec<Use<'_>> {
        self.uses_of(Side::Host(host))
    }

    fn uses_of(&self, own: Side) -> Vec<Use<'_>> {
        let accepted = self.entries.iter().filter(|entry| entry.action == Action::Accept);
        accepted
            .flat_map(|entry| {
                let service = entry.service.as_ref();
                let begins = (entry.from == own).then_some(Use { begins: true, peer: entry.to, service });
                let answers = (entry.to == own).then_some(Use { begins: false, peer: entry.from, service });
                begins.into_iter().chain(answers)
            })
            .collect()
    }

    /// Hosts of the group that have a protected conversation.
    pub(super) fn protected_hosts(&self, place: usize) -> BTreeSet<IpAddr> {
        let members = self.groups.get(place).map_or(&[][..], Vec::as_slice);
        let sides = self.entries.iter().flat_map(|entry| [entry.from, entry.to]);
        let hosts = sides.filter_map(|side| if let Side::Host(host) = side { Some(host) } else { None });
        hosts.filter(|host| members.iter().any(|network| network.contains(host))).collect()
    }

    /// Sides that have a name of their own, in order.
    pub(super) fn named(&self) -> Vec<Side> {
        let groups = (0..self.groups.len()).map(Side::Group);
        [Side::Governed, Side::LinkSources, Side::LinkDestinations].into_iter().chain(groups).collect()
    }
}

/// Name of a side in rules; hosts and `any` are written as each firewall writes them.
pub(super) fn side_name(side: Side) -> String {
    match side {
        Side::Any => "any".to_owned(),
        Side::Group(place) => format!("wl-g{place}"),
        Side::Governed => "wl-governed".to_owned(),
        Side::LinkSources => "wl-link-sources".to_owned(),
        Side::LinkDestinations => "wl-link-destinations".to_owned(),
        Side::Host(address) => object_name(&IpNet::from(address)),
    }
}

/// Name of an address object: letters, digits and hyphens only.
pub(super) fn object_name(network: &IpNet) -> String {
    let address: String = network
        .network()
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("wl-n-{address}-{}", network.prefix_len())
}

/// Ranges in order, those that touch as one; `None` is all ports, or a transport that has none.
pub(super) fn ranges(transport: Transport, ports: &[PortRange]) -> Option<Vec<PortRange>> {
    if !has_ports(transport) || ports.contains(&PortRange::ALL) {
        return None;
    }
    Some(PortRange::merged(ports))
}

fn entries(policy: &Policy) -> Vec<Entry> {
    let plain = |action, from, to| Entry { action, from, to, service: None };
    let mut entries = vec![
        plain(Action::Accept, Side::LinkSources, Side::Any),
        plain(Action::Accept, Side::Any, Side::LinkDestinations),
    ];
    entries.extend(policy.protected.iter().map(|one| Entry {
        action: Action::Accept,
        from: Side::Host(one.from),
        to: Side::Host(one.to),
        service: Some((one.transport, vec![one.ports])),
    }));
    let place = |name: &Label| policy.groups.iter().position(|group| group.name == *name).map(Side::Group);
    entries.extend(policy.rules.iter().filter_map(|rule| {
        let service = Some((rule.transport, rule.ports.clone()));
        Some(Entry { action: Action::Accept, from: place(&rule.from)?, to: place(&rule.to)?, service })
    }));
    for (from, group) in policy.groups.iter().enumerate() {
        let open = policy.zones.iter().any(|zone| zone.name == group.zone && zone.within == Action::Accept);
        let same = policy.groups.iter().enumerate().filter(|(_, other)| open && other.zone == group.zone);
        entries.extend(same.map(|(to, _)| plain(Action::Accept, Side::Group(from), Side::Group(to))));
    }
    entries.push(plain(Action::Deny, Side::Governed, Side::Any));
    entries.push(plain(Action::Deny, Side::Any, Side::Governed));
    entries.push(plain(Action::Accept, Side::Any, Side::Any));
    entries
}
