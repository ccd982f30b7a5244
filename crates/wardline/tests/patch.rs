//! The patch queue in the store, what is decided about it, and what would be if: with the program itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::collections::BTreeSet;
use std::path::Path;

use wardline_model::{
    Category, Criticality, Device, DeviceId, Edge, Label, MacAddress, Timestamp, Transport,
};
use wardline_store::{Batch, SqliteStore, Store, VulnerabilityQuery};

use program::{refused, said, wardline};

const ADVISORY: &str = r#"{"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Example Pump",
  "publisher": {"name": "Example Agency"},
  "tracking": {"id": "ex-1", "version": "2", "current_release_date": "2025-01-02T00:00:00Z"}},
 "product_tree": {"branches": [{"category": "vendor", "name": "Example Medical", "branches": [
   {"category": "product_name", "name": "Pump 700", "branches": [
     {"category": "product_version_range", "name": "< 2.3", "product": {"name": "Pump 700: < 2.3", "product_id": "P1"}}]}]}]},
 "vulnerabilities": [{"cve": "CVE-2025-0001", "product_status": {"known_affected": ["P1"]},
   "scores": [{"cvss_v3": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8}, "products": ["P1"]}],
   "remediations": [{"category": "vendor_fix", "details": "Update to 2.3.", "product_ids": ["P1"]}]}]}"#;

fn device(number: u8, zone: &str) -> Device {
    let mac = MacAddress([2, 0, 0, 0, 0, number]);
    Device {
        id: DeviceId::from(mac),
        macs: vec![mac],
        ips: Vec::new(),
        hostnames: Vec::new(),
        vendor: Some(Label::new("Example Medical")),
        model: Some(Label::new("Pump 700")),
        category: Category::InfusionPump,
        os: None,
        firmware: Some(Label::new("2.1")),
        serial: None,
        protocols: BTreeSet::new(),
        role: Vec::new(),
        zone: Some(Label::new(zone)),
        criticality: Some(Criticality::Therapy),
        first_seen: Timestamp::from_nanoseconds(0),
        last_seen: Timestamp::from_nanoseconds(21 * 86_400_000_000_000),
        confidence: 0.9,
        evidence: Vec::new(),
        mismatches: Vec::new(),
    }
}

/// Two pumps of one make in two wards; one is spoken to by the other, at any hour but from one to five in the night.
fn hospital(state: &Path) {
    let devices = vec![device(1, "ward 1"), device(2, "ward 2")];
    let hours = (0..21 * 24_i64).filter(|hour| !(1..5).contains(&(hour % 24)));
    let edges = hours.map(|hour| Edge {
        hour: Timestamp::from_nanoseconds(hour * 3_600_000_000_000),
        src_device: devices[0].id.clone(),
        dst_device: devices[1].id.clone(),
        transport: Transport::TCP,
        port: 80,
        application: None,
        flows: 10,
        packets: [1, 1],
        bytes: [1, 1],
        encrypted_flows: 0,
        cleartext_flows: 10,
    });
    let batch = Batch {
        edges: edges.collect(),
        devices: devices.clone(),
        progress: wardline_store::Progress {
            newest: Some(devices[0].last_seen),
            ..wardline_store::Progress::default()
        },
        ..Batch::default()
    };
    SqliteStore::open(state).unwrap().append(&batch).unwrap();
}

#[test]
fn what_is_decided_is_kept_and_a_pump_waits_for_its_maker() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    hospital(state);
    let file = state.join("advisory.json");
    std::fs::write(&file, ADVISORY).unwrap();
    said(&wardline(state, &["feeds", "import", file.to_str().unwrap()]));

    // Importing put the queue into the store; the pump that another zone speaks to comes first.
    let stored = SqliteStore::open(state).unwrap().vulnerabilities(&VulnerabilityQuery::default()).unwrap();
    assert_eq!(stored.total, 2);
    assert_eq!(stored.items[0].device.to_string(), "d-020000000002");
    assert_eq!((stored.items[0].basis.zones, stored.items[1].basis.zones), (1, 0));

    let subject = ["d-020000000002", "CVE-2025-0001"];
    let decide = |verb: &str, rest: &[&str]| {
        wardline(state, &[&["patch", verb], &subject[..], rest, &["--by", "Ada Example"]].concat())
    };
    let waits = refused(&decide("status", &["planned"]));
    assert!(waits.contains("the maker must approve"), "{waits}");
    let assigned = said(&decide("assign", &["--owner", "Bo Example", "--due", "2999-01-31"]));
    assert!(assigned.contains("Ask the maker"), "{assigned}");
    assert!(refused(&decide("except", &["--reason", "x", "--until", "2001-01-01"])).contains("is past"));
    said(&decide("approve", &["--reference", "bulletin 7"]));
    said(&decide("status", &["planned"]));
    assert!(
        refused(&wardline(state, &["patch", "status", subject[0], "CVE-1", "open", "--by", "x"]))
            .contains("not in the queue")
    );

    let shown: serde_json::Value =
        serde_json::from_str(&said(&wardline(state, &["patch", "show", subject[0], "--json"]))).unwrap();
    let plan = &shown["vulnerabilities"][0]["plan"];
    assert_eq!((plan["status"].as_str(), plan["owner"].as_str()), (Some("planned"), Some("Bo Example")));
    assert_eq!(plan["history"].as_array().unwrap().len(), 3);
    assert_eq!(
        (shown["windows"][0]["hour"].as_u64(), shown["windows"][0]["hours"].as_u64()),
        (Some(1), Some(4))
    );

    let queue = said(&wardline(state, &["patch", "--json"]));
    let first: serde_json::Value = serde_json::from_str(queue.lines().next().unwrap()).unwrap();
    assert_eq!((first["type"].as_str(), first["rank"].as_u64()), (Some("vulnerability"), Some(1)));
    assert_eq!(first["plan"]["approval"].as_str(), Some("bulletin 7"));
    assert_eq!(first["basis"]["reach"].as_str(), Some("controlled"));
}

