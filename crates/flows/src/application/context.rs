//! What an adaptor may know and tell.

use wardline_model::{
    Fact, Label, Observation, Protocol, Pseudonym, PseudonymKey, Sighting, Station, Subject, Transport,
};
use wardline_wire::{Direction, Sensitive};

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
    pub(crate) key: &'a PseudonymKey,
    pub(crate) out: &'a mut Vec<Observation>,
    pub(crate) labels: &'a mut ConversationLabels,
}

/// What an adaptor says about the conversation as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConversationLabels {
    /// A more exact name than the one by which it was recognised, such as FHIR for HTTP.
    pub application: Option<Protocol>,
    /// TLS server name.
    pub server_name: Option<Label>,
    /// JA4.
    pub ja4: Option<Label>,
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

    /// What may be told of a patient, an account or a secret.
    pub(crate) fn pseudonym(&self, subject: Subject, secret: Sensitive<&[u8]>) -> Pseudonym {
        self.key.pseudonym(subject, secret.expose())
    }
}
