//! A part of a device, named in an advisory, reaches the queue by the device's bill of materials.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wardline_lab::{Hospital, Options, write_capture};

fn analyze(state: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["analyze", "--json"])
        .args(arguments)
        .env("WARDLINE_STATE", state)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_part_of_a_device_is_matched_by_its_bill_and_only_by_it() {
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("ward.pcap");
    let mut file = std::fs::File::create(&capture).unwrap();
    write_capture(Hospital::new(21, Options::default()), 600, &mut file).unwrap();
    let capture = capture.to_str().unwrap();
    let seen = analyze(directory.path(), &[capture]);
    let device = seen
        .iter()
        .find(|record| {
            record["type"] == "device"
                && record["category"] == "infusion-pump"
                && record["model"].is_string()
                && record["vendor"].is_string()
        })
        .expect("a pump that says its model");

    let bill = directory.path().join("pump.cdx.json");
    let product = json!({"type": "device", "name": device["model"], "supplier": {"name": device["vendor"]}});
    let library = json!({"type": "library", "name": "openssl", "version": "1.0.1",
        "cpe": "cpe:2.3:a:openssl:openssl:1.0.1:*:*:*:*:*:*:*"});
    let document = json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": product}, "components": [library]});
    std::fs::write(&bill, document.to_string()).unwrap();
    let record = directory.path().join("CVE-2099-0001.json");
    let affected = json!([{"vendor": "OpenSSL", "product": "OpenSSL", "versions": [
        {"version": "1.0.0", "lessThan": "1.0.2", "status": "affected", "versionType": "semver"}]}]);
    let document = json!({"dataType": "CVE_RECORD", "dataVersion": "5.1",
        "cveMetadata": {"cveId": "CVE-2099-0001", "state": "PUBLISHED"},
        "containers": {"cna": {"affected": affected}}});
    std::fs::write(&record, document.to_string()).unwrap();
    let (bill, record) = (bill.to_str().unwrap(), record.to_str().unwrap());

    let vulnerabilities = |records: &[Value]| -> Vec<Value> {
        records.iter().filter(|record| record["type"] == "vulnerability").cloned().collect()
    };
    assert!(vulnerabilities(&analyze(directory.path(), &["--feeds", record, capture])).is_empty());
    let found = vulnerabilities(&analyze(directory.path(), &["--feeds", record, "--sbom", bill, capture]));
    let of_device: Vec<_> = found.iter().filter(|one| one["device"] == device["id"]).collect();
    assert_eq!(of_device.len(), 1, "{found:?}");
    assert_eq!(of_device[0]["cve"], "CVE-2099-0001");
    assert!(of_device[0]["match"]["reason"].as_str().unwrap().contains("bill of materials"));
    // Only devices of that maker and model hold the part.
    for one in &found {
        let of =
            seen.iter().find(|record| record["type"] == "device" && record["id"] == one["device"]).unwrap();
        assert_eq!((&of["vendor"], &of["model"]), (&device["vendor"], &device["model"]));
    }
}
