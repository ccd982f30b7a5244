//! Base scores of CVSS 3.0, 3.1 and 4.0, computed from their vectors (FIRST, specification documents, sections 7.1 and 8.2).
//!
//! A publisher who gives a vector and no score is understood all the same, and one whose score does not follow from his
//! vector can be told so.

use std::collections::BTreeMap;
use std::str::FromStr;

/// The weight of a metric's value.
type Weights = &'static [(&'static str, f64)];

const ATTACK_VECTOR: Weights = &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)];
const ATTACK_COMPLEXITY: Weights = &[("L", 0.77), ("H", 0.44)];
const PRIVILEGES_UNCHANGED: Weights = &[("N", 0.85), ("L", 0.62), ("H", 0.27)];
const PRIVILEGES_CHANGED: Weights = &[("N", 0.85), ("L", 0.68), ("H", 0.5)];
const USER_INTERACTION: Weights = &[("N", 0.85), ("R", 0.62)];
const IMPACT: Weights = &[("H", 0.56), ("L", 0.22), ("N", 0.0)];

/// Which document's arithmetic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edition {
    /// 3.0 (2015): rounds up whatever is left.
    Three,
    /// 3.1 (2019): rounds up in whole hundred thousandths, so that every machine comes to the same.
    ThreeOne,
}

/// The base metrics of CVSS 4.0; a vector may also hold metrics of threat and environment, which change its score.
const BASE_METRICS_4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

/// The base score of a vector of CVSS 4.0.
fn base_score_4(vector: &str) -> Option<f64> {
    // Read whole first: what is wrong in another metric makes the vector none.
    cvss::v4::Vector::from_str(vector).ok()?;
    let base = vector.split('/').filter(|part| {
        part.split_once(':').is_some_and(|(metric, _)| metric == "CVSS" || BASE_METRICS_4.contains(&metric))
    });
    let base = base.collect::<Vec<_>>().join("/");
    Some(cvss::v4::Vector::from_str(&base).ok()?.score().value())
}

/// The base score of a vector such as `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`: 0 to 10, one digit after the point.
/// `None` for another version, and for a vector that lacks a base metric, gives one twice or gives it a value that it has not.
pub fn base_score(vector: &str) -> Option<f64> {
    let mut parts = vector.trim().split('/');
    let edition = match parts.next()? {
        "CVSS:3.0" => Edition::Three,
        "CVSS:3.1" => Edition::ThreeOne,
        "CVSS:4.0" => return base_score_4(vector.trim()),
        _ => return None,
    };
    let mut metrics = BTreeMap::new();
    for part in parts {
        let (metric, value) = part.split_once(':')?;
        if metrics.insert(metric, value).is_some() {
            return None;
        }
    }
    let weight = |metric: &str, weights: Weights| {
        let value = metrics.get(metric)?;
        weights.iter().find(|(known, _)| known == value).map(|(_, weight)| *weight)
    };
    let changed = match *metrics.get("S")? {
        "U" => false,
        "C" => true,
        _ => return None,
    };
    let privileges = if changed { PRIVILEGES_CHANGED } else { PRIVILEGES_UNCHANGED };
    let exploitability = 8.22
        * weight("AV", ATTACK_VECTOR)?
        * weight("AC", ATTACK_COMPLEXITY)?
        * weight("PR", privileges)?
        * weight("UI", USER_INTERACTION)?;
    let harmless = (1.0 - weight("C", IMPACT)?) * (1.0 - weight("I", IMPACT)?) * (1.0 - weight("A", IMPACT)?);
    let sub_score = 1.0 - harmless;
    let impact = if changed {
        7.52 * (sub_score - 0.029) - 3.25 * (sub_score - 0.02).powi(15)
    } else {
        6.42 * sub_score
    };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let scope = if changed { 1.08 } else { 1.0 };
    Some(edition.round_up((scope * (impact + exploitability)).min(10.0)))
}

