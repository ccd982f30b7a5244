//! The command line. Its words are a public contract: fields and verbs may be added, never changed.

mod bedside;
mod fleet;
mod patch;
mod segment;
mod shield;
mod store;
mod training;

use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) use bedside::Bedside;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use fleet::{AccessPlace, Broker, SensorArguments, SensorsVerb, SiteRun, SiteVerb};
pub(crate) use patch::{Patch, PatchVerb, Place, Simulate, Subject, VexKind};
pub(crate) use segment::{
    LadderStep, Rendering, Segment, SegmentApply, SegmentContain, SegmentDiff, SegmentHoldPort, SegmentKeep,
    SegmentPaths, SegmentPerson, SegmentPort, SegmentPropose, SegmentQuarantine, SegmentRefresh,
    SegmentRender, SegmentServe, SegmentSimulate, SegmentStatus, Stored,
};
use serde::{Deserialize, Serialize};
pub(crate) use shield::{AuthorityPlace, Shield, ShieldAuthority, ShieldClinic, ShieldDevice};
pub(crate) use store::StoreVerb;
pub(crate) use training::Training;
use wardline_console::Role;
use wardline_exports::events::Format;
use wardline_model::{Attack, Category, ExposureKind, Severity};

/// Security for the Internet of Medical Things.
///
/// Wardline listens to a mirror port or reads capture files, works out which devices are there, what is weak
/// about them and what is happening to them. Looking never touches: it sends nothing to any device.
#[derive(Debug, Parser)]
#[command(name = "wardline", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Begin with `wardline demo` (a simulated hospital) or `wardline analyze FILE.pcap`.")]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub verb: Verb,

    /// Keep records in this database instead of the state directory: `postgres://USER:PASSWORD@HOST/DATABASE`, or another
    /// directory. Keys, accounts and feeds stay in the state directory.
    #[arg(long, value_name = "ADDRESS", env = "WARDLINE_STORE", hide_env_values = true, global = true)]
    pub store: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Read capture files once and say what is in them.
    Analyze(Box<Analyze>),
    /// Listen to an interface, endlessly, and keep what is found in the state directory.
    Watch(Watch),
    /// Serve the console over the state directory.
    Serve(Serve),
    /// Serve the console on a simulated hospital that ships with the program.
    Demo(Demo),
    /// Listen at one place of a site, and tell its site what was seen.
    Sensor(Box<SensorArguments>),
    /// Conclude from what all sensors of a site tell; let sensors in.
    #[command(subcommand)]
    Site(SiteVerb),
    /// List the devices that the state directory holds.
    Devices(Devices),
    /// List the findings that the state directory holds.
    Findings(Findings),
    /// List the exposures that the state directory holds.
    Exposures(Exposures),
    /// List the conversations that the state directory holds, the newest first.
    Flows(Flows),
    /// The patch queue: which device needs which correction first, and why.
    Patch(Patch),
    /// Keep advisories and scores, and say what is kept.
    Feeds(Feeds),
    /// Keep indicators of compromise, and say what is kept.
    Intel(Intel),
    /// Propose zones and a policy between them, and simulate it before anybody enforces it.
    #[command(subcommand)]
    Segment(Segment),
    /// Protect the path of devices that cannot protect themselves.
    #[command(subcommand)]
    Shield(Shield),
    /// Write a report: the site, the passport of a device, or compliance evidence.
    Report(Report),
    /// Write records in a format that other programs read: EVE, OCSF, ECS, CEF, STIX.
    Export(Export),
    /// The bedside card of a device, or the downtime pack of every ward.
    Bedside(Bedside),
    /// What one role of staff should do, and stop doing, about the weaknesses that were seen.
    Training(Training),
    /// Who may sign in to the console, and what each may see.
    Account(AccountArguments),
    /// Check the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Move what is kept to another database, back it up, restore it, check it.
    #[command(subcommand)]
    Store(StoreVerb),
    /// Print the JSON Schema (2020-12) of every record.
    Schema(Schema),
}

