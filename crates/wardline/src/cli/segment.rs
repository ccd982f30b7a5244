//! `wardline segment`: zones, policy, and what enforces it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wardline_model::Timestamp;

use super::Knowledge;

/// Zones, conduits, policy.
#[derive(Debug, Subcommand)]
pub(crate) enum Segment {
    /// Propose zones and a policy from captures. Nothing is enforced.
    #[command(after_help = "Example:
  wardline segment propose monday.pcap tuesday.pcap --site hospital.toml --out policy.json")]
    Propose(SegmentPropose),
    /// Say what a policy would have done to the conversations of captures. Nothing is enforced.
    #[command(after_help = "Example:
  wardline segment simulate policy.json wednesday.pcap")]
    Simulate(SegmentSimulate),
    /// Say which rules, zones and members two policies do not share.
    Diff(SegmentDiff),
    /// Show the crown jewels, the shortest ways to what keeps patients alive, and networks in which no line can be drawn.
    #[command(after_help = "Example:
  wardline segment paths policy.json
  wardline segment paths after.json --before before.json     # which ways the newer policy cuts")]
    Paths(SegmentPaths),
    /// Write a policy as the rules of a firewall, switch, cluster, or as a MUD file. Nothing is enforced.
    #[command(after_help = "Example:
  wardline segment render policy.json --to nftables
  wardline segment render policy.json --to mud --group therapy-ward-3/infusion-pump --url https://mud.example/pump.json")]
    Render(SegmentRender),
    /// Enforce a policy on this machine's forwarded traffic, until somebody confirms it or the time is over.
    #[command(after_help = "Example:
  wardline segment apply policy.json --by 'A. Example' --confirm-within 120s
  wardline segment confirm --by 'A. Example'")]
    Apply(SegmentApply),
    /// Confirm the policy that was applied.
    Confirm(SegmentPerson),
    /// Take back what was applied: what was there before is there again.
    Rollback(SegmentPerson),
    /// Give the devices of the confirmed policy the addresses that the inventory knows now. Changes nothing else.
    #[command(after_help = "Example, for a timer of the machine:
  wardline segment refresh --by timer --inventory-state /var/lib/wardline")]
    Refresh(SegmentRefresh),
    /// Say what is enforced.
    Status(SegmentStatus),
    /// Put a device in quarantine, release it, or list who is there.
    #[command(after_help = "Example:
  wardline segment quarantine 10.1.4.20 --step care-only --for 4h --reason 'scans its ward' \\
    --by 'A. Example' --second 'B. Example'
  wardline segment quarantine 10.1.4.20 --release --by 'A. Example'")]
    Quarantine(SegmentQuarantine),
    /// Restrict or release the session of one device at its switch or controller, by RADIUS (RFC 5176).
    #[command(after_help = "Example:
  wardline segment port 10.1.4.20 --station 02-00-5e-10-00-01 --switch 10.0.0.2 --secret /etc/wardline/switch.secret \\
    --filter quarantine --for 4h --reason 'scans its ward' --by 'A. Example' --second 'B. Example'
  wardline segment port --station 02-00-5e-10-00-01 --release --by 'A. Example'")]
    Port(SegmentPort),
    /// Renew the lease of a session at a switch. `port` starts it.
    #[command(hide = true)]
    HoldPort(SegmentHoldPort),
    /// Propose the smallest cut that stops what a finding tells of, with what care loses by it. Nothing is enforced.
    Contain(SegmentContain),
    /// Renew the lease of what is enforced. `apply` and `quarantine` start it; a service manager may as well.
    Keep(SegmentKeep),
    /// Take orders from the console over a socket. Runs with the rights that the console does not have.
    #[command(after_help = "Example:
  wardline segment serve --state /var/lib/wardline-enforce --socket /run/wardline/enforce.sock --allow wardline
  wardline serve --enforcer /run/wardline/enforce.sock")]
    Serve(SegmentServe),
    /// Check that nobody changed the log of what was enforced, and print it.
    Log(SegmentStatus),
}

/// Where enforcement keeps its state.
#[derive(Debug, Args)]
pub(crate) struct SegmentStatus {
    /// State directory.
    #[arg(long, value_name = "DIR", env = "WARDLINE_STATE")]
    pub state: Option<PathBuf>,
}

/// Who acts.
#[derive(Debug, Args)]
pub(crate) struct SegmentPerson {
    /// Who does this: written into the log.
    #[arg(long, value_name = "PERSON")]
    pub by: String,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// Apply a policy.
#[derive(Debug, Args)]
pub(crate) struct SegmentApply {
    /// Policy file (JSON).
    #[arg(value_name = "POLICY")]
    pub policy: PathBuf,

    /// Undo it unless somebody confirms within this time.
    #[arg(long, default_value = "120s", value_name = "TIME", value_parser = seconds)]
    pub confirm_within: u64,

