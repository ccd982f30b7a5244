//! LDAP: log-ins in clear, and what a directory says of itself.

use wardline_model::fact::{CredentialFact, CredentialKind, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::enterprise::ldap::{Attributes, Message, Operation, element_length};
use wardline_wire::enterprise::recognition::probe_ldap;
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

/// Longest message read, bytes; longer ones (a photograph in an entry) are passed over.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// RFC 4511 section 4.14.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Ldap,
    ports: &[389, 3268],
    probe: |_, opening| probe_ldap(opening),
    adaptor: || {
        let buffer = || StreamBuffer::new(2 * MESSAGE_BYTES_MAX);
        Box::new(Ldap { sides: [buffer(), buffer()], start_tls: None, encrypted: false })
    },
};

/// Active Directory is asked where it is over UDP: MS-ADTS section 6.3.3.
pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Ldap,
    ports: &[389],
    first: FirstBytes::of(&[0x30..=0x30]),
    probe: |datagram| match probe_ldap(datagram) {
        Verdict::Certain
            if element_length(datagram)
                .is_some_and(|length| length.is_ok_and(|length| length <= datagram.len())) =>
        {
            Verdict::Certain
        }
        _ => Verdict::NotMine,
    },
    read: |datagram, context| match Message::parse(datagram) {
        Ok(message) => {
            tell(message.operation, context);
            Progress::Continue
        }
        Err(_) => Progress::Lost,
    },
    encrypted: false,
};

struct Ldap {
    sides: [StreamBuffer; 2],
    /// Identifier of the request to encrypt.
    start_tls: Option<i64>,
    encrypted: bool,
}

impl StreamAdaptor for Ldap {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { sides, start_tls, encrypted } = self;
        let Some(side) = sides.get_mut(direction.index()) else { return Progress::Done };
        let mut lost = false;
        let fits = side.feed(bytes, |unread| {
            let length = match element_length(unread)? {
                Ok(length) if !lost && !*encrypted => length,
                _ => {
                    lost = true;
                    return Some(Consumed::exactly(unread.len()));
                }
            };
            if length > MESSAGE_BYTES_MAX {
                let skip = length.saturating_sub(unread.len());
                return Some(Consumed { bytes: length.min(unread.len()), skip: skip as u64 });
            }
            if let Ok(message) = Message::parse(unread.get(..length)?) {
                match message.operation {
                    Operation::Extended(START_TLS) => *start_tls = Some(message.identifier),
                    Operation::ExtendedResponse(0) if *start_tls == Some(message.identifier) => {
                        *encrypted = true
                    }
                    other => tell(other, context),
                }
            }
            Some(Consumed::exactly(length))
        });
        // A security layer of SASL begins with the length of its content, which is no sequence.
        if lost || !fits || self.encrypted { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        let within = self.sides.get_mut(direction.index()).is_some_and(|side| side.pass_over(length));
        if within { Progress::Continue } else { Progress::Done }
    }

    fn encrypted(&self) -> Option<bool> {
        Some(self.encrypted)
    }
}

fn tell(operation: Operation<'_>, context: &mut Context<'_>) {
    match operation {
        Operation::SimpleBind { name, password } if !password.expose().is_empty() => {
            let account = Some(context.pseudonym(Subject::Account, name));
            let secret = Some(context.pseudonym(Subject::Secret, password));
            context.tell(Fact::Credential(Box::new(CredentialFact {
                protocol: Protocol::Ldap,
                kind: CredentialKind::Password,
                field: Label::new("ldap.simple"),
                account,
                secret,
            })));
        }
        Operation::RootEntry(attributes) => root_entry(attributes, context),
        _ => {}
    }
}

/// RFC 3045 (vendor), MS-ADTS section 3.1.1.3.2 (Active Directory).
fn root_entry(entry: Attributes<'_>, context: &mut Context<'_>) {
    let mut device = DeviceIdentity { field: Label::new("root DSE"), ..DeviceIdentity::default() };
    let (mut name, mut role, mut attributes) = (None, "directory server", Vec::new());
    for (kind, value) in entry.iter() {
        let Some(label) = Label::non_empty(value) else { continue };
        match kind.to_ascii_lowercase().as_slice() {
            b"vendorname" => device.manufacturer = Some(label),
            b"vendorversion" => device.firmware = Some(label),
            b"dnshostname" => name = Some(label),
            b"defaultnamingcontext" | b"rootdomainnamingcontext" => {
                role = "domain controller";
                attributes.push((Label::new("domain"), label));
            }
            b"domaincontrollerfunctionality" => role = "domain controller",
            // The answer to "where is a controller?" has this one attribute.
            b"netlogon" => role = "domain controller",
            _ => {}
        }
    }
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::Ldap,
        subject: IdentitySubject::Sender,
        device,
        name,
        description: None,
        role: Some(Label::new(role)),
        attributes: attributes.into_iter().collect(),
    })));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_password_in_clear_is_told_as_a_pseudonym() {
        let mut bind = vec![0x30, 25, 2, 1, 1, 0x60, 20, 2, 1, 3, 4, 8];
        bind.extend(b"cn=probe\x80\x05hush!");
        for size in [1, 9, 100] {
            let (facts, _) = driver::stream(&STREAM, &[(Direction::Forward, &bind)], size);
            assert!(matches!(&facts[..], [Fact::Credential(_)]), "{facts:?}");
            assert!(!format!("{facts:?}").contains("hush"));
        }
    }

    #[test]
    fn nothing_is_read_after_start_tls() {
        let mut request = vec![0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22];
        request.extend(START_TLS);
        let response = [0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0];
        let pieces = [(Direction::Forward, &request[..]), (Direction::Backward, &response)];
        let (facts, progress) = driver::stream(&STREAM, &pieces, 100);
        assert_eq!((facts.len(), progress), (0, Progress::Done));
    }
}
