//! `wardline sensor` and `wardline site`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Knowledge;

/// How the broker is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Broker {
    /// A server of the NATS cluster (repeatable): `tls://HOST:PORT`, or `nats://127.0.0.1:PORT` without encryption on this
    /// machine only.
    #[arg(long = "broker", value_name = "URL", required = true)]
    pub servers: Vec<String>,

    /// Name of the site.
    #[arg(long = "site-name", value_name = "NAME", default_value = "site")]
    pub site_name: String,

    /// Folder with authority.pem, certificate.pem and key.pem: what `site sensors add` made for this sensor, or the folder
    /// `site` of the access folder.
    #[arg(long, value_name = "DIR")]
    pub identity: Option<PathBuf>,
}

/// Listen at one place of a site, and tell its site what was seen.
///
/// Nothing is concluded here and nothing is stored for long: observations without payload wait on disk until the site has
/// stored what follows from them, through days without a link. Needs CAP_NET_RAW for an interface.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo wardline sensor --name icu -i eth1 --broker tls://broker.example:4222 --site-name north --identity /etc/wardline/icu
  wardline sensor --name icu --replay ward.pcap --speed 0 --broker nats://127.0.0.1:4222 --key site.key")]
pub(crate) struct SensorArguments {
    /// Name of this sensor; its certificate is of that name.
    #[arg(long)]
    pub name: String,

    #[command(flatten)]
    pub broker: Broker,

    /// Interface, such as the one that a mirror port feeds.
    #[arg(
        short = 'i',
        long,
        value_name = "IFACE",
        conflicts_with = "replay",
        required_unless_present = "replay"
    )]
    pub interface: Option<String>,

    /// Read a capture file instead (repeatable: merged by time), and end when the site has stored everything.
    #[arg(long, value_name = "CAPTURE")]
    pub replay: Vec<PathBuf>,

    /// How many times faster than recorded; 0 is as fast as possible.
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "replay")]
    pub speed: f64,

    /// Keep only packets that match this filter, in the language of tcpdump.
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,

    /// By how many seconds the clock of the capture is behind the site's. Measured over the broker where it is not given and
    /// an interface is listened to.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub clock_behind: Option<f64>,

    /// Where parcels wait.
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,

    /// Most that may wait there, MiB. Above it observations are given up and counted.
    #[arg(long, value_name = "MIB", default_value_t = 10_240)]
    pub spool_mib: u64,

    /// Indicators of compromise, so that the digests they name are made: as for `analyze` (repeatable).
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub intel: Vec<PathBuf>,

    /// Worker threads.
    #[arg(long, value_name = "N", default_value_t = super::default_workers(), value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,

    /// The site's secret under which patients and accounts become pseudonyms: the same for all its sensors. Without it,
    /// pseudonym.key of the identity folder.
    #[arg(long, value_name = "FILE", env = "WARDLINE_KEY")]
    pub key: Option<PathBuf>,

    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// Conclude from what all sensors of a site tell; let sensors in.
#[derive(Debug, Subcommand)]
pub(crate) enum SiteVerb {
    /// Conclude. Several may run over one PostgreSQL: one works, the others take over when it is gone.
    Run(Box<SiteRun>),
    /// Who may speak as which sensor.
    #[command(subcommand)]
    Sensors(SensorsVerb),
}

/// Conclude from what all sensors of a site tell.
///
/// Observations are put in the order of capture time over all sensors and assessed as one machine would. A parcel is
/// acknowledged to its sensor when what follows from it is stored.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline site run --broker tls://broker.example:4222 --site-name north --identity access/site \\
      --store postgres://wardline:secret@db.example/north
  wardline serve --store postgres://wardline:secret@db.example/north")]
pub(crate) struct SiteRun {
    #[command(flatten)]
    pub broker: Broker,

    /// A sensor to wait for before anything was heard of it (repeatable).
    #[arg(long = "expect", value_name = "NAME")]
    pub expected: Vec<String>,

    /// How long, in seconds, a sensor may be silent before the others are no longer held back for its sake.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub patience: u32,

    /// On how many servers of the cluster each parcel lies.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: u8,

    /// How many hours the broker keeps parcels: what a worker that takes over knows of the past.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub kept_hours: u64,

    /// How many GiB of parcels the broker keeps at most; without it, as many as the broker allows.
    #[arg(long, value_name = "GIB")]
    pub kept_gib: Option<u32>,

    /// End when the captures of all sensors have ended and everything is stored.
    #[arg(long)]
    pub until_ended: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Who may speak as which sensor. The access folder holds the authority: keep it where only administrators can read it.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wardline site sensors add icu --access access --site-name north --server-name broker.example
  nats-server -c server.conf     # a file with: include access/nats.conf")]
pub(crate) enum SensorsVerb {
    /// Make the certificate and the settings that let a sensor in, and the authority if there is none.
    Add {
        /// Name of the sensor.
        name: String,
        #[command(flatten)]
        place: AccessPlace,
        /// Name or address of a server of the broker, for its certificate (repeatable).
        #[arg(long = "server-name", value_name = "NAME")]
        server_names: Vec<String>,
    },
    /// Which sensors are let in.
    List {
        #[command(flatten)]
        place: AccessPlace,
    },
    /// Let a sensor in no longer, as soon as the broker has read its settings again.
    Remove {
        /// Name of the sensor.
        name: String,
        #[command(flatten)]
        place: AccessPlace,
    },
}

/// Where the authority of a site is.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccessPlace {
    /// The access folder.
    #[arg(long, value_name = "DIR", default_value = "access")]
    pub access: PathBuf,
    /// Name of the site.
    #[arg(long = "site-name", value_name = "NAME", default_value = "site")]
    pub site_name: String,
    /// The site's secret for pseudonyms, which goes into the folder of each sensor. Made in the state directory when it is
    /// not given.
    #[arg(long, value_name = "FILE", env = "WARDLINE_KEY")]
    pub key: Option<PathBuf>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::CommandLine;

    /// What a service is started with; variables stand for any word that their place takes.
    fn started(unit: &str) -> Vec<String> {
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
        let words = line.split_whitespace().map(|word| match word {
            "${LISTEN}" => "0.0.0.0:8443".to_owned(),
            "${REPLICAS}" => "3".to_owned(),
            word => word.replace(['$', '{', '}'], ""),
        });
        words.collect()
    }

    #[test]
    fn services_are_started_with_words_that_the_program_knows() {
        for unit in [
            include_str!("../../../../deploy/systemd/wardline-sensor.service"),
            include_str!("../../../../deploy/systemd/wardline-site.service"),
            include_str!("../../../../deploy/systemd/wardline-console.service"),
        ] {
            let words = started(unit);
            assert!(CommandLine::try_parse_from(&words).is_ok(), "{words:?}");
        }
        let compose = include_str!("../../../../deploy/compose.yaml");
        let worker: Vec<_> = compose
            .lines()
            .skip_while(|line| !line.starts_with("  command:"))
            .skip(1)
            .map_while(|line| line.strip_prefix("    - "))
            .collect();
        assert!(
            CommandLine::try_parse_from(std::iter::once("wardline").chain(worker.iter().copied())).is_ok()
        );
        let console =
            compose.split("command: [\"serve\"").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let words =
            console.split(',').map(|word| word.trim().trim_matches('"')).filter(|word| !word.is_empty());
        assert!(CommandLine::try_parse_from(["wardline", "serve"].into_iter().chain(words)).is_ok());
    }
}
