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

use wardline_assess::Assessor;
use wardline_assess::segmentation::{Conversation, Proposal, refreshed};
use wardline_flows::{Frame, Pipeline};
use wardline_lab::{Campus, CampusOptions};
use wardline_model::{
    CaptureId, Category, Device, DeviceId, Documented, DocumentedPeer, DocumentedUse, Judge, Label,
    Observation, Party, Policy, PortRange, PseudonymKey, Site, SiteServer, Timestamp, Transport, Verdict,
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
    proposal.document(&documented(), &seen.devices);
    let policy = proposal.finish();
    policy.check().unwrap();
    policy
}

/// What firmware and service do, as their makers write it: no day of learning shows it.
fn documented() -> Vec<Documented> {
    let update = |peer| DocumentedUse {
        begins: true,
        peer,
        transport: Transport::TCP,
        ports: vec![PortRange::one(80)],
        source: Label::new("manual, updates of software"),
    };
    vec![Documented {
        vendor: None,
        model: None,
        category: Some(Category::InfusionPump),
        uses: vec![update(DocumentedPeer::Server), update(DocumentedPeer::Local)],
    }]
}

/// Answered conversations between medical devices, by what the hospital is and not by what was made of it, that a policy cuts.
fn clinical_cut(policy: &Policy, campus: &Campus, seen: &Seen) -> (u64, BTreeMap<String, u64>) {
    let medical: BTreeSet<DeviceId> = campus
        .kinds()
        .filter(|(.., category)| category.is_medical())
        .map(|(mac, ..)| DeviceId::from(mac))
        .collect();
    let judge = Judge::new(policy);
    let mut cut: BTreeMap<String, u64> = BTreeMap::new();
    let mut clinical = 0;
    for one in seen.conversations.iter().filter(|one| one.answered) {
        if !one.devices.iter().all(|id| id.as_ref().is_some_and(|id| medical.contains(id))) {
            continue;
        }
        clinical += 1;
        // By address alone, as the kernel sees it.
        let party = |side: usize| Party { ip: Some(one.addresses[side]), device: None };
        if judge.verdict(party(0), party(1), one.transport, one.port) == Verdict::Denied {
            let groups = [0, 1].map(|side| {
                judge
                    .group(party(side))
                    .map_or("none".to_owned(), |place| policy.groups[place].name.to_string())
            });
            let kind = format!(
                "{} > {} {}/{} {:?} ({} > {})",
                groups[0],
                groups[1],
                one.transport,
                one.port,
                one.application,
                one.addresses[0],
                one.addresses[1]
            );
            *cut.entry(kind).or_default() += 1;
        }
    }
    (clinical, cut)
}

#[test]
fn measure() {
    for seed in [3, 4, 5] {
        let duty = 0.2;
        let mut one = Campus::new(seed, CampusOptions { duty, ..CampusOptions::default() });
        let day_one = see(&mut one, DAY_S);
        let policy = learn(&day_one);
        let start_ns = one.start_ns() + DAY_S * SECOND;
        let mut two = Campus::new(
            seed,
            CampusOptions { duty, start_ns, disturbances_per_day: 200.0, ..CampusOptions::default() },
        );
        let day_two = see(&mut two, DAY_S);
        let (fresh, added) = refreshed(&policy, &day_two.devices);
        let (clinical, cut) = clinical_cut(&fresh, &two, &day_two);
        println!(
            "seed {seed} {}: {clinical} clinical, {added} addresses more, {} cut",
            one.describe(),
            cut.values().sum::<u64>()
        );
        for (kind, count) in cut.iter().take(25) {
            println!("{count} {kind}");
        }
    }
}
