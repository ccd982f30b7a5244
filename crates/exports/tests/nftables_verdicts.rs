//! The nftables rendering against the policy itself: an independent reader of the text gives the same verdict on random
//! conversations of random policies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use proptest::prelude::*;
use wardline_exports::policy::nftables;
use wardline_model::{
    Action, Category, Group, Judge, Member, Party, Policy, PortRange, ProtectedConversation, Rule,
    RuleEvidence, Standing, Transport, Zone,
};

/// A conversation's first packet.
#[derive(Clone, Copy, Debug)]
struct Packet {
    from: IpAddr,
    to: IpAddr,
    transport: u8,
    port: u16,
}

/// The text, read by rules of nft(8) that this test alone knows.
#[derive(Default)]
struct Ruleset {
    sets: BTreeMap<String, Vec<IpNet>>,
    chains: BTreeMap<String, Vec<Vec<String>>>,
}

impl Ruleset {
    fn read(text: &str) -> Self {
        let mut ruleset = Self::default();
        let mut block: Option<(bool, String)> = None;
        for line in text.lines().map(str::trim) {
            let words: Vec<String> =
                line.replace(['{', '}', ','], " ").split_whitespace().map(str::to_owned).collect();
            match (&block, words.first().map(String::as_str)) {
                (None, Some(kind @ ("set" | "chain"))) => block = Some((kind == "set", words[1].clone())),
                (Some(_), None) => block = None,
                (Some((true, name)), Some("elements")) => {
                    let nets = words[2..].iter().map(|word| net(word)).collect();
                    ruleset.sets.insert(name.clone(), nets);
                }
                (Some((false, name)), Some(first)) if first != "type" => {
                    ruleset.chains.entry(name.clone()).or_default().push(words);
                }
                _ => {}
            }
        }
        ruleset
    }

    fn accepts(&self, packet: Packet) -> bool {
        self.chain("forward", packet).unwrap_or(true)
    }

    fn chain(&self, name: &str, packet: Packet) -> Option<bool> {
        self.chains.get(name)?.iter().find_map(|rule| {
            let words: Vec<&str> = rule.iter().map(String::as_str).collect();
            self.rule(&words, packet)
        })
    }

    fn rule(&self, words: &[&str], packet: Packet) -> Option<bool> {
        let (matches, rest) = match words {
            ["accept"] => return Some(true),
            ["drop"] => return Some(false),
            ["jump", chain] => return self.chain(chain, packet),
            // The first packet belongs to nothing that is established.
            ["ct", ..] => return None,
            ["counter", rest @ ..] => (true, rest),
            ["meta", "l4proto", protocol, rest @ ..] => (number(protocol) == packet.transport, rest),
            [family @ ("ip" | "ip6"), side @ ("saddr" | "daddr"), rest @ ..] => {
                let address = if *side == "saddr" { packet.from } else { packet.to };
                let named = |word: &&&str| {
                    word.starts_with('@') || word.parse::<IpAddr>().is_ok() || word.parse::<IpNet>().is_ok()
                };
                let (list, rest) = rest.split_at(rest.iter().take_while(named).count());
                let right_family = (*family == "ip") == address.is_ipv4();
                (right_family && list.iter().any(|word| self.holds(word, address)), rest)
            }
            [protocol @ ("tcp" | "udp" | "sctp"), "dport", rest @ ..] => {
                let numbers = |word: &&&str| word.starts_with(|c: char| c.is_ascii_digit());
                let (list, rest) = rest.split_at(rest.iter().take_while(numbers).count());
                let inside = list.iter().any(|word| {
                    let (first, last) = word.split_once('-').unwrap_or((word, word));
                    (first.parse::<u16>().unwrap()..=last.parse().unwrap()).contains(&packet.port)
                });
                (number(protocol) == packet.transport && inside, rest)
            }
            other => panic!("not understood: {other:?}"),
        };
        if matches { self.rule(rest, packet) } else { None }
    }

    fn holds(&self, word: &str, address: IpAddr) -> bool {
        match word.strip_prefix('@') {
            Some(name) => {
                self.sets.get(name).is_some_and(|nets| nets.iter().any(|net| net.contains(&address)))
            }
            None => net(word).contains(&address),
        }
    }
}

fn net(word: &str) -> IpNet {
    word.parse().unwrap_or_else(|_| IpNet::from(word.parse::<IpAddr>().unwrap()))
}

fn number(protocol: &str) -> u8 {
    match protocol {
        "tcp" => 6,
        "udp" => 17,
        "sctp" => 132,
        other => other.parse().unwrap(),
    }
}

/// Addresses are few, so that packets meet members: six groups of eight in each family, and some in none.
fn address() -> impl Strategy<Value = IpAddr> {
    (0..64_u8, any::<bool>()).prop_map(|(host, six)| {
        if six {
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(host)])
        } else {
            IpAddr::from([10, 0, 0, host])
        }
    })
}

fn transport() -> impl Strategy<Value = Transport> {
    prop::sample::select(vec![
        Transport::TCP,
        Transport::UDP,
        Transport::SCTP,
        Transport::ICMP,
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

fn policy() -> impl Strategy<Value = Policy> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // 512 policies with 400 conversations each, half of them within one family: 10^5 verdicts.
    #[test]
    fn the_text_says_what_the_policy_says(
        policy in policy(),
        conversations in prop::collection::vec((address(), address(), transport(), 0..48_u16), 400),
    ) {
        policy.check().unwrap();
        let judge = Judge::new(&policy);
        let ruleset = Ruleset::read(&nftables(&policy));
        let party = |ip| Party { ip: Some(ip), device: None };
        for (from, to, transport, port) in conversations {
            // No packet has a sender of one family and a receiver of the other.
            if from.is_ipv4() != to.is_ipv4() {
                continue;
            }
            let expected = judge.verdict(party(from), party(to), transport, port);
            let said = ruleset.accepts(Packet { from, to, transport: transport.0, port });
            prop_assert_eq!(said, expected.passes(), "{} > {} {}/{}: {:?}", from, to, transport, port, expected);
        }
    }
}
