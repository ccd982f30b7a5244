//! Enforcement through the program, in a network namespace of its own: apply, confirm, quarantine, roll back, and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const POLICY: &str = r#"{"version":1,"name":"ward",
  "zones":[{"name":"ward","within":"deny","reason":""}],
  "groups":[{"name":"ward/pump","zone":"ward","category":"infusion-pump"}],
  "members":[{"address":"10.9.0.1/32","group":"ward/pump","criticality":"therapy"},
             {"address":"10.9.0.2/32","group":"ward/pump","criticality":"life-sustaining"}],
  "protected":[{"from":"10.9.0.2","to":"10.9.1.1","transport":6,"ports":{"first":2575,"last":2575}}]}"#;

struct Namespace {
    name: String,
    directory: tempfile::TempDir,
}

impl Namespace {
    fn open() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wlcli{}x{number}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        if !made.is_ok_and(|output| output.status.success())
            || Command::new("nft").arg("-v").output().is_err()
        {
            println!("skipped: run as root with iproute2 and nftables");
            return None;
        }
        Some(Self { name, directory: tempfile::tempdir().unwrap() })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("ip")
            .args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_wardline"), "segment"])
            .args(arguments)
            .env("WARDLINE_STATE", self.directory.path())
            .output()
            .unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn rules(&self) -> String {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name, "nft", "list", "ruleset"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let listed = Command::new("ip").args(["netns", "pids", &self.name]).output();
        let keepers = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for keeper in keepers.unwrap_or_default().lines() {
            let _ = Command::new("kill").args(["-KILL", keeper]).output();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

#[test]
fn apply_confirm_quarantine_and_roll_back_by_the_command_line() {
    let Some(place) = Namespace::open() else { return };
    let policy = place.directory.path().join("policy.json");
    std::fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();
    let by = ["--by", "A. Example"];

    let said = place.done(&["apply", policy, "--confirm-within", "1m", "--lease", "2s", by[0], by[1]]);
    assert!(said.contains("1 life-sustaining conversations"), "{said}");
    assert!(place.refused(&["apply", policy, by[0], by[1]]).contains("waits for confirmation"));
    // Longer than the lease: the keeper that apply started renews it.
    thread::sleep(Duration::from_secs(3));
    assert!(place.done(&["confirm", by[0], by[1]]).contains("Confirmed"));
    assert!(place.done(&["status"]).contains("The lease lives"));

    let quarantine = ["quarantine", "10.9.0.1", "--reason", "scans", by[0], by[1]];
    assert!(place.refused(&quarantine).contains("second, different person"));
    let two = [&quarantine[..], &["--second", "B. Example", "--step", "isolate", "--for", "2h"]].concat();
    assert!(place.done(&two).contains("isolate"));
    assert!(place.done(&["quarantine", "--list"]).contains("A. Example and B. Example: scans"));
    assert!(place.rules().contains("isolate_4"));
    place.done(&["quarantine", "10.9.0.1", "--release", by[0], by[1]]);
    assert!(!place.rules().contains("isolate_4"));

    assert!(place.done(&["rollback", by[0], by[1]]).contains("byte for byte"));
    assert_eq!(place.rules(), "");
    let log = place.done(&["log"]);
    assert!(log.contains("Sound: 7 entries"), "{log}");
    assert!(place.refused(&["rollback", by[0], by[1]]).contains("nothing to roll back"));
}

#[test]
fn a_change_that_nobody_confirms_is_undone_by_the_keeper_that_apply_started() {
    let Some(place) = Namespace::open() else { return };
    let policy = place.directory.path().join("policy.json");
    std::fs::write(&policy, POLICY).unwrap();
    place.done(&["apply", policy.to_str().unwrap(), "--confirm-within", "2s", "--by", "A. Example"]);
    assert!(place.rules().contains("drop"));
    let start = Instant::now();
    while !place.rules().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(6), "{}", place.rules());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(place.done(&["log"]).contains("reverted"));
}
