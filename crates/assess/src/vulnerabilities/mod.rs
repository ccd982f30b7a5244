//! Which device has which vulnerability, how urgent that is, and what to do.
//!
//! Advisories name products in words. A device is matched by maker (with its former names), by the words that tell
//! products apart, and by version where both sides give one that can be compared. What cannot be compared is
//! `possible` and left to a person; it is never taken as "not affected". Statements of makers that a product is not
//! affected or fixed (VEX) are respected.
//!
//! The order is total and follows from the stored records alone ([`rank`]): SSVC's deployer tree first, then exploitation,
//! harm, reach, prediction and score. More exposed, more exploited or more harmful never ranks lower.

mod backtest;
mod components;
mod directive;
#[cfg(test)]
mod gold;
mod lifecycle;
mod memory;
mod order;
mod plan;
mod priority;
mod product;
mod rubric;
mod surroundings;
mod versions;

pub use backtest::{Backtest, Share};
pub use lifecycle::Products;
pub use memory::MatchMemory;
pub use order::rank;
pub use plan::{NotAllowed, allowed, plan, windows};
pub use surroundings::Surroundings;

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{
    AdvisedVulnerability, Advisory, Basis, BillOfMaterials, Device, Disclosure, Epss, ExploitPrediction,
    Exploitation, ExploitedVulnerability, Exposure, Fix, Label, Lifecycle, Match, MatchKind,
    ProductStatement, ProductStatus, Reach, RemedyKind, StakeholderFacts, Vulnerability,
};

use crate::inventory::default_criticality;
use crate::knowledge::Knowledge;
use components::Bills;
use directive::{Deadline, Question, total_impact as total_impact_by};
use product::Likeness;
use versions::{Answer, Version, Versions};

/// Longest text of a remedy that is kept, bytes.
const REMEDY_BYTES_MAX: usize = 700;
/// Vulnerabilities kept; beyond it the least urgent go.
const VULNERABILITIES_MAX: usize = 500_000;

/// What the network can do where the maker offers nothing.
const COMPENSATING_CONTROL: &str = "No correction of the maker is known. Let the device speak with the servers that it needs and with nobody else (`wardline segment propose`), and watch it.";

/// Advisories and scores, ready to be asked about.
#[derive(Default)]
pub struct Advisories {
    advisories: Vec<Advisory>,
    /// By the maker's one name: advisory, vulnerability, statement.
    by_vendor: BTreeMap<String, Vec<Place>>,
    exploited: BTreeMap<Label, ExploitedVulnerability>,
    predictions: BTreeMap<Label, ExploitPrediction>,
    stakeholder: BTreeMap<Label, StakeholderFacts>,
    bills: Bills,
    /// Texts of versions, read once: few are told apart by as many statements as there are.
    versions: BTreeMap<String, Versions>,
    products: Products,
    /// The day on which it is asked, as `2026-01-31`; empty where support is not looked at.
    day: String,
    /// Computes a base score from a vector of CVSS 3; `None` where the rubric is not applied.
    score: Option<fn(&str) -> Option<f64>>,
}

/// Place of a statement: advisory, vulnerability, statement.
type Place = (usize, usize, usize);

/// What met one device, by vulnerability.
#[derive(Default)]
struct Met {
    best: BTreeMap<Label, Found>,
    excused: BTreeSet<Label>,
}

/// A match of one statement.
#[derive(Clone)]
struct Found {
    advisory: usize,
    vulnerability: usize,
    statement: usize,
    matched: Match,
}

impl Advisories {
    /// Makes an index. Of several revisions of one advisory the last counts.
    pub fn new(
        mut advisories: Vec<Advisory>,
        exploited: Vec<ExploitedVulnerability>,
        predictions: Vec<ExploitPrediction>,
        stakeholder: Vec<StakeholderFacts>,
    ) -> Self {
        advisories.sort_by(|one, other| (&one.id, one.released).cmp(&(&other.id, other.released)));
        advisories.reverse();
        let mut seen = BTreeSet::new();
        advisories.retain(|advisory| seen.insert(advisory.id.clone()));
        advisories.reverse();
        let mut by_vendor: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut versions = BTreeMap::new();
        for (a, advisory) in advisories.iter().enumerate() {
            for (v, vulnerability) in advisory.vulnerabilities.iter().enumerate() {
                for (s, statement) in vulnerability.products.iter().enumerate() {
                    if !versions.contains_key(&statement.versions) {
                        versions.insert(statement.versions.clone(), Versions::parse(&statement.versions));
                    }
                    for vendor in vendors(statement.vendor.as_str()) {
                        by_vendor.entry(vendor).or_default().push((a, v, s));
                    }
                }
            }
        }
        let mut newest: BTreeMap<Label, ExploitPrediction> = BTreeMap::new();
        for prediction in predictions {
            let known = newest.get(&prediction.cve).is_some_and(|known| known.date >= prediction.date);
            if !known {
                newest.insert(prediction.cve.clone(), prediction);
            }
        }
        Self {
            advisories,
            by_vendor,
            exploited: exploited.into_iter().map(|entry| (entry.cve.clone(), entry)).collect(),
            predictions: newest,
            stakeholder: stakeholder.into_iter().map(|entry| (entry.cve.clone(), entry)).collect(),
            bills: Bills::default(),
            versions,
            products: Products::default(),
            day: String::new(),
            score: None,
        }
    }

