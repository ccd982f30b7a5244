//! Manufacturer Usage Description (RFC 8520): what the devices of one group need, as their maker would have written it.
//!
//! Peers are written as addresses, since the description is for this site; makers write names and classes. The sender is
//! written only where it is one device with a protected conversation, or one that has no address yet. Entries for answers
//! name the port that they come from and, where a transport has no direction, an unprivileged port that they go to. Ports are
//! those of TCP and UDP.

use ipnet::IpNet;
use serde_json::{Map, Value, json};
use wardline_model::{Label, Policy, PortRange, Transport};

use super::ordered::{Ordered, Side, Use, ranges};
use super::{RenderError, Rendered, unsaid};

/// Longest description of a device (RFC 8520 section 3.6).
const SYSTEM_INFORMATION_CHARACTERS_MAX: usize = 60;
/// Ports that whoever begins a conversation takes: not those of services.
const UNPRIVILEGED: PortRange = PortRange { first: 1_024, last: u16::MAX };

/// The description of one group's devices, to be published at `url`.
///
/// # Errors
///
/// [`RenderError::Group`] for a group that the policy does not have, [`RenderError::Protected`] where a protected conversation
/// has a transport whose ports or answers no entry can name.
pub fn mud(policy: &Policy, group: &Label, url: &str) -> Result<Rendered, RenderError> {
    let unsaid = unsaid(policy, "MUD", is_said)?;
    let place = policy
        .groups
        .iter()
        .position(|one| one.name == *group)
        .ok_or_else(|| RenderError::Group(group.to_string()))?;
    let ordered = Ordered::new(policy);
    let lists: Vec<Value> = LISTS.iter().map(|list| list.write(&ordered, place)).collect();
    let named = |from_device: bool| -> Vec<Value> {
        let own = LISTS.iter().filter(|list| list.from_device == from_device);
        own.map(|list| json!({ "name": list.name })).collect()
    };
    let about: String = format!("{group}, policy {}", policy.name);
    let about: String = about.chars().take(SYSTEM_INFORMATION_CHARACTERS_MAX).collect();
    let description = json!({
        "ietf-mud:mud": {
            "mud-version": 1,
            "mud-url": url,
            "last-update": policy.learned_until.unwrap_or_default(),
            "cache-validity": 48,
            "is-supported": true,
            "systeminfo": about,
            "from-device-policy": { "access-lists": { "access-list": named(true) } },
            "to-device-policy": { "access-lists": { "access-list": named(false) } },
        },
        "ietf-access-control-list:acls": { "acl": lists },
    });
    Ok(Rendered { text: format!("{description:#}\n"), unsaid })
}

const fn is_said(transport: Transport) -> bool {
    matches!(transport, Transport::TCP | Transport::UDP | Transport::ICMP | Transport::ICMP6)
}

struct List {
    name: &'static str,
    from_device: bool,
    four: bool,
}

const LISTS: [List; 4] = [
    List { name: "from-ipv4", from_device: true, four: true },
    List { name: "to-ipv4", from_device: false, four: true },
    List { name: "from-ipv6", from_device: true, four: false },
    List { name: "to-ipv6", from_device: false, four: false },
];

