//! Hospitals drawn from a seed are what they say: the same from a seed, in order, well formed in the eyes of others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod tshark;

use std::collections::BTreeMap;

use wardline_lab::{Campus, CampusOptions, DISTURBANCES, Planned, variants};

const SECOND: i64 = 1_000_000_000;

fn attacked(name: &str) -> CampusOptions {
    let variant = variants().find(|variant| variant.name == name).unwrap();
    CampusOptions {
        attacks: vec![Planned { variant, start_s: 60, length_s: 60 }],
        ..CampusOptions::default()
    }
}

#[test]
fn a_seed_makes_one_hospital_and_another_seed_another() {
    let frames = |seed| Campus::new(seed, attacked("power-cut")).take(2_000).collect::<Vec<_>>();
    assert_eq!(frames(1), frames(1));
    assert_ne!(frames(1), frames(2));
    let layouts: std::collections::BTreeSet<_> =
        (0..20).map(|seed| Campus::new(seed, CampusOptions::default()).describe()).collect();
    assert!(layouts.len() >= 15, "{layouts:?}");
}

#[test]
fn every_variant_of_every_attack_is_made_and_its_victim_named() {
    let mut by_attack: BTreeMap<&str, u32> = BTreeMap::new();
    for variant in variants() {
        let options = CampusOptions {
            attacks: vec![Planned { variant, start_s: 50, length_s: 20 }],
            ..CampusOptions::default()
        };
        let mut campus = Campus::new(5, options);
        let end = campus.start_ns() + 75 * SECOND;
        let mut last = 0;
        for frame in campus.by_ref().take_while(|frame| frame.time_ns < end) {
            assert!(frame.time_ns >= last, "{} goes back in time", variant.name);
            assert!((60..=1_518).contains(&frame.bytes.len()), "{}", variant.name);
            last = frame.time_ns;
        }
        let [assault] = campus.assaults() else { panic!("{} was not made", variant.name) };
        // Who announces a false way harms everybody.
        assert!(!(assault.victims.is_empty() && assault.sources.is_empty()), "{}", variant.name);
        *by_attack.entry(variant.attack.unwrap().name()).or_default() += 1;
    }
    assert_eq!(by_attack.len(), 10, "{by_attack:?}");
    assert!(by_attack.values().all(|variants| *variants >= 4), "{by_attack:?}");
}

#[test]
fn months_pass_in_bounded_memory_and_everything_happens() {
    let options = CampusOptions { duty: 0.01, disturbances_per_day: 200.0, ..CampusOptions::default() };
    let mut campus = Campus::new(3, options);
    let end = campus.start_ns() + 3 * 86_400 * SECOND;
    let machines = campus.device_count();
    assert!(campus.by_ref().take_while(|frame| frame.time_ns < end).count() > 10_000);
    assert!(DISTURBANCES.len() >= 20);
    for disturbance in DISTURBANCES {
        assert!(
            campus.happened().iter().any(|happened| happened.name == disturbance.name),
            "{}",
            disturbance.name
        );
    }
    assert!(campus.device_count() <= machines + 20, "machines pile up");
}

#[test]
fn others_find_nothing_wrong_with_it() {
    if !tshark::is_installed() {
        return println!("skipped: tshark is not installed");
    }
    let directory = tempfile::tempdir().unwrap();
    for (seed, name) in
        [(1, "ransomware-renames"), (2, "registers-overwritten"), (6, "subscribe-to-everything")]
    {
        let path = directory.path().join(format!("{seed}.pcap"));
        let mut campus = Campus::new(seed, attacked(name));
        let end = campus.start_ns() + 120 * SECOND;
        let mut bytes = Vec::new();
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            bytes.extend(word.to_le_bytes());
        }
        for frame in campus.by_ref().take_while(|frame| frame.time_ns < end) {
            let length = frame.bytes.len() as u32;
            for word in [(frame.time_ns / SECOND) as u32, (frame.time_ns % SECOND) as u32, length, length] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(frame.bytes);
        }
        std::fs::write(&path, bytes).unwrap();
        let count = |filter: &str| tshark::count(&path, filter);
        assert_eq!(count("_ws.malformed"), 0, "seed {seed} {name}");
        tshark::checksums_are_right(&path, &format!("seed {seed} {name}"));
        for spoken in ["hl7", "mqtt", "smb2", "modbus", "snmp", "dns", "ntp"] {
            let expected = spoken != "smb2" || name.starts_with("ransomware");
            assert!(!expected || count(spoken) > 0, "seed {seed}: {spoken}");
        }
    }
}

/// An attack that the mirror port cannot show is no trial of what looks at it.
#[test]
fn what_is_said_to_the_world_outside_passes_the_mirror_port() {
    for variant in variants().filter(|variant| variant.crosses_border) {
        for seed in 0..12 {
            let planned = Planned { variant, start_s: 50, length_s: 20 };
            let options = CampusOptions { attacks: vec![planned], ..CampusOptions::default() };
            let mut campus = Campus::new(seed, options);
            let end = campus.start_ns() + 75 * SECOND;
            let frames: Vec<_> = campus.by_ref().take_while(|frame| frame.time_ns < end).collect();
            let ends = &campus.assaults()[0];
            let (inside, outside) = (octets(ends.victims[0]), octets(ends.sources[0]));
            let seen = frames.iter().filter(|frame| {
                let holds = |address: &[u8]| frame.bytes[12..42].windows(4).any(|window| window == address);
                holds(&inside) && holds(&outside)
            });
            assert!(seen.count() > 10, "{} of seed {seed}", variant.name);
        }
    }
}

fn octets(ip: std::net::IpAddr) -> [u8; 4] {
    match ip {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => unreachable!("machines of a campus have IPv4"),
    }
}
