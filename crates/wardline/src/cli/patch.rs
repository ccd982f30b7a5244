//! Words of `wardline patch`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use wardline_model::{Label, PatchStatus};

use super::Listing;

/// The patch queue: which device needs which correction first, and why; and what is decided about it.
///
/// Devices of the state directory are matched with the advisories that are kept there. The order is that of the SSVC
/// deployer tree, then exploitation, harm, reach, prediction and score; --json gives the reason for each place.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  wardline patch --limit 20
  wardline patch --json --device d-0009fb123456
  wardline patch show d-0009fb123456
  wardline patch assign d-0009fb123456 CVE-2025-0001 --owner 'Bo Example' --due 2026-02-01 --by 'Ada Example'
  wardline patch approve d-0009fb123456 CVE-2025-0001 --reference 'maker bulletin 7' --by 'Ada Example'
  wardline patch except d-0009fb123456 CVE-2025-0001 --reason 'in use until the move' --until 2026-03-01 --by 'Ada Example'
  wardline patch status d-0009fb123456 CVE-2025-0001 planned --by 'Bo Example'
  wardline patch vex --to openvex --publisher 'Example Hospital' --namespace https://hospital.example
  wardline patch simulate --patched d-0009fb123456 --alone 'Ward 3'"
)]
pub(crate) struct Patch {
    #[command(subcommand)]
    pub verb: Option<PatchVerb>,
    /// Advisories and scores besides those that are kept: a folder or file (repeatable).
    #[arg(long, value_name = "DIR")]
    pub feeds: Vec<PathBuf>,
    /// Only this device.
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    #[command(flatten)]
    pub listing: Listing,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PatchVerb {
    /// What was decided about a device, what comes next, and when it has time.
    Show {
        /// The device.
        #[arg(value_name = "DEVICE")]
        device: String,
        /// JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Give it an owner and a day.
    Assign {
        #[command(flatten)]
        subject: Subject,
        /// Who sees to it.
        #[arg(long, value_name = "NAME", value_parser = words)]
        owner: Label,
        /// By which day, as 2026-01-31.
        #[arg(long, value_name = "DAY", value_parser = day)]
        due: Label,
    },
    /// Write down that the maker allows the correction on this device.
    Approve {
        #[command(flatten)]
        subject: Subject,
        /// Where he says so: a letter, a bulletin.
        #[arg(long, value_name = "TEXT", value_parser = words)]
        reference: Label,
    },
    /// Let it stay as it is, for a reason and a time. Who says so is the approver.
    Except {
        #[command(flatten)]
        subject: Subject,
        /// Why.
        #[arg(long, value_name = "TEXT", value_parser = words)]
        reason: Label,
        /// Until the end of which day, as 2026-01-31.
        #[arg(long, value_name = "DAY", value_parser = day)]
        until: Label,
    },
    /// Say how far it is. A medical device is not planned or patched before its maker approves.
    Status {
        #[command(flatten)]
        subject: Subject,
        /// open, planned, mitigated or patched.
        #[arg(value_name = "STATUS", value_parser = status)]
        status: PatchStatus,
    },
    /// Tell others what is known of the products in use (VEX): nothing of a single device is in it.
    Vex {
        /// Form.
        #[arg(long, value_name = "FORM", default_value = "csaf")]
        to: VexKind,
        /// Who says it: the hospital, or its office.
        #[arg(long, value_name = "NAME", value_parser = words)]
        publisher: Label,
        /// A web address that is the publisher's own.
        #[arg(long, value_name = "URL", value_parser = super::web_address)]
        namespace: String,
        #[command(flatten)]
        place: Place,
    },
    /// What would be left if these were patched, or nobody else spoke to this zone.
    Simulate(Simulate),
}

/// What `patch vex --to` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum VexKind {
    /// CSAF 2.0, profile VEX.
    Csaf,
    /// OpenVEX 0.2.
    Openvex,
    /// CycloneDX 1.6.
    Cyclonedx,
}

/// What is decided about, and by whom.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// The device.
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// The vulnerability.
    #[arg(value_name = "CVE", value_parser = words)]
    pub cve: Label,
    /// Who decides.
    #[arg(long, value_name = "NAME", value_parser = words)]
    pub by: Label,
    #[command(flatten)]
    pub place: Place,
}

/// Where state is kept.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// What is supposed.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Supposed {
    /// This device had every correction (repeatable).
    #[arg(long, value_name = "DEVICE")]
    pub patched: Vec<String>,
    /// This vulnerability were corrected everywhere (repeatable).
    #[arg(long, value_name = "CVE", value_parser = words)]
    pub corrected: Vec<Label>,
    /// The devices of this zone were in one that neither the internet nor another zone reaches (repeatable).
    #[arg(long, value_name = "ZONE", value_parser = words)]
    pub alone: Vec<Label>,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub supposed: Supposed,
    /// Advisories and scores besides those that are kept: a folder or file (repeatable).
    #[arg(long, value_name = "DIR")]
    pub feeds: Vec<PathBuf>,
    /// JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: Place,
}

/// Longest text that a decision holds, bytes.
const WORDS_BYTES_MAX: usize = 200;

fn words(text: &str) -> Result<Label, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > WORDS_BYTES_MAX {
        return Err(format!("must have 1 to {WORDS_BYTES_MAX} bytes"));
    }
    Ok(Label::new(text))
}

fn day(text: &str) -> Result<Label, String> {
    let read: Result<jiff::civil::Date, _> = text.parse();
    read.map(|date| Label::new(&date.to_string())).map_err(|_| "is no day; write it as 2026-01-31".to_owned())
}

fn status(text: &str) -> Result<PatchStatus, String> {
    let all = [PatchStatus::Open, PatchStatus::Planned, PatchStatus::Mitigated, PatchStatus::Patched];
    all.into_iter()
        .find(|status| status.name() == text)
        .ok_or_else(|| "is open, planned, mitigated or patched".to_owned())
}