/// What every run over traffic may be told.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Knowledge {
    /// What you know about the site: networks, devices, servers, maintenance windows (TOML).
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,

    /// A list of devices that another system keeps: CSV of a maintenance system, FHIR `Device` resources (JSON), XML of
    /// nmap (repeatable). What it is, is seen from its content. Where it and the wire say different things, the device's
    /// record tells both.
    #[arg(long, value_name = "FILE")]
    pub inventory: Vec<PathBuf>,

    /// The policy that the site adopted (JSON, as `segment propose` writes it): conversations that it forbids become
    /// findings. Nothing is stopped.
    #[arg(long = "policy", value_name = "FILE")]
    pub adopted_policy: Option<PathBuf>,

    /// Learn what is normal from this capture first and report nothing from it (repeatable).
    #[arg(long, value_name = "CAPTURE")]
    pub baseline: Vec<PathBuf>,

    /// Indicators of compromise to look for: a file or a folder of STIX 2.1 bundles, MISP events, MISP warning lists and
    /// plain lists (repeatable). What `intel import` keeps in the state directory is looked for as well.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub intel: Vec<PathBuf>,

    /// Worker threads. The output is the same, byte for byte, for any number.
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,

    /// The secret under which patients and accounts become pseudonyms: a file of at least 32 bytes. Made in
    /// the state directory when it is not given.
    #[arg(long, value_name = "FILE", env = "WARDLINE_KEY")]
    pub key: Option<PathBuf>,

    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

fn default_workers() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(cores).unwrap_or(256).min(256)
}

/// Read capture files once and say what is in them.
///
/// Files may be pcap or pcapng, either byte order, micro- or nanoseconds, plain, .gz or .zst; `-` is standard
/// input. Several files are merged by time. A file that cannot be read is named on standard error and does
/// not stop the others; the exit status is then 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline analyze ward.pcap
  wardline analyze -r monday.pcapng.zst -r tuesday.pcapng.zst --out report/
  wardline analyze --baseline quiet.pcap today.pcap --json | jq 'select(.type == \"finding\")'
  wardline analyze today.pcap --fail-on high || echo 'something serious'")]
pub(crate) struct Analyze {
    /// Capture files, `-` for standard input.
    #[arg(value_name = "CAPTURE", required_unless_present = "read")]
    pub captures: Vec<PathBuf>,

    /// A capture file, as in tcpdump (repeatable).
    #[arg(short = 'r', long = "read", value_name = "CAPTURE")]
    pub read: Vec<PathBuf>,

    /// Keep only packets that match this filter, in the language of tcpdump.
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,

    /// Print every record as a line of JSON instead of the summary.
    #[arg(long)]
    pub json: bool,

    /// Write devices.ndjson, findings.ndjson, exposures.ndjson, vulnerabilities.ndjson (with --feeds), flows.parquet
    /// and report.html here.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Match the devices with these advisories and scores: a folder or file of CSAF, VEX, CVE records, CISA KEV and EPSS
    /// (repeatable). What `feeds import` keeps in the state directory is matched as well.
    #[arg(long, value_name = "DIR")]
    pub feeds: Vec<PathBuf>,

    /// What your devices are made of: bills of materials (CycloneDX or SPDX 2, JSON), in a file or folder (repeatable).
    /// Vulnerabilities of parts are then matched with the devices that hold them.
    #[arg(long, value_name = "FILE_OR_DIR")]
    pub sbom: Vec<PathBuf>,

    /// Exit with status 3 when a finding is at least this severe.
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,

    /// Leave measurements (seconds, packets per second, memory) out of the summary record, so that the same
    /// captures give the same bytes.
    #[arg(long)]
    pub reproducible: bool,

    /// No progress bar.
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Listen to an interface, endlessly, and keep what is found in the state directory.
///
/// Needs CAP_NET_RAW. Stop it with Ctrl-C: everything decided until then is stored.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo wardline watch -i eth1
  sudo wardline watch -i eth1 -f 'not port 22' --site hospital.toml --state /var/lib/wardline")]
pub(crate) struct Watch {
    /// Interface, such as the one that a mirror port feeds.
    #[arg(short = 'i', long, value_name = "IFACE")]
    pub interface: String,

