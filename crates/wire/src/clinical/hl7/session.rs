//! One direction of a stream of messages.

use super::{Delimiters, Elision, Segment};
use crate::{Direction, Verdict};

/// Bytes of a segment that are kept.
pub const SEGMENT_BYTES_MAX: usize = 16 * 1024;
/// Segments of a message that are told; a batch of results has hundreds.
const SEGMENTS_MAX: u32 = 10_000;

/// Start and end of an MLLP block.
const START: u8 = 0x0b;
const END: u8 = 0x1c;

/// What the stream holds.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A segment, the header first.
    Segment(Segment<'a>),
    /// The message is over.
    End,
}

/// One direction.
#[derive(Clone, Debug)]
pub struct Session {
    delimiters: Option<Delimiters>,
    segment: Vec<u8>,
    elided: u64,
    segments: u32,
    /// Within a block, or, without blocks, within a message.
    inside: bool,
    /// Bytes outside of any message since the last one: a stream of something else is given up.
    outside: u64,
}

impl Default for Session {
    fn default() -> Self {
        Self { delimiters: None, segment: Vec::new(), elided: 0, segments: 0, inside: true, outside: 0 }
    }
}

impl Session {
    /// Feeds the next bytes; `tell` gets what they hold.
    pub fn feed(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) {
        while let Some(place) = bytes.iter().position(|byte| matches!(*byte, START | END | b'\r' | b'\n')) {
            let (text, from) = bytes.split_at_checked(place).unwrap_or((bytes, &[]));
            self.keep(text);
            match from.first() {
                Some(&START) => {
                    self.end_message(tell);
                    self.inside = true;
                }
                Some(&END) => {
                    self.end_segment(tell);
                    self.end_message(tell);
                    self.inside = true;
                }
                _ => self.end_segment(tell),
            }
            bytes = from.get(1..).unwrap_or_default();
        }
        self.keep(bytes);
    }

    /// Bytes are missing: what was being read is over.
    pub fn gap(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.segment.clear();
        self.elided = 0;
        self.end_message(tell);
        // Where the stream goes on, somewhere within a segment.
        self.inside = false;
    }

    /// The stream is over.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.end_segment(tell);
        self.end_message(tell);
    }

    /// Bytes since the last message that were of none.
    pub const fn outside(&self) -> u64 {
        self.outside
    }

    fn keep(&mut self, text: &[u8]) {
        let room = SEGMENT_BYTES_MAX.saturating_sub(self.segment.len());
        let kept = text.get(..text.len().min(room)).unwrap_or_default();
        self.segment.extend_from_slice(kept);
        self.elided += (text.len() - kept.len()) as u64;
    }

    fn end_segment(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        let segment = std::mem::take(&mut self.segment);
        let elided = std::mem::take(&mut self.elided);
        if !segment.is_empty() {
            self.segment(&segment, elided, tell);
        }
        // The room is used again, but not that of a document.
        if segment.capacity() <= 4096 {
            self.segment = segment;
            self.segment.clear();
        }
    }

    fn segment(&mut self, segment: &[u8], elided: u64, tell: &mut dyn FnMut(Event<'_>)) {
        if is_header(segment)
            && let Some(delimiters) = Delimiters::from_header(segment)
        {
            self.end_message(tell);
            self.delimiters = Some(delimiters);
            self.inside = true;
        }
        let Some(delimiters) = self.delimiters.filter(|_| self.inside) else {
            self.outside += segment.len() as u64 + elided;
            return;
        };
        self.outside = 0;
        self.segments += 1;
        if self.segments > SEGMENTS_MAX {
            return;
        }
        let last_field = memchr::memchr_iter(delimiters.field, segment).count();
        let elisions = [Elision { field: last_field, bytes: elided }];
        let elisions = if elided > 0 { &elisions[..] } else { &[] };
        tell(Event::Segment(Segment::new(segment, delimiters, elisions)));
    }

    fn end_message(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        if std::mem::take(&mut self.segments) > 0 {
            tell(Event::End);
        }
        self.delimiters = None;
    }
}

