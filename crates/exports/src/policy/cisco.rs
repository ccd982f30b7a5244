//! Cisco IOS XE: object groups and two extended access lists, one for each family of addresses.
//!
//! An access list knows no conversations. Answers of TCP pass by `established`; those of UDP and SCTP by a mirrored entry
//! towards unprivileged ports; those of ICMP by type. Other transports without ports are accepted in the direction of the rule
//! only. Where the switch can, prefer a stateful rendering.

use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{Action, Policy, PortRange, Transport};

use super::ordered::{Entry, Ordered, Side, ranges, side_name};

/// The policy as configuration for `configure terminal`; attach the lists with `ip access-group WARDLINE-4 in` and
/// `ipv6 traffic-filter WARDLINE-6 in`.
pub fn cisco(policy: &Policy) -> String {
    let ordered = Ordered::new(policy);
    let mut lines = vec![format!("! policy {}", policy.name)];
    for four in [true, false] {
        let list = List { ordered: &ordered, four };
        for side in ordered.named() {
            list.object_group(side, &mut lines);
        }
        lines.push(
            if four { "ip access-list extended WARDLINE-4" } else { "ipv6 access-list WARDLINE-6" }
                .to_owned(),
        );
        lines.push(" permit tcp any any established".to_owned());
        for entry in &ordered.entries {
            list.entry(entry, &mut lines);
        }
        lines.push("!".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}

struct List<'a> {
    ordered: &'a Ordered,
    four: bool,
}

impl List<'_> {
    /// Addresses of this list's family; `None` is any.
    fn addresses(&self, side: Side) -> Option<Vec<IpNet>> {
        let all = self.ordered.addresses(side)?;
        Some(all.into_iter().filter(|network| network.addr().is_ipv4() == self.four).collect())
    }

    fn object_group(&self, side: Side, lines: &mut Vec<String>) {
        let addresses = self.addresses(side).unwrap_or_default();
        // An object group without members cannot be used; entries with it match nothing and are left out.
        if addresses.is_empty() {
            return;
        }
        let kind = if self.four { "network" } else { "v6-network" };
        lines.push(format!("object-group {kind} {}", self.group_name(side)));
        for network in addresses {
            lines.push(match network {
                _ if network.prefix_len() == network.max_prefix_len() => format!(" host {}", network.addr()),
                IpNet::V4(network) => format!(" {} {}", network.network(), network.netmask()),
                IpNet::V6(network) => format!(" {network}"),
            });
        }
        lines.push("!".to_owned());
    }

    fn group_name(&self, side: Side) -> String {
        format!("{}-{}", side_name(side), if self.four { 4 } else { 6 })
    }

    fn side(&self, side: Side) -> Option<String> {
        match side {
            Side::Any => Some("any".to_owned()),
            Side::Host(address) => (address.is_ipv4() == self.four).then(|| host(address)),
            _ if self.addresses(side).is_some_and(|addresses| addresses.is_empty()) => None,
            _ => Some(format!("object-group {}", self.group_name(side))),
        }
    }

    fn entry(&self, entry: &Entry, lines: &mut Vec<String>) {
        let (Some(from), Some(to)) = (self.side(entry.from), self.side(entry.to)) else { return };
        let action = if entry.action == Action::Accept { "permit" } else { "deny" };
        let Some((transport, ports)) = &entry.service else {
            let every = if self.four { "ip" } else { "ipv6" };
            lines.push(format!(" {action} {every} {from} {to}"));
            return;
        };
        let protocol = protocol(*transport, self.four);
        let Some(ranges) = ranges(*transport, ports) else {
            lines.push(format!(" {action} {protocol} {from} {to}"));
            if protocol == "icmp" {
                lines.push(format!(" {action} {protocol} {to} {from} echo-reply"));
            } else if *transport == Transport::UDP || *transport == Transport::SCTP {
                lines.push(format!(" {action} {protocol} {to} {from} gt 1023"));
            }
            return;
        };
        for range in ranges {
            let range = port(range);
            lines.push(format!(" {action} {protocol} {from} {to} {range}"));
            if *transport != Transport::TCP {
                lines.push(format!(" {action} {protocol} {to} {range} {from} gt 1023"));
            }
        }
    }
}

fn host(address: IpAddr) -> String {
    format!("host {address}")
}

/// In a list of one family, `icmp` is that family's own.
fn protocol(transport: Transport, four: bool) -> String {
    match transport {
        Transport::TCP => "tcp".to_owned(),
        Transport::UDP => "udp".to_owned(),
        Transport::SCTP => "sctp".to_owned(),
        Transport::ICMP if four => "icmp".to_owned(),
        Transport::ICMP6 if !four => "icmp".to_owned(),
        Transport(number) => number.to_string(),
    }
}

fn port(range: PortRange) -> String {
    if range.first == range.last {
        format!("eq {}", range.first)
    } else {
        format!("range {} {}", range.first, range.last)
    }
}
