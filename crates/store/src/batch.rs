//! What is stored together.

use serde::{Deserialize, Serialize};
use wardline_model::{Device, Edge, Exposure, Finding, FlowRecord, Timestamp};

/// How far a run has read: totals since the state directory was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Packets read since the last batch.
    pub packets: u64,
    /// Bytes on the wire since the last batch.
    pub bytes: u64,
    /// Capture time of the newest packet.
    pub newest: Option<Timestamp>,
    /// Packets that the kernel dropped since the last batch.
    pub dropped: u64,
}

/// Changes that belong together: stored whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Devices as they are now.
    pub devices: Vec<Device>,
    /// Findings as they are now.
    pub findings: Vec<Finding>,
    /// Exposures as they are now.
    pub exposures: Vec<Exposure>,
    /// Conversations that ended.
    pub flows: Vec<FlowRecord>,
    /// What is to be added to the edges of an hour.
    pub edges: Vec<Edge>,
    /// How far the run has read.
    pub progress: Progress,
    /// How far other machines were heard when these conclusions were drawn.
    pub heard: Vec<Heard>,
    /// The charge under which this is stored, see [`crate::Store::take_charge`]. It is refused when another has the charge
    /// by now.
    pub charge: Option<Charge>,
}

/// How far a sensor was heard: everything up to here is stored, with what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Heard {
    /// Name of the sensor.
    pub sensor: String,
    /// Which of its spools: numbers begin anew in another.
    pub spool: String,
    /// The last number that is stored whole.
    pub number: u64,
    /// How much of the next number is stored.
    pub places: u64,
}

/// The right of one process to write, while others stand by. A later one has a greater number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Charge(pub u64);

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
            && self.findings.is_empty()
            && self.exposures.is_empty()
            && self.flows.is_empty()
            && self.edges.is_empty()
            && self.progress == Progress::default()
            && self.heard.is_empty()
    }
}

/// Proof that a batch is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    /// Number of the batch since the state directory was made, from 1.
    pub sequence: u64,
}
