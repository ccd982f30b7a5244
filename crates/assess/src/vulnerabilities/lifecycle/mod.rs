//! A device's life: how long it is supported, whether security updates are promised, how late they are, what was recalled, and
//! whether it is known what it is made of.
//!
//! Each question gets an answer, also where nobody knows: silence of the sources is `unknown`, never `good`.

mod answers;
mod disclosed;
mod recalls;
mod support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use wardline_model::{
    Category, Device, DeviceClass, DeviceId, Disclosure, Label, Lifecycle, Recall, SupportPeriod,
    Vulnerability,
};

use super::components::Bills;
use super::product::{self, Likeness};
use super::{vendors, with_parents};

pub(super) use disclosed::system;

const CODES: &str = include_str!("../../../../../knowledge/product-codes.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    #[serde(rename = "source")]
    _source: String,
    codes: BTreeMap<Category, Vec<Label>>,
}

/// FDA's codes of each kind of device.
static PRODUCT_CODES: LazyLock<BTreeMap<Category, Vec<Label>>> =
    LazyLock::new(|| toml::from_str::<Codes>(CODES).map(|file| file.codes).unwrap_or_default());

/// What makers and authorities say about products, beside vulnerabilities.
#[derive(Default)]
pub struct Products {
    disclosures: Vec<Disclosure>,
    recalls: Vec<Recall>,
    classes: BTreeMap<Label, DeviceClass>,
    support: Vec<SupportPeriod>,
    /// Places by the one name of the maker.
    disclosures_of: BTreeMap<String, Vec<usize>>,
    recalls_of: BTreeMap<String, Vec<usize>>,
    support_of: BTreeMap<String, Vec<usize>>,
    /// Places by the first word of each of a product's names.
    support_called: BTreeMap<String, Vec<usize>>,
}

fn by_maker<'a>(makers: impl Iterator<Item = &'a Label>) -> BTreeMap<String, Vec<usize>> {
    let mut places = BTreeMap::<String, Vec<usize>>::new();
    for (place, maker) in makers.enumerate() {
        for name in vendors(maker.as_str()) {
            places.entry(name).or_default().push(place);
        }
    }
    places
}

impl Products {
    /// Makes an index. Of several statements about one product the last counts.
    pub fn new(
        mut disclosures: Vec<Disclosure>,
        mut recalls: Vec<Recall>,
        classes: Vec<DeviceClass>,
        support: Vec<SupportPeriod>,
    ) -> Self {
        disclosures.sort_by(|one, other| (one.edition, &one.released).cmp(&(other.edition, &other.released)));
        // One recall is told by two sources, of which one knows its class and one the kind of device.
        recalls.sort_by(|one, other| {
            (&one.number, one.class.is_none()).cmp(&(&other.number, other.class.is_none()))
        });
        recalls.dedup_by(|other, one| {
            let same = one.number == other.number;
            if same {
                one.product_code = one.product_code.take().or_else(|| other.product_code.take());
                one.ended = one.ended.take().or_else(|| other.ended.take());
            }
            same
        });
        let disclosures_of = by_maker(disclosures.iter().map(|one| &one.vendor));
        let recalls_of = by_maker(recalls.iter().map(|one| &one.firm));
        let support_of = by_maker(support.iter().map(|one| &one.vendor));
        let mut support_called: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, period) in support.iter().enumerate() {
            let firsts =
                period.products.iter().filter_map(|name| product::words(name.as_str()).into_iter().next());
            for first in firsts.collect::<std::collections::BTreeSet<_>>() {
                support_called.entry(first).or_default().push(place);
            }
        }
        let mut known: BTreeMap<Label, DeviceClass> = BTreeMap::new();
        for class in classes {
            // An entry of the classification says more than a recall that repeats it.
            let better = known.get(&class.code).is_none_or(|known| !known.life_sustaining);
            if better {
                known.insert(class.code.clone(), class);
            }
        }
        Self {
            disclosures,
            recalls,
            classes: known,
            support,
            disclosures_of,
            recalls_of,
            support_of,
            support_called,
        }
    }

    /// What the maker of a device disclosed about its model, the newest.
    pub(super) fn disclosure(&self, device: &Device) -> Option<&Disclosure> {
        let (vendor, model) = (device.vendor.as_ref()?, device.model.as_ref()?);
        let mut places: Vec<usize> = with_parents(vendor.as_str())
            .iter()
            .filter_map(|maker| self.disclosures_of.get(maker))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        let of_model = |form: &&Disclosure| {
            product::likeness(model.as_str(), form.product.as_str(), form.vendor.as_str())
                == Some(Likeness::Wholly)
        };
        places.iter().rev().filter_map(|place| self.disclosures.get(*place)).find(of_model)
    }

    /// Whether the maker says that a device holds personal data.
    pub(super) fn holds_personal_data(&self, device: &Device) -> Option<bool> {
        disclosed::is_so(self.disclosure(device)?, "holds patient data")
    }

    /// Whether support of a device or its operating system is surely over on a day.
    pub(super) fn is_unsupported(&self, device: &Device, day: &str) -> bool {
        self.support(device, self.disclosure(device), day).is_over()
    }

    /// What FDA says about the kind of a device: by the code of a recall that surely names it, or by what it is.
    fn classes(&self, device: &Device, code: Option<&Label>) -> Vec<DeviceClass> {
        let by_code = code.and_then(|code| self.classes.get(code));
        if let Some(class) = by_code {
            return vec![class.clone()];
        }
        let codes = PRODUCT_CODES.get(&device.category).map_or(&[][..], Vec::as_slice);
        codes.iter().filter_map(|code| self.classes.get(code)).cloned().collect()
    }

    /// Everything about devices' lives on a day (`2026-01-31`).
    pub(super) fn lifecycles(
        &self,
        devices: &[Device],
        queue: &[Vulnerability],
        bills: &Bills,
        day: &str,
    ) -> Vec<Lifecycle> {
        let mut of_device: BTreeMap<&DeviceId, Vec<&Vulnerability>> = BTreeMap::new();
        for vulnerability in queue {
            of_device.entry(&vulnerability.device).or_default().push(vulnerability);
        }
        let none = Vec::new();
        devices
            .iter()
            .map(|device| self.lifecycle(device, of_device.get(&device.id).unwrap_or(&none), bills, day))
            .collect()
    }

    fn lifecycle(&self, device: &Device, open: &[&Vulnerability], bills: &Bills, day: &str) -> Lifecycle {
        let disclosure = self.disclosure(device);
        let support = self.support(device, disclosure, day);
        let (recalls, code) = self.recalls(device);
        let late = support::lateness(device, &support, open, day);
        let answers = vec![
            answers::support_end(&support),
            answers::security_updates(&support, disclosure),
            answers::update_lateness(&late),
            answers::recalls(&recalls, !self.recalls.is_empty()),
            answers::bill_of_materials(bills.held(device), disclosure),
        ];
        Lifecycle {
            device: device.id.clone(),
            day: Label::new(day),
            answers,
            support_end: support.ends().map(Label::new),
            late_days: late.days(),
            recalls,
            classes: self.classes(device, code.as_ref()),
            disclosed: disclosure.map(disclosed::properties).unwrap_or_default(),
        }
    }
}

/// Days since the first of January 1970 of a day as `2026-01-31`; the proleptic Gregorian calendar.
fn days(day: &str) -> Option<i64> {
    // A time may stand behind it.
    let mut parts = day.get(..10)?.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, of_month) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&of_month) {
        return None;
    }
    // The year begins in March, so that the day that is sometimes missing is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month - 1;
    Some(year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468)
}

#[cfg(test)]
mod tests;
