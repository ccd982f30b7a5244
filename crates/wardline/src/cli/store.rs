//! `wardline store`.

use std::path::PathBuf;

use clap::Subcommand;

/// Move what is kept to another database, back it up, restore it, check it.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wardline store move ~/.local/state/wardline postgres://wardline:secret@db.example/wardline
  wardline store move postgres://wardline:secret@db.example/wardline /var/lib/wardline-back
  wardline store backup --output monday.wardline
  wardline store restore monday.wardline --store /var/lib/wardline-new")]
pub(crate) enum StoreVerb {
    /// Copy everything into an empty store, compare both by a digest of all records, and close the old one: it can be read
    /// on, and whoever writes to it is told where it went.
    Move {
        /// A directory, or `postgres://USER:PASSWORD@HOST/DATABASE`.
        from: String,
        /// The same of where to.
        to: String,
        /// Leave the old store open: make a copy.
        #[arg(long)]
        keep: bool,
    },
    /// Write everything that is kept into one file, with a digest of it.
    Backup {
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Where state is kept.
        #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
        state: Option<PathBuf>,
    },
    /// Fill an empty store from a backup. A backup that was cut or changed is refused.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Where state is kept.
        #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
        state: Option<PathBuf>,
    },
    /// Check the digest of every record, and print one of everything, by which two stores can be compared.
    Verify {
        /// Where state is kept.
        #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
        state: Option<PathBuf>,
    },
}
