//! Until when a device and its operating system are supported, and how late it is.

use wardline_model::{Device, Disclosure, Label, MatchKind, RemedyKind, SupportPeriod, Vulnerability};

use super::super::product::{self, Likeness};
use super::super::versions::Version;
use super::super::with_parents;
use super::{Products, days, disclosed};
use crate::exposures::support_ended;

/// A period of support that applies to a device.
pub(super) struct Applies {
    /// Of what: the product, or its operating system.
    pub name: String,
    pub ends: Option<Label>,
    pub security_ends: Option<Label>,
    pub latest: Option<Label>,
    pub latest_released: Option<Label>,
    pub source: Label,
    /// Surely of this version and edition.
    pub sure: bool,
    pub is_product: bool,
}

/// Everything that is known of a device's support on a day.
pub(super) struct Support {
    pub periods: Vec<Applies>,
    pub day: String,
}

impl Support {
    /// The last day of support of whatever surely ends first: corrections count, where they last longer than general support.
    pub(super) fn ends(&self) -> Option<&str> {
        self.periods.iter().filter(|period| period.sure).filter_map(Applies::end).min()
    }

    /// Whether something's support is surely over.
    pub(super) fn is_over(&self) -> bool {
        self.ends().is_some_and(|end| end < self.day.as_str())
    }
}

impl Applies {
    pub(super) fn end(&self) -> Option<&str> {
        self.security_ends.as_ref().or(self.ends.as_ref()).map(Label::as_str)
    }
}

impl Products {
    pub(super) fn support(&self, device: &Device, disclosure: Option<&Disclosure>, day: &str) -> Support {
        let mut periods = Vec::new();
        if let (Some(vendor), Some(model)) = (&device.vendor, &device.model) {
            let makers = with_parents(vendor.as_str());
            let mut places: Vec<usize> =
                makers.iter().filter_map(|maker| self.support_of.get(maker)).flatten().copied().collect();
            places.sort_unstable();
            places.dedup();
            let named: Vec<&SupportPeriod> = places
                .iter()
                .filter_map(|place| self.support.get(*place))
                .filter(|period| {
                    period.products.iter().any(|product| {
                        let maker = period.vendor.as_str();
                        product::likeness(model.as_str(), product.as_str(), maker) == Some(Likeness::Wholly)
                    })
                })
                .collect();
            periods.extend(of_line(&named, device.firmware.as_ref()));
        }
        if let Some(os) = &device.os {
            periods.extend(self.of_system(os, true));
        } else if let Some(os) = disclosure.and_then(disclosed::system) {
            periods.extend(self.of_system(&os, false));
        }
        Support { periods, day: day.to_owned() }
    }

    /// The line of an operating system: every word of its name and of the line stands in what it is called here.
    fn of_system(&self, os: &Label, sure: bool) -> Option<Applies> {
        let called = product::words(os.as_str());
        let has = |text: &str| {
            let words = product::words(&text.replace(['-', '.'], " "));
            !words.is_empty() && words.iter().all(|word| called.contains(word))
        };
        let dotted = |cycle: &str| os.as_str().split(' ').any(|word| word == cycle);
        let places = called.iter().filter_map(|word| self.support_called.get(word)).flatten();
        let of_line = places.filter_map(|place| self.support.get(*place)).filter(|period| {
            let cycle = period.cycle.as_str();
            let here = cycle.is_empty() || dotted(cycle) || (!cycle.contains('.') && has(cycle));
            here && period.products.iter().any(|product| has(product.as_str()))
        });
        // The longest line is the closest: `10 1809` rather than `10`.
        if let Some(period) = of_line.max_by_key(|period| period.cycle.as_str().len()) {
            return Some(applies(period, format!("its operating system {os}"), sure, false));
        }
        let (day, some_longer) = support_ended(os)?;
        Some(Applies {
            name: format!("its operating system {os}"),
            ends: Some(Label::new(day)),
            security_ends: None,
            latest: None,
            latest_released: None,
            source: Label::new("Microsoft's product life-cycle pages"),
            sure: sure && !some_longer,
            is_product: false,
        })
    }
}

fn applies(period: &SupportPeriod, name: String, sure: bool, is_product: bool) -> Applies {
    Applies {
        name,
        ends: period.ends.clone(),
        security_ends: period.security_ends.clone(),
        latest: period.latest.clone(),
        latest_released: period.latest_released.clone(),
        source: period.source.clone(),
        sure,
        is_product,
    }
}

/// Of all lines of a product the one that a version is of. Where the version is not known, the line that ends last, unsurely.
fn of_line(named: &[&SupportPeriod], version: Option<&Label>) -> Option<Applies> {
    let within = |period: &&&SupportPeriod| {
        let cycle = period.cycle.as_str().trim_end_matches(".x").trim_end_matches(".*");
        cycle.is_empty()
            || version.is_some_and(|version| {
                let rest = version.as_str().trim_start_matches(['v', 'V']).strip_prefix(cycle);
                rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
            })
    };
    let name = |period: &SupportPeriod| {
        let product = period.products.first().map(Label::as_str).unwrap_or_default();
        format!("{product} {}", period.cycle).trim().to_owned()
    };
    if let Some(period) = named.iter().filter(within).max_by_key(|period| period.cycle.as_str().len()) {
        return Some(applies(period, name(period), true, true));
    }
    if version.is_some() {
        return None;
    }
    let last = named.iter().max_by_key(|period| period.security_ends.as_ref().or(period.ends.as_ref()))?;
    Some(applies(last, name(last), false, true))
}

/// How late a device is.
pub(super) struct Lateness {
    /// Days since a newer version came out, its name, and who says so.
    pub newer: Option<(u32, String, Label)>,
    /// It has the newest version of its line.
    pub newest: Option<Label>,
    /// Days since the oldest advisory whose correction is not installed, and that advisory.
    pub oldest: Option<(u32, Label)>,
}

impl Lateness {
    pub(super) fn days(&self) -> Option<u32> {
        let newer = self.newer.as_ref().map(|(days, ..)| *days);
        newer.max(self.oldest.as_ref().map(|(days, _)| *days))
    }
}

pub(super) fn lateness(device: &Device, support: &Support, open: &[&Vulnerability], day: &str) -> Lateness {
    let today = days(day);
    let since = |day: &str| u32::try_from((today? - days(day)?).max(0)).ok();
    let mut late = Lateness { newer: None, newest: None, oldest: None };
    let here = device.firmware.as_ref();
    let of_product = support.periods.iter().find(|period| period.is_product && period.sure);
    if let (Some(period), Some(here)) = (of_product, here)
        && let Some(latest) = &period.latest
        && let (Some(here), Some(newest)) = (Version::parse(here.as_str()), Version::parse(latest.as_str()))
    {
        match here.compare(&newest) {
            Some(std::cmp::Ordering::Less) => {
                let released = period.latest_released.as_ref().and_then(|day| since(day.as_str()));
                late.newer = Some((released.unwrap_or_default(), latest.to_string(), period.source.clone()));
            }
            Some(_) => late.newest = Some(period.source.clone()),
            None => {}
        }
    }
    let corrections = open
        .iter()
        .filter(|entry| entry.fix.kind == RemedyKind::Update && entry.matched.kind != MatchKind::Possible);
    late.oldest = corrections
        .filter_map(|entry| Some((since(&entry.basis.released?.to_string())?, entry.advisory.clone())))
        .max_by(|one, other| (one.0, &other.1).cmp(&(other.0, &one.1)));
    late
}
