//! First bytes that the messages of a protocol can have: most protocols are ruled out for a conversation by one look.

use std::ops::RangeInclusive;

/// A set of bytes.
pub(crate) struct FirstBytes([u128; 2]);

impl FirstBytes {
    /// A message may begin with anything, as those do that begin with a number of their own.
    pub(crate) const ANY: Self = Self([u128::MAX; 2]);

    /// The bytes of some ranges.
    pub(crate) const fn of(ranges: &[RangeInclusive<u8>]) -> Self {
        let mut bits = [0_u128; 2];
        let mut place = 0;
        while place < ranges.len() {
            let mut byte = *ranges[place].start() as usize;
            while byte <= *ranges[place].end() as usize {
                bits[byte / 128] |= 1 << (byte % 128);
                byte += 1;
            }
            place += 1;
        }
        Self(bits)
    }

    /// Whether a message can begin with a byte.
    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte) / 128] >> (byte % 128) & 1 == 1
    }
}
