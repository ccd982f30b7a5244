//! DHCP: who a device says it is.

use wardline_model::fact::{DhcpFact, DhcpMessage};
use wardline_model::{Fact, Label, MacAddress, Protocol};
use wardline_wire::enterprise::dhcp::{ClientName, Message, probe};
use wardline_wire::enterprise::dns::Name;

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Dhcp,
    ports: &[67, 68],
    first: FirstBytes::of(&[1..=2]),
    probe,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    context.tell(Fact::Dhcp(Box::new(fact(&message))));
    Progress::Continue
}

fn fact(message: &Message<'_>) -> DhcpFact {
    let label = |text: Option<&[u8]>| text.and_then(Label::non_empty);
    DhcpFact {
        message: match message.message_type {
            Some(1) => DhcpMessage::Discover,
            Some(2) => DhcpMessage::Offer,
            Some(3) => DhcpMessage::Request,
            Some(4) => DhcpMessage::Decline,
            Some(5) => DhcpMessage::Ack,
            Some(6) => DhcpMessage::Nak,
            Some(7) => DhcpMessage::Release,
            Some(8) => DhcpMessage::Inform,
            other => DhcpMessage::Other(other.unwrap_or(0)),
        },
        client_mac: MacAddress(message.client_mac.unwrap_or_default()),
        client_ip: message.client_ip,
        your_ip: message.your_ip,
        requested_ip: message.requested_ip,
        server: message.server,
        relay: message.relay,
        host_name: label(message.host_name),
        domain_name: message.domain_name.and_then(|name| match name {
            ClientName::Text(text) => Label::non_empty(text),
            ClientName::Labels(labels) => Label::non_empty(Name::lax(labels)?.as_bytes()),
        }),
        vendor_class: label(message.vendor_class),
        user_class: label(message.user_class),
        client_identifier: message
            .client_identifier
            .map(|duid| Label::new(&duid.iter().map(|byte| format!("{byte:02x}")).collect::<String>())),
        parameters: message.parameters.iter().copied().collect(),
        options: message.option_codes().collect(),
        lease_s: message.lease_s,
        routers: message.routers.iter().collect(),
        name_servers: message.name_servers.iter().collect(),
        mud_url: label(message.mud_url),
    }
}
