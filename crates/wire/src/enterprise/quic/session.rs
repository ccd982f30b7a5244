//! The client's hello, put together of its pieces.

use super::packet::{Initial, frames, next};
use super::protection::Keys;
use crate::enterprise::tls::ClientHello;
use crate::{Layer, Reader};

/// Longest hello, bytes. Those with keys that withstand quantum computers have some two thousand.
const HELLO_BYTES_MAX: usize = 16_384;
/// Datagrams that are looked at before the hello must be whole.
const DATAGRAMS_MAX: u8 = 16;
/// Pieces remembered: senders shuffle them, but into few.
const PIECES_MAX: usize = 64;
/// Packets in one datagram.
const PACKETS_MAX: usize = 8;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More datagrams are needed.
    Waiting,
    /// The hello was told.
    Told,
    /// There will be none.
    Over,
}

/// The begin of one connection.
#[derive(Default)]
pub struct Session {
    keys: Option<Keys>,
    hello: Vec<u8>,
    /// Begin and end of what is there, unsorted.
    pieces: Vec<(usize, usize)>,
    datagrams: u8,
}

impl Session {
    /// The next datagram of either direction. Gives the hello to `tell` once it is whole.
    pub fn datagram(&mut self, datagram: &[u8], tell: impl FnOnce(&ClientHello<'_>)) -> Outcome {
        self.datagrams += 1;
        let mut reader = Reader::new(Layer::Quic, datagram);
        for _ in 0..PACKETS_MAX {
            match next(&mut reader) {
                Ok(Some(packet)) => self.packet(&packet),
                Ok(None) => {}
                Err(_) => break,
            }
        }
        if let Some(body) = self.whole() {
            return match ClientHello::parse(body, false) {
                Ok(hello) => {
                    tell(&hello);
                    Outcome::Told
                }
                Err(_) => Outcome::Over,
            };
        }
        if self.datagrams >= DATAGRAMS_MAX { Outcome::Over } else { Outcome::Waiting }
    }

    fn packet(&mut self, packet: &Initial<'_>) {
        // Keys stay those of the first packet when the server gives another identifier, but not after a retry.
        let known = self.keys.as_ref().and_then(|keys| keys.open(packet));
        let payload = known.or_else(|| {
            let keys = Keys::new(packet.version, packet.destination)?;
            let payload = keys.open(packet)?;
            self.keys = Some(keys);
            Some(payload)
        });
        if let Some(payload) = payload {
            let _ = frames(&payload, |offset, content| self.piece(offset, content));
        }
    }

    fn piece(&mut self, offset: usize, content: &[u8]) {
        let end = offset.saturating_add(content.len());
        if end > HELLO_BYTES_MAX || self.pieces.len() >= PIECES_MAX {
            return;
        }
        if self.hello.len() < end {
            self.hello.resize(end, 0);
        }
        if let Some(place) = self.hello.get_mut(offset..end) {
            place.copy_from_slice(content);
            self.pieces.push((offset, end));
        }
    }

    /// The body of the hello, if all of it is there.
    fn whole(&mut self) -> Option<&[u8]> {
        self.pieces.sort_unstable();
        let there = self
            .pieces
            .iter()
            .fold(0, |there, (from, to)| if *from <= there { there.max(*to) } else { there });
        let mut reader = Reader::new(Layer::Quic, self.hello.get(..there)?);
        // Handshake type 1, RFC 8446 section 4.
        if reader.u8("handshake type").ok()? != 1 {
            return None;
        }
        let length = reader.u24_be("handshake length").ok()?;
        reader.take("client hello", usize::try_from(length).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The client's first packet of RFC 9001 appendix A.2, unprotected header and frames, protected as written there.
    fn appendix() -> Vec<u8> {
        let text = include_str!("rfc9001-a2.hex");
        let digits: Vec<u8> =
            text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|digit| digit as u8).collect();
        digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
    }

    #[test]
    fn reads_the_packet_of_the_standard() {
        let mut name = Vec::new();
        let outcome =
            Session::default().datagram(&appendix(), |hello| name = hello.server_name().unwrap().to_vec());
        assert_eq!(outcome, Outcome::Told);
        assert_eq!(name, b"example.com");
    }

    #[test]
    fn a_packet_that_was_changed_tells_nothing() {
        for place in [0, 7, 30, 600] {
            let mut bytes = appendix();
            bytes[place] ^= 1;
            let outcome = Session::default().datagram(&bytes, |_| panic!("told"));
            assert_eq!(outcome, Outcome::Waiting, "{place}");
        }
    }

    #[test]
    fn it_gives_up_in_the_end() {
        let mut session = Session::default();
        let outcomes: Vec<_> = (0..DATAGRAMS_MAX).map(|_| session.datagram(&[0x40], |_| ())).collect();
        assert_eq!(outcomes.last(), Some(&Outcome::Over));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Session::default().datagram(&bytes, |_| ());
            let _ = frames(&bytes, |_, _| ());
        }
    }
}
