//! The adaptors beside tshark, field by field, over the captures of `WARDLINE_CORPUS`.
//!
//! tshark only lends its eyes: it cuts the captures into payloads, which are shown to the adaptors, and tells
//! what it reads itself. Skipped where the corpus or tshark is missing.

mod datagrams;
mod house;
mod services;
mod streams;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one side says about one frame or conversation: values by field, in order.
type Said = BTreeMap<&'static str, Vec<String>>;

/// Captures of the corpus in which the manifest names one of the protocols.
///
/// Those in which somebody changed bytes at random are left out: of what is broken each reader tells something
/// else. For the same reason the filters below leave out what tshark calls malformed.
fn captures(protocols: &[&str]) -> Vec<PathBuf> {
    let Ok(corpus) = std::env::var("WARDLINE_CORPUS") else { return Vec::new() };
    let corpus = Path::new(&corpus);
    let manifest = std::fs::read_to_string(corpus.join("MANIFEST.tsv")).unwrap_or_default();
    let wanted = |line: &&str| {
        let seen = line.split('\t').nth(7).unwrap_or_default();
        seen.split([' ', '(']).any(|word| protocols.contains(&word))
    };
    let path = |line: &str| corpus.join(line.split('\t').next().unwrap_or_default());
    let sound = |line: &&str| !line.split('\t').next().unwrap_or_default().contains("fuzz");
    manifest.lines().skip(1).filter(wanted).filter(sound).map(path).collect()
}

/// Rows of the fields that tshark prints of the packets that match; values of one field are a list.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-Y", filter, "-T", "fields", "-E", "aggregator=\u{1f}"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let Ok(output) = command.output() else { return Vec::new() };
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
];

/// Counts what agrees and lists what does not.
#[derive(Default)]
struct Comparison {
    compared: BTreeMap<&'static str, (u64, u64)>,
    disagreements: Vec<String>,
}

impl Comparison {
    fn add(&mut self, place: &str, ours_all: &Said, theirs_all: &Said) {
        let empty = Vec::new();
        for field in ours_all.keys().chain(theirs_all.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (ours, theirs) =
                (ours_all.get(field).unwrap_or(&empty), theirs_all.get(field).unwrap_or(&empty));
            if SKIP.iter().any(|(mark, skipped)| {
                skipped == field && (theirs_all.contains_key(mark) || ours_all.contains_key(mark))
            }) {
                continue;
            }
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

    /// Prints the outcome; at least 99.5 % of the compared fields must agree.
    fn finish(self, protocol: &str) {
        let (compared, agreed) =
            self.compared.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        println!("{protocol}: {agreed} of {compared} fields agree {:?}", self.compared);
        for line in self.disagreements.iter().take(200) {
            println!("  {line}");
        }
        assert!(
            (compared - agreed) * 1000 <= compared * 5,
            "{protocol}: only {agreed} of {compared} fields agree with tshark"
        );
    }
}
