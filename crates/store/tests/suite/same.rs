//! The same tests on both.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use wardline_model::{Category, DeviceId, Label, Severity, Timestamp};
use wardline_store::{
    Batch, Charge, DeviceQuery, DeviceSort, EdgeQuery, FindingQuery, FlowQuery, Heard, StoreError,
};

use crate::backend::Backend;
use crate::records::{all, batch, device, edge, finding};

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name(&super::Backend::sqlite());
            })*
        }
        mod on_postgresql {
            $(#[test]
            fn $name() {
                if let Some(backend) = super::Backend::postgresql(stringify!($name)) {
                    super::$name(&backend);
                }
            })*
        }
    };
}

on_both!(
    killed_again_and_again,
    a_flipped_bit_in_a_record_is_noticed,
    a_newer_schema_is_refused_and_left_alone,
    an_earlier_first_sighting_stands,
    a_finding_grows_in_place_and_pages_cover_everything_once,
    lists_have_the_order_of_bytes,
    edges_of_an_hour_add_up,
    only_who_has_the_charge_may_write,
    how_far_a_sensor_was_heard_is_stored_with_what_follows_from_it,
    text_that_no_database_can_hold_finds_nothing,
);

fn killed_again_and_again(backend: &Backend) {
    // A directory is for one process at a time; a server is asked over a connection that takes its time to be made.
    let rounds = if matches!(backend, Backend::Directory(_)) { 100 } else { 40 };
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_that_is_killed", "--nocapture"])
            .env("WARDLINE_TEST_STATE", backend.place())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        // Some rounds die at once after an acknowledgment, others in the midst of the next batches.
        let wanted = round % 9;
        let mut seen = 0;
        let mut lines = output.lines();
        while seen <= wanted {
            let line = lines.next().expect("the writer goes on until it is killed").unwrap();
            if let Some(sequence) = line.split("acknowledged ").nth(1) {
                acknowledged = sequence.parse().unwrap();
                seen += 1;
            }
        }
        std::thread::sleep(Duration::from_micros(round * 137 % 3_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(sequence) = line.split("acknowledged ").nth(1).and_then(|text| text.parse().ok()) {
                acknowledged = sequence;
            }
        }
        let store = backend.open(7);
        store.verify().unwrap();
        // A server may still be at the last transaction of the one that was killed: all counts in one question.
        let stored = store.overview().unwrap();
        assert!(stored.sequence >= acknowledged, "round {round}: {} < {acknowledged}", stored.sequence);
        // Whole batches only: every count tells the same number.
        assert_eq!(stored.devices[&Category::InfusionPump], stored.sequence);
        assert_eq!(stored.packets, 5 * stored.sequence);
        assert_eq!(stored.flows, stored.sequence);
        let flows = store.flows(&FlowQuery { limit: 1, ..FlowQuery::default() }).unwrap().total;
        assert!(flows >= stored.sequence, "{flows}");
        assert!(all(store.edges(&EdgeQuery::default()).unwrap())[0].flows >= stored.sequence);
    }
    assert!(acknowledged > 100);
    let store = backend.open(7);
    let mut packets: Vec<_> =
        all(store.flows(&FlowQuery::default()).unwrap()).iter().map(|flow| flow.packets[0]).collect();
    packets.sort_unstable();
    let expected: Vec<_> = (1..=store.overview().unwrap().sequence).collect();
    assert_eq!(packets, expected, "each conversation once, in the database or in one file");
}

fn a_flipped_bit_in_a_record_is_noticed(backend: &Backend) {
    let store = backend.open(100);
    store.append(&batch(1)).unwrap();
    store.append(&batch(2)).unwrap();
    drop(store);
    backend.flip_a_bit("d-000000000002");
    let store = backend.open(100);
    let error = store.device(&DeviceId::from("d-000000000002")).unwrap_err();
    assert!(
        matches!(&error, StoreError::Damaged { table: "device", id } if id == "d-000000000002"),
        "{error}"
    );
    assert!(store.verify().is_err());
    assert_eq!(store.device(&DeviceId::from("d-000000000001")).unwrap(), Some(device(1)));
}

