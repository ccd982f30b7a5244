//! Zones, conduits and the policy between them (IEC 62443-3-2): proposed from devices and conversations, and simulated
//! before anybody enforces it.

mod contain;
mod propose;
mod simulate;
mod zone;

pub use contain::{Containment, Cut, Effect, Loss, contain};
pub use propose::{Proposal, propose};
pub use simulate::{Blocked, Simulation, Tally, simulate};
pub use zone::placement;

use std::net::IpAddr;

use wardline_model::{DeviceId, FlowRecord, Protocol, TcpOutcome, Timestamp, Transport};

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
        }
    }
}

/// Packets without an answer from which on they are work rather than a probe.
const ONE_WAY_PACKETS_MIN: u64 = 8;
