//! Orders to switches, against real software: FreeRADIUS takes and judges them, and hostapd is a switch port with a device
//! behind it that wpa_supplicant admits by IEEE 802.1X.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod site;

use std::thread;
use std::time::{Duration, Instant};

use site::{ORDERS_PORT, SWITCH_PORT, Site};

#[test]
fn a_real_radius_server_understands_every_order() {
    let Some(site) = Site::open() else { return };
    let _server = site.server();
    // It judges the attributes, not only the authenticators: see its configuration.
    for form in ["filter", "vlan", "role", "acl"] {
        assert_eq!(site.order("restrict", ORDERS_PORT, "02-00-00-00-00-07", form, "right"), "Done", "{form}");
    }
    assert_eq!(site.order("disconnect", ORDERS_PORT, "02-00-00-00-00-07", "", "right"), "Done");
    assert_eq!(site.order("restrict", ORDERS_PORT, "02-00-00-00-00-08", "filter", "right"), "Refused(None)");
    let silent = site.order("restrict", ORDERS_PORT, "02-00-00-00-00-07", "filter", "wrong");
    assert!(silent.contains("with this secret"), "{silent}");
}

#[test]
fn a_real_switch_port_ends_the_session_and_admits_anew() {
    let Some(site) = Site::open() else { return };
    let _server = site.server();
    let _switch = site.switch();
    let _device = site.device();
    site.wait_until("the device is admitted", || site.is_admitted());
    let station = site.station();
    assert_eq!(site.order("disconnect", SWITCH_PORT, "02-00-00-00-00-99", "", "right"), "Refused(Some(503))");
    assert_eq!(site.order("disconnect", SWITCH_PORT, &station, "", "right"), "Done");
    assert!(!site.is_admitted());
    // Nobody restricts it further: when the device asks again, it comes back as it was.
    site.ask_again();
    site.wait_until("the device is admitted anew", || site.is_admitted());
    // This one follows no order to change a session, and says so.
    assert!(site.order("restrict", SWITCH_PORT, &station, "filter", "right").starts_with("Refused(Some("));
}

#[test]
fn a_held_session_is_renewed_until_it_is_released_and_written_down() {
    let Some(site) = Site::open() else { return };
    let server = site.server();
    let order =
        |what: &str, second: &str| site.order(what, ORDERS_PORT, "02-00-00-00-00-07", second, "right");
    assert!(order("hold", "-").contains("second"), "a pump needs two people");
    assert_eq!(order("hold", "B"), "held");
    let keeper = site.keeper("02-00-00-00-00-07");
    let before = site.orders_seen();
    let start = Instant::now();
    site.wait_until("the lease is renewed twice", || site.orders_seen() >= before + 2);
    assert!(start.elapsed() < Duration::from_secs(6));
    assert_eq!(order("release", ""), "released");
    let left = site.orders_seen();
    thread::sleep(Duration::from_secs(3));
    assert!(site.orders_seen() <= left + 1, "nobody renews what was released");
    drop((keeper, server));
    assert!(order("hold-alive", "B").contains("never isolated"), "a switch accepts nothing first");
    // Without an answer it is not done, and nothing is kept.
    assert!(order("hold", "B").contains("with this secret"));
    let log = std::fs::read_to_string(site.directory.path().join("enforce/audit.jsonl")).unwrap();
    for act in ["quarantine-intent", "quarantined", "released", "failed"] {
        assert!(log.contains(&format!("\"{act}\"")), "{act} in {log}");
    }
}
