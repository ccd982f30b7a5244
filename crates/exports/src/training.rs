//! Training lists: for one role of staff, what to do and to stop doing about the weaknesses that were really seen on this
//! network, the gravest and most frequent first.
//!
//! The words are data (`knowledge/awareness.toml`): one short page for each kind of exposure and each situation of
//! vulnerabilities and devices' lives. A page whose weakness was not seen is not in a list, and a list never says that there is
//! nothing to learn: what was not seen may be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::LazyLock;

use askama::Template;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wardline_model::{
    Device, DeviceId, Exposure, Label, Lifecycle, LifecycleQuestion, LifecycleState, MatchKind, RemedyKind,
    Severity, Timestamp, Vulnerability,
};

const FILE: &str = include_str!("../../../knowledge/awareness.toml");

/// Zones that are named beside a page.
const ZONES_MAX: usize = 12;

/// Why pages cannot be used.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// The file is no list of pages.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
}

/// What somebody of the staff works as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffRole {
    /// Nurses and others at the bed.
    Nurse,
    /// Healthcare technology management: biomedical and clinical engineers.
    Htm,
    /// Network engineers.
    Network,
    /// Security analysts.
    Security,
    /// Whoever buys devices.
    Procurement,
}

impl StaffRole {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nurse, Self::Htm, Self::Network, Self::Security, Self::Procurement];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nurse => "nurse",
            Self::Htm => "htm",
            Self::Network => "network",
            Self::Security => "security",
            Self::Procurement => "procurement",
        }
    }

    /// For people.
    const fn title(self) -> &'static str {
        match self {
            Self::Nurse => "nurses and others at the bed",
            Self::Htm => "clinical engineering (HTM)",
            Self::Network => "network engineering",
            Self::Security => "security analysts",
            Self::Procurement => "procurement",
        }
    }
}

impl fmt::Display for StaffRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for StaffRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|role| role.name()).collect();
            format!("use one of: {}", names.join(", "))
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    #[serde(rename = "source")]
    _source: String,
    page: Vec<Page>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    subject: String,
    title: String,
    means: String,
    nurse: Option<Advice>,
    htm: Option<Advice>,
    network: Option<Advice>,
    security: Option<Advice>,
    procurement: Option<Advice>,
}

/// What to do and to stop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advice {
    #[serde(rename = "do")]
    start: Vec<String>,
    stop: Vec<String>,
}

impl Page {
    const fn of(&self, role: StaffRole) -> Option<&Advice> {
        match role {
            StaffRole::Nurse => self.nurse.as_ref(),
            StaffRole::Htm => self.htm.as_ref(),
            StaffRole::Network => self.network.as_ref(),
            StaffRole::Security => self.security.as_ref(),
            StaffRole::Procurement => self.procurement.as_ref(),
        }
    }
}

static SHIPPED: LazyLock<Vec<Page>> = LazyLock::new(|| pages(FILE).unwrap_or_default());

fn pages(text: &str) -> Result<Vec<Page>, TrainingError> {
    Ok(toml::from_str::<Pages>(text)?.page)
}

/// What was seen of one subject.
#[derive(Clone, Debug, Default)]
struct Seen {
    devices: BTreeSet<DeviceId>,
    /// How grave: severities of exposures, or what corresponds to them.
    worst: Option<Severity>,
}

/// Everything that was seen, by subject.
#[derive(Clone, Debug, Default)]
pub struct SeenWeaknesses {
    subjects: BTreeMap<&'static str, Seen>,
    zones: BTreeMap<DeviceId, Label>,
}

impl SeenWeaknesses {
    /// Remembers in which zones devices are.
    pub fn new(devices: &[Device]) -> Self {
        let zones = devices.iter().filter_map(|device| Some((device.id.clone(), device.zone.clone()?)));
        Self { zones: zones.collect(), ..Self::default() }
    }

    fn add(&mut self, subject: &'static str, device: Option<&DeviceId>, severity: Severity) {
        let seen = self.subjects.entry(subject).or_default();
        seen.devices.extend(device.cloned());
        seen.worst = seen.worst.max(Some(severity));
    }

    /// Adds what is weak.
    pub fn expose(&mut self, exposures: &[Exposure]) {
        for exposure in exposures {
            let device = exposure.device.as_ref().and_then(|device| device.id.as_ref());
            self.add(exposure.kind.name(), device, exposure.severity);
        }
    }

    /// Adds the patch queue.
    pub fn queue(&mut self, queue: &[Vulnerability]) {
        for entry in queue {
            let device = Some(&entry.device);
            if entry.matched.kind == MatchKind::Possible {
                self.add("must-be-looked-at", device, Severity::Low);
                continue;
            }
            if entry.kev {
                self.add("known-exploited", device, Severity::Critical);
            }
            match entry.fix.kind {
                RemedyKind::Update if entry.fix.needs_vendor_approval => {
                    self.add("waits-for-maker", device, Severity::Medium);
                }
                RemedyKind::Update => {}
                RemedyKind::Mitigation | RemedyKind::CompensatingControl => {
                    self.add("nothing-to-install", device, Severity::High);
                }
            }
        }
    }

    /// Adds what is known of a device's life.
    pub fn life(&mut self, lifecycle: &Lifecycle) {
        let device = Some(&lifecycle.device);
        for answer in &lifecycle.answers {
            match (answer.question, answer.state) {
                (LifecycleQuestion::SupportEnd, LifecycleState::Bad) => {
                    self.add("support-ended", device, Severity::High)
                }
                (LifecycleQuestion::Recalls, LifecycleState::Bad) => {
                    self.add("recalled", device, Severity::High)
                }
                (LifecycleQuestion::Recalls, LifecycleState::Doubtful) => {
                    self.add("recalled", device, Severity::Medium)
                }
                (LifecycleQuestion::BillOfMaterials, LifecycleState::Bad) => {
                    self.add("bill-missing", device, Severity::Low)
                }
                _ => {}
            }
        }
    }
}

