//! Rules in the JSON of nft, libnftables-json(5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};
use wardline_model::{PortRange, Transport, has_ports};

use crate::ruleset::{Condition, Element, End, FORWARD, KernelRule, Ruleset, TABLE, Verdict};

/// Name of the set that holds the lease.
pub(crate) const LEASE: &str = "lease";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Four,
    Six,
}

impl Family {
    const fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Four } else { Self::Six }
    }

    const fn protocol(self) -> &'static str {
        match self {
            Self::Four => "ip",
            Self::Six => "ip6",
        }
    }

    const fn address_type(self) -> &'static str {
        match self {
            Self::Four => "ipv4_addr",
            Self::Six => "ipv6_addr",
        }
    }

    const fn suffix(self) -> char {
        match self {
            Self::Four => '4',
            Self::Six => '6',
        }
    }
}

const FAMILIES: [Family; 2] = [Family::Four, Family::Six];

/// Sets are filled beside those in use before any rule asks them: between the moment in which the kernel takes new rules and
/// that in which it shows what a new set holds, a packet could find the set empty. Two names, used in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// Names that begin with `a_`.
    A,
    /// Names that begin with `b_`.
    B,
}

impl Buffer {
    /// Whether a set is in this buffer.
    pub fn holds(self, set: &str) -> bool {
        set.starts_with(self.prefix())
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::A => "a_",
            Self::B => "b_",
        }
    }
}

/// First transaction: the sets, asked by nobody yet. `present` are the names of the sets that the table has.
pub fn preparation(ruleset: &Ruleset, buffer: Buffer, present: &[String]) -> Value {
    let table = json!({ "family": "inet", "name": TABLE });
    let mut commands = vec![json!({ "add": { "table": table } })];
    commands.extend(deleted(present, |name| buffer.holds(name)));
    if !present.iter().any(|name| name == LEASE) {
        set(&mut commands, LEASE, json!("ether_type"), &["timeout"], Vec::new());
    }
    for family in FAMILIES {
        let writer = Writer { family, buffer };
        for (name, elements) in &ruleset.sets {
            writer.addresses(&mut commands, name, elements);
        }
        writer.protected(&mut commands, ruleset);
    }
    json!({ "nftables": commands })
}

/// Second transaction: the rules, and the lease; the sets of the other buffer go. No packet meets half of it.
pub fn replacement(ruleset: &Ruleset, buffer: Buffer, present: &[String], lease_s: u64) -> Value {
    let mut commands = Vec::new();
    for name in ruleset.chains.keys() {
        let mut chain = named(name);
        if *name == FORWARD {
            chain["type"] = json!("filter");
            chain["hook"] = json!("forward");
            chain["prio"] = json!(0);
            chain["policy"] = json!("accept");
        }
        commands.push(json!({ "add": { "chain": chain } }));
        commands.push(json!({ "flush": { "chain": named(name) } }));
    }
    for (chain, rules) in &ruleset.chains {
        for expression in rules.iter().flat_map(|rule| expressions(rule, buffer)) {
            let rule = json!({ "family": "inet", "table": TABLE, "chain": chain, "expr": expression });
            commands.push(json!({ "add": { "rule": rule } }));
        }
    }
    commands.extend(deleted(present, |name| name != LEASE && !buffer.holds(name)));
    commands.extend(leased(lease_s));
    json!({ "nftables": commands })
}

fn deleted(present: &[String], which: impl Fn(&str) -> bool) -> Vec<Value> {
    present
        .iter()
        .filter(|name| which(name))
        .map(|name| json!({ "delete": { "set": named(name) } }))
        .collect()
}

/// One transaction that lets the lease live on from now.
pub fn renewal(lease_s: u64) -> Value {
    json!({ "nftables": leased(lease_s) })
}

/// One transaction that takes the table away.
pub fn removal() -> Value {
    let table = json!({ "family": "inet", "name": TABLE });
    // Declaring it first makes deleting it work where it is not there.
    json!({ "nftables": [{ "add": { "table": table } }, { "delete": { "table": table } }] })
}

fn named(name: &str) -> Value {
    json!({ "family": "inet", "table": TABLE, "name": name })
}

fn leased(lease_s: u64) -> [Value; 2] {
    let mut elements = named(LEASE);
    elements["elem"] =
        json!(["ip", "ip6"].map(|value| json!({ "elem": { "val": value, "timeout": lease_s } })));
    [json!({ "flush": { "set": named(LEASE) } }), json!({ "add": { "element": elements } })]
}

fn set(commands: &mut Vec<Value>, name: &str, kind: Value, flags: &[&str], elements: Vec<Value>) {
    let mut declared = named(name);
    declared["type"] = kind;
    if !flags.is_empty() {
        declared["flags"] = json!(flags);
    }
    commands.push(json!({ "add": { "set": declared } }));
    if !elements.is_empty() {
        let mut filled = named(name);
        filled["elem"] = json!(elements);
        commands.push(json!({ "add": { "element": filled } }));
    }
}

/// Writes what concerns one family of addresses, with the names of one buffer.
#[derive(Clone, Copy)]
struct Writer {
    family: Family,
    buffer: Buffer,
}

impl Writer {
    fn set(self, name: &str) -> String {
        format!("{}{name}_{}", self.buffer.prefix(), self.family.suffix())
    }

    fn addresses(self, commands: &mut Vec<Value>, name: &str, elements: &BTreeSet<Element>) {
        let timed = elements.iter().any(|element| element.timeout_s.is_some());
        let values = elements
            .iter()
            .filter(|element| Family::of(element.address.addr()) == self.family)
            .map(|element| match element.timeout_s {
                Some(timeout_s) => {
                    json!({ "elem": { "val": network(&element.address), "timeout": timeout_s } })
                }
                None => network(&element.address),
            })
            .collect();
        let flags = if timed { ["timeout"] } else { ["interval"] };
        set(commands, &self.set(name), json!(self.family.address_type()), &flags, values);
    }

