//! How long CISA's Binding Operational Directive 26-04 would leave (decision table `cisa_bod_26_04` 1.0.0, CERT/CC).
//!
//! It binds federal agencies of the United States. Elsewhere it is a published measure to compare one's own dates with: it
//! explains a place in the queue and does not decide it.

/// What the table asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// In CISA's catalogue of known exploited vulnerabilities.
    pub known_exploited: bool,
    /// The internet reaches the device.
    pub publicly_exposed: bool,
    /// An attack can be done by a machine on many targets.
    pub automatable: bool,
    /// An attack takes all of the device, not a part.
    pub total_impact: bool,
}

/// When it should be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// With the next upgrade of the system.
    SystemUpgrade,
    /// 60 days.
    SixtyDays,
    /// 14 days.
    FourteenDays,
    /// Three days.
    ThreeDays,
    /// Three days, and somebody looks whether it has been used already.
    ThreeDaysAndInvestigation,
}

impl Deadline {
    /// The deadline of the table.
    pub(crate) const fn of(question: Question) -> Self {
        let Question { known_exploited, publicly_exposed, automatable, total_impact } = question;
        match (known_exploited, publicly_exposed, automatable, total_impact) {
            (true, true, _, true) | (true, false, true, true) => Self::ThreeDaysAndInvestigation,
            (true, true, true, false) | (false, true, true, true) => Self::ThreeDays,
            (true, _, _, _) | (false, true, true, false) | (false, true, false, true) => Self::FourteenDays,
            (false, true, false, false) | (false, false, true, _) => Self::SixtyDays,
            (false, false, false, _) => Self::SystemUpgrade,
        }
    }

    /// In the words of the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SystemUpgrade => "fix on system upgrade",
            Self::SixtyDays => "60 days",
            Self::FourteenDays => "14 days",
            Self::ThreeDays => "3 days",
            Self::ThreeDaysAndInvestigation => "3 days & forensic investigation",
        }
    }
}

/// Whether an attack takes all of confidentiality, integrity and availability, by a CVSS vector of version 3 or 4. `None`
/// where there is no vector.
pub(crate) fn total_impact(vector: &str) -> Option<bool> {
    if vector.is_empty() {
        return None;
    }
    let all = |metrics: [&str; 3]| metrics.iter().all(|metric| vector.split('/').any(|part| part == *metric));
    Some(all(["C:H", "I:H", "A:H"]) || all(["VC:H", "VI:H", "VA:H"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_never_gives_more_time() {
        let at = |bits: u8| {
            Deadline::of(Question {
                known_exploited: bits & 1 > 0,
                publicly_exposed: bits & 2 > 0,
                automatable: bits & 4 > 0,
                total_impact: bits & 8 > 0,
            })
        };
        for bits in 0..16_u8 {
            for worse in [1, 2, 4, 8] {
                assert!(at(bits | worse) >= at(bits), "{bits:04b} and {worse:04b}");
            }
        }
    }

    #[test]
    fn impact_is_total_only_when_all_three_are_high() {
        assert_eq!(total_impact("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), Some(true));
        assert_eq!(
            total_impact("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
            Some(true)
        );
        assert_eq!(total_impact("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"), Some(false));
        assert_eq!(total_impact(""), None);
    }

    /// All rows of the table as published, where it is at hand: `../intel` beside the corpus.
    #[test]
    fn every_published_row_comes_out_as_published() {
        let Some(corpus) = std::env::var_os("WARDLINE_CORPUS") else { return };
        let path = std::path::Path::new(&corpus).join("../intel/ssvc/cisa_bod_26_04_1_0_0.csv");
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let mut rows = 0;
        for line in text.lines().skip(1) {
            let columns: Vec<_> = line.split(',').collect();
            let [_, known, exposed, automatable, impact, deadline] = columns[..] else { panic!("{line}") };
            let question = Question {
                known_exploited: known == "yes",
                publicly_exposed: exposed == "yes",
                automatable: automatable == "yes",
                total_impact: impact == "total",
            };
            assert_eq!(Deadline::of(question).name(), deadline, "{line}");
            rows += 1;
        }
        assert_eq!(rows, 16);
    }
}
