//! Words of `wardline bedside`.

use std::path::PathBuf;

use clap::Args;

/// The bedside card of a device, or the downtime pack of every ward.
///
/// A card says one of four states (use normally, use stand-alone, do not start a new patient, swap now) or that nothing
/// is known; never that a device is safe, and nothing of vulnerabilities. The pack is what each ward needs on paper when
/// nothing else works: make it every night.
///
/// The words are templates until your own people have agreed to them: copy knowledge/bedside/en.toml, mend it, sign it
/// off, and give it with --words.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline bedside ICU-PUMP-4
  wardline bedside 10.20.0.15 --language de --html > card.html
  wardline bedside --pack --hotline 5555 > pack.html     # every night, and print it
  wardline bedside --pack --words our-words.toml > pack.html")]
pub(crate) struct Bedside {
    /// The device, by identifier, name, network or link address.
    #[arg(value_name = "DEVICE", required_unless_present = "pack", conflicts_with = "pack")]
    pub device: Option<String>,
    /// The downtime pack instead of one card, as HTML that prints in black and white.
    #[arg(long)]
    pub pack: bool,
    /// Language: en, de, fr, es or ar.
    #[arg(long, value_name = "CODE", default_value = "en", conflicts_with = "words")]
    pub language: wardline_exports::bedside::Language,
    /// Your hospital's own words (TOML, in the form of knowledge/bedside/en.toml).
    #[arg(long, value_name = "FILE")]
    pub words: Option<PathBuf>,
    /// The number to call.
    #[arg(long, value_name = "NUMBER")]
    pub hotline: Option<String>,
    /// A card as HTML instead of text.
    #[arg(long, conflicts_with_all = ["pack", "json"])]
    pub html: bool,
    /// JSON.
    #[arg(long)]
    pub json: bool,
    /// Judge as of the newest record instead of now: for captures of the past.
    #[arg(long)]
    pub as_of_records: bool,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}