impl Edition {
    fn round_up(self, score: f64) -> f64 {
        match self {
            Self::Three => (score * 10.0).ceil() / 10.0,
            Self::ThreeOne => {
                let whole = (score * 100_000.0).round();
                if whole % 10_000.0 == 0.0 {
                    whole / 100_000.0
                } else {
                    ((whole / 10_000.0).floor() + 1.0) / 10.0
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_vectors_have_their_scores() {
        for (vector, score) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:C/C:L/I:H/A:H", 8.9),
            ("CVSS:3.0/AV:P/AC:H/PR:N/UI:N/S:C/C:H/I:N/A:N", 4.9),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:N", 0.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P/RL:O", 7.5),
        ] {
            assert_eq!(base_score(vector), Some(score), "{vector}");
        }
    }

    /// The vectors of FIRST's document "CVSS v4.0: Examples", and what it says of each. `None` where the document shows the
    /// score with threat or environment only.
    #[test]
    fn the_examples_of_version_4_have_their_scores() {
        for (vector, base, whole) in [
            ("AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(7.3), 7.3),
            ("AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", Some(7.7), 5.2),
            ("AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", Some(8.3), 8.3),
            (
                "AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/CR:H/IR:L/AR:L/MAV:N/MAC:H/MVC:H/MVI:L/MVA:L",
                Some(8.3),
                8.1,
            ),
            ("AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", Some(4.6), 4.6),
            ("AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", Some(5.1), 5.1),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", Some(6.9), 6.9),
            ("AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", Some(5.9), 5.9),
            ("AV:L/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", Some(9.4), 9.4),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:H/VA:N/SC:H/SI:H/SA:H", Some(9.3), 9.3),
            ("AV:P/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:H/SA:N/S:P/V:D", Some(8.3), 8.3),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A", None, 8.7),
            ("AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A", None, 9.3),
            (
                "AV:N/AC:H/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:P/MAC:L/MAT:N/MVC:N/MVI:N/MVA:L",
                None,
                5.5,
            ),
            ("AV:A/AC:L/AT:N/PR:N/UI:N/VC:N/VI:L/VA:N/SC:H/SI:N/SA:H", Some(6.4), 6.4),
            ("AV:L/AC:L/AT:N/PR:H/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/R:I", Some(8.4), 8.4),
        ] {
            let vector = format!("CVSS:4.0/{vector}");
            let read = cvss::v4::Vector::from_str(&vector).unwrap();
            assert_eq!(read.score().value(), whole, "{vector}");
            assert!(base.is_none() || base_score(&vector) == base, "{vector}: {:?}", base_score(&vector));
        }
    }

    #[test]
    fn what_is_no_vector_has_no_score() {
        for vector in [
            "",
            "AV:N/AC:L/Au:N/C:C/I:C/A:C",
            "CVSS:3.1/AV:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:2.0/AV:N/AC:L/Au:N/C:C/I:C/A:C",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:Q",
        ] {
            assert_eq!(base_score(vector), None, "{vector}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "CVSS:4.0(/[A-Z]{1,3}:[A-Z]){0,14}") {
            let _ = base_score(&text);
        }

        #[test]
        fn more_harm_never_scores_lower(
            edition in "3\\.[01]", av in "[NALP]", ac in "[LH]", pr in "[NLH]", ui in "[NR]", s in "[UC]", c in "[NLH]", i in "[NLH]",
        ) {
            let at = |a: &str| base_score(&format!("CVSS:{edition}/AV:{av}/AC:{ac}/PR:{pr}/UI:{ui}/S:{s}/C:{c}/I:{i}/A:{a}")).unwrap();
            // The sum of a changed scope falls again near its greatest impact (7.1), yet no step of a metric ends lower.
            proptest::prop_assert!(at("N") <= at("L") && at("L") <= at("H") && (0.0..=10.0).contains(&at("H")));
        }
    }
}
