//! A policy and the devices in quarantine as rules.
//!
//! The order is the safety: what keeps a patient alive, then quarantine, then conversations accepted before, then what is not
//! governed, then what the policy names, and what is left is dropped while the lease lives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{Action, LINK_SCOPE, LINK_SCOPE_RECEIVERS, Label, Policy, Rule};

use crate::quarantine::{Quarantine, Step};
use crate::ruleset::{
    CONDUITS, Condition, Element, End, FORWARD, KernelRule, PROTECTED, QUARANTINE, Ruleset, Verdict,
};

/// Bytes per second that all devices at the step `rate-limit` may send and receive together.
pub const RATE_LIMIT_BYTES: u32 = 32 * 1024;

/// Set of all addresses that the policy governs.
const GOVERNED: &str = "governed";

/// Whom the rules restrict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody whom the policy governs, and devices in quarantine.
    Policy,
    /// Devices in quarantine; the policy only says what care and a life hang on.
    QuarantineOnly,
}

/// Compiles. `now_s` (seconds since 1970) is when quarantine is looked at; what has expired is left out.
pub fn compile(policy: &Policy, scope: Scope, quarantines: &[Quarantine], now_s: u64) -> Ruleset {
    let mut ruleset = Ruleset { protected: policy.protected.iter().cloned().collect(), ..Ruleset::default() };
    let sets = name_sets(policy, &mut ruleset);
    ruleset.chains.insert(
        PROTECTED,
        [End::Destination, End::Source]
            .map(|end| KernelRule::new(vec![Condition::Protected(end)], Verdict::Accept))
            .to_vec(),
    );
    ruleset.chains.insert(CONDUITS, conduits(policy, &sets));
    let quarantine = quarantine(policy, &sets, quarantines, now_s, &mut ruleset);
    ruleset.chains.insert(QUARANTINE, quarantine);
    ruleset.chains.insert(FORWARD, forward(scope));
    ruleset
}

/// Groups by the names of their sets: two names of groups may differ only in characters that nft does not allow.
fn name_sets<'a>(policy: &'a Policy, ruleset: &mut Ruleset) -> BTreeMap<&'a Label, String> {
    let addresses = policy.addresses();
    let mut sets = BTreeMap::new();
    let for_good = |address: &IpNet| Element { address: *address, timeout_s: None };
    for (place, group) in policy.groups.iter().enumerate() {
        let name = format!("group{place}");
        let members = addresses.get(&group.name).map_or(&[][..], Vec::as_slice);
        ruleset.sets.insert(name.clone(), members.iter().map(for_good).collect());
        sets.insert(&group.name, name);
    }
    let all: Vec<IpNet> = policy.members.iter().map(|member| member.address.trunc()).collect();
    ruleset.sets.insert(GOVERNED.to_owned(), IpNet::aggregate(&all).iter().map(for_good).collect());
    sets
}

fn forward(scope: Scope) -> Vec<KernelRule> {
    let mut rules = vec![
        KernelRule::new(vec![], Verdict::Jump(PROTECTED)),
        // Before what was accepted earlier: quarantine ends conversations that are under way.
        KernelRule::new(vec![Condition::Leased], Verdict::Jump(QUARANTINE)),
        KernelRule::new(vec![Condition::Established], Verdict::Accept),
    ];
    for end in [End::Source, End::Destination] {
        rules.push(KernelRule::new(vec![Condition::Within(end, ungoverned(end))], Verdict::Accept));
    }
    rules.push(KernelRule::new(vec![], Verdict::Jump(CONDUITS)));
    let dropped: &[End] = if scope == Scope::Policy { &[End::Source, End::Destination] } else { &[] };
    for end in dropped.iter().copied() {
        let conditions = vec![Condition::Leased, Condition::In(end, GOVERNED.to_owned())];
        rules.push(KernelRule::new(conditions, Verdict::Drop));
    }
    rules
}

/// What the policy does not govern, as in the verdict of the model.
fn ungoverned(end: End) -> Vec<IpNet> {
    let receivers = if end == End::Destination { &LINK_SCOPE_RECEIVERS[..] } else { &[] };
    [&LINK_SCOPE[..], receivers].concat()
}

