//! What a claim rests on.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommunityId, DeviceId, Label, MacAddress, Protocol, Timestamp};

/// One thing that was seen and that supports a finding or exposure, down to the packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Capture file or interface.
    pub file: Label,
    /// Packet number in it, from 1.
    pub packet: u64,
    /// Capture time of the packet.
    pub time: Timestamp,
    /// Conversation, where there is one.
    pub community_id: Option<CommunityId>,
    /// Protocol that was read.
    pub protocol: Protocol,
    /// Field that was read, in the protocol's terms, such as `arp.spa` or `PID-3`.
    pub field: Label,
    /// Its value; for patient data and secrets a pseudonym or a count.
    pub value: Label,
}

/// A device as a finding names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceReference {
    /// The device, if it is known.
    pub id: Option<DeviceId>,
    /// Address at that time.
    pub ip: Option<IpAddr>,
    /// Link address at that time.
    pub mac: Option<MacAddress>,
    /// What people call it.
    pub name: Option<Label>,
}
