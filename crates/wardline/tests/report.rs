//! Reports and the audit log, by the program itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod program;

use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wardline_enforce::audit::{self, Act, Entry};
use wardline_lab::{Hospital, Options, write_capture};
use wardline_store::{SqliteStore, Store as _};

use program::{said, wardline};

/// A state directory that an hour of the simulated hospital went through.
fn filled() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    let capture = state.path().join("ward.pcap");
    let mut file = std::fs::File::create(&capture).unwrap();
    write_capture(Hospital::new(11, Options::default()), 600, &mut file).unwrap();
    let mut console = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["serve", "--listen", "127.0.0.1:0", "--speed", "0", "--replay", capture.to_str().unwrap()])
        .env("WARDLINE_STATE", state.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Conversations end with the capture, so their number stands still only when all of it was kept.
    let mut before = 0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let flows =
            SqliteStore::open(state.path()).and_then(|store| store.overview()).map_or(0, |seen| seen.flows);
        if flows > 0 && flows == before {
            break;
        }
        before = flows;
    }
    console.kill().unwrap();
    console.wait().unwrap();
    state
}

#[test]
fn reports_and_cards_say_what_is_kept_and_load_nothing() {
    let state = filled();
    let devices = said(&wardline(state.path(), &["devices", "--json"]));
    let count = devices.lines().count();
    let first: serde_json::Value = serde_json::from_str(devices.lines().next().unwrap()).unwrap();
    let id = first["id"].as_str().unwrap();

    for arguments in [vec!["report"], vec!["report", "--kind", "compliance"], vec!["report", "--device", id]]
    {
        let page = said(&wardline(state.path(), &arguments));
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        for foreign in ["http://", "https://", "src=", "<script"] {
            assert!(!page.contains(foreign), "{arguments:?} loads {foreign}");
        }
    }

    let site: serde_json::Value =
        serde_json::from_str(&said(&wardline(state.path(), &["report", "--json"]))).unwrap();
    assert_eq!((&site["type"], &site["kind"]), (&"report".into(), &"site".into()));
    assert_eq!(site["devices"].as_array().unwrap().len(), count);

    let file = state.path().join("passport.json");
    said(&wardline(
        state.path(),
        &["report", "--kind", "device", "--device", id, "--json", "--out", file.to_str().unwrap()],
    ));
    let passport: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(passport["device"]["id"], id);
    assert!(passport["vulnerabilities"].is_null());

    // Of what gives infusions it is known beforehand what a listener cannot see.
    let pump =
        site["devices"].as_array().unwrap().iter().find(|device| device["category"] == "infusion-pump");
    let pump = pump.unwrap()["id"].as_str().unwrap();
    let page = said(&wardline(state.path(), &["report", "--device", pump]));
    assert!(page.contains("What can be seen of its class: Infusion pump") && page.contains("Not seen"));

    let compliance = said(&wardline(state.path(), &["report", "--kind", "compliance", "--json"]));
    let compliance: serde_json::Value = serde_json::from_str(&compliance).unwrap();
    let proofs = compliance["proofs"].as_array().unwrap();
    let standing = |id: &str| {
        proofs.iter().find(|proof| proof["control"]["id"] == id).unwrap()["standing"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // HL7 and DICOM of the hospital are readable, and nobody gave it advisories.
    assert_eq!(standing("PR.DS-02"), "gap");
    assert_eq!(standing("ID.RA-01"), "gap");
    assert_eq!(standing("ID.AM-03"), "shown");
    // Ten minutes are a look, no watch.
    assert_eq!(standing("DE.CM-01"), "partly");

    // At the bed: the simulated day is past, so nothing is known of it now, and something as of then.
    let listed: Vec<serde_json::Value> =
        devices.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pump = listed.iter().find(|device| device["category"] == "infusion-pump").unwrap();
    let name = pump["hostnames"][0].as_str().unwrap();
    assert!(said(&wardline(state.path(), &["bedside", name])).contains("UNKNOWN"));
    let then = said(&wardline(state.path(), &["bedside", name, "--as-of-records", "--hotline", "5555"]));
    assert!(then.contains("USE NORMALLY") && then.contains("5555"), "{then}");
    let page = said(&wardline(state.path(), &["bedside", name, "--language", "de", "--html"]));
    assert!(page.contains("UNBEKANNT") && !page.contains("://"));
    let pack = said(&wardline(state.path(), &["bedside", "--pack", "--language", "fr"]));
    assert!(pack.contains("Pompe à perfusion") && pack.contains(name), "{pack}");
    let output = wardline(state.path(), &["bedside", "nobody"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no device is called so"));

    // Whoever has the state directory can make the hashes again, by the command that stands beside them.
    let mut made_again = 0;
    for proof in proofs.iter().filter(|proof| !proof["hash"].is_null()) {
        let command: Vec<&str> = proof["command"].as_str().unwrap().split(' ').skip(1).collect();
        let printed = wardline(state.path(), &command).stdout;
        let hash: String = Sha256::digest(&printed).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(proof["hash"], hash, "{command:?}");
        made_again += 1;
    }
    assert!(made_again > 10, "{made_again}");
}

#[test]
fn what_cannot_be_reported_is_said_in_one_line() {
    let empty = tempfile::tempdir().unwrap();
    let output = wardline(empty.path(), &["report"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("holds no state"));
}

#[test]
fn a_changed_audit_log_is_noticed() {
    let state = tempfile::tempdir().unwrap();
    assert!(said(&wardline(state.path(), &["audit", "verify"])).contains("there is no audit log"));
    let directory = state.path().join("enforce");
    assert!(!directory.exists(), "looking makes nothing");
    std::fs::create_dir(&directory).unwrap();
    let log = directory.join(audit::FILE);
    for time_s in 0..40 {
        let entry = Entry {
            time_s,
            act: Act::Applied,
            subject: "ward 3".to_owned(),
            by: "A. Example".to_owned(),
            detail: "zones".to_owned(),
        };
        audit::append(&log, entry).unwrap();
    }
    let sound: serde_json::Value =
        serde_json::from_str(&said(&wardline(state.path(), &["audit", "verify", "--json"]))).unwrap();
    assert_eq!(sound["entries"], 40);
    let seal = sound["seal"].as_str().unwrap();
    said(&wardline(state.path(), &["audit", "verify", "--expect", seal]));

    let written = std::fs::read(&log).unwrap();
    // Cut off at the end: only whoever noted the seal can tell.
    let cut = written[..written.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    std::fs::write(&log, &written[..cut]).unwrap();
    said(&wardline(state.path(), &["audit", "verify"]));
    assert_eq!(wardline(state.path(), &["audit", "verify", "--expect", seal]).status.code(), Some(1));

    // Gone altogether, although something was done here.
    std::fs::write(directory.join("state.json"), r#"{"generation": 40}"#).unwrap();
    std::fs::remove_file(&log).unwrap();
    let output = wardline(state.path(), &["audit", "verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("it is gone"));

    let mut changed = written.clone();
    let place = written.len() / 2;
    changed[place] ^= 1;
    std::fs::write(&log, changed).unwrap();
    let output = wardline(state.path(), &["audit", "verify"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("line"));
}

/// Ten thousand changes, each of one bit, one line taken out, or two lines swapped.
#[test]
fn no_change_of_ten_thousand_goes_unnoticed() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join(audit::FILE);
    for time_s in 0..12 {
        let entry = Entry {
            time_s,
            act: Act::Confirmed,
            subject: format!("zone {time_s}"),
            by: "B. Example".to_owned(),
            detail: String::new(),
        };
        audit::append(&log, entry).unwrap();
    }
    let written = std::fs::read(&log).unwrap();
    let lines: Vec<&[u8]> = written.split_inclusive(|byte| *byte == b'\n').collect();
    let tampered = directory.path().join("tampered");
    // A linear congruence (Knuth, MMIX): any spread will do here.
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for round in 0..10_000 {
        let changed = match round % 4 {
            0 | 1 => {
                let mut bytes = written.clone();
                let place = below(bytes.len());
                bytes[place] ^= 1 << below(8);
                bytes
            }
            2 => {
                let without = below(lines.len() - 1);
                let kept = lines.iter().enumerate().filter(|(place, _)| *place != without);
                kept.flat_map(|(_, line)| line.iter().copied()).collect()
            }
            _ => {
                let one = below(lines.len());
                let other = (one + 1 + below(lines.len() - 1)) % lines.len();
                let mut swapped = lines.clone();
                swapped.swap(one, other);
                swapped.concat()
            }
        };
        std::fs::write(&tampered, changed).unwrap();
        assert!(audit::verify(&tampered, |_, _| ()).is_err(), "round {round}");
    }
}