    /// The same, with what products are made of: advisories about parts then meet the devices that hold them.
    pub fn with_bills(mut self, bills: Vec<BillOfMaterials>) -> Self {
        self.bills = Bills::new(bills, &self.advisories);
        self
    }

    /// The same, with what makers and authorities say about products on a day (`2026-01-31`).
    pub fn with_products(mut self, products: Products, day: &str) -> Self {
        self.products = products;
        day.clone_into(&mut self.day);
        self
    }

    /// The same, with MITRE's rubric for medical devices; `score` computes the base score of a vector of CVSS 3.
    pub fn with_rubric(mut self, score: fn(&str) -> Option<f64>) -> Self {
        self.score = Some(score);
        self
    }

    /// Whether there is nothing to ask about.
    pub fn is_empty(&self) -> bool {
        self.advisories.is_empty()
    }

    /// What is known of devices' lives, with the queue that was computed for them.
    pub fn lifecycles(&self, devices: &[Device], queue: &[Vulnerability]) -> Vec<Lifecycle> {
        self.products.lifecycles(devices, queue, &self.bills, &self.day)
    }

    /// The queue of all devices, the most urgent first, by what is weak about them alone.
    pub fn queue<'a>(
        &self,
        devices: &[Device],
        exposures: impl IntoIterator<Item = &'a Exposure>,
    ) -> Vec<Vulnerability> {
        self.queue_within(devices, &Surroundings::new(exposures))
    }

    /// The queue of all devices, the most urgent first, by what was heard around them.
    pub fn queue_within(&self, devices: &[Device], surroundings: &Surroundings) -> Vec<Vulnerability> {
        self.queue_with(devices, surroundings, |_, device| self.matches(device))
    }

    /// The same; what was matched before and cannot have changed is taken from the memory, which is then that of this queue.
    pub fn queue_remembering(
        &self,
        devices: &[Device],
        surroundings: &Surroundings,
        memory: &mut MatchMemory,
    ) -> Vec<Vulnerability> {
        let mut recall = memory::Recall::new(self, memory);
        let queue = self.queue_with(devices, surroundings, |kind, device| recall.matches(kind, device));
        recall.finish(memory);
        queue
    }

    fn queue_with(
        &self,
        devices: &[Device],
        surroundings: &Surroundings,
        mut matches: impl FnMut(&memory::Kind, &Device) -> Vec<Found>,
    ) -> Vec<Vulnerability> {
        // Devices of one make, model and version have the same vulnerabilities.
        let mut known: BTreeMap<memory::Kind, (Vec<Found>, Upkeep)> = BTreeMap::new();
        let mut queue = Vec::new();
        for device in devices {
            let kind =
                [device.vendor.clone(), device.model.clone(), device.firmware.clone(), device.os.clone()];
            if !known.contains_key(&kind) {
                let found = matches(&kind, device);
                let upkeep = if found.is_empty() { Upkeep::default() } else { self.upkeep(device) };
                known.insert(kind.clone(), (found, upkeep));
            }
            for (found, upkeep) in known
                .get(&kind)
                .into_iter()
                .flat_map(|(all, upkeep)| all.iter().map(move |one| (one, *upkeep)))
            {
                queue.push(self.judge(device, found, surroundings, upkeep));
            }
        }
        order::rank(&mut queue);
        queue.truncate(VULNERABILITIES_MAX);
        queue
    }

    /// Every statement that meets a device or a part of it, the surest of each vulnerability.
    fn matches(&self, device: &Device) -> Vec<Found> {
        let mut met = Met::default();
        for Subject { maker: vendor, model, version, disclosed } in
            subjects(device, self.products.disclosure(device))
        {
            // Many statements are about one product.
            let mut likenesses: BTreeMap<(&str, &str), Option<Likeness>> = BTreeMap::new();
            let (places, spelt) = self.of_maker(&vendor);
            for place in places {
                let Some((_, statement)) = self.at(*place) else { continue };
                let names = (statement.product.as_str(), statement.vendor.as_str());
                let likeness =
                    *likenesses.entry(names).or_insert_with(|| product::likeness(&model, names.0, names.1));
                let Some(versions) = self.versions.get(&statement.versions) else { continue };
                if let Some(mut matched) = meets(statement, versions, likeness, &model, version.as_deref()) {
                    if !spelt {
                        matched.kind = MatchKind::Possible;
                        matched.reason.push_str("; the makers' names differ by a letter");
                    }
                    if disclosed {
                        matched.kind = MatchKind::Possible;
                        matched.reason.push_str("; its maker discloses this operating system (MDS2)");
                    }
                    self.meet(*place, matched, &mut met);
                }
            }
        }
        for part in self.bills.parts(device) {
            let version = part.component.version.as_ref().map(Label::as_str);
            for place in self.bills.named(part.component) {
                let Some((_, statement)) = self.at(*place) else { continue };
                // Found by the whole name; what is called like its maker (OpenSSL) has no other word to compare.
                let (name, likeness) = (part.component.name.as_str(), Some(Likeness::Wholly));
                let Some(versions) = self.versions.get(&statement.versions) else { continue };
                if let Some(matched) = meets(statement, versions, likeness, name, version) {
                    self.meet(*place, components::within(&part, &statement.vendor, matched), &mut met);
                }
            }
        }
        let Met { best, excused } = met;
        best.into_iter().filter(|(cve, _)| !excused.contains(cve)).map(|(_, found)| found).collect()
    }

    /// Statements about products of a maker, and whether his name is spelt as theirs; where nobody is called so, those of
    /// makers whose names differ by a letter.
    fn of_maker(&self, vendor: &str) -> (Vec<&Place>, bool) {
        if let Some(places) = self.by_vendor.get(vendor) {
            return (places.iter().collect(), true);
        }
        let alike = self.by_vendor.iter().filter(|(name, _)| product::misspelt(name, vendor));
        (alike.flat_map(|(_, places)| places).collect(), false)
    }

    fn meet(&self, place: Place, mut matched: Match, met: &mut Met) {
        let Some((vulnerability, statement)) = self.at(place) else { return };
        let cve = vulnerability.cve.clone();
        match statement.status {
            ProductStatus::NotAffected | ProductStatus::Fixed => {
                if matched.kind != MatchKind::Possible {
                    met.excused.insert(cve);
                }
            }
            ProductStatus::Affected | ProductStatus::UnderInvestigation => {
                if statement.status == ProductStatus::UnderInvestigation {
                    matched.kind = MatchKind::Possible;
                    matched.reason.push_str("; the maker still investigates");
                }
                let surer = met.best.get(&cve).is_none_or(|known| matched.kind < known.matched.kind);
                if surer {
                    let (advisory, vulnerability, statement) = place;
                    met.best.insert(cve, Found { advisory, vulnerability, statement, matched });
                }
            }
        }
    }

    fn at(&self, (a, v, s): Place) -> Option<(&AdvisedVulnerability, &ProductStatement)> {
        let vulnerability = self.advisories.get(a)?.vulnerabilities.get(v)?;
        Some((vulnerability, vulnerability.products.get(s)?))
    }

    /// What all devices of a kind share.
    fn upkeep(&self, device: &Device) -> Upkeep {
        Upkeep {
            unsupported: !self.day.is_empty() && self.products.is_unsupported(device, &self.day),
            holds_personal_data: self.products.holds_personal_data(device),
        }
    }

    /// The record without its rank.
    fn judge(
        &self,
        device: &Device,
        found: &Found,
        surroundings: &Surroundings,
        upkeep: Upkeep,
    ) -> Vulnerability {
        let advisory = self.advisories.get(found.advisory);
        let vulnerability = advisory.and_then(|advisory| advisory.vulnerabilities.get(found.vulnerability));
        let cve = vulnerability.map(|vulnerability| vulnerability.cve.clone()).unwrap_or_default();
        let kev = self.exploited.get(&cve);
        let stakeholder = self.stakeholder.get(&cve);
        let prediction = self.predictions.get(&cve);
        let cvss = vulnerability.and_then(|vulnerability| vulnerability.cvss.clone());
        let vector = cvss.as_ref().map(|cvss| cvss.vector.as_str().to_owned()).unwrap_or_default();
        let physical = vector.contains("/AV:P");
        let by_vector = vector.contains("/AV:N") && vector.contains("/PR:N") && vector.contains("/UI:N");
        let criticality = device.criticality.or_else(|| default_criticality(device.category));
        let function = rubric::Function::of(device.category, criticality, upkeep.holds_personal_data);
        let rubric = cvss.as_ref().zip(function).zip(self.score);
        let rubric = rubric.and_then(|((cvss, function), score)| rubric::adjust(cvss, function, score));
        let basis = Basis {
            exploitation: match (kev, stakeholder) {
                (Some(_), _) => Exploitation::Active,
                (None, Some(facts)) => facts.exploitation,
                (None, None) => Exploitation::None,
            },
            exploited_since: kev.map(|entry| entry.added.clone()),
            reach: if physical { Reach::Small } else { surroundings.reach(&device.id) },
            zones: surroundings.zones(&device.id),
            automatable: stakeholder.and_then(|facts| facts.automatable).unwrap_or(by_vector),
            human_impact: priority::human_impact(criticality),
            revision: advisory.map(|advisory| advisory.revision.clone()).unwrap_or_default(),
            released: advisory.and_then(|advisory| advisory.released),
            unsupported: upkeep.unsupported,
        };
        let mut record = Vulnerability {
            device: device.id.clone(),
            device_name: device.display_name(),
            cve,
            advisory: advisory.map(|advisory| advisory.id.clone()).unwrap_or_default(),
            matched: found.matched.clone(),
            cvss,
            rubric,
            epss: prediction.map(|prediction| Epss {
                probability: prediction.probability,
                percentile: prediction.percentile,
                model: prediction.model.clone(),
                date: prediction.date.clone(),
            }),
            kev: kev.is_some(),
            priority: order::priority_of(&basis),
            rank: 0,
            basis,
            fix: fix(vulnerability, found.statement, device.category.is_medical()),
            why: Vec::new(),
            plan: None,
        };
        record.why = order::why(&record, kev.is_some_and(|entry| entry.ransomware));
        let total_impact = stakeholder.and_then(|facts| facts.total_impact);
        if let Some(total_impact) = total_impact.or_else(|| total_impact_by(&vector)) {
            let deadline = Deadline::of(Question {
                known_exploited: record.kev,
                publicly_exposed: record.basis.reach == Reach::Open,
                automatable: record.basis.automatable,
                total_impact,
            });
            let sentence =
                format!("CISA BOD 26-04, which binds US agencies, would leave: {}.", deadline.name());
            record.why.push(sentence);
        }
        record
    }
}