    /// Restrictions end by themselves this long after the keeper died.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = seconds)]
    pub lease: u64,

    #[command(flatten)]
    pub person: SegmentPerson,
}

/// Quarantine.
#[derive(Debug, Args)]
pub(crate) struct SegmentQuarantine {
    /// Address, identifier or name of the device.
    #[arg(value_name = "DEVICE", required_unless_present = "list")]
    pub device: Option<String>,

    /// How strictly.
    #[arg(long, value_enum, default_value = "care-only")]
    pub step: LadderStep,

    /// For how long; at most 24 h.
    #[arg(long = "for", default_value = "4h", value_name = "TIME", value_parser = seconds)]
    pub duration: u64,

    /// Why.
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "release"])]
    pub reason: Option<String>,

    /// Who decides.
    #[arg(long, value_name = "PERSON", required_unless_present = "list")]
    pub by: Option<String>,

    /// Who agrees: needed for devices that treat or keep alive, or that the policy does not know.
    #[arg(long, value_name = "PERSON")]
    pub second: Option<String>,

    /// Policy that knows the devices, where none is in force.
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<PathBuf>,

    /// Say who is in quarantine.
    #[arg(long, conflicts_with_all = ["device", "release"])]
    pub list: bool,

    /// Let the device go.
    #[arg(long)]
    pub release: bool,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// Rungs of the ladder of quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LadderStep {
    /// Count its packets.
    Watch,
    /// Write its packets into the kernel log.
    Alert,
    /// Let little through.
    RateLimit,
    /// Let through only what care depends on.
    CareOnly,
    /// Let nothing through.
    Isolate,
}

/// Containment.
#[derive(Debug, Args)]
pub(crate) struct SegmentContain {
    /// Identifier of the finding, as `wardline findings --json` gives it.
    #[arg(value_name = "FINDING")]
    pub finding: String,

    /// Policy that knows who talks to whom (JSON).
    #[arg(long, value_name = "POLICY")]
    pub policy: PathBuf,

    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// A session at a switch.
#[derive(Debug, Args)]
pub(crate) struct SegmentPort {
    /// Address, identifier or name of the device, as the policy has it.
    #[arg(value_name = "DEVICE", required_unless_present = "release")]
    pub device: Option<String>,

    /// Its link address, as the switch writes it in Calling-Station-Id.
    #[arg(long, value_name = "MAC")]
    pub station: String,

    /// Switch, access point or controller; port 3799 where none is given.
    #[arg(long, value_name = "ADDRESS[:PORT]", required_unless_present = "release", value_parser = switch)]
    pub switch: Option<std::net::SocketAddr>,

    /// File with the secret that both know.
    #[arg(long, value_name = "FILE", required_unless_present = "release")]
    pub secret: Option<PathBuf>,

    #[command(flatten)]
    pub restriction: PortRestriction,

    /// The restriction ends by itself this long after whoever renews it died.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = seconds)]
    pub lease: u64,

    /// For how long; at most 24 h.
    #[arg(long = "for", default_value = "4h", value_name = "TIME", value_parser = seconds)]
    pub duration: u64,

    /// Why.
    #[arg(long, value_name = "TEXT", required_unless_present = "release")]
    pub reason: Option<String>,

    /// Who decides.
    #[arg(long, value_name = "PERSON")]
    pub by: String,

    /// Who agrees: needed for devices that treat, or that the policy does not know.
    #[arg(long, value_name = "PERSON")]
    pub second: Option<String>,

    /// Policy that knows the devices, where none is in force.
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<PathBuf>,

    /// Let it go.
    #[arg(long, conflicts_with = "device")]
    pub release: bool,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// What a session shall be.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct PortRestriction {
    /// Under a filter that the switch knows by name (Filter-Id).
    #[arg(long, value_name = "NAME", required_unless_present_any = ["vlan", "role", "acl", "release"])]
    pub filter: Option<String>,
    /// In a virtual network.
    #[arg(long, value_name = "NUMBER")]
    pub vlan: Option<u16>,
    /// In a role of Aruba, as `render --to aruba` names them.
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
    /// Under an access list of Cisco: a file with its entries, as `render --to cisco-dacl` writes them.
    #[arg(long, value_name = "FILE")]
    pub acl: Option<PathBuf>,
}

fn switch(text: &str) -> Result<std::net::SocketAddr, String> {
    let bare =
        text.parse::<std::net::IpAddr>().map(|address| (address, wardline_enforce::radius::PORT).into());
    bare.or_else(|_| text.parse())
        .map_err(|_| format!("'{text}' is no address: write 10.0.0.2 or 10.0.0.2:1700"))
}

/// Hold a session.
#[derive(Debug, Args)]
pub(crate) struct SegmentHoldPort {
    /// Link address.
    pub station: String,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// Refresh addresses.
#[derive(Debug, Args)]
pub(crate) struct SegmentRefresh {
    /// State directory whose inventory is asked, where it is not that of the enforcer.
    #[arg(long, value_name = "DIR")]
    pub inventory_state: Option<PathBuf>,

