//! The hospital is what it says: the same from a seed, in order, and well formed in the eyes of others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::process::Command;

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
    if Command::new("tshark").arg("--version").output().is_err() {
        return println!("skipped: tshark is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hospital.pcap");
    let (bytes, labels) = capture(5, true, 700);
    std::fs::write(&path, bytes).unwrap();
    // What real software said is as it was; tshark calls frames of DCMTK's C-GET malformed that DCMTK reads.
    let recorded: Vec<_> = labels.recordings.iter().flat_map(|recording| &recording.stations).collect();
    let made: String = recorded.iter().map(|station| format!(" && ip.addr != {station}")).collect();
    let count = |filter: &str| {
        let output = Command::new("tshark")
            .args([
                "-r",
                path.to_str().unwrap(),
                "-o",
                "tcp.check_checksum:TRUE",
                "-o",
                "udp.check_checksum:TRUE",
            ])
            .args(["-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields", "-e", "frame.number"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    for wrong in [
        format!("_ws.malformed{made}").as_str(),
        "tcp.checksum.status == 0",
        "udp.checksum.status == 0",
        "ip.checksum.status == 0",
    ] {
        assert_eq!(count(wrong), 0, "{wrong}");
    }
    assert_eq!(count(&format!("(tcp.analysis.retransmission || tcp.analysis.lost_segment){made}")), 0);
    for spoken in
        ["hl7", "dicom.pdu.type == 1", "dhcp", "dns", "ntp", "snmp", "http.request", "arp.opcode == 2"]
    {
        assert!(count(spoken) > 0, "{spoken}");
    }
}