fn is_header(segment: &[u8]) -> bool {
    matches!(segment.get(..3), Some(b"MSH" | b"FHS" | b"BHS"))
}

/// Whether the opening bytes of one direction are of HL7 version 2.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    let front = bytes.iter().position(|byte| !matches!(*byte, START | b'\r' | b'\n'));
    let Some(front) = front else {
        // Only start bytes and line ends so far.
        return if bytes.first().is_none_or(|first| *first == START) {
            Verdict::Unsure
        } else {
            Verdict::NotMine
        };
    };
    let text = bytes.get(front..).unwrap_or_default();
    if is_header(text) {
        return match (Delimiters::from_header(text), text.len()) {
            (Some(_), 9..) => Verdict::Certain,
            (_, ..9) => Verdict::Unsure,
            (None, _) => Verdict::NotMine,
        };
    }
    let short = [b"MSH", b"FHS", b"BHS"].iter().any(|header| header.starts_with(text));
    if short && text.len() < 3 {
        return Verdict::Unsure;
    }
    // A message that began before the capture, and the next one behind it.
    let further = memchr::memmem::find(bytes, b"\x0bMSH").and_then(|place| bytes.get(place + 1..));
    match further.and_then(Delimiters::from_header) {
        Some(_) => Verdict::Certain,
        None => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TWO: &[u8] =
        b"\x0bMSH|^~\\&|MON|ICU|ENG|H|20260302||ORU^R01|1|P|2.6\rPID|||4711^^^H\rOBX|1|NM|8867-4||72\r\x1c\r\
        \x0bMSH#*@!%#APP\nPID#1\n\x1c\r";

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let mut session = Session::default();
        let mut told = Vec::new();
        let mut tell = |event: Event<'_>| {
            told.push(match event {
                Event::Segment(segment) => {
                    format!("{} {}", String::from_utf8_lossy(segment.name()), segment.field(3).length())
                }
                Event::End => "end".to_owned(),
            });
        };
        for piece in pieces {
            session.feed(piece, &mut tell);
        }
        session.finish(&mut tell);
        told
    }

    #[test]
    fn reads_messages_with_their_own_delimiters() {
        assert_eq!(told(&[TWO]), ["MSH 3", "PID 8", "OBX 6", "end", "MSH 3", "PID 0", "end"]);
    }

    #[test]
    fn a_message_without_blocks_ends_with_the_next_header() {
        assert_eq!(told(&[b"MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\r"]), ["MSH 1", "PID 0", "end", "MSH 1", "end"]);
    }

    #[test]
    fn a_document_is_passed_over_but_counted() {
        let mut stream = b"\x0bMSH|^~\\&|A\rOBX|1|ED|".to_vec();
        stream.extend(vec![b'x'; 1 << 20]);
        stream.extend(b"\rOBX|2|NM|8867-4\r\x1c\r");
        let events = told(&[&stream]);
        assert_eq!(events, ["MSH 1", &format!("OBX {}", 1 << 20), "OBX 6", "end"]);
    }

    #[test]
    fn is_recognised_with_and_without_blocks_and_from_the_middle() {
        assert_eq!(probe(Direction::Forward, TWO), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &TWO[1..]), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &TWO[30..]), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, b"\x0b"), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"\x0bMS"), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"GET / HTTP/1.1\r\n"), Verdict::NotMine);
        assert_eq!(probe(Direction::Forward, b"MSHAAAAAAAAAAAAA"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_events_however_cut(cuts in proptest::collection::vec(1usize..40, 0..20), noise: Vec<u8>) {
            let stream = [TWO, &noise, TWO].concat();
            let mut pieces = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(told(&[&stream]), told(&pieces));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (probe(Direction::Forward, &bytes), told(&[&bytes]));
        }
    }
}
