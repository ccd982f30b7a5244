//! DNS, mDNS, LLMNR and NBNS: who is called what, and who looks for whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wardline_model::fact::{DnsAnswer, DnsData, DnsFact, DnsQuestion};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::dns::{Data, Message, Name, Record, Session, node_name};
use wardline_wire::enterprise::dns::{probe, probe_netbios, probe_stream};
use wardline_wire::{Direction, Verdict};

use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

pub(super) const DNS: Datagram = Datagram {
    protocol: Protocol::Dns,
    ports: &[53],
    first: FirstBytes::ANY,
    probe,
    read: read_dns,
    encrypted: false,
};

pub(super) const MDNS: Datagram = Datagram {
    protocol: Protocol::Mdns,
    ports: &[5353],
    first: FirstBytes::ANY,
    probe,
    read: read_mdns,
    encrypted: false,
};

pub(super) const LLMNR: Datagram = Datagram {
    protocol: Protocol::Llmnr,
    ports: &[5355],
    first: FirstBytes::ANY,
    probe,
    read: read_llmnr,
    encrypted: false,
};

pub(super) const NBNS: Datagram = Datagram {
    protocol: Protocol::Nbns,
    ports: &[137],
    first: FirstBytes::ANY,
    probe: probe_netbios,
    read: read_netbios,
    encrypted: false,
};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Dns,
    ports: &[53],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe_stream(opening) },
    adaptor: || Box::new(Adaptor::default()),
};

fn read_dns(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    read(datagram, Protocol::Dns, context)
}

fn read_mdns(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    read(datagram, Protocol::Mdns, context)
}

fn read_llmnr(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    read(datagram, Protocol::Llmnr, context)
}

fn read_netbios(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    read(datagram, Protocol::Nbns, context)
}

fn read(datagram: &[u8], protocol: Protocol, context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    let protocol = match protocol {
        Protocol::Nbns => Protocol::Nbns,
        other => relative(context).unwrap_or(other),
    };
    context.labels.application = Some(protocol);
    context.tell(Fact::Dns(Box::new(fact(message, protocol))));
    Progress::Continue
}

/// DNS, mDNS and LLMNR share one message; their standards tell them apart by the group addressed.
fn relative(context: &Context<'_>) -> Option<Protocol> {
    const MDNS_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
    const LLMNR_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
    [context.initiator.ip, context.responder.ip].into_iter().flatten().find_map(|address| match address {
        IpAddr::V4(address) if address == Ipv4Addr::new(224, 0, 0, 251) => Some(Protocol::Mdns),
        IpAddr::V4(address) if address == Ipv4Addr::new(224, 0, 0, 252) => Some(Protocol::Llmnr),
        IpAddr::V6(MDNS_GROUP) => Some(Protocol::Mdns),
        IpAddr::V6(LLMNR_GROUP) => Some(Protocol::Llmnr),
        _ => None,
    })
}

fn fact(message: Message<'_>, protocol: Protocol) -> DnsFact {
    let netbios = protocol == Protocol::Nbns;
    let questions = message.questions().map_while(Result::ok).map(|question| DnsQuestion {
        name: name_label(&question.name, netbios),
        record_type: question.record_type,
    });
    // OPT (41) speaks of the transport, not of a name.
    let records = message.records().map_while(Result::ok);
    let records = records.filter(|record| !record.authority && record.record_type != 41);
    DnsFact {
        protocol,
        response: message.header.response(),
        opcode: message.header.opcode(),
        response_code: message.header.response_code(),
        questions: questions.collect(),
        answers: records.map(|record| answer(&record, netbios)).collect(),
    }
}

fn answer(record: &Record<'_>, netbios: bool) -> DnsAnswer {
    let data = if netbios { netbios_data(record) } else { data(record) };
    DnsAnswer {
        name: name_label(&record.name, netbios),
        record_type: record.record_type,
        ttl_s: record.ttl_s,
        data: data.unwrap_or(DnsData::Other(record.length)),
    }
}

fn data(record: &Record<'_>) -> Option<DnsData> {
    Some(match record.data() {
        Data::Address(address) => DnsData::Address(address),
        Data::Name(name) => DnsData::Name(name_label(&name, false)),
        Data::Service { port, target } => DnsData::Service { port, target: name_label(&target, false) },
        Data::Text(texts) => DnsData::Text(texts.iter().filter_map(Label::non_empty).collect()),
        Data::Other => return None,
    })
}

/// A node status tells all names of a station: as texts, each with its suffix.
fn netbios_data(record: &Record<'_>) -> Option<DnsData> {
    if let Some(address) = record.netbios_address() {
        return Some(DnsData::Address(IpAddr::V4(address)));
    }
    let names = record.netbios_names()?;
    Some(DnsData::Text(names.iter().map(|(name, suffix, _)| netbios_label(name, suffix, b"")).collect()))
}

fn name_label(name: &Name, netbios: bool) -> Label {
    match node_name(name).filter(|_| netbios) {
        Some((text, suffix, scope)) => netbios_label(&text, suffix, scope),
        None => Label::from_bytes(name.as_bytes()),
    }
}

/// Name, suffix in hexadecimal, scope: `PACS01<20>`.
fn netbios_label(name: &[u8], suffix: u8, scope: &[u8]) -> Label {
    let name = Label::from_bytes(name);
    match Label::non_empty(scope) {
        None => Label::new(&format!("{name}<{suffix:02x}>")),
        Some(scope) => Label::new(&format!("{name}<{suffix:02x}>.{scope}")),
    }
}

/// DNS over TCP.
#[derive(Default)]
struct Adaptor {
    sessions: [Session; 2],
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let [forward, backward] = &mut self.sessions;
        let session = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        let each = |message: Message<'_>| {
            context.tell(Fact::Dns(Box::new(fact(message, Protocol::Dns))));
        };
        if session.feed(bytes, each) { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Messages have no mark by which the next one could be found.
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04pacs\x07example\0\0\x01\0\x01";

    fn dns(facts: &[Fact]) -> Vec<(Protocol, String)> {
        facts
            .iter()
            .map(|fact| match fact {
                Fact::Dns(fact) => (fact.protocol, fact.questions[0].name.to_string()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_datagram_and_a_stream_say_the_same() {
        let expected = (Protocol::Dns, "pacs.example".to_owned());
        assert_eq!(dns(&driver::datagram(&DNS, QUERY)), std::slice::from_ref(&expected));
        let framed = [&[0, 30][..], QUERY].concat();
        let twice = [framed.as_slice(), &framed].concat();
        for size in 1..40 {
            let (facts, progress) = driver::stream(&STREAM, &[(Direction::Forward, &twice)], size);
            assert_eq!((dns(&facts), progress), (vec![expected.clone(); 2], Progress::Continue));
        }
    }

    #[test]
    fn the_group_addressed_tells_the_relatives_apart() {
        let mut driver = driver::Driver::new();
        driver.responder.ip = Some([224, 0, 0, 252].into());
        driver.with(Direction::Forward, |context| (DNS.read)(QUERY, context));
        assert_eq!(dns(&driver.facts()), [(Protocol::Llmnr, "pacs.example".to_owned())]);
        assert_eq!(driver.labels.application, Some(Protocol::Llmnr));
    }

    #[test]
    fn netbios_names_keep_their_suffix() {
        let query = b"\0\x01\x01\x10\0\x01\0\0\0\0\0\0\x20FHEFCACACACACACACACACACACACACACA\0\0\x20\0\x01";
        assert_eq!(dns(&driver::datagram(&NBNS, query)), [(Protocol::Nbns, "WE<20>".to_owned())]);
    }
}
