//! A cluster that applies network policies, as the documentation of Kubernetes describes it.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use wardline_model::Policy;

use crate::policies::Packet;

pub(crate) struct Cluster {
    policies: Vec<Value>,
    /// Group label of the pods with these addresses.
    pods: Vec<(IpNet, String)>,
}

impl Cluster {
    pub(crate) fn read(text: &str, policy: &Policy) -> Self {
        let list: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
        let place = |member: &wardline_model::Member| {
            let place = policy.groups.iter().position(|group| group.name == member.group).unwrap();
            (member.address, format!("wl-g{place}"))
        };
        Self {
            policies: list["items"].as_array().unwrap().clone(),
            pods: policy.members.iter().map(place).collect(),
        }
    }

    pub(crate) fn accepts(&self, packet: Packet) -> bool {
        self.allows(packet.from, "egress", "to", packet.to, packet)
            && self.allows(packet.to, "ingress", "from", packet.from, packet)
    }

    /// A pod that no policy selects is open; others have what any of theirs allows.
    fn allows(&self, pod: IpAddr, direction: &str, field: &str, peer: IpAddr, packet: Packet) -> bool {
        let selecting: Vec<&Value> = self
            .policies
            .iter()
            .filter(|one| self.selects(&one["spec"]["podSelector"], pod))
            .map(|one| &one["spec"])
            .collect();
        if selecting.is_empty() {
            return true;
        }
        selecting.iter().flat_map(|spec| spec[direction].as_array().unwrap()).any(|rule| {
            let peers = rule[field].as_array().filter(|peers| !peers.is_empty());
            let named = peers.is_none_or(|peers| peers.iter().any(|one| self.is_peer(one, peer)));
            let ports = rule.get("ports").and_then(Value::as_array);
            named && ports.is_none_or(|ports| ports.iter().any(|port| serves(port, packet)))
        })
    }

    fn is_peer(&self, peer: &Value, address: IpAddr) -> bool {
        match peer.get("ipBlock") {
            Some(block) => block["cidr"].as_str().unwrap().parse::<IpNet>().unwrap().contains(&address),
            None => self.selects(&peer["podSelector"], address),
        }
    }

    fn selects(&self, selector: &Value, pod: IpAddr) -> bool {
        let group = self.pods.iter().find(|(network, _)| network.contains(&pod)).map(|(_, group)| group);
        let Some(group) = group else { return false };
        let labels = selector["matchLabels"].as_object().unwrap();
        labels.iter().all(|(name, value)| match name.as_str() {
            "wardline.io/group" => value == group,
            "wardline.io/address" => match pod {
                IpAddr::V4(pod) => *value == pod.to_string(),
                IpAddr::V6(pod) => {
                    let text = value.as_str().unwrap().replace('-', ":");
                    text.parse().ok() == Some(pod)
                }
            },
            other => panic!("not understood: {other}"),
        })
    }
}

fn serves(port: &Value, packet: Packet) -> bool {
    let protocol = match port["protocol"].as_str().unwrap() {
        "TCP" => 6,
        "UDP" => 17,
        "SCTP" => 132,
        other => panic!("not understood: {other}"),
    };
    let number = |name: &str| port.get(name).map(|value| u16::try_from(value.as_u64().unwrap()).unwrap());
    let first = number("port");
    let last = number("endPort").or(first);
    protocol == packet.transport
        && first.is_none_or(|first| {
            assert!(first > 0, "Kubernetes refuses port 0");
            (first..=last.unwrap()).contains(&packet.port)
        })
}