/// The names under which the maker, or makers, of a statement are known here.
fn vendors(text: &str) -> Vec<String> {
    let knowledge = Knowledge::embedded();
    let name = |text: &str| knowledge.vendor(text).map(|label| label.as_str().to_lowercase());
    let mut names: Vec<String> = name(text).into_iter().collect();
    // Lists of makers, and a former name in brackets.
    for part in text.split([',', ';', '(', ')', '/']).filter(|part| part.trim().len() >= 2) {
        names.extend(name(part.trim()));
    }
    names.sort();
    names.dedup();
    names
}

/// The names of a device's maker, and of the firms that he is or was a part of.
fn with_parents(text: &str) -> Vec<String> {
    let knowledge = Knowledge::embedded();
    let own = knowledge.vendor(text);
    let parents = own.iter().flat_map(|own| knowledge.parents(own.as_str()));
    let mut names = vendors(text);
    names.extend(parents.map(|parent| parent.as_str().to_lowercase()));
    names
}

/// What is known of how devices of a kind are kept up.
#[derive(Clone, Copy, Default)]
struct Upkeep {
    unsupported: bool,
    /// What the maker says of it.
    holds_personal_data: Option<bool>,
}

/// What can be matched about a device.
struct Subject {
    /// By his one name.
    maker: String,
    model: String,
    version: Option<String>,
    /// Its maker says so of all of its model; nobody saw it on this one.
    disclosed: bool,
}

