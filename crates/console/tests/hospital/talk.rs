//! Who talks to whom in the invented hospital.

use std::net::IpAddr;

use wardline_model::{
    CommunityId, Device, Edge, FlowRecord, Label, Protocol, TcpOutcome, Timestamp, Transport,
};

use super::{BEGIN, HOURS, at, named};

/// Who (by the begin of the name), with whom, what, on which port, encrypted or readable, bytes each way.
type Habit = (&'static str, &'static str, Protocol, u16, Option<bool>, [u64; 2]);

const HABITS: &[Habit] = &[
    ("icu-monitor", "icu-gateway", Protocol::Hl7, 2575, Some(false), [48_000, 9_000]),
    ("icu-vent", "icu-gateway", Protocol::Hl7, 2575, Some(false), [61_000, 8_000]),
    ("icu-pump", "integration", Protocol::Http, 80, Some(false), [5_400, 3_100]),
    ("icu-gateway", "integration", Protocol::Hl7, 6661, Some(false), [910_000, 74_000]),
    ("surg-monitor", "integration", Protocol::Hl7, 6661, Some(false), [38_000, 6_000]),
    ("surg-pump", "integration", Protocol::Http, 80, Some(false), [4_900, 2_900]),
    ("surg-call", "infra-01", Protocol::Sip, 5060, Some(false), [2_000, 2_000]),
    ("ct-", "pacs", Protocol::Dicom, 11112, Some(false), [380_000_000, 900_000]),
    ("mr", "pacs", Protocol::Dicom, 11112, Some(false), [520_000_000, 1_100_000]),
    ("reading", "pacs", Protocol::Dicom, 11112, Some(false), [1_200_000, 410_000_000]),
    ("reading", "ehr", Protocol::Tls, 443, Some(true), [300_000, 2_400_000]),
    ("lab-", "integration", Protocol::Astm, 4001, Some(false), [21_000, 2_500]),
    ("cabinet", "ehr", Protocol::Tls, 443, Some(true), [160_000, 240_000]),
    ("integration", "ehr", Protocol::Tls, 6662, Some(true), [2_100_000, 160_000]),
    ("desk", "ehr", Protocol::Tls, 443, Some(true), [420_000, 6_100_000]),
    ("desk", "printer-01", Protocol::Ipp, 631, Some(false), [90_000, 4_000]),
    ("desk", "infra-01", Protocol::Dns, 53, Some(false), [9_000, 21_000]),
    ("icu-", "infra-02", Protocol::Ntp, 123, Some(false), [900, 900]),
    ("camera", "infra-02", Protocol::Rtsp, 554, Some(false), [64_000_000, 800_000]),
    ("air", "infra-02", Protocol::Bacnet, 47808, None, [7_000, 9_000]),
    ("reception.", "infra-01", Protocol::Sip, 5060, Some(false), [9_000, 8_000]),
    ("desk-03", "icu-pump-02", Protocol::Http, 80, Some(false), [2_300, 8_200]),
];

fn pairs(devices: &[Device]) -> impl Iterator<Item = (&Device, &Device, &'static Habit)> {
    HABITS.iter().flat_map(move |habit| {
        let partner = named(devices, habit.1);
        let begins =
            |device: &&Device| device.hostnames.iter().any(|name| name.as_str().starts_with(habit.0));
        let who = devices.iter().filter(begins).filter(move |device| device.id != partner.id);
        who.map(move |device| (device, partner, habit))
    })
}

/// Edges of every hour.
pub(crate) fn edges(devices: &[Device]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for hour in 0..HOURS {
        for (number, (who, partner, habit)) in pairs(devices).enumerate() {
            let (_, _, application, port, encrypted, bytes) = habit;
            // Not everybody talks every hour, and never equally much.
            let activity = 1 + (number as u64 * 7 + hour * 5) % 9;
            if activity == 9 {
                continue;
            }
            let flows = activity * 2;
            edges.push(Edge {
                hour: Timestamp::from_nanoseconds(BEGIN.nanoseconds() + hour as i64 * 3_600_000_000_000),
                src_device: who.id.clone(),
                dst_device: partner.id.clone(),
                transport: transport(*application),
                port: *port,
                application: Some(*application),
                flows,
                packets: bytes.map(|bytes| 3 + bytes * activity / 740),
                bytes: bytes.map(|bytes| bytes * activity),
                encrypted_flows: if *encrypted == Some(true) { flows } else { 0 },
                cleartext_flows: if *encrypted == Some(false) { flows } else { 0 },
            });
        }
    }
    edges
}

/// The newest conversations.
pub(crate) fn flows(devices: &[Device], count: usize) -> Vec<FlowRecord> {
    let all: Vec<_> = pairs(devices).collect();
    let made = all.iter().cycle().take(count).enumerate().map(|(number, (who, partner, habit))| {
        let (_, _, application, port, encrypted, bytes) = habit;
        let start = HOURS * 3600 - 60 - (count - number) as u64 * 23;
        let (src, dst): (IpAddr, IpAddr) = (who.ips[0], partner.ips[0]);
        let source_port = 49_152 + (number as u16 * 37) % 16_000;
        let transport = transport(*application);
        FlowRecord {
            community_id: CommunityId::new(transport, (src, source_port), (dst, *port)),
            src,
            dst,
            ports: [source_port, *port],
            protocol: transport,
            application: (number % 17 != 5).then_some(*application),
            vlan: Some(20),
            start: at(start),
            end: at(start + 1 + number as u64 % 40),
            packets: bytes.map(|bytes| 3 + bytes / 740),
            bytes: *bytes,
            src_device: Some(who.id.clone()),
            dst_device: Some(partner.id.clone()),
            encrypted: *encrypted,
            tcp: (transport == Transport::TCP).then_some(TcpOutcome::Closed),
            server_name: (*encrypted == Some(true)).then(|| Label::new("chart.hospital.example")),
            fingerprints: Vec::new(),
        }
    });
    made.collect()
}

fn transport(application: Protocol) -> Transport {
    match application {
        Protocol::Dns | Protocol::Ntp | Protocol::Bacnet | Protocol::Sip => Transport::UDP,
        _ => Transport::TCP,
    }
}
