//! A simulated hospital through the whole program: attacks are found, peace is silent, no patient gets out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wardline_lab::{AttackKind, AttackPlan, Hospital, Labels, Options, write_capture};
use wardline_model::{Finding, Record, Severity};

fn write(directory: &Path, seed: u64, attacks: Vec<AttackPlan>, seconds: u32) -> (PathBuf, Labels) {
    let path = directory.join(format!("hospital-{seed}.pcap"));
    let hospital = Hospital::new(seed, Options { attacks, ..Options::default() });
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    let labels = write_capture(hospital, seconds, &mut file).unwrap();
    (path, labels)
}

fn analyze(directory: &Path, capture: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .arg("analyze")
        .arg(capture)
        .args(arguments)
        .env("WARDLINE_STATE", directory.join("state"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn findings(output: &[u8]) -> Vec<Finding> {
    let records = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    records
        .filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Finding(finding) => Some(*finding),
            _ => None,
        })
        .filter(|finding| finding.severity > Severity::Low)
        .collect()
}

const fn plan(kind: AttackKind, start_s: u32, length_s: u32) -> AttackPlan {
    AttackPlan { kind, start_s, length_s }
}

#[test]
fn each_attack_is_found_as_what_it_is_with_the_right_addresses() {
    let directory = tempfile::tempdir().unwrap();
    for seed in [11, 12, 13, 14] {
        for kind in [AttackKind::ArpInterception, AttackKind::Flood, AttackKind::PatientSwap] {
            let length = if kind == AttackKind::Flood { 5 } else { 120 };
            let (capture, labels) = write(directory.path(), seed, vec![plan(kind, 400, length)], 540);
            let [truth] = &labels.attacks[..] else { panic!("one attack") };
            let found = findings(&analyze(directory.path(), &capture, &["--json"]));
            let [finding] = &found[..] else { panic!("seed {seed} {truth:?}: {found:#?}") };
            assert_eq!(finding.attack, truth.attack, "seed {seed}");
            let device = finding.device.as_ref().and_then(|device| device.ip);
            assert_eq!(device, Some(truth.victim.into()), "seed {seed} {}", truth.variant);
            if kind != AttackKind::PatientSwap {
                let source = finding.source.as_ref().unwrap();
                assert_eq!(
                    source.mac.or(finding.source.as_ref().unwrap().mac),
                    Some(truth.source_mac),
                    "seed {seed}"
                );
            }
            let late = finding.time.nanoseconds() - truth.start_ns;
            let allowed_s = match kind {
                AttackKind::Flood => 1,
                AttackKind::ArpInterception => 10,
                AttackKind::PatientSwap => 60,
            };
            assert!(
                late <= allowed_s * 1_000_000_000,
                "seed {seed} {}: {} ms",
                truth.variant,
                late / 1_000_000
            );
            assert!(finding.evidence.iter().all(|evidence| evidence.packet > 0));
        }
    }
}

#[test]
fn a_peaceful_hour_is_silent() {
    let directory = tempfile::tempdir().unwrap();
    for seed in [21, 22] {
        let (capture, _) = write(directory.path(), seed, vec![], 3_600);
        let found = findings(&analyze(directory.path(), &capture, &["--json"]));
        assert!(found.is_empty(), "seed {seed}: {found:#?}");
    }
}

#[test]
fn workers_and_repetition_change_no_byte() {
    let directory = tempfile::tempdir().unwrap();
    let attacks = vec![plan(AttackKind::ArpInterception, 300, 60), plan(AttackKind::Flood, 420, 3)];
    let (capture, _) = write(directory.path(), 31, attacks, 480);
    let run = |workers: &str| {
        analyze(directory.path(), &capture, &["--json", "--reproducible", "--workers", workers])
    };
    let one = run("1");
    for workers in ["1", "2", "4"] {
        assert!(run(workers) == one, "--workers {workers} gives other bytes");
    }
}

#[test]
fn no_patient_is_in_any_output() {
    let directory = tempfile::tempdir().unwrap();
    let attacks = vec![plan(AttackKind::PatientSwap, 400, 120)];
    let (capture, labels) = write(directory.path(), 41, attacks, 600);
    let out = directory.path().join("out");
    let json = analyze(directory.path(), &capture, &["--json", "--out", out.to_str().unwrap()]);
    let text = analyze(directory.path(), &capture, &[]);
    let mut outputs =
        vec![("standard output, JSON".to_owned(), json), ("standard output, text".to_owned(), text)];
    for place in [&out, &directory.path().join("state")] {
        for entry in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
            outputs.push((entry.display().to_string(), fs::read(&entry).unwrap()));
        }
    }
    assert!(outputs.len() >= 7 && labels.canaries.len() > 60);
    for (name, bytes) in &outputs {
        for canary in &labels.canaries {
            let found =
                bytes.windows(canary.len()).any(|window| window.eq_ignore_ascii_case(canary.as_bytes()));
            assert!(!found, "{name}: an invented patient got out");
        }
    }
}

#[test]
fn most_devices_are_known_for_what_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (capture, labels) = write(directory.path(), 51, vec![], 700);
    let output = analyze(directory.path(), &capture, &["--json"]);
    let devices: Vec<_> = output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Device(device) => Some(*device),
            _ => None,
        })
        .collect();
    let (mut right, mut sure_and_wrong) = (0, Vec::new());
    for truth in &labels.devices {
        let device = devices.iter().find(|device| device.macs.contains(&truth.mac));
        let device = device.unwrap_or_else(|| panic!("{} was not seen", truth.name));
        assert!(device.ips.contains(&truth.ip.into()), "{}: {:?}", truth.name, device.ips);
        right += usize::from(device.category == truth.category);
        if device.category != truth.category && device.confidence > 0.8 {
            sure_and_wrong
                .push(format!("{} is {} and taken for {}", truth.name, truth.category, device.category));
        }
    }
    assert!(sure_and_wrong.is_empty(), "{sure_and_wrong:?}");
    assert!(right * 100 >= labels.devices.len() * 70, "{right} of {}", labels.devices.len());
}
