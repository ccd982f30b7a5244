//! Cisco downloadable access lists (dACL): what a RADIUS server hands a switch port together with the device's admission.
//!
//! One list for each group, and one for each device with a protected conversation. Such a list filters what the device sends
//! and nothing else: `any` as the sender is the device. A conversation passes where one end may begin it and the other may
//! answer, so answers are named too. Lists hold no object groups; switches hold some sixty entries on a port.

use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{Policy, PortRange, Transport};

use super::ordered::{Ordered, Side, Use, ranges, side_name};
use super::{RenderError, Rendered, unsaid};

/// The lists, each below a comment with its name, as ISE takes them. Those that end with `-6` are for IPv6.
///
/// # Errors
///
/// [`RenderError::Protected`] where a protected conversation has a transport whose answers no entry can name.
pub fn dacl(policy: &Policy) -> Result<Rendered, RenderError> {
    let unsaid = unsaid(policy, "a downloadable access list", is_said)?;
    let ordered = Ordered::new(policy);
    let mut lines = Vec::new();
    for (place, group) in policy.groups.iter().enumerate() {
        for four in [true, false] {
            let list = List { ordered: &ordered, four };
            let name = list.name(&side_name(Side::Group(place)));
            lines.push(format!("! dACL {name}: devices of {}", group.name));
            list.of_group(place, &mut lines);
            for host in ordered.protected_hosts(place).into_iter().filter(|host| host.is_ipv4() == four) {
                lines.push(format!("! dACL {}: {host}", list.name(&side_name(Side::Host(host)))));
                for one in ordered.protected(host) {
                    list.entry(one, &mut lines);
                }
                list.of_group(place, &mut lines);
            }
        }
    }
    lines.push(String::new());
    Ok(Rendered { text: lines.join("\n"), unsaid })
}

const fn is_said(transport: Transport) -> bool {
    matches!(
        transport,
        Transport::TCP | Transport::UDP | Transport::SCTP | Transport::ICMP | Transport::ICMP6
    )
}

struct List<'a> {
    ordered: &'a Ordered,
    four: bool,
}

impl List<'_> {
    fn name(&self, of: &str) -> String {
        format!("{of}-{}", if self.four { 4 } else { 6 })
    }

    const fn every(&self) -> &'static str {
        if self.four { "ip" } else { "ipv6" }
    }

    fn of_group(&self, place: usize, lines: &mut Vec<String>) {
        // Addresses that cross no router: both to them, and from a device that has none yet.
        for network in self.networks(Side::LinkDestinations) {
            lines.push(format!("permit {} any {}", self.every(), address(&network)));
        }
        for network in self.networks(Side::LinkSources) {
            lines.push(format!("permit {} {} any", self.every(), address(&network)));
        }
        for one in self.ordered.uses(place) {
            self.entry(one, lines);
        }
        lines.push(format!("deny {} any any", self.every()));
    }

    fn networks(&self, side: Side) -> Vec<IpNet> {
        let all = self.ordered.addresses(side).unwrap_or_default();
        all.into_iter().filter(|network| network.addr().is_ipv4() == self.four).collect()
    }

    fn entry(&self, one: Use<'_>, lines: &mut Vec<String>) {
        for network in self.networks(one.peer) {
            let peer = address(&network);
            match one.service {
                None => lines.push(format!("permit {} any {peer}", self.every())),
                Some((transport, ports)) => self.service(*transport, ports, one.begins, &peer, lines),
            }
        }
    }

    fn service(
        &self,
        transport: Transport,
        ports: &[PortRange],
        begins: bool,
        peer: &str,
        lines: &mut Vec<String>,
    ) {
        let Some(protocol) = protocol(transport, self.four) else { return };
        let words: Vec<String> = ranges(transport, ports)
            .map_or_else(|| vec![String::new()], |ranges| ranges.into_iter().map(port).collect());
        for ports in words {
            lines.push(match (begins, protocol) {
                (true, _) => format!("permit {protocol} any {peer}{ports}"),
                (false, "tcp") => format!("permit {protocol} any{ports} {peer} established"),
                (false, "icmp") => format!("permit {protocol} any {peer} echo-reply"),
                (false, _) => format!("permit {protocol} any{ports} {peer} gt 1023"),
            });
        }
    }
}

fn address(network: &IpNet) -> String {
    match network {
        _ if network.prefix_len() == network.max_prefix_len() => host(network.addr()),
        IpNet::V4(network) => format!("{} {}", network.network(), network.hostmask()),
        IpNet::V6(network) => network.to_string(),
    }
}

fn host(address: IpAddr) -> String {
    format!("host {address}")
}

/// Its name in a list of one family; `None` where it is the other family's.
const fn protocol(transport: Transport, four: bool) -> Option<&'static str> {
    match (transport, four) {
        (Transport::TCP, _) => Some("tcp"),
        (Transport::UDP, _) => Some("udp"),
        (Transport::SCTP, _) => Some("sctp"),
        (Transport::ICMP, true) | (Transport::ICMP6, false) => Some("icmp"),
        _ => None,
    }
}

fn port(range: PortRange) -> String {
    if range.first == range.last {
        format!(" eq {}", range.first)
    } else {
        format!(" range {} {}", range.first, range.last)
    }
}
