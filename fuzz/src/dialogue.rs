//! A conversation as the bytes of a fuzzer: who says what, in which pieces.
//!
//! A byte from which the random cuts are drawn, then pieces: two bytes, least significant first, of which the highest bit is
//! the direction and the others are the length; then so many bytes, or as many as are left.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use wardline_wire::Direction;

const BACKWARD: u16 = 0x8000;

/// A conversation.
#[derive(Clone, Debug)]
pub struct Dialogue<'a> {
    seed: u8,
    /// What is said, in order.
    pub pieces: Vec<(Direction, &'a [u8])>,
}

impl<'a> Dialogue<'a> {
    /// Reads any bytes as a conversation.
    pub fn read(input: &'a [u8]) -> Self {
        let (seed, mut rest) = input.split_first().map_or((0, input), |(seed, rest)| (*seed, rest));
        let mut pieces = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<2>() {
            let head = u16::from_le_bytes(*head);
            let direction = if head & BACKWARD == 0 { Direction::Forward } else { Direction::Backward };
            let (piece, after) = after.split_at(usize::from(head & !BACKWARD).min(after.len()));
            if !piece.is_empty() {
                pieces.push((direction, piece));
            }
            rest = after;
        }
        Self { seed, pieces }
    }

    /// Writes a conversation as bytes that [`Self::read`] takes. Longer pieces than 32,767 bytes are cut.
    pub fn write(pieces: &[(Direction, &[u8])]) -> Vec<u8> {
        let mut written = vec![1];
        for (direction, bytes) in pieces {
            for piece in bytes.chunks(usize::from(!BACKWARD)) {
                let direction = if *direction == Direction::Forward { 0 } else { BACKWARD };
                written.extend_from_slice(&(direction | piece.len() as u16).to_le_bytes());
                written.extend_from_slice(piece);
            }
        }
        written
    }

    /// Bytes said.
    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(|(_, piece)| piece.len()).sum()
    }

    /// Lengths of pieces, drawn anew for each input: mostly short, now and then long.
    pub fn cuts(&self) -> impl FnMut() -> usize + use<> {
        let mut random = ChaCha8Rng::seed_from_u64(u64::from(self.seed));
        move || {
            let drawn = random.next_u32();
            1 + (drawn >> 8) as usize % if drawn.is_multiple_of(4) { 1_460 } else { 12 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let pieces: &[(Direction, &[u8])] =
            &[(Direction::Backward, b"220 a\r\n"), (Direction::Forward, b"USER b\r\n")];
        let written = Dialogue::write(pieces);
        let read = Dialogue::read(&written);
        assert_eq!(read.pieces, pieces);
        assert_eq!(read.bytes(), 15);
    }
}
