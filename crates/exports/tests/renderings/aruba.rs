//! A reader of ArubaOS configuration that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policies::Packet;

#[derive(Default)]
pub(crate) struct Configuration {
    destinations: BTreeMap<String, Vec<IpNet>>,
    services: BTreeMap<String, (u8, u16, u16)>,
    lists: BTreeMap<String, Vec<Vec<String>>>,
    roles: BTreeMap<String, String>,
}

enum Block {
    None,
    Destination(String),
    List(String),
    Role(String),
}

impl Configuration {
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut block = Block::None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (&block, words.as_slice()) {
                (_, [] | ["!", ..]) => block = Block::None,
                (_, ["netdestination" | "netdestination6", name]) => {
                    assert!(read.destinations.insert((*name).to_owned(), Vec::new()).is_none());
                    block = Block::Destination((*name).to_owned());
                }
                (_, ["netservice", name, rest @ ..]) => {
                    assert!(read.services.insert((*name).to_owned(), service(rest)).is_none());
                }
                (_, ["ip", "access-list", "session", name]) => block = Block::List((*name).to_owned()),
                (_, ["user-role", name]) => block = Block::Role((*name).to_owned()),
                (Block::Destination(name), words) => {
                    read.destinations.get_mut(name).unwrap().push(network(words));
                }
                (Block::List(name), words) => {
                    let words = words.iter().map(|word| (*word).to_owned()).collect();
                    read.lists.entry(name.clone()).or_default().push(words);
                }
                (Block::Role(role), ["access-list", "session", list]) => {
                    read.roles.insert(role.clone(), (*list).to_owned());
                }
                (_, other) => panic!("not understood: {other:?}"),
            }
        }
        read
    }

    /// A session needs the permission of the role of each end that has one.
    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        [packet.from, packet.to].into_iter().all(|user| {
            let lists = self.roles.iter().filter(|(role, _)| self.holds(role, user));
            lists.map(|(_, list)| list).all(|list| self.permits(list, user, packet))
        })
    }

    /// Whether an address is in the network destination of a role.
    fn holds(&self, role: &str, address: IpAddr) -> bool {
        let name = if address.is_ipv4() { role.to_owned() } else { format!("{role}-6") };
        self.destinations.get(&name).is_some_and(|all| all.iter().any(|one| one.contains(&address)))
    }

    fn permits(&self, list: &str, user: IpAddr, packet: Packet) -> bool {
        let entry = self.lists[list].iter().find_map(|entry| {
            let six = entry[0] == "ipv6";
            let mut words = entry[usize::from(six)..].iter().map(String::as_str);
            let family = six == packet.from.is_ipv6();
            let from = self.side(&mut words, user, packet.from);
            let to = self.side(&mut words, user, packet.to);
            let service = match words.next().unwrap() {
                "any" => true,
                name => {
                    let (protocol, first, last) = self.services[name];
                    protocol == packet.transport && (first..=last).contains(&packet.port)
                }
            };
            (family && from && to && service).then(|| words.next().unwrap() == "permit")
        });
        // A list ends with a deny that nobody writes.
        entry.unwrap_or(false)
    }

    fn side<'a>(&self, words: &mut impl Iterator<Item = &'a str>, user: IpAddr, address: IpAddr) -> bool {
        match words.next().unwrap() {
            "any" => true,
            "user" => address == user,
            "host" => words.next().unwrap().parse::<IpAddr>().unwrap() == address,
            "alias" => self.destinations[words.next().unwrap()].iter().any(|one| one.contains(&address)),
            other => panic!("not understood: {other}"),
        }
    }
}

fn service(words: &[&str]) -> (u8, u16, u16) {
    let port = |word: &str| word.parse::<u16>().unwrap();
    match words {
        ["tcp", one] => (6, port(one), port(one)),
        ["udp", one] => (17, port(one), port(one)),
        ["tcp", first, last] => (6, port(first), port(last)),
        ["udp", first, last] => (17, port(first), port(last)),
        [number] => (number.parse().unwrap(), 0, u16::MAX),
        other => panic!("not understood: {other:?}"),
    }
}

fn network(words: &[&str]) -> IpNet {
    match words {
        ["host", address] => IpNet::from(address.parse::<IpAddr>().unwrap()),
        ["network", address, mask] => {
            IpNet::with_netmask(address.parse().unwrap(), mask.parse().unwrap()).unwrap()
        }
        ["network", network] => network.parse().unwrap(),
        other => panic!("not understood: {other:?}"),
    }
}
