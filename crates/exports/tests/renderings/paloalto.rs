//! A reader of PAN-OS `set` commands that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policies::Packet;

#[derive(Default)]
pub(crate) struct Configuration {
    addresses: BTreeMap<String, Vec<IpNet>>,
    services: BTreeMap<String, (u8, u16, u16)>,
    applications: BTreeMap<String, u8>,
    rules: Vec<BTreeMap<String, Vec<String>>>,
}

impl Configuration {
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> =
                line.split_whitespace().filter(|word| !["[", "]"].contains(word)).collect();
            match words.as_slice() {
                ["set", "address", name, "ip-netmask", network] => {
                    read.addresses.insert((*name).to_owned(), vec![network.parse().unwrap()]);
                }
                ["set", "address-group", name, "static", members @ ..] => {
                    let members = members.iter().flat_map(|member| read.addresses[*member].clone()).collect();
                    read.addresses.insert((*name).to_owned(), members);
                }
                ["set", "service", name, "protocol", protocol, "port", ports] => {
                    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
                    let protocol = crate::nftables::number(protocol);
                    let service = (protocol, first.parse().unwrap(), last.parse().unwrap());
                    read.services.insert((*name).to_owned(), service);
                }
                ["set", "application", name, "default", "ident-by-ip-protocol", number] => {
                    read.applications.insert((*name).to_owned(), number.parse().unwrap());
                }
                ["set", "application", ..] => {}
                ["set", "rulebase", "security", "rules", _, fields @ ..] => read.rules.push(rule(fields)),
                other => panic!("not understood: {other:?}"),
            }
        }
        read
    }

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        let rule = self.rules.iter().find(|rule| self.matches(rule, packet)).unwrap();
        rule["action"] == ["allow"]
    }

    fn matches(&self, rule: &BTreeMap<String, Vec<String>>, packet: Packet) -> bool {
        let address = |field: &str, address: IpAddr| {
            rule[field].iter().any(|name| {
                name == "any" || self.addresses[name].iter().any(|network| network.contains(&address))
            })
        };
        let service = rule["service"].iter().any(|name| {
            name == "any" || {
                let (protocol, first, last) = self.services[name];
                protocol == packet.transport && (first..=last).contains(&packet.port)
            }
        });
        let application = rule["application"]
            .iter()
            .any(|name| name == "any" || self.applications[name] == packet.transport);
        address("source", packet.from) && address("destination", packet.to) && service && application
    }
}

fn rule(words: &[&str]) -> BTreeMap<String, Vec<String>> {
    const FIELDS: [&str; 7] = ["from", "to", "source", "destination", "application", "service", "action"];
    let mut rule: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut field = "";
    for word in words {
        if FIELDS.contains(word) {
            field = word;
        } else {
            rule.entry(field.to_owned()).or_default().push((*word).to_owned());
        }
    }
    rule
}
