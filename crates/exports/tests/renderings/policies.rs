//! Random policies, and conversations that meet them.

use std::net::IpAddr;

use proptest::prelude::*;
use wardline_model::{
    Action, Category, Group, Member, Policy, PortRange, ProtectedConversation, Rule, RuleEvidence, Standing,
    Transport, Zone,
};

/// A conversation's first packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) transport: u8,
    pub(crate) port: u16,
}

/// Addresses are few, so that packets meet members: six groups of eight in each family, and some in none.
pub(crate) fn address() -> impl Strategy<Value = IpAddr> {
    (0..64_u8, any::<bool>()).prop_map(|(host, six)| {
        if six {
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)])
        } else {
            IpAddr::from([10, 0, 0, host])
        }
    })
}

/// As [`address`], now and then one that crosses no router or is many.
pub(crate) fn receiver() -> impl Strategy<Value = IpAddr> {
    let none =
        prop::sample::select(vec!["224.0.0.251", "255.255.255.255", "169.254.3.4", "ff02::fb", "fe80::7"]);
    prop_oneof![15 => address(), 1 => none.prop_map(|text| text.parse().unwrap())]
}

/// As [`address`], now and then one that crosses no router.
pub(crate) fn sender() -> impl Strategy<Value = IpAddr> {
    let none = prop::sample::select(vec!["0.0.0.0", "169.254.3.4", "fe80::7"]);
    prop_oneof![15 => address(), 1 => none.prop_map(|text| text.parse().unwrap())]
}

pub(crate) fn transport() -> impl Strategy<Value = Transport> {
    prop::sample::select(vec![
        Transport::TCP,
        Transport::UDP,
        Transport::SCTP,
        Transport::ICMP,
        Transport::ICMP6,
        Transport(47),
    ])
}

fn rule() -> impl Strategy<Value = Rule> {
    let ports = prop::collection::vec((0..40_u16, 0..8_u16), 1..4);
    (0..6_usize, 0..6_usize, transport(), ports).prop_map(|(from, to, transport, ports)| Rule {
        from: format!("g{from}").as_str().into(),
        to: format!("g{to}").as_str().into(),
        transport,
        ports: if wardline_model::has_ports(transport) {
            ports.into_iter().map(|(first, more)| PortRange { first, last: first + more }).collect()
        } else {
            vec![PortRange::ALL]
        },
        application: None,
        standing: Standing::Manual,
        care_essential: false,
        evidence: RuleEvidence::default(),
    })
}

fn member(address: &str, group: &str) -> Member {
    Member {
        address: address.parse().unwrap(),
        group: group.into(),
        device: None,
        name: None,
        criticality: None,
        ward: None,
        reason: String::new(),
    }
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let protected = (address(), address(), transport(), 0..40_u16);
    let parts =
        (prop::collection::vec(rule(), 0..12), prop::collection::vec(protected, 0..4), any::<[bool; 3]>());
    parts.prop_map(|(rules, protected, within)| {
        let mut policy = Policy { rules, ..Policy::empty("random".into()) };
        for (from, to, transport, port) in protected {
            let ports =
                if wardline_model::has_ports(transport) { PortRange::one(port) } else { PortRange::ALL };
            if from.is_ipv4() == to.is_ipv4() {
                policy.protected.push(ProtectedConversation { from, to, transport, ports });
            }
        }
        for (zone, accept) in within.into_iter().enumerate() {
            policy.zones.push(Zone {
                name: format!("z{zone}").as_str().into(),
                within: if accept { Action::Accept } else { Action::Deny },
                reason: String::new(),
            });
        }
        for group in 0..6_u8 {
            let name = format!("g{group}");
            policy.groups.push(Group {
                name: name.as_str().into(),
                zone: format!("z{}", group / 2).as_str().into(),
                category: Category::Unknown,
            });
            policy.members.push(member(&format!("10.0.0.{}/29", group * 8), &name));
            policy.members.push(member(&format!("2001:db8::{:x}/125", group * 8), &name));
        }
        policy
    })
}
