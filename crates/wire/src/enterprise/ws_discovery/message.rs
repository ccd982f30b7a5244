//! What a WS-Discovery message says.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::{Error, Fault, Layer, Verdict};

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Kind {
    Hello,
    Bye,
    Probe,
    ProbeMatches,
    Resolve,
    ResolveMatches,
}

/// Most items of each list.
pub const LIST_MAX: usize = 16;

/// Longest text of an element, bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Most XML events of a message; beyond them it is not read on.
const EVENTS_MAX: usize = 2000;

/// A WS-Discovery message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which message.
    pub kind: Kind,
    /// Address of the endpoint reference, usually `urn:uuid:…`.
    pub endpoint: Option<String>,
    /// Types, without their prefixes.
    pub types: Vec<String>,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Transport addresses.
    pub addresses: Vec<String>,
    /// A medical device says that it is one: type `MedicalDevice`, or a scope of IEEE 11073.
    pub medical: bool,
}

/// Elements whose text is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Action,
    Address,
    Types,
    Scopes,
    Addresses,
}

impl Message {
    /// Reads a datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let error = |field, fault| Error { layer: Layer::WsDiscovery, field, offset: 0, fault };
        let datagram = datagram.trim_ascii();
        let text = std::str::from_utf8(datagram)
            .map_err(|_| error("envelope", Fault::Malformed))?
            .trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = false;
        let mut found = Found::default();
        for count in 0.. {
            if count >= EVENTS_MAX {
                return Err(error("envelope", Fault::OverLimit { limit: EVENTS_MAX }));
            }
            match reader.read_event() {
                Ok(Event::Start(start)) => found.open(start.local_name().as_ref()),
                Ok(Event::Text(text)) => found.text(text.as_ref()),
                Ok(Event::GeneralRef(name)) => found.text(resolve(name.as_ref())),
                Ok(Event::End(end)) => found.close(end.local_name().as_ref()),
                Ok(Event::Eof) => break,
                Ok(_) => {}
                // What was read so far counts, if it tells which message it is.
                Err(_) => break,
            }
        }
        let kind = found.kind.ok_or(error("action", Fault::Malformed))?;
        let medical = found.types.iter().any(|name| name == "MedicalDevice")
            || found.scopes.iter().any(|scope| scope.contains("11073"));
        Ok(Self {
            kind,
            endpoint: found.endpoint,
            types: found.types,
            scopes: found.scopes,
            addresses: found.addresses,
            medical,
        })
    }
}

#[derive(Default)]
struct Found {
    kind: Option<Kind>,
    endpoint: Option<String>,
    types: Vec<String>,
    scopes: Vec<String>,
    addresses: Vec<String>,
    within: Option<Element>,
    text: String,
    /// Within an endpoint reference, and behind the header: other addresses name replies.
    in_endpoint: bool,
    in_body: bool,
}

impl Found {
    fn open(&mut self, name: &str) {
        match name {
            "Body" => self.in_body = true,
            "EndpointReference" => self.in_endpoint = self.in_body,
            _ => {}
        }
        self.text.clear();
        self.within = match name {
            "Action" => Some(Element::Action),
            "Address" => Some(Element::Address),
            "Types" => Some(Element::Types),
            "Scopes" => Some(Element::Scopes),
            "XAddrs" => Some(Element::Addresses),
            _ => None,
        };
    }

    fn close(&mut self, name: &str) {
        self.take();
        if name == "EndpointReference" {
            self.in_endpoint = false;
        }
    }

    /// Text comes in pieces where it holds references such as `&amp;`.
    fn text(&mut self, text: &str) {
        if self.within.is_some() && self.text.len() + text.len() <= TEXT_BYTES_MAX {
            self.text.push_str(text);
        }
    }

