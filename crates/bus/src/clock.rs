//! By how much a sensor's clock differs from the site's, from questions and answers over the bus.

/// Differences below this are left alone: clocks that are kept by NTP are closer than what can be measured here.
const LEFT_ALONE_NS: i64 = 100_000_000;
/// A correction is a multiple of this, so that it stays the same while the measurement trembles.
const STEP_NS: i64 = 100_000_000;
/// Answers that took longer tell too little.
const ROUND_TRIP_MAX_NS: i64 = 100_000_000;
/// Answers after which an old best one is forgotten: clocks drift.
const REMEMBERED: u32 = 600;

/// Compares two clocks by the fastest of the latest answers, as NTP does.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockComparison {
    best: Option<(i64, i64)>,
    answers_since: u32,
}

impl ClockComparison {
    /// Takes an answer: asked and received by the one clock, answered by the other, nanoseconds.
    pub fn answer(&mut self, asked_ns: i64, answered_ns: i64, received_ns: i64) {
        let round_trip = received_ns.saturating_sub(asked_ns);
        if !(0..=ROUND_TRIP_MAX_NS).contains(&round_trip) {
            return;
        }
        self.answers_since += 1;
        let forgotten = self.answers_since > REMEMBERED;
        if forgotten || self.best.is_none_or(|(best, _)| round_trip <= best) {
            let middle = asked_ns.saturating_add(round_trip / 2);
            self.best = Some((round_trip, answered_ns.saturating_sub(middle)));
            self.answers_since = 0;
        }
    }

    /// By how much the one clock is behind the other, nanoseconds, in steps; `None` before the first answer.
    pub fn behind_ns(&self) -> Option<i64> {
        let (_, behind) = self.best?;
        if behind.abs() < LEFT_ALONE_NS {
            return Some(0);
        }
        let half = if behind < 0 { -STEP_NS / 2 } else { STEP_NS / 2 };
        Some((behind.saturating_add(half)) / STEP_NS * STEP_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seconds_are_found_though_answers_are_slow_and_small_differences_are_left_alone() {
        const MS: i64 = 1_000_000;
        let mut clock = ClockComparison::default();
        assert_eq!(clock.behind_ns(), None);
        // The sensor is two seconds behind; ways there and back differ.
        for (there, back) in [(80, 15), (3, 9), (40, 2), (90, 90), (1, 1)] {
            let asked = 1_000 * MS;
            clock.answer(asked, asked + (2_000 + there) * MS, asked + (there + back) * MS);
        }
        assert_eq!(clock.behind_ns(), Some(2_000 * MS));
        let mut near = ClockComparison::default();
        near.answer(0, 30 * MS, 10 * MS);
        assert_eq!(near.behind_ns(), Some(0));
        let mut ahead = ClockComparison::default();
        ahead.answer(2_000 * MS, 3 * MS, 2_006 * MS);
        assert_eq!(ahead.behind_ns(), Some(-2_000 * MS));
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_after_a_while() {
        let mut clock = ClockComparison::default();
        clock.answer(0, 5_000_000_000, 0);
        for _ in 0..=REMEMBERED {
            clock.answer(0, 1_000_000, 2_000_000);
        }
        assert_eq!(clock.behind_ns(), Some(0));
    }
}
