//! The last record of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Attack, ExposureKind, Timestamp};

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
