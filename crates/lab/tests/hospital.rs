//! The hospital is what it says: the same from a seed, in order, and well formed in the eyes of others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod tshark;

use wardline_lab::{Hospital, write_capture};

fn capture(seed: u64, attacked: bool, seconds: u32) -> (Vec<u8>, wardline_lab::Labels) {
    let mut bytes = Vec::new();
    let labels = write_capture(Hospital::for_demonstration(seed, attacked), seconds, &mut bytes).unwrap();
    (bytes, labels)
}

#[test]
fn a_seed_makes_one_hospital_and_another_seed_another() {
    let (one, labels) = capture(1, true, 500);
    assert_eq!(one, capture(1, true, 500).0);
    assert_ne!(one, capture(2, true, 500).0);
    assert!(labels.devices.len() >= 50, "{}", labels.devices.len());
    assert_eq!(labels.attacks.len(), 3);
}

#[test]
fn frames_come_in_order_of_time_and_never_end() {
    let mut last = i64::MIN;
    for frame in Hospital::for_demonstration(3, true).take(50_000) {
        assert!(frame.time_ns >= last);
        assert!((60..=1_514).contains(&frame.bytes.len()));
        last = frame.time_ns;
    }
}

#[test]
fn others_find_nothing_wrong_with_it() {
    if !tshark::is_installed() {
        return println!("skipped: tshark is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hospital.pcap");
    let (bytes, labels) = capture(5, true, 700);
    std::fs::write(&path, bytes).unwrap();
    // One recording of real software stays as it was recorded, though tshark calls frames of its C-GET malformed and misses
    // a segment.
    let orthanc = labels.recordings.iter().filter(|recording| recording.name == "dicom-orthanc");
    let made: String = orthanc
        .flat_map(|recording| &recording.stations)
        .map(|station| format!(" && ip.addr != {station}"))
        .collect();
    let count = |filter: &str| tshark::count(&path, filter);
    assert_eq!(count(&format!("_ws.malformed{made}")), 0);
    tshark::checksums_are_right(&path, "seed 5");
    assert_eq!(count(&format!("(tcp.analysis.retransmission || tcp.analysis.lost_segment){made}")), 0);
    for spoken in
        ["hl7", "dicom.pdu.type == 1", "dhcp", "dns", "ntp", "snmp", "http.request", "arp.opcode == 2"]
    {
        assert!(count(spoken) > 0, "{spoken}");
    }
}
