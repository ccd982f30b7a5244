//! What the queues of both ends say to each other, through a stream of the link.
//!
//! ```text
//! length u32 of the rest | kind u8 | number u64 | number u64 | bytes        (most significant byte first)
//! ```

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::inspect::MESSAGE_BYTES_MAX;
use crate::link::{Event, Receiver, Sender};

/// One saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    /// Device end: which queue this is, and the first number that is not finished.
    Hello { queue: u64, first: u64 },
    /// Clinic end: the last number that it has on disk.
    Welcome { stored: u64 },
    /// Device end: a message; those before `first` are finished.
    Message { number: u64, first: u64, bytes: Bytes },
    /// Clinic end: it is on disk.
    Stored { number: u64 },
    /// Clinic end: the receiver answered.
    Delivered { number: u64, answer: Bytes },
}

impl Saying {
    fn write(&self) -> Bytes {
        let none = Bytes::new();
        let (kind, a, b, bytes) = match self {
            Self::Hello { queue, first } => (1, *queue, *first, &none),
            Self::Welcome { stored } => (2, *stored, 0, &none),
            Self::Message { number, first, bytes } => (3, *number, *first, bytes),
            Self::Stored { number } => (4, *number, 0, &none),
            Self::Delivered { number, answer } => (5, *number, 0, answer),
        };
        let mut out = BytesMut::with_capacity(21 + bytes.len());
        out.put_u32(17 + bytes.len() as u32);
        out.put_u8(kind);
        out.put_u64(a);
        out.put_u64(b);
        out.extend_from_slice(bytes);
        out.freeze()
    }

    /// The first saying of `unread`; `Err` when it makes no sense.
    fn read(unread: &mut BytesMut) -> Result<Option<Self>, ()> {
        let Some(length) = unread.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if !(17..=17 + MESSAGE_BYTES_MAX).contains(&length) {
            return Err(());
        }
        if unread.len() < 4 + length {
            return Ok(None);
        }
        unread.advance(4);
        let mut body = unread.split_to(length).freeze();
        let (kind, a, b) = (body.get_u8(), body.get_u64(), body.get_u64());
        Ok(Some(match kind {
            1 => Self::Hello { queue: a, first: b },
            2 => Self::Welcome { stored: a },
            3 => Self::Message { number: a, first: b, bytes: body },
            4 => Self::Stored { number: a },
            5 => Self::Delivered { number: a, answer: body },
            _ => return Err(()),
        }))
    }
}

/// Says it. False when the stream is over.
pub(super) async fn say(sender: &Sender, saying: &Saying) -> bool {
    sender.send(saying.write()).await
}

/// Hears what the other queue says.
pub(super) struct Ear {
    receiver: Receiver,
    unread: BytesMut,
}

impl Ear {
    pub(super) fn new(receiver: Receiver) -> Self {
        Self { receiver, unread: BytesMut::new() }
    }

    /// The next saying. `None` when the stream is over or makes no sense.
    pub(super) async fn next(&mut self) -> Option<Saying> {
        loop {
            match Saying::read(&mut self.unread) {
                Ok(Some(saying)) => return Some(saying),
                Ok(None) => {}
                Err(()) => return None,
            }
            match self.receiver.next().await {
                Event::Data(bytes) => {
                    self.unread.extend_from_slice(&bytes);
                    self.receiver.took(bytes.len());
                }
                Event::Finish | Event::Reset(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sayings_come_back() {
        let all = [
            Saying::Hello { queue: 7, first: 1 },
            Saying::Welcome { stored: 3 },
            Saying::Message { number: 4, first: 2, bytes: Bytes::from_static(b"MSH") },
            Saying::Stored { number: 4 },
            Saying::Delivered { number: 4, answer: Bytes::from_static(b"MSA") },
        ];
        let mut unread = BytesMut::new();
        all.iter().for_each(|saying| unread.extend_from_slice(&saying.write()));
        for saying in all {
            assert_eq!(Saying::read(&mut unread), Ok(Some(saying)));
        }
        assert_eq!(Saying::read(&mut unread), Ok(None));
        assert_eq!(Saying::read(&mut BytesMut::from(&[0xff; 8][..])), Err(()));
    }
}
