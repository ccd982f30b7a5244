//! Many trials on all processors, in an order that does not depend on them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wardline_lab::{CONTROLS, Variant, variants};

use crate::trial::{Outcome, Peace, attacked, peaceful};

/// What is tried.
#[derive(Clone, Debug)]
pub struct Scope {
    /// First seed. Those used to tune detectors lie below 1,000; those reported begin at 10,000.
    pub first_seed: u64,
    /// Hospitals for each variant.
    pub hospitals_per_variant: u32,
    /// Hospitals for each stealthy variant.
    pub hospitals_per_stealthy: u32,
    /// Hospitals in peace, and how many days each.
    pub peaceful_hospitals: u32,
    /// Days of each.
    pub days: f64,
    /// Share of the ordinary traffic in peace.
    pub duty: f64,
    /// Disturbances a day.
    pub disturbances_per_day: f64,
    /// Only variants, attacks or controls with this in their name.
    pub only: Option<String>,
    /// Threads.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// Attacks, in order of variant and seed.
    pub outcomes: Vec<Outcome>,
    /// Times of peace, by seed.
    pub peace: Vec<Peace>,
}

enum Trial {
    Attack(u64, &'static Variant),
    Peace(u64),
}

/// What came of one trial.
#[derive(Clone, Debug)]
pub enum Done {
    /// An attack.
    Attack(Box<Outcome>),
    /// A time of peace.
    Peace(Peace),
}

/// Tries everything in scope, and tells of each trial as it ends: with more than one thread, in no fixed order.
pub fn run(scope: &Scope, told: &(impl Fn(&Done) + Sync)) -> Results {
    let wanted = |variant: &Variant| {
        scope.only.as_ref().is_none_or(|only| {
            variant.name.contains(only.as_str())
                || variant.attack.is_some_and(|attack| attack.name().contains(only.as_str()))
        })
    };
    let mut trials = Vec::new();
    for (number, variant) in variants().chain(CONTROLS).enumerate().filter(|(_, variant)| wanted(variant)) {
        let count = if variant.stealthy { scope.hospitals_per_stealthy } else { scope.hospitals_per_variant };
        // Each variant has hospitals of its own.
        let first = scope.first_seed + 200 * (scope.first_seed / 10_000) * number as u64;
        trials.extend((0..u64::from(count)).map(|seed| Trial::Attack(first + seed, variant)));
    }
    trials.extend((0..u64::from(scope.peaceful_hospitals)).map(|seed| Trial::Peace(scope.first_seed + seed)));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|threads| {
        for _ in 0..scope.threads.max(1) {
            threads.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(trial) = trials.get(place) else { break };
                    let result = match trial {
                        Trial::Attack(seed, variant) => Done::Attack(Box::new(attacked(*seed, variant))),
                        Trial::Peace(seed) => {
                            Done::Peace(peaceful(*seed, scope.days, scope.duty, scope.disturbances_per_day))
                        }
                    };
                    told(&result);
                    if let Ok(mut done) = done.lock() {
                        done.insert(place, result);
                    }
                }
            });
        }
    });
    let mut results = Results::default();
    for result in done.into_inner().unwrap_or_default().into_values() {
        match result {
            Done::Attack(outcome) => results.outcomes.push(*outcome),
            Done::Peace(peace) => results.peace.push(peace),
        }
    }
    results
}
