//! What a policy would have done to conversations that were seen.

use std::collections::BTreeMap;

use serde::Serialize;
use wardline_model::{Category, Judge, Label, Party, Policy, Protocol, Timestamp, Transport, Verdict};

use super::Conversation;
use crate::limits::BLOCKED_LISTED_MAX;

const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;

/// Conversations that pass, and those that would have been blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Would have passed.
    pub passed: u64,
    /// Would have been blocked.
    pub blocked: u64,
}

/// Blocked conversations of one kind between two groups.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blocked {
    /// Group, or address where it is in none, that begins.
    pub from: Label,
    /// Group, or address where it is in none, that answers.
    pub to: Label,
    /// IP protocol number.
    pub transport: Transport,
    /// Port of the answering side.
    pub port: u16,
    /// What was spoken.
    pub application: Option<Protocol>,
    /// How many.
    pub flows: u64,
    /// First.
    pub first: Timestamp,
    /// Last.
    pub last: Timestamp,
    /// Both ends are clinical: blocking it may touch care.
    pub clinical: bool,
    /// One pair of addresses among them.
    pub example: String,
}

/// The answer of a simulation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Simulation {
    /// Conversations that the policy speaks of.
    pub conversations: Tally,
    /// Conversations that it does not speak of.
    pub ungoverned: u64,
    /// Answered conversations between clinical devices that would have been blocked. Enforce only at 0.
    pub clinical_blocked: u64,
    /// By device that begins: name or address.
    pub devices: BTreeMap<String, Tally>,
    /// By clinical function of either end: its category.
    pub functions: BTreeMap<Category, Tally>,
    /// By ward of the device that begins.
    pub wards: BTreeMap<Label, Tally>,
    /// By hour.
    pub hours: BTreeMap<Timestamp, Tally>,
    /// How many other members each group reaches directly: before (nothing in the way) and after.
    pub reach: BTreeMap<Label, [u64; 2]>,
    /// What would have been blocked, the most frequent first.
    pub blocked: Vec<Blocked>,
    /// Kinds of blocked conversations that found no room in the list.
    pub blocked_not_listed: u64,
}

impl Tally {
    const fn count(&mut self, passes: bool, flows: u64) {
        if passes { self.passed += flows } else { self.blocked += flows }
    }
}

/// Runs conversations through a policy that [`Policy::check`] accepted.
pub fn simulate<'a>(
    policy: &Policy,
    conversations: impl IntoIterator<Item = &'a Conversation>,
) -> Simulation {
    let judge = Judge::new(policy);
    let names: BTreeMap<_, _> = policy
        .members
        .iter()
        .filter(|member| member.address.prefix_len() == member.address.max_prefix_len())
        .map(|member| (member.address.addr(), member))
        .collect();
    let mut simulation = Simulation { reach: reach(policy, &judge), ..Simulation::default() };
    let mut blocked: BTreeMap<(Label, Label, u8, u16, Option<Protocol>), Blocked> = BTreeMap::new();
    for conversation in conversations {
        let party = |side: usize| Party {
            ip: conversation.addresses.get(side).copied(),
            device: conversation.devices.get(side).and_then(Option::as_ref),
        };
        let flows = conversation.flows;
        let verdict = judge.verdict(party(0), party(1), conversation.transport, conversation.port);
        if verdict == Verdict::Ungoverned {
            simulation.ungoverned += flows;
            continue;
        }
        let passes = verdict.passes();
        let groups = [0, 1].map(|side| judge.group(party(side)).and_then(|place| policy.groups.get(place)));
        let clinical = groups.iter().flatten().filter(|group| group.category.is_medical()).count() == 2;
        simulation.conversations.count(passes, flows);
        if !passes && clinical && conversation.answered {
            simulation.clinical_blocked += flows;
        }
        let member = names.get(&conversation.addresses[0]);
        let name = member.and_then(|member| member.name.as_ref()).map(ToString::to_string);
        let name = name.unwrap_or_else(|| conversation.addresses[0].to_string());
        if simulation.devices.len() < wardline_model::MEMBERS_MAX || simulation.devices.contains_key(&name) {
            simulation.devices.entry(name).or_default().count(passes, flows);
        }
        let functions: std::collections::BTreeSet<_> =
            groups.iter().flatten().map(|group| group.category).collect();
        for function in functions {
            simulation.functions.entry(function).or_default().count(passes, flows);
        }
        if let Some(ward) = member.and_then(|member| member.ward.clone()) {
            simulation.wards.entry(ward).or_default().count(passes, flows);
        }
        let start = conversation.start.nanoseconds();
        let hour = Timestamp::from_nanoseconds(start.saturating_sub(start.rem_euclid(HOUR_NANOSECONDS)));
        simulation.hours.entry(hour).or_default().count(passes, flows);
        if passes {
            continue;
        }
        let name = |side: usize| {
            groups[side].map_or_else(
                || Label::new(&conversation.addresses[side].to_string()),
                |group| group.name.clone(),
            )
        };
        let key = (name(0), name(1), conversation.transport.0, conversation.port, conversation.application);
        if blocked.len() >= BLOCKED_LISTED_MAX && !blocked.contains_key(&key) {
            simulation.blocked_not_listed += 1;
            continue;
        }
        let entry = blocked.entry(key).or_insert_with(|| Blocked {
            from: name(0),
            to: name(1),
            transport: conversation.transport,
            port: conversation.port,
            application: conversation.application,
            flows: 0,
            first: conversation.start,
            last: conversation.start,
            clinical,
            example: format!("{} > {}", conversation.addresses[0], conversation.addresses[1]),
        });
        entry.flows += flows;
        entry.first = entry.first.min(conversation.start);
        entry.last = entry.last.max(conversation.start);
    }
    simulation.blocked = blocked.into_values().collect();
    simulation.blocked.sort_by_key(|entry| (!entry.clinical, std::cmp::Reverse(entry.flows)));
    simulation
}