    /// Keep only packets that match this filter, in the language of tcpdump.
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,

    /// Print every record as a line of JSON as well.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Serve the console over the state directory.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline serve
  wardline serve --replay ward.pcap --speed 60
  sudo wardline serve --watch eth1 --site hospital.toml")]
pub(crate) struct Serve {
    /// Where to listen. Other machines are served only with accounts (`wardline account add`), and over TLS.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    #[command(flatten)]
    pub tls: TlsOptions,

    /// Socket of the enforcer (`wardline segment serve`): whoever is signed in and may can apply a policy from the console.
    #[arg(long, value_name = "SOCKET")]
    pub enforcer: Option<PathBuf>,

    /// Feed it from an interface.
    #[arg(long, value_name = "IFACE", conflicts_with = "replay")]
    pub watch: Option<String>,

    /// Feed it from a capture file (repeatable: merged by time).
    #[arg(long, value_name = "CAPTURE")]
    pub replay: Vec<PathBuf>,

    /// How many times faster than recorded; 0 is as fast as possible.
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "replay")]
    pub speed: f64,

    /// Keep only packets that match this filter, in the language of tcpdump.
    #[arg(short = 'f', long, value_name = "BPF")]
    pub filter: Option<String>,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// What proves to a browser who we are.
#[derive(Debug, Default, Args)]
pub(crate) struct TlsOptions {
    /// Chain of certificates of the console (PEM). Without it one is made and kept in the state directory.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Name or address by which browsers know the console, for the certificate that is made (repeatable).
    #[arg(long, value_name = "NAME", conflicts_with = "tls_certificate")]
    pub tls_name: Vec<String>,
    /// Use TLS on this machine's own addresses as well.
    #[arg(long)]
    pub tls: bool,
}

/// Who may sign in to the console, and what each may see.
///
/// The first account should be an administrator's. As soon as there is one, everybody has to sign in, and the console
/// may be served to other machines.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline account add ada --role administrator
  wardline account add icu --role ward --zone icu
  wardline account token ada siem --days 90
  wardline serve --listen 0.0.0.0:8443 --tls-name wardline.hospital.example")]
pub(crate) struct AccountArguments {
    #[command(subcommand)]
    pub verb: AccountVerb,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE", global = true)]
    pub state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountVerb {
    /// Add an account; the password is asked for, or read from standard input.
    Add {
        /// What they sign in with.
        name: String,
        /// analyst, clinical-engineer, network-engineer, ward, auditor or administrator.
        #[arg(long)]
        role: Role,
        /// Only devices of this zone.
        #[arg(long, value_name = "ZONE")]
        zone: Option<String>,
    },
    /// List the accounts, with role, zone, second factor and tokens.
    List,
    /// Give an account another password; it is asked for, or read from standard input.
    Password {
        /// Which.
        name: String,
    },
    /// Ask for six digits of a telephone besides the password, and show the secret for it once.
    SecondFactor {
        /// Which.
        name: String,
        /// Ask for none any more.
        #[arg(long)]
        remove: bool,
    },
    /// Make a token by which a program asks with the rights of an account, and show it once.
    Token {
        /// Which.
        name: String,
        /// What the token is for; one of the same name ends.
        token: String,
        /// Days that it holds.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
    },
    /// Remove an account; its sessions and tokens end within a second.
    Remove {
        /// Which.
        name: String,
    },
}

/// Serve the console on a simulated hospital that ships with the program.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to listen. Loopback only.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    /// Which hospital: the same number builds the same one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How many times faster than real time.
    #[arg(long, value_name = "X", default_value_t = 60.0)]
    pub speed: f64,

