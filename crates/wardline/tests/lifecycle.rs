//! What makers and authorities say about devices, from files that a user has to the record, with the program itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wardline_model::{Category, Criticality, Device, DeviceId, Label, MacAddress, Timestamp};
use wardline_store::{Batch, SqliteStore, Store};

use program::{said, wardline};

const ADVISORY: &str = r#"{"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Example Pump",
  "publisher": {"name": "Example Agency"},
  "tracking": {"id": "ex-1", "version": "2", "current_release_date": "2025-01-02T00:00:00Z"}},
 "product_tree": {"branches": [{"category": "vendor", "name": "Example Medical", "branches": [
   {"category": "product_name", "name": "Pump 700", "branches": [
     {"category": "product_version_range", "name": "< 2.3", "product": {"name": "Pump 700: < 2.3", "product_id": "P1"}}]}]}]},
 "vulnerabilities": [{"cve": "CVE-2025-0001", "product_status": {"known_affected": ["P1"]},
   "scores": [{"cvss_v3": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N", "baseScore": 5.3}, "products": ["P1"]}],
   "remediations": [{"category": "vendor_fix", "details": "Update to 2.3.", "product_ids": ["P1"]}]}]}"#;

const RECALLS: &str = r#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": [
  {"recall_number": "Z-0001-2024", "classification": "Class I", "status": "Ongoing", "product_type": "Devices",
   "recalling_firm": "Example Medical, Inc.", "product_description": "Pump 700 infusion pump", "code_info": "Software 2.1 and 2.2",
   "reason_for_recall": "May stop.", "recall_initiation_date": "20240131"}]}"#;

const CLASSES: &str = r#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": [
  {"product_code": "FRN", "device_name": "Pump, Infusion", "device_class": "2", "life_sustain_support_flag": "N"}]}"#;

const SUPPORT: &str = "vendor,product,version,support_end,latest,latest_date\nExample Medical,Pump 700,2.x,2020-12-31,2.9,2020-06-01\n";

fn hospital(state: &Path) {
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let device = Device {
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
        zone: Some(Label::new("ward 1")),
        criticality: Some(Criticality::Therapy),
        first_seen: Timestamp::from_nanoseconds(0),
        last_seen: Timestamp::from_nanoseconds(1),
        confidence: 0.9,
        evidence: Vec::new(),
        mismatches: Vec::new(),
    };
    SqliteStore::open(state).unwrap().append(&Batch { devices: vec![device], ..Batch::default() }).unwrap();
}

fn device(state: &Path) -> Value {
    serde_json::from_str(said(&wardline(state, &["devices", "--json"])).lines().next().unwrap()).unwrap()
}

fn states(device: &Value) -> Vec<&str> {
    device["lifecycle"]["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["state"].as_str().unwrap())
        .collect()
}

fn worksheet() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/disclosures/pump-700.xlsx")
}

