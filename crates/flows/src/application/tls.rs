//! TLS: who is called, who answers, with which certificate.

use wardline_model::fact::{CertificateFact, TlsClientHello, TlsFact, TlsServerHello};
use wardline_model::{Fact, Label, Protocol, Timestamp};
use wardline_wire::enterprise::tls::{Certificate, ClientHello, Event, Ja4, KeyAlgorithm, Session, State};
use wardline_wire::enterprise::tls::{Transport, datagram_hello, probe, probe_datagram};
use wardline_wire::{Direction, Verdict};

use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Tls,
    ports: &[443, 8443, 636, 993, 995, 465, 2762, 853],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe(opening) },
    adaptor: || Box::new(Adaptor::default()),
};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Tls,
    ports: &[],
    first: FirstBytes::of(&[20..=23]),
    probe: probe_datagram,
    read,
    encrypted: true,
};

#[derive(Default)]
struct Adaptor {
    session: Session,
    told: bool,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let told = &mut self.told;
        let state = self.session.feed(direction, bytes, |event| {
            *told = true;
            tell(&event, context);
        });
        match state {
            State::Readable => Progress::Continue,
            State::Encrypted => Progress::Done,
            State::Lost if self.told => Progress::Done,
            State::Lost => Progress::Lost,
        }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Behind a hole nobody knows where the next record begins, and the handshake is soon over.
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        Some(true)
    }
}

/// DTLS: only the client's hello is read.
fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    if let Some(hello) = datagram_hello(datagram) {
        tell_hello(&hello, Transport::Datagram, context);
    }
    Progress::Continue
}

fn tell(event: &Event<'_>, context: &mut Context<'_>) {
    match event {
        Event::ClientHello(hello) => tell_hello(hello, Transport::Stream, context),
        Event::ServerHello(hello) => {
            context.tell(Fact::Tls(Box::new(TlsFact::ServerHello(TlsServerHello {
                version: hello.version,
                cipher_suite: hello.cipher_suite,
                protocol: hello.protocol().and_then(Label::non_empty),
            }))));
        }
        Event::Certificate { position, server, der } => {
            // What cannot be read tells nothing that could be relied on.
            if let Ok(certificate) = Certificate::parse(der) {
                let fact = certificate_fact(&certificate, *position, *server);
                context.tell(Fact::Tls(Box::new(TlsFact::Certificate(fact))));
            }
        }
        Event::Alert(description) => context.tell(Fact::Tls(Box::new(TlsFact::Alert(*description)))),
    }
}

pub(super) fn tell_hello(hello: &ClientHello<'_>, transport: Transport, context: &mut Context<'_>) {
    let ja4 = Label::new(&Ja4::new(hello, transport).to_string());
    let server_name = hello.server_name().and_then(Label::non_empty);
    // After a request to retry comes a second hello: the conversation is named by the first.
    context.labels.ja4.get_or_insert_with(|| ja4.clone());
    if context.labels.server_name.is_none() {
        context.labels.server_name.clone_from(&server_name);
    }
    context.tell(Fact::Tls(Box::new(TlsFact::ClientHello(TlsClientHello {
        version: hello.version(),
        server_name,
        protocols: hello.protocols().filter_map(Label::non_empty).collect(),
        ja4,
        datagram: transport != Transport::Stream,
    }))));
}

fn certificate_fact(certificate: &Certificate, position: u8, server: bool) -> CertificateFact {
    let label = |text: &Option<String>| text.as_deref().map(Label::new).filter(|label| !label.is_empty());
    CertificateFact {
        server,
        position,
        common_name: label(&certificate.common_name),
        organization: label(&certificate.organization),
        unit: label(&certificate.unit),
        issuer: label(&certificate.issuer),
        names: certificate.names.iter().map(|name| Label::new(name)).collect(),
        serial: Label::new(&certificate.serial),
        not_before: Timestamp::from_seconds(certificate.not_before_s),
        not_after: Timestamp::from_seconds(certificate.not_after_s),
        key_algorithm: Label::new(match certificate.key_algorithm {
            KeyAlgorithm::Rsa => "rsa",
            KeyAlgorithm::Ec => "ec",
            KeyAlgorithm::Dsa => "dsa",
            KeyAlgorithm::Ed25519 => "ed25519",
            KeyAlgorithm::Ed448 => "ed448",
            KeyAlgorithm::Other => "other",
        }),
        key_bits: certificate.key_bits,
        signature_algorithm: Label::new(&certificate.signature_algorithm),
        self_signed: certificate.self_signed,
        fingerprint: Label::new(
            &certificate.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        ),
    }
}
