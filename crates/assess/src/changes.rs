//! What changed since it was last asked.

use wardline_model::{Device, Edge, Exposure, Finding, FlowRecord};

/// What changed since the last drain, each list in a deterministic order.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Devices that are new or know more, as they are now.
    pub devices: Vec<Device>,
    /// Findings that are new or grew, as they are now.
    pub findings: Vec<Finding>,
    /// Exposures that are new or grew, as they are now.
    pub exposures: Vec<Exposure>,
    /// Conversations that ended.
    pub flows: Vec<FlowRecord>,
    /// What is to be added to the edges of an hour.
    pub edges: Vec<Edge>,
}
