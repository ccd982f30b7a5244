//! Segmentation through the whole program: learned on one hospital day, tried on the next, rendered for a real kernel.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use wardline_lab::{AttackKind, AttackPlan, Hospital, Options, write_capture};

fn capture(directory: &Path, name: &str, attacks: Vec<AttackPlan>, seconds: u32) -> PathBuf {
    let path = directory.join(name);
    let hospital = Hospital::new(21, Options { attacks, ..Options::default() });
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    write_capture(hospital, seconds, &mut file).unwrap();
    path
}

fn wardline(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(arguments)
        .env("WARDLINE_STATE", directory.join("state"))
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_policy_learned_here_lets_its_own_day_pass_and_renders_for_nftables() {
    let directory = tempfile::tempdir().unwrap();
    let day = capture(directory.path(), "day.pcap", Vec::new(), 900);
    let policy = directory.path().join("policy.json");
    let output =
        wardline(directory.path(), &["segment", "propose", text(&day), "--out", text(&policy), "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = wardline(directory.path(), &["segment", "simulate", text(&policy), text(&day), "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["conversations"]["passed"].as_u64().unwrap() > 100);
    assert_eq!(answer["clinical_blocked"], 0);

    let output = wardline(directory.path(), &["segment", "render", text(&policy), "--to", "nftables"]);
    let rules = directory.path().join("policy.nft");
    fs::write(&rules, &output.stdout).unwrap();
    // Where nft or the right to make a namespace is missing, there is nobody to ask.
    if let Ok(checked) = Command::new("unshare").args(["-n", "nft", "-c", "-f", text(&rules)]).output() {
        let complaint = String::from_utf8_lossy(&checked.stderr);
        let nobody = complaint.contains("unshare") || complaint.contains("not permitted");
        assert!(checked.status.success() || nobody, "{complaint}");
    }
    let output = wardline(directory.path(), &["segment", "diff", text(&policy), text(&policy)]);
    assert!(output.status.success() && output.stdout.is_empty());
}

#[test]
fn a_flood_on_the_next_day_is_blocked_and_care_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = capture(directory.path(), "quiet.pcap", Vec::new(), 3_600);
    let flood = AttackPlan { kind: AttackKind::Flood, start_s: 400, length_s: 5 };
    let loud = capture(directory.path(), "loud.pcap", vec![flood], 900);
    let policy = directory.path().join("policy.json");
    let output =
        wardline(directory.path(), &["segment", "propose", text(&quiet), "--out", text(&policy), "--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = wardline(directory.path(), &["segment", "simulate", text(&policy), text(&loud), "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["clinical_blocked"], 0, "{:#}", answer["blocked"]);
    assert!(answer["conversations"]["blocked"].as_u64().unwrap() > 0, "{answer:#}");

    // The same as a dry run beside the detectors: findings where the policy forbids, none where it was learned.
    let count = |capture: &Path| {
        let arguments = ["analyze", text(capture), "--policy", text(&policy), "--json"];
        let output = wardline(directory.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let records = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records = records.map(|line| serde_json::from_slice::<Value>(line).unwrap());
        records.filter(|record| record["attack"] == "policy-violation" && record["severity"] == "low").count()
    };
    assert!(count(&loud) > 0);
    assert_eq!(count(&quiet), 0);
}

#[test]
fn a_policy_that_is_none_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.json");
    for (content, complaint) in [
        ("{", "is no policy"),
        (r#"{"version":9,"name":"a"}"#, "policy version 9"),
        (r#"{"version":1,"name":"a b"}"#, "at most 63 letters"),
        (
            r#"{"version":1,"name":"a","members":[{"address":"10.0.0.1/32","group":"g"}]}"#,
            "which is not defined",
        ),
    ] {
        fs::write(&policy, content).unwrap();
        let output = wardline(directory.path(), &["segment", "render", text(&policy), "--to", "nftables"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains(complaint) && error.lines().count() == 1, "{error}");
    }
}
