//! Both directions of an association.

use super::{Association, Encoding};
use crate::{Consumed, Direction, StreamBuffer, Verdict};

/// Bytes of a data set that are kept: what tells of equipment and patient stands in front.
pub const DATASET_BYTES_READ: usize = 16 * 1024;
/// Longest association PDU, bytes: 128 contexts with many transfer syntaxes.
const ASSOCIATION_BYTES_MAX: usize = 256 * 1024;
/// Longest command set, bytes.
const COMMAND_BYTES_MAX: usize = 16 * 1024;
/// Bytes that are fed at once.
const STEP_BYTES: usize = 4 * 1024;

/// What the stream holds.
#[derive(Clone)]
pub enum Event<'a> {
    /// A-ASSOCIATE-RQ.
    Request(Association<'a>),
    /// A-ASSOCIATE-AC.
    Accept(Association<'a>),
    /// A-ASSOCIATE-RJ: result, source, reason.
    Reject([u8; 3]),
    /// A-RELEASE-RQ.
    Release,
    /// A-ABORT: source, reason.
    Abort([u8; 2]),
    /// A command set.
    Command(&'a [u8]),
    /// The head of a data set, and how it is written.
    Dataset(Encoding, &'a [u8]),
}

/// One direction.
#[derive(Clone, Debug)]
struct Side {
    buffer: StreamBuffer,
    /// Bytes left of the P-DATA PDU, and of the value within it.
    pdu: u64,
    value: u64,
    context: u8,
    flags: u8,
    command: Vec<u8>,
    dataset: Vec<u8>,
    told: bool,
}

/// An association.
#[derive(Clone, Debug)]
pub struct Session {
    sides: [Side; 2],
    encodings: Vec<(u8, Encoding)>,
}

impl Default for Session {
    fn default() -> Self {
        let side = || Side {
            buffer: StreamBuffer::new(ASSOCIATION_BYTES_MAX + STEP_BYTES + 6),
            pdu: 0,
            value: 0,
            context: 0,
            flags: 0,
            command: Vec::new(),
            dataset: Vec::new(),
            told: false,
        };
        Self { sides: [side(), side()], encodings: Vec::new() }
    }
}

impl Session {
    /// Feeds the next bytes of one direction. False when they are not of DICOM.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) -> bool {
        let Self { sides, encodings } = self;
        let Some(side) = sides.get_mut(direction.index()) else { return false };
        let mut buffer = std::mem::replace(&mut side.buffer, StreamBuffer::new(0));
        let mut ours = true;
        for piece in bytes.chunks(STEP_BYTES) {
            ours &= buffer.feed(piece, |unread| match side.read(unread, encodings, tell) {
                Step::Took(consumed) => Some(consumed),
                Step::More => None,
                Step::Foreign => {
                    ours = false;
                    None
                }
            });
            if !ours {
                break;
            }
        }
        side.buffer = buffer;
        ours
    }
}

enum Step {
    Took(Consumed),
    More,
    Foreign,
}

impl Side {
    fn read(
        &mut self,
        unread: &[u8],
        encodings: &mut Vec<(u8, Encoding)>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Step {
        if self.value > 0 {
            return self.content(unread, encodings, tell);
        }
        if self.pdu > 0 {
            return self.value_head(unread);
        }
        let Some((&[kind, _, a, b, c, d], rest)) = unread.split_first_chunk::<6>() else { return Step::More };
        let length = u32::from_be_bytes([a, b, c, d]);
        if kind == 4 {
            self.pdu = u64::from(length);
            return Step::Took(Consumed::exactly(6));
        }
        let length = length as usize;
        if !(1..=7).contains(&kind) || !(4..=ASSOCIATION_BYTES_MAX).contains(&length) {
            return Step::Foreign;
        }
        let Some(body) = rest.get(..length) else { return Step::More };
        match (kind, body) {
            (1, _) => {
                if let Ok(association) = Association::parse(body) {
                    tell(Event::Request(association));
                }
            }
            (2, _) => {
                if let Ok(association) = Association::parse(body) {
                    *encodings =
                        association.contexts.iter().map(|context| (context.id, context.encoding)).collect();
                    tell(Event::Accept(association));
                }
            }
            (3, [_, result, source, reason, ..]) => tell(Event::Reject([*result, *source, *reason])),
            (5, _) => tell(Event::Release),
            (7, [_, _, source, reason, ..]) => tell(Event::Abort([*source, *reason])),
            _ => {}
        }
        Step::Took(Consumed::exactly(6 + length))
    }

    /// Length, context and flags of a value: PS3.8 section 9.3.5.1, PS3.8 annex E.2.
    fn value_head(&mut self, unread: &[u8]) -> Step {
        let Some((&[a, b, c, d, context, flags], _)) = unread.split_first_chunk::<6>() else {
            return Step::More;
        };
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        if length < 2 || length + 4 > self.pdu {
            return Step::Foreign;
        }
        self.pdu -= length + 4;
        self.value = length - 2;
        (self.context, self.flags) = (context, flags);
        if self.value == 0 {
            self.told = false;
        }
        Step::Took(Consumed::exactly(6))
    }

    fn content(
        &mut self,
        unread: &[u8],
        encodings: &[(u8, Encoding)],
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Step {
        let is_command = self.flags & 1 != 0;
        let (kept, most) = if is_command {
            (&mut self.command, COMMAND_BYTES_MAX)
        } else {
            (&mut self.dataset, DATASET_BYTES_READ)
        };
        let room = most.saturating_sub(kept.len());
        let wanted = usize::try_from(self.value).unwrap_or(usize::MAX);
        let take = unread.len().min(wanted).min(room);
        kept.extend_from_slice(unread.get(..take).unwrap_or_default());
        self.value -= take as u64;
        let skip = if kept.len() >= most { std::mem::take(&mut self.value) } else { 0 };
        let last = self.flags & 2 != 0 && self.value == 0;
        let full = kept.len() >= most;
        if is_command {
            if last {
                let command = std::mem::take(&mut self.command);
                tell(Event::Command(&command));
                // A data set that was never ended does not run into the next one.
                self.dataset.clear();
                self.told = false;
            }
        } else if (last || full) && !self.told {
            let context = self.context;
            let known = encodings
                .iter()
                .find(|(id, _)| *id == context)
                .map_or(Encoding::Unknown, |(_, encoding)| *encoding);
            tell(Event::Dataset(known, &self.dataset));
            self.told = true;
        }
        if !is_command && last {
            self.dataset = Vec::new();
            self.told = false;
        }
        if take == 0 && skip == 0 { Step::More } else { Step::Took(Consumed { bytes: take, skip }) }
    }
}

/// Whether the opening bytes of one direction are of DICOM.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    let Some((&[kind, 0, a, b, c, d], rest)) = bytes.split_first_chunk::<6>() else {
        let plausible = matches!(bytes, [] | [1..=7] | [1..=7, 0, ..]) && bytes.len() < 6;
        return if plausible { Verdict::Unsure } else { Verdict::NotMine };
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    match (kind, rest) {
        // Version bit 0, then two titles that are text padded with spaces.
        (1 | 2, [0, 1, 0, 0, titles @ ..]) if (68..=ASSOCIATION_BYTES_MAX as u32).contains(&length) => {
            let titles = titles.get(..titles.len().min(32)).unwrap_or_default();
            if titles.iter().all(|byte| matches!(byte, 0 | 0x20..=0x7e)) {
                Verdict::Certain
            } else {
                Verdict::NotMine
            }
        }
        (1 | 2, _) if rest.len() < 4 => Verdict::Unsure,
        (4, [va, vb, vc, vd, context, flags, ..]) => {
            let value = u32::from_be_bytes([*va, *vb, *vc, *vd]);
            let fits = value >= 2 && value.saturating_add(4) <= length && context % 2 == 1 && *flags <= 3;
            if fits { Verdict::Certain } else { Verdict::NotMine }
        }
        (4, _) if rest.len() < 6 => Verdict::Unsure,
        _ => Verdict::NotMine,
    }
}
