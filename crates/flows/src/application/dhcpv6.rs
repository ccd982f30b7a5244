//! DHCPv6: who a device says it is, also behind a relay.

use wardline_model::fact::IdentitySubject;
use wardline_model::{Fact, Label, MacAddress, Protocol};
use wardline_wire::enterprise::dhcpv6::Message;
use wardline_wire::enterprise::dns::Name;
use wardline_wire::enterprise::recognition::probe_dhcpv6;

use super::introduction::{attribute, introduction};
use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Dhcpv6,
    ports: &[546, 547],
    first: FirstBytes::of(&[1..=13]),
    probe: probe_dhcpv6,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    let mut told = introduction(Protocol::Dhcpv6, "dhcpv6.option.client_fqdn");
    if !message.is_from_client() {
        if !message.relayed && matches!(message.kind, 2 | 7 | 10) && context.first_time("server") {
            told.device.field = Label::new("dhcpv6.msgtype");
            told.role = Some(Label::new("dhcpv6 server"));
            context.tell(Fact::Identity(Box::new(told)));
        }
        return Progress::Continue;
    }
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if message.relayed {
        // The sender is the relay; the client is known by the address within its identifier.
        told.subject = IdentitySubject::Behind;
        told.device.identifier = message.client.and_then(|client| match client.mac() {
            Some(mac) => Some(Label::new(&MacAddress(mac).to_string())),
            None => Label::non_empty(hexadecimal(client.0).as_bytes()),
        });
    }
    told.name = message
        .name
        .and_then(|labels| Label::non_empty(Name::lax(labels)?.as_bytes()))
        .map(|name| Label::new(name.as_str().trim_end_matches('.')));
    if let Some((enterprise, words)) = message.vendor_class {
        told.description = Label::non_empty(words);
        attribute(&mut told, "enterprise number", Some(Label::new(&enterprise.to_string())));
    }
    attribute(&mut told, "DUID", message.client.map(|client| Label::new(&hexadecimal(client.0))));
    attribute(&mut told, "MUD URL", message.mud_url.and_then(Label::non_empty));
    let requested: Vec<_> = message
        .requested
        .as_chunks::<2>()
        .0
        .iter()
        .map(|code| u16::from_be_bytes(*code).to_string())
        .collect();
    attribute(&mut told, "requested options", Some(Label::new(&requested.join(","))));
    if context.first_time((
        &told.device.identifier,
        &told.name,
        &told.description,
        message.client.map(|client| client.0),
    )) {
        context.tell(Fact::Identity(Box::new(told)));
    }
    Progress::Continue
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_client_is_told_also_behind_a_relay() {
        let mut bytes = vec![1, 1, 2, 3, 0, 1, 0, 10, 0, 3, 0, 1, 0, 9, 0xfb, 0, 0, 7];
        bytes.extend(b"\0\x10\0\x0e\0\0\x01\x37\0\x08MSFT 5.0");
        bytes.extend(b"\0\x27\0\x08\0\x05pump7\0");
        let facts = driver::datagram(&DATAGRAM, &bytes);
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((told.name.as_ref().unwrap().as_str(), told.subject), ("pump7", IdentitySubject::Sender));
        let mut outer = vec![12; 34];
        outer.extend([0, 9, 0, bytes.len() as u8]);
        outer.extend(&bytes);
        let facts = driver::datagram(&DATAGRAM, &outer);
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(told.subject, IdentitySubject::Behind);
        assert_eq!(told.device.identifier, Some(Label::new("00:09:fb:00:00:07")));
    }
}
