//! Records that every test uses.

use wardline_model::{
    Attack, Category, Device, DeviceId, Edge, Finding, FlowRecord, Label, Severity, Timestamp, Transport,
};
use wardline_store::{Batch, Page, Progress};

pub(crate) fn device(number: u64) -> Device {
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

pub(crate) fn finding(number: u64, updates: u64) -> Finding {
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

pub(crate) fn flow(number: u64) -> FlowRecord {
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

pub(crate) fn edge() -> Edge {
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
pub(crate) fn batch(number: u64) -> Batch {
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
        ..Batch::default()
    }
}

pub(crate) fn all<T>(page: Page<T>) -> Vec<T> {
    assert_eq!(page.items.len() as u64, page.total);
    page.items
}
