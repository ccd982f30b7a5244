//! What a run costs, counted and not timed: see `meters.c`.

unsafe extern "C" {
    // Each reads or sets a number of the calling thread.
    safe fn wardline_steps() -> u64;
    safe fn wardline_live() -> i64;
    safe fn wardline_peak() -> i64;
    safe fn wardline_peak_begin();
}

/// What a run cost on this thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Branch targets passed, and sixteenths of the bytes copied, filled or compared by the C library.
    pub steps: u64,
    /// Most memory that was held at one moment beyond what was held before, bytes.
    pub peak_bytes: u64,
    /// Memory still held when the run was over, its result included, bytes.
    pub retained_bytes: u64,
}

/// Runs something and says what it cost.
pub fn measure<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let (steps, live) = (wardline_steps(), wardline_live());
    wardline_peak_begin();
    let done = run();
    let above = |bytes: i64| u64::try_from(bytes - live).unwrap_or(0);
    let cost = Cost {
        steps: wardline_steps() - steps,
        peak_bytes: above(wardline_peak()),
        retained_bytes: above(wardline_live()),
    };
    (done, cost)
}

/// Whether this program was compiled so that steps are counted, and not only copies.
pub fn counts_steps() -> bool {
    let turns = std::hint::black_box(1_000_u64);
    let (sum, cost) = measure(|| (0..turns).fold(0, |sum, turn| std::hint::black_box(sum ^ turn)));
    std::hint::black_box(sum);
    cost.steps >= turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_copies_are_counted() {
        let (kept, cost) = measure(|| {
            drop(std::hint::black_box(vec![1_u8; 1 << 20]));
            std::hint::black_box(vec![1_u8; 1 << 16])
        });
        assert_eq!(kept.len(), 1 << 16);
        assert!((1 << 20..1 << 21).contains(&cost.peak_bytes), "{cost:?}");
        assert!((1 << 16..1 << 17).contains(&cost.retained_bytes), "{cost:?}");
        assert!(cost.steps >= (1 << 20) / 16, "{cost:?}");
    }
}
