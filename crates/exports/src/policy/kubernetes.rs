//! Kubernetes `NetworkPolicy` (`networking.k8s.io/v1`), for clinical systems that run in a cluster.
//!
//! Pods carry the label `wardline.io/group`, named like the objects here; those with a protected conversation carry
//! `wardline.io/address` as well. Others are named by their addresses. A conversation passes where the policy of each end that is a
//! labelled pod allows it; answers pass. Network policies speak of TCP, UDP and SCTP, and of ports from 1.

use std::net::IpAddr;

use serde_json::{Value, json};
use wardline_model::{Policy, PortRange, Transport};

use super::ordered::{Ordered, Side, Use, ranges, side_name};
use super::{RenderError, Rendered, unsaid};

/// Label of the group that a pod is in.
const GROUP: &str = "wardline.io/group";
/// Label of the address of a pod, colons as hyphens.
const ADDRESS: &str = "wardline.io/address";

/// The policy as a list of objects in JSON, for `kubectl apply -f`.
///
/// # Errors
///
/// [`RenderError::Protected`] where a protected conversation is one of neither TCP, UDP nor SCTP.
pub fn kubernetes(policy: &Policy) -> Result<Rendered, RenderError> {
    let unsaid = unsaid(policy, "a network policy of Kubernetes", is_said)?;
    let ordered = Ordered::new(policy);
    let mut items = Vec::new();
    for (place, group) in policy.groups.iter().enumerate() {
        let name = side_name(Side::Group(place));
        let mut rules = Rules::default();
        rules.egress.push(json!({ "to": blocks(&ordered, Side::LinkDestinations) }));
        rules.ingress.push(json!({ "from": blocks(&ordered, Side::LinkSources) }));
        ordered.uses(place).into_iter().for_each(|one| rules.add(&ordered, one));
        items.push(rules.object(policy, &name, json!({ GROUP: name }), group.name.as_str()));
        for host in ordered.protected_hosts(place) {
            let mut rules = Rules::default();
            ordered.protected(host).into_iter().for_each(|one| rules.add(&ordered, one));
            let label = label(host);
            items.push(rules.object(policy, &label, json!({ ADDRESS: label }), group.name.as_str()));
        }
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    Ok(Rendered { text: format!("{list:#}\n"), unsaid })
}

const fn is_said(transport: Transport) -> bool {
    matches!(transport, Transport::TCP | Transport::UDP | Transport::SCTP)
}

#[derive(Default)]
struct Rules {
    ingress: Vec<Value>,
    egress: Vec<Value>,
}

impl Rules {
    fn add(&mut self, ordered: &Ordered, one: Use<'_>) {
        let peers = peers(ordered, one.peer);
        let ports = match one.service {
            Some((transport, _)) if !is_said(*transport) => return,
            Some((transport, ports)) => Some(self::ports(*transport, ports)),
            None => None,
        };
        // An empty list would mean everything.
        if peers.is_empty() || ports.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let (rules, direction) =
            if one.begins { (&mut self.egress, "to") } else { (&mut self.ingress, "from") };
        rules.push(match ports {
            Some(ports) => json!({ direction: peers, "ports": ports }),
            None => json!({ direction: peers }),
        });
    }

    /// What a pod's policies allow is the sum of all: an object with no rule would only deny.
    fn object(self, policy: &Policy, name: &str, labels: Value, group: &str) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {
                "name": format!("{}-{name}", object_name(policy.name.as_str())),
                "annotations": { "wardline.io/policy": policy.name, "wardline.io/members-of": group },
            },
            "spec": {
                "podSelector": { "matchLabels": labels },
                "policyTypes": ["Ingress", "Egress"],
                "ingress": self.ingress,
                "egress": self.egress,
            },
        })
    }
}

/// A group is pods with its label, and whatever else has one of its addresses.
fn peers(ordered: &Ordered, side: Side) -> Vec<Value> {
    let mut peers = blocks(ordered, side);
    let labels = match side {
        Side::Group(_) if !peers.is_empty() => Some(json!({ GROUP: side_name(side) })),
        Side::Host(host) => Some(json!({ ADDRESS: label(host) })),
        _ => None,
    };
    peers.extend(
        labels.map(|labels| json!({ "namespaceSelector": {}, "podSelector": { "matchLabels": labels } })),
    );
    peers
}

fn blocks(ordered: &Ordered, side: Side) -> Vec<Value> {
    let networks = ordered.addresses(side).unwrap_or_default();
    networks.iter().map(|network| json!({ "ipBlock": { "cidr": network.to_string() } })).collect()
}

fn ports(transport: Transport, ports: &[PortRange]) -> Vec<Value> {
    let protocol = match transport {
        Transport::UDP => "UDP",
        Transport::SCTP => "SCTP",
        _ => "TCP",
    };
    let Some(ranges) = ranges(transport, ports) else { return vec![json!({ "protocol": protocol })] };
    // Port 0 is reserved (RFC 6335 section 6), and refused by Kubernetes.
    let usable = ranges.into_iter().filter(|range| range.last > 0);
    usable
        .map(|range| {
            let first = range.first.max(1);
            if first == range.last {
                json!({ "protocol": protocol, "port": first })
            } else {
                json!({ "protocol": protocol, "port": first, "endPort": range.last })
            }
        })
        .collect()
}

/// A label's value holds no colons and begins and ends with a letter or digit.
fn label(host: IpAddr) -> String {
    match host {
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => {
            let parts: Vec<String> = host.segments().iter().map(|part| format!("{part:x}")).collect();
            parts.join("-")
        }
    }
}

/// A name of RFC 1123: small letters, digits and hyphens.
fn object_name(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    name.trim_matches('-').to_owned()
}
