//! What was acknowledged survives kill -9, damage on disk is noticed, and pages of answers are whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use wardline_model::{
    Attack, Category, Device, DeviceId, Edge, Finding, FlowRecord, Label, Severity, Timestamp, Transport,
};
use wardline_store::{
    Batch, DeviceQuery, EdgeQuery, FindingQuery, FlowQuery, Progress, SqliteStore, Store, StoreError,
};

fn device(number: u64) -> Device {
    Device {
        id: DeviceId::from(format!("d-{number:012}").as_str()),
        macs: vec![],
        ips: vec!["192.0.2.1".parse().unwrap()],
        hostnames: vec![Label::new(&format!("pump-{number}"))],
        vendor: Some(Label::new("Example")),
        model: None,
        category: Category::InfusionPump,
        os: None,
        firmware: None,
        serial: None,
        protocols: Default::default(),
        role: vec![],
        zone: None,
        criticality: None,
        first_seen: Timestamp::from_seconds(1_700_000_000),
        last_seen: Timestamp::from_seconds(1_700_000_000 + number.cast_signed()),
        confidence: 0.5,
        evidence: vec![],
        mismatches: vec![],
    }
}

fn finding(number: u64, updates: u64) -> Finding {
    let time = Timestamp::from_seconds(1_700_000_000 + number.cast_signed());
    Finding {
        id: format!("f-{number:012}"),
        time,
        started: time,
        last_seen: time,
        attack: Attack::DenialOfService,
        techniques: vec![],
        detector: Label::new("flood"),
        severity: Severity::High,
        confidence: 0.9,
        device: None,
        source: None,
        summary: "A pump is flooded.".to_owned(),
        evidence: vec![],
        observations: 1,
        updates,
        silent_if: String::new(),
        clinical: String::new(),
        playbook: vec![],
    }
}

fn flow(number: u64) -> FlowRecord {
    FlowRecord {
        community_id: None,
        src: "192.0.2.1".parse().unwrap(),
        dst: "192.0.2.2".parse().unwrap(),
        ports: [u16::try_from(number % 65_536).unwrap(), 2575],
        protocol: Transport::TCP,
        application: None,
        vlan: None,
        start: Timestamp::from_seconds(1_700_000_000),
        end: Timestamp::from_seconds(1_700_000_000 + number.cast_signed()),
        packets: [number, 0],
        bytes: [0, 0],
        src_device: Some(DeviceId::from("d-000000000001")),
        dst_device: None,
        encrypted: None,
        tcp: None,
        server_name: None,
        fingerprints: vec![],
    }
}

fn edge() -> Edge {
    Edge {
        hour: Timestamp::from_seconds(1_699_999_200),
        src_device: DeviceId::from("d-000000000001"),
        dst_device: DeviceId::from("d-000000000002"),
        transport: Transport::TCP,
        port: 2575,
        application: None,
        flows: 1,
        packets: [2, 3],
        bytes: [20, 30],
        encrypted_flows: 0,
        cleartext_flows: 1,
    }
}

/// Batch `number` holds exactly one new device, finding and conversation, and adds one to one edge.
fn batch(number: u64) -> Batch {
    Batch {
        devices: vec![device(number)],
        findings: vec![finding(number, 0)],
        exposures: vec![],
        flows: vec![flow(number)],
        edges: vec![edge()],
        progress: Progress {
            packets: 5,
            bytes: 50,
            newest: Some(Timestamp::from_seconds(1_700_000_000 + number.cast_signed())),
            dropped: 0,
        },
    }
}

fn all<T>(page: wardline_store::Page<T>) -> Vec<T> {
    assert_eq!(page.items.len() as u64, page.total);
    page.items
}

