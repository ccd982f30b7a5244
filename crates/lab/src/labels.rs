//! What is true of a simulated capture: the answers that a test compares with.

use std::net::Ipv4Addr;

use serde::Serialize;
use wardline_model::{Attack, Category, MacAddress};

/// A device that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceLabel {
    /// Link address.
    pub mac: MacAddress,
    /// Network address.
    pub ip: Ipv4Addr,
    /// Name.
    pub name: String,
    /// Maker.
    pub vendor: String,
    /// Model.
    pub model: String,
    /// What kind of thing it is.
    pub category: Category,
    /// Where it stands.
    pub place: String,
}

/// An attack that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttackLabel {
    /// Kind, as in findings.
    pub attack: Attack,
    /// Variant.
    pub variant: String,
    /// Begin, nanoseconds since 1970.
    pub start_ns: i64,
    /// End, nanoseconds since 1970.
    pub end_ns: i64,
    /// Who suffers.
    pub victim: Ipv4Addr,
    /// Who acts; none where his address is made up.
    pub source: Option<Ipv4Addr>,
    /// Link address of who acts.
    pub source_mac: MacAddress,
}

/// A recording of real software that was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordingLabel {
    /// Its name in `fixtures/recorded`.
    pub name: String,
    /// What spoke: package and version of each.
    pub software: Vec<String>,
    /// The stations that it was moved to.
    pub stations: Vec<Ipv4Addr>,
    /// When it was played, nanoseconds since 1970.
    pub start_ns: i64,
}

/// Everything true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Devices.
    pub devices: Vec<DeviceLabel>,
    /// Attacks.
    pub attacks: Vec<AttackLabel>,
    /// Recordings of real software among the traffic.
    pub recordings: Vec<RecordingLabel>,
    /// Names, numbers and birth dates of invented patients: none may be in any output.
    pub canaries: Vec<String>,
}
