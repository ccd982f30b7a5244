//! A MUD manager that knows RFC 8520 and RFC 8519, and nothing of what wrote the files.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use wardline_model::Policy;

use crate::policies::Packet;

/// Port from which the first packet of a conversation comes.
const SOURCE_PORT: u16 = 50_000;

pub(crate) struct Manager {
    /// The description of each group.
    descriptions: Vec<Value>,
    groups: Vec<(IpNet, usize)>,
}

impl Manager {
    pub(crate) fn read(texts: &[String], policy: &Policy) -> Self {
        let place = |member: &wardline_model::Member| {
            let place = policy.groups.iter().position(|group| group.name == member.group).unwrap();
            (member.address, place)
        };
        Self {
            descriptions: texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect(),
            groups: policy.members.iter().map(place).collect(),
        }
    }

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        self.allows(packet.from, "from-device", packet) && self.allows(packet.to, "to-device", packet)
    }

    /// What is not described is denied (RFC 8520 section 3); a thing without a description is not governed.
    fn allows(&self, thing: IpAddr, direction: &str, packet: Packet) -> bool {
        let Some((_, place)) = self.groups.iter().find(|(network, _)| network.contains(&thing)) else {
            return true;
        };
        let description = &self.descriptions[*place];
        let named = description["ietf-mud:mud"][format!("{direction}-policy")]["access-lists"]["access-list"]
            .as_array()
            .unwrap();
        let lists = description["ietf-access-control-list:acls"]["acl"].as_array().unwrap();
        let family = if packet.from.is_ipv4() { "ipv4" } else { "ipv6" };
        lists
            .iter()
            .filter(|list| named.iter().any(|one| one["name"] == list["name"]))
            .filter(|list| list["type"] == format!("{family}-acl-type"))
            .flat_map(|list| list["aces"]["ace"].as_array().unwrap())
            .find(|entry| matches(&entry["matches"], family, direction, packet))
            .is_some_and(|entry| entry["actions"]["forwarding"] == "accept")
    }
}

fn matches(matches: &Value, family: &str, direction: &str, packet: Packet) -> bool {
    matches.as_object().unwrap().iter().all(|(header, fields)| {
        let fields = fields.as_object().unwrap();
        fields.iter().all(|(name, value)| match (header.as_str(), name.as_str()) {
            ("ipv4" | "ipv6", "protocol") => value == packet.transport && header == family,
            ("ipv4" | "ipv6", field) => {
                let network: IpNet = value.as_str().unwrap().parse().unwrap();
                match field.strip_suffix(&format!("-{header}-network")) {
                    Some("source") => network.contains(&packet.from),
                    Some("destination") => network.contains(&packet.to),
                    _ => panic!("not understood: {field}"),
                }
            }
            // Who sends the first packet is who begins.
            ("tcp", "ietf-mud:direction-initiated") => packet.transport == 6 && value == direction,
            ("tcp" | "udp", "source-port") => of(header, packet) && port(value, SOURCE_PORT),
            ("tcp" | "udp", "destination-port") => of(header, packet) && port(value, packet.port),
            // The first packet is an echo request.
            ("icmp", "type") => value == if family == "ipv4" { 8 } else { 128 },
            other => panic!("not understood: {other:?}"),
        })
    })
}

fn of(header: &str, packet: Packet) -> bool {
    packet.transport == if header == "tcp" { 6 } else { 17 }
}

fn port(value: &Value, port: u16) -> bool {
    let number = |name: &str| u16::try_from(value[name].as_u64().unwrap()).unwrap();
    if value.get("operator").is_some() {
        assert_eq!(value["operator"], "eq");
        return number("port") == port;
    }
    (number("lower-port")..=number("upper-port")).contains(&port)
}
