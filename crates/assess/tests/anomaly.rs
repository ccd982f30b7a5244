//! A device that changes its ways without breaking a rule is told, and what explains it keeps it silent.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use wardline_assess::{Assessor, Settings};
use wardline_model::fact::Conversation;
use wardline_model::{
    Attack, Category, Fact, Finding, KnownDevice, MacAddress, MaintenanceWindow, Observation, Protocol,
    Severity, Sighting, Site, Station, TcpOutcome, Timestamp, Transport,
};

const START_SECONDS: i64 = 1_772_409_600;
const WINDOW_S: i64 = 600;
/// Windows after which a model of eight devices exists, and some more.
const LEARNING: i64 = 200;
const DEVICES: u8 = 8;

fn station(network: u8, last: u8) -> Station {
    Station {
        mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, network, last])),
        ip: Some(IpAddr::V4(Ipv4Addr::new(10, 20, network, last))),
        port: 4_000,
        radio: None,
    }
}

fn site() -> Site {
    let monitors = (1..=DEVICES).map(|last| KnownDevice {
        ip: station(3, last).ip,
        category: Some(Category::PatientMonitor),
        ..KnownDevice::default()
    });
    Site { devices: monitors.collect(), ..Site::default() }
}

fn conversation(seconds: i64, from: Station, to: Station, bytes: [u64; 2]) -> Observation {
    let end = Timestamp::from_seconds(START_SECONDS + seconds);
    let told = Conversation {
        start: end.plus_milliseconds(-1_500),
        end,
        first_packet: 1,
        packets: bytes.map(|bytes| bytes / 500 + 1),
        bytes,
        application: Some(Protocol::Hl7),
        encrypted: Some(false),
        tcp: Some(TcpOutcome::Closed),
        server_name: None,
        ja4: None,
        missing_bytes: 0,
    };
    let sighting = Sighting { time: end, packet: seconds.unsigned_abs() + 1, ..Sighting::default() };
    let fact = Fact::ConversationEnded(Box::new(told));
    Observation { sighting, from, to, transport: Some(Transport::TCP), vlan: None, fact }
}

/// What a monitor does in a window: it reports now more, now less, to the same engine.
fn usual(window: i64, device: u8) -> Vec<Observation> {
    let varied = |times: i64| ((window * 7 + i64::from(device) * 13) * times).rem_euclid(11);
    (0..8 + varied(3))
        .map(|number| {
            let bytes = [1_200 + 40 * varied(number + 1).unsigned_abs(), 300];
            let seconds = window * WINDOW_S + number * 31 + i64::from(device);
            conversation(seconds, station(3, device), station(5, 1), bytes)
        })
        .collect()
}

/// What it does when it serves files to others.
fn other(window: i64, device: u8) -> Vec<Observation> {
    (0..40)
        .map(|number: u8| {
            let seconds = window * WINDOW_S + i64::from(number) * 14;
            conversation(seconds, station(6, number + 1), station(3, device), [900, 400_000])
        })
        .collect()
}

/// `changes` says whether a device is another in a window.
fn days(windows: i64, changes: impl Fn(i64, u8) -> bool) -> Vec<Observation> {
    let mut seen = Vec::new();
    for window in 0..windows {
        for device in 1..=DEVICES {
            seen.extend(if changes(window, device) { other(window, device) } else { usual(window, device) });
        }
    }
    seen.sort_by_key(|observation| observation.sighting.time);
    seen
}

fn anomalies(site: Site, baseline: &[Observation], seen: &[Observation]) -> Vec<Finding> {
    let mut assessor = Assessor::new(Settings { site, ..Settings::default() });
    baseline.iter().for_each(|observation| assessor.learn(observation));
    seen.iter().for_each(|observation| assessor.observe(observation));
    assessor.finish(seen.last().unwrap().sighting.time);
    assessor.findings().filter(|finding| finding.attack == Attack::Anomaly).cloned().collect()
}

fn changed(window: i64, device: u8) -> bool {
    window >= LEARNING && device == 3
}

#[test]
fn a_device_that_changes_its_ways_is_told_with_the_numbers_that_moved() {
    let found = anomalies(site(), &[], &days(LEARNING + 8, changed));
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(
        (finding.detector.as_str(), finding.severity),
        ("changed-ways", Severity::Medium),
        "{finding:#?}"
    );
    assert_eq!(finding.device.as_ref().unwrap().ip, station(3, 3).ip);
    let waited = finding.time.nanoseconds_since(finding.started) / 1_000_000_000;
    assert!((WINDOW_S * 2..WINDOW_S * 4).contains(&waited), "half an hour, not {waited} s");
    let fields: Vec<_> = finding.evidence.iter().map(|item| item.field.as_str()).collect();
    assert!(fields.contains(&"conversations answered (log2)"), "{fields:?}");
    assert!(!finding.silent_if.is_empty());
}

#[test]
fn peace_is_silent_and_the_same_devices_are_judged_twice_alike() {
    let seen = days(LEARNING + 200, |_, _| false);
    assert!(anomalies(site(), &[], &seen).is_empty());
    let seen = days(LEARNING + 8, changed);
    let told = || format!("{:?}", anomalies(site(), &[], &seen));
    assert_eq!(told(), told());
}

#[test]
fn what_explains_it_keeps_it_silent() {
    let seen = days(LEARNING + 8, changed);
    let mut announced = site();
    announced.maintenance.push(MaintenanceWindow {
        devices: vec![station(3, 3).ip.unwrap()],
        zones: vec![],
        from: Some(Timestamp::from_seconds(START_SECONDS)),
        until: Some(Timestamp::from_seconds(START_SECONDS + 86_400 * 7)),
        days: vec![],
        start_minute: None,
        length_minutes: None,
        reason: None,
    });
    assert!(anomalies(announced, &[], &seen).is_empty(), "announced work");
    let short = days(LEARNING + 8, |window, device| changed(window, device) && window < LEARNING + 2);
    assert!(anomalies(site(), &[], &short).is_empty(), "twenty minutes are nothing");
    let always = days(LEARNING + 8, |_, device| device == 3);
    assert!(anomalies(site(), &[], &always).is_empty(), "it always was so");
    let all = days(LEARNING + 8, |window, _| window >= LEARNING);
    let together = anomalies(site(), &[], &all);
    assert!(
        together.iter().all(|finding| finding.severity <= Severity::Low),
        "an update of all: {together:#?}"
    );
}

#[test]
fn a_person_may_vouch_for_what_is_new() {
    let before = days(LEARNING, |_, device| device == 3);
    let mut seen = days(LEARNING + 8, changed);
    for observation in &mut seen {
        observation.sighting.time = observation.sighting.time.plus_milliseconds(LEARNING * WINDOW_S * 1_000);
    }
    assert!(anomalies(site(), &before, &seen).is_empty());
}

#[test]
fn a_device_that_moves_by_small_steps_teaches_no_more_than_its_share() {
    // It answers one more each window: at the end it is where `other` is.
    let mut seen = Vec::new();
    for window in 0..LEARNING + 120 {
        for device in 1..=DEVICES {
            seen.extend(usual(window, device));
        }
        let steps = usize::try_from((window - LEARNING).max(0) / 3).unwrap();
        seen.extend(other(window, 3).into_iter().take(steps));
    }
    seen.sort_by_key(|observation| observation.sighting.time);
    let found = anomalies(site(), &[], &seen);
    assert!(!found.is_empty(), "told within a day");
}