fn a_newer_schema_is_refused_and_left_alone(backend: &Backend) {
    drop(backend.open(100));
    backend.make_newer();
    let error = backend.try_open().expect_err("a newer schema").to_string();
    assert!(error.contains("newer Wardline") && error.contains("999"), "{error}");
}

fn an_earlier_first_sighting_stands(backend: &Backend) {
    let store = backend.open(100);
    let mut early = device(1);
    early.first_seen = Timestamp::from_seconds(1_600_000_000);
    store.append(&Batch { devices: vec![early.clone()], ..Batch::default() }).unwrap();
    store.append(&Batch { devices: vec![device(1)], ..Batch::default() }).unwrap();
    let stored = store.device(&early.id).unwrap().unwrap();
    assert_eq!(stored.first_seen, early.first_seen);
    assert_eq!(stored.last_seen, device(1).last_seen);
}

fn a_finding_grows_in_place_and_pages_cover_everything_once(backend: &Backend) {
    let store = backend.open(10);
    for number in 1..=35 {
        store.append(&batch(number)).unwrap();
    }
    store.append(&Batch { findings: vec![finding(7, 3)], ..Batch::default() }).unwrap();
    assert_eq!(store.finding("f-000000000007").unwrap().unwrap().updates, 3);
    let (mut offset, mut seen) = (0, Vec::new());
    loop {
        let page = store.flows(&FlowQuery { offset, limit: 8, ..FlowQuery::default() }).unwrap();
        assert_eq!(page.total, 35);
        seen.extend(page.items.iter().map(|flow| flow.packets[0]));
        match page.next {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert_eq!(seen, (1..=35).rev().collect::<Vec<_>>());
    let mut visited = Vec::new();
    store.visit_flows(&mut |flow| visited.push(flow.packets[0])).unwrap();
    assert_eq!(visited, (1..=35).collect::<Vec<_>>());
    let device_one = Some(DeviceId::from("d-000000000001"));
    let query = FlowQuery {
        device: device_one,
        since: Some(Timestamp::from_seconds(1_700_000_012)),
        ..FlowQuery::default()
    };
    assert_eq!(all(store.flows(&query).unwrap()).len(), 24);
    let query = DeviceQuery { text: Some("PUMP-12".to_owned()), ..DeviceQuery::default() };
    assert_eq!(all(store.devices(&query).unwrap()), vec![device(12)]);
    let query = FindingQuery { severity_min: Some(Severity::Critical), ..FindingQuery::default() };
    assert_eq!(store.findings(&query).unwrap().total, 0);
    let page = store.findings(&FindingQuery { limit: 2, ..FindingQuery::default() }).unwrap();
    assert_eq!((page.total, page.next, page.items[0].id.as_str()), (35, Some(2), "f-000000000035"));
}

fn lists_have_the_order_of_bytes(backend: &Backend) {
    let store = backend.open(100);
    let names = ["\u{e9}cho", "Zulu", "alpha", "al-pha", "al pha", "ALPHA2", "z"];
    let devices: Vec<_> = names
        .iter()
        .zip(1..)
        .map(|(name, number)| {
            let mut device = device(number);
            device.hostnames = vec![Label::new(name)];
            device.vendor = None;
            device
        })
        .collect();
    store.append(&Batch { devices, ..Batch::default() }).unwrap();
    let query = DeviceQuery { sort: DeviceSort::Name, ..DeviceQuery::default() };
    let listed: Vec<_> = all(store.devices(&query).unwrap())
        .iter()
        .map(|device| device.display_name().as_str().to_lowercase())
        .collect();
    let mut expected = listed.clone();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let query = DeviceQuery { descending: true, limit: 3, ..query };
    let page = store.devices(&query).unwrap();
    let last: Vec<_> =
        page.items.iter().map(|device| device.display_name().as_str().to_lowercase()).collect();
    assert_eq!((page.total, page.next), (7, Some(3)));
    assert_eq!(last, expected.iter().rev().take(3).cloned().collect::<Vec<_>>());
}

fn edges_of_an_hour_add_up(backend: &Backend) {
    let store = backend.open(100);
    // Twice in one batch, and once in another.
    store.append(&Batch { edges: vec![edge(), edge()], ..Batch::default() }).unwrap();
    store.append(&Batch { edges: vec![edge()], ..Batch::default() }).unwrap();
    let sum = &all(store.edges(&EdgeQuery::default()).unwrap())[0];
    assert_eq!((sum.flows, sum.packets, sum.bytes), (3, [6, 9], [60, 90]));
    let of = |device: &str| EdgeQuery { device: Some(DeviceId::from(device)), ..EdgeQuery::default() };
    assert_eq!(store.edges(&of("d-000000000002")).unwrap().total, 1);
    assert_eq!(store.edges(&of("d-000000000003")).unwrap().total, 0);
    let hours = (1..=5).map(|hour| wardline_model::Edge {
        hour: Timestamp::from_seconds(1_699_999_200 + hour * 3_600),
        ..edge()
    });
    store.append(&Batch { edges: hours.collect(), ..Batch::default() }).unwrap();
    let page = store.edges(&EdgeQuery { newest: true, limit: 2, ..EdgeQuery::default() }).unwrap();
    let newest: Vec<_> =
        page.items.iter().map(|edge| edge.hour.nanoseconds() / 1_000_000_000 - 1_699_999_200).collect();
    assert_eq!((page.total, page.next, newest), (6, None, vec![4 * 3_600, 5 * 3_600]));
    let after = EdgeQuery { since: Some(Timestamp::from_seconds(1_700_030_000)), ..EdgeQuery::default() };
    assert_eq!(store.edges(&after).unwrap().total, 0);
}

fn only_who_has_the_charge_may_write(backend: &Backend) {
    let at = Timestamp::from_seconds;
    let (one, two) = (backend.open(100), backend.open(100));
    let first = one.take_charge("one", at(100), at(110)).unwrap().expect("nobody has it");
    let under = |charge: Option<Charge>| Batch { charge, ..batch(1) };
    one.append(&under(Some(first))).unwrap();
    assert_eq!(two.take_charge("two", at(109), at(119)).unwrap(), None, "it is held until 110");
    assert_eq!(one.take_charge("one", at(108), at(118)).unwrap(), Some(first), "it is renewed");
    let second = two.take_charge("two", at(118), at(128)).unwrap().expect("its time has passed");
    assert!(second > first);
    // Whoever was slow learns it by the next batch, and nothing of that batch is stored.
    let before = two.overview().unwrap();
    let refused = one.append(&Batch { devices: vec![device(9)], ..under(Some(first)) }).unwrap_err();
    assert!(matches!(refused, StoreError::Superseded), "{refused}");
    assert_eq!(two.overview().unwrap(), before);
    two.append(&under(Some(second))).unwrap();
    assert_eq!(two.take_charge("two", at(120), at(120)).unwrap(), Some(second), "it is given back");
    assert!(one.take_charge("one", at(120), at(130)).unwrap().is_some());
}

fn how_far_a_sensor_was_heard_is_stored_with_what_follows_from_it(backend: &Backend) {
    let store = backend.open(100);
    let heard =
        |sensor: &str, number| Heard { sensor: sensor.to_owned(), spool: "s".to_owned(), number, places: 2 };
    store.append(&Batch { heard: vec![heard("icu", 3), heard("er", 8)], ..batch(1) }).unwrap();
    store.append(&Batch { heard: vec![heard("icu", 4)], ..Batch::default() }).unwrap();
    drop(store);
    assert_eq!(backend.open(100).heard().unwrap(), [heard("er", 8), heard("icu", 4)]);
}

fn text_that_no_database_can_hold_finds_nothing(backend: &Backend) {
    let store = backend.open(100);
    store.append(&batch(1)).unwrap();
    let query = DeviceQuery { text: Some("a\0b".to_owned()), ..DeviceQuery::default() };
    assert_eq!(store.devices(&query).unwrap().total, 0);
    assert_eq!(store.finding("a\0b").unwrap(), None);
    let text = "' OR 1=1 --".to_owned();
    assert_eq!(store.devices(&DeviceQuery { text: Some(text), ..DeviceQuery::default() }).unwrap().total, 0);
}
