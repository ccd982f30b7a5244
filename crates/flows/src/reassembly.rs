//! One direction of a TCP stream: segments become bytes in order. RFC 9293 section 3.10.7.4.
//!
//! Where segments overlap, the first data stays. Overlapping data that differs is reported and never guessed: which
//! copy the receiver took depends on its stack and on what it had already delivered.

/// Bytes delivered last that are kept, to compare a later copy with them.
const HISTORY_BYTES: usize = 2 * 1024;
/// Segments of one stream that wait for a missing one.
const WAITING_SEGMENTS_MAX: usize = 128;
/// Sequence numbers further ahead than this are of another connection, or made up.
const AHEAD_MAX: i32 = 16 << 20;

/// What comes out.
pub(crate) enum Piece<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// The capture missed so many bytes.
    Gap(u64),
}

/// Two copies of the same bytes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// Offset in the stream.
    pub offset: u64,
    /// Bytes that overlap.
    pub length: u32,
}

/// What may be kept, over all streams of a shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Bytes that wait now.
    pub waiting: usize,
    /// Most bytes that may wait.
    pub waiting_max: usize,
    /// Most bytes that may wait in one direction of one stream.
    pub per_stream_max: usize,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(crate) struct Half {
    started: bool,
    /// Sequence number of the next byte.
    next: u32,
    delivered: u64,
    missing: u64,
    waiting: Vec<(u32, Vec<u8>)>,
    waiting_bytes: usize,
    history: Vec<u8>,
}

impl Half {
    /// Begins behind a SYN with this sequence number.
    pub(crate) const fn begin(&mut self, syn_sequence: u32) {
        self.started = true;
        self.next = syn_sequence.wrapping_add(1);
    }

    /// Bytes that the capture missed.
    pub(crate) const fn missing(&self) -> u64 {
        self.missing
    }

