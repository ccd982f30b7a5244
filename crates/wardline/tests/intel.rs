//! Threat intelligence by the command line: imported, looked for, and silent where a warning list says so.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod program;

use std::fs;
use std::path::Path;
use std::process::Output;

use wardline_lab::{AttackPlan, Hospital, Options, write_capture};
use wardline_model::{
    Attack, Category, Device, Finding, FlowRecord, Label, Protocol, Record, Severity, TcpOutcome, Timestamp,
    Transport,
};
use wardline_store::{Batch, SqliteStore, Store as _};

use program::wardline;

fn hits(output: &Output) -> Vec<Finding> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Finding(finding) if finding.attack == Attack::ThreatIntel => Some(*finding),
            _ => None,
        })
        .collect()
}

/// The zone in which the simulated hospital looks up its archive.
const BUNDLE: &str = r#"{"type": "bundle", "id": "bundle--1", "objects": [
  {"type": "indicator", "id": "indicator--1", "name": "Test campaign", "pattern_type": "stix", "confidence": 90,
   "pattern": "[domain-name:value = 'ZONE']"}]}"#;

#[test]
fn what_was_imported_is_looked_for_and_a_warning_list_silences_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let capture = directory.path().join("ward.pcap");
    let hospital = Hospital::new(5, Options { attacks: Vec::<AttackPlan>::new(), ..Options::default() });
    let mut file = std::io::BufWriter::new(fs::File::create(&capture).unwrap());
    write_capture(hospital, 900, &mut file).unwrap();
    drop(file);
    let capture = capture.to_str().unwrap();
    assert!(hits(&wardline(&state, &["analyze", "--json", capture])).is_empty());

    // An indicator given for one run.
    let bundle = directory.path().join("bundle.json");
    fs::write(&bundle, BUNDLE.replace("ZONE", "hospital.example")).unwrap();
    let bundle = bundle.to_str().unwrap();
    let found = hits(&wardline(&state, &["analyze", "--json", "--intel", bundle, capture]));
    assert!(!found.is_empty());
    assert!(found.iter().all(|finding| finding.device.as_ref().is_some_and(|device| device.ip.is_some())));
    assert!(found.iter().all(|finding| finding.summary.contains("Test campaign")));

    // The same one, kept.
    assert_eq!(wardline(&state, &["intel", "import", bundle]).status.code(), Some(0));
    let status = String::from_utf8(wardline(&state, &["intel", "status"]).stdout).unwrap();
    assert!(status.contains("1 domains"), "{status}");
    assert_eq!(hits(&wardline(&state, &["analyze", "--json", capture])).len(), found.len());

    // What a warning list names is not looked for.
    let list = directory.path().join("list.json");
    fs::write(&list, r#"{"name": "ours", "type": "hostname", "list": ["hospital.example"]}"#).unwrap();
    assert_eq!(
        hits(&wardline(&state, &["analyze", "--json", "--intel", list.to_str().unwrap(), capture])),
        []
    );
}

/// Of the report that the desk writes to a share and reads back in `fixtures/recorded/smb-samba.pcap.zst`.
const REPORT: [&str; 2] =
    ["1a497360fc4be81acb22d512a4023a39cf7dd934491c4a19f4838e2985796b77", "3503a72e47eb2606a539fe2ef3110c96"];

#[test]
fn a_file_is_known_by_its_digest_by_whoever_received_it() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded/smb-samba.pcap.zst");
    let capture = capture.to_str().unwrap();
    for digest in REPORT {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("digests.txt");
        fs::write(&list, format!("{digest}\n")).unwrap();
        let arguments = ["analyze", "--json", "--intel", list.to_str().unwrap(), capture];
        let found = hits(&wardline(&directory.path().join("state"), &arguments));
        let mut received: Vec<_> =
            found.iter().map(|finding| finding.device.as_ref().unwrap().ip.unwrap().to_string()).collect();
        received.sort_unstable();
        // The server when it was written, the desk when it was read back.
        assert_eq!(received, ["192.0.2.15", "192.0.2.28"], "{digest}");
        assert!(
            found
                .iter()
                .all(|finding| finding.evidence.iter().any(|seen| seen.value.as_str().contains(digest)))
        );
    }
}

#[test]
fn an_indicator_that_comes_late_is_found_in_stored_conversations_once() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded/smb-samba.pcap.zst");
    let output = wardline(&state, &["analyze", "--json", capture.to_str().unwrap()]);
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut devices: Vec<Device> = lines
        .filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Device(device) => Some(*device),
            _ => None,
        })
        .collect();
    devices.retain(|device| device.ips.iter().any(|ip| ip.to_string() == "192.0.2.28"));
    devices[0].category = Category::InfusionPump;
    let id = devices[0].id.clone();
    // Three conversations of weeks ago: two with a name and an address that are named later, one with nobody.
    let flow = |minute: i64, name: Option<&str>, address: &str| FlowRecord {
        community_id: None,
        src: "192.0.2.28".parse().unwrap(),
        dst: address.parse().unwrap(),
        ports: [40_000, 443],
        protocol: Transport::TCP,
        application: Some(Protocol::Tls),
        vlan: None,
        start: Timestamp::from_seconds(1_790_000_000 + minute * 60),
        end: Timestamp::from_seconds(1_790_000_030 + minute * 60),
        packets: [10, 10],
        bytes: [4_000, 9_000],
        src_device: Some(id.clone()),
        dst_device: None,
        encrypted: Some(true),
        tcp: Some(TcpOutcome::Closed),
        server_name: name.map(Label::new),
        fingerprints: Vec::new(),
    };
    let flows = vec![
        flow(0, Some("cdn.bad.example"), "198.18.7.7"),
        flow(1, Some("update.vendor.example"), "198.18.7.8"),
        flow(2, None, "198.18.7.9"),
    ];
    // Files of two conversations: some are in a file, some wait.
    let store = SqliteStore::open_with(&state, 2).unwrap();
    store.append(&Batch { devices, flows, ..Batch::default() }).unwrap();
    drop(store);

    let list = directory.path().join("list.txt");
    fs::write(&list, "bad.example\n198.18.7.9\n").unwrap();
    let said =
        String::from_utf8(wardline(&state, &["intel", "import", list.to_str().unwrap()]).stdout).unwrap();
    assert!(said.contains("3 stored conversations were looked through: 2 new findings, 0 known"), "{said}");
    let found = hits(&wardline(&state, &["findings", "--json"]));
    assert_eq!(found.len(), 2);
    for finding in &found {
        assert_eq!(finding.device.as_ref().unwrap().id, Some(id.clone()));
        assert!(finding.severity >= Severity::High, "it is a pump");
    }
    // What was told is not told again.
    let said = String::from_utf8(wardline(&state, &["intel", "hunt"]).stdout).unwrap();
    assert!(said.contains("0 new findings, 2 known before"), "{said}");
    assert_eq!(hits(&wardline(&state, &["findings", "--json"])).len(), 2);
}

#[test]
fn a_broken_file_is_named_with_its_place_and_harms_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let folder = directory.path().join("feeds");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("broken.json"), "{\"type\": \"bundle\", \"objects\": [").unwrap();
    fs::write(folder.join("list.txt"), "198.51.100.7\n").unwrap();
    let output = wardline(&state, &["intel", "import", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("broken.json") && said.contains("line 1"), "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("list.txt: 1 indicators"));
}
