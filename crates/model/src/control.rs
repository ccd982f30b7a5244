//! What a program without rights may ask of the enforcer, over a socket of its machine: a line of JSON each way.
//!
//! Whoever may write to the socket is trusted to say who asks. Everything that the enforcer refuses of the command line it
//! refuses here.

use serde::{Deserialize, Serialize};

use crate::{Label, Policy, Timestamp};

/// Bytes of a request; the largest policy is smaller.
pub const CONTROL_BYTES_MAX: u64 = 256 << 20;

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ControlRequest {
    /// What is in force?
    Status,
    /// Put a policy in force until somebody confirms it, or the time is over.
    Apply {
        /// Policy.
        policy: Box<Policy>,
        /// Seconds to confirm.
        confirm_within_s: u64,
        /// Seconds that restrictions outlive the keeper.
        lease_s: u64,
        /// Who.
        by: String,
    },
    /// Make the change that waits the one that stays.
    Confirm {
        /// Who.
        by: String,
    },
    /// Take back what waits, or else what was confirmed last.
    Rollback {
        /// Who.
        by: String,
    },
}

/// What the enforcer answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum ControlAnswer {
    /// It is done, or was asked only; this is in force now.
    Status(EnforcementStatus),
    /// It is not done.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnforcementStatus {
    /// Whether the kernel restricts now.
    pub leased: bool,
    /// Name and size of the policy in force.
    pub policy: Option<EnforcedPolicy>,
    /// Seconds left to confirm it, where it waits.
    pub confirm_within_s: Option<u64>,
    /// Devices in quarantine.
    pub quarantines: Vec<EnforcedQuarantine>,
    /// The newest acts of the log, the newest first.
    pub acts: Vec<EnforcementAct>,
    /// Why the log is not to be trusted, where it is not.
    pub log_problem: Option<String>,
}

/// A policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnforcedPolicy {
    /// Name.
    pub name: Label,
    /// Number of the change.
    pub generation: u64,
    /// Rules.
    pub rules: u64,
    /// Members.
    pub members: u64,
    /// Life-sustaining conversations accepted first.
    pub protected: u64,
}

/// A device in quarantine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnforcedQuarantine {
    /// Device as it was named.
    pub device: String,
    /// Rung of the ladder.
    pub step: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Timestamp,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnforcementAct {
    /// When.
    pub time: Timestamp,
    /// What.
    pub act: String,
    /// With what.
    pub subject: String,
    /// Who.
    pub by: String,
    /// Details.
    pub detail: String,
}