fn between(from: &str, to: &str, service: Option<&Rule>) -> KernelRule {
    let mut conditions =
        vec![Condition::In(End::Source, from.to_owned()), Condition::In(End::Destination, to.to_owned())];
    conditions.extend(service.map(|rule| Condition::Service(rule.transport, rule.ports.clone())));
    KernelRule::new(conditions, Verdict::Accept)
}

fn conduits(policy: &Policy, sets: &BTreeMap<&Label, String>) -> Vec<KernelRule> {
    let named = policy
        .rules
        .iter()
        .filter_map(|rule| Some(between(sets.get(&rule.from)?, sets.get(&rule.to)?, Some(rule))));
    let open: BTreeSet<&Label> =
        policy.zones.iter().filter(|zone| zone.within == Action::Accept).map(|zone| &zone.name).collect();
    let mut by_zone: BTreeMap<&Label, Vec<&str>> = BTreeMap::new();
    for group in policy.groups.iter().filter(|group| open.contains(&group.zone)) {
        by_zone.entry(&group.zone).or_default().extend(sets.get(&group.name).map(String::as_str));
    }
    let within = by_zone.values().flat_map(|names| {
        names.iter().flat_map(move |from| names.iter().map(move |to| between(from, to, None)))
    });
    named.chain(within).collect()
}

/// Rules of the ladder. A device on two rungs is on the higher one: the stricter rules come last and drop.
fn quarantine(
    policy: &Policy,
    sets: &BTreeMap<&Label, String>,
    quarantines: &[Quarantine],
    now_s: u64,
    ruleset: &mut Ruleset,
) -> Vec<KernelRule> {
    let mut rules = Vec::new();
    let any_end = [End::Source, End::Destination];
    // Isolation first: what it drops, care-only must not accept.
    for step in [Step::Isolate, Step::CareOnly, Step::RateLimit, Step::Alert, Step::Watch] {
        let elements = held(quarantines, step, now_s);
        if elements.is_empty() {
            continue;
        }
        let set = step.name().replace('-', "_");
        ruleset.sets.insert(set.clone(), elements);
        if step == Step::CareOnly {
            rules.extend(care_essential(policy, sets, &set));
        }
        for end in any_end {
            let mut conditions = vec![Condition::Leased, Condition::In(end, set.clone())];
            let verdict = match step {
                Step::Watch => Verdict::Count,
                Step::Alert => Verdict::Log(format!("wardline {} ", step.name())),
                Step::RateLimit => {
                    conditions.push(Condition::Over(RATE_LIMIT_BYTES));
                    Verdict::Drop
                }
                Step::CareOnly | Step::Isolate => Verdict::Drop,
            };
            rules.push(KernelRule::new(conditions, verdict));
        }
    }
    rules
}

/// Addresses on one rung, each until the last of its quarantines ends.
fn held(quarantines: &[Quarantine], step: Step, now_s: u64) -> BTreeSet<Element> {
    let mut until: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for one in quarantines.iter().filter(|one| one.step == step && one.expires_s > now_s) {
        for address in &one.addresses {
            let expires_s = until.entry(*address).or_default();
            *expires_s = one.expires_s.max(*expires_s);
        }
    }
    let element = |(address, expires_s): (IpAddr, u64)| Element {
        address: IpNet::from(address),
        timeout_s: Some(expires_s.saturating_sub(now_s)),
    };
    until.into_iter().map(element).collect()
}

/// What care depends on stays open for a device in quarantine, and so do the answers.
fn care_essential(policy: &Policy, sets: &BTreeMap<&Label, String>, held: &str) -> Vec<KernelRule> {
    let mut rules = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.care_essential) {
        let (Some(from), Some(to)) = (sets.get(&rule.from), sets.get(&rule.to)) else { continue };
        for end in [End::Source, End::Destination] {
            let held = Condition::In(end, held.to_owned());
            let mut begins = between(from, to, Some(rule));
            begins.conditions.push(held.clone());
            rules.push(begins);
            // Only answers to what was accepted: established, and from the answering group back.
            let mut answers = between(to, from, None);
            answers.conditions.extend([
                held,
                Condition::Established,
                Condition::Service(rule.transport, vec![]),
            ]);
            rules.push(answers);
        }
    }
    rules
}
