//! DNS over TCP: each message has its length before it, RFC 1035 section 4.2.2.

use super::{Message, View, probe};
use crate::{Consumed, StreamBuffer, Verdict};

/// One direction of a DNS conversation over TCP.
#[derive(Clone, Debug)]
pub struct Session {
    buffer: StreamBuffer,
}

impl Default for Session {
    fn default() -> Self {
        Self { buffer: StreamBuffer::new(2 + 0xffff) }
    }
}

impl Session {
    /// Feeds the next piece; `each` is given every whole message, or its error.
    ///
    /// Returns false when the stream is not, or no longer, DNS.
    pub fn feed(&mut self, piece: &[u8], mut each: impl FnMut(Message<'_>)) -> bool {
        let mut sound = true;
        let fits = self.buffer.feed(piece, |bytes| {
            if !sound {
                return None;
            }
            let message = framed(bytes)?;
            match Message::parse(message) {
                Ok(message) => each(message),
                Err(_) => sound = false,
            }
            Some(Consumed::exactly(2 + message.len()))
        });
        fits && sound
    }
}

fn framed(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Whether a message of this length can hold what its header announces.
fn plausible(header: View, length: u16) -> bool {
    let records = [header.answers, header.authorities, header.additionals];
    let records: u64 = records.into_iter().map(u64::from).sum();
    let least = 12 + u64::from(header.questions) * 5 + records * 11;
    matches!(header.opcode(), 0 | 4 | 5) && header.questions <= 1 && least <= u64::from(length)
}

/// Whether a stream begins with a DNS message.
pub fn probe_stream(opening: &[u8]) -> Verdict {
    match framed(opening) {
        Some(message) => probe(message),
        // The header alone tells whether it is worth waiting for the rest.
        None => match (opening.first_chunk(), opening.get(2..).map(View::new)) {
            (Some(length), Some(Ok(header))) if plausible(header, u16::from_be_bytes(*length)) => {
                Verdict::Unsure
            }
            (_, Some(Ok(_))) => Verdict::NotMine,
            _ => Verdict::Unsure,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUERY: &[u8] = b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

    fn count(pieces: &[&[u8]]) -> usize {
        let mut session = Session::default();
        let mut count = 0;
        for piece in pieces {
            assert!(session.feed(piece, |_| count += 1));
        }
        count
    }

    #[test]
    fn recognises_a_framed_query() {
        assert_eq!(probe_stream(QUERY), Verdict::Certain);
        assert_eq!(probe_stream(&QUERY[..20]), Verdict::Unsure);
        assert_eq!(probe_stream(b"GET / HTTP/1.1\r\n\r\n"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(cut in 0usize..62) {
            let two = [QUERY, QUERY].concat();
            let (first, second) = two.split_at(cut);
            prop_assert_eq!(count(&[first, second]), 2);
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = probe_stream(&bytes);
            Session::default().feed(&bytes, |_| ());
        }
    }
}
