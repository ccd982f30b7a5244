//! What a session keeps of a stream until a message is whole.

/// A bounded tail of one direction of a stream.
///
/// A session feeds each piece of the stream and reads whole messages from its front. While nothing is pending, a piece is read in place and only its unread end is copied. Content that
/// a parser does not want (pixel data, file bodies) is passed over by [`Consumed::skip`] without copying.
#[derive(Clone, Debug)]
pub struct StreamBuffer {
    pending: Vec<u8>,
    /// Bytes at the front of `pending` that were shown in vain.
    seen: usize,
    skip: u64,
    limit: usize,
}

impl StreamBuffer {
    /// A buffer that keeps at most `limit` bytes of an unfinished message.
    pub const fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), seen: 0, skip: 0, limit }
    }

    /// Bytes kept.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Forgets everything, as after a hole in the stream.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
        self.seen = 0;
        self.skip = 0;
    }

    /// Counts missing bytes as passed over, if they all lie within what shall be passed over.
    pub const fn pass_over(&mut self, length: u64) -> bool {
        match self.skip.checked_sub(length) {
            Some(left) => {
                self.skip = left;
                true
            }
            None => false,
        }
    }

    /// Feeds the next piece. `read` is given all unread bytes again and again, but never more than the limit; it returns
    /// how many of them it consumed and how many beyond them shall be passed over, or `None` when it needs more bytes.
    ///
    /// Returns false, and forgets what it kept, when an unfinished message is longer than the limit. A message is too
    /// long or not whatever pieces it comes in: one that is whole within a piece is measured as well.
    pub fn feed(&mut self, piece: &[u8], mut read: impl FnMut(&[u8]) -> Option<Consumed>) -> bool {
        self.feed_and_tell_seen(piece, |unread, _| read(unread))
    }

    /// As [`Self::feed`]; `read` is told how many bytes at the front it was shown before and needed more. Who looks for
    /// the end of a message goes on from there, or many small pieces of a long message cost its length each.
    pub fn feed_and_tell_seen(
        &mut self,
        piece: &[u8],
        mut read: impl FnMut(&[u8], usize) -> Option<Consumed>,
    ) -> bool {
        let piece = self.after_skip(piece);
        if self.pending.is_empty() {
            let unread = self.read_messages(piece, &mut read);
            return self.keep(unread);
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(piece);
        let unread = self.read_messages(&pending, &mut read).len();
        if unread > self.limit {
            self.clear();
            return false;
        }
        pending.drain(..pending.len() - unread);
        if pending.is_empty() {
            // A long message must not hold its memory for the rest of the conversation.
            pending.shrink_to(4096);
        }
        self.pending = pending;
        true
    }

    /// Reads from the front of `unread` until more is needed, and gives back what is left.
    fn read_messages<'a>(
        &mut self,
        mut unread: &'a [u8],
        read: &mut impl FnMut(&[u8], usize) -> Option<Consumed>,
    ) -> &'a [u8] {
        let mut seen = std::mem::take(&mut self.seen);
        while !unread.is_empty() {
            match read(unread.get(..self.limit).unwrap_or(unread), std::mem::take(&mut seen)) {
                Some(consumed) if consumed.is_some() => {
                    unread = unread.get(consumed.bytes..).unwrap_or_default();
                    self.skip = consumed.skip;
                    unread = self.after_skip(unread);
                }
                _ => {
                    self.seen = unread.len();
                    break;
                }
            }
        }
        unread
    }

    fn after_skip<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
        self.skip = self.skip.saturating_sub(passed as u64);
        piece.get(passed..).unwrap_or_default()
    }

    fn keep(&mut self, unread: &[u8]) -> bool {
        if unread.len() > self.limit {
            self.clear();
            return false;
        }
        self.pending.extend_from_slice(unread);
        true
    }
}

/// What a reading function took from the front of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Bytes read.
    pub bytes: usize,
    /// Bytes after them that nobody needs.
    pub skip: u64,
}

impl Consumed {
    /// `bytes` read, nothing to pass over.
    pub const fn exactly(bytes: usize) -> Self {
        Self { bytes, skip: 0 }
    }

    const fn is_some(self) -> bool {
        self.bytes != 0 || self.skip != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Messages of one length byte, that many bytes, then twice that many bytes to pass over.
    fn read_all(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut buffer = StreamBuffer::new(1024);
        let mut messages = Vec::new();
        for piece in pieces {
            let fits = buffer.feed(piece, |bytes| {
                let length = usize::from(*bytes.first()?) % 16;
                let body = bytes.get(1..1 + length)?;
                messages.push(body.to_vec());
                Some(Consumed { bytes: 1 + length, skip: 2 * length as u64 })
            });
            assert!(fits);
        }
        messages
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(stream in proptest::collection::vec(any::<u8>(), 0..400), cuts in proptest::collection::vec(1usize..40, 0..80)) {
            let whole = read_all(&[&stream]);
            let mut pieces = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(whole, read_all(&pieces));
        }
    }

    #[test]
    fn a_message_is_too_long_whatever_pieces_it_comes_in() {
        let stream = b"0123456789\n01\n";
        let read = |bytes: &[u8]| {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            Some(Consumed::exactly(end + 1))
        };
        for (limit, fits) in [(10, false), (11, true)] {
            for size in 1..=stream.len() {
                let mut buffer = StreamBuffer::new(limit);
                let all = stream.chunks(size).all(|piece| buffer.feed(piece, read));
                assert_eq!(all, fits, "limit {limit}, pieces of {size}");
            }
        }
    }

    #[test]
    fn an_endless_message_is_forgotten() {
        let mut buffer = StreamBuffer::new(8);
        assert!(buffer.feed(&[0; 8], |_| None));
        assert!(!buffer.feed(&[0; 1], |_| None));
        assert_eq!(buffer.pending(), 0);
    }
}