    /// A quiet hospital: no attacks.
    #[arg(long)]
    pub peaceful: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// How a list is printed, and from where.
#[derive(Clone, Debug, Args)]
pub(crate) struct Listing {
    /// Print every record as a line of JSON.
    #[arg(long)]
    pub json: bool,

    /// At most so many; 0 is all.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub limit: u64,

    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// List the devices that the state directory holds.
#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Text in name, address, vendor, model or serial number.
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
    /// Only this category, such as `infusion-pump`.
    #[arg(long, value_parser = category)]
    pub category: Option<Category>,
    /// Only this zone.
    #[arg(long)]
    pub zone: Option<String>,
    /// Say of each class of devices what listening can see of it, what it cannot, and what may go wrong; with `--json` as
    /// `risk_profile` of each device.
    #[arg(long)]
    pub risks: bool,
    #[command(flatten)]
    pub listing: Listing,
}

/// List the findings that the state directory holds.
#[derive(Debug, Args)]
pub(crate) struct Findings {
    /// Only findings at least this severe.
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<Severity>,
    /// Only this attack, such as `false-node`.
    #[arg(long, value_parser = attack)]
    pub attack: Option<Attack>,
    /// Only findings in which this device suffers or acts.
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    #[command(flatten)]
    pub listing: Listing,
}

/// List the exposures that the state directory holds.
#[derive(Debug, Args)]
pub(crate) struct Exposures {
    /// Only this kind, such as `cleartext-phi`.
    #[arg(long, value_parser = exposure_kind)]
    pub kind: Option<ExposureKind>,
    /// Only exposures at least this severe.
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<Severity>,
    /// Only exposures of this device.
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    #[command(flatten)]
    pub listing: Listing,
}

/// List the conversations that the state directory holds, the newest first.
#[derive(Debug, Args)]
pub(crate) struct Flows {
    /// Only conversations of this device.
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    #[command(flatten)]
    pub listing: Listing,
}

/// Write a report from the state directory, as one page of HTML that loads nothing, or as JSON.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Which report.
    #[arg(long, value_enum, default_value_t = ReportKind::Site)]
    pub kind: ReportKind,
    /// The device of a passport, by its identifier.
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    /// JSON instead of HTML.
    #[arg(long)]
    pub json: bool,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportKind {
    /// What happens, what is weak, what to correct and what is there.
    Site,
    /// Everything about one device, with where each claim was read (needs --device).
    Device,
    /// What the records show for HIPAA, NIST CSF 2.0, HICP, IEC 80001-1, NIS2 and FDA's postmarket guidance; gaps
    /// are shown as gaps.
    Compliance,
}

/// The audit log: who restricted what, and when. Each line seals the one before.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Read the whole log and check every seal; exits 1 and names the line when one was changed, moved or taken out.
    Verify {
        /// A seal that was noted earlier must be in the log: it then was not cut off or written anew.
        #[arg(long, value_name = "SEAL")]
        expect: Option<String>,
        /// JSON instead of words.
        #[arg(long)]
        json: bool,
        /// Where state is kept.
        #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
        state: Option<PathBuf>,
    },
}

/// Keep advisories and scores, and say what is kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline feeds update
  wardline feeds update --mirror http://mirror.hospital.example/feeds --only kev
  wardline feeds import csaf/ known_exploited_vulnerabilities.json epss_scores.csv.gz
  wardline feeds status")]
pub(crate) struct Feeds {
    #[command(subcommand)]
    pub verb: FeedsVerb,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE", global = true)]
    pub state: Option<PathBuf>,
}

/// Fetch what changed.
#[derive(Debug, Args)]
pub(crate) struct FeedsUpdate {
    /// A mirror with the folders csaf/ (with changes.csv or index.txt), kev/, epss/, recalls/, classes/, support/ and cve/ (with
    /// cves.zip).
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub mirror: Option<String>,
    /// Only this (repeatable).
    #[arg(long, value_name = "SOURCE")]
    pub only: Vec<FeedSource>,
    /// The provider-metadata.json of another publisher of CSAF documents, such as the maker of your devices (repeatable).
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub provider: Vec<String>,
    /// Seconds after which a server that sends nothing is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// No progress bar.
    #[arg(short, long)]
    pub quiet: bool,
}

/// What `feeds update --only` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FeedSource {
    /// Security advisories (CSAF).
    Csaf,
    /// CVE records.
    Cve,
    /// Known exploited vulnerabilities.
    Kev,
    /// Predictions of exploitation.
    Epss,
    /// Recalls of medical devices (FDA).
    Recalls,
    /// Kinds of medical devices (FDA).
    Classes,
    /// How long products are supported.
    Support,
}

