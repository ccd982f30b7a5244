//! Facts that many adaptors tell alike.

use wardline_model::fact::{DeviceIdentity, IdentityFact, IdentitySubject, Protection, ProtectionFact};
use wardline_model::{Fact, Label, Protocol};

/// An introduction that says nothing yet about the sender of a message.
pub(super) fn introduction(protocol: Protocol, field: &str) -> IdentityFact {
    IdentityFact {
        protocol,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity { field: Label::new(field), ..DeviceIdentity::default() },
        name: None,
        description: None,
        role: None,
        attributes: [].into_iter().collect(),
    }
}

/// An attribute, where there is something to say.
pub(super) fn attribute(told: &mut IdentityFact, name: &str, value: Option<Label>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        told.attributes.push((Label::new(name), value));
    }
}

/// That a conversation is badly protected.
pub(super) fn protection(protocol: Protocol, scheme: &str, strength: Protection) -> Fact {
    Fact::Protection(Box::new(ProtectionFact { protocol, scheme: Label::new(scheme), strength }))
}
