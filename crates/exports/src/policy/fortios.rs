//! Fortinet FortiOS 7: addresses, address groups, services and policies, as command line configuration.
//!
//! A policy of FortiOS speaks of both families in fields of their own. Multicast is ruled elsewhere (`firewall multicast-policy`)
//! and not by this.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use wardline_model::{Action, Policy, PortRange, Transport};

use super::ordered::{Entry, Ordered, Side, object_name, ranges, side_name};

/// Number of the first policy; FortiOS asks them in the order in which they are written.
const FIRST_POLICY: usize = 100_000;
const FAMILIES: [bool; 2] = [true, false];

/// The policy as configuration; load it into a workspace transaction, so that it is in force at once or not at all.
pub fn fortios(policy: &Policy) -> String {
    let ordered = Ordered::new(policy);
    let mut text = Text::default();
    for four in FAMILIES {
        text.addresses(&ordered, four);
        text.groups(&ordered, four);
    }
    let services: BTreeMap<String, String> =
        ordered.entries.iter().filter_map(|entry| entry.service.as_ref()).flat_map(services).collect();
    text.open("firewall service custom");
    for (name, definition) in &services {
        text.edit(&format!("\"{name}\""), definition);
    }
    text.close();
    text.open("firewall policy");
    for (place, entry) in ordered.entries.iter().enumerate() {
        if let Some(body) = rule(&ordered, entry) {
            text.edit(&(FIRST_POLICY + place).to_string(), &body);
        }
    }
    text.close();
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, depth: usize, line: &str) {
        self.0.push_str(&"    ".repeat(depth));
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn open(&mut self, table: &str) {
        self.line(0, &format!("config {table}"));
    }

    fn close(&mut self) {
        self.line(0, "end");
    }

    fn edit(&mut self, name: &str, body: &str) {
        self.line(1, &format!("edit {name}"));
        for line in body.lines() {
            self.line(2, line);
        }
        self.line(1, "next");
    }

    fn addresses(&mut self, ordered: &Ordered, four: bool) {
        let hosts = ordered.entries.iter().flat_map(|entry| [entry.from, entry.to]);
        let hosts = hosts.filter(|side| matches!(side, Side::Host(_)));
        let sides = ordered.named().into_iter().chain(hosts);
        let networks: BTreeSet<IpNet> =
            sides.filter_map(|side| of_family(ordered, side, four)).flatten().collect();
        self.open(if four { "firewall address" } else { "firewall address6" });
        for network in &networks {
            let definition = match network {
                IpNet::V4(network) => format!("set subnet {} {}", network.network(), network.netmask()),
                IpNet::V6(network) => format!("set ip6 {network}"),
            };
            self.edit(&format!("\"{}\"", object_name(network)), &definition);
        }
        self.close();
    }

    fn groups(&mut self, ordered: &Ordered, four: bool) {
        self.open(if four { "firewall addrgrp" } else { "firewall addrgrp6" });
        for side in ordered.named() {
            let members = of_family(ordered, side, four).unwrap_or_default();
            if !members.is_empty() {
                let members: Vec<String> =
                    members.iter().map(|network| format!("\"{}\"", object_name(network))).collect();
                self.edit(&format!("\"{}\"", side_name(side)), &format!("set member {}", members.join(" ")));
            }
        }
        self.close();
    }
}

/// Addresses of one family; `None` is any.
fn of_family(ordered: &Ordered, side: Side, four: bool) -> Option<Vec<IpNet>> {
    let all = ordered.addresses(side)?;
    Some(all.into_iter().filter(|network| network.addr().is_ipv4() == four).collect())
}

fn rule(ordered: &Ordered, entry: &Entry) -> Option<String> {
    let mut lines = vec!["set srcintf \"any\"".to_owned(), "set dstintf \"any\"".to_owned()];
    let mut families = 0;
    for four in FAMILIES {
        let sides = [entry.from, entry.to].map(|side| (side, of_family(ordered, side, four)));
        if sides.iter().any(|(_, addresses)| addresses.as_ref().is_some_and(Vec::is_empty)) {
            continue;
        }
        families += 1;
        let suffix = if four { "" } else { "6" };
        for ((side, _), field) in sides.iter().zip(["srcaddr", "dstaddr"]) {
            let name = if *side == Side::Any { "all".to_owned() } else { side_name(*side) };
            lines.push(format!("set {field}{suffix} \"{name}\""));
        }
    }
    // A group without members does not exist; a policy with it matches nothing.
    if families == 0 {
        return None;
    }
    let services = match &entry.service {
        None => "\"ALL\"".to_owned(),
        Some(service) => {
            let names: Vec<String> =
                services(service).into_iter().map(|(name, _)| format!("\"{name}\"")).collect();
            names.join(" ")
        }
    };
    lines.push(format!("set service {services}"));
    lines.push("set schedule \"always\"".to_owned());
    lines.push(format!("set action {}", if entry.action == Action::Accept { "accept" } else { "deny" }));
    lines.push("set logtraffic all".to_owned());
    Some(lines.join("\n"))
}

/// Names of services and what they are.
fn services((transport, ports): &(Transport, Vec<PortRange>)) -> Vec<(String, String)> {
    let protocol = match *transport {
        Transport::TCP => "tcp",
        Transport::UDP => "udp",
        Transport::SCTP => "sctp",
        Transport(number) => {
            let definition = format!("set protocol IP\nset protocol-number {number}");
            return vec![(format!("wl-ip-{number}"), definition)];
        }
    };
    let ranges = ranges(*transport, ports).unwrap_or_else(|| vec![PortRange::ALL]);
    let one = |range: PortRange| {
        let definition = format!("set protocol TCP/UDP/SCTP\nset {protocol}-portrange {range}");
        (format!("wl-{protocol}-{range}"), definition)
    };
    ranges.into_iter().map(one).collect()
}
