//! Linux nftables: the reference rendering, in the syntax of nft(8).
//!
//! One table of its own, replaced in one transaction, so that no packet ever meets half a policy. Rules stand in the order
//! of the verdict: not governed, protected, named by a rule, within a zone, denied.

use std::fmt::Write as _;

use ipnet::IpNet;
use wardline_model::{
    Action, LINK_SCOPE, LINK_SCOPE_RECEIVERS, Label, Policy, PortRange, Transport, has_ports,
};

/// The policy as a file for `nft -f`.
pub fn nftables(policy: &Policy) -> String {
    let table = format!("wardline_{}", identifier(&policy.name));
    let mut text = String::new();
    // Declaring the table first makes deleting it work where it is not there yet.
    line(&mut text, 0, &format!("table inet {table}"));
    line(&mut text, 0, &format!("delete table inet {table}"));
    line(&mut text, 0, &format!("table inet {table} {{"));
    let addresses = policy.addresses();
    for (place, group) in policy.groups.iter().enumerate() {
        let members = addresses.get(&group.name).map_or(&[][..], Vec::as_slice);
        set(&mut text, place, &group.name, Family::V4, members);
        set(&mut text, place, &group.name, Family::V6, members);
    }
    all_governed(&mut text, policy);
    line(&mut text, 1, "chain protected {");
    for one in &policy.protected {
        let family = if one.from.is_ipv4() { "ip" } else { "ip6" };
        let to = service(one.transport, &[one.ports]);
        line(&mut text, 2, &format!("{family} saddr {} {family} daddr {} {to} accept", one.from, one.to));
    }
    line(&mut text, 1, "}");
    line(&mut text, 1, "chain conduits {");
    for rule in &policy.rules {
        let (Some(from), Some(to)) = (place(policy, &rule.from), place(policy, &rule.to)) else { continue };
        between(&mut text, from, to, &service(rule.transport, &rule.ports));
    }
    for (from, group) in policy.groups.iter().enumerate() {
        let accepts = |zone: &&wardline_model::Zone| zone.name == group.zone && zone.within == Action::Accept;
        if !policy.zones.iter().any(|zone| accepts(&zone)) {
            continue;
        }
        for (to, _) in policy.groups.iter().enumerate().filter(|(_, other)| other.zone == group.zone) {
            between(&mut text, from, to, "");
        }
    }
    line(&mut text, 1, "}");
    line(&mut text, 1, "chain forward {");
    line(&mut text, 2, "type filter hook forward priority filter; policy accept;");
    line(&mut text, 2, "jump protected");
    line(&mut text, 2, "ct state established,related accept");
    for (family, name) in [(Family::V4, "ip"), (Family::V6, "ip6")] {
        let written = |networks: &[IpNet]| {
            let own = networks.iter().filter(|network| family.holds(network)).map(address);
            own.collect::<Vec<_>>().join(", ")
        };
        let (both, receivers) = (written(&LINK_SCOPE), written(&LINK_SCOPE_RECEIVERS));
        line(&mut text, 2, &format!("{name} saddr {{ {both} }} accept"));
        line(&mut text, 2, &format!("{name} daddr {{ {both}, {receivers} }} accept"));
    }
    line(&mut text, 2, "jump conduits");
    for (family, name) in [("ip", "governed4"), ("ip6", "governed6")] {
        line(&mut text, 2, &format!("{family} saddr @{name} counter drop"));
        line(&mut text, 2, &format!("{family} daddr @{name} counter drop"));
    }
    line(&mut text, 1, "}");
    line(&mut text, 0, "}");
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn holds(self, address: &IpNet) -> bool {
        match address {
            IpNet::V4(_) => matches!(self, Self::V4),
            IpNet::V6(_) => matches!(self, Self::V6),
        }
    }

    const fn type_name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4_addr",
            Self::V6 => "ipv6_addr",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

fn line(text: &mut String, depth: usize, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:indent$}{content}", "", indent = depth * 4);
}

/// Sets are named by place: two names of groups may differ only in characters that nft does not allow.
fn set(text: &mut String, place: usize, group: &Label, family: Family, members: &[IpNet]) {
    let elements: Vec<String> =
        members.iter().filter(|address| family.holds(address)).map(ToString::to_string).collect();
    line(text, 1, &format!("# {group}"));
    open_set(text, &format!("g{place}_{}", family.suffix()), family, &elements);
}

fn open_set(text: &mut String, name: &str, family: Family, elements: &[String]) {
    line(text, 1, &format!("set {name} {{"));
    line(text, 2, &format!("type {}; flags interval; auto-merge;", family.type_name()));
    if !elements.is_empty() {
        line(text, 2, &format!("elements = {{ {} }}", elements.join(", ")));
    }
    line(text, 1, "}");
}

