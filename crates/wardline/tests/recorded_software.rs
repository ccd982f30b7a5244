//! Recordings of real software through the whole program: who is there, what they run, what is exposed, and that no
//! invented patient, account or password gets out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wardline_model::{Category, Device, DeviceField, ExposureKind, Record, Severity};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded")
}

/// Records of a recording, and the names and contents of everything that the program wrote.
fn analyze(name: &str) -> (Vec<Record>, Vec<(String, Vec<u8>)>) {
    let directory = tempfile::tempdir().unwrap();
    let capture = fixtures().join(format!("{name}.pcap.zst"));
    let (out, state) = (directory.path().join("out"), directory.path().join("state"));
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
            .arg("analyze")
            .arg(&capture)
            .args(arguments)
            .env("WARDLINE_STATE", &state)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        output
    };
    let json = run(&["--json", "--out", out.to_str().unwrap()]);
    let text = run(&[]);
    let lines = json.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let mut written = vec![
        ("records".to_owned(), json.stdout.clone()),
        ("complaints".to_owned(), json.stderr),
        ("text".to_owned(), text.stdout),
        ("complaints of text".to_owned(), text.stderr),
    ];
    for place in [out, state] {
        for entry in fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()) {
            written.push((entry.display().to_string(), fs::read(&entry).unwrap()));
        }
    }
    (records, written)
}

fn index() -> Vec<Value> {
    serde_json::from_slice(&fs::read(fixtures().join("index.json")).unwrap()).unwrap()
}

fn station<'a>(index: &'a [Value], recording: &str, name: &str) -> &'a Value {
    let recording = index.iter().find(|entry| entry["name"] == recording).unwrap();
    recording["stations"].as_array().unwrap().iter().find(|station| station["name"] == name).unwrap()
}

/// The version that its makers gave it, out of Debian's: `1:2.90-4~deb12u2` is `2.90`.
fn upstream(index: &[Value], recording: &str, name: &str) -> String {
    let version = station(index, recording, name)["software"][0]["version"].as_str().unwrap().to_owned();
    let version = version.split_once(':').map_or(version.as_str(), |(_, version)| version);
    version.split(['-', '+', '~']).next().unwrap().to_owned()
}

fn device(records: &[Record], mac: &str) -> Device {
    let found = records.iter().find_map(|record| match record {
        Record::Device(device) if device.macs.iter().any(|known| known.to_string() == mac) => Some(device),
        _ => None,
    });
    (**found.expect("every station of a recording is seen")).clone()
}

/// What must be told of a station.
struct Expected {
    recording: &'static str,
    station: &'static str,
    role: &'static [&'static str],
    category: Category,
    /// Claims: the field, a part of the value, and where it was read. `{version}` is that of the software.
    claims: &'static [(DeviceField, &'static str, &'static str)],
}

const fn expected(
    recording: &'static str,
    station: &'static str,
    role: &'static [&'static str],
    category: Category,
    claims: &'static [(DeviceField, &'static str, &'static str)],
) -> Expected {
    Expected { recording, station, role, category, claims }
}

const STATIONS: &[Expected] = &[
    expected(
        "dicom-dcmtk",
        "archive",
        &["dicom scp", "dicom storage provider"],
        Category::Unknown,
        &[(DeviceField::Attribute, "OFFIS_DCMTK_{version}", "implementation version name")],
    ),
    expected(
        "dicom-dcmtk",
        "scanner",
        &["dicom scu", "dicom storage user"],
        Category::ImagingModality,
        &[
            (DeviceField::Vendor, "Wardline Test Imaging", "equipment module"),
            (DeviceField::Model, "Phantom One", "equipment module"),
            (DeviceField::Serial, "WTI-0042", "equipment module"),
            (DeviceField::Firmware, "5.1.2", "equipment module"),
            (DeviceField::Attribute, "OFFIS_DCMTK_{version}", "implementation version name"),
        ],
    ),
    expected(
        "dicom-orthanc",
        "archive",
        &["dicom query provider", "dicom storage provider"],
        Category::Pacs,
        &[(DeviceField::Attribute, "OFFIS_DCMTK_", "implementation version name")],
    ),
    expected("dicom-orthanc", "reader", &["dicom scu", "dicom scp"], Category::Unknown, &[]),
    expected("astm-python", "host", &[], Category::Unknown, &[]),
    expected(
        "astm-python",
        "analyzer",
        &["astm sender"],
        Category::LabAnalyzer,
        &[
            (DeviceField::Model, "Phantom Chem", "H-5 sender"),
            (DeviceField::Firmware, "3.4", "H-5 sender"),
            (DeviceField::Serial, "WTA-0031", "H-5 sender"),
        ],
    ),
    expected("fhir-python", "archive", &["fhir server"], Category::Server, &[]),
    expected("fhir-python", "display", &["fhir client"], Category::Unknown, &[]),
    expected("fhir-python", "monitor", &["fhir client"], Category::Unknown, &[]),
    expected("hl7-mllp", "engine", &["hl7 receiver"], Category::IntegrationEngine, &[]),
    expected("hl7-mllp", "monitor", &["hl7 sender"], Category::Unknown, &[]),
    expected("hl7-mllp", "record", &["hl7 sender"], Category::Unknown, &[]),
    expected("mqtt-mosquitto", "broker", &["mqtt broker"], Category::Server, &[]),
    expected("mqtt-mosquitto", "sensor", &["mqtt client"], Category::Unknown, &[]),
    expected(
        "smb-samba",
        "files",
        &["smb server"],
        Category::Unknown,
        &[(DeviceField::Hostname, "FILES1", "ntlmssp.computer")],
    ),
    expected(
        "smb-samba",
        "desk",
        &[],
        Category::Unknown,
        &[(DeviceField::Hostname, "DESK12", "ntlmssp.computer")],
    ),
    expected(
        "snmp-netsnmp",
        "power",
        &[],
        Category::Unknown,
        &[(DeviceField::Hostname, "pdu-ward3", "sysName")],
    ),
    expected("dhcp-dnsmasq", "names", &["dhcp server", "dns server"], Category::Server, &[]),
    expected(
        "dhcp-dnsmasq",
        "pump",
        &[],
        Category::Unknown,
        &[(DeviceField::Hostname, "pump-301", "dhcp.option.12")],
    ),
];

