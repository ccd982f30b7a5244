//! `wardline shield`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// A protected path for devices that cannot protect themselves: one box beside the devices, one beside the servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Shield {
    /// The end beside the devices.
    Device(ShieldDevice),
    /// The end beside the servers. It holds the authority that enrols boxes.
    Clinic(ShieldClinic),
    /// Which boxes may be here.
    #[command(subcommand)]
    Authority(ShieldAuthority),
}

/// The end beside the devices.
///
/// Makes one TLS 1.3 link to the clinic end and carries the services of its settings through it. Stops on SIGTERM when
/// connections have ended, at the latest after ten seconds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline shield device --settings shield.toml --enrol - < code.txt
  wardline shield device --settings shield.toml")]
pub(crate) struct ShieldDevice {
    /// Settings (TOML): name, clinic end, services.
    #[arg(long, value_name = "FILE")]
    pub settings: PathBuf,

    /// Enrol this box with the one-time code that `shield authority enrol` printed, then exit; `-` reads it from
    /// standard input, where nobody else sees it.
    #[arg(long, value_name = "CODE")]
    pub enrol: Option<String>,

    /// Read the settings, say what is wrong with them, and do nothing.
    #[arg(long, conflicts_with = "enrol")]
    pub check: bool,
}

/// The end beside the servers.
///
/// Takes links from enrolled boxes and connects to the targets of its settings. Stops on SIGTERM when connections have
/// ended, at the latest after ten seconds.
#[derive(Debug, Args)]
pub(crate) struct ShieldClinic {
    /// Settings (TOML): name, addresses, authority, services.
    #[arg(long, value_name = "FILE")]
    pub settings: PathBuf,

    /// Read the settings, say what is wrong with them, and do nothing.
    #[arg(long)]
    pub check: bool,
}

/// Which boxes may be here. A running clinic end sees each change within a second.
#[derive(Debug, Subcommand)]
pub(crate) enum ShieldAuthority {
    /// Make an authority in an empty directory.
    Init {
        #[command(flatten)]
        place: AuthorityPlace,
    },
    /// Print a one-time code that enrols the box NAME. A box of this name goes on until the code is used.
    Enrol {
        /// Name of the box.
        #[arg(value_name = "NAME")]
        name: String,
        /// Minutes until the code is of no more use.
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: u32,
        #[command(flatten)]
        place: AuthorityPlace,
    },
    /// Revoke a box: its links end within seconds, and it makes no further one.
    Revoke {
        /// Name of the box.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        place: AuthorityPlace,
    },
    /// List boxes and codes.
    Status {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: AuthorityPlace,
    },
}

/// Where the authority is.
#[derive(Debug, Args)]
pub(crate) struct AuthorityPlace {
    /// Its directory, as in the settings of the clinic end.
    #[arg(long, value_name = "DIR", env = "WARDLINE_SHIELD_AUTHORITY")]
    pub authority: PathBuf,
}