/// Not a test of its own: the process that [`killed_a_hundred_times`] kills.
#[test]
fn writer_that_is_killed() {
    let Some(directory) = std::env::var_os("WARDLINE_TEST_STATE") else { return };
    let store = SqliteStore::open_with(Path::new(&directory), 7).unwrap();
    let mut number = store.overview().unwrap().sequence;
    loop {
        number += 1;
        let acknowledged = store.append(&batch(number)).unwrap();
        println!("acknowledged {}", acknowledged.sequence);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn killed_a_hundred_times() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..100_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_that_is_killed", "--nocapture"])
            .env("WARDLINE_TEST_STATE", directory.path())
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
        let store = SqliteStore::open_with(directory.path(), 7).unwrap();
        store.verify().unwrap();
        let stored = store.overview().unwrap();
        assert!(stored.sequence >= acknowledged, "round {round}: {} < {acknowledged}", stored.sequence);
        // Whole batches only: every count tells the same number.
        assert_eq!(stored.devices[&Category::InfusionPump], stored.sequence);
        assert_eq!(stored.packets, 5 * stored.sequence);
        assert_eq!(
            store.flows(&FlowQuery { limit: 1, ..FlowQuery::default() }).unwrap().total,
            stored.sequence
        );
        assert_eq!(all(store.edges(&EdgeQuery::default()).unwrap())[0].flows, stored.sequence);
    }
    assert!(acknowledged > 100);
    let store = SqliteStore::open_with(directory.path(), 7).unwrap();
    let mut packets: Vec<_> =
        all(store.flows(&FlowQuery::default()).unwrap()).iter().map(|flow| flow.packets[0]).collect();
    packets.sort_unstable();
    let expected: Vec<_> = (1..=store.overview().unwrap().sequence).collect();
    assert_eq!(packets, expected, "each conversation once, in the database or in one file");
}

#[test]
fn a_flipped_bit_in_a_record_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    store.append(&batch(1)).unwrap();
    store.append(&batch(2)).unwrap();
    drop(store);
    let connection = rusqlite::Connection::open(directory.path().join("wardline.db")).unwrap();
    let mut record: Vec<u8> = connection
        .query_row("SELECT record FROM device WHERE id = 'd-000000000002'", [], |row| row.get(0))
        .unwrap();
    let middle = record.len() / 2;
    record[middle] ^= 1;
    connection.execute("UPDATE device SET record = ?1 WHERE id = 'd-000000000002'", [&record]).unwrap();
    drop(connection);
    let store = SqliteStore::open(directory.path()).unwrap();
    let error = store.device(&DeviceId::from("d-000000000002")).unwrap_err();
    assert!(
        matches!(&error, StoreError::Damaged { table: "device", id } if id == "d-000000000002"),
        "{error}"
    );
    assert!(store.verify().is_err());
    assert_eq!(store.device(&DeviceId::from("d-000000000001")).unwrap(), Some(device(1)));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let path = directory.path().join("wardline.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let error = SqliteStore::open(directory.path()).err().expect("a newer schema").to_string();
    assert!(error.contains("newer Wardline") && error.contains("wardline.db"), "{error}");
}

#[test]
fn an_earlier_first_sighting_stands() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let mut early = device(1);
    early.first_seen = Timestamp::from_seconds(1_600_000_000);
    store.append(&Batch { devices: vec![early.clone()], ..Batch::default() }).unwrap();
    store.append(&Batch { devices: vec![device(1)], ..Batch::default() }).unwrap();
    let stored = store.device(&early.id).unwrap().unwrap();
    assert_eq!(stored.first_seen, early.first_seen);
    assert_eq!(stored.last_seen, device(1).last_seen);
}

#[test]
fn a_finding_grows_in_place_and_pages_cover_everything_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_with(directory.path(), 10).unwrap();
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
    let query = DeviceQuery { text: Some("PUMP-12".to_owned()), ..DeviceQuery::default() };
    assert_eq!(all(store.devices(&query).unwrap()), vec![device(12)]);
    let query = FindingQuery { severity_min: Some(Severity::Critical), ..FindingQuery::default() };
    assert_eq!(store.findings(&query).unwrap().total, 0);
    let page = store.findings(&FindingQuery { limit: 2, ..FindingQuery::default() }).unwrap();
    assert_eq!((page.total, page.next, page.items[0].id.as_str()), (35, Some(2), "f-000000000035"));
}

#[test]
fn a_remnant_of_a_crash_is_removed_and_other_files_are_left() {
    let directory = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let flows = directory.path().join("flows");
    for name in ["flows-000000000009.parquet", "flows-000000000010.parquet.unfinished", "notes.txt"] {
        std::fs::write(flows.join(name), b"half").unwrap();
    }
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.flows(&FlowQuery::default()).unwrap().total, 0);
    let left: Vec<_> = std::fs::read_dir(&flows).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
}