fn web_address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(text.to_owned())
        }
        _ => Err("is no address; it begins with https:// or http://".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedsVerb {
    /// Fetch what changed: from the official addresses, or from a mirror.
    ///
    /// What is broken is named and left out; the last good copy of it stays. A fetch that was cut off goes on where it
    /// ended. Proxies are taken from HTTPS_PROXY and NO_PROXY, authorities from the system (or SSL_CERT_FILE).
    Update(FeedsUpdate),
    /// Read files and keep them: CSAF advisories and VEX, OpenVEX, CVE records, CISA KEV, EPSS, bills of materials (CycloneDX,
    /// SPDX), disclosure statements (MDS2, .xlsx or .csv), recalls and kinds of devices (openFDA), ends of support.
    Import {
        /// Files, or folders that are read whole; .gz is unpacked.
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
        /// The paths are bundles (`feeds bundle`): keep them only if their lists are signed by this public key of minisign and
        /// every file is as listed.
        #[arg(long, value_name = "KEY")]
        signed_by: Option<PathBuf>,
    },
    /// Copy what is kept into a folder, with a list of hashes to be signed: for a place without a way to the internet.
    Bundle {
        /// Where to.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Write the facts that anybody may pass on: identifiers, products, versions, scores and dates of CISA and FDA, without the
    /// text of others. Such a snapshot ships with the program for its demo.
    Snapshot {
        /// Where to.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Feeds besides those that are kept (repeatable).
        #[arg(long, value_name = "DIR")]
        feeds: Vec<PathBuf>,
    },
    /// Try rules: which would have told what became known to be exploited between two days, and for how much work.
    ///
    /// What is kept and given is what rules may look at, so scores are those of today: a rule looks better than it was where
    /// they changed after exploitation became known.
    Backtest {
        /// The catalogue of known exploited vulnerabilities of the earlier day.
        #[arg(long, value_name = "FILE")]
        before: PathBuf,
        /// That of the later day.
        #[arg(long, value_name = "FILE")]
        later: PathBuf,
        /// Advisories, records and scores besides those that are kept (repeatable).
        #[arg(long, value_name = "DIR")]
        feeds: Vec<PathBuf>,
        /// JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what is kept and how old it is.
    Status {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Keep indicators of compromise, and say what is kept.
///
/// `watch`, `serve` and `analyze` look for everything that is kept, besides what `--intel` names.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline intel import health-isac.json
  wardline intel import misp-export/
  wardline intel import --user ward --password-file pw https://taxii.example/taxii2/
  wardline intel import https://misp.example/feed/manifest.json
  wardline intel update
  wardline intel hunt --json
  wardline intel status")]
pub(crate) struct Intel {
    #[command(subcommand)]
    pub verb: IntelVerb,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE", global = true)]
    pub state: Option<PathBuf>,
}

/// How stored conversations are looked through.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct HuntOptions {
    /// What you know of the site (TOML).
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Leave what is stored alone.
    #[arg(long)]
    pub no_hunt: bool,
}

/// How a server of threat intelligence is asked. Where secrets lie is kept, never the secrets.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
pub(crate) struct Access {
    /// Account at the server.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with its password on one line.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File with a bearer token on one line.
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub token_file: Option<PathBuf>,
    /// Only this collection of a TAXII server, by identifier or title (repeatable).
    #[arg(long, value_name = "ID")]
    pub collection: Vec<String>,
    /// Seconds after which a server that sends nothing is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntelVerb {
    /// Read STIX 2.1 bundles, MISP events, MISP warning lists or plain lists, and keep them.
    ///
    /// From files and folders, or from addresses: a TAXII 2.1 server, API root or collection, the manifest.json of a
    /// MISP feed, or any such file. An address is kept for `intel update`.
    Import {
        /// Files, folders that are read whole, or addresses.
        #[arg(value_name = "PATH|URL", required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        access: Access,
        #[command(flatten)]
        hunt: HuntOptions,
        /// No progress bar.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Fetch what is new at every address that was imported before.
    Update {
        #[command(flatten)]
        hunt: HuntOptions,
        /// No progress bar.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Look for what is kept in the conversations that are stored.
    ///
    /// Addresses, server names and JA4 fingerprints of stored conversations are compared; what was not known before
    /// becomes a finding. `import` and `update` do this by themselves.
    Hunt {
        #[command(flatten)]
        hunt: HuntOptions,
        /// Print the new findings as JSON lines.
        #[arg(long)]
        json: bool,
        /// No progress bar.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Say what is kept: how many indicators of which kind, from where, how many have expired.
    Status {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Write records in a format that other programs read.
///
/// eve: Suricata's EVE JSON. ocsf: OCSF 1.8. ecs: Elastic Common Schema 8. cef: ArcSight. Each gives a line for a record.
/// stix: one bundle of STIX 2.1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wardline export ocsf --only findings
  wardline analyze ward.pcap --json | wardline export eve - > eve.json
  wardline watch -i eth1 --json | wardline export cef - | logger --tcp --server siem.example --port 514")]
pub(crate) struct Export {
    /// eve, ocsf, ecs, cef or stix.
    #[arg(value_name = "FORMAT")]
    pub format: Format,
    /// Records as lines of JSON; `-` for standard input. Without it, what the state directory holds.
    #[arg(value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Only these records (repeatable).
    #[arg(long, value_name = "KIND")]
    pub only: Vec<ExportKind>,
    /// Where state is kept.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// What `export --only` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportKind {
    /// Devices.
    Devices,
    /// Findings.
    Findings,
    /// Exposures.
    Exposures,
    /// Vulnerabilities; the state directory is not asked for them, `patch --json` tells them.
    Vulnerabilities,
    /// Conversations.
    Flows,
}

/// Print the JSON Schema (2020-12) of every record.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Only this record.
    #[arg(value_enum)]
    pub record: Option<RecordName>,
}

/// Records of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordName {
    Device,
    Finding,
    Exposure,
    Vulnerability,
    Flow,
    Edge,
    Summary,
    Policy,
    Lifecycle,
}

fn by_name<T: Copy>(known: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Result<T, String> {
    known.iter().copied().find(|value| name(*value) == text).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|value| name(*value)).collect();
        format!("use one of: {}", names.join(", "))
    })
}

fn category(text: &str) -> Result<Category, String> {
    by_name(Category::ALL, Category::name, text)
}

fn attack(text: &str) -> Result<Attack, String> {
    by_name(Attack::ALL, Attack::name, text)
}

fn exposure_kind(text: &str) -> Result<ExposureKind, String> {
    by_name(ExposureKind::ALL, ExposureKind::name, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn captures_may_be_given_as_in_tcpdump() {
        let line =
            CommandLine::try_parse_from(["wardline", "analyze", "-r", "a.pcap", "-r", "b.pcap"]).unwrap();
        let Verb::Analyze(analyze) = line.verb else { panic!("analyze") };
        assert_eq!(analyze.read.len(), 2);
        assert!(CommandLine::try_parse_from(["wardline", "analyze"]).is_err());
    }

    #[test]
    fn a_wrong_category_is_answered_with_the_right_ones() {
        let error = CommandLine::try_parse_from(["wardline", "devices", "--category", "pump"]).unwrap_err();
        assert!(error.to_string().contains("infusion-pump"));
    }
}
