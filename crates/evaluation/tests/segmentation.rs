//! Lines drawn from one day of a hospital, tried on the next: with everything that goes wrong in peace, and under attack.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use wardline_assess::Assessor;
use wardline_assess::segmentation::{Conversation, Proposal, simulate};
use wardline_flows::{Frame, Pipeline};
use wardline_lab::{Campus, CampusOptions, Planned, variants};
use wardline_model::{
    CaptureId, Device, Judge, Label, Observation, Party, Policy, PseudonymKey, Site, SiteServer, Timestamp,
    Verdict,
};

const SECOND: i64 = 1_000_000_000;
const DAY_S: i64 = 86_400;

/// What the program sees of a hospital.
struct Seen {
    devices: Vec<Device>,
    conversations: Vec<Conversation>,
}

fn see(campus: &mut Campus, seconds: i64) -> Seen {
    const ETHERNET: u16 = 1;
    let key = PseudonymKey::new([7; 32]);
    let servers = campus.servers().into_iter().map(|(ip, role)| SiteServer { ip: ip.into(), role });
    let site = Site { servers: servers.collect(), ..Site::default() };
    let mut pipeline =
        Pipeline::new(wardline_flows::Settings { workers: 1, ..wardline_flows::Settings::new(key) });
    let mut assessor =
        Assessor::new(wardline_assess::Settings { site, ..wardline_assess::Settings::default() });
    let mut observations: Vec<Observation> = Vec::new();
    let mut conversations = Vec::new();
    let end = campus.start_ns() + seconds * SECOND;
    let mut number = 0;
    while let Some(frame) = campus.next().filter(|frame| frame.time_ns < end) {
        number += 1;
        let frame = Frame {
            capture: CaptureId(0),
            number,
            time: Timestamp::from_nanoseconds(frame.time_ns),
            link_type: ETHERNET,
            bytes: &frame.bytes,
            original_length: frame.bytes.len() as u32,
        };
        pipeline.push(frame, &mut observations);
        observations.drain(..).for_each(|observation| assessor.observe(&observation));
        if number % 20_000 == 0 {
            conversations.extend(assessor.drain().flows.iter().map(Conversation::from));
        }
    }
    pipeline.finish(&mut observations);
    observations.drain(..).for_each(|observation| assessor.observe(&observation));
    assessor.finish(Timestamp::from_nanoseconds(end));
    conversations.extend(assessor.drain().flows.iter().map(Conversation::from));
    println!("{number} frames, {} conversations", conversations.len());
    Seen { devices: assessor.devices(), conversations }
}

fn learn(seen: &Seen) -> Policy {
    let mut proposal = Proposal::new(Label::new("day-one"), &seen.devices);
    seen.conversations.iter().for_each(|conversation| proposal.learn(conversation));
    let policy = proposal.finish();
    policy.check().unwrap();
    policy
}

#[test]
fn measure() {
    let seed = 4_u64;
    let duty = 0.05;
    let mut one = Campus::new(seed, CampusOptions { duty, ..CampusOptions::default() });
    let day_one = see(&mut one, DAY_S);
    let kinds: BTreeMap<IpAddr, _> = one.kinds().map(|(_, ip, kind)| (IpAddr::V4(ip), kind)).collect();
    for device in &day_one.devices {
        println!("{:?} {:?} truth {:?} {:?}", device.ips, device.category, device.ips.first().and_then(|ip| kinds.get(ip)), device.criticality);
    }
    for ip in ["10.124.101.31", "10.124.101.29", "10.124.101.40"] {
        let ip: IpAddr = ip.parse().unwrap();
        for one in day_one.conversations.iter().filter(|one| one.addresses.contains(&ip)).take(12) {
            println!("{one:?}");
        }
    }
    println!("{:?}", BTreeSet::from([1]));
    let _ = (learn(&day_one), variants().count());
    let _: Option<(Judge, Party<'_>, Planned, Verdict)> = None;
    simulate(&learn(&day_one), &day_one.conversations);
}
