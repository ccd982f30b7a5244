//! Attacks on demand. Victim, attacker, variant and timing are drawn from the seed.

use serde::{Deserialize, Serialize};

/// Which attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttackKind {
    /// A desk claims the addresses of a device and of the gateway.
    ArpInterception,
    /// A device is flooded with SYNs, or with datagrams.
    Flood,
    /// The monitor at one bed reports the patient of another.
    PatientSwap,
}

/// When an attack is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackPlan {
    /// Which attack.
    pub kind: AttackKind,
    /// Seconds after the begin of the capture. A swap needs the admissions to be settled: at least 400.
    pub start_s: u32,
    /// Seconds that it lasts.
    pub length_s: u32,
}
