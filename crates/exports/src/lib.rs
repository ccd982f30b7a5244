//! Records and policies to what others read: the site report as one HTML page that needs nothing else, the rules of
//! firewalls, and the events of other programs.
#![forbid(unsafe_code)]

pub mod bedside;
mod compliance;
pub mod events;
mod passport;
pub mod policy;
mod profile;
mod report;
mod training;
mod vex;

pub use compliance::{ComplianceReport, Control, Framework, Measure, Proof, Records, Standing};
pub use passport::DevicePassport;
pub use profile::RiskProfile;
pub use report::SiteReport;
pub use training::{SeenWeaknesses, StaffRole, TrainingError, TrainingList, TrainingPage};
pub use vex::{VexAuthor, VexForm, vex};
