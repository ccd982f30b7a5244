//! STUN: which software talks through the wall, and how it is seen from outside.

use wardline_model::fact::{CredentialFact, CredentialKind, IdentitySubject};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::Sensitive;
use wardline_wire::enterprise::recognition::probe_stun;
use wardline_wire::enterprise::stun::Message;

use super::introduction::{attribute, introduction};
use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Stun,
    ports: &[3478],
    first: FirstBytes::of(&[0..=0x3f]),
    probe: probe_stun,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    // Media that follow in the same conversation are none of ours.
    let Ok(message) = Message::parse(datagram) else { return Progress::Continue };
    let software = message.software.and_then(|text| Label::non_empty(text.split(|byte| *byte == 0).next()?));
    if software.is_some() && context.first_time(("software", context.direction, &software)) {
        let mut told = introduction(Protocol::Stun, "SOFTWARE");
        told.role = Some(Label::new(if message.class >= 2 { "stun server" } else { "stun client" }));
        told.description = software;
        context.tell(Fact::Identity(Box::new(told)));
    }
    if let Some((ip, _)) = message.mapped
        && context.first_time(("mapped", ip))
    {
        let mut told = introduction(Protocol::Stun, "XOR-MAPPED-ADDRESS");
        told.subject = IdentitySubject::Receiver;
        attribute(&mut told, "address seen from outside", Some(Label::new(&ip.to_string())));
        context.tell(Fact::Identity(Box::new(told)));
    }
    if let Some(account) = message.username.filter(|_| message.long_term && message.class < 2) {
        let account = context.pseudonym(Subject::Account, Sensitive::new(account));
        if context.first_time(("account", account)) {
            context.tell(Fact::Credential(Box::new(CredentialFact {
                protocol: Protocol::Stun,
                kind: CredentialKind::ChallengeResponse,
                field: Label::new("USERNAME"),
                account: Some(account),
                secret: None,
            })));
        }
    }
    Progress::Continue
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn software_is_told() {
        let mut bytes = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
        bytes.extend([5; 12]);
        bytes.extend(b"\x80\x22\0\x07Phone/2\0");
        let facts = driver::datagram(&DATAGRAM, &bytes);
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(told.description, Some(Label::new("Phone/2")));
    }
}