#[test]
fn what_is_imported_answers_the_questions_of_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    hospital(state);
    let import = |name: &str, text: &str| {
        let path = state.join(name);
        std::fs::write(&path, text).unwrap();
        said(&wardline(state, &["feeds", "import", path.to_str().unwrap()]))
    };
    assert!(device(state).get("lifecycle").is_none(), "nothing was computed yet");
    let first = import("advisory.json", ADVISORY);
    assert!(first.contains("matched again: 1 of 1 kinds of devices; 1 vulnerabilities"), "{first}");
    // Lateness is told by the advisory alone; nobody said anything of the rest.
    assert_eq!(states(&device(state)), ["unknown", "unknown", "bad", "unknown", "unknown"]);

    let form = said(&wardline(state, &["feeds", "import", worksheet().to_str().unwrap()]));
    assert!(form.contains("1 disclosure statements"), "{form}");
    for (name, text) in [("recalls.json", RECALLS), ("classes.json", CLASSES), ("support.csv", SUPPORT)] {
        let words = import(name, text);
        assert!(
            words.contains("matched again: 0 of 1 kinds"),
            "what is no advisory touches no match: {words}"
        );
    }
    let device = device(state);
    assert_eq!(states(&device), ["bad", "bad", "bad", "bad", "bad"]);
    let life = &device["lifecycle"];
    assert_eq!(device["type"], "device");
    assert_eq!(
        (&life["support_end"], &life["recalls"][0]["number"]),
        (&"2020-12-31".into(), &"Z-0001-2024".into())
    );
    assert_eq!(
        (&life["recalls"][0]["match"]["kind"], &life["recalls"][0]["class"]),
        (&"exact".into(), &1.into())
    );
    assert_eq!(life["classes"][0]["name"], "Pump, Infusion");
    let disclosed = |id: &str| {
        let all = life["disclosed"].as_array().unwrap();
        all.iter().find(|one| one["question"] == id).unwrap_or_else(|| panic!("{id}")).clone()
    };
    assert_eq!(disclosed("CSUP-2")["note"], "Windows 10 IoT Enterprise LTSC 2019");
    assert_eq!(disclosed("CSUP-2.2")["note"], "Only by an engineer of the maker & after his approval");
    assert_eq!(
        (disclosed("RMOT-1")["said"].as_str(), disclosed("TXCF-2")["said"].as_str()),
        (Some("yes"), Some("not-applicable"))
    );
    assert_eq!(disclosed("RDMP-3")["note"], "Ask the service desk");
    let bill = life["answers"][4]["answer"].as_str().unwrap();
    assert!(bill.contains("ask for it"), "{bill}");

    let queue = said(&wardline(state, &["patch", "--json"]));
    let first: Value = serde_json::from_str(queue.lines().next().unwrap()).unwrap();
    assert_eq!(first["basis"]["unsupported"], true);
    // A changed value on a pump harms: the rubric says high where the publisher said low.
    assert!(
        first["rubric"]["vector"].as_str().unwrap().contains("/I:H/A:N/XIP:L/XIT:H/"),
        "{}",
        first["rubric"]
    );
    assert_eq!(
        (
            first["rubric"]["score"].as_f64(),
            first["cvss"]["score"].as_f64().map(|score| (score * 10.0).round())
        ),
        (Some(7.5), Some(53.0))
    );
    let why: Vec<&str> = first["why"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(why.iter().any(|why| why.starts_with("Support has ended")), "{why:?}");
    assert!(why.iter().any(|why| why.contains("rubric for medical devices: 7.5, since XIT")), "{why:?}");

    let shown = said(&wardline(state, &["patch", "show", "d-020000000001"]));
    assert!(
        shown.contains("Support of Pump 700 2.x ended on 2020-12-31") && shown.contains("Z-0001-2024"),
        "{shown}"
    );

    // Each role learns from what was seen here, and from nothing else.
    let training = |role: &str| -> Vec<String> {
        let list: Value =
            serde_json::from_str(&said(&wardline(state, &["training", "--role", role, "--json"]))).unwrap();
        let pages = list["pages"].as_array().unwrap();
        pages.iter().map(|page| page["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(training("nurse"), ["recalled", "waits-for-maker"]);
    assert_eq!(training("procurement"), ["support-ended", "recalled", "waits-for-maker", "bill-missing"]);
    let html = said(&wardline(state, &["training", "--role", "htm", "--html"]));
    assert!(html.contains("ward 1") && html.contains("Seen on 1 devices"), "{html}");
    let wrong = wardline(state, &["training", "--role", "visitor"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn what_is_broken_is_named_with_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    for (name, text, lacks) in [
        (
            "form.csv",
            "CSUP-1,-,Yes\nCSUP-2,-,Yes\nMLDP-2,-,No\nSBOM-1,-,No\nRMOT-1,-,Yes\n",
            "the maker's name (DOC-1)",
        ),
        ("support.csv", "product,support_end\nPump 700,31.12.2024\n", "line 2"),
        (
            "recalls.json",
            r#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": []}"#,
            "device recalls or classifications",
        ),
    ] {
        let path = state.join(name);
        std::fs::write(&path, text).unwrap();
        let output = wardline(state, &["feeds", "import", path.to_str().unwrap()]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(complaint.contains(name) && complaint.contains(lacks), "{complaint}");
    }
    assert!(std::fs::read_dir(state.join("feeds")).unwrap().next().is_none(), "nothing broken is kept");
}
