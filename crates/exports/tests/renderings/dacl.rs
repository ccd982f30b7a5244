//! A reader of Cisco downloadable access lists that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::Policy;

use crate::policies::Packet;

/// Port from which the first packet of a conversation comes.
const SOURCE_PORT: u16 = 50_000;

pub(crate) struct Lists {
    lists: BTreeMap<String, Vec<Vec<String>>>,
    /// Group of each network: what the RADIUS server knows.
    groups: Vec<(IpNet, usize)>,
}

/// A packet of a conversation: the first, or its answer.
#[derive(Clone, Copy)]
struct Sent {
    from: IpAddr,
    to: IpAddr,
    transport: u8,
    ports: [u16; 2],
    is_answer: bool,
}

impl Lists {
    pub(crate) fn read(text: &str, policy: &Policy) -> Self {
        let mut lists: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        let mut name = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            if words[..2] == ["!", "dACL"] {
                name = words[2].trim_end_matches(':').to_owned();
                assert!(lists.insert(name.clone(), Vec::new()).is_none());
            } else {
                lists.get_mut(&name).unwrap().push(words);
            }
        }
        let place = |member: &wardline_model::Member| {
            let place = policy.groups.iter().position(|group| group.name == member.group).unwrap();
            (member.address, place)
        };
        Self { lists, groups: policy.members.iter().map(place).collect() }
    }

    /// One end may begin, and the other may answer.
    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        let Packet { from, to, transport, port } = packet;
        let first = Sent { from, to, transport, ports: [SOURCE_PORT, port], is_answer: false };
        let answer = Sent { from: to, to: from, transport, ports: [port, SOURCE_PORT], is_answer: true };
        self.permits(first) && self.permits(answer)
    }

    fn permits(&self, sent: Sent) -> bool {
        let Some((_, place)) = self.groups.iter().find(|(network, _)| network.contains(&sent.from)) else {
            return true;
        };
        let family = if sent.from.is_ipv4() { 4 } else { 6 };
        let host: String =
            sent.from.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let bits = if sent.from.is_ipv4() { 32 } else { 128 };
        let own = self.lists.get(&format!("wl-n-{host}-{bits}-{family}"));
        let list = own.unwrap_or_else(|| &self.lists[&format!("wl-g{place}-{family}")]);
        list.iter().find(|entry| matches(entry, sent)).is_some_and(|entry| entry[0] == "permit")
    }
}

fn matches(entry: &[String], sent: Sent) -> bool {
    let mut words = entry[1..].iter().map(String::as_str).peekable();
    let protocol = match words.next().unwrap() {
        "ip" | "ipv6" => true,
        "tcp" => sent.transport == 6,
        "udp" => sent.transport == 17,
        "sctp" => sent.transport == 132,
        "icmp" => sent.transport == if sent.from.is_ipv4() { 1 } else { 58 },
        other => panic!("not understood: {other}"),
    };
    let from = side(&mut words, sent.from);
    let from_port = port(&mut words, sent.ports[0]);
    let to = side(&mut words, sent.to);
    let to_port = port(&mut words, sent.ports[1]);
    let kind = match words.next() {
        None => true,
        Some("established" | "echo-reply") => sent.is_answer,
        other => panic!("not understood: {other:?}"),
    };
    protocol && from && from_port && to && to_port && kind
}

fn side<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>, address: IpAddr) -> bool {
    match words.next().unwrap() {
        "any" => true,
        "host" => words.next().unwrap().parse::<IpAddr>().unwrap() == address,
        network if network.contains('/') => network.parse::<IpNet>().unwrap().contains(&address),
        network => {
            // A wildcard: its ones do not count.
            let bits = |text: &str| u32::from(text.parse::<std::net::Ipv4Addr>().unwrap());
            let (network, wildcard) = (bits(network), bits(words.next().unwrap()));
            let IpAddr::V4(address) = address else { return false };
            (u32::from(address) ^ network) & !wildcard == 0
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
