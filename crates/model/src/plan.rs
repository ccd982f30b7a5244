//! Who does what about a vulnerability of a device, and by when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Label, Timestamp};

/// How far a correction is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PatchStatus {
    /// Nobody has begun.
    #[default]
    Open,
    /// A time is set.
    Planned,
    /// The network keeps it away from those who could use it.
    Mitigated,
    /// The device has the maker's correction.
    Patched,
}

impl PatchStatus {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Planned => "planned",
            Self::Mitigated => "mitigated",
            Self::Patched => "patched",
        }
    }
}

/// Something that a person decided. Days are written as `2026-01-31` and are days of UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum PlanAction {
    /// It has an owner and a day.
    Assign {
        /// Who sees to it.
        owner: Label,
        /// By which day.
        due: Label,
    },
    /// The maker allows the correction on this device.
    Approve {
        /// Where that is written: a letter, a bulletin.
        reference: Label,
    },
    /// It may stay as it is, for a reason and a time.
    Except {
        /// Why.
        reason: Label,
        /// Until the end of which day.
        until: Label,
    },
    /// It is so far.
    Status {
        /// How far.
        status: PatchStatus,
    },
}

/// One decision. What was decided is never taken back: another decision follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanEvent {
    /// When.
    pub time: Timestamp,
    /// Who decided.
    pub by: Label,
    /// About which device.
    pub device: DeviceId,
    /// About which vulnerability.
    pub cve: Label,
    /// What.
    #[serde(flatten)]
    pub action: PlanAction,
}

/// What a vulnerability may stay as it is by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatchException {
    /// Who allowed it.
    pub approver: Label,
    /// Why.
    pub reason: Label,
    /// Until the end of which day.
    pub until: Label,
    /// Whether that day is past.
    pub expired: bool,
}

/// What was decided about one vulnerability of one device, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// How far it is.
    pub status: PatchStatus,
    /// Who sees to it.
    pub owner: Option<Label>,
    /// By which day.
    pub due: Option<Label>,
    /// Whether that day is past and nothing was done.
    pub overdue: bool,
    /// Where the maker allows the correction.
    pub approval: Option<Label>,
    /// The exception, also one that has ended.
    pub exception: Option<PatchException>,
    /// What is to be done next.
    pub next: String,
    /// Every decision, the oldest first.
    pub history: Vec<PlanEvent>,
}

/// Hours of a week in which a device has little to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatchWindow {
    /// Day of the week, Monday is 0, of UTC.
    pub weekday: u8,
    /// First hour, 0 to 23, of UTC.
    pub hour: u8,
    /// How many hours.
    pub hours: u8,
    /// Conversations in these hours, a week on average, rounded up.
    pub conversations: u64,
}
