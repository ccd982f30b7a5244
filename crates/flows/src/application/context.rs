//! What an adaptor may know and tell.

use std::hash::{BuildHasher as _, Hash};

use wardline_model::fact::PatientReference;
use wardline_model::{
    DigestAlgorithms, Fact, Label, Observation, Protocol, Pseudonym, PseudonymKey, Sighting, Station,
    Subject, Transport,
};
use wardline_wire::enterprise::quic;
use wardline_wire::{Direction, Sensitive};

use super::nfs;

/// Things remembered per conversation so that each is told once; when there are more, the rest is not told.
const TOLD_MAX: usize = 32;

/// Where facts go, and who speaks: given to an adaptor together with the bytes.
pub(crate) struct Context<'a> {
    /// Packet that completed what is being read.
    pub sighting: Sighting,
    /// Who began the conversation, as in the newest packet of that side.
    pub initiator: Station,
    /// Who answered.
    pub responder: Station,
    /// What carries it.
    pub transport: Transport,
    /// Outermost VLAN.
    pub vlan: Option<u16>,
    /// Which way the bytes travel.
    pub direction: Direction,
    /// Digests that are looked for of files.
    pub digests: DigestAlgorithms,
    pub(crate) key: &'a PseudonymKey,
    pub(crate) out: &'a mut Vec<Observation>,
    pub(crate) labels: &'a mut ConversationLabels,
}

/// What an adaptor says about the conversation as a whole.
#[derive(Default)]
pub(crate) struct ConversationLabels {
    /// A more exact name than the one by which it was recognised, such as FHIR for HTTP.
    pub application: Option<Protocol>,
    /// TLS server name.
    pub server_name: Option<Label>,
    /// JA4.
    pub ja4: Option<Label>,
    /// What the capture missed of streams that nobody reads any more.
    pub missing_bytes: u64,
    /// Over UDP, where adaptors keep nothing themselves: a hello of QUIC that is not yet whole.
    pub quic: Option<Box<quic::Session>>,
    /// Likewise: a remote procedure call that waits for its reply.
    pub call: Option<nfs::Waiting>,
    /// Likewise: whom a monitor watches.
    pub monitored: Option<Box<PatientReference>>,
    /// Hashes of what was told.
    told: Vec<u64>,
}

impl ConversationLabels {
    /// Whether there is anything to keep.
    pub(crate) const fn is_empty(&self) -> bool {
        self.application.is_none()
            && self.server_name.is_none()
            && self.ja4.is_none()
            && self.quic.is_none()
            && self.call.is_none()
            && self.monitored.is_none()
            && self.told.is_empty()
    }
}

impl Context<'_> {
    /// Tells a fact about the bytes being read: from their sender to their receiver.
    pub(crate) fn tell(&mut self, fact: Fact) {
        let (from, to) = match self.direction {
            Direction::Forward => (self.initiator, self.responder),
            Direction::Backward => (self.responder, self.initiator),
        };
        self.out.push(Observation {
            sighting: self.sighting,
            from,
            to,
            transport: Some(self.transport),
            vlan: self.vlan,
            fact,
        });
    }

    /// Whether this is asked for the first time in the conversation, so that what is said again and again is told once.
    pub(crate) fn first_time(&mut self, what: impl Hash) -> bool {
        let hash = foldhash::fast::FixedState::default().hash_one(what);
        let new = self.labels.told.len() < TOLD_MAX && !self.labels.told.contains(&hash);
        if new {
            self.labels.told.push(hash);
        }
        new
    }

    /// What may be told of a patient, an account or a secret.
    pub(crate) fn pseudonym(&self, subject: Subject, secret: Sensitive<&[u8]>) -> Pseudonym {
        self.key.pseudonym(subject, secret.expose())
    }
}
