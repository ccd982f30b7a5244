//! SSDP: devices that announce what they are.

use wardline_model::fact::{SsdpFact, SsdpKind};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::ssdp::{Kind, Message, probe};

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Ssdp,
    ports: &[1900],
    first: FirstBytes::of(&[b'H'..=b'H', b'M'..=b'N']),
    probe,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    let label = |text: Option<&[u8]>| text.and_then(Label::non_empty);
    context.tell(Fact::Ssdp(Box::new(SsdpFact {
        kind: match message.kind {
            Kind::Alive => SsdpKind::Alive,
            Kind::ByeBye => SsdpKind::ByeBye,
            Kind::Search => SsdpKind::Search,
            Kind::Answer => SsdpKind::Answer,
        },
        target: label(message.target),
        name: label(message.name),
        server: label(message.server),
        location: label(message.location),
    })));
    Progress::Continue
}
