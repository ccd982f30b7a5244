//! The adaptors beside tshark, field by field, over the recordings of real software in `fixtures/recorded` and the
//! captures of `WARDLINE_CORPUS`.
//!
//! tshark only lends its eyes: it cuts the captures into payloads, which are shown to the adaptors, and tells
//! what it reads itself. Left out where tshark is missing. Every disagreement is listed, with its reason where it
//! is known; where `WARDLINE_AGREEMENT` names a directory, what was counted is written there, of which
//! `cargo xtask agreement` makes `docs/agreement.md`.

mod clinical;
mod conversations;
mod datagrams;
mod house;
mod radio;
mod reasons;
mod services;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one side says about one frame or conversation: values by field, in order.
type Said = BTreeMap<&'static str, Vec<String>>;

/// The recordings, and the captures of the corpus in which the manifest names one of the protocols (all, where none
/// is asked for); none where tshark is missing.
///
/// Those in which somebody changed bytes at random are left out: of what is broken each reader tells something
/// else. For the same reason the filters below leave out what tshark calls malformed.
fn captures(protocols: &[&str]) -> Vec<PathBuf> {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("left out: tshark is not installed");
        return Vec::new();
    }
    let mut captures = recordings();
    let Some(corpus) = std::env::var_os("WARDLINE_CORPUS").map(PathBuf::from) else { return captures };
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap_or_default();
    let wanted = |line: &&str| {
        let seen = line.split('\t').nth(7).unwrap_or_default();
        protocols.is_empty() || seen.split([' ', '(']).any(|word| protocols.contains(&word))
    };
    let path = |line: &str| corpus.join(line.split('\t').next().unwrap_or_default());
    let sound = |line: &&str| !line.split('\t').next().unwrap_or_default().contains("fuzz");
    captures.extend(manifest.lines().skip(1).filter(wanted).filter(sound).map(path));
    captures
}

/// Real software, as `cargo xtask record` recorded it.
fn recordings() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut recordings: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "zst")).collect();
    recordings.sort();
    recordings
}

/// Rows of the fields that tshark prints of the packets that match; values of one field are a list.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-Y", filter, "-T", "fields", "-E", "aggregator=\u{1f}"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let Ok(output) = command.output() else { return Vec::new() };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!complaint.contains("aren't valid"), "{complaint}");
    let list = |text: &str| -> Vec<String> {
        text.split('\u{1f}').filter(|value| !value.is_empty()).map(str::to_owned).collect()
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.split('\t').map(list).collect()).collect()
}

/// A filter that also leaves out what tshark calls malformed.
fn sound(filter: &str) -> String {
    format!("({filter}) && !_ws.malformed")
}

fn from_hexadecimal(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).map(|digit| digit as u8).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

/// A number as tshark prints it, decimal or hexadecimal.
fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap_or(u64::MAX),
        None => text.parse().unwrap_or(u64::MAX),
    }
}

/// Marks by which a side says that a field cannot be compared, and the fields meant (a mark is one itself).
const SKIP: &[(&str, &str)] = &[
    ("no records", "no records"),
    ("no records", "a"),
    ("no records", "aaaa"),
    ("no records", "ptr"),
    ("no records", "cname"),
    ("no records", "srv target"),
    ("no records", "srv port"),
    ("no suites", "no suites"),
    ("no suites", "ja4"),
    ("no serials", "no serials"),
    ("no serials", "serial"),
    ("no value", "no value"),
    ("no value", "value"),
];

/// Counts what agrees and lists what does not.
#[derive(Default)]
struct Comparison {
    compared: BTreeMap<&'static str, (u64, u64)>,
    captures: BTreeSet<String>,
    disagreements: Vec<String>,
}

impl Comparison {
    /// Compares what was said of a place: the name of a capture, and where in it.
    fn add(&mut self, place: &str, ours_all: &Said, theirs_all: &Said) {
        let empty = Vec::new();
        for field in ours_all.keys().chain(theirs_all.keys()).collect::<BTreeSet<_>>() {
            let (ours, theirs) =
                (ours_all.get(field).unwrap_or(&empty), theirs_all.get(field).unwrap_or(&empty));
            if SKIP.iter().any(|(mark, skipped)| {
                skipped == field && (theirs_all.contains_key(mark) || ours_all.contains_key(mark))
            }) {
                continue;
            }
            self.captures.insert(place.split(' ').next().unwrap_or_default().to_owned());
            let counts = self.compared.entry(field).or_default();
            for index in 0..ours.len().max(theirs.len()) {
                counts.0 += 1;
                let (one, two) = (ours.get(index), theirs.get(index));
                if one == two {
                    counts.1 += 1;
                } else {
                    self.disagreements.push(format!("{place} {field}: {one:?} tshark {two:?}"));
                }
            }
        }
    }

    /// Prints the outcome, every disagreement with its reason; at least 99.5 % of the compared fields must agree.
    fn finish(self, protocol: &str) {
        let (compared, agreed) =
            self.compared.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        if compared == 0 {
            return println!("{protocol}: left out, no capture holds it");
        }
        println!("{protocol}: {agreed} of {compared} fields agree {:?}", self.compared);
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for line in &self.disagreements {
            let reason = reasons::of(protocol, line).unwrap_or("no reason is known yet");
            println!("  {line}: {reason}");
            *reasons.entry(reason).or_default() += 1;
        }
        if let Some(directory) = std::env::var_os("WARDLINE_AGREEMENT") {
            let fields: Vec<_> = self.compared.keys().copied().collect();
            let mut text = format!("{}\t{compared}\t{agreed}\t{}\n", self.captures.len(), fields.join(", "));
            reasons.iter().for_each(|(reason, count)| writeln!(text, "{count}\t{reason}").unwrap());
            std::fs::write(PathBuf::from(directory).join(format!("{protocol}.tsv")), text).unwrap();
        }
        assert!(
            (compared - agreed) * 1000 <= compared * 5,
            "{protocol}: only {agreed} of {compared} fields agree with tshark"
        );
    }
}
