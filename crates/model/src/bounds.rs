//! A list that cannot grow without limit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of at most `N` items; what does not fit is counted, not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Bounded<T, const N: usize> {
    items: Vec<T>,
    refused: u32,
}

impl<T, const N: usize> Bounded<T, N> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { items: Vec::new(), refused: 0 }
    }

    /// Adds `item`, or counts it as refused when the list is full.
    pub fn push(&mut self, item: T) {
        if self.items.len() < N {
            self.items.push(item);
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    /// How many items did not fit.
    pub const fn refused(&self) -> u32 {
        self.refused
    }
}

impl<T, const N: usize> Default for Bounded<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> std::ops::Deref for Bounded<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T, const N: usize> FromIterator<T> for Bounded<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut list = Self::new();
        iter.into_iter().for_each(|item| list.push(item));
        list
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Bounded<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_n_and_counts_the_rest() {
        let list: Bounded<u8, 3> = (0..10).collect();
        assert_eq!(&*list, [0, 1, 2]);
        assert_eq!(list.refused(), 7);
    }
}
