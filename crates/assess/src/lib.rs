//! Observations to conclusions: which devices are there, what is weak, what is happening.
//!
//! Pure: no clock, no disk, no network, no chance. The same observations give the same conclusions, byte for
//! byte; time is that of the observations.
//!
//! # Guarantees
//!
//! * Every claim carries what it rests on, down to the packet.
//! * Unknown is said as unknown; nothing unknown is shown as good.
//! * All state is bounded by [`limits`]; what is refused is counted in [`Assessor::over_limit`].
#![forbid(unsafe_code)]

mod assessor;
mod changes;
mod detection;
mod evidence;
mod exposures;
mod inventory;
mod knowledge;
pub mod limits;
mod retro_hunt;
pub mod segmentation;
mod vulnerabilities;

pub use assessor::{Assessor, Settings};
pub use changes::Changes;
pub use detection::catalogue::{Counterfactual, SERIOUS_RULES, SeriousRule};
pub use exposures::{DefaultCredential, default_credentials};
pub use retro_hunt::RetroHunt;
pub use vulnerabilities::{
    Advisories, Backtest, MatchMemory, NotAllowed, Products, Share, Surroundings, allowed, plan, rank,
    windows,
};
