//! One direction of a line: control characters, frames, and the records in them.

use std::hash::{DefaultHasher, Hasher as _};

use super::frame::{ACK, ENQ, EOT, ETB, ETX, NAK, STX, is_checksum, split};
use super::{Check, Delimiters, FRAME_BYTES_MAX, Frame, Order, Record, Sequence};
use crate::{Direction, Verdict};

/// Bytes of a record that are kept; a curve in a manufacturer's record is longer.
pub const RECORD_BYTES_MAX: usize = 8 * 1024;

/// What the line holds.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// ENQ: the sender wants the line.
    Enquiry,
    /// ACK.
    Acknowledge,
    /// NAK.
    Refuse,
    /// EOT: the sender leaves the line, or the receiver wants it.
    End,
    /// A frame was taken or dropped.
    Frame(Frame),
    /// A record, and whether it may stand where it does.
    Record(Record<'a>, bool),
}

/// A frame that nobody has acknowledged yet.
#[derive(Clone, Debug)]
struct Pending {
    body: Vec<u8>,
    check: Check,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Between frames, or in records without frames.
    #[default]
    Outside,
    /// Behind STX.
    Frame,
    /// Behind ETX or ETB; so many digits of the checksum were read.
    Check(u8),
}

/// One direction.
#[derive(Clone, Debug, Default)]
pub struct Session {
    state: State,
    body: Vec<u8>,
    digits: [u8; 2],
    pending: Option<Pending>,
    /// Number and content of the frame before.
    before: Option<(u8, u64)>,
    record: Vec<u8>,
    delimiters: Option<Delimiters>,
    order: Order,
    outside: u64,
}

