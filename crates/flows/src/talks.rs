//! Conversations by place.
//!
//! They lie in chunks that never move: growing a plain list to a million of them would copy what is there again and
//! again into fresh memory, and that would cost more than the conversations themselves.

use std::slice::from_ref;

use prefetch_index::prefetch_index;

use crate::conversation::Talk;

/// Conversations of a chunk; a power of two. Few, so that of every shard the one that is being filled stays near.
const CHUNK: usize = 32;

/// Conversations, each at a place that it keeps until it is taken out. What was taken out leaves a conversation that is
/// not [taken](Talk::taken): so the memory of a place can be asked for without a look at it.
#[derive(Default)]
pub(crate) struct Talks {
    /// All full, of conversations or of places for them.
    chunks: Vec<Vec<Talk>>,
    /// Places for conversations, the next one last.
    free: Vec<u32>,
}

impl Talks {
    /// How many places there are, taken or free.
    pub(crate) fn places(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    #[inline]
    fn slot(&mut self, place: usize) -> Option<&mut Talk> {
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    #[inline]
    pub(crate) fn get(&self, place: usize) -> Option<&Talk> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK).filter(|talk| talk.taken)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Talk> {
        self.slot(place).filter(|talk| talk.taken)
    }

    /// Asks for the memory of a conversation, and waits for nothing.
    #[inline]
    pub(crate) fn fetch(&self, place: usize) {
        if let Some(talk) = self.chunks.get(place / CHUNK).and_then(|chunk| chunk.get(place % CHUNK)) {
            prefetch_index(from_ref(&talk.key), 0);
            prefetch_index(from_ref(&talk.packets), 0);
            prefetch_index(from_ref(&talk.spoken), 0);
        }
    }

    /// Takes a conversation out; its place is free for another.
    pub(crate) fn take(&mut self, place: usize) -> Option<Talk> {
        let talk = std::mem::take(self.slot(place).filter(|talk| talk.taken)?);
        self.free.push(place as u32);
        Some(talk)
    }

    /// Puts a conversation in, and says where.
    pub(crate) fn insert(&mut self, talk: Talk) -> usize {
        if self.free.is_empty() {
            let place = self.places();
            let mut chunk = Vec::new();
            chunk.resize_with(CHUNK, Talk::default);
            self.chunks.push(chunk);
            self.free.extend((place..place + CHUNK).rev().map(|place| place as u32));
        }
        let place = self.free.pop().map_or(0, |place| place as usize);
        if let Some(slot) = self.slot(place) {
            *slot = talk;
        }
        // The next one will be wanted soon.
        if let Some(next) = self.free.last() {
            self.fetch(*next as usize);
        }
        place
    }
}
