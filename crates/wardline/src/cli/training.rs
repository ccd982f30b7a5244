//! Words of `wardline training`.

use std::path::PathBuf;

use clap::Args;
use wardline_exports::StaffRole;

/// A training list: what one role of staff should do, and stop doing, about the weaknesses that were really seen here.
///
/// The gravest and most frequent come first. Pages are in plain words, and hold no addresses and nothing of patients.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline training --role nurse
  wardline training --role htm --html > training-htm.html
  wardline training --role procurement --json")]
pub(crate) struct Training {
    /// For whom: nurse, htm (clinical engineering), network, security or procurement.
    #[arg(long, value_name = "ROLE")]
    pub role: StaffRole,
    /// HTML that prints, instead of text.
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// JSON.
    #[arg(long)]
    pub json: bool,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}
