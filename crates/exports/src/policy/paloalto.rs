//! Palo Alto PAN-OS: address objects and groups, services, and security rules, as `set` commands of configuration mode.
//!
//! Rules speak of addresses, not of PAN-OS zones: whoever loads them puts them above the rules of the zones. Transports without
//! ports become applications that are known by their protocol number.

use std::collections::BTreeSet;

use wardline_model::{Action, Policy, PortRange, Transport};

use super::ordered::{Entry, Ordered, Side, object_name, ranges, side_name};

/// The policy as `set` commands; nothing is in force before `commit`, and `commit force` is never needed.
pub fn paloalto(policy: &Policy) -> String {
    let ordered = Ordered::new(policy);
    let mut lines = Vec::new();
    let hosts = ordered.entries.iter().flat_map(|entry| [entry.from, entry.to]);
    let hosts = hosts.filter(|side| matches!(side, Side::Host(_)));
    let sides = ordered.named().into_iter().chain(hosts);
    let networks: BTreeSet<_> = sides.filter_map(|side| ordered.addresses(side)).flatten().collect();
    for network in &networks {
        lines.push(format!("set address {} ip-netmask {network}", object_name(network)));
    }
    for side in ordered.named() {
        let members: Vec<String> =
            ordered.addresses(side).unwrap_or_default().iter().map(object_name).collect();
        if !members.is_empty() {
            lines.push(format!("set address-group {} static [ {} ]", side_name(side), members.join(" ")));
        }
    }
    let mut rules = Vec::new();
    let mut objects = BTreeSet::new();
    for (number, entry) in ordered.entries.iter().enumerate() {
        rules.extend(rule(&ordered, number, entry, &mut objects));
    }
    lines.extend(objects);
    lines.extend(rules);
    lines.push(String::new());
    lines.join("\n")
}

fn rule(ordered: &Ordered, number: usize, entry: &Entry, objects: &mut BTreeSet<String>) -> Option<String> {
    let empty = |side| ordered.addresses(side).is_some_and(|addresses| addresses.is_empty());
    // A group without members does not exist; a rule with it matches nothing.
    if empty(entry.from) || empty(entry.to) {
        return None;
    }
    let (application, service) = match &entry.service {
        None => ("any".to_owned(), "any".to_owned()),
        Some((transport, ports)) => traffic(*transport, ports, objects),
    };
    let action = if entry.action == Action::Accept { "allow" } else { "deny" };
    Some(format!(
        "set rulebase security rules wl-{number:05} from any to any source {} destination {} application {application} \
         service {service} action {action}",
        side_name(entry.from),
        side_name(entry.to),
    ))
}

/// Application and service; what must exist for them is added to the objects.
fn traffic(transport: Transport, ports: &[PortRange], objects: &mut BTreeSet<String>) -> (String, String) {
    let protocol = match transport {
        Transport::TCP => "tcp",
        Transport::UDP => "udp",
        Transport::SCTP => "sctp",
        Transport(number) => {
            let name = format!("wl-ip-{number}");
            objects.insert(format!("set application {name} category networking subcategory ip-protocol technology network-protocol risk 1"));
            objects.insert(format!("set application {name} default ident-by-ip-protocol {number}"));
            return (name, "any".to_owned());
        }
    };
    let ranges = ranges(transport, ports).unwrap_or_else(|| vec![PortRange::ALL]);
    let named = ranges.into_iter().map(|range| {
        let name = format!("wl-{protocol}-{range}");
        objects.insert(format!("set service {name} protocol {protocol} port {range}"));
        name
    });
    ("any".to_owned(), format!("[ {} ]", named.collect::<Vec<_>>().join(" ")))
}
