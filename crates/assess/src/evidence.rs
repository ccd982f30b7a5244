//! From an observation to a piece of evidence.

use std::collections::BTreeMap;

use wardline_model::{CaptureId, Evidence, Label, Observation, Protocol};

use crate::limits::EVIDENCE_MAX;

/// The names of captures.
#[derive(Clone, Debug, Default)]
pub(crate) struct CaptureNames(BTreeMap<CaptureId, Label>);

impl CaptureNames {
    pub(crate) fn set(&mut self, capture: CaptureId, name: Label) {
        self.0.insert(capture, name);
    }

    pub(crate) fn get(&self, capture: CaptureId) -> Label {
        self.0.get(&capture).cloned().unwrap_or_else(|| Label::new(&format!("capture {}", capture.0)))
    }

    /// Evidence: this field had this value in this packet.
    pub(crate) fn evidence(
        &self,
        observation: &Observation,
        protocol: Protocol,
        field: &str,
        value: &str,
    ) -> Evidence {
        Evidence {
            file: self.get(observation.sighting.capture),
            packet: observation.sighting.packet,
            time: observation.sighting.time,
            community_id: observation.community_id(),
            protocol,
            field: Label::new(field),
            value: Label::new(value),
        }
    }
}

/// Adds evidence: the first pieces stay, of the later ones the newest.
pub(crate) fn add(list: &mut Vec<Evidence>, evidence: Evidence) {
    if list.len() >= 2 * EVIDENCE_MAX {
        list.remove(EVIDENCE_MAX);
    }
    list.push(evidence);
}
