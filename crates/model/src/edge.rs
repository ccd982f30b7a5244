//! Conversations summed up: who talked to whom, by hour.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Protocol, Timestamp, Transport};

/// All conversations of one kind between two devices that began within one hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// Begin of the hour.
    pub hour: Timestamp,
    /// Initiator.
    pub src_device: DeviceId,
    /// Responder.
    pub dst_device: DeviceId,
    /// IP protocol number.
    pub transport: Transport,
    /// Port of the responder; 0 where it is above the registered range and tells nothing.
    pub port: u16,
    /// What was spoken.
    pub application: Option<Protocol>,
    /// Conversations.
    pub flows: u64,
    /// Packets from initiator and responder.
    pub packets: [u64; 2],
    /// IP bytes from initiator and responder.
    pub bytes: [u64; 2],
    /// Conversations that were encrypted.
    pub encrypted_flows: u64,
    /// Conversations that were readable.
    pub cleartext_flows: u64,
}
