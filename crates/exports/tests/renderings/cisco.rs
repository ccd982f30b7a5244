//! A reader of IOS XE access lists that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policies::Packet;

/// Port from which the first packet of a conversation comes.
const SOURCE_PORT: u16 = 50_000;

#[derive(Default)]
pub(crate) struct Configuration {
    groups: BTreeMap<String, Vec<IpNet>>,
    lists: BTreeMap<bool, Vec<Vec<String>>>,
}

enum Block {
    None,
    Group(String),
    List(bool),
}

impl Configuration {
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut block = Block::None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (&block, words.as_slice()) {
                (_, ["object-group", "network" | "v6-network", name]) => {
                    assert!(read.groups.insert((*name).to_owned(), Vec::new()).is_none());
                    block = Block::Group((*name).to_owned());
                }
                (_, ["ip", "access-list", "extended", _]) => block = Block::List(true),
                (_, ["ipv6", "access-list", _]) => block = Block::List(false),
                (_, [] | ["!", ..]) => block = Block::None,
                (Block::Group(name), words) => {
                    read.groups.get_mut(name).unwrap().push(network(words));
                }
                (Block::List(four), words) => {
                    let words = words.iter().map(|word| (*word).to_owned()).collect();
                    read.lists.entry(*four).or_default().push(words);
                }
                (Block::None, other) => panic!("not understood: {other:?}"),
            }
        }
        read
    }

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        let list = &self.lists[&packet.from.is_ipv4()];
        let entry = list.iter().find(|entry| self.matches(entry, packet));
        // An access list ends with a deny that nobody writes.
        entry.is_some_and(|entry| entry[0] == "permit")
    }

    fn matches(&self, entry: &[String], packet: Packet) -> bool {
        let mut words = entry[1..].iter().map(String::as_str).peekable();
        let protocol = match words.next().unwrap() {
            "ip" => packet.from.is_ipv4(),
            "ipv6" => packet.from.is_ipv6(),
            "tcp" => packet.transport == 6,
            "udp" => packet.transport == 17,
            "sctp" => packet.transport == 132,
            "icmp" => packet.transport == if packet.from.is_ipv4() { 1 } else { 58 },
            number => number.parse::<u8>().unwrap() == packet.transport,
        };
        let from = self.side(&mut words, packet.from);
        let from_port = port(&mut words, SOURCE_PORT);
        let to = self.side(&mut words, packet.to);
        let to_port = port(&mut words, packet.port);
        // The first packet is no answer.
        let first = !matches!(words.next(), Some("established" | "echo-reply"));
        protocol && from && from_port && to && to_port && first
    }

    fn side<'a>(&self, words: &mut impl Iterator<Item = &'a str>, address: IpAddr) -> bool {
        match words.next().unwrap() {
            "any" => true,
            "host" => words.next().unwrap().parse::<IpAddr>().unwrap() == address,
            "object-group" => self.groups[words.next().unwrap()].iter().any(|one| one.contains(&address)),
            other => panic!("not understood: {other}"),
        }
    }
}

fn port<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>, port: u16) -> bool {
    let number = |word: Option<&str>| word.unwrap().parse::<u16>().unwrap();
    match words.peek().copied() {
        Some("eq") => {
            words.next();
            number(words.next()) == port
        }
        Some("gt") => {
            words.next();
            port > number(words.next())
        }
        Some("range") => {
            words.next();
            let (first, last) = (number(words.next()), number(words.next()));
            (first..=last).contains(&port)
        }
        _ => true,
    }
}

fn network(words: &[&str]) -> IpNet {
    match words {
        ["host", address] => IpNet::from(address.parse::<IpAddr>().unwrap()),
        [address, mask] => IpNet::with_netmask(address.parse().unwrap(), mask.parse().unwrap()).unwrap(),
        [network] => network.parse().unwrap(),
        other => panic!("not understood: {other:?}"),
    }
}
