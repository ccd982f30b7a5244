//! How urgent a vulnerability of a device is: the deployer tree of SSVC (CERT/CC, version 1.0.0).

use wardline_model::{Criticality, Exploitation, HumanImpact, Priority, Reach};

/// What depends on a device of this kind. Not knowing is no reason for calm.
pub(crate) const fn human_impact(criticality: Option<Criticality>) -> HumanImpact {
    match criticality {
        Some(Criticality::LifeSustaining) => HumanImpact::VeryHigh,
        Some(Criticality::Therapy) => HumanImpact::High,
        Some(Criticality::Diagnostic | Criticality::Monitoring | Criticality::Support) | None => {
            HumanImpact::Medium
        }
        Some(Criticality::It) => HumanImpact::Low,
    }
}

/// Rows: exploitation (none, proof of concept, active) by exposure (small, controlled, open). Columns: not automatable,
/// then automatable, each by human impact (low, medium, high, very high). D defer, S scheduled, O out of cycle, I
/// immediate.
const TREE: [&[u8; 8]; 9] = [
    b"DDSSDSSS",
    b"DSSSSSSS",
    b"DSSSSSSO",
    b"DSSSSSSS",
    b"DSSSSSSO",
    b"SSSOSSOO",
    b"SSOOSOOO",
    b"SSOOOOOO",
    b"SOOIOOII",
];

/// The outcome of the tree, in the words of the contract.
pub(crate) fn priority(
    exploitation: Exploitation,
    reach: Reach,
    automatable: bool,
    impact: HumanImpact,
) -> Priority {
    let row = exploitation as usize * 3 + reach as usize;
    let column = usize::from(automatable) * 4 + impact as usize;
    match TREE.get(row).and_then(|row| row.get(column)) {
        Some(b'I') => Priority::Act,
        Some(b'O') => Priority::Attend,
        Some(b'S') => Priority::TrackClosely,
        _ => Priority::Track,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLOITATION: [Exploitation; 3] =
        [Exploitation::None, Exploitation::ProofOfConcept, Exploitation::Active];
    const EXPOSURE: [Reach; 3] = [Reach::Small, Reach::Controlled, Reach::Open];
    const IMPACT: [HumanImpact; 4] =
        [HumanImpact::Low, HumanImpact::Medium, HumanImpact::High, HumanImpact::VeryHigh];

    #[test]
    fn worse_never_ranks_lower() {
        for e in 0..3 {
            for x in 0..3 {
                for h in 0..4 {
                    let here = priority(EXPLOITATION[e], EXPOSURE[x], false, IMPACT[h]);
                    assert!(priority(EXPLOITATION[e], EXPOSURE[x], true, IMPACT[h]) >= here);
                    assert!(priority(EXPLOITATION[(e + 1).min(2)], EXPOSURE[x], false, IMPACT[h]) >= here);
                    assert!(priority(EXPLOITATION[e], EXPOSURE[(x + 1).min(2)], false, IMPACT[h]) >= here);
                    assert!(priority(EXPLOITATION[e], EXPOSURE[x], false, IMPACT[(h + 1).min(3)]) >= here);
                }
            }
        }
    }

    #[test]
    fn the_corners_of_the_tree() {
        let at = priority;
        assert_eq!(at(Exploitation::None, Reach::Small, false, HumanImpact::Low), Priority::Track);
        assert_eq!(at(Exploitation::Active, Reach::Open, true, HumanImpact::VeryHigh), Priority::Act);
        assert_eq!(at(Exploitation::Active, Reach::Open, false, HumanImpact::VeryHigh), Priority::Act);
        assert_eq!(
            at(Exploitation::ProofOfConcept, Reach::Open, false, HumanImpact::VeryHigh),
            Priority::Attend
        );
    }

    /// All rows of the table as published, where it is at hand: `../intel` beside the corpus.
    #[test]
    fn every_published_row_comes_out_as_published() {
        let Some(corpus) = std::env::var_os("WARDLINE_CORPUS") else { return };
        let table = "../intel/ssvc/deployer_patch_application_priority_1_0_0.csv";
        let Ok(text) = std::fs::read_to_string(std::path::Path::new(&corpus).join(table)) else { return };
        let place = |names: &[&str], name: &str| names.iter().position(|known| *known == name).unwrap();
        let mut rows = 0;
        // The head has commas within quotes; no row has.
        for line in text.lines().skip(1) {
            let columns: Vec<_> = line.split(',').collect();
            let [_, exploitation, exposure, automatable, impact, outcome] = columns[..] else {
                panic!("{line}")
            };
            let here = priority(
                EXPLOITATION[place(&["none", "public poc", "active"], exploitation)],
                EXPOSURE[place(&["small", "controlled", "open"], exposure)],
                automatable == "yes",
                IMPACT[place(&["low", "medium", "high", "very high"], impact)],
            );
            let outcomes = [Priority::Track, Priority::TrackClosely, Priority::Attend, Priority::Act];
            let published = place(&["defer", "scheduled", "out-of-cycle", "immediate"], outcome);
            assert_eq!(here, outcomes[published], "{line}");
            rows += 1;
        }
        assert_eq!(rows, 72);
    }
}
