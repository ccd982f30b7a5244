//! What the program does with captures of every kind, good and bad, as its user sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn wardline(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wardline"));
        command.env("WARDLINE_STATE", self.0.path().join("state")).env_remove("WARDLINE_KEY");
        command
    }

    fn analyze(&self, captures: &[&Path], arguments: &[&str]) -> Output {
        self.wardline().arg("analyze").args(captures).args(arguments).output().unwrap()
    }
}

/// A capture of one ARP request per time stamp (RFC 826), classic pcap, little endian, microseconds.
fn arp_capture(link_type: u32, seconds: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link_type] {
        bytes.extend(word.to_le_bytes());
    }
    let mut frame = vec![0xff; 6];
    frame.extend([0x00, 0x09, 0xfb, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend([0x00, 0x09, 0xfb, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2]);
    frame.resize(60, 0);
    for second in seconds {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [*second, 0, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&frame);
    }
    bytes
}

fn records(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn summary(output: &Output) -> serde_json::Value {
    let last = records(output).pop().expect("a summary");
    assert_eq!(last["type"], "summary");
    last
}

fn complaints(output: &Output) -> Vec<String> {
    String::from_utf8(output.stderr.clone()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_bad_capture_is_one_clear_line_and_does_not_stop_the_others() {
    let place = Place::new();
    let good = place.file("good.pcap", &arp_capture(1, &[10, 11, 12]));
    let whole = arp_capture(1, &[20, 21]);
    let cases = [
        ("truncated.pcap", whole[..whole.len() - 7].to_vec(), 4),
        ("empty.pcap", Vec::new(), 3),
        ("garbage.pcap", b"this is no capture, it only says that it is one".to_vec(), 3),
        ("strange.pcap", arp_capture(147, &[30]), 4),
    ];
    for (name, bytes, packets) in cases {
        let bad = place.file(name, &bytes);
        let output = place.analyze(&[&bad, &good], &["--json"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let complaints = complaints(&output);
        assert_eq!(complaints.len(), 1, "{name}: {complaints:?}");
        assert!(complaints[0].starts_with("wardline: ") && complaints[0].contains(name), "{complaints:?}");
        let summary = summary(&output);
        assert_eq!(summary["packets"], packets, "{name}");
        assert_eq!(summary["devices"], 1, "{name}: the good capture was read");
        assert_eq!(summary["capture_errors"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let place = Place::new();
    for path in [place.0.path().join("nowhere.pcap"), place.0.path().to_owned()] {
        let output = place.analyze(&[&path], &["--json"]);
        assert_eq!(output.status.code(), Some(1));
        let complaints = complaints(&output);
        assert!(complaints.len() == 1 && complaints[0].contains(path.to_str().unwrap()), "{complaints:?}");
        assert_eq!(summary(&output)["packets"], 0);
    }
}

#[test]
fn wrong_usage_is_status_two_and_help_is_status_zero() {
    let place = Place::new();
    assert_eq!(place.wardline().arg("analyze").output().unwrap().status.code(), Some(2));
    assert_eq!(
        place.wardline().args(["findings", "--severity", "awful"]).output().unwrap().status.code(),
        Some(2)
    );
    for verb in [
        "analyze",
        "watch",
        "serve",
        "demo",
        "devices",
        "findings",
        "exposures",
        "flows",
        "schema",
        "patch",
        "feeds",
        "intel",
    ] {
        let output = place.wardline().args([verb, "--help"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(output.stdout.len() > 200, "{verb} has a help that teaches");
    }
}

#[test]
fn standard_input_dash_r_and_compression_give_the_same_records() {
    let place = Place::new();
    let plain = arp_capture(1, &[10, 11, 12]);
    let path = place.file("ward.pcap", &plain);
    let direct = place.analyze(&[&path], &["--json", "--reproducible"]);
    assert_eq!(direct.status.code(), Some(0), "{:?}", complaints(&direct));
    let by_flag = place.analyze(&[], &["-r", path.to_str().unwrap(), "--json", "--reproducible"]);
    assert_eq!(direct.stdout, by_flag.stdout);
    let mut child = place
        .wardline()
        .args(["analyze", "-", "--json", "--reproducible"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&plain).unwrap();
    let piped = child.wait_with_output().unwrap();
    let renamed = String::from_utf8(direct.stdout).unwrap().replace(path.to_str().unwrap(), "standard input");
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), renamed);
}

#[test]
fn every_record_fits_its_published_schema_and_files_hold_the_same_records() {
    let place = Place::new();
    let path = place.file("ward.pcap", &arp_capture(1, &[10, 11, 12]));
    let directory = place.0.path().join("out");
    let output = place.analyze(&[&path], &["--json", "--out", directory.to_str().unwrap()]);
    let schema = place.wardline().arg("schema").output().unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let records = records(&output);
    for record in &records {
        let errors: Vec<_> = validator.iter_errors(record).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{record}: {errors:?}");
    }
    let devices = fs::read_to_string(directory.join("devices.ndjson")).unwrap();
    let from_file: Vec<serde_json::Value> =
        devices.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let from_stdout: Vec<_> = records.into_iter().filter(|record| record["type"] == "device").collect();
    assert_eq!(from_file, from_stdout);
    for name in ["findings.ndjson", "exposures.ndjson", "flows.parquet", "report.html"] {
        assert!(directory.join(name).exists(), "{name}");
    }
}

#[test]
fn a_filter_and_a_wrong_filter() {
    let place = Place::new();
    let path = place.file("ward.pcap", &arp_capture(1, &[10, 11]));
    assert_eq!(summary(&place.analyze(&[&path], &["--json", "-f", "arp"]))["packets"], 2);
    assert_eq!(summary(&place.analyze(&[&path], &["--json", "-f", "tcp port 104"]))["packets"], 0);
    let output = place.analyze(&[&path], &["-f", "port port"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaints(&output)[0].contains("port port"), "{:?}", complaints(&output));
}

#[test]
fn lists_without_state_say_how_to_get_some() {
    let place = Place::new();
    let output = place.wardline().arg("devices").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaints(&output)[0].contains("--state"), "{:?}", complaints(&output));
}

#[test]
fn every_corpus_capture_is_read_to_a_summary() {
    let Some(corpus) = std::env::var_os("WARDLINE_CORPUS") else {
        return println!("skipped: WARDLINE_CORPUS is not set");
    };
    let place = Place::new();
    let mut captures = Vec::new();
    find(Path::new(&corpus), &mut captures);
    assert!(captures.len() > 100, "the corpus has captures");
    let mut wrong = Vec::new();
    for capture in &captures {
        let output = place.analyze(&[capture], &["--json"]);
        let text = String::from_utf8_lossy(&output.stderr);
        let told =
            output.stdout.rsplit(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
        let has_summary =
            serde_json::from_slice::<serde_json::Value>(told).is_ok_and(|last| last["type"] == "summary");
        let status = output.status.code();
        let expected = matches!(status, Some(0 | 1)) && !text.contains("panicked");
        // Status 1 comes with its line, status 0 without one.
        let explained = (status == Some(1)) == text.lines().any(|line| line.starts_with("wardline: "));
        if !(has_summary && expected && explained) {
            wrong.push(format!("{}: status {status:?}: {text}", capture.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), captures.len(), wrong.join("\n"));
}

fn find(directory: &Path, captures: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            find(&path, captures);
        } else if name.contains(".pcap") || name.ends_with(".cap") {
            captures.push(path);
        }
    }
}