impl Session {
    /// Feeds the next bytes; `tell` gets what they hold.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) {
        for byte in bytes {
            match self.state {
                State::Outside => self.outside(*byte, tell),
                State::Frame => self.frame(*byte),
                State::Check(read) => self.check(*byte, read, tell),
            }
        }
    }

    /// The other end acknowledged the frame that it got last, or refused it.
    pub fn answered(&mut self, accepted: bool, tell: &mut dyn FnMut(Event<'_>)) {
        self.settle(accepted, tell);
    }

    /// Bytes are missing: what was begun is dropped.
    pub fn gap(&mut self) {
        self.state = State::Outside;
        self.body = Vec::new();
        self.pending = None;
        self.before = None;
        self.record = Vec::new();
        self.order = Order::default();
    }

    /// The line is closed.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        if self.state != State::Outside {
            self.end_frame(Check::Missing, tell);
        }
        self.settle(true, tell);
        self.end_record(tell);
    }

    /// Bytes outside of any record since the last one: a stream of something else is given up.
    pub const fn outside_bytes(&self) -> u64 {
        self.outside
    }

    fn outside(&mut self, byte: u8, tell: &mut dyn FnMut(Event<'_>)) {
        let event = match byte {
            ENQ => Event::Enquiry,
            ACK => Event::Acknowledge,
            NAK => Event::Refuse,
            EOT => Event::End,
            STX => {
                // The sender goes on: what it sent before was taken.
                self.end_record_without_frames(tell);
                self.state = State::Frame;
                self.body.clear();
                return;
            }
            b'\r' | b'\n' | 0x0b | 0x1c => return self.end_record_without_frames(tell),
            _ => return self.text(byte),
        };
        self.end_record_without_frames(tell);
        if matches!(event, Event::Enquiry | Event::End) {
            self.settle(true, tell);
            self.end_record(tell);
            self.before = None;
        }
        tell(event);
    }

    /// Records without frames: within a message with frames the text belongs to the frames alone.
    fn end_record_without_frames(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        if self.pending.is_none() && self.before.is_none() {
            self.end_record(tell);
        }
    }

    fn text(&mut self, byte: u8) {
        if self.pending.is_some() || self.before.is_some() {
            self.outside += 1;
            return;
        }
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        if self.record.len() < RECORD_BYTES_MAX {
            self.record.push(byte);
        } else {
            self.outside += 1;
        }
    }

    fn frame(&mut self, byte: u8) {
        match byte {
            ETX | ETB => {
                self.body.push(byte);
                self.state = State::Check(0);
            }
            // Begun anew: section 6.5.1.2.
            STX => self.body.clear(),
            _ if self.body.len() < FRAME_BYTES_MAX => self.body.push(byte),
            _ => {
                self.outside += self.body.len() as u64;
                self.body = Vec::new();
                self.state = State::Outside;
            }
        }
    }

    fn check(&mut self, byte: u8, read: u8, tell: &mut dyn FnMut(Event<'_>)) {
        if let Some(place) = self.digits.get_mut(usize::from(read)).filter(|_| byte.is_ascii_hexdigit()) {
            *place = byte;
            self.state = State::Check(read + 1);
            if read == 1 {
                let check = if is_checksum(&self.body, self.digits) { Check::Right } else { Check::Wrong };
                self.end_frame(check, tell);
            }
            return;
        }
        self.end_frame(Check::Missing, tell);
        self.outside(byte, tell);
    }

    fn end_frame(&mut self, check: Check, tell: &mut dyn FnMut(Event<'_>)) {
        self.state = State::Outside;
        let body = std::mem::take(&mut self.body);
        let (number, ..) = split(&body);
        // The same number while nobody answered: it is sent again, and the newer copy counts.
        let again =
            self.pending.as_ref().is_some_and(|pending| number.is_some() && split(&pending.body).0 == number);
        self.settle(!again, tell);
        self.pending = Some(Pending { body, check });
    }

    /// The frame that waits was taken by the receiver, or not.
    fn settle(&mut self, accepted: bool, tell: &mut dyn FnMut(Event<'_>)) {
        let Some(Pending { body, check }) = self.pending.take() else { return };
        let (number, text, last) = split(&body);
        let mut hasher = DefaultHasher::new();
        hasher.write(text);
        let content = hasher.finish();
        let sequence = match (number, self.before) {
            (None, _) => Sequence::Unnumbered,
            (Some(_), None) => Sequence::Next,
            (Some(number), Some((before, same))) if number == before => {
                if same == content {
                    Sequence::Repeated
                } else {
                    Sequence::Altered
                }
            }
            (Some(number), Some((before, _))) if number == (before + 1) % 8 => Sequence::Next,
            _ => Sequence::Unexpected,
        };
        tell(Event::Frame(Frame { number, last, check, sequence, accepted }));
        if !accepted || sequence == Sequence::Repeated {
            return;
        }
        self.before = number.map(|number| (number, content)).or(self.before);
        for byte in text {
            match byte {
                b'\r' | b'\n' => self.end_record(tell),
                _ => self.keep(*byte),
            }
        }
        if last {
            self.end_record(tell);
        }
    }

    fn end_record(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        let mut bytes = std::mem::take(&mut self.record);
        if let Some(delimiters) = Delimiters::from_header(&bytes) {
            self.delimiters = Some(delimiters);
        }
        let record = Record::new(&bytes, self.delimiters.unwrap_or(Delimiters::USUAL));
        if bytes.is_empty() {
            return;
        }
        if record.is_well_formed() {
            self.outside = 0;
            let fits = self.order.next(record.kind());
            tell(Event::Record(record, fits));
        } else {
            self.outside += bytes.len() as u64;
        }
        bytes.clear();
        self.record = bytes;
    }
}

/// Whether the opening bytes of one direction are of such a line.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    /// Enquiries and answers in a row before anything is said.
    const CONTROLS_MAX: usize = 64;
    let control = |byte: &u8| matches!(*byte, ENQ | ACK | NAK | EOT | b'\r' | b'\n' | 0x0b | 0x1c);
    let Some(front) = bytes.iter().position(|byte| !control(byte)) else {
        let speaks = bytes.iter().any(|byte| matches!(*byte, ENQ | ACK | NAK | EOT));
        return if bytes.len() <= CONTROLS_MAX && (speaks || bytes.is_empty()) {
            Verdict::Unsure
        } else {
            Verdict::NotMine
        };
    };
    let rest = bytes.get(front..).unwrap_or_default();
    let framed = rest.first() == Some(&STX);
    let text = match rest {
        [STX, b'0'..=b'7', text @ ..] | [STX, text @ ..] => text,
        _ => rest,
    };
    if Delimiters::from_header(text).is_some() {
        return if text.len() > 5 { Verdict::Certain } else { Verdict::Unsure };
    }
    // A header that is not yet whole.
    if text.len() < 6 && text.first().is_none_or(|kind| *kind == b'H') {
        return if text.iter().skip(1).all(u8::is_ascii_punctuation) {
            Verdict::Unsure
        } else {
            Verdict::NotMine
        };
    }
    if framed && let Some(verdict) = whole_frame(rest) {
        return verdict;
    }
    // The next message of a stream that began before the capture.
    let further = memchr::memmem::find_iter(bytes, b"\x021H").any(|place| {
        bytes.get(place + 2..).is_some_and(|text| text.len() > 5 && Delimiters::from_header(text).is_some())
    });
    if further { Verdict::Certain } else { Verdict::NotMine }
}

/// A frame from the middle of a message.
fn whole_frame(bytes: &[u8]) -> Option<Verdict> {
    let body = bytes.get(1..)?;
    let (number, rest) = body.split_first()?;
    let kind = rest.first()?;
    if !matches!(number, b'0'..=b'7')
        || !matches!(kind, b'P' | b'O' | b'R' | b'C' | b'Q' | b'L' | b'S' | b'M')
    {
        return None;
    }
    if rest.get(1).is_some_and(|sign| !sign.is_ascii_punctuation()) {
        return None;
    }
    let Some(end) = body.iter().position(|byte| matches!(*byte, ETX | ETB)) else {
        return (body.len() < 512).then_some(Verdict::Unsure);
    };
    match (body.get(..=end)?, body.get(end + 1..end + 3)) {
        (frame, Some([high, low])) => is_checksum(frame, [*high, *low]).then_some(Verdict::Certain),
        _ => Some(Verdict::Unsure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The frame of LIS01-A2 with the checksum that Python computes: `sum(body) % 256`.
    const HEADER: &[u8] = b"\x021H|\\^&|||ABL90 FLEX^3.4^1234-567\r\x03CA\r\n";

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let mut session = Session::default();
        let mut told = Vec::new();
        let mut tell = |event: Event<'_>| {
            told.push(match event {
                Event::Enquiry => "ENQ".to_owned(),
                Event::Acknowledge => "ACK".to_owned(),
                Event::Refuse => "NAK".to_owned(),
                Event::End => "EOT".to_owned(),
                Event::Frame(frame) => format!(
                    "{} {:?} {:?} {}",
                    frame.number.map_or("-".to_owned(), |number| number.to_string()),
                    frame.check,
                    frame.sequence,
                    frame.accepted
                ),
                Event::Record(record, fits) => {
                    format!("{}{} {}", char::from(record.kind()), record.field(3).raw().len(), fits)
                }
            });
        };
        for piece in pieces {
            session.feed(piece, &mut tell);
        }
        session.finish(&mut tell);
        told
    }

    fn framed(number: u8, text: &str, last: bool) -> Vec<u8> {
        let mut body = vec![b'0' + number];
        body.extend(text.as_bytes());
        body.push(if last { ETX } else { ETB });
        let sum: u32 = body.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
        let mut frame = vec![STX];
        frame.extend(body);
        frame.extend(format!("{sum:02X}\r\n").bytes());
        frame
    }

    #[test]
    fn reads_a_frame_whose_checksum_was_computed_elsewhere() {
        assert_eq!(told(&[HEADER]), ["1 Right Next true", "H0 true"]);
    }

    #[test]
    fn records_go_on_over_frames_and_without_frames() {
        let line = [
            &b"\x05"[..],
            &framed(1, "H|\\^&|||A\rP|1|4", false),
            &framed(2, "711\r", true),
            &framed(3, "L|1|N\r", true),
            b"\x04",
        ]
        .concat();
        assert_eq!(
            told(&[&line]),
            [
                "ENQ",
                "1 Right Next true",
                "H0 true",
                "2 Right Next true",
                "P4 true",
                "3 Right Next true",
                "L1 true",
                "EOT"
            ]
        );
        assert_eq!(told(&[b"H|\\^&|||A\r\nP|1|4711\r\nL|1|N\r\n"]), ["H0 true", "P4 true", "L1 true"]);
        assert_eq!(told(&[b"\x0bH|\\^&|||A\rR|1|x\r\x1c\r"]), ["H0 true", "R1 false"]);
    }

    #[test]
    fn wrong_repeated_and_altered_frames_are_told() {
        let mut wrong = framed(1, "H|\\^&|||A\r", true);
        wrong[5] ^= 1;
        let line = [&wrong[..], &framed(1, "H|\\^&|||A\r", true), &framed(1, "H|\\^&|||A\r", true)].concat();
        assert_eq!(
            told(&[&line]),
            ["1 Wrong Next false", "1 Right Next false", "1 Right Next true", "H0 true"]
        );
        let mut session = Session::default();
        let mut told = Vec::new();
        let mut tell = |event: Event<'_>| {
            if let Event::Frame(frame) = event {
                told.push(frame.sequence);
            }
        };
        session.feed(&framed(1, "H|\\^&|||A\r", true), &mut tell);
        session.answered(true, &mut tell);
        session.feed(&framed(1, "H|\\^&|||A\r", true), &mut tell);
        session.answered(true, &mut tell);
        session.feed(&framed(1, "H|\\^&|||B\r", true), &mut tell);
        session.answered(true, &mut tell);
        session.feed(&framed(4, "L|1\r", true), &mut tell);
        session.answered(true, &mut tell);
        assert_eq!(told, [Sequence::Next, Sequence::Repeated, Sequence::Altered, Sequence::Unexpected]);
    }

    #[test]
    fn is_recognised_by_header_or_checksum_and_not_by_text() {
        let verdict = |bytes: &[u8]| probe(Direction::Forward, bytes);
        assert_eq!(verdict(HEADER), Verdict::Certain);
        assert_eq!(verdict(b"\x05"), Verdict::Unsure);
        assert_eq!(verdict(b"\x06\x06"), Verdict::Unsure);
        assert_eq!(verdict(b"H|\\^&|||A"), Verdict::Certain);
        assert_eq!(verdict(b"\x02"), Verdict::Unsure);
        assert_eq!(verdict(b"H|"), Verdict::Unsure);
        assert_eq!(verdict(b"\x06\x0bH|\\^&|||A"), Verdict::Certain);
        assert_eq!(verdict(&framed(3, "R|1|^^^GLU|5\r", true)), Verdict::Certain);
        for bytes in [
            &b"HTTP/1.1 200 OK"[..],
            b"HELO a",
            b"\r\n\r\n",
            b"\x02\x00\x00\x00\x45\x67",
            b"\x023Rx|\x0300\r\n",
        ] {
            assert_eq!(verdict(bytes), Verdict::NotMine, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn same_events_however_cut(cuts in proptest::collection::vec(1usize..40, 0..20), noise: Vec<u8>) {
            let stream = [b"\x05", HEADER, &noise, &framed(2, "P|1\r", true), b"\x04H|\\^&\rP|1\r", &noise].concat();
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