/// Itself, and its operating system: as seen, or as its maker discloses it.
fn subjects(device: &Device, disclosure: Option<&Disclosure>) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    if let (Some(vendor), Some(model)) = (text(&device.vendor), text(&device.model)) {
        for maker in with_parents(&vendor) {
            let (model, version) = (model.clone(), text(&device.firmware));
            subjects.push(Subject { maker, model, version, disclosed: false });
        }
    }
    let (os, disclosed) = match &device.os {
        Some(os) => (Some(os.clone()), false),
        None => (disclosure.and_then(lifecycle::system), true),
    };
    if let Some(os) = os.filter(|os| os.as_str().starts_with("Windows")) {
        for maker in vendors("microsoft") {
            subjects.push(Subject { maker, model: os.to_string(), version: None, disclosed });
        }
    }
    subjects
}

/// Whether a statement is about a product of this model and version.
fn meets(
    statement: &ProductStatement,
    versions: &Versions,
    likeness: Option<Likeness>,
    model: &str,
    version: Option<&str>,
) -> Option<Match> {
    let product = statement.product.as_str();
    match versions {
        Versions::Models(models) => return of_models(statement, models, likeness, model),
        Versions::Codes { models, .. } if product::names_model(model, models) => {
            return of_models(statement, models, likeness, model);
        }
        _ => {}
    }
    let Some(likeness) = likeness else {
        // A model may be named among words that cannot be read.
        let named = *versions == Versions::Unread
            && product::likeness(model, &statement.versions, statement.vendor.as_str()).is_some();
        return named.then(|| Match {
            kind: MatchKind::Possible,
            reason: format!(
                "\u{201c}{model}\u{201d} may be meant by \u{201c}{}\u{201d} of \u{201c}{product}\u{201d}",
                statement.versions
            ),
        });
    };
    let names = format!("\u{201c}{model}\u{201d} is \u{201c}{product}\u{201d}");
    if likeness == Likeness::Partly {
        return Some(Match {
            kind: MatchKind::Possible,
            reason: format!(
                "\u{201c}{model}\u{201d} may be \u{201c}{product}\u{201d}: the names share words"
            ),
        });
    }
    let listed = &statement.versions;
    let read = version.and_then(|text| Some((text, Version::parse(text)?)));
    let (kind, about) = match (versions, read) {
        (Versions::All, _) => (MatchKind::Product, "all versions are named".to_owned()),
        (Versions::Unread | Versions::Models(_), _) => {
            (MatchKind::Possible, format!("\u{201c}{listed}\u{201d} must be read by a person"))
        }
        (_, None) => match version {
            Some(text) => (
                MatchKind::Possible,
                format!("version \u{201c}{text}\u{201d} cannot be compared with \u{201c}{listed}\u{201d}"),
            ),
            None => {
                (MatchKind::Possible, format!("its version is not known; named are \u{201c}{listed}\u{201d}"))
            }
        },
        (_, Some((text, version))) => match versions.holds(&version) {
            Answer::Named => (MatchKind::Exact, format!("version {text} is named")),
            Answer::Within => (MatchKind::Range, format!("version {text} lies in \u{201c}{listed}\u{201d}")),
            Answer::Outside => return None,
            Answer::Unknown => (
                MatchKind::Possible,
                format!("version {text} cannot be compared with \u{201c}{listed}\u{201d}"),
            ),
        },
    };
    Some(Match { kind, reason: format!("{names}; {about}") })
}