    #[command(flatten)]
    pub person: SegmentPerson,
}

/// Serve the console.
#[derive(Debug, Args)]
pub(crate) struct SegmentServe {
    /// Socket to make.
    #[arg(long, value_name = "PATH")]
    pub socket: PathBuf,

    /// User who may connect, by name or number; root always may.
    #[arg(long, value_name = "USER")]
    pub allow: Option<String>,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// Keep the lease.
#[derive(Debug, Args)]
pub(crate) struct SegmentKeep {
    /// Change that it is started for, by `apply`.
    #[arg(long, hide = true)]
    pub adopt: Option<u64>,

    #[command(flatten)]
    pub place: SegmentStatus,
}

/// A time such as `90`, `30s`, `2m`, `4h`, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no time: write 30s, 2m or 4h");
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let factor = match text.get(digits.len()..) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

/// Conversations that the state directory keeps, by hour.
#[derive(Debug, Args)]
pub(crate) struct Stored {
    /// Use what `watch` or `serve` stored instead of captures.
    #[arg(long, conflicts_with = "captures", required_unless_present = "captures")]
    pub stored: bool,

    /// Only stored conversations from this time on (RFC 3339).
    #[arg(long, value_name = "TIME", requires = "stored", value_parser = time)]
    pub since: Option<Timestamp>,

    /// Only stored conversations before this time (RFC 3339).
    #[arg(long, value_name = "TIME", requires = "stored", value_parser = time)]
    pub until: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    serde_json::from_value(serde_json::Value::from(text))
        .map_err(|_| format!("'{text}' is no time: write such as 2026-01-31T08:00:00Z"))
}

/// Propose zones and a policy.
#[derive(Debug, Args)]
pub(crate) struct SegmentPropose {
    /// Capture files, `-` for standard input.
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    #[command(flatten)]
    pub stored: Stored,

    /// What makers document, also if nobody saw it: a MUD file (RFC 8520), or a list of ports (CSV); repeatable.
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<PathBuf>,

    /// Write the policy here instead of to standard output.
    #[arg(long, value_name = "POLICY")]
    pub out: Option<PathBuf>,

    /// What the policy is called.
    #[arg(long, default_value = "wardline")]
    pub name: String,

    /// No progress bar.
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Simulate a policy.
#[derive(Debug, Args)]
pub(crate) struct SegmentSimulate {
    /// Policy file (JSON), as `segment propose` writes it.
    #[arg(value_name = "POLICY")]
    pub policy: PathBuf,

    /// Capture files, `-` for standard input.
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,

    #[command(flatten)]
    pub stored: Stored,

    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,

    /// No progress bar.
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub knowledge: Knowledge,
}

/// Compare two policies.
#[derive(Debug, Args)]
pub(crate) struct SegmentDiff {
    /// Policy before.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// Policy after.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
}

/// Render a policy.
#[derive(Debug, Args)]
pub(crate) struct SegmentRender {
    /// Policy file (JSON).
    #[arg(value_name = "POLICY")]
    pub policy: PathBuf,
    /// For what.
    #[arg(long, value_enum)]
    pub to: Rendering,
    /// Group whose devices a MUD file describes.
    #[arg(long, value_name = "GROUP", required_if_eq("to", "mud"))]
    pub group: Option<String>,
    /// Where the MUD file will be published.
    #[arg(long, value_name = "URL", required_if_eq("to", "mud"))]
    pub url: Option<String>,
}

/// Ways through a policy.
#[derive(Debug, Args)]
pub(crate) struct SegmentPaths {
    /// Policy file (JSON).
    #[arg(value_name = "POLICY")]
    pub policy: PathBuf,
    /// An older policy: say which of its ways are cut.
    #[arg(long, value_name = "POLICY")]
    pub before: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Firewalls that a policy is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// Linux nftables, one table in one transaction: `nft -f FILE`.
    Nftables,
    /// Cisco IOS XE: object groups and extended access lists.
    Cisco,
    /// Palo Alto PAN-OS: `set` commands.
    Paloalto,
    /// Fortinet FortiOS 7: command line configuration.
    Fortios,
    /// Cisco downloadable access lists: what a RADIUS server hands a switch port.
    CiscoDacl,
    /// ArubaOS 8: user roles with access lists of sessions.
    Aruba,
    /// Kubernetes network policies, as a list in JSON.
    Kubernetes,
    /// Manufacturer Usage Description (RFC 8520) of the devices of one group.
    Mud,
}
