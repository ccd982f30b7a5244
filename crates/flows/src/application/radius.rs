//! RADIUS: switches and access points that ask, the servers that answer, and passwords under MD5.

use wardline_model::fact::{CredentialFact, CredentialKind, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::Sensitive;
use wardline_wire::enterprise::radius::Message;
use wardline_wire::enterprise::recognition::probe_radius;

use super::{Context, Datagram, FirstBytes, Progress};

const USER_NAME: u8 = 1;
const USER_PASSWORD: u8 = 2;
const CHAP_PASSWORD: u8 = 3;
const NAS_IDENTIFIER: u8 = 32;

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Radius,
    ports: &[1812, 1813, 1645, 1646],
    first: FirstBytes::of(&[1..=5, 11..=13, 40..=45]),
    probe: probe_radius,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    let find = |kind| message.attributes().find(|attribute| attribute.kind == kind).map(|found| found.value);
    let role = match () {
        () if message.is_request() => "radius client",
        () if message.is_answer() => "radius server",
        () => return Progress::Continue,
    };
    let hidden = [(USER_PASSWORD, "User-Password"), (CHAP_PASSWORD, "CHAP-Password")];
    if message.is_request()
        && let Some((_, field)) = hidden.into_iter().find(|(kind, _)| find(*kind).is_some())
    {
        let account = find(USER_NAME).map(|name| context.pseudonym(Subject::Account, Sensitive::new(name)));
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Radius,
            kind: CredentialKind::ChallengeResponse,
            field: Label::new(field),
            account,
            secret: None,
        })));
    }
    // Some pad their name with zeros, and what follows is no part of it.
    let name = find(NAS_IDENTIFIER)
        .filter(|_| message.is_request())
        .and_then(|name| Label::non_empty(name.split(|byte| *byte == 0).next()?));
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::Radius,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity { field: Label::new("radius.NAS_Identifier"), ..DeviceIdentity::default() },
        name,
        description: None,
        role: Some(Label::new(role)),
        attributes: [].into_iter().collect(),
    })));
    Progress::Continue
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_switch_and_a_password_are_told() {
        let mut bytes = vec![1, 7, 0, 56];
        bytes.extend([0; 16]);
        bytes.extend(b"\x20\x0aswitch-3\x01\x08a.test\x02\x12");
        bytes.extend([9; 16]);
        let facts = driver::datagram(&DATAGRAM, &bytes);
        let [Fact::Credential(credential), Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(credential.field, Label::new("User-Password"));
        assert_eq!(told.name, Some(Label::new("switch-3")));
        assert!(!format!("{facts:?}").contains("a.test"));
    }
}
