//! How well a rule would have told which vulnerabilities became known to be exploited.
//!
//! The catalogue of one day is what is known; what a later one has beyond it is what was to be foretold. Positives are few, so
//! every share comes with its interval, and whoever compares rules by them sees how little they differ.

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{Exploitation, ExploitedVulnerability, Label};

use super::Advisories;

/// A share with its interval of 95 % (E. B. Wilson, 1927).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// How many.
    pub count: u32,
    /// Of how many.
    pub of: u32,
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

impl Share {
    /// `count` of `of`; of nothing everything is possible.
    pub fn new(count: u32, of: u32) -> Self {
        const Z: f64 = 1.959_964;
        if of == 0 {
            return Self { count, of, low: 0.0, high: 1.0 };
        }
        let (n, share) = (f64::from(of), f64::from(count) / f64::from(of));
        let middle = share + Z * Z / (2.0 * n);
        let width = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Self {
            count,
            of,
            low: ((middle - width) / scale).max(0.0),
            high: ((middle + width) / scale).min(1.0),
        }
    }

    /// The share itself, 0 to 1.
    pub fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { f64::from(self.count) / f64::from(self.of) }
    }
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// The rule.
    pub rule: String,
    /// Share of all vulnerabilities that it chose.
    pub effort: Share,
    /// Share of those that became exploited that it chose.
    pub coverage: Share,
    /// Share of those that it chose that became exploited.
    pub efficiency: Share,
}

/// What is known of a vulnerability, in the order of the queue without a device.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    exploitation: Exploitation,
    automatable: bool,
    total_impact: bool,
    /// Millionths.
    probability: u32,
    /// Tenths.
    score: u32,
}

/// A rule and which vulnerabilities it chooses.
type Rule = (&'static str, fn(&Known) -> bool);

const RULES: [Rule; 6] = [
    ("CVSS from 9.0", |known| known.score >= 90),
    ("CVSS from 7.0", |known| known.score >= 70),
    ("exploitation published", |known| known.exploitation >= Exploitation::ProofOfConcept),
    ("automatable", |known| known.automatable),
    ("automatable and total impact", |known| known.automatable && known.total_impact),
    ("EPSS from 0.1", |known| known.probability >= 100_000),
];

/// Shares of the queue that are tried, per cent.
const FIRST_PERCENT: [usize; 4] = [1, 5, 10, 20];

impl Advisories {
    /// Tries rules on every vulnerability that was not known to be exploited, with a later catalogue as the judge.
    pub fn backtest(&self, later: &[ExploitedVulnerability]) -> Vec<Backtest> {
        let became: BTreeSet<&Label> = later.iter().map(|entry| &entry.cve).collect();
        let mut all: BTreeMap<&Label, Known> = BTreeMap::new();
        for vulnerability in self.advisories.iter().flat_map(|advisory| &advisory.vulnerabilities) {
            if self.exploited.contains_key(&vulnerability.cve) {
                continue;
            }
            let facts = self.stakeholder.get(&vulnerability.cve);
            let prediction = self.predictions.get(&vulnerability.cve);
            let score = vulnerability.cvss.as_ref().map_or(0, |cvss| (cvss.score * 10.0).round() as u32);
            let known = all.entry(&vulnerability.cve).or_default();
            known.exploitation = facts.map_or(Exploitation::None, |facts| facts.exploitation);
            known.automatable = facts.and_then(|facts| facts.automatable).unwrap_or(false);
            known.total_impact = facts.and_then(|facts| facts.total_impact).unwrap_or(false);
            known.probability = prediction.map_or(0, |prediction| (prediction.probability * 1e6) as u32);
            known.score = known.score.max(score);
        }
        let mut results: Vec<Backtest> = RULES
            .iter()
            .map(|(name, chooses)| {
                let chosen = all.iter().filter(|(_, known)| chooses(known)).map(|(cve, _)| *cve).collect();
                result((*name).to_owned(), &chosen, &all, &became)
            })
            .collect();
        let mut queue: Vec<(&Label, &Known)> = all.iter().map(|(cve, known)| (*cve, known)).collect();
        queue.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        for percent in FIRST_PERCENT {
            let chosen =
                queue.iter().take((queue.len() * percent).div_ceil(100)).map(|(cve, _)| *cve).collect();
            results.push(result(format!("first {percent} % of the queue"), &chosen, &all, &became));
        }
        results
    }
}

fn result(
    rule: String,
    chosen: &BTreeSet<&Label>,
    all: &BTreeMap<&Label, Known>,
    became: &BTreeSet<&Label>,
) -> Backtest {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let positives = count(all.keys().filter(|cve| became.contains(*cve)).count());
    let hits = count(chosen.iter().filter(|cve| became.contains(*cve)).count());
    let chosen = count(chosen.len());
    Backtest {
        rule,
        effort: Share::new(chosen, count(all.len())),
        coverage: Share::new(hits, positives),
        efficiency: Share::new(hits, chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_wilson() {
        let near = |one: f64, other: f64| (one - other).abs() < 5e-4;
        // Newcombe (1998), table I: 81 of 263, and 0 of 20.
        let share = Share::new(81, 263);
        assert!(near(share.low, 0.2553) && near(share.high, 0.3662), "{share:?}");
        let none = Share::new(0, 20);
        assert!(near(none.low, 0.0) && near(none.high, 0.1611), "{none:?}");
        assert_eq!((Share::new(0, 0).low, Share::new(0, 0).high), (0.0, 1.0));
    }
}
