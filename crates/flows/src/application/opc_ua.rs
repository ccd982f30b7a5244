//! OPC UA: which servers and clients there are, under which policy they speak, who writes and calls.

use wardline_model::fact::{ControlFact, ControlOperation, IdentitySubject, Protection};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::building::opc_ua::{Application, Message, Service, probe};
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::introduction::{attribute, introduction, protection};
use super::{Context, Progress, Stream, StreamAdaptor};

/// Longest chunk that is read; OPC 10000-6 section 7.1.2 has every receiver take 8,192 bytes.
const CHUNK_BYTES_MAX: usize = 65_536;

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::OpcUa,
    ports: &[4840],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe(opening) },
    adaptor: || {
        let buffer = || StreamBuffer::new(2 * CHUNK_BYTES_MAX);
        Box::new(Adaptor { sides: [buffer(), buffer()], channel: Channel::default() })
    },
};

struct Adaptor {
    sides: [StreamBuffer; 2],
    channel: Channel,
}

/// What is known of the secure channel.
#[derive(Default)]
struct Channel {
    /// Services are signed or encrypted. `None` until the channel was opened.
    secured: Option<bool>,
    /// The session works in nobody's name. `None` where its begin was not seen.
    anonymous: Option<bool>,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(direction.index()) else { return Progress::Done };
        let channel = &mut self.channel;
        let mut lost = false;
        for piece in bytes.chunks(CHUNK_BYTES_MAX) {
            let fits =
                side.feed(piece, |unread| match Message::parse(unread, channel.secured == Some(true)) {
                    Ok((message, length)) => {
                        channel.tell(&message, context);
                        Some(Consumed::exactly(length))
                    }
                    Err(error) => {
                        lost |= !error.is_truncated();
                        None
                    }
                });
            if !fits || lost {
                return Progress::Done;
            }
        }
        Progress::Continue
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        self.channel.secured
    }
}

impl Channel {
    fn tell(&mut self, message: &Message<'_>, context: &mut Context<'_>) {
        match message {
            Message::Hello { endpoint } => {
                let mut told = introduction(Protocol::OpcUa, "HEL endpoint");
                told.subject = IdentitySubject::Receiver;
                attribute(&mut told, "endpoint", Label::non_empty(endpoint));
                context.tell(Fact::Identity(Box::new(told)));
            }
            Message::Acknowledge => {
                let mut told = introduction(Protocol::OpcUa, "ACK");
                told.role = Some(Label::new("opc ua server"));
                context.tell(Fact::Identity(Box::new(told)));
            }
            Message::Open { policy } => self.opened(policy, context),
            Message::Service(Some(service)) => self.service(service, context),
            Message::Service(None) | Message::Error(_) | Message::Other => {}
        }
    }

    fn opened(&mut self, policy: &[u8], context: &mut Context<'_>) {
        let policy = Label::from_bytes(policy);
        let name = policy.as_str().rsplit('#').next().unwrap_or_default().to_owned();
        self.secured = Some(name != "None");
        // The server is who allows it.
        let by_server = context.direction == Direction::Backward;
        let fact = match name.as_str() {
            "None" => {
                protection(Protocol::OpcUa, "OPC UA without security (policy None)", Protection::Absent)
            }
            // Deprecated by OPC 10000-7.
            "Basic128Rsa15" | "Basic256" => {
                protection(Protocol::OpcUa, &format!("the deprecated policy {name}"), Protection::Weak)
            }
            _ => return,
        };
        if by_server && context.first_time(("policy", &name)) {
            context.tell(fact);
        }
    }

    fn service(&mut self, service: &Service<'_>, context: &mut Context<'_>) {
        match service {
            Service::CreateSession(application) => tell_application(application, "opc ua client", context),
            Service::Endpoints(application) => tell_application(application, "opc ua server", context),
            Service::ActivateSession { anonymous } => self.anonymous = Some(*anonymous),
            Service::Write => self.control(ControlOperation::Write, "Write", context),
            Service::Call => self.control(ControlOperation::Invoke, "Call", context),
            Service::Other(_) => {}
        }
    }

    /// A command. Where the begin of the session was not seen, nobody can say that it was in nobody's name.
    fn control(&self, operation: ControlOperation, command: &str, context: &mut Context<'_>) {
        context.tell(Fact::Control(Box::new(ControlFact {
            protocol: Protocol::OpcUa,
            operation,
            command: Label::new(command),
            object: None,
            objects: 1,
            authenticated: self.anonymous != Some(true),
            accepted: None,
        })));
    }
}

fn tell_application(application: &Application<'_>, role: &str, context: &mut Context<'_>) {
    let uri = Label::non_empty(application.uri);
    if !context.first_time((role, &uri)) {
        return;
    }
    let mut told = introduction(Protocol::OpcUa, "ApplicationDescription");
    told.role = Some(Label::new(role));
    told.description = Label::non_empty(application.name);
    attribute(&mut told, "application URI", uri);
    attribute(&mut told, "product URI", Label::non_empty(application.product));
    context.tell(Fact::Identity(Box::new(told)));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    fn put(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as i32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend((body.len() as u32 + 8).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn an_open_server_and_a_write_are_told() {
        let mut hello = vec![0; 20];
        put(&mut hello, "opc.tcp://192.0.2.2:4840");
        let mut open = vec![0; 4];
        put(&mut open, "http://opcfoundation.org/UA/SecurityPolicy#None");
        let mut write = vec![0; 16];
        write.extend([1, 0, 0xa1, 2]);
        let open = chunk(b"OPNF", &open);
        let first = [chunk(b"HELF", &hello), open.clone()].concat();
        let answer = [chunk(b"ACKF", &[0; 20]), open].concat();
        let write = chunk(b"MSGF", &write);
        let pieces = [
            (Direction::Forward, &first[..]),
            (Direction::Backward, &answer[..]),
            (Direction::Forward, &write[..]),
        ];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let [Fact::Identity(_), Fact::Identity(server), Fact::Protection(open), Fact::Control(write)] =
            &whole[..]
        else {
            panic!("{whole:?}")
        };
        assert_eq!(server.role, Some(Label::new("opc ua server")));
        assert_eq!(open.strength, Protection::Absent);
        assert!(write.authenticated, "not known to be in nobody's name");
        for size in [1, 10] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }
}