    /// Two sets: with ports, and for transports that have none.
    fn protected(self, commands: &mut Vec<Value>, ruleset: &Ruleset) {
        let mut ranges: BTreeMap<(IpAddr, IpAddr, u8), Vec<PortRange>> = BTreeMap::new();
        for one in ruleset.protected.iter().filter(|one| Family::of(one.from) == self.family) {
            ranges.entry((one.from, one.to, one.transport.0)).or_default().push(one.ports);
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for ((from, to, transport), ports) in ranges {
            if !has_ports(Transport(transport)) {
                without.push(json!({ "concat": [from, to, transport] }));
                continue;
            }
            // Overlapping ranges would be refused.
            for range in PortRange::merged(&ports) {
                with.push(json!({ "concat": [from, to, transport, port_value(range)] }));
            }
        }
        let address = self.family.address_type();
        let kind = json!([address, address, "inet_proto", "inet_service"]);
        set(commands, &self.set("protected"), kind, &["interval"], with);
        let kind = json!([address, address, "inet_proto"]);
        set(commands, &self.set("protected_portless"), kind, &[], without);
    }

    fn expression(self, rule: &KernelRule, ports: bool) -> Value {
        let mut statements: Vec<Value> =
            rule.conditions.iter().map(|one| self.condition(one, ports)).collect();
        statements.extend(match &rule.verdict {
            Verdict::Accept => vec![json!({ "accept": null })],
            Verdict::Drop => vec![json!({ "counter": null }), json!({ "drop": null })],
            Verdict::Jump(chain) => vec![json!({ "jump": { "target": chain } })],
            Verdict::Count => vec![json!({ "counter": null })],
            Verdict::Log(prefix) => {
                vec![
                    json!({ "limit": { "rate": 10, "per": "second" } }),
                    json!({ "log": { "prefix": prefix } }),
                ]
            }
        });
        json!(statements)
    }

    fn condition(self, condition: &Condition, ports: bool) -> Value {
        match condition {
            Condition::Leased => equal(json!({ "meta": { "key": "protocol" } }), json!(format!("@{LEASE}"))),
            Condition::In(end, name) => {
                equal(address(self.family, *end), json!(format!("@{}", self.set(name))))
            }
            Condition::Within(end, networks) => {
                let own = networks.iter().filter(|one| Family::of(one.addr()) == self.family);
                equal(address(self.family, *end), json!({ "set": own.map(network).collect::<Vec<_>>() }))
            }
            Condition::Service(transport, ranges) => service(*transport, ranges),
            Condition::Established => {
                json!({ "match": { "op": "in", "left": { "ct": { "key": "state" } }, "right": ["established", "related"] } })
            }
            Condition::Protected(direction) => {
                let (from, to, port) = match direction {
                    End::Destination => (End::Source, End::Destination, "dport"),
                    End::Source => (End::Destination, End::Source, "sport"),
                };
                let mut key = vec![
                    address(self.family, from),
                    address(self.family, to),
                    json!({ "meta": { "key": "l4proto" } }),
                ];
                let mut name = "protected_portless";
                if ports {
                    key.push(json!({ "payload": { "protocol": "th", "field": port } }));
                    name = "protected";
                }
                equal(json!({ "concat": key }), json!(format!("@{}", self.set(name))))
            }
            Condition::Over(bytes) => {
                json!({ "limit": { "rate": bytes, "rate_unit": "bytes", "per": "second", "inv": true } })
            }
        }
    }
}

fn network(network: &IpNet) -> Value {
    if network.prefix_len() == network.max_prefix_len() {
        return json!(network.addr());
    }
    json!({ "prefix": { "addr": network.network(), "len": network.prefix_len() } })
}

fn port_value(range: PortRange) -> Value {
    if range.first == range.last { json!(range.first) } else { json!({ "range": [range.first, range.last] }) }
}

/// A rule speaks of both families; the kernel's rules speak of one.
fn expressions(rule: &KernelRule, buffer: Buffer) -> Vec<Value> {
    let of_family = |one: &Condition| matches!(one, Condition::In(..) | Condition::Within(..));
    let writers = FAMILIES.map(|family| Writer { family, buffer });
    if rule.conditions.iter().any(|one| matches!(one, Condition::Protected(_))) {
        return writers
            .iter()
            .flat_map(|one| [true, false].map(|ports| one.expression(rule, ports)))
            .collect();
    }
    let needed = if rule.conditions.iter().any(of_family) { 2 } else { 1 };
    writers.iter().take(needed).map(|one| one.expression(rule, true)).collect()
}

fn address(family: Family, end: End) -> Value {
    let field = match end {
        End::Source => "saddr",
        End::Destination => "daddr",
    };
    json!({ "payload": { "protocol": family.protocol(), "field": field } })
}

fn service(transport: Transport, ranges: &[PortRange]) -> Value {
    let protocol = match transport {
        Transport::TCP => "tcp",
        Transport::UDP => "udp",
        Transport::SCTP => "sctp",
        _ => "",
    };
    if protocol.is_empty() || ranges.is_empty() || ranges.contains(&PortRange::ALL) {
        return equal(json!({ "meta": { "key": "l4proto" } }), json!(transport.0));
    }
    let ranges: Vec<Value> = PortRange::merged(ranges).into_iter().map(port_value).collect();
    equal(json!({ "payload": { "protocol": protocol, "field": "dport" } }), json!({ "set": ranges }))
}

#[expect(clippy::needless_pass_by_value, reason = "both sides are built in place and moved into the match")]
fn equal(left: Value, right: Value) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right } })
}