/// Whether a device is one of the models that stand where versions should.
fn of_models(
    statement: &ProductStatement,
    models: &[String],
    likeness: Option<Likeness>,
    model: &str,
) -> Option<Match> {
    let (product, listed) = (statement.product.as_str(), &statement.versions);
    if product::names_model(model, models) {
        let reason = format!("the model \u{201c}{model}\u{201d} is among \u{201c}{listed}\u{201d}");
        return Some(Match { kind: MatchKind::Product, reason });
    }
    // A device that tells another model is none of them; one that tells no more than the product's name may be.
    let open = likeness == Some(Likeness::Wholly) && product::tells_no_other(model, product);
    open.then(|| Match {
        kind: MatchKind::Possible,
        reason: format!(
            "\u{201c}{product}\u{201d} fits, but which of \u{201c}{listed}\u{201d} it is is not known"
        ),
    })
}

fn fix(vulnerability: Option<&AdvisedVulnerability>, statement: usize, medical: bool) -> Fix {
    let remedies = vulnerability.map_or(&[][..], |vulnerability| vulnerability.remedies.as_slice());
    let place = u32::try_from(statement).unwrap_or(u32::MAX);
    let applies = |kind: RemedyKind| {
        remedies.iter().find(|remedy| {
            remedy.kind == kind && (remedy.products.is_empty() || remedy.products.contains(&place))
        })
    };
    let remedy = applies(RemedyKind::Update).or_else(|| applies(RemedyKind::Mitigation));
    match remedy {
        Some(remedy) => {
            let end = remedy.text.floor_char_boundary(REMEDY_BYTES_MAX);
            Fix {
                kind: remedy.kind,
                text: remedy.text.get(..end).unwrap_or_default().trim().to_owned(),
                needs_vendor_approval: medical && remedy.kind == RemedyKind::Update,
            }
        }
        None => Fix {
            kind: RemedyKind::CompensatingControl,
            text: COMPENSATING_CONTROL.to_owned(),
            needs_vendor_approval: false,
        },
    }
}
