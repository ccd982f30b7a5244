//! How many attacks are found, how fast, and how often peace is taken for one.
//!
//! Simulated hospitals of `wardline-lab` go frame by frame through the same pipeline and assessor as a capture does,
//! without a file in between. What was found is compared with what was done. Nothing here tells the detectors
//! anything that an administrator would not write into a site file.
#![forbid(unsafe_code)]

mod report;
mod run;
mod statistics;
mod trial;

pub use report::table;
pub use run::{Done, Results, Scope, run};
pub use statistics::{poisson_upper, proportion_lower};
pub use trial::{Claim, Outcome, Peace, attacked, peaceful};
