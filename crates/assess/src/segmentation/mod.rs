//! Zones, conduits and the policy between them (IEC 62443-3-2): proposed from devices and conversations, and simulated
//! before anybody enforces it.

mod contain;
mod documented;
mod paths;
mod propose;
mod simulate;
mod zone;

pub use contain::{Containment, Cut, Effect, Loss, contain};
pub use paths::{Exposed, FlatNetwork, Jewel, Path, Step, exposed};
pub use propose::{Proposal, propose, refreshed};
pub use simulate::{Blocked, Simulation, Tally, simulate};
pub use zone::placement;

use std::collections::BTreeMap;
use std::net::IpAddr;

use wardline_model::{
    Device, DeviceId, Edge, FlowRecord, Protocol, TcpOutcome, Timestamp, Transport, is_link_scope,
};

/// A conversation as far as a policy speaks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Side that began, and side that answers.
    pub addresses: [IpAddr; 2],
    /// Devices of both, where they are known.
    pub devices: [Option<DeviceId>; 2],
    /// IP protocol number.
    pub transport: Transport,
    /// Port of the answering side; 0 for transports without ports.
    pub port: u16,
    /// What was spoken.
    pub application: Option<Protocol>,
    /// When it began.
    pub start: Timestamp,
    /// Whether the other side took part. A scan's unanswered probes are not learned from.
    pub answered: bool,
    /// How many of this kind it stands for.
    pub flows: u64,
}

/// Says at which address a device is, for conversations that are kept by device.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts(BTreeMap<DeviceId, IpAddr>);

impl Whereabouts {
    /// The newest address of each device that crosses a router.
    pub fn new(devices: &[Device]) -> Self {
        let address = |device: &Device| device.ips.iter().copied().find(|ip| !is_link_scope(*ip));
        Self(devices.iter().filter_map(|device| Some((device.id.clone(), address(device)?))).collect())
    }

    /// What an hour's conversations of one kind between two devices stand for; `None` where a device has no address. Ports
    /// that tell nothing are taken for one that was chosen for the conversation.
    pub fn conversation(&self, edge: &Edge) -> Option<Conversation> {
        let address = |id| self.0.get(id).copied();
        let has_ports = wardline_model::has_ports(edge.transport);
        let one_way = ONE_WAY_PACKETS_MIN.saturating_mul(edge.flows);
        Some(Conversation {
            addresses: [address(&edge.src_device)?, address(&edge.dst_device)?],
            devices: [Some(edge.src_device.clone()), Some(edge.dst_device.clone())],
            transport: edge.transport,
            port: if has_ports && edge.port == 0 { u16::MAX } else { edge.port },
            application: edge.application,
            start: edge.hour,
            answered: edge.application == Some(Protocol::Dhcp)
                || edge.packets[1] > 0
                || edge.transport != Transport::TCP && edge.packets[0] >= one_way,
            flows: edge.flows,
        })
    }
}

impl From<&FlowRecord> for Conversation {
    fn from(flow: &FlowRecord) -> Self {
        // Of a conversation that began before the capture nobody saw who began: services have the lower port.
        let turned = flow.tcp == Some(TcpOutcome::MidStream) && flow.ports[0] < flow.ports[1];
        let (from, to) = if turned { (1, 0) } else { (0, 1) };
        let addresses = [flow.src, flow.dst];
        let devices = [&flow.src_device, &flow.dst_device];
        let answered = match flow.tcp {
            Some(TcpOutcome::Unanswered | TcpOutcome::HalfOpen | TcpOutcome::Refused) => false,
            Some(TcpOutcome::MidStream) => true,
            Some(_) => flow.packets[1] > 0,
            // Syslog and vital signs are sent to somebody who never answers; a probe is a packet or two.
            // A server answers a broadcast request for an address to the client alone (RFC 2131 section 4.1).
            None if flow.application == Some(Protocol::Dhcp) => true,
            None => flow.packets[1] > 0 || flow.packets[0] >= ONE_WAY_PACKETS_MIN,
        };
        let port = if wardline_model::has_ports(flow.protocol) { flow.ports[to] } else { 0 };
        Self {
            addresses: [addresses[from], addresses[to]],
            devices: [devices[from].clone(), devices[to].clone()],
            transport: flow.protocol,
            port,
            application: flow.application,
            start: flow.start,
            answered,
            flows: 1,
        }
    }
}

/// Packets without an answer from which on they are work rather than a probe.
const ONE_WAY_PACKETS_MIN: u64 = 8;
