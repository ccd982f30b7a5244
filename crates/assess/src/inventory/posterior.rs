//! From claims to what is believed.
//!
//! Claims for the same value from different sources support each other as independent witnesses: a value is
//! wrong only if all of them are. What is believed changes only when another value is clearly better, so that a
//! device does not flap between two names.

use std::collections::BTreeMap;

use wardline_model::{Category, Claim, DeviceField, Label};

use crate::limits::NAMES_PER_DEVICE_MAX;

/// By how much another value must be better before it is believed instead.
const HYSTERESIS: f32 = 0.1;
/// Doubt up to which a value is taken as certain.
const SURE_DOUBT_MAX: f32 = 0.35;
/// Below this a category is not worth naming.
const CATEGORY_CONFIDENCE_MIN: f32 = 0.3;

/// Belief about every attribute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posterior {
    candidates: BTreeMap<DeviceField, Vec<Candidate>>,
    believed: BTreeMap<DeviceField, Label>,
}

#[derive(Clone, Debug)]
struct Candidate {
    value: Label,
    /// The probability that every witness is wrong.
    doubt: f32,
}

impl Posterior {
    pub(super) fn add(&mut self, claim: &Claim) {
        let candidates = self.candidates.entry(claim.field).or_default();
        let doubt = (1.0 - claim.confidence).clamp(0.0, 1.0);
        match candidates.iter_mut().find(|candidate| candidate.value == claim.value) {
            Some(candidate) => candidate.doubt *= doubt,
            None => candidates.push(Candidate { value: claim.value.clone(), doubt }),
        }
        self.believe(claim.field);
    }

    fn believe(&mut self, field: DeviceField) {
        let Some(candidates) = self.candidates.get(&field) else { return };
        let best = candidates.iter().fold(None::<&Candidate>, |best, candidate| match best {
            Some(best) if best.doubt <= candidate.doubt => Some(best),
            _ => Some(candidate),
        });
        let Some(best) = best else { return };
        let current = self
            .believed
            .get(&field)
            .and_then(|value| candidates.iter().find(|candidate| candidate.value == *value));
        if current.is_none_or(|current| best.doubt + HYSTERESIS < current.doubt) {
            self.believed.insert(field, best.value.clone());
        }
    }

    /// The value believed, where its witnesses leave little doubt.
    pub(super) fn sure(&self, field: DeviceField) -> Option<Label> {
        self.believed.get(&field).filter(|believed| self.is_sure(field, believed)).cloned()
    }

    /// Whether the witnesses of a value leave little doubt, whatever others say.
    pub(super) fn is_sure(&self, field: DeviceField, value: &Label) -> bool {
        let candidates = self.candidates.get(&field).into_iter().flatten();
        candidates
            .filter(|candidate| candidate.value == *value)
            .any(|candidate| candidate.doubt <= SURE_DOUBT_MAX)
    }

    /// The value believed.
    pub(super) fn best(&self, field: DeviceField) -> Option<Label> {
        self.believed.get(&field).cloned()
    }

    /// All values, the most certain first, then as they were first seen.
    pub(super) fn all(&self, field: DeviceField) -> Vec<Label> {
        let mut candidates: Vec<_> = self.candidates.get(&field).into_iter().flatten().collect();
        candidates.sort_by(|one, two| one.doubt.total_cmp(&two.doubt));
        let mut values: Vec<Label> = Vec::new();
        for candidate in candidates {
            if values.len() < NAMES_PER_DEVICE_MAX {
                values.push(candidate.value.clone());
            }
        }
        values
    }

    /// The category believed; unknown where nothing is certain enough, or where two are as good.
    pub(super) fn category(&self) -> Category {
        if self.category_confidence() < CATEGORY_CONFIDENCE_MIN {
            return Category::Unknown;
        }
        let believed = self.believed.get(&DeviceField::Category);
        believed
            .and_then(|name| Category::ALL.iter().copied().find(|known| known.name() == name.as_str()))
            .unwrap_or_default()
    }

    /// How certain the category is, 0 to 1: its witnesses against those of all others.
    pub(super) fn category_confidence(&self) -> f32 {
        let Some(believed) = self.believed.get(&DeviceField::Category) else { return 0.0 };
        let candidates = self.candidates.get(&DeviceField::Category).map_or(&[][..], Vec::as_slice);
        candidates.iter().fold(1.0, |confidence: f32, candidate| {
            if candidate.value == *believed {
                confidence * (1.0 - candidate.doubt)
            } else {
                confidence * candidate.doubt.max(0.5)
            }
        })
    }
}
