//! Enforcement in the real kernel, in network namespaces: what must pass passes, what must end ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod endurance;
mod hospital;
mod parts;
mod worm;

use std::thread;
use std::time::{Duration, Instant};

use hospital::{ALARMS, FILES, GATEWAY, Hospital, RECORDS, VENTILATOR};

fn served(hospital: &Hospital) -> hospital::Part {
    let mut server = hospital.part("b", "serve", &[&RECORDS.to_string(), &FILES.to_string()]);
    assert_eq!(server.line(), "ready");
    server
}

/// Applies a policy, starts its keeper and waits until it restricts.
fn applied(hospital: &Hospital, policy: &str, within_s: u64, lease_s: u64) -> hospital::Part {
    let generation = hospital.ask("r", "apply", &[policy, &within_s.to_string(), &lease_s.to_string()]);
    hospital.part("r", "keep", &[&generation])
}

/// Seconds until the ward is reached on a port that the policy forbids.
fn seconds_until_open(hospital: &Hospital, limit_s: f64) -> f64 {
    let start = Instant::now();
    while !hospital.connects(VENTILATOR, FILES) {
        let waited_s = start.elapsed().as_secs_f64();
        assert!(waited_s < limit_s, "restricted for {waited_s} s");
    }
    start.elapsed().as_secs_f64()
}

/// An alarm each 2 ms over so many changes of the rules.
fn swap_under_alarms(swaps: u32) {
    let Some(hospital) = Hospital::open() else { return };
    let (one, two) = (hospital.policy("one", 0), hospital.policy("two", 40));
    hospital.count_arrivals();
    let mut receiver = hospital.part("b", "receive", &[&ALARMS.to_string()]);
    assert_eq!(receiver.line(), "ready");
    let stop = hospital.state().join("stop");
    let target = format!("{GATEWAY}:{ALARMS}");
    let mut sender = hospital.part("a", "send", &[&target, stop.to_str().unwrap()]);
    assert_eq!(sender.line(), "ready");
    assert_eq!(hospital.ask("r", "swap", &[&one, &two, &swaps.to_string()]), "done");
    std::fs::write(&stop, "").unwrap();
    let (sent, received) = (sender.answer(), receiver.answer());
    let sent: u64 = sent.parse().unwrap();
    // The last word is one more. A receiver that the machine leaves waiting may overflow: that is its own, and counted.
    let arrived = hospital.arrived() - 1;
    let overflowed = hospital.overflowed();
    println!(
        "{swaps} swaps: {sent} alarms sent, {arrived} arrived, {received} read, {overflowed} too many to read"
    );
    assert_eq!(sent, arrived, "alarms lost over {swaps} swaps");
    assert_eq!(sent, received.parse::<u64>().unwrap() + overflowed);
    assert!(sent > u64::from(swaps) * 2, "{sent}");
}

#[test]
fn an_alarm_stream_loses_nothing_over_two_hundred_swaps() {
    swap_under_alarms(200);
}

#[test]
#[ignore = "takes minutes"]
fn an_alarm_stream_loses_nothing_over_a_thousand_swaps() {
    swap_under_alarms(1_000);
}

