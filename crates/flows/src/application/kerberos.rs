//! Kerberos: domain controllers, the computers of a domain, and tickets that can be broken.

use wardline_model::fact::{DeviceIdentity, IdentityFact, IdentitySubject, Protection, ProtectionFact};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::kerberos::{Kind, Message};
use wardline_wire::enterprise::recognition::{probe_kerberos, probe_kerberos_stream};
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

/// Longest message over TCP, bytes: tickets with many groups have tens of thousands.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Kerberos,
    ports: &[88, 464],
    first: FirstBytes::of(&[0x6a..=0x6f, 0x7e..=0x7e]),
    probe: probe_kerberos,
    read: |datagram, context| {
        if tell(datagram, context) { Progress::Continue } else { Progress::Lost }
    },
    encrypted: false,
};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Kerberos,
    ports: &[88, 464],
    probe: |_, opening| probe_kerberos_stream(opening),
    adaptor: || {
        let buffer = || StreamBuffer::new(MESSAGE_BYTES_MAX);
        Box::new(Kerberos { sides: [buffer(), buffer()] })
    },
};

struct Kerberos {
    sides: [StreamBuffer; 2],
}

impl StreamAdaptor for Kerberos {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(direction.index()) else { return Progress::Done };
        let fits = side.feed(bytes, |unread| {
            let (length, rest) = unread.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            tell(rest.get(..length)?, context);
            Some(Consumed::exactly(length.saturating_add(4)))
        });
        if fits { Progress::Continue } else { Progress::Done }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }
}

fn tell(bytes: &[u8], context: &mut Context<'_>) -> bool {
    let Ok(message) = Message::parse(bytes) else { return false };
    let realm = message.realm.and_then(Label::non_empty);
    match message.kind {
        Kind::AsRequest => {
            // The account of a computer is its name and `$`; other accounts are of people.
            let computer =
                message.client.and_then(|client| Label::non_empty(client.expose().strip_suffix(b"$")?));
            if computer.is_some() {
                identity(context, computer, None, realm);
            }
        }
        Kind::AsReply | Kind::TgsReply | Kind::Error => {
            identity(context, None, Some("domain controller"), realm);
        }
        Kind::TgsRequest => {}
    }
    if let Some(scheme) = message.ticket_encryption.and_then(weak_encryption) {
        context.tell(Fact::Protection(Box::new(ProtectionFact {
            protocol: Protocol::Kerberos,
            scheme: Label::new(scheme),
            strength: Protection::Weak,
        })));
    }
    true
}

fn identity(context: &mut Context<'_>, name: Option<Label>, role: Option<&str>, realm: Option<Label>) {
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::Kerberos,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity { field: Label::new("kerberos.realm"), ..DeviceIdentity::default() },
        name,
        description: None,
        role: role.map(Label::new),
        attributes: realm.map(|realm| (Label::new("domain"), realm)).into_iter().collect(),
    })));
}

/// Encryption that can be broken: RFC 6649, RFC 8429.
const fn weak_encryption(kind: i64) -> Option<&'static str> {
    match kind {
        1..=3 => Some("a DES ticket"),
        5 | 7 | 16 => Some("a triple DES ticket"),
        23 => Some("an RC4 ticket"),
        24 => Some("an export RC4 ticket"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    /// A reply with an RC4 ticket.
    const REPLY: &[u8] = &[
        0x6d, 41, 0x30, 39, 0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 13, 0xa3, 6, 0x1b, 4, b'C', b'L', b'I', b'N',
        0xa5, 19, 0x61, 17, 0x30, 15, 0xa0, 3, 2, 1, 5, 0xa3, 8, 0x30, 6, 0xa0, 4, 2, 2, 0, 23,
    ];

    #[test]
    fn a_controller_and_its_weak_ticket_are_told() {
        let framed = [&[0, 0, 0, REPLY.len() as u8], REPLY].concat();
        let (streamed, _) = driver::stream(&STREAM, &[(Direction::Backward, &framed)], 3);
        assert_eq!(streamed, driver::datagram(&DATAGRAM, REPLY));
        let [Fact::Identity(told), Fact::Protection(protection)] = &streamed[..] else {
            panic!("{streamed:?}")
        };
        assert_eq!(told.role, Some(Label::new("domain controller")));
        assert_eq!(protection.scheme, Label::new("an RC4 ticket"));
    }
}
