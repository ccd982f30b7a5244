//! Risk profiles of device classes: what a listener on the network can see of them, what it cannot, and what that means.
//! Data: `knowledge/risk-profiles.toml`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use wardline_model::Category;

const FILE: &str = include_str!("../../../knowledge/risk-profiles.toml");

/// What is known of a class of devices before anything is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskProfile {
    /// What people call the class.
    pub class: String,
    /// Categories that it covers.
    pub categories: Vec<Category>,
    /// What can be seen by listening.
    pub seen: Vec<String>,
    /// What cannot.
    pub unseen: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// Where that is published.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "profile")]
    profiles: Vec<RiskProfile>,
}

static PROFILES: LazyLock<Vec<RiskProfile>> =
    LazyLock::new(|| toml::from_str::<File>(FILE).map(|file| file.profiles).unwrap_or_default());

impl RiskProfile {
    /// The profile of a category; `None` where nobody wrote one.
    pub fn of(category: Category) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.categories.contains(&category))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let file: File = toml::from_str(FILE).unwrap();
        let mut categories: Vec<_> = file.profiles.iter().flat_map(|profile| &profile.categories).collect();
        let all = categories.len();
        categories.sort();
        categories.dedup();
        assert_eq!(categories.len(), all, "a category has two profiles");
        for RiskProfile { class, seen, unseen, risks, source, .. } in &file.profiles {
            assert!(!source.is_empty(), "{class}");
            for list in [seen, unseen, risks] {
                assert!(!list.is_empty() && list.iter().all(|text| !text.is_empty()), "{class}");
            }
        }
    }

    #[test]
    fn the_classes_at_a_patient_have_one() {
        for category in [
            Category::PacemakerProgrammer,
            Category::Defibrillator,
            Category::CardiacImplantMonitor,
            Category::InsulinPump,
            Category::InfusionPump,
            Category::ImagingModality,
        ] {
            assert!(RiskProfile::of(category).is_some(), "{category}");
        }
        assert!(RiskProfile::of(Category::Printer).is_none());
    }
}
