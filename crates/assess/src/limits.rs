//! Every limit of this crate, with its unit and reason.

/// Texts of one kind of clue whose claims are remembered; when full, all are forgotten and looked up anew.
pub const CLUES_MAX: usize = 8_192;

/// Stations known by their link address. A hospital campus has some ten thousand; beyond this the network is
/// under a flood of made-up addresses.
pub const STATIONS_MAX: usize = 65_536;

/// Addresses known behind routers. Only those that were answered count, so a flood of made-up ones does not.
pub const REMOTE_ADDRESSES_MAX: usize = 65_536;

/// Addresses remembered per link address; a router has more, and they are then devices of their own.
pub const ADDRESSES_PER_STATION_MAX: usize = 16;

/// Serial numbers, identifiers and names by which devices are known again.
pub const ANCHORS_MAX: usize = 65_536;

/// Addresses that turned out to belong to a device with another address.
pub const ALIASES_MAX: usize = 65_536;

/// Lines of inventory lists, and devices in none of them, that a summary names; all are counted.
pub const LISTED_TOLD_MAX: usize = 1_024;

/// Contradictions kept per device.
pub const MISMATCHES_PER_DEVICE_MAX: usize = 16;

/// Claims kept per device, the first of each kind.
pub const CLAIMS_PER_DEVICE_MAX: usize = 160;

/// Host names kept per device.
pub const NAMES_PER_DEVICE_MAX: usize = 8;

/// Findings kept. Each is an episode, so thousands mean that something else is wrong.
pub const FINDINGS_MAX: usize = 10_000;

/// Evidence kept per finding or exposure: the first items, and as many of the newest.
pub const EVIDENCE_MAX: usize = 8;

/// Exposures kept.
pub const EXPOSURES_MAX: usize = 50_000;

/// Edges of unfinished hours kept between two drains.
pub const EDGES_MAX: usize = 200_000;

/// Conversations that ended, kept between two drains.
pub const FLOWS_MAX: usize = 1_000_000;

/// Network addresses whose link address is watched for interception.
pub const ARP_BINDINGS_MAX: usize = 65_536;

/// Destinations watched for floods at the same time; the least recently hit is forgotten.
pub const FLOOD_TARGETS_MAX: usize = 16_384;

/// Sources watched for scans at the same time.
pub const SCAN_SOURCES_MAX: usize = 16_384;

/// Patients, beds and reporting devices watched for mix-ups.
pub const PATIENTS_MAX: usize = 50_000;

/// Secrets of which it is remembered whom they open.
pub const SECRETS_MAX: usize = 4_096;

/// Devices remembered per secret.
pub const DEVICES_PER_SECRET_MAX: usize = 64;

/// Senders, or pairs of stations, watched by each rule at the same time.
pub const SENDERS_MAX: usize = 16_384;

/// Messages remembered, to know them again.
pub const MESSAGES_MAX: usize = 32_768;

/// Conversations watched for contradicting bytes at the same time.
pub const CONVERSATIONS_WATCHED_MAX: usize = 8_192;

/// Conduits (pairs of groups with a port) learned for a policy; more cannot be reviewed.
pub const CONDUITS_MAX: usize = wardline_model::RULES_MAX;

/// Pairs of addresses counted per conduit; beyond this it is plainly common.
pub const PAIRS_PER_CONDUIT_MAX: usize = 1_024;

/// Blocked conversations that a simulation lists one by one; all are counted.
pub const BLOCKED_LISTED_MAX: usize = 4_096;

/// Pairs of addresses whose forbidden conversations are findings of their own; the rest share one, so that a scan
/// leaves room for other findings.
pub const VIOLATING_PAIRS_MAX: usize = 1_024;

/// Medical devices of which it is counted how long and when they speak, 384 bytes each.
pub const PATTERNS_MAX: usize = 16_384;
