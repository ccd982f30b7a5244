//! Findings: something is happening.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceReference, Evidence, Label, Timestamp};

/// How bad it is. Ordered from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it when there is time.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// A patient may be in danger.
    Critical,
}

impl Severity {
    /// Every severity, least first.
    pub const ALL: &'static [Self] = &[Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| format!("{text} is no severity; use info, low, medium, high or critical"))
    }
}

macro_rules! attacks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// The kind of attack that a finding speaks of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Attack {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl Attack {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

attacks! {
    /// A device stops.
    Outage = "outage",
    /// A pseudo sensor, or an altered device.
    Physical = "physical",
    /// A message is altered on its way.
    MessageCorruption = "message-corruption",
    /// One patient's data as another's.
    FalseNode = "false-node",
    /// Somebody gathers information, or puts himself in the way to do so.
    PassiveGathering = "passive-gathering",
    /// Loops and overwriting.
    Routing = "routing",
    /// Listening in on a room.
    Eavesdropping = "eavesdropping",
    /// Extra messages to the recipients.
    TrafficAnalysis = "traffic-analysis",
    /// Denial of service, ransom, lock-out.
    DenialOfService = "denial-of-service",
    /// A device loses its settings.
    NodeMalfunction = "node-malfunction",
    /// Known bad addresses, names, files.
    ThreatIntel = "threat-intel",
    /// Against the site's own rules.
    PolicyViolation = "policy-violation",
    /// Unlike what is normal here.
    Anomaly = "anomaly",
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something is happening. Record `finding` of the contract.
///
/// One attack is one finding that grows: the same `id` comes again with a greater `updates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable identifier.
    pub id: String,
    /// When it was decided, capture time.
    pub time: Timestamp,
    /// When it began.
    pub started: Timestamp,
    /// When it was last seen to go on.
    pub last_seen: Timestamp,
    /// Kind of attack.
    pub attack: Attack,
    /// MITRE ATT&CK techniques, ICS and Enterprise.
    pub techniques: Vec<String>,
    /// Rule that decided.
    pub detector: Label,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Who suffers.
    pub device: Option<DeviceReference>,
    /// Who acts.
    pub source: Option<DeviceReference>,
    /// One sentence.
    pub summary: String,
    /// What it rests on; the first items and the newest.
    pub evidence: Vec<Evidence>,
    /// How many observations support it.
    pub observations: u64,
    /// How often it grew.
    pub updates: u64,
    /// What would have kept it silent.
    pub silent_if: String,
    /// What it means at the bedside.
    pub clinical: String,
    /// What to do, in order.
    pub playbook: Vec<String>,
}