impl List {
    const fn family(&self) -> &'static str {
        if self.four { "ipv4" } else { "ipv6" }
    }

    fn write(&self, ordered: &Ordered, place: usize) -> Value {
        let mut matches = Vec::new();
        for (side, source) in [(Side::LinkSources, true), (Side::LinkDestinations, false)] {
            for network in self.networks(ordered, side) {
                matches.push(Match { network: Some((network, source)), ..Match::default() });
            }
        }
        for host in ordered.protected_hosts(place).into_iter().filter(|host| host.is_ipv4() == self.four) {
            for one in ordered.protected(host) {
                self.entries(ordered, one, Some(IpNet::from(host)), &mut matches);
            }
        }
        for one in ordered.uses(place) {
            self.entries(ordered, one, None, &mut matches);
        }
        let entries: Vec<Value> = matches
            .iter()
            .enumerate()
            .map(|(number, one)| {
                json!({
                    "name": format!("{}-{number}", self.name),
                    "matches": one.write(self.family()),
                    "actions": { "forwarding": "accept" },
                })
            })
            .collect();
        json!({ "name": self.name, "type": format!("{}-acl-type", self.family()), "aces": { "ace": entries } })
    }

    fn networks(&self, ordered: &Ordered, side: Side) -> Vec<IpNet> {
        let all = ordered.addresses(side).unwrap_or_default();
        all.into_iter().filter(|network| network.addr().is_ipv4() == self.four).collect()
    }

    fn entries(&self, ordered: &Ordered, one: Use<'_>, own: Option<IpNet>, matches: &mut Vec<Match>) {
        for peer in self.networks(ordered, one.peer) {
            // The device is the sender of what comes from it.
            let base = Match { network: Some((peer, !self.from_device)), own, ..Match::default() };
            let Some((transport, ports)) = one.service else {
                matches.push(base);
                continue;
            };
            if !is_said(*transport) || self.is_foreign(*transport) {
                continue;
            }
            let is_answer = one.begins != self.from_device;
            let ports = ranges(*transport, ports)
                .map_or_else(|| vec![None], |all| all.into_iter().map(Some).collect());
            for range in ports {
                matches.push(Match {
                    transport: Some(*transport),
                    service: range,
                    is_answer,
                    initiated: Some(if one.begins { "from-device" } else { "to-device" }),
                    ..base.clone()
                });
            }
        }
    }

    /// ICMP of the other family.
    const fn is_foreign(&self, transport: Transport) -> bool {
        matches!((transport, self.four), (Transport::ICMP, false) | (Transport::ICMP6, true))
    }
}

#[derive(Clone, Default)]
struct Match {
    /// The other end, and whether it is the sender.
    network: Option<(IpNet, bool)>,
    /// The device's own address, where the entry is for one device.
    own: Option<IpNet>,
    transport: Option<Transport>,
    /// Ports of the answering side; none is all.
    service: Option<PortRange>,
    /// The answering side sends.
    is_answer: bool,
    initiated: Option<&'static str>,
}

impl Match {
    fn write(&self, family: &str) -> Value {
        let mut header = Map::new();
        if let Some(transport) = self.transport {
            header.insert("protocol".to_owned(), json!(transport.0));
        }
        if let Some((network, is_source)) = self.network {
            let name = |source| format!("{}-{family}-network", if source { "source" } else { "destination" });
            header.insert(name(is_source), json!(network.to_string()));
            if let Some(own) = self.own {
                header.insert(name(!is_source), json!(own.to_string()));
            }
        }
        let mut matches = Map::new();
        matches.insert(family.to_owned(), Value::Object(header));
        match self.transport {
            Some(Transport::TCP) => {
                let mut tcp = self.ports();
                tcp.insert("ietf-mud:direction-initiated".to_owned(), json!(self.initiated));
                matches.insert("tcp".to_owned(), Value::Object(tcp));
            }
            Some(Transport::UDP) => {
                let mut udp = self.ports();
                if self.is_answer {
                    udp.insert("destination-port".to_owned(), port(UNPRIVILEGED));
                }
                if !udp.is_empty() {
                    matches.insert("udp".to_owned(), Value::Object(udp));
                }
            }
            // Echo reply (RFC 792, RFC 4443 section 4.2).
            Some(transport @ (Transport::ICMP | Transport::ICMP6)) if self.is_answer => {
                let reply = if transport == Transport::ICMP { 0 } else { 129 };
                matches.insert("icmp".to_owned(), json!({ "type": reply }));
            }
            _ => {}
        }
        Value::Object(matches)
    }

    fn ports(&self) -> Map<String, Value> {
        let field = if self.is_answer { "source-port" } else { "destination-port" };
        self.service.map(|range| (field.to_owned(), port(range))).into_iter().collect()
    }
}

fn port(range: PortRange) -> Value {
    if range.first == range.last {
        json!({ "operator": "eq", "port": range.first })
    } else {
        json!({ "lower-port": range.first, "upper-port": range.last })
    }
}
