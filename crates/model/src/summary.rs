//! The last record of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Attack, DeviceId, ExposureKind, Label, Timestamp};

/// Inventory lists beside what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryComparison {
    /// Devices in the lists.
    pub listed: u64,
    /// Of these, seen on the wire.
    pub seen: u64,
    /// Devices of which list and wire say different things.
    pub contradicting: u64,
    /// List and line of devices that were never seen, as many as are told.
    pub never_seen: Vec<Label>,
    /// Devices that were seen and are in no list, as many as are told.
    pub not_listed: Vec<DeviceId>,
}

/// What a run saw. Record `summary` of the contract, always the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Captures read, and those that could not be read to their end, with the reason.
    pub captures: Vec<String>,
    /// Captures that could not be read, or not to their end: one line each.
    pub capture_errors: Vec<String>,
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// First packet.
    pub start: Option<Timestamp>,
    /// Last packet.
    pub end: Option<Timestamp>,
    /// From the first packet to the last, seconds.
    pub capture_seconds: f64,
    /// Conversations.
    pub flows: u64,
    /// Devices.
    pub devices: u64,
    /// Findings by kind of attack.
    pub findings: BTreeMap<Attack, u64>,
    /// Exposures by kind.
    pub exposures: BTreeMap<ExposureKind, u64>,
    /// Packets that could not be decoded, by reason.
    pub undecoded: BTreeMap<String, u64>,
    /// What was refused because a limit was reached, by limit.
    pub over_limit: BTreeMap<String, u64>,
    /// Inventory lists beside what was seen, where lists were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryComparison>,
    /// Wall time of the run, seconds. A measurement: absent in reproducible output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Packets per second of wall time. A measurement: absent in reproducible output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_per_second: Option<f64>,
    /// Peak resident memory, bytes. A measurement: absent in reproducible output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}
