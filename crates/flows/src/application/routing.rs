//! Who routes and who bridges: OSPF, VRRP and spanning tree as they come from the layers below, RIP and HSRP over UDP.

use wardline_model::fact::{RoutingFact, RoutingKind};
use wardline_model::{Fact, Label, MacAddress, Protocol};
use wardline_wire::Error;
use wardline_wire::link::stp;
use wardline_wire::network::{hsrp, ospf, rip, vrrp};

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const RIP: Datagram = Datagram {
    protocol: Protocol::Rip,
    ports: &[520],
    first: FirstBytes::of(&[1..=2]),
    probe: rip::probe,
    read: read_rip,
    encrypted: false,
};
pub(super) const HSRP: Datagram = Datagram {
    protocol: Protocol::Hsrp,
    ports: &[1985, 2029],
    first: FirstBytes::of(&[0..=1]),
    probe: hsrp::probe,
    read: read_hsrp,
    encrypted: false,
};

fn fact(protocol: Protocol, kind: RoutingKind) -> RoutingFact {
    RoutingFact {
        protocol,
        kind,
        router: None,
        leader: None,
        leads: false,
        group: None,
        priority: None,
        addresses: [].into_iter().collect(),
        routes: 0,
        default_route: false,
        authenticated: None,
    }
}

fn read_rip(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = rip::Message::parse(datagram) else { return Progress::Lost };
    // Whoever only asks is no router.
    if message.response {
        let mut told = fact(Protocol::Rip, RoutingKind::Routes);
        told.routes = u32::from(message.routes);
        told.default_route = message.default_route;
        told.authenticated = Some(message.authenticated);
        context.tell(Fact::Routing(Box::new(told)));
    }
    Progress::Continue
}

fn read_hsrp(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = hsrp::Message::parse(datagram) else { return Progress::Lost };
    let mut told = fact(
        Protocol::Hsrp,
        match message.operation {
            hsrp::Operation::Hello => RoutingKind::Hello,
            hsrp::Operation::Coup => RoutingKind::Claim,
            hsrp::Operation::Resign => RoutingKind::Resignation,
        },
    );
    told.group = Some(Label::new(&message.group.to_string()));
    told.priority = Some(message.priority);
    told.leads = message.active;
    told.addresses = message.address.into_iter().collect();
    told.authenticated = Some(message.authenticated);
    context.tell(Fact::Routing(Box::new(told)));
    Progress::Continue
}

/// OSPF: the payload of IP protocol 89.
pub(crate) fn ospf(payload: &[u8]) -> Result<Option<RoutingFact>, Error> {
    let message = ospf::Message::parse(payload)?;
    let kind = match message.kind {
        1 => RoutingKind::Hello,
        4 => RoutingKind::Routes,
        _ => return Ok(None),
    };
    let mut told = fact(Protocol::Ospf, kind);
    told.router = Some(Label::new(&message.router.to_string()));
    told.group = Some(Label::new(&message.area.to_string()));
    told.routes = message.announcements;
    if let Some((priority, designated)) = message.hello {
        told.priority = Some(u32::from(priority));
        told.leader = designated.map(|router| Label::new(&router.to_string()));
    }
    told.authenticated = match message.authentication {
        ospf::Authentication::None | ospf::Authentication::Password => Some(false),
        ospf::Authentication::Digest => Some(true),
        ospf::Authentication::Lower => None,
    };
    Ok(Some(told))
}

/// VRRP: the payload of IP protocol 112.
pub(crate) fn vrrp(payload: &[u8], ipv6: bool) -> Result<RoutingFact, Error> {
    let message = vrrp::Message::parse(payload, ipv6)?;
    let resigns = message.priority == 0;
    let mut told = fact(Protocol::Vrrp, if resigns { RoutingKind::Resignation } else { RoutingKind::Hello });
    told.group = Some(Label::new(&message.group.to_string()));
    told.priority = Some(u32::from(message.priority));
    told.leads = !resigns;
    told.addresses = message.addresses.into_iter().flatten().collect();
    told.authenticated = Some(false);
    Ok(told)
}

/// Spanning tree.
pub(crate) fn spanning_tree(bytes: &[u8]) -> Result<RoutingFact, Error> {
    let bridge =
        |bridge: stp::Bridge| Label::new(&format!("{}/{}", bridge.priority, MacAddress(bridge.address)));
    Ok(match stp::Message::parse(bytes)? {
        stp::Message::TopologyChange => fact(Protocol::Stp, RoutingKind::Change),
        stp::Message::Configuration { root, bridge: sender, changing, .. } => {
            let mut told =
                fact(Protocol::Stp, if changing { RoutingKind::Change } else { RoutingKind::Hello });
            told.leads = root == sender;
            told.router = Some(bridge(sender));
            told.leader = Some(bridge(root));
            told.priority = Some(u32::from(sender.priority));
            told.authenticated = Some(false);
            told
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn who_wants_to_lead_is_told() {
        let mut bytes = vec![0, 1, 4, 3, 10, 255, 7, 0];
        bytes.extend(b"cisco\0\0\0");
        bytes.extend([192, 0, 2, 254]);
        let facts = driver::datagram(&HSRP, &bytes);
        let [Fact::Routing(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((told.kind, told.priority, told.leads), (RoutingKind::Claim, Some(255), false));
    }

    #[test]
    fn a_root_bridge_is_told() {
        let identifier = [0x10, 1, 0, 0x1c, 0x0e, 0x87, 0x78, 0];
        let bytes = [&[0, 0, 0, 0, 0][..], &identifier, &[0; 4], &identifier].concat();
        let told = spanning_tree(&bytes).unwrap();
        assert!(told.leads);
        assert_eq!(told.router, Some(Label::new("4097/00:1c:0e:87:78:00")));
    }
}