/// Members that a compromised device of each group reaches in one step: before and after.
fn reach(policy: &Policy, judge: &Judge) -> BTreeMap<Label, [u64; 2]> {
    let mut sizes: BTreeMap<&Label, u64> = BTreeMap::new();
    for member in &policy.members {
        *sizes.entry(&member.group).or_default() += 1;
    }
    let all: u64 = sizes.values().sum();
    let mut pairs: std::collections::BTreeSet<(&Label, &Label)> =
        policy.rules.iter().map(|rule| (&rule.from, &rule.to)).collect();
    for (place, group) in policy.groups.iter().enumerate() {
        let same_zone = policy.groups.iter().enumerate().filter(|(_, other)| other.zone == group.zone);
        for (other_place, other) in same_zone {
            // A port that no rule names shows what the zone itself allows.
            if judge.between(place, other_place, Transport(0), 0) == Verdict::WithinZone {
                pairs.insert((&group.name, &other.name));
            }
        }
    }
    let mut reach: BTreeMap<Label, [u64; 2]> = BTreeMap::new();
    for group in &policy.groups {
        reach.insert(group.name.clone(), [all.saturating_sub(1), 0]);
    }
    for (from, to) in pairs {
        let size = sizes.get(to).copied().unwrap_or_default();
        if let Some(counts) = reach.get_mut(from) {
            counts[1] += if from == to { size.saturating_sub(1) } else { size };
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::super::{placement, propose, refreshed};
    use super::*;
    use std::net::IpAddr;
    use wardline_model::{Criticality, Device, DeviceId, Standing};

    fn device(number: u8, category: Category, criticality: Option<Criticality>) -> Device {
        Device {
            id: DeviceId::from(format!("d-{number:012x}").as_str()),
            macs: vec![],
            ips: vec![IpAddr::from([10, 0, 0, number])],
            hostnames: vec![],
            vendor: None,
            model: None,
            category,
            os: None,
            firmware: None,
            serial: None,
            protocols: Default::default(),
            role: vec![],
            zone: Some(Label::new("Ward 3")),
            criticality,
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            confidence: 1.0,
            evidence: vec![],
            mismatches: Vec::new(),
        }
    }

    fn hospital() -> Vec<Device> {
        vec![
            device(1, Category::InfusionPump, Some(Criticality::Therapy)),
            device(2, Category::InfusionPump, Some(Criticality::Therapy)),
            device(3, Category::IntegrationEngine, Some(Criticality::Support)),
            device(4, Category::Workstation, Some(Criticality::It)),
            device(5, Category::Ventilator, Some(Criticality::LifeSustaining)),
            device(6, Category::Server, Some(Criticality::It)),
        ]
    }

    fn talk(from: u8, to: u8, transport: Transport, port: u16) -> Conversation {
        Conversation {
            addresses: [IpAddr::from([10, 0, 0, from]), IpAddr::from([10, 0, 0, to])],
            devices: [None, None],
            transport,
            port,
            application: None,
            start: Timestamp::from_seconds(1_000),
            answered: true,
            flows: 1,
        }
    }

    #[test]
    fn what_was_learned_passes_and_lateral_movement_is_blocked() {
        let learned = [
            talk(1, 3, Transport::TCP, 2575),
            talk(2, 3, Transport::TCP, 2575),
            talk(5, 3, Transport::TCP, 2575),
            talk(4, 6, Transport::UDP, 53),
        ];
        let policy = propose(Label::new("test"), &hospital(), &learned);
        policy.check().unwrap();
        let answer = simulate(&policy, &learned);
        assert_eq!(answer.conversations, Tally { passed: 4, blocked: 0 });
        // A worm from the workstation to a pump, and from pump to pump.
        let worm = [talk(4, 1, Transport::TCP, 445), talk(1, 2, Transport::TCP, 445)];
        let answer = simulate(&policy, &worm);
        assert_eq!(answer.conversations, Tally { passed: 0, blocked: 2 });
        assert_eq!(answer.clinical_blocked, 1);
        assert!(answer.blocked[0].clinical && !answer.blocked[1].clinical);
        let [before, after] = answer.reach[&Label::new("workstations/workstation")];
        assert!(before == 5 && after < before, "{after}");
    }

    #[test]
    fn a_rule_says_what_it_rests_on() {
        let learned = [talk(1, 3, Transport::TCP, 2575), talk(2, 3, Transport::TCP, 2575)];
        let policy = propose(Label::new("test"), &hospital(), &learned);
        let rule = &policy.rules[0];
        assert_eq!((rule.standing, rule.evidence.pairs, rule.evidence.flows), (Standing::Common, 2, 2));
        assert!(rule.care_essential && rule.evidence.examples[0] == "10.0.0.1 > 10.0.0.3");
        let single = propose(Label::new("test"), &hospital(), &learned[..1]);
        assert_eq!(single.rules[0].standing, Standing::HereOnly);
    }

    #[test]
    fn names_and_time_may_be_asked_by_all_once_somebody_offers_them() {
        let policy = propose(Label::new("test"), &hospital(), &[talk(4, 6, Transport::UDP, 53)]);
        let pump = simulate(&policy, &[talk(1, 6, Transport::UDP, 53)]);
        assert_eq!(pump.conversations, Tally { passed: 1, blocked: 0 });
        assert!(policy.rules.iter().any(|rule| rule.standing == Standing::Documented));
    }

    #[test]
    fn a_probe_that_nobody_answers_teaches_nothing() {
        let probe = Conversation { answered: false, ..talk(4, 1, Transport::TCP, 22) };
        let policy = propose(Label::new("test"), &hospital(), [&probe]);
        assert!(policy.rules.is_empty());
    }

    #[test]
    fn datagrams_that_nobody_answers_teach_once_they_are_a_habit() {
        let at = |hour: i64, port| Conversation {
            answered: false,
            start: Timestamp::from_seconds(hour * 3_600),
            ..talk(1, 3, Transport::UDP, port)
        };
        let hourly = [at(1, 24_105), at(2, 24_105), at(3, 24_105)];
        let policy = propose(Label::new("test"), &hospital(), &hourly);
        assert_eq!(policy.rules.len(), 1);
        // Twice is none, nor are probes of many ports.
        assert!(propose(Label::new("test"), &hospital(), &hourly[..2]).rules.is_empty());
        let probes = [at(1, 1_000), at(2, 1_001), at(3, 1_002), at(3, 1_003)];
        assert!(propose(Label::new("test"), &hospital(), &probes).rules.is_empty());
    }

    #[test]
    fn a_policy_is_refreshed_with_addresses_and_nothing_else() {
        let learned = [talk(1, 3, Transport::TCP, 2575)];
        let before = propose(Label::new("test"), &hospital(), &learned);
        let mut devices = hospital();
        // One moved, one came and belongs in a group that is there, one came and belongs in none.
        devices[0].ips.insert(0, IpAddr::from([10, 0, 0, 77]));
        devices.push(device(8, Category::InfusionPump, Some(Criticality::Therapy)));
        devices.push(device(9, Category::Camera, Some(Criticality::It)));
        let (after, added) = refreshed(&before, &devices);
        after.check().unwrap();
        assert_eq!((added, after.members.len()), (2, before.members.len() + 2));
        assert_eq!(
            (&after.rules, &after.groups, &after.protected),
            (&before.rules, &before.groups, &before.protected)
        );
        let moved = Conversation {
            addresses: [IpAddr::from([10, 0, 0, 77]), IpAddr::from([10, 0, 0, 3])],
            ..learned[0].clone()
        };
        assert_eq!(simulate(&before, std::slice::from_ref(&moved)).conversations.blocked, 1);
        assert_eq!(simulate(&after, &[moved]).conversations.blocked, 0);
        assert_eq!(refreshed(&after, &devices).1, 0);
    }

    #[test]
    fn a_device_that_is_added_moves_no_other() {
        let learned = [talk(1, 3, Transport::TCP, 2575), talk(5, 3, Transport::TCP, 2575)];
        let before = propose(Label::new("test"), &hospital(), &learned);
        let mut devices = hospital();
        devices.push(device(7, Category::PatientMonitor, Some(Criticality::Monitoring)));
        let after = propose(Label::new("test"), &devices, &learned);
        assert_eq!(before.rules, after.rules);
        assert_eq!(before.protected, after.protected);
        assert!(before.members.iter().all(|member| after.members.contains(member)));
    }

    #[test]
    fn a_life_sustaining_conversation_passes_even_without_its_rule() {
        let learned = [talk(5, 3, Transport::TCP, 2575)];
        let mut policy = propose(Label::new("test"), &hospital(), &learned);
        assert_eq!(policy.protected.len(), 1);
        policy.rules.clear();
        assert_eq!(simulate(&policy, &learned).conversations, Tally { passed: 1, blocked: 0 });
    }

    #[test]
    fn a_ward_is_part_of_a_bedside_zone_only() {
        let [pump, _, engine, ..] = &hospital()[..] else { panic!("six devices") };
        assert_eq!(placement(pump).group.as_str(), "therapy-ward-3/infusion-pump");
        assert_eq!(placement(engine).zone.as_str(), "clinical-systems");
    }
}
