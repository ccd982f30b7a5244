//! A reader of FortiOS configuration that the tests alone know.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::policies::Packet;

type Fields = BTreeMap<String, Vec<String>>;

#[derive(Default)]
pub(crate) struct Configuration {
    /// Entries of each table, in order.
    tables: BTreeMap<String, Vec<(String, Fields)>>,
}

impl Configuration {
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut table = String::new();
        for line in text.lines() {
            let words: Vec<String> = line.split_whitespace().map(|word| word.replace('"', "")).collect();
            let entries = read.tables.entry(table.clone()).or_default();
            match words[0].as_str() {
                "config" => table = words[1..].join(" "),
                "edit" => entries.push((words[1].clone(), Fields::new())),
                "set" => drop(entries.last_mut().unwrap().1.insert(words[1].clone(), words[2..].to_vec())),
                "next" | "end" => {}
                other => panic!("not understood: {other}"),
            }
        }
        read
    }

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        let policies = &self.tables["firewall policy"];
        let found = policies.iter().find(|(_, fields)| self.matches(fields, packet));
        // What no policy names is denied.
        found.is_some_and(|(_, fields)| fields["action"] == ["accept"])
    }

    fn entry(&self, table: &str, name: &str) -> Option<&Fields> {
        self.tables.get(table)?.iter().find(|(entry, _)| entry == name).map(|(_, fields)| fields)
    }

    fn matches(&self, fields: &Fields, packet: Packet) -> bool {
        let suffix = if packet.from.is_ipv4() { "" } else { "6" };
        let address = |field: &str, address: IpAddr| {
            let names = fields.get(&format!("{field}{suffix}"));
            names.into_iter().flatten().any(|name| self.holds(name, suffix, address))
        };
        address("srcaddr", packet.from)
            && address("dstaddr", packet.to)
            && fields["service"].iter().any(|name| self.serves(name, packet))
    }

    fn holds(&self, name: &str, suffix: &str, address: IpAddr) -> bool {
        if name == "all" {
            return true;
        }
        if let Some(group) = self.entry(&format!("firewall addrgrp{suffix}"), name) {
            return group["member"].iter().any(|member| self.holds(member, suffix, address));
        }
        let fields = self.entry(&format!("firewall address{suffix}"), name).unwrap();
        let network: IpNet = match fields.get("subnet") {
            Some(subnet) => {
                IpNet::with_netmask(subnet[0].parse().unwrap(), subnet[1].parse().unwrap()).unwrap()
            }
            None => fields["ip6"][0].parse().unwrap(),
        };
        network.contains(&address)
    }

    fn serves(&self, name: &str, packet: Packet) -> bool {
        if name == "ALL" {
            return true;
        }
        let fields = self.entry("firewall service custom", name).unwrap();
        if let Some(number) = fields.get("protocol-number") {
            return number[0].parse::<u8>().unwrap() == packet.transport;
        }
        let field = match packet.transport {
            6 => "tcp-portrange",
            17 => "udp-portrange",
            132 => "sctp-portrange",
            _ => return false,
        };
        fields.get(field).into_iter().flatten().any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            (first.parse::<u16>().unwrap()..=last.parse().unwrap()).contains(&packet.port)
        })
    }
}
