//! NFS, its mount protocol and the port mapper: who mounts what from whom, and whether a client must prove who it is.

use wardline_model::fact::{IdentitySubject, Protection};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::enterprise::rpc::{Call, Flavor, Message, Reply, probe, probe_stream, record};
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::introduction::{attribute, introduction, protection};
use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

/// How much of a record is read: calls and replies say who speaks in their first bytes.
const HEAD_BYTES_MAX: usize = 2_048;
/// Calls that wait for their reply at the same time; the oldest is forgotten.
const CALLS_MAX: usize = 64;

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Nfs,
    ports: &[111, 2049],
    first: FirstBytes::ANY,
    probe,
    read,
    encrypted: false,
};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Nfs,
    ports: &[111, 2049],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe_stream(opening) },
    adaptor: || Box::new(Adaptor::default()),
};

/// A call that waits for its reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    number: u32,
    program: u32,
    by_word: bool,
}

struct Adaptor {
    sides: [StreamBuffer; 2],
    /// Whether the record that comes next goes on with a message that was read.
    within: [bool; 2],
    waiting: Vec<Waiting>,
}

impl Default for Adaptor {
    fn default() -> Self {
        let buffer = || StreamBuffer::new(2 * HEAD_BYTES_MAX);
        Self { sides: [buffer(), buffer()], within: [false; 2], waiting: Vec::new() }
    }
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let index = direction.index();
        let (Some(side), Some(within)) = (self.sides.get_mut(index), self.within.get_mut(index)) else {
            return Progress::Done;
        };
        let waiting = &mut self.waiting;
        let mut lost = false;
        let mut fits = true;
        // Pieces as long as a segment, so that what is kept stays below the limit of the buffer.
        for piece in bytes.chunks(HEAD_BYTES_MAX) {
            fits &= side.feed(piece, |unread| {
                let (length, more) = record(unread)?;
                let body = unread.get(4..)?;
                let head = body.get(..length.min(HEAD_BYTES_MAX))?;
                if !std::mem::replace(within, more) {
                    match Message::parse(head) {
                        Ok(message) => tell(&message, waiting, context),
                        Err(error) => lost |= !error.is_truncated(),
                    }
                }
                Some(Consumed { bytes: 4 + head.len(), skip: (length - head.len()) as u64 })
            });
        }
        if fits && !lost { Progress::Continue } else { Progress::Done }
    }

    fn gap(&mut self, direction: Direction, length: u64, _: &mut Context<'_>) -> Progress {
        let passed = self.sides.get_mut(direction.index()).is_some_and(|side| side.pass_over(length));
        if passed { Progress::Continue } else { Progress::Done }
    }
}

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok(message) = Message::parse(datagram) else { return Progress::Lost };
    // Over UDP only the roles of both ends are kept from call to reply.
    let mut waiting: Vec<Waiting> = context.labels.call.take().into_iter().collect();
    tell(&message, &mut waiting, context);
    context.labels.call = waiting.pop();
    Progress::Continue
}

fn tell(message: &Message<'_>, waiting: &mut Vec<Waiting>, context: &mut Context<'_>) {
    match message {
        Message::Call(number, call) => {
            if waiting.len() >= CALLS_MAX {
                waiting.remove(0);
            }
            let by_word = matches!(call.flavor, Flavor::System { .. } | Flavor::None);
            waiting.push(Waiting { number: *number, program: call.program, by_word });
            tell_call(call, context);
        }
        Message::Reply(number, reply) => {
            if let Some(place) = waiting.iter().position(|call| call.number == *number) {
                let call = waiting.swap_remove(place);
                tell_reply(*reply, call, context);
            }
        }
    }
}

/// The words of the registry for programs that matter here.
const fn program(number: u32) -> Option<&'static str> {
    Some(match number {
        100_000 => "port mapper",
        100_003 => "nfs",
        100_005 => "mount",
        100_021 => "lock manager",
        100_024 => "status monitor",
        100_227 => "nfs access control",
        _ => return None,
    })
}

fn tell_call(call: &Call<'_>, context: &mut Context<'_>) {
    let machine = match call.flavor {
        Flavor::System { machine } => Label::non_empty(machine),
        _ => None,
    };
    if context.first_time(("call", call.program, &machine)) {
        let mut told = introduction(Protocol::Nfs, "rpc.auth.machinename");
        told.name = machine;
        told.role = Some(Label::new(if matches!(call.program, 100_003 | 100_005) {
            "nfs client"
        } else {
            "rpc client"
        }));
        context.tell(Fact::Identity(Box::new(told)));
    }
    if let Some(path) = call.mount_path.and_then(Label::non_empty)
        && context.first_time(("mount", &path))
    {
        let mut told = introduction(Protocol::Nfs, "mount.path");
        told.subject = IdentitySubject::Receiver;
        attribute(&mut told, "export", Some(path));
        context.tell(Fact::Identity(Box::new(told)));
    }
}

fn tell_reply(reply: Reply, call: Waiting, context: &mut Context<'_>) {
    let Some(name) = program(call.program).filter(|_| reply.accepted) else { return };
    if !context.first_time(("reply", call.program)) {
        return;
    }
    let mut told = introduction(Protocol::Nfs, "rpc.program");
    let server = matches!(call.program, 100_003 | 100_005);
    told.role = Some(Label::new(if server { "nfs server" } else { "rpc server" }));
    attribute(&mut told, "program", Some(Label::new(name)));
    context.tell(Fact::Identity(Box::new(told)));
    if call.program == 100_003 && call.by_word {
        let scheme = "names and numbers that each client chooses for itself (AUTH_SYS)";
        context.tell(protection(Protocol::Nfs, scheme, Protection::Weak));
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn call(number: u32, program: u32, procedure: u32) -> Vec<u8> {
        let mut bytes = words(&[number, 0, 2, program, 3, procedure, 1, 24, 5, 4]);
        bytes.extend(b"ct-1");
        bytes.extend(words(&[0, 0, 0, 0, 0]));
        bytes
    }

    fn marked(bytes: &[u8]) -> Vec<u8> {
        [&(0x8000_0000 | bytes.len() as u32).to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn client_server_and_weak_proof_are_told_once() {
        let asked = [marked(&call(1, 100_003, 1)), marked(&call(2, 100_003, 1))].concat();
        let answered = [marked(&words(&[1, 1, 0, 0, 0, 0])), marked(&words(&[2, 1, 0, 0, 0, 0]))].concat();
        let pieces = [(Direction::Forward, &asked[..]), (Direction::Backward, &answered[..])];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let [Fact::Identity(client), Fact::Identity(server), Fact::Protection(weak)] = &whole[..] else {
            panic!("{whole:?}")
        };
        assert_eq!(client.name, Some(Label::new("ct-1")));
        assert_eq!(server.role, Some(Label::new("nfs server")));
        assert_eq!(weak.strength, Protection::Weak);
        for size in [1, 3, 40] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }

    #[test]
    fn a_mount_over_datagrams_names_the_export() {
        let mut bytes = call(9, 100_005, 1);
        bytes.extend(words(&[4]));
        bytes.extend(b"/img");
        let facts = driver::datagram(&DATAGRAM, &bytes);
        let [Fact::Identity(_), Fact::Identity(export)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(export.attributes.first(), Some(&(Label::new("export"), Label::new("/img"))));
    }
}
