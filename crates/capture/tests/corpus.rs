//! Every capture of the corpus opens, and holds as many frames as Wireshark's `capinfos` counts.
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

/// Frames in a file, and what stopped the reading.
fn count(path: &Path) -> (u64, Option<String>) {
    let mut file = match CaptureFile::open(path) {
        Ok(file) => file,
        Err(error) => return (0, Some(error.to_string())),
    };
    let mut count = 0;
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                count += 1;
                assert_eq!(frame.number, count);
            }
            Ok(None) => return (count, None),
            Err(error) => return (count, Some(error.to_string())),
        }
    }
}

#[test]
fn frame_counts_equal_capinfos() {
    let Some(files) = corpus() else { return };
    let mut compared = 0;
    let mut differences = Vec::new();
    for batch in files.chunks(100) {
        let output = match Command::new("capinfos").args(["-T", "-M", "-c", "-r"]).args(batch).output() {
            Ok(output) => output,
            Err(error) => {
                println!("skipped: capinfos does not run: {error}");
                return;
            }
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some((name, expected)) = line.split_once('\t') else {
                continue;
            };
            let (counted, fault) = count(Path::new(name));
            compared += 1;
            if expected.parse() != Ok(counted) {
                differences.push(format!("{name}: capinfos {expected}, read {counted}, {fault:?}"));
            } else if let Some(fault) = fault {
                println!("note: {fault}");
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
        assert_eq!(count(path).0, merged_count, "{}", path.display());
    }
}
