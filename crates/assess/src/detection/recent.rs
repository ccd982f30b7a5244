//! What was seen lately, in bounded memory: the state that most rules need.

use std::collections::VecDeque;
use std::hash::Hash;

use wardline_model::Timestamp;

use crate::inventory::Map;

/// Events counted within a window, at most.
const EVENTS_MAX: usize = 512;

/// Entries of a table that are too few to look for old ones.
const GROWS_FREELY: usize = 256;

/// A map that forgets what was used longest ago. When it is full the older half goes, so that a flood of new keys
/// costs little for each.
pub(super) struct Recent<K, V> {
    entries: Map<K, (Timestamp, V)>,
    size_max: usize,
    /// Older entries say nothing any more, nanoseconds.
    span: i64,
}

impl<K: Eq + Hash + Clone, V: Default> Recent<K, V> {
    pub(super) fn new(size_max: usize) -> Self {
        Self { entries: Map::default(), size_max, span: i64::MAX }
    }

    /// Of which nothing is needed that was not used for `nanoseconds`: rather than grow, the table forgets that.
    pub(super) fn within(size_max: usize, nanoseconds: i64) -> Self {
        Self { span: nanoseconds, ..Self::new(size_max) }
    }

    /// The entry of a key, made where there is none.
    pub(super) fn at(&mut self, key: K, now: Timestamp) -> &mut V {
        if self.entries.len() >= self.size_max && !self.entries.contains_key(&key) {
            let mut times: Vec<_> = self.entries.values().map(|(time, _)| *time).collect();
            let middle = times.len() / 2;
            let median = *times.select_nth_unstable(middle).1;
            self.entries.retain(|_, (time, _)| *time > median);
        }
        let full = self.entries.len() == self.entries.capacity() && self.entries.len() >= GROWS_FREELY;
        if full && self.span < i64::MAX && !self.entries.contains_key(&key) {
            let span = self.span;
            self.entries.retain(|_, (time, _)| now.nanoseconds_since(*time) <= span);
        }
        let entry = self.entries.entry(key).or_default();
        entry.0 = entry.0.max(now);
        &mut entry.1
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }
}

/// Events within a sliding window of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    times: VecDeque<Timestamp>,
}

impl Window {
    /// Adds an event. How many there are within `nanoseconds` up to it.
    pub(super) fn add(&mut self, time: Timestamp, nanoseconds: i64) -> usize {
        while self.times.front().is_some_and(|first| time.nanoseconds_since(*first) > nanoseconds) {
            self.times.pop_front();
        }
        if self.times.len() >= EVENTS_MAX {
            self.times.pop_front();
        }
        self.times.push_back(time);
        self.times.len()
    }

    /// When the oldest event of the window was.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.times.front().copied()
    }
}

/// Different things seen within a sliding window of time.
#[derive(Clone, Debug)]
pub(super) struct Different<T> {
    seen: VecDeque<(Timestamp, T)>,
}

impl<T> Default for Different<T> {
    fn default() -> Self {
        Self { seen: VecDeque::new() }
    }
}

impl<T: PartialEq> Different<T> {
    /// Things told apart, at most.
    const THINGS_MAX: usize = 64;

    /// Adds a thing. How many different ones there are within `nanoseconds` up to it.
    pub(super) fn add(&mut self, thing: T, time: Timestamp, nanoseconds: i64) -> usize {
        self.seen.retain(|(seen, other)| time.nanoseconds_since(*seen) <= nanoseconds && *other != thing);
        if self.seen.len() >= Self::THINGS_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back((time, thing));
        self.seen.len()
    }

    /// Whether a thing was seen within `nanoseconds` before a time.
    pub(super) fn contains(&self, thing: &T, time: Timestamp, nanoseconds: i64) -> bool {
        self.seen.iter().any(|(seen, other)| other == thing && time.nanoseconds_since(*seen) <= nanoseconds)
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        self.seen.front().map(|(time, _)| *time)
    }

    /// How many different things there are within `nanoseconds` up to a time.
    pub(super) fn count(&self, time: Timestamp, nanoseconds: i64) -> usize {
        self.seen.iter().filter(|(seen, _)| time.nanoseconds_since(*seen) <= nanoseconds).count()
    }

    /// When the oldest of those was seen.
    pub(super) fn first_within(&self, time: Timestamp, nanoseconds: i64) -> Option<Timestamp> {
        self.seen.iter().map(|(seen, _)| *seen).find(|seen| time.nanoseconds_since(*seen) <= nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_half_is_forgotten() {
        let mut recent: Recent<i64, u8> = Recent::new(100);
        for number in 0..1_000 {
            *recent.at(number, Timestamp::from_seconds(number)) = 1;
            assert!(recent.entries.len() <= 100);
        }
        assert!(recent.get_mut(&999).is_some() && recent.get_mut(&0).is_none());
    }

    #[test]
    fn what_is_too_old_makes_room_before_the_table_grows() {
        let mut recent: Recent<i64, u8> = Recent::within(100_000, 50_000_000_000);
        for second in 0..20_000 {
            *recent.at(second, Timestamp::from_seconds(second)) = 1;
        }
        assert!(recent.entries.capacity() < 2_000, "{}", recent.entries.capacity());
        assert!((19_950..20_000).all(|second| recent.get(&second).is_some()));
    }

    #[test]
    fn a_window_slides() {
        let mut window = Window::default();
        let at = Timestamp::from_seconds;
        let second = 1_000_000_000;
        assert_eq!(window.add(at(0), 10 * second), 1);
        assert_eq!(window.add(at(10), 10 * second), 2);
        assert_eq!(window.add(at(11), 10 * second), 2);
        let mut different = Different::default();
        assert_eq!(different.add('a', at(0), 10 * second), 1);
        assert_eq!(different.add('a', at(1), 10 * second), 1);
        assert_eq!(different.add('b', at(2), 10 * second), 2);
        assert_eq!(different.add('c', at(12), 10 * second), 2);
    }
}
