//! WS-Discovery: printers, cameras and medical devices that announce themselves.

use wardline_model::fact::{WsDiscoveryFact, WsDiscoveryKind};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::ws_discovery::{Kind, Message, probe};

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::WsDiscovery,
    ports: &[3702],
    first: FirstBytes::of(&[b'<'..=b'<', b'\t'..=b'\n', 0x0c..=b'\r', b' '..=b' ', 0xef..=0xef]),
    probe,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    // What only looks like a message of its own tells nothing, but the next may.
    let Ok(message) = Message::parse(datagram) else { return Progress::Continue };
    fn labels<const N: usize>(texts: &[String]) -> wardline_model::Bounded<Label, N> {
        texts.iter().map(|text| Label::new(text)).collect()
    }
    context.tell(Fact::WsDiscovery(Box::new(WsDiscoveryFact {
        kind: match message.kind {
            Kind::Hello => WsDiscoveryKind::Hello,
            Kind::Bye => WsDiscoveryKind::Bye,
            Kind::Probe => WsDiscoveryKind::Probe,
            Kind::ProbeMatches => WsDiscoveryKind::ProbeMatches,
            Kind::Resolve => WsDiscoveryKind::Resolve,
            Kind::ResolveMatches => WsDiscoveryKind::ResolveMatches,
        },
        endpoint: message.endpoint.as_deref().map(Label::new),
        types: labels(&message.types),
        scopes: message
            .scopes
            .iter()
            .filter(|scope| !names_a_person(scope))
            .map(|scope| Label::new(scope))
            .collect(),
        addresses: labels(&message.addresses),
        medical: message.medical,
    })));
    Progress::Continue
}

/// Whether a scope holds the context of a patient, an encounter or an operator, IEEE 11073-20701 section 9.
fn names_a_person(scope: &str) -> bool {
    let scope = scope.to_ascii_lowercase();
    ["sdc.ctxt.pat", "sdc.ctxt.enc", "sdc.ctxt.opr", "patient"].iter().any(|word| scope.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_patient_in_a_scope_is_not_told() {
        let hello = "<e:Envelope><e:Header><a:Action>http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Hello\
            </a:Action></e:Header><e:Body><d:Scopes>sdc.ctxt.pat:/x?family=Example&amp;a sdc.ctxt.loc:/x?bed=4\
            </d:Scopes></e:Body></e:Envelope>";
        let facts = driver::datagram(&DATAGRAM, hello.as_bytes());
        let [Fact::WsDiscovery(fact)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(&*fact.scopes, [Label::new("sdc.ctxt.loc:/x?bed=4")]);
    }
}
