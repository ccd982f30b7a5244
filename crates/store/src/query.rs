//! Questions to a store, and its answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wardline_model::{Attack, Category, Criticality, DeviceId, ExposureKind, Priority, Severity, Timestamp};

/// A page of a longer list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
    /// Offset of the next page, if there is one.
    pub next: Option<u64>,
}

/// By what devices are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceSort {
    /// Name.
    #[default]
    Name,
    /// Category, then name.
    Category,
    /// Maker, then name.
    Vendor,
    /// Last seen.
    LastSeen,
    /// First seen.
    FirstSeen,
    /// Confidence.
    Confidence,
}

/// Which devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceQuery {
    /// Text in name, address, vendor, model or serial number; any case.
    pub text: Option<String>,
    /// Category.
    pub category: Option<Category>,
    /// Zone.
    pub zone: Option<String>,
    /// Criticality.
    pub criticality: Option<Criticality>,
    /// Order.
    pub sort: DeviceSort,
    /// Last first.
    pub descending: bool,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingQuery {
    /// At least this severe.
    pub severity_min: Option<Severity>,
    /// Kind of attack.
    pub attack: Option<Attack>,
    /// Device that suffers or acts.
    pub device: Option<DeviceId>,
    /// Seen at or after this time.
    pub since: Option<Timestamp>,
    /// Begun before this time.
    pub until: Option<Timestamp>,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

/// Which exposures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExposureQuery {
    /// Kind.
    pub kind: Option<ExposureKind>,
    /// At least this severe.
    pub severity_min: Option<Severity>,
    /// Whose.
    pub device: Option<DeviceId>,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

/// Which vulnerabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VulnerabilityQuery {
    /// Text in the name of the device, the vulnerability or the advisory; any case.
    pub text: Option<String>,
    /// At least this urgent.
    pub priority_min: Option<Priority>,
    /// Whose.
    pub device: Option<DeviceId>,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

/// Which conversations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowQuery {
    /// Device at either end.
    pub device: Option<DeviceId>,
    /// Ended at or after this time.
    pub since: Option<Timestamp>,
    /// Begun before this time.
    pub until: Option<Timestamp>,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

/// Which edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EdgeQuery {
    /// Device at either end.
    pub device: Option<DeviceId>,
    /// Hours that end after this time.
    pub since: Option<Timestamp>,
    /// Hours that begin before this time.
    pub until: Option<Timestamp>,
    /// The newest `limit` of them, whatever `offset` says; still in the order of time.
    pub newest: bool,
    /// How many to leave out.
    pub offset: u64,
    /// How many at most; 0 is all.
    pub limit: u64,
}

impl EdgeQuery {
    /// Where in the whole list a page of so many items begins.
    pub(crate) const fn begin(&self, total: u64, items: usize) -> u64 {
        if self.newest { total.saturating_sub(items as u64) } else { self.offset }
    }
}

/// Counts for the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Devices by category.
    pub devices: BTreeMap<Category, u64>,
    /// Devices by zone; those whose zone is not known under the empty name.
    pub zones: BTreeMap<String, u64>,
    /// Devices by what depends on them, where that is known.
    pub criticalities: BTreeMap<Criticality, u64>,
    /// Devices whose maker is not known.
    pub without_vendor: u64,
    /// Findings by severity.
    pub findings: BTreeMap<Severity, u64>,
    /// Findings by kind of attack.
    pub attacks: BTreeMap<Attack, u64>,
    /// Exposures by kind.
    pub exposures: BTreeMap<ExposureKind, u64>,
    /// Places in the patch queue.
    #[serde(default)]
    pub vulnerabilities: u64,
    /// Packets read.
    pub packets: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Packets that the kernel dropped.
    pub dropped: u64,
    /// Conversations that ended.
    pub flows: u64,
    /// Capture time of the first packet of any device.
    pub oldest: Option<Timestamp>,
    /// Capture time of the newest packet.
    pub newest: Option<Timestamp>,
    /// Number of the newest batch.
    pub sequence: u64,
}

/// The limit as SQLite wants it, where -1 is all.
pub(crate) fn sql_limit(limit: u64) -> i64 {
    if limit == 0 { -1 } else { i64::try_from(limit).unwrap_or(i64::MAX) }
}

impl<T> Page<T> {
    pub(crate) fn new(items: Vec<T>, total: u64, offset: u64) -> Self {
        let reached = offset.saturating_add(items.len() as u64);
        let next = (reached < total && !items.is_empty()).then_some(reached);
        Self { items, total, next }
    }
}
