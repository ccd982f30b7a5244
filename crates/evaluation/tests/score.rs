//! A small part of the evaluation, on seeds that are used for tuning: one hospital for one variant of each attack, a tap
//! that nobody can see, and an afternoon in which much happens but no attack.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use wardline_evaluation::{attacked, peaceful};
use wardline_lab::{CONTROLS, variants};

#[test]
fn each_attack_is_found_where_it_was_made() {
    for (seed, name) in [
        (1, "service-refuses"),
        (2, "impossible-reading"),
        (3, "program-in-result"),
        (4, "identifier-of-another"),
        (2, "arp-both-ways"),
        (3, "packets-between-two-routers"),
        (1, "camera-watched-from-outside"),
        (2, "messages-replayed"),
        (1, "ransomware-in-place"),
        (3, "settings-erased-over-snmp"),
    ] {
        let variant = variants().find(|variant| variant.name == name).unwrap();
        let outcome = attacked(seed, variant);
        assert!(outcome.found.is_some(), "seed {seed}: {name}: {outcome:#?}");
        assert!(outcome.before.is_empty(), "seed {seed}: {name}: {:#?}", outcome.before);
        assert!(outcome.explained, "seed {seed}: {name}");
    }
}

#[test]
fn what_sends_nothing_is_not_claimed() {
    for control in CONTROLS {
        let outcome = attacked(2, control);
        assert!(outcome.before.is_empty() && outcome.beside.is_empty(), "{}: {outcome:#?}", control.name);
    }
}

#[test]
fn an_afternoon_in_which_much_happens_is_silent() {
    let peace = peaceful(2, 0.25, 0.2, 40.0);
    assert!(peace.disturbances.len() >= 5, "{:?}", peace.disturbances);
    assert!(peace.claims.is_empty(), "{:#?}", peace.claims);
}
