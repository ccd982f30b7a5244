//! A record of any kind, as it stands on a line of output.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Device, Edge, Exposure, Finding, FlowRecord, Summary, Vulnerability};

/// A record; `"type"` tells which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Record {
    /// A device.
    Device(Box<Device>),
    /// Something is happening.
    Finding(Box<Finding>),
    /// Something is weak.
    Exposure(Box<Exposure>),
    /// A vulnerability of a device.
    Vulnerability(Box<Vulnerability>),
    /// A conversation.
    Flow(Box<FlowRecord>),
    /// Conversations between two devices within one hour.
    Edge(Box<Edge>),
    /// The end.
    Summary(Box<Summary>),
}
