//! Where conversations lie, by the hash of their key.
//!
//! A table of our own, because with very many conversations a look into it waits for memory, and only a table whose
//! places are known beforehand can be asked to come near before it is looked into: see [`Index::fetch`].
//!
//! Open addressing with linear probing; what is taken out leaves no mark, those behind it move up.

use prefetch_index::prefetch_index;

/// Hash of a key under the secret seed: what an index keeps of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyHash(u32);

impl KeyHash {
    pub(crate) const fn new(hash: u64) -> Self {
        Self(hash as u32)
    }
}

/// A conversation in the index.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: KeyHash,
    /// [`EMPTY`] where there is none.
    place: u32,
}

const EMPTY: u32 = u32::MAX;
/// Slots of an index that has any; a power of two.
const SLOTS_MIN: usize = 64;

/// Places of conversations by hash. Several may have the same hash.
#[derive(Default)]
pub(crate) struct Index {
    /// None, or a power of two of them, of which at least a quarter is empty.
    slots: Vec<Slot>,
    used: usize,
}

impl Index {
    /// How many conversations it knows.
    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    const fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    /// Asks for the memory in which a conversation would be found, and waits for nothing.
    #[inline]
    pub(crate) fn fetch(&self, hash: KeyHash) {
        prefetch_index(&self.slots, hash.0 as usize & self.mask());
    }

    /// The first place with this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: KeyHash, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = hash.0 as usize & self.mask();
        loop {
            let slot = self.slots.get(at)?;
            if slot.place == EMPTY {
                return None;
            }
            if slot.hash == hash && is_it(slot.place) {
                return Some(slot.place);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Adds a place, which must not be there yet.
    pub(crate) fn insert(&mut self, hash: KeyHash, place: u32) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let slots = (self.slots.len() * 2).max(SLOTS_MIN);
            let before =
                std::mem::replace(&mut self.slots, vec![Slot { hash: KeyHash(0), place: EMPTY }; slots]);
            before.into_iter().filter(|slot| slot.place != EMPTY).for_each(|slot| self.put(slot));
        }
        self.put(Slot { hash, place });
        self.used += 1;
    }

    fn put(&mut self, new: Slot) {
        let mask = self.mask();
        let mut at = new.hash.0 as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.place == EMPTY {
                *slot = new;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Takes a place out.
    pub(crate) fn remove(&mut self, hash: KeyHash, place: u32) {
        let mask = self.mask();
        let mut hole = hash.0 as usize & mask;
        loop {
            match self.slots.get(hole) {
                Some(slot) if slot.place == place => break,
                Some(slot) if slot.place != EMPTY => hole = (hole + 1) & mask,
                _ => return,
            }
        }
        self.used -= 1;
        // Whoever stands behind the hole and could stand in it moves up, which leaves another hole.
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(slot) = self.slots.get(at).copied().filter(|slot| slot.place != EMPTY) else { break };
            let wanted = slot.hash.0 as usize & mask;
            if at.wrapping_sub(wanted) & mask >= at.wrapping_sub(hole) & mask {
                if let Some(free) = self.slots.get_mut(hole) {
                    *free = slot;
                }
                hole = at;
            }
        }
        if let Some(free) = self.slots.get_mut(hole) {
            free.place = EMPTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_index_finds_nothing() {
        let index = Index::default();
        index.fetch(KeyHash(7));
        assert_eq!(index.find(KeyHash(7), |_| true), None);
    }

    proptest! {
        // Few hashes, high ones among them, so that many meet and some go round the end.
        #[test]
        fn it_knows_what_was_put_in_and_not_taken_out(
            steps in prop::collection::vec((any::<bool>(), 0_u32..40, 0_u32..200), 0..600),
        ) {
            let mut index = Index::default();
            let mut model = BTreeSet::new();
            for (put, hash, place) in steps {
                // A place has one hash.
                let hash = KeyHash((hash + place % 3).wrapping_sub(20));
                let known = model.contains(&(hash.0, place));
                let elsewhere = model.iter().any(|(_, other)| *other == place);
                if put && !elsewhere {
                    index.insert(hash, place);
                    model.insert((hash.0, place));
                } else if !put && known {
                    index.remove(hash, place);
                    model.remove(&(hash.0, place));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for place in 0..200 {
                for hash in (0..45_u32).map(|hash| hash.wrapping_sub(20)) {
                    let found = index.find(KeyHash(hash), |other| other == place);
                    prop_assert_eq!(found.is_some(), model.contains(&(hash, place)));
                }
            }
        }
    }
}
