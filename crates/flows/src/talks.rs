//! Conversations by place.
//!
//! They lie in chunks that never move: growing a plain list to a million of them would copy what is there again and
//! again into fresh memory, and that would cost more than the conversations themselves.

use crate::conversation::Talk;

/// Conversations of a chunk; a power of two.
const CHUNK: usize = 256;

/// Conversations, each at a place that it keeps until it is taken out.
#[derive(Default)]
pub(crate) struct Talks {
    chunks: Vec<Vec<Option<Talk>>>,
    free: Vec<u32>,
}

impl Talks {
    /// How many places there are, taken or free.
    pub(crate) fn places(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<&Talk> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Talk> {
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)?.as_mut()
    }

    /// Takes a conversation out; its place is free for another.
    pub(crate) fn take(&mut self, place: usize) -> Option<Talk> {
        let talk = self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)?.take()?;
        self.free.push(place as u32);
        Some(talk)
    }

    /// Puts a conversation in, and says where.
    pub(crate) fn insert(&mut self, talk: Talk) -> usize {
        if let Some(place) = self.free.pop() {
            let place = place as usize;
            if let Some(slot) =
                self.chunks.get_mut(place / CHUNK).and_then(|chunk| chunk.get_mut(place % CHUNK))
            {
                *slot = Some(talk);
            }
            return place;
        }
        let place = self.places();
        match self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => last.push(Some(talk)),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Some(talk));
                self.chunks.push(chunk);
            }
        }
        place
    }
}