#[test]
fn what_nobody_confirms_is_undone_and_the_rules_are_as_before() {
    let Some(hospital) = Hospital::open() else { return };
    let _server = served(&hospital);
    // Rules of somebody else, before and after ours.
    hospital.inside(
        "r",
        &["nft", "add table ip theirs; add chain ip theirs c { type filter hook forward priority 5; }"],
    );
    let (one, two) = (hospital.policy("one", 0), hospital.policy("two", 40));
    let untouched = hospital.rules();
    let mut keeper = applied(&hospital, &one, 3, 30);
    assert!(!hospital.connects(VENTILATOR, FILES));
    let waited_s = seconds_until_open(&hospital, 6.0);
    assert!(waited_s < 4.5, "{waited_s}");
    assert!(keeper.child.wait().unwrap().success());
    assert_eq!(hospital.rules(), untouched);

    let keeper = applied(&hospital, &one, 60, 30);
    assert_eq!(hospital.ask("r", "confirm", &[]), "true");
    hospital.inside("r", &["nft", "add table ip later"]);
    let confirmed = hospital.rules();
    hospital.ask("r", "apply", &[&two, "60", "20"]);
    assert_ne!(hospital.rules(), confirmed);
    assert_eq!(hospital.ask("r", "rollback", &[]), "true");
    assert_eq!(hospital.rules(), confirmed);
    assert!(!hospital.connects(VENTILATOR, FILES));

    // The keeper dies with a change that nobody confirmed: the next one takes it back, and keeps what was confirmed.
    hospital.ask("r", "apply", &[&two, "60", "20"]);
    drop(keeper);
    let _keeper = hospital.part("r", "keep", &[]);
    let start = Instant::now();
    while hospital.rules() != confirmed {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", hospital.rules());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(!hospital.connects(VENTILATOR, FILES) && hospital.connects(VENTILATOR, RECORDS));
}

#[test]
fn a_scan_reaches_no_second_zone_and_quarantine_holds_and_ends() {
    const MONITOR: &str = "10.77.1.3";
    let Some(hospital) = Hospital::open() else { return };
    let _server = served(&hospital);
    let policy = hospital.policy("one", 0);
    let _keeper = applied(&hospital, &policy, 60, 10);
    assert_eq!(hospital.ask("r", "confirm", &[]), "true");
    // A scan for file shares from every device of the ward, while records go on.
    for source in [VENTILATOR, MONITOR] {
        assert!(!hospital.connects(source, FILES));
        assert!(hospital.connects(source, RECORDS));
    }
    // What keeps a patient alive is not isolated, and not restricted by one person alone.
    assert!(hospital.ask("r", "quarantine", &[VENTILATOR, "isolate", "60", "B"]).contains("never isolated"));
    assert!(hospital.ask("r", "quarantine", &[VENTILATOR, "care-only", "60"]).contains("second"));
    assert_eq!(hospital.ask("r", "quarantine", &[VENTILATOR, "care-only", "60", "B"]), "held");
    assert!(hospital.connects(VENTILATOR, RECORDS), "care depends on it");
    assert_eq!(hospital.ask("r", "quarantine", &[MONITOR, "isolate", "4"]), "held");
    assert!(!hospital.connects(MONITOR, RECORDS));
    thread::sleep(Duration::from_secs(5));
    assert!(hospital.connects(MONITOR, RECORDS), "its time was over");
    // The policy goes, the quarantine stays, and so does what care and a life hang on.
    hospital.ask("r", "rollback", &[]);
    assert!(hospital.connects(MONITOR, FILES) && !hospital.connects(VENTILATOR, FILES));
    assert!(hospital.connects(VENTILATOR, RECORDS));
    assert!(hospital.rules().contains("10.77.1.2 . 10.77.2.2 . udp . 6000"));
    let log = std::fs::read_to_string(hospital.state().join("enforce/audit.jsonl")).unwrap();
    for act in ["apply-intent", "applied", "confirmed", "quarantine-intent", "quarantined", "expired"] {
        assert!(log.contains(&format!("\"{act}\"")), "{act} in {log}");
    }
}

#[test]
fn a_roll_back_lifts_for_good_although_nothing_can_be_written_down() {
    let Some(hospital) = Hospital::open() else { return };
    let _server = served(&hospital);
    let untouched = hospital.rules();
    let _keeper = applied(&hospital, &hospital.policy("one", 0), 60, 2);
    assert_eq!(hospital.ask("r", "confirm", &[]), "true");
    // Where a directory stands, no file can be written: as on a full disk.
    std::fs::create_dir(hospital.state().join("enforce/state.json.new")).unwrap();
    hospital.ask("r", "rollback", &[]);
    for _ in 0..8 {
        assert_eq!(hospital.rules(), untouched, "the keeper put it back");
        thread::sleep(Duration::from_millis(300));
    }
    assert!(hospital.connects(VENTILATOR, FILES));
}

#[test]
fn nobody_is_restricted_before_somebody_said_what_a_life_hangs_on() {
    let Some(hospital) = Hospital::open() else { return };
    let said = hospital.ask("r", "quarantine", &[VENTILATOR, "care-only", "60", "B"]);
    assert!(said.contains("no policy is in force"), "{said}");
    assert_eq!(hospital.rules(), "");
}
