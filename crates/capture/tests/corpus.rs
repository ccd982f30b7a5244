//! Every capture of the corpus opens, and holds the frames, bytes and times that Wireshark's `capinfos` finds.
//!
//! Runs where `WARDLINE_CORPUS` names the corpus folder.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test fails by panic and says what it skips")]

use std::path::{Path, PathBuf};
use std::process::Command;

use wardline_capture::{CaptureFile, MergedCapture};

/// All capture files below `folder`, by name.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the corpus is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.to_string_lossy().into_owned();
            let plain = name.trim_end_matches(".gz").trim_end_matches(".zst");
            if plain.ends_with(".pcap") || plain.ends_with(".pcapng") || plain.ends_with(".cap") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn corpus() -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("WARDLINE_CORPUS") else {
        println!("skipped: WARDLINE_CORPUS is not set");
        return None;
    };
    let found = captures(Path::new(&folder));
    assert!(!found.is_empty(), "WARDLINE_CORPUS holds no captures");
    Some(found)
}

/// What `capinfos` tells of a file.
#[derive(Debug, Default)]
struct Facts {
    frames: u64,
    /// Bytes on the wire.
    bytes: u64,
    /// Earliest and latest time; `capinfos` has microseconds at least.
    times_us: Option<(i64, i64)>,
}

impl Facts {
    /// Times may differ by less than a second: `capinfos` cannot order a fraction below zero, which some
    /// captures hold.
    fn agrees(&self, other: &Self) -> bool {
        let near = |(one, two): (i64, i64)| one.abs_diff(two) < 1_000_000;
        let times_agree = match (self.times_us, other.times_us) {
            (Some(one), Some(two)) => near((one.0, two.0)) && near((one.1, two.1)),
            (one, two) => one == two,
        };
        (self.frames, self.bytes) == (other.frames, other.bytes) && times_agree
    }
}

/// The facts of a file, and what stopped the reading.
fn read(path: &Path) -> (Facts, Option<String>) {
    let mut facts = Facts::default();
    let mut file = match CaptureFile::open(path) {
        Ok(file) => file,
        Err(error) => return (facts, Some(error.to_string())),
    };
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                facts.frames += 1;
                assert_eq!(frame.number, facts.frames);
                facts.bytes += u64::from(frame.original_length);
                let time_us = frame.time_ns / 1_000;
                let (first, last) = facts.times_us.unwrap_or((time_us, time_us));
                facts.times_us = Some((first.min(time_us), last.max(time_us)));
            }
            Ok(None) => return (facts, None),
            Err(error) => return (facts, Some(error.to_string())),
        }
    }
}

fn capinfos(line: &str) -> Option<(&str, Facts)> {
    let mut fields = line.split('\t');
    let (name, frames, bytes) = (fields.next()?, fields.next()?, fields.next()?);
    let mut time_us = || {
        let (seconds, fraction) = fields.next()?.split_once('.')?;
        let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
        Some(seconds.parse::<i64>().ok()? * 1_000_000 + fraction.parse::<i64>().ok()?)
    };
    let times_us = time_us().zip(time_us());
    Some((name, Facts { frames: frames.parse().ok()?, bytes: bytes.parse().ok()?, times_us }))
}

#[test]
fn frames_bytes_and_times_equal_those_of_capinfos() {
    let Some(files) = corpus() else { return };
    let mut compared = 0;
    let mut differences = Vec::new();
    for batch in files.chunks(100) {
        let arguments = ["-T", "-M", "-r", "-S", "-c", "-d", "-a", "-e"];
        let output = match Command::new("capinfos").args(arguments).args(batch).output() {
            Ok(output) => output,
            Err(error) => {
                println!("skipped: capinfos does not run: {error}");
                return;
            }
        };
        for (name, expected) in String::from_utf8_lossy(&output.stdout).lines().filter_map(capinfos) {
            let (facts, fault) = read(Path::new(name));
            compared += 1;
            if !expected.agrees(&facts) {
                differences.push(format!("{name}: capinfos {expected:?}, read {facts:?}, {fault:?}"));
            }
        }
    }
    println!("{compared} of {} files compared", files.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared * 100 >= files.len() * 98, "capinfos read too few files");
}

#[test]
fn the_whole_corpus_merges_in_time_order_of_heads() {
    let Some(files) = corpus() else { return };
    let mut merged = MergedCapture::open(&files);
    let mut counts = vec![0_u64; files.len()];
    let mut total = 0;
    while let Some(frame) = merged.next_frame() {
        let slot = &mut counts[frame.file as usize];
        *slot += 1;
        total += 1;
        assert_eq!(frame.number, *slot, "every frame of a file once and in order");
    }
    let errors = merged.take_errors();
    let progress = merged.progress();
    println!("{total} frames, {} files with errors, {progress:?}", errors.len());
    assert_eq!(Some(progress.read_bytes), progress.total_bytes);
    for (path, merged_count) in files.iter().zip(counts) {
        assert_eq!(read(path).0.frames, merged_count, "{}", path.display());
    }
}