    /// Takes a segment of which `cut` bytes were left out by the capture.
    pub(crate) fn push(
        &mut self,
        sequence: u32,
        payload: &[u8],
        cut: u32,
        budget: &mut Budget,
        deliver: &mut dyn FnMut(Piece<'_>),
    ) -> Option<Overlap> {
        if !self.started {
            self.started = true;
            self.next = sequence;
        }
        let ahead = sequence.wrapping_sub(self.next).cast_signed();
        let mut overlap = None;
        match ahead {
            0 => self.deliver(payload, deliver),
            // A keep-alive repeats the last byte, often with another value: RFC 1122 section 4.2.3.6.
            -1 if payload.len() <= 1 => return None,
            ..0 => {
                let before = ahead.unsigned_abs() as usize;
                overlap = self.compare_with_history(before, payload);
                match payload.get(before..) {
                    Some(rest) if !rest.is_empty() => self.deliver(rest, deliver),
                    _ => return overlap,
                }
            }
            1..=AHEAD_MAX => {
                overlap = self.wait(sequence, payload, budget);
                let full = self.waiting_bytes > budget.per_stream_max
                    || self.waiting.len() > WAITING_SEGMENTS_MAX
                    || budget.waiting > budget.waiting_max;
                if full {
                    self.give_up(deliver);
                }
                self.drain(budget, deliver);
                return overlap;
            }
            _ => return None,
        }
        if cut > 0 {
            self.skip(cut, deliver);
        }
        if !self.waiting.is_empty() {
            overlap = self.drain(budget, deliver).or(overlap);
        }
        overlap
    }

    /// The conversation ended: what waits is delivered, with the gaps before it.
    pub(crate) fn finish(&mut self, budget: &mut Budget, deliver: &mut dyn FnMut(Piece<'_>)) {
        while !self.waiting.is_empty() {
            self.give_up(deliver);
            self.drain(budget, deliver);
        }
    }

    /// Forgets everything that is kept: nobody reads any more.
    pub(crate) fn release(&mut self, budget: &mut Budget) {
        budget.waiting = budget.waiting.saturating_sub(self.waiting_bytes);
        self.waiting = Vec::new();
        self.waiting_bytes = 0;
        self.history = Vec::new();
    }

    fn deliver(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Piece<'_>)) {
        if bytes.is_empty() {
            return;
        }
        self.next = self.next.wrapping_add(bytes.len() as u32);
        self.delivered += bytes.len() as u64;
        if bytes.len() >= HISTORY_BYTES {
            self.history.clear();
            self.history.extend_from_slice(bytes.get(bytes.len() - HISTORY_BYTES..).unwrap_or_default());
        } else {
            let excess = (self.history.len() + bytes.len()).saturating_sub(2 * HISTORY_BYTES);
            if excess > 0 {
                // Twice the room, so that this moves bytes once for many segments.
                let keep = HISTORY_BYTES.min(self.history.len());
                self.history.drain(..self.history.len() - keep);
            }
            self.history.extend_from_slice(bytes);
        }
        deliver(Piece::Data(bytes));
    }

    fn skip(&mut self, length: u32, deliver: &mut dyn FnMut(Piece<'_>)) {
        self.next = self.next.wrapping_add(length);
        self.delivered += u64::from(length);
        self.missing += u64::from(length);
        self.history.clear();
        deliver(Piece::Gap(u64::from(length)));
    }

    /// Gives up the bytes before the first segment that waits.
    fn give_up(&mut self, deliver: &mut dyn FnMut(Piece<'_>)) {
        let next = self.next;
        let first = self.waiting.iter().map(|(sequence, _)| sequence.wrapping_sub(next).cast_signed()).min();
        if let Some(ahead) = first.filter(|ahead| *ahead > 0) {
            self.skip(ahead.unsigned_abs(), deliver);
        }
    }

    fn wait(&mut self, sequence: u32, payload: &[u8], budget: &mut Budget) -> Option<Overlap> {
        let mut overlap = None;
        for (other, bytes) in &self.waiting {
            let (differs, covered) = compare((*other, bytes), (sequence, payload));
            if differs {
                let offset = self.delivered + u64::from(sequence.wrapping_sub(self.next));
                overlap = Some(Overlap { offset, length: payload.len().min(bytes.len()) as u32 });
            }
            if covered {
                return overlap;
            }
        }
        if !payload.is_empty() {
            self.waiting_bytes += payload.len();
            budget.waiting += payload.len();
            self.waiting.push((sequence, payload.to_vec()));
        }
        overlap
    }

    /// Delivers what waits and now follows.
    fn drain(&mut self, budget: &mut Budget, deliver: &mut dyn FnMut(Piece<'_>)) -> Option<Overlap> {
        let mut overlap = None;
        loop {
            let next = self.next;
            // The earliest first; of two that begin together, the one that came first.
            let due = self
                .waiting
                .iter()
                .enumerate()
                .map(|(place, (sequence, _))| (sequence.wrapping_sub(next).cast_signed(), place))
                .min()
                .filter(|(ahead, _)| *ahead <= 0);
            let Some((ahead, place)) = due else { break };
            let (_, bytes) = self.waiting.remove(place);
            self.waiting_bytes -= bytes.len();
            budget.waiting = budget.waiting.saturating_sub(bytes.len());
            let before = ahead.unsigned_abs() as usize;
            overlap = overlap.or(self.compare_with_history(before, &bytes));
            if let Some(rest) = bytes.get(before..) {
                self.deliver(rest, deliver);
            }
        }
        overlap
    }

    /// Compares the front of a segment that begins `before` bytes ago with what was delivered then.
    fn compare_with_history(&self, before: usize, payload: &[u8]) -> Option<Overlap> {
        let length = before.min(payload.len());
        let known = self.history.len();
        // Only what is still kept can be compared.
        let unknown = before.saturating_sub(known);
        let copy = payload.get(unknown..length)?;
        let start = (known + unknown).checked_sub(before)?;
        let original = self.history.get(start..start + copy.len())?;
        (copy != original).then(|| Overlap {
            offset: self.delivered.saturating_sub((before - unknown) as u64),
            length: copy.len() as u32,
        })
    }
}

/// Whether two segments differ where they overlap, and whether the first covers the second.
fn compare((one_at, one): (u32, &[u8]), (two_at, two): (u32, &[u8])) -> (bool, bool) {
    let shift = two_at.wrapping_sub(one_at).cast_signed();
    let (one_skip, two_skip) = (shift.max(0).unsigned_abs() as usize, shift.min(0).unsigned_abs() as usize);
    let (Some(one_rest), Some(two_rest)) = (one.get(one_skip..), two.get(two_skip..)) else {
        return (false, false);
    };
    let common = one_rest.len().min(two_rest.len());
    let differs = one_rest.get(..common) != two_rest.get(..common);
    (differs, shift >= 0 && one_rest.len() >= two_rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn budget() -> Budget {
        Budget { waiting: 0, waiting_max: 1 << 20, per_stream_max: 1 << 18 }
    }

    fn run(segments: &[(u32, &[u8])]) -> (Vec<u8>, u64, Vec<Overlap>) {
        let (mut half, mut budget) = (Half::default(), budget());
        half.begin(999);
        let (mut bytes, mut gaps, mut overlaps) = (Vec::new(), 0, Vec::new());
        let mut deliver = |piece: Piece<'_>| match piece {
            Piece::Data(data) => bytes.extend_from_slice(data),
            Piece::Gap(length) => gaps += length,
        };
        for (sequence, payload) in segments {
            overlaps.extend(half.push(*sequence, payload, 0, &mut budget, &mut deliver));
        }
        half.finish(&mut budget, &mut deliver);
        assert_eq!(budget.waiting, 0);
        (bytes, gaps, overlaps)
    }

    #[test]
    fn order_does_not_matter_and_copies_do_not_count() {
        let (bytes, gaps, overlaps) =
            run(&[(1003, b"def"), (1006, b"ghi"), (1000, b"abc"), (1001, b"bcde"), (1009, b"j")]);
        assert_eq!((bytes.as_slice(), gaps, overlaps.len()), (&b"abcdefghij"[..], 0, 0));
    }

    #[test]
    fn a_copy_that_differs_is_told_and_the_first_stays() {
        let (bytes, _, overlaps) = run(&[(1000, b"dose=1"), (1005, b"9 unit")]);
        assert_eq!(bytes, b"dose=1 unit");
        assert_eq!(overlaps, [Overlap { offset: 5, length: 1 }]);
        let (bytes, _, overlaps) = run(&[(1003, b"XXX"), (1003, b"YYY"), (1000, b"abc")]);
        assert_eq!((bytes.as_slice(), overlaps.len()), (&b"abcXXX"[..], 1));
    }

    #[test]
    fn a_keep_alive_is_no_overlap() {
        let (bytes, _, overlaps) = run(&[(1000, b"abc"), (1002, b"\0"), (1003, b"d")]);
        assert_eq!((bytes.as_slice(), overlaps.len()), (&b"abcd"[..], 0));
    }

    #[test]
    fn a_hole_that_never_fills_is_a_gap() {
        let (bytes, gaps, _) = run(&[(1000, b"ab"), (1005, b"fg")]);
        assert_eq!((bytes.as_slice(), gaps), (&b"abfg"[..], 3));
    }

    #[test]
    fn waiting_is_bounded() {
        let (mut half, mut budget) = (Half::default(), Budget { per_stream_max: 10_000, ..budget() });
        half.begin(999);
        let mut gaps = 0;
        for number in 0..1000_u32 {
            half.push(2000 + number * 200, &[7; 100], 0, &mut budget, &mut |piece| {
                if let Piece::Gap(length) = piece {
                    gaps += length;
                }
            });
            assert!(budget.waiting <= 10_100, "{}", budget.waiting);
        }
        assert!(gaps > 0);
    }

    proptest! {
        #[test]
        fn any_cut_any_order_any_copies_give_the_stream(
            length in 1usize..3000,
            cuts in proptest::collection::vec((0usize..3000, 1usize..700), 1..60),
            start: u32,
        ) {
            let stream: Vec<u8> = (0..length).map(|index| (index * 7 + index / 256) as u8).collect();
            let (mut half, mut budget) = (Half::default(), budget());
            half.begin(start.wrapping_sub(1));
            let mut bytes = Vec::new();
            let mut deliver = |piece: Piece<'_>| if let Piece::Data(data) = piece { bytes.extend_from_slice(data); };
            for (at, size) in cuts {
                let at = at % length;
                let piece = &stream[at..(at + size).min(length)];
                prop_assert_eq!(half.push(start.wrapping_add(at as u32), piece, 0, &mut budget, &mut deliver), None);
            }
            for (index, piece) in stream.chunks(500).enumerate() {
                half.push(start.wrapping_add(index as u32 * 500), piece, 0, &mut budget, &mut deliver);
            }
            prop_assert_eq!(half.missing(), 0);
            prop_assert_eq!(bytes, stream);
        }
    }
}