fn all_governed(text: &mut String, policy: &Policy) {
    let members: Vec<IpNet> = policy.members.iter().map(|member| member.address.trunc()).collect();
    let members = IpNet::aggregate(&members);
    for (name, family) in [("governed4", Family::V4), ("governed6", Family::V6)] {
        let elements: Vec<String> =
            members.iter().filter(|address| family.holds(address)).map(ToString::to_string).collect();
        open_set(text, name, family, &elements);
    }
}

fn place(policy: &Policy, name: &Label) -> Option<usize> {
    policy.groups.iter().position(|group| group.name == *name)
}

fn between(text: &mut String, from: usize, to: usize, service: &str) {
    let service = if service.is_empty() { String::new() } else { format!("{service} ") };
    line(text, 2, &format!("ip saddr @g{from}_v4 ip daddr @g{to}_v4 {service}accept"));
    line(text, 2, &format!("ip6 saddr @g{from}_v6 ip6 daddr @g{to}_v6 {service}accept"));
}

fn service(transport: Transport, ports: &[PortRange]) -> String {
    let protocol = match transport {
        Transport::TCP => "tcp",
        Transport::UDP => "udp",
        Transport::SCTP => "sctp",
        _ => return format!("meta l4proto {}", transport.0),
    };
    if !has_ports(transport) || ports.contains(&PortRange::ALL) {
        return format!("meta l4proto {protocol}");
    }
    // Overlapping ranges would be refused in an anonymous set.
    let ranges: Vec<String> = PortRange::merged(ports).iter().map(ToString::to_string).collect();
    format!("{protocol} dport {{ {} }}", ranges.join(", "))
}

/// A network, or an address where it is only one.
fn address(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

fn identifier(name: &Label) -> String {
    name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use wardline_model::{
        Category, Group, Member, ProtectedConversation, Rule, RuleEvidence, Standing, Zone,
    };

    fn policy() -> Policy {
        let zone = |name: &str, within| Zone { name: name.into(), within, reason: String::new() };
        let group = |name: &str, zone: &str| Group {
            name: name.into(),
            zone: zone.into(),
            category: Category::Unknown,
        };
        let member = |address: &str, group: &str| Member {
            address: address.parse().unwrap(),
            group: group.into(),
            device: None,
            name: None,
            criticality: None,
            ward: None,
            reason: String::new(),
        };
        let rule = |transport, ports: Vec<PortRange>| Rule {
            from: "therapy/pump".into(),
            to: "systems/engine".into(),
            transport,
            ports,
            application: None,
            standing: Standing::Manual,
            care_essential: true,
            evidence: RuleEvidence::default(),
        };
        Policy {
            protected: vec![ProtectedConversation {
                from: "10.0.0.9".parse().unwrap(),
                to: "10.1.0.1".parse().unwrap(),
                transport: Transport::TCP,
                ports: PortRange::one(2575),
            }],
            zones: vec![zone("therapy", Action::Deny), zone("systems", Action::Accept)],
            groups: vec![
                group("therapy/pump", "therapy"),
                group("systems/engine", "systems"),
                group("systems/empty", "systems"),
            ],
            members: vec![
                member("10.0.0.0/28", "therapy/pump"),
                member("2001:db8::1/128", "therapy/pump"),
                member("10.1.0.1/32", "systems/engine"),
                member("2001:db8:1::1/128", "systems/engine"),
            ],
            rules: vec![
                rule(Transport::TCP, vec![PortRange::one(2575), PortRange { first: 2570, last: 2580 }]),
                rule(Transport::ICMP, vec![PortRange::ALL]),
            ],
            ..Policy::empty("site-a".into())
        }
    }

    #[test]
    fn what_is_protected_stands_before_everything_that_drops() {
        policy().check().unwrap();
        let text = nftables(&policy());
        let protected = text.find("jump protected").unwrap();
        assert!(protected < text.find("drop").unwrap() && protected < text.find("ct state").unwrap());
        assert!(text.contains("ip saddr 10.0.0.9 ip daddr 10.1.0.1 tcp dport { 2575 } accept"));
        assert!(text.contains("ip saddr @g0_v4 ip daddr @g1_v4 tcp dport { 2570-2580 } accept"), "{text}");
        assert!(text.contains("meta l4proto 1 accept"));
        assert!(text.contains("ip saddr @g1_v4 ip daddr @g1_v4 accept"));
        assert!(!text.contains("ip saddr @g0_v4 ip daddr @g0_v4"));
    }

    #[test]
    fn the_real_nft_accepts_it() {
        let checked = Command::new("unshare")
            .args(["-n", "nft", "-c", "-f", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        // Where nft or the right to make a namespace is missing, there is nobody to ask.
        let Ok(mut checked) = checked else { return };
        checked.stdin.take().unwrap().write_all(nftables(&policy()).as_bytes()).unwrap();
        let output = checked.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("unshare") || complaint.contains("Operation not permitted") {
            return;
        }
        assert!(output.status.success(), "{complaint}");
    }
}
