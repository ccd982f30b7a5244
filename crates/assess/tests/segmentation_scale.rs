//! A campus of ten thousand devices and a million edges of thirty days: how long proposing and simulating take.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use wardline_assess::segmentation::{Conversation, Proposal, Whereabouts, exposed, simulate};
use wardline_model::{Category, Criticality, Device, DeviceId, Edge, Label, Timestamp, Transport};

const DEVICES: u32 = 10_000;
const EDGES: u32 = 1_000_000;
const HOURS: u32 = 30 * 24;
const WARDS: u32 = 60;

/// xorshift64*: the same campus each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as u32 % limit
    }
}

/// One in a hundred is a server; the rest are as in a hospital.
fn device(number: u32) -> Device {
    use Category as C;
    use Criticality as K;
    const SERVERS: [(Category, Criticality); 5] = [
        (C::IntegrationEngine, K::Support),
        (C::Ehr, K::Support),
        (C::Pacs, K::Diagnostic),
        (C::Server, K::It),
        (C::TelemetryGateway, K::Support),
    ];
    const OTHERS: [(Category, Criticality); 10] = [
        (C::PatientMonitor, K::Monitoring),
        (C::InfusionPump, K::Therapy),
        (C::InfusionPump, K::Therapy),
        (C::Ventilator, K::LifeSustaining),
        (C::ImagingModality, K::Diagnostic),
        (C::LabAnalyzer, K::Diagnostic),
        (C::Workstation, K::It),
        (C::Workstation, K::It),
        (C::Printer, K::It),
        (C::Camera, K::It),
    ];
    let (category, criticality) = if number.is_multiple_of(100) {
        SERVERS[(number / 100) as usize % SERVERS.len()]
    } else {
        OTHERS[number as usize % OTHERS.len()]
    };
    let ip = IpAddr::from([10, 1, (number / 250) as u8, (number % 250 + 1) as u8]);
    Device {
        id: DeviceId::from(ip),
        macs: vec![],
        ips: vec![ip],
        hostnames: vec![Label::new(&format!("device{number}"))],
        vendor: None,
        model: None,
        category,
        os: None,
        firmware: None,
        serial: None,
        protocols: Default::default(),
        role: vec![],
        zone: Some(Label::new(&format!("Ward {}", number % WARDS))),
        criticality: Some(criticality),
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        confidence: 1.0,
        evidence: vec![],
        mismatches: Vec::new(),
    }
}

fn edge(chance: &mut Chance, devices: &[Device]) -> Edge {
    let from = &devices[chance.below(DEVICES) as usize];
    // Mostly to servers, on the ports of their kind; now and then to anybody.
    let to = if chance.below(50) == 0 { chance.below(DEVICES) } else { chance.below(DEVICES / 100) * 100 };
    let to = &devices[to as usize];
    const PORTS: [(Transport, u16); 6] = [
        (Transport::TCP, 2_575),
        (Transport::TCP, 443),
        (Transport::TCP, 104),
        (Transport::UDP, 53),
        (Transport::UDP, 123),
        (Transport::TCP, 0),
    ];
    let (transport, port) = PORTS[chance.below(PORTS.len() as u32) as usize];
    Edge {
        hour: Timestamp::from_seconds(1_772_517_600 + 3_600 * i64::from(chance.below(HOURS))),
        src_device: from.id.clone(),
        dst_device: to.id.clone(),
        transport,
        port,
        application: None,
        flows: 1 + u64::from(chance.below(20)),
        packets: [40, 40],
        bytes: [4_000, 9_000],
        encrypted_flows: 0,
        cleartext_flows: 1,
    }
}

#[test]
#[ignore = "in a release build: cargo test --release -p wardline-assess --test segmentation_scale -- --ignored --nocapture"]
fn a_campus_is_proposed_within_a_minute_and_simulated_within_half() {
    let devices: Vec<Device> = (0..DEVICES).map(device).collect();
    let mut chance = Chance(0x5eed);
    let edges: Vec<Edge> = (0..EDGES).map(|_| edge(&mut chance, &devices)).collect();

    let start = Instant::now();
    let places = Whereabouts::new(&devices);
    let mut proposal = Proposal::new(Label::new("campus"), &devices);
    for edge in &edges {
        proposal.learn(&places.conversation(edge).unwrap());
    }
    let refused = proposal.refused();
    let policy = proposal.finish();
    policy.check().unwrap();
    let proposed = start.elapsed();

    let start = Instant::now();
    let conversations: Vec<Conversation> =
        edges.iter().filter_map(|edge| places.conversation(edge)).collect();
    let simulation = simulate(&policy, &conversations);
    let simulated = start.elapsed();

    let start = Instant::now();
    let exposed = exposed(&policy);
    let explored = start.elapsed();
    println!(
        "{DEVICES} devices, {EDGES} edges of {} days: {} zones, {} groups, {} rules, {} protected; {refused} not learned from; \
         proposed in {proposed:.1?}, simulated in {simulated:.1?}, {} paths and reaches in {explored:.1?}",
        HOURS / 24,
        policy.zones.len(),
        policy.groups.len(),
        policy.rules.len(),
        policy.protected.len(),
        exposed.paths.len(),
    );
    assert_eq!(conversations.len(), EDGES as usize);
    assert!(simulation.conversations.passed > u64::from(EDGES));
    assert!(proposed < Duration::from_secs(60) && simulated < Duration::from_secs(30));
}
