//! Random and mutated inputs, the same for the same seed on every machine: for the runs that must be repeatable.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Longest random input, bytes.
const RANDOM_BYTES_MAX: usize = 400;
/// Longest mutated input, bytes: a few packets.
const BYTES_MAX: usize = 8 * 1024;
/// Values at which lengths and counts go wrong.
const EDGES: &[u8] = &[0, 1, 0x7f, 0x80, 0xfe, 0xff];

/// Draws inputs.
pub struct Inputs {
    random: ChaCha8Rng,
}

impl Inputs {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.random.next_u64() as usize % end }
    }

    fn byte(&mut self) -> u8 {
        match self.below(4) {
            0 => EDGES[self.below(EDGES.len())],
            _ => self.random.next_u32() as u8,
        }
    }

    /// Noise.
    pub fn random(&mut self) -> Vec<u8> {
        let length = self.below(RANDOM_BYTES_MAX);
        (0..length).map(|_| self.byte()).collect()
    }

    /// One of `seeds`, changed in a few places.
    pub fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds.get(self.below(seeds.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(5) {
            let place = self.below(input.len() + 1);
            let end = (place + 1 + self.below(16)).min(input.len());
            match self.below(7) {
                0 | 1 if place < input.len() => input[place] = self.byte(),
                2 if place < input.len() => input[place] ^= 1 << self.below(8),
                3 => drop(input.drain(place.min(end)..end)),
                4 => {
                    let byte = self.byte();
                    input.insert(place, byte);
                }
                // The same part many times over: what is costly for each of many parts shows.
                5 => {
                    let part = input[place.min(end)..end].to_vec();
                    let times = self.below(200);
                    let copies: Vec<u8> = part.iter().copied().cycle().take(part.len() * times).collect();
                    input.splice(place..place, copies);
                }
                _ => {
                    let other = seeds.get(self.below(seeds.len())).cloned().unwrap_or_default();
                    let from = self.below(other.len());
                    input.truncate(place);
                    input.extend_from_slice(&other[from..]);
                }
            }
            input.truncate(BYTES_MAX);
        }
        input
    }
}
