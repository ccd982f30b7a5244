//! A reader of nft(8) that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policies::Packet;

/// The text, read by rules of nft(8) that this test alone knows.
#[derive(Default)]
pub(crate) struct Ruleset {
    sets: BTreeMap<String, Vec<IpNet>>,
    chains: BTreeMap<String, Vec<Vec<String>>>,
}

impl Ruleset {
    pub(crate) fn read(text: &str) -> Self {
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

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
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

pub(crate) fn net(word: &str) -> IpNet {
    word.parse().unwrap_or_else(|_| IpNet::from(word.parse::<IpAddr>().unwrap()))
}

pub(crate) fn number(protocol: &str) -> u8 {
    match protocol {
        "tcp" => 6,
        "udp" => 17,
        "sctp" => 132,
        other => other.parse().unwrap(),
    }
}
