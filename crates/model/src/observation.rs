//! What `flows` tells `assess`: one fact, where and when it was seen, and who spoke to whom.

use serde::{Deserialize, Serialize};

use crate::{CommunityId, Fact, Station, Timestamp, Transport};

/// Which capture a packet came from: the n-th file given, or the live interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaptureId(pub u32);

/// Where and when something was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// Capture time of the packet that completed the fact.
    pub time: Timestamp,
    /// Which capture.
    pub capture: CaptureId,
    /// Packet number in that capture, from 1 as Wireshark counts.
    pub packet: u64,
}

/// One thing seen on the wire. It holds no payload: see the crate documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Where and when.
    pub sighting: Sighting,
    /// Who sent what was seen. For facts about a whole conversation: the initiator.
    pub from: Station,
    /// To whom it was sent. For facts about a whole conversation: the responder.
    pub to: Station,
    /// What carried it, if IP did.
    pub transport: Option<Transport>,
    /// Outermost VLAN of the frame.
    pub vlan: Option<u16>,
    /// What was seen.
    pub fact: Fact,
}

impl Observation {
    /// The Community ID of the conversation that this belongs to, where there is one.
    pub fn community_id(&self) -> Option<CommunityId> {
        CommunityId::new(self.transport?, (self.from.ip?, self.from.port), (self.to.ip?, self.to.port))
    }
}
