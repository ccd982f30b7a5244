//! SIP over UDP and TCP.

use wardline_model::fact::{SipFact, SipMessage};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::enterprise::sip::{Start, parse, probe, probe_datagram};
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Sip,
    ports: &[5060],
    first: FirstBytes::of(&[b' '..=b'~', b'\r'..=b'\r']),
    probe: probe_datagram,
    read,
    encrypted: false,
};
pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Sip,
    ports: &[5060],
    probe: |_, bytes| probe(bytes),
    adaptor: || Box::<Sip>::default(),
};

/// Longest message kept of a stream, bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Bytes by which a message is told to be of SIP or not; more of them change nothing.
const OPENING_BYTES: usize = 1024;

fn read(bytes: &[u8], context: &mut Context<'_>) -> Progress {
    // Clients keep their path open with line ends alone.
    if bytes.trim_ascii().is_empty() {
        return Progress::Continue;
    }
    let Ok(message) = parse(bytes) else { return Progress::Lost };
    let call = message.call.map(|call| context.pseudonym(Subject::Message, call));
    context.tell(Fact::Sip(Box::new(SipFact {
        message: match message.start {
            Start::Request(method) => SipMessage::Request(Label::new(method)),
            Start::Response(code) => SipMessage::Response(code),
        },
        agent: message.agent.and_then(Label::non_empty),
        call,
        media: message.media,
    })));
    Progress::Continue
}

struct Sip {
    directions: [StreamBuffer; 2],
    /// Length of the message that is being read, where its head is whole.
    lengths: [Option<usize>; 2],
}

impl Default for Sip {
    fn default() -> Self {
        let buffer = || StreamBuffer::new(MESSAGE_BYTES_MAX);
        Self { directions: [buffer(), buffer()], lengths: [None; 2] }
    }
}

impl StreamAdaptor for Sip {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { directions, lengths } = self;
        let (Some(buffer), Some(known)) =
            (directions.get_mut(direction.index()), lengths.get_mut(direction.index()))
        else {
            return Progress::Done;
        };
        let mut lost = false;
        let fits = buffer.feed_and_tell_seen(bytes, |unread, seen| {
            if lost
                || seen < OPENING_BYTES
                    && probe(unread) == Verdict::NotMine
                    && !unread.starts_with(b"\r")
                    && !unread.starts_with(b"\n")
            {
                lost = true;
                return Some(Consumed::exactly(unread.len()));
            }
            let length = match *known {
                Some(length) => length,
                None => message_length(unread, seen)?,
            };
            *known = Some(length);
            let message = unread.get(..length)?;
            *known = None;
            lost |= read(message, context) == Progress::Lost;
            Some(Consumed::exactly(length))
        });
        if fits && !lost { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }
}

/// Length of the first message of a stream: head and, by Content-Length (RFC 3261 section 20.14), body.
/// `seen` bytes hold no end of a head.
fn message_length(bytes: &[u8], seen: usize) -> Option<usize> {
    let line_ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if line_ends > 0 {
        return Some(line_ends);
    }
    let from = seen.saturating_sub(3);
    let head = from + memchr::memmem::find(bytes.get(from..)?, b"\r\n\r\n")? + 4;
    let body = bytes.get(..head)?.split(|byte| *byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = line.get(..colon)?.trim_ascii().to_ascii_lowercase();
        let value = line.get(colon + 1..)?.trim_ascii();
        matches!(name.as_slice(), b"content-length" | b"l")
            .then(|| std::str::from_utf8(value).ok()?.parse::<usize>().ok())?
    });
    head.checked_add(body.unwrap_or(0))
}
