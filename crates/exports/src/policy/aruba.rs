//! ArubaOS 8: a user role for each group, with an access list of its sessions.
//!
//! A RADIUS server tells the role of a device (`Aruba-User-Role`); roles are named like the groups' network destinations. A
//! session must be permitted by the role of each end that has one. Access lists of sessions are stateful: answers pass.
//! Services know ports of TCP and UDP only.

use std::collections::BTreeSet;

use ipnet::IpNet;
use wardline_model::{Policy, PortRange, Transport, has_ports};

use super::ordered::{Ordered, Side, Use, ranges, side_name};
use super::{RenderError, Rendered, unsaid};

/// The policy as configuration for `configure terminal`.
///
/// # Errors
///
/// [`RenderError::Protected`] where a protected conversation is one of SCTP.
pub fn aruba(policy: &Policy) -> Result<Rendered, RenderError> {
    let unsaid = unsaid(policy, "ArubaOS", is_said)?;
    let ordered = Ordered::new(policy);
    let mut lines = Vec::new();
    for side in ordered.named() {
        for four in [true, false] {
            destination(&ordered, side, four, &mut lines);
        }
    }
    let services = ordered.entries.iter().filter_map(|entry| entry.service.as_ref());
    let services: BTreeSet<String> =
        services.filter(|(transport, _)| is_said(*transport)).flat_map(definitions).collect();
    lines.extend(services);
    for (place, group) in policy.groups.iter().enumerate() {
        let name = side_name(Side::Group(place));
        lines.push(format!("! group {}", group.name));
        lines.push(format!("ip access-list session {name}"));
        for four in [true, false] {
            session_list(&ordered, place, four, &mut lines);
        }
        lines.push("!".to_owned());
        lines.push(format!("user-role {name}"));
        lines.push(format!("    access-list session {name}"));
        lines.push("!".to_owned());
    }
    lines.push(String::new());
    Ok(Rendered { text: lines.join("\n"), unsaid })
}

const fn is_said(transport: Transport) -> bool {
    !matches!(transport, Transport::SCTP)
}

fn of_family(ordered: &Ordered, side: Side, four: bool) -> Option<Vec<IpNet>> {
    let all = ordered.addresses(side)?;
    Some(all.into_iter().filter(|network| network.addr().is_ipv4() == four).collect())
}

fn destination_name(side: Side, four: bool) -> String {
    format!("{}{}", side_name(side), if four { "" } else { "-6" })
}

fn destination(ordered: &Ordered, side: Side, four: bool, lines: &mut Vec<String>) {
    let networks = of_family(ordered, side, four).unwrap_or_default();
    // A destination without entries does not exist; entries that would name it are left out.
    if networks.is_empty() {
        return;
    }
    let kind = if four { "netdestination" } else { "netdestination6" };
    lines.push(format!("{kind} {}", destination_name(side, four)));
    for network in networks {
        lines.push(match network {
            _ if network.prefix_len() == network.max_prefix_len() => format!("    host {}", network.addr()),
            IpNet::V4(network) => format!("    network {} {}", network.network(), network.netmask()),
            IpNet::V6(network) => format!("    network {network}"),
        });
    }
    lines.push("!".to_owned());
}

fn session_list(ordered: &Ordered, place: usize, four: bool, lines: &mut Vec<String>) {
    let prefix = if four { "    " } else { "    ipv6 " };
    let alias = |side| format!("alias {}", destination_name(side, four));
    lines.push(format!("{prefix}{} any any permit", alias(Side::LinkSources)));
    lines.push(format!("{prefix}any {} any permit", alias(Side::LinkDestinations)));
    for host in ordered.protected_hosts(place).into_iter().filter(|host| host.is_ipv4() == four) {
        for one in ordered.protected(host) {
            let Side::Host(peer) = one.peer else { continue };
            entry(prefix, &format!("host {host}"), &format!("host {peer}"), one, lines);
        }
    }
    for one in ordered.uses(place) {
        if of_family(ordered, one.peer, four).is_none_or(|networks| !networks.is_empty()) {
            entry(prefix, "user", &alias(one.peer), one, lines);
        }
    }
    lines.push(format!("{prefix}user any any deny"));
    lines.push(format!("{prefix}any user any deny"));
}

fn entry(prefix: &str, own: &str, peer: &str, one: Use<'_>, lines: &mut Vec<String>) {
    let (from, to) = if one.begins { (own, peer) } else { (peer, own) };
    let Some((transport, ports)) = one.service else {
        lines.push(format!("{prefix}{from} {to} any permit"));
        return;
    };
    if is_said(*transport) {
        for (name, _) in services(*transport, ports) {
            lines.push(format!("{prefix}{from} {to} {name} permit"));
        }
    }
}

fn definitions((transport, ports): &(Transport, Vec<PortRange>)) -> Vec<String> {
    let services = services(*transport, ports);
    services.into_iter().map(|(name, definition)| format!("netservice {name} {definition}")).collect()
}

/// Names of services and what they are.
fn services(transport: Transport, ports: &[PortRange]) -> Vec<(String, String)> {
    if !has_ports(transport) {
        return vec![(format!("wl-ip-{}", transport.0), transport.0.to_string())];
    }
    let ranges = ranges(transport, ports).unwrap_or_else(|| vec![PortRange::ALL]);
    let one = |range: PortRange| {
        let ports = if range.first == range.last {
            range.first.to_string()
        } else {
            format!("{} {}", range.first, range.last)
        };
        (format!("wl-{transport}-{range}"), format!("{transport} {ports}"))
    };
    ranges.into_iter().map(one).collect()
}
