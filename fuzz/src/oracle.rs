//! What must hold, whatever arrives: time linear in the input, memory bounded. That nothing panics, whoever calls sees.

use crate::meters::Cost;

/// What a target may cost, fixed for its kind. The numbers are a few times the most that any input of a
/// grown corpus was measured to cost, so that they are met by whoever goes over the input a few times, and by nobody who goes
/// over it for each of its parts.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Steps for each byte.
    pub steps_per_byte: u64,
    /// Steps for each piece in which the bytes come.
    pub steps_per_piece: u64,
    /// Steps for the empty input.
    pub steps_base: u64,
    /// Memory held at one moment, bytes for each byte of input.
    pub peak_per_byte: u64,
    /// The same for the empty input: fixed buffers.
    pub peak_base_bytes: u64,
    /// Memory that stays, bytes for each byte of input.
    pub retained_per_byte: u64,
    /// The same for the empty input: the state of one conversation.
    pub retained_base_bytes: u64,
}

impl Budget {
    /// Refuses a run that cost too much.
    ///
    /// # Panics
    /// When it did: this is how a fuzz target says that it found something.
    pub fn check(&self, what: &str, bytes: usize, pieces: usize, cost: Cost) {
        let (bytes, pieces) = (bytes as u64, pieces as u64);
        let steps = self.steps_base + self.steps_per_byte * bytes + self.steps_per_piece * pieces;
        let peak = self.peak_base_bytes + self.peak_per_byte * bytes;
        let retained = self.retained_base_bytes + self.retained_per_byte * bytes;
        let of = format!("{what}: {bytes} bytes in {pieces} pieces");
        assert!(cost.steps <= steps, "time: {of} took {} steps; at most {steps} are allowed", cost.steps);
        assert!(
            cost.peak_bytes <= peak,
            "memory: {of} held {} bytes at once; at most {peak} are allowed",
            cost.peak_bytes
        );
        assert!(
            cost.retained_bytes <= retained,
            "memory: {of} kept {} bytes; at most {retained} are allowed",
            cost.retained_bytes
        );
    }
}

/// Refuses a run over twice the input that took more than about twice the steps. The longer input may be the first that
/// is recognised at all, which costs the base once more.
///
/// # Panics
/// When it did.
pub fn check_doubled(what: &str, once: Cost, twice: Cost, base_steps: u64) {
    let allowed = once.steps * 2 + once.steps / 2 + 2 * base_steps;
    assert!(
        twice.steps <= allowed,
        "time: {what}: {} steps for an input and {} for it doubled; at most {allowed} are allowed",
        once.steps,
        twice.steps
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget {
        steps_per_byte: 10,
        steps_per_piece: 100,
        steps_base: 1_000,
        peak_per_byte: 8,
        peak_base_bytes: 100,
        retained_per_byte: 4,
        retained_base_bytes: 10,
    };

    fn refused(cost: Cost) -> bool {
        std::panic::catch_unwind(|| BUDGET.check("test", 100, 2, cost)).is_err()
    }

    #[test]
    fn each_limit_is_held() {
        let most = Cost { steps: 2_200, peak_bytes: 900, retained_bytes: 410 };
        assert!(!refused(most));
        assert!(refused(Cost { steps: most.steps + 1, ..most }));
        assert!(refused(Cost { peak_bytes: most.peak_bytes + 1, ..most }));
        assert!(refused(Cost { retained_bytes: most.retained_bytes + 1, ..most }));
    }

    #[test]
    fn a_quadratic_run_is_refused() {
        let steps = |length: u64| Cost { steps: length * length, ..Cost::default() };
        let doubled = |length| {
            std::panic::catch_unwind(|| check_doubled("test", steps(length), steps(2 * length), 1_000))
        };
        assert!(doubled(1_000).is_err());
        let linear = |length: u64| Cost { steps: 7 * length, ..Cost::default() };
        check_doubled("test", linear(1_000), linear(2_000), 0);
    }
}
