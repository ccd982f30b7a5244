//! HL7 version 2 over MLLP: types and senders of messages. HL7 v2.5.1 chapter 2; HL7 transport specification, MLLP.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use wardline_model::{Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::clinical::executable::{begins_like_a_program, begins_like_a_program_in_base64};
use wardline_wire::clinical::hl7::{Delimiters, Segment};

use super::{Cut, Guard, List, Pending, Refused};
use crate::report::Notice;

const START: u8 = 0x0b;
const END: u8 = 0x1c;

/// A connection.
#[derive(Debug)]
pub struct Hl7 {
    guard: Arc<Guard>,
    pending: [Pending; 2],
}

impl Hl7 {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        let pending = Pending::both(&guard);
        Self { guard, pending }
    }

    pub(super) fn pass(&mut self, direction: Direction, bytes: &[u8]) -> Result<Bytes, Box<Refused>> {
        let guard = &self.guard;
        let Some(pending) = self.pending.get_mut(direction.index()) else { return Ok(Bytes::new()) };
        pending.each(bytes, cut, not_hl7, |block| match message(block) {
            Some(message) => judge(guard, direction, message),
            None => Ok(()),
        })
    }
}

/// A block: start, message, end, carriage return; or line ends between blocks.
fn cut(unread: &[u8], looked: usize) -> Cut {
    match unread.first() {
        None => Cut::More,
        Some(b'\r' | b'\n') => Cut::At(1),
        Some(&START) => {
            // The end may have come in two pieces.
            let from = looked.saturating_sub(1);
            match unread.get(from..).unwrap_or_default().windows(2).position(|two| two == [END, b'\r']) {
                Some(at) => Cut::At(from + at + 2),
                None => Cut::More,
            }
        }
        Some(_) => Cut::Never,
    }
}

/// The first message of `unread`, and the length of its block with line ends before it. The end was looked for in `looked`
/// bytes already.
pub(crate) fn block(unread: &[u8], looked: usize) -> Option<(&[u8], usize)> {
    let before = unread.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    match cut(unread.get(before..)?, looked.saturating_sub(before)) {
        Cut::At(length) => {
            let block = unread.get(before..before + length)?;
            Some((message(block)?, before + length))
        }
        Cut::More | Cut::Never => None,
    }
}

/// Refuses what is no block.
pub(crate) fn not_hl7() -> Box<Refused> {
    refused(Notice::NotTheProtocol, "block", "not a block of MLLP, or one that is too long".to_owned(), &[])
}

/// The message of a block.
fn message(block: &[u8]) -> Option<&[u8]> {
    block.strip_prefix(&[START])?.strip_suffix(&[END, b'\r'])
}

fn refused(notice: Notice, field: &'static str, value: String, answer: &[u8]) -> Box<Refused> {
    let (answer, farewell) = (Bytes::copy_from_slice(answer), Bytes::new());
    Box::new(Refused { notice, protocol: Protocol::Hl7, field, value, answer, farewell })
}

/// Whether a message, without its frame, may pass. Answers are not held against the list.
pub(crate) fn judge(guard: &Guard, direction: Direction, message: &[u8]) -> Result<(), Box<Refused>> {
    let answer = || framed(&answer(message, "AR", "refused by the shield"));
    let Some(delimiters) = Delimiters::from_header(message).filter(|_| message.starts_with(b"MSH")) else {
        let what = "a message without a header segment".to_owned();
        return Err(refused(Notice::NotTheProtocol, "MSH", what, &[]));
    };
    for segment in message.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if let Some(field) = program(segment, delimiters) {
            let name = Label::from_bytes(segment.get(..3).unwrap_or_default());
            let value = format!("field {field} of a segment {name} begins like a program");
            return Err(refused(Notice::Program, "segment", value, &answer()));
        }
    }
    if direction == Direction::Backward {
        return Ok(());
    }
    let header = header(message, delimiters);
    let part = |field: usize, component: usize| {
        Label::from_bytes(&header.field(field).first().component(component)).to_string()
    };
    let kind = format!("{}^{}", part(9, 1), part(9, 2));
    let sender = format!("{}|{}", part(3, 1), part(4, 1));
    for (list, field, value) in [(List::MessageType, "MSH-9", &kind), (List::Sender, "MSH-3", &sender)] {
        if !guard.allows(list, value, value) {
            return Err(refused(
                Notice::Forbidden,
                field,
                format!("message {kind} from {sender}"),
                &answer(),
            ));
        }
    }
    Ok(())
}

fn header(message: &[u8], delimiters: Delimiters) -> Segment<'_> {
    let end = message.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(message.len());
    Segment::new(message.get(..end).unwrap_or_default(), delimiters, &[])
}

/// The first field with a component that begins like a program, plain, escaped or in base64.
fn program(segment: &[u8], delimiters: Delimiters) -> Option<usize> {
    segment
        .split(|byte| *byte == delimiters.field)
        .skip(1)
        .position(|field| {
            field
                .split(|byte| {
                    [delimiters.component, delimiters.repetition, delimiters.subcomponent].contains(byte)
                })
                .any(|part| {
                    let part = delimiters.unescape(part.get(..part.len().min(1_024)).unwrap_or_default());
                    begins_like_a_program(&part) || begins_like_a_program_in_base64(&part)
                })
        })
        .map(|at| at + 1)
}

/// An acknowledgement of `message`: HL7 v2.5.1 section 2.9.3, without frame. Its sender is told its own number, and nothing
/// of anybody else.
pub(crate) fn answer(message: &[u8], code: &str, text: &str) -> Vec<u8> {
    let delimiters = Delimiters::from_header(message).unwrap_or(Delimiters::USUAL);
    let header = header(message, delimiters);
    let field = |number| header.field(number).raw();
    let separator = delimiters.field;
    let encoding = [delimiters.component, delimiters.repetition, delimiters.escape, delimiters.subcomponent];
    let mut out = Vec::with_capacity(256);
    let mut put = |fields: &[&[u8]]| {
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                out.push(separator);
            }
            out.extend_from_slice(field);
        }
        out.push(b'\r');
    };
    // Application and facility change places; MSH-7 stays empty, as a box has no clock that a receiver should trust.
    put(&[
        b"MSH",
        &encoding,
        field(5),
        field(6),
        field(3),
        field(4),
        b"",
        b"",
        b"ACK",
        field(10),
        field(11),
        field(12),
    ]);
    put(&[b"MSA", code.as_bytes(), field(10), text.as_bytes()]);
    out
}

/// What the answer to a message says that is held.
pub(crate) const HELD: &str = "in doubt; held by the shield";

/// Whether an answer settles its message: it was accepted (HL7 v2.5.1 table 0008), or is held for a person. What was
/// refused may be sent again and is then no repeat.
pub(crate) fn settles(answer: &[u8]) -> bool {
    let Some(delimiters) = Delimiters::from_header(answer) else { return false };
    answer.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|segment| segment.starts_with(b"MSA")).any(
        |segment| {
            let segment = Segment::new(segment, delimiters, &[]);
            matches!(segment.field(1).raw(), b"AA" | b"CA") || segment.field(3).raw() == HELD.as_bytes()
        },
    )
}

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 3);
    out.put_u8(START);
    out.extend_from_slice(message);
    out.extend_from_slice(&[END, b'\r']);
    out.freeze()
}
