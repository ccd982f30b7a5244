//! A simulated hospital and its attackers.
//!
//! [`Hospital`] is an endless, time-ordered stream of Ethernet frames, made from a seed: the same seed gives the same
//! bytes. Wards, imaging, laboratory, pharmacy and IT speak as the standards say; patients are admitted, moved and
//! discharged; monitors and pumps report. Attacks are added on demand, and [`Hospital::labels`] says what they were.
//!
//! Part of the traffic was recorded from real software and is played at the addresses of the hospital. The other bytes
//! are built from the standards alone. Nothing is shared with the parsers that are tested with them. Every
//! person is invented.
#![forbid(unsafe_code)]

mod attack;
mod campus;
mod conversation;
mod devices;
mod frames;
mod hospital;
mod labels;
mod patients;
mod recorded;
mod speech;
mod writer;

pub use attack::{AttackKind, AttackPlan};
pub use campus::{
    Assault, CONTROLS, Campus, CampusOptions, DISTURBANCES, Disturbance, Happened, Planned, Variant, variants,
};
pub use hospital::{Hospital, LabFrame, Options};
pub use labels::{AttackLabel, DeviceLabel, Labels, RecordingLabel};
pub use writer::write_capture;