    /// The element is over: takes what its text says.
    fn take(&mut self) {
        let text = std::mem::take(&mut self.text);
        let Some(element) = self.within.take() else { return };
        let words = text.split_ascii_whitespace().map(str::to_owned);
        match element {
            Element::Action => self.kind = self.kind.or_else(|| action(text.trim())),
            Element::Address if self.in_endpoint => {
                self.endpoint.get_or_insert_with(|| text.trim().to_owned());
            }
            Element::Address => {}
            Element::Types => extend(
                &mut self.types,
                words.map(|word| word.rsplit(':').next().unwrap_or_default().to_owned()),
            ),
            Element::Scopes => extend(&mut self.scopes, words),
            Element::Addresses => extend(&mut self.addresses, words),
        }
    }
}

/// The references that every XML document knows, XML 1.0 section 4.6.
fn resolve(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "apos" => "'",
        "quot" => "\"",
        _ => "",
    }
}

fn extend(list: &mut Vec<String>, words: impl Iterator<Item = String>) {
    for word in words {
        if list.len() < LIST_MAX && !list.contains(&word) {
            list.push(word);
        }
    }
}

/// `http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Hello`, or of 2005/04 at schemas.xmlsoap.org.
fn action(text: &str) -> Option<Kind> {
    let (namespace, name) = text.rsplit_once('/')?;
    if !namespace.contains("/discovery") {
        return None;
    }
    Some(match name {
        "Hello" => Kind::Hello,
        "Bye" => Kind::Bye,
        "Probe" => Kind::Probe,
        "ProbeMatches" => Kind::ProbeMatches,
        "Resolve" => Kind::Resolve,
        "ResolveMatches" => Kind::ResolveMatches,
        _ => return None,
    })
}

/// Whether a datagram is a WS-Discovery message.
pub fn probe(datagram: &[u8]) -> Verdict {
    let opening = datagram.get(..datagram.len().min(2048)).unwrap_or_default();
    let is_xml = opening.trim_ascii_start().starts_with(b"<") || opening.starts_with(b"\xef\xbb\xbf<");
    if is_xml
        && memchr::memmem::find(opening, b"Envelope").is_some()
        && memchr::memmem::find(opening, b"/discovery").is_some()
    {
        Verdict::Certain
    } else {
        Verdict::NotMine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HELLO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<s12:Envelope xmlns:s12="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://www.w3.org/2005/08/addressing">
<s12:Header><wsa:Action>http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01/Hello</wsa:Action>
<wsa:ReplyTo><wsa:Address>http://other.example</wsa:Address></wsa:ReplyTo></s12:Header>
<s12:Body><wsd:Hello><wsa:EndpointReference><wsa:Address>urn:uuid:1-2-3</wsa:Address></wsa:EndpointReference>
<wsd:Types>dpws:Device mdpws:MedicalDevice</wsd:Types><wsd:Scopes>sdc.ctxt.loc:/a?fac=x sdc.mds.pkp:1.2</wsd:Scopes>
<wsd:XAddrs>https://192.0.2.3:6464/1</wsd:XAddrs></wsd:Hello></s12:Body></s12:Envelope>"#;

    #[test]
    fn reads_the_hello_of_a_medical_device() {
        assert_eq!(probe(HELLO.as_bytes()), Verdict::Certain);
        let message = Message::parse(HELLO.as_bytes()).unwrap();
        assert_eq!(message.kind, Kind::Hello);
        assert_eq!(message.endpoint.as_deref(), Some("urn:uuid:1-2-3"));
        assert_eq!(message.types, ["Device", "MedicalDevice"]);
        assert_eq!(message.scopes, ["sdc.ctxt.loc:/a?fac=x", "sdc.mds.pkp:1.2"]);
        assert_eq!(message.addresses, ["https://192.0.2.3:6464/1"]);
        assert!(message.medical);
    }

    #[test]
    fn refuses_another_envelope() {
        let other = HELLO.replace("/discovery/2009/01/Hello", "/transfer/Get");
        assert_eq!(Message::parse(other.as_bytes()).unwrap_err().field, "action");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, cut in 0usize..700) {
            let _ = probe(&bytes);
            let _ = Message::parse(&bytes);
            let _ = Message::parse(HELLO.get(..cut).unwrap_or(HELLO).as_bytes());
        }
    }
}
