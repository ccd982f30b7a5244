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
use wardline_assess::segmentation::{Conversation, Proposal, refreshed};
use wardline_flows::{Frame, Pipeline};
use wardline_lab::{Campus, CampusOptions, DISTURBANCES, Planned, variants};
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

/// What makers write of such devices: service and rare work that a day of learning may not show.
fn documented() -> Vec<Documented> {
    let one = |peer, port, source: &str| DocumentedUse {
        begins: true,
        peer,
        transport: Transport::TCP,
        ports: vec![PortRange::one(port)],
        source: Label::new(source),
    };
    let reports =
        || one(DocumentedPeer::Category(Category::IntegrationEngine), 2_575, "manual, reports in HL7");
    let updates = || {
        [DocumentedPeer::Server, DocumentedPeer::Local]
            .map(|peer| one(peer, 80, "manual, updates of software"))
    };
    let kinds = [Category::InfusionPump, Category::PatientMonitor, Category::Ventilator];
    let about = |category| Documented {
        vendor: None,
        model: None,
        category: Some(category),
        uses: updates().into_iter().chain([reports()]).collect(),
    };
    kinds.map(about).to_vec()
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

/// One hospital: learned on its first day, tried on its second with everything that goes wrong in peace.
fn next_day(seed: u64, duty: f64) {
    let mut one = Campus::new(seed, CampusOptions { duty, ..CampusOptions::default() });
    let day_one = see(&mut one, DAY_S);
    let policy = learn(&day_one);
    let start_ns = one.start_ns() + DAY_S * SECOND;
    let options = CampusOptions { duty, start_ns, disturbances_per_day: 200.0, ..CampusOptions::default() };
    let mut two = Campus::new(seed, options);
    let day_two = see(&mut two, DAY_S);
    let happened: BTreeSet<&str> = two.happened().iter().map(|one| one.name).collect();
    assert_eq!(happened.len(), DISTURBANCES.len(), "every disturbance happens");
    // Devices that move and come: their addresses are refreshed as the inventory knows them.
    let (fresh, added) = refreshed(&policy, &day_two.devices);
    let (clinical, cut) = clinical_cut(&fresh, &two, &day_two);
    println!("seed {seed}, {}: {clinical} clinical conversations, {added} addresses more", two.describe());
    assert!(clinical > 1_000, "{clinical}");
    assert!(cut.is_empty(), "seed {seed}: {cut:#?}");
    lateral(seed, &policy);
}

/// Each attack of the lab against that policy: what its machine begins with others, beyond what the policy names for whom it
/// pretends to be.
fn lateral(seed: u64, policy: &Policy) {
    let judge = Judge::new(policy);
    let party = |ip| Party { ip: Some(ip), device: None };
    let (mut tried, mut begun) = (0_u64, 0_u64);
    for variant in variants() {
        let planned = Planned { variant, start_s: 400, length_s: 120 };
        let mut campus = Campus::new(
            seed,
            CampusOptions { duty: 0.05, attacks: vec![planned], ..CampusOptions::default() },
        );
        let known: BTreeSet<IpAddr> = campus.kinds().map(|(_, ip, _)| IpAddr::V4(ip)).collect();
        let seen = see(&mut campus, 540);
        // Machines that are not the hospital's: whatever they begin with a device is lateral.
        let intruders: BTreeSet<IpAddr> = campus
            .assaults()
            .iter()
            .flat_map(|assault| assault.sources.clone())
            .filter(|ip| !known.contains(ip))
            .collect();
        if intruders.is_empty() {
            continue;
        }
        tried += 1;
        for one in seen.conversations.iter().filter(|one| intruders.contains(&one.addresses[0])) {
            let [from, to] = one.addresses;
            if !known.contains(&to) {
                continue;
            }
            begun += 1;
            let verdict = judge.verdict(party(from), party(to), one.transport, one.port);
            assert!(
                !verdict.passes(),
                "seed {seed}, {}: {from} > {to} {}/{}: {verdict:?}",
                variant.name,
                one.transport,
                one.port
            );
        }
    }
    println!(
        "seed {seed}: {tried} attacks from machines that are not the hospital's, {begun} conversations, none passes"
    );
    assert!(tried > 5 && begun > 10, "{tried} {begun}");
}

#[test]
fn a_day_of_disturbances_costs_no_clinical_conversation_and_no_attack_moves_on() {
    next_day(4, 0.05);
}

#[test]
#[ignore = "takes minutes"]
fn no_hospital_loses_a_clinical_conversation() {
    for seed in 3..=8 {
        next_day(seed, 0.2);
    }
}
