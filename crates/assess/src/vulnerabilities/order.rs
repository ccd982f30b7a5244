//! The place of each vulnerability, and the reason for it.

use std::cmp::Reverse;

use wardline_model::{Basis, Exploitation, HumanImpact, MatchKind, Priority, Reach, Vulnerability};

use super::priority;

/// What decides the place, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Priority,
    sure: bool,
    exploitation: Exploitation,
    impact: HumanImpact,
    reach: Reach,
    zones: u32,
    /// Nobody will correct it.
    unsupported: bool,
    /// Millionths.
    probability: u32,
    /// Tenths.
    score: u32,
}

/// The outcome of SSVC's tree.
pub(super) fn priority_of(basis: &Basis) -> Priority {
    priority::priority(basis.exploitation, basis.reach, basis.automatable, basis.human_impact)
}

fn place(vulnerability: &Vulnerability) -> Place {
    let basis = &vulnerability.basis;
    Place {
        priority: priority_of(basis),
        sure: vulnerability.matched.kind != MatchKind::Possible,
        exploitation: basis.exploitation,
        impact: basis.human_impact,
        reach: basis.reach,
        zones: basis.zones,
        unsupported: basis.unsupported,
        probability: vulnerability.epss.as_ref().map_or(0, |epss| (epss.probability * 1e6) as u32),
        score: score_of(vulnerability),
    }
}

/// In tenths: as published or by the rubric, whichever is worse.
fn score_of(vulnerability: &Vulnerability) -> u32 {
    let tenths = |score: f32| (score * 10.0).round() as u32;
    let published = vulnerability.cvss.as_ref().map_or(0, |cvss| tenths(cvss.score));
    published.max(vulnerability.rubric.as_ref().map_or(0, |rubric| tenths(rubric.score)))
}

/// Puts vulnerabilities in their order and numbers them from 1. It follows from the records alone, so that whoever keeps
/// them can follow how each came to its place.
pub fn rank(queue: &mut [Vulnerability]) {
    queue.sort_by_cached_key(|vulnerability| {
        let last = (vulnerability.device.clone(), vulnerability.cve.clone(), vulnerability.advisory.clone());
        (Reverse(place(vulnerability)), last)
    });
    for (vulnerability, rank) in queue.iter_mut().zip(1_u32..) {
        vulnerability.rank = rank;
    }
}

/// One sentence for each input of the decision, with what would change it.
pub(super) fn why(vulnerability: &Vulnerability, ransom: bool) -> Vec<String> {
    let basis = &vulnerability.basis;
    let mut why = vec![format!("Match: {}.", vulnerability.matched.reason)];
    why.push(match (basis.exploitation, &basis.exploited_since) {
        (_, Some(since)) => {
            format!(
                "Exploitation: active; in CISA KEV since {since}{}.",
                if ransom { ", used for ransom" } else { "" }
            )
        }
        (Exploitation::Active, None) => "Exploitation: active, says CISA.".to_owned(),
        (Exploitation::ProofOfConcept, None) => {
            "Exploitation: somebody published how. It would rank higher if it were done.".to_owned()
        }
        (Exploitation::None, None) => {
            "Exploitation: none known. It would rank higher if it were published or done.".to_owned()
        }
    });
    let reach = match basis.reach {
        Reach::Open => "Exposure: the internet reaches it. It would rank lower behind a firewall.",
        Reach::Controlled => {
            "Exposure: others of the hospital reach it. It would rank higher if the internet did."
        }
        Reach::Small => "Exposure: only by touch.",
    };
    why.push(match basis.zones {
        0 => reach.to_owned(),
        1 => format!("{reach} Devices of 1 other zone spoke to it; it would rank lower if none did."),
        zones => {
            format!("{reach} Devices of {zones} other zones spoke to it; it would rank lower if fewer did.")
        }
    });
    why.push(format!("Automatable: {}.", if basis.automatable { "yes" } else { "no" }));
    why.push(format!("Human impact: {}, by what depends on the device.", basis.human_impact.name()));
    why.push(match &vulnerability.epss {
        Some(epss) => format!(
            "EPSS: {:.1} % within 30 days (model {}, {}).",
            epss.probability * 100.0,
            epss.model,
            epss.date
        ),
        None => "EPSS: unknown.".to_owned(),
    });
    why.push(match &vulnerability.cvss {
        Some(cvss) => format!("CVSS {}: {:.1}.", cvss.version, cvss.score),
        None => "CVSS: unknown.".to_owned(),
    });
    if basis.unsupported {
        why.push(
            "Support has ended: nobody will correct it. It would rank lower with a supported version."
                .to_owned(),
        );
    }
    if let Some(rubric) = vulnerability.rubric.as_ref().filter(|rubric| !rubric.reasons.is_empty()) {
        let reasons = rubric.reasons.join("; ");
        why.push(format!("MITRE's rubric for medical devices: {:.1}, since {reasons}.", rubric.score));
    }
    why
}