#[test]
fn what_would_be_is_counted_and_nothing_is_changed() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    hospital(state);
    let file = state.join("advisory.json");
    std::fs::write(&file, ADVISORY).unwrap();
    let feeds = file.to_str().unwrap();
    let simulate = |rest: &[&str]| -> serde_json::Value {
        let arguments = [&["patch", "simulate", "--json", "--feeds", feeds], rest].concat();
        serde_json::from_str(&said(&wardline(state, &arguments))).unwrap()
    };
    let sum = |counts: &serde_json::Value| -> u64 {
        counts["vulnerabilities"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    };
    let one = simulate(&["--patched", "d-020000000001"]);
    assert_eq!((sum(&one["before"]), sum(&one["after"])), (2, 1));
    assert_eq!(sum(&simulate(&["--corrected", "CVE-2025-0001"])["after"]), 0);
    assert_eq!(sum(&simulate(&["--alone", "ward 2"])["after"]), 2);
    assert!(
        refused(&wardline(state, &["patch", "simulate", "--feeds", feeds, "--alone", "ward 9"]))
            .contains("no device")
    );
    let stored = SqliteStore::open(state).unwrap().vulnerabilities(&VulnerabilityQuery::default()).unwrap();
    assert_eq!(stored.total, 0);
}

#[test]
fn what_is_told_to_others_is_valid_and_names_no_device() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    hospital(state);
    let file = state.join("advisory.json");
    std::fs::write(&file, ADVISORY).unwrap();
    said(&wardline(state, &["feeds", "import", file.to_str().unwrap()]));
    let tell = |to: &str| -> serde_json::Value {
        let author = ["--publisher", "Example Hospital", "--namespace", "https://hospital.example"];
        let text = said(&wardline(state, &[&["patch", "vex", "--to", to], &author[..]].concat()));
        assert!(!text.contains("d-0200") && !text.contains("02:00:00") && !text.contains("ward "), "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let (csaf, open, cyclone) = (tell("csaf"), tell("openvex"), tell("cyclonedx"));
    assert_eq!(csaf["vulnerabilities"][0]["product_status"]["known_affected"][0], "WARDLINE-0001");
    assert_eq!(csaf["vulnerabilities"][0]["remediations"][0]["details"], "Update to 2.3.");
    assert_eq!(open["statements"][0]["status"], "affected");
    assert_eq!(open["statements"].as_array().unwrap().len(), 1, "two devices are one product");
    assert_eq!(cyclone["vulnerabilities"][0]["analysis"]["state"], "exploitable");
    // What others read is what we read: the documents go in again as they came out.
    for (name, document) in [("csaf.json", &csaf), ("open.json", &open)] {
        let path = state.join(name);
        std::fs::write(&path, document.to_string()).unwrap();
        said(&wardline(state, &["feeds", "import", path.to_str().unwrap()]));
    }
    for (schema, document) in [("csaf-2.0", &csaf), ("openvex-0.2", &open), ("cyclonedx-1.6", &cyclone)] {
        let errors = against(schema, document);
        assert!(errors.is_empty(), "{schema}: {errors:?}");
    }
    // The schemas refuse what is wrong: else they would prove nothing.
    let broken = |document: &serde_json::Value, place: &str| {
        let mut document = document.clone();
        *document.pointer_mut(place).unwrap() = serde_json::json!("nonsense");
        document
    };
    assert!(!against("csaf-2.0", &broken(&csaf, "/document/tracking/status")).is_empty());
    assert!(!against("openvex-0.2", &broken(&open, "/statements/0/status")).is_empty());
    assert!(!against("cyclonedx-1.6", &broken(&cyclone, "/vulnerabilities/0/analysis/state")).is_empty());
}

/// What a document lacks by the schema of its standard (`fixtures/schemas`).
fn against(schema: &str, document: &serde_json::Value) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/schemas");
    let text = std::fs::read_to_string(folder.join(format!("{schema}.schema.json"))).unwrap();
    let mut schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    apart(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Opens what other documents define: schemas of CVSS, of licences and of signatures, none of which is written.
fn apart(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(fields) => {
            let elsewhere = fields.get("$ref").and_then(serde_json::Value::as_str);
            if elsewhere.is_some_and(|place| !place.starts_with('#')) {
                *schema = serde_json::json!(true);
                return;
            }
            fields.values_mut().for_each(apart);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(apart),
        _ => {}
    }
}
