//! Real captures, where `WARDLINE_CORPUS` names them: attacks are told as what they are, and ordinary traffic raises
//! nothing above `low` but for what is explained here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wardline_model::{Attack, Record, Severity};

fn findings(state: &Path, capture: &Path) -> Vec<(Attack, String, Severity)> {
    let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["analyze", "--json", "--quiet"])
        .arg(capture)
        .env("WARDLINE_STATE", state)
        .output()
        .unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Finding(finding) => {
                Some((finding.attack, finding.detector.to_string(), finding.severity))
            }
            _ => None,
        })
        .collect()
}

fn corpus() -> Option<PathBuf> {
    std::env::var_os("WARDLINE_CORPUS").map(PathBuf::from)
}

/// Part of the name of a capture, and what must be told of it.
const ATTACKS: &[(&str, Attack, &str)] = &[
    ("CIC-DDoS-2019-SynFlood", Attack::DenialOfService, "syn-flood"),
    ("dhcp_flood", Attack::DenialOfService, "dhcp-flood"),
    ("TCP_SYN_SCAN", Attack::PassiveGathering, "scan"),
    ("synscan", Attack::PassiveGathering, "scan"),
    ("portscan", Attack::PassiveGathering, "scan"),
    ("arppoison", Attack::PassiveGathering, "arp-interception"),
    ("dns_axfr", Attack::PassiveGathering, "zone-transfer"),
    ("ftp-crack", Attack::DenialOfService, "password-guessing"),
    ("ftp__bruteforce", Attack::DenialOfService, "password-guessing"),
    ("dns-tunnel-iodine", Attack::PassiveGathering, "name-tunnel"),
    ("dns_exfiltration", Attack::PassiveGathering, "name-tunnel"),
    ("icmp-tunnel", Attack::PassiveGathering, "echo-tunnel"),
];

#[test]
fn attacks_are_told_as_what_they_are() {
    let Some(corpus) = corpus() else { return };
    let state = tempfile::tempdir().unwrap();
    let mut captures = Vec::new();
    find(&corpus.join("attacks"), &mut captures);
    for (name, attack, rule) in ATTACKS {
        let named: Vec<_> = captures.iter().filter(|path| path.to_string_lossy().contains(name)).collect();
        assert!(!named.is_empty(), "{name}");
        for capture in named {
            let found = findings(state.path(), capture);
            let told = found
                .iter()
                .any(|(told, by, severity)| told == attack && by == rule && *severity > Severity::Low);
            assert!(told, "{}: {found:?}", capture.display());
        }
    }
}

/// Ordinary captures that hold something extraordinary, and what.
const EXPLAINED: &[(&str, &str)] = &[
    ("Malcolm-Test-Artifacts__DHCP", "two servers give one client contradicting directions"),
    ("dhcp-unique-xid-join-data-growth", "fifty made-up stations ask for addresses within a second"),
    (
        "bacnet_services",
        "a test of every service: devices are told to restart by a station that did not do so before",
    ),
    ("ldap-max-recursion", "one client holds a hundred connections: a stress test of a parser"),
];

#[test]
fn ordinary_traffic_raises_nothing_above_low() {
    let Some(corpus) = corpus() else { return };
    let state = tempfile::tempdir().unwrap();
    let mut loud = Vec::new();
    for folder in ["hospital", "medical", "iot_sentinel", "suricata_verify"] {
        let mut captures = Vec::new();
        find(&corpus.join(folder), &mut captures);
        for capture in captures {
            let name = capture.to_string_lossy().into_owned();
            if EXPLAINED.iter().any(|(known, _)| name.contains(known)) {
                continue;
            }
            let serious = findings(state.path(), &capture)
                .into_iter()
                .filter(|(.., severity)| *severity > Severity::Low);
            loud.extend(serious.map(|finding| format!("{name}: {finding:?}")));
        }
    }
    assert!(loud.is_empty(), "{}", loud.join("\n"));
}

fn find(directory: &Path, captures: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            find(&path, captures);
        } else if name.contains(".pcap") || name.ends_with(".cap") {
            captures.push(path);
        }
    }
}