/// A page of a training list.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingPage {
    /// Kind of exposure, or situation.
    pub subject: String,
    /// In plain words.
    pub title: String,
    /// What it means.
    pub means: String,
    /// What to do.
    #[serde(rename = "do")]
    pub start: Vec<String>,
    /// What to stop doing.
    pub stop: Vec<String>,
    /// On how many devices it was seen.
    pub devices: usize,
    /// In which zones, the first of them.
    pub zones: Vec<String>,
    /// How grave the gravest was.
    pub severity: Severity,
}

/// What one role should learn from what was seen here.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "training.html")]
pub struct TrainingList {
    /// For whom.
    pub role: StaffRole,
    /// For whom, in words.
    pub audience: &'static str,
    /// As of when.
    pub time: Timestamp,
    /// The gravest and most frequent first.
    pub pages: Vec<TrainingPage>,
}

impl TrainingList {
    /// The pages for a role whose weakness was seen.
    pub fn new(role: StaffRole, seen: &SeenWeaknesses, time: Timestamp) -> Self {
        let mut pages: Vec<TrainingPage> = SHIPPED
            .iter()
            .filter_map(|page| {
                let (advice, here) = (page.of(role)?, seen.subjects.get(page.subject.as_str())?);
                let zones: BTreeSet<&Label> =
                    here.devices.iter().filter_map(|device| seen.zones.get(device)).collect();
                Some(TrainingPage {
                    subject: page.subject.clone(),
                    title: page.title.clone(),
                    means: page.means.clone(),
                    start: advice.start.clone(),
                    stop: advice.stop.clone(),
                    devices: here.devices.len(),
                    zones: zones.into_iter().take(ZONES_MAX).map(ToString::to_string).collect(),
                    severity: here.worst.unwrap_or(Severity::Info),
                })
            })
            .collect();
        pages.sort_by_key(|page| std::cmp::Reverse((page.severity, page.devices)));
        Self { role, audience: role.title(), time, pages }
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut text = format!("Training for {}, from what was seen here ({})\n", self.audience, self.time);
        for page in &self.pages {
            text.push_str(&format!("\n{} ({} devices", page.title, page.devices));
            if !page.zones.is_empty() {
                text.push_str(&format!("; {}", page.zones.join(", ")));
            }
            text.push_str(&format!(")\n  {}\n", page.means));
            for line in &page.start {
                text.push_str(&format!("  + {line}.\n"));
            }
            for line in &page.stop {
                text.push_str(&format!("  - {line}.\n"));
            }
        }
        if self.pages.is_empty() {
            text.push_str("\nNothing was seen that this role should learn about. What was not seen may still be there.\n");
        }
        text
    }

    /// As a page that prints.
    pub fn write_html(&self, output: &mut impl Write) -> std::io::Result<()> {
        output.write_all(self.render().map_err(std::io::Error::other)?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use wardline_model::ExposureKind;

    use super::*;

    #[test]
    fn every_kind_and_situation_has_a_page_and_every_page_a_subject() {
        let pages = pages(FILE).unwrap();
        let situations = [
            "known-exploited",
            "waits-for-maker",
            "nothing-to-install",
            "support-ended",
            "recalled",
            "must-be-looked-at",
            "bill-missing",
        ];
        let mut known: BTreeSet<&str> = ExposureKind::ALL.iter().map(|kind| kind.name()).collect();
        known.extend(situations);
        let written: BTreeSet<&str> = pages.iter().map(|page| page.subject.as_str()).collect();
        assert_eq!(written, known);
        assert_eq!(pages.len(), written.len(), "one page each");
        for page in &pages {
            let advice: Vec<&Advice> = StaffRole::ALL.iter().filter_map(|role| page.of(*role)).collect();
            assert!(
                !advice.is_empty() && advice.iter().all(|advice| !advice.start.is_empty()),
                "{}",
                page.subject
            );
            // A page is read in a minute.
            let words: usize = advice
                .iter()
                .map(|advice| {
                    advice.start.iter().chain(&advice.stop).map(|line| line.split(' ').count()).sum::<usize>()
                })
                .max()
                .unwrap_or_default();
            assert!(words <= 90, "{}: {words} words", page.subject);
        }
    }

    #[test]
    fn a_list_holds_what_was_seen_and_nothing_else() {
        let mut seen = SeenWeaknesses::default();
        let device = |number: u8| DeviceId::from(format!("d-02000000000{number}").as_str());
        seen.zones.insert(device(1), Label::new("ward 1"));
        seen.add("legacy-os", Some(&device(1)), Severity::High);
        seen.add("legacy-os", Some(&device(2)), Severity::Low);
        seen.add("known-exploited", Some(&device(1)), Severity::Critical);
        let list = TrainingList::new(StaffRole::Nurse, &seen, Timestamp::default());
        let told: Vec<_> = list.pages.iter().map(|page| (page.subject.as_str(), page.devices)).collect();
        assert_eq!(told, [("known-exploited", 1), ("legacy-os", 2)]);
        assert_eq!(list.pages[1].zones, ["ward 1"]);
        assert!(list.text().contains("- Do not browse"), "{}", list.text());
        let mut html = Vec::new();
        list.write_html(&mut html).unwrap();
        assert!(String::from_utf8(html).unwrap().contains("Do not browse"));
        let none =
            TrainingList::new(StaffRole::Procurement, &SeenWeaknesses::default(), Timestamp::default());
        assert!(none.text().contains("may still be there"));
    }
}
