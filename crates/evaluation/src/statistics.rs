//! Bounds with a confidence of 95 %, one-sided.

/// What is left to chance.
const DOUBT: f64 = 0.05;

/// Least probability of success with which so many successes of so many are no accident (Clopper and Pearson, 1934).
pub fn proportion_lower(successes: u32, trials: u32) -> f64 {
    if successes == 0 || trials == 0 {
        return 0.0;
    }
    bisect(|probability| at_least(successes, trials, probability) > DOUBT)
}

/// Chance of at least so many successes.
fn at_least(successes: u32, trials: u32, probability: f64) -> f64 {
    let mut term = (1.0 - probability).powf(f64::from(trials));
    let mut below = 0.0;
    for count in 0..successes {
        below += term;
        term *= f64::from(trials - count) / f64::from(count + 1) * probability / (1.0 - probability);
    }
    1.0 - below
}

/// Greatest mean number of events with which so few are no accident.
pub fn poisson_upper(events: u32) -> f64 {
    let highest = 10.0 + 3.0 * f64::from(events);
    highest * bisect(|share| at_most(events, share * highest) < DOUBT)
}

/// Chance of at most so many events.
fn at_most(events: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for count in 1..=events {
        term *= mean / f64::from(count);
        sum += term;
    }
    sum
}

/// Where a statement that is false for small numbers becomes true, between 0 and 1.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        // 59 of 59: 0.05^(1/59).
        assert!((proportion_lower(59, 59) - 0.9505).abs() < 1e-3);
        assert!((proportion_lower(57, 59) - 0.897).abs() < 2e-3);
        assert!((poisson_upper(0) - 2.996).abs() < 1e-2);
        assert!((poisson_upper(1) - 4.744).abs() < 1e-2);
        assert!((poisson_upper(5) - 10.513).abs() < 1e-2);
    }
}
