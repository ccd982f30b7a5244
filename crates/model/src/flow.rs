//! Conversations as records.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommunityId, DeviceId, Label, Protocol, Timestamp, Transport};

/// How a TCP conversation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TcpOutcome {
    /// A SYN that nobody answered.
    Unanswered,
    /// A SYN that was answered but never completed.
    HalfOpen,
    /// Refused by RST.
    Refused,
    /// Open when last seen.
    Open,
    /// Closed by FIN from both.
    Closed,
    /// Ended by RST.
    Reset,
    /// Began before the capture.
    MidStream,
}

/// A conversation. Record `flow` of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlowRecord {
    /// Community ID version 1.
    pub community_id: Option<CommunityId>,
    /// Initiator.
    pub src: IpAddr,
    /// Responder.
    pub dst: IpAddr,
    /// Ports of initiator and responder; for ICMP type and code.
    pub ports: [u16; 2],
    /// IP protocol number.
    pub protocol: Transport,
    /// What was spoken.
    pub application: Option<Protocol>,
    /// VLAN.
    pub vlan: Option<u16>,
    /// First packet.
    pub start: Timestamp,
    /// Last packet.
    pub end: Timestamp,
    /// Packets from initiator and responder.
    pub packets: [u64; 2],
    /// IP bytes from initiator and responder.
    pub bytes: [u64; 2],
    /// Device of the initiator.
    pub src_device: Option<DeviceId>,
    /// Device of the responder.
    pub dst_device: Option<DeviceId>,
    /// Whether the content was encrypted; null where that is not known.
    pub encrypted: Option<bool>,
    /// How a TCP conversation went.
    pub tcp: Option<TcpOutcome>,
    /// TLS server name.
    pub server_name: Option<Label>,
    /// Fingerprints, such as `ja4=t13d…`.
    pub fingerprints: Vec<Label>,
}
