//! Which recalls name a device. Lots, serial numbers and versions stand in words: a recall is sure only where these words
//! name the device's own or all of them.

use wardline_model::{Device, DeviceRecall, Label, Match, MatchKind, Recall};

use super::super::product::{self, Likeness};
use super::super::with_parents;
use super::Products;

/// Recalls that are told of one device.
const RECALLS_MAX: usize = 50;
/// Shortest serial number or version that is looked for among words.
const MARK_BYTES_MIN: usize = 3;

/// Words by which all of a product are recalled.
const ALL: &[&str] = &[
    "all lots",
    "all serial",
    "all units",
    "all software versions",
    "all versions",
    "all models",
    "all devices",
];

impl Products {
    /// Recalls of a device, and the code of its kind by one that surely names it.
    pub(super) fn recalls(&self, device: &Device) -> (Vec<DeviceRecall>, Option<Label>) {
        let (Some(vendor), Some(model)) = (&device.vendor, &device.model) else { return (Vec::new(), None) };
        let makers = with_parents(vendor.as_str());
        let mut places: Vec<usize> =
            makers.iter().filter_map(|maker| self.recalls_of.get(maker)).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        let (mut found, mut code) = (Vec::new(), None);
        for recall in places.iter().filter_map(|place| self.recalls.get(*place)) {
            if product::likeness(model.as_str(), &recall.product, recall.firm.as_str())
                != Some(Likeness::Wholly)
            {
                continue;
            }
            let matched = compare(device, model, recall);
            // Words of another product may stand in a long description, but its kind is that of the product recalled.
            code = code.or_else(|| recall.product_code.clone());
            found.push(DeviceRecall {
                number: recall.number.clone(),
                class: recall.class,
                firm: recall.firm.clone(),
                reason: recall.reason.clone(),
                begun: recall.begun.clone(),
                ended: recall.ended.clone(),
                matched,
            });
        }
        found.sort_by(|one, other| {
            let place = |recall: &DeviceRecall| {
                (recall.ended.is_some(), recall.matched.kind, recall.class.unwrap_or(u8::MAX))
            };
            place(one)
                .cmp(&place(other))
                .then_with(|| other.begun.cmp(&one.begun))
                .then_with(|| one.number.cmp(&other.number))
        });
        found.truncate(RECALLS_MAX);
        (found, code)
    }
}

fn compare(device: &Device, model: &Label, recall: &Recall) -> Match {
    let names = format!("\u{201c}{model}\u{201d} is among the products");
    let words = format!("{} {}", recall.product, recall.codes).to_lowercase();
    let named = |mark: &Option<Label>| {
        mark.as_ref()
            .filter(|mark| {
                mark.as_str().len() >= MARK_BYTES_MIN && stands_alone(&words, &mark.as_str().to_lowercase())
            })
            .cloned()
    };
    if let Some(serial) = named(&device.serial) {
        return Match { kind: MatchKind::Exact, reason: format!("{names}; serial number {serial} is named") };
    }
    if let Some(version) = named(&device.firmware) {
        return Match { kind: MatchKind::Exact, reason: format!("{names}; version {version} is named") };
    }
    if ALL.iter().any(|all| words.contains(all)) {
        return Match { kind: MatchKind::Product, reason: format!("{names}; all of them are recalled") };
    }
    Match { kind: MatchKind::Possible, reason: format!("{names}; compare lots, serial numbers and versions") }
}

/// Whether a mark stands in words, and is no part of a longer one.
fn stands_alone(words: &str, mark: &str) -> bool {
    let joins = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric());
    words.match_indices(mark).any(|(place, _)| {
        let (before, rest) = words.split_at(place);
        let after = rest.get(mark.len()..).unwrap_or_default();
        // `2.1` is not named by `2.1.5`, but may end a sentence.
        let goes_on = after.strip_prefix('.').is_some_and(|after| joins(after.chars().next()));
        let began = before.strip_suffix('.').is_some_and(|before| joins(before.chars().next_back()));
        !joins(before.chars().next_back()) && !joins(after.chars().next()) && !goes_on && !began
    })
}

#[cfg(test)]
mod tests {
    use super::stands_alone;

    #[test]
    fn marks_are_no_parts_of_longer_ones() {
        assert!(stands_alone("software 2.1 and 2.2.", "2.1") && stands_alone("software 2.2.", "2.2"));
        assert!(!stands_alone("software 2.1.5", "2.1") && !stands_alone("software 12.1", "2.1"));
        assert!(!stands_alone("1.2.1", "2.1") && !stands_alone("sn ab123", "b12"));
    }
}