#[test]
fn real_software_is_known_for_what_it_does_and_says() {
    let index = index();
    let mut wrong = Vec::new();
    for recording in &index {
        let name = recording["name"].as_str().unwrap();
        let (records, _) = analyze(name);
        for expected in STATIONS.iter().filter(|expected| expected.recording == name) {
            let mac = station(&index, name, expected.station)["mac"].as_str().unwrap().to_owned();
            let device = device(&records, &mac);
            let who = format!("{name} {}", expected.station);
            for role in expected.role {
                if !device.role.iter().any(|told| told.as_str() == *role) {
                    wrong.push(format!("{who}: not told as {role}: {:?}", device.role));
                }
            }
            if device.category != expected.category {
                wrong.push(format!("{who}: {} instead of {}", device.category, expected.category));
            }
            let version = upstream(&index, name, expected.station).replace('.', "");
            for (field, value, source) in expected.claims {
                let value = value.replace("{version}", &version);
                let claim = device.evidence.iter().find(|claim| {
                    claim.field == *field
                        && claim.value.as_str().contains(&value)
                        && claim.source.as_str() == *source
                });
                match claim {
                    None => wrong.push(format!("{who}: no claim {field} {value} by {source}")),
                    Some(claim) if claim.packet == 0 => {
                        wrong.push(format!("{who}: {value} without a packet"))
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Recording, kind of exposure, and the station that it is told of.
const EXPOSURES: &[(&str, ExposureKind, &str)] = &[
    ("dicom-dcmtk", ExposureKind::CleartextPhi, "scanner"),
    ("dicom-orthanc", ExposureKind::CleartextPhi, "archive"),
    ("dicom-orthanc", ExposureKind::CleartextCredentials, "archive"),
    ("astm-python", ExposureKind::CleartextPhi, "analyzer"),
    ("fhir-python", ExposureKind::CleartextPhi, "archive"),
    ("hl7-mllp", ExposureKind::CleartextPhi, "record"),
    ("hl7-mllp", ExposureKind::CleartextPhi, "monitor"),
    ("mqtt-mosquitto", ExposureKind::CleartextPhi, "sensor"),
    ("mqtt-mosquitto", ExposureKind::CleartextCredentials, "broker"),
    ("snmp-netsnmp", ExposureKind::CleartextCredentials, "power"),
    ("snmp-netsnmp", ExposureKind::DefaultCredentials, "power"),
];

#[test]
fn what_travels_readable_is_exposed_and_nothing_serious_is_found() {
    let index = index();
    for recording in &index {
        let name = recording["name"].as_str().unwrap();
        let (records, _) = analyze(name);
        for (_, kind, who) in EXPOSURES.iter().filter(|(recording, ..)| *recording == name) {
            let ip = station(&index, name, who)["ip"].as_str().unwrap();
            let told = records.iter().any(|record| match record {
                Record::Exposure(exposure) => {
                    exposure.kind == *kind
                        && exposure
                            .device
                            .as_ref()
                            .and_then(|device| device.ip)
                            .is_some_and(|told| told.to_string() == ip)
                        && exposure.evidence.iter().all(|evidence| evidence.packet > 0)
                }
                _ => false,
            });
            assert!(told, "{name}: {kind} of {who} was not told");
        }
        for record in &records {
            if let Record::Finding(finding) = record {
                assert!(finding.severity <= Severity::Low, "{name}: {finding:#?}");
            }
        }
    }
}

#[test]
fn no_invented_person_account_or_password_gets_out() {
    let canaries = fs::read_to_string(fixtures().join("canaries.txt")).unwrap();
    let canaries: Vec<&str> = canaries.lines().collect();
    assert!(canaries.len() > 10);
    for recording in index() {
        let name = recording["name"].as_str().unwrap();
        let (_, written) = analyze(name);
        assert!(written.len() >= 8, "{name}");
        for (output, bytes) in &written {
            for canary in &canaries {
                let found =
                    bytes.windows(canary.len()).any(|window| window.eq_ignore_ascii_case(canary.as_bytes()));
                assert!(!found, "{name}: {output} holds what may not get out");
            }
        }
    }
}
