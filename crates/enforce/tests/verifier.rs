//! The verifier against random policies, random sabotage and a second reading of the rules: nothing that passes it can drop a
//! conversation that a life hangs on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::net::IpAddr;

use wardline_enforce::quarantine::{Quarantine, Step};
use wardline_enforce::ruleset::{
    Condition, End, FORWARD, KernelRule, PROTECTED, QUARANTINE, Ruleset, Verdict,
};
use wardline_enforce::{Refusal, Scope, compile, verify};
use wardline_model::{
    Action, Category, Group, Member, Policy, PortRange, ProtectedConversation, Rule, RuleEvidence, Standing,
    Transport, Zone,
};

/// SplitMix64: the failing seed is in the message.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

fn address(chance: &mut Chance, four: bool) -> IpAddr {
    let last = chance.below(8) as u8 + 1;
    if four {
        IpAddr::from([10, 0, 0, last])
    } else {
        IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)])
    }
}

fn transport(chance: &mut Chance) -> Transport {
    [Transport::TCP, Transport::UDP, Transport::ICMP][chance.below(3) as usize]
}

fn ports(chance: &mut Chance, transport: Transport) -> PortRange {
    if transport == Transport::ICMP || chance.one_in(5) {
        return PortRange::ALL;
    }
    let first = chance.below(20) as u16;
    PortRange { first, last: first + chance.below(5) as u16 }
}

fn policy(chance: &mut Chance) -> Policy {
    let groups = chance.below(3) + 1;
    let name = |number: u64| format!("g{number}").as_str().into();
    let zone = |name: &str, within| Zone { name: name.into(), within, reason: String::new() };
    let mut policy = Policy::empty("random".into());
    policy.zones = vec![zone("open", Action::Accept), zone("closed", Action::Deny)];
    for number in 0..groups {
        let zone = if chance.one_in(2) { "open" } else { "closed" }.into();
        policy.groups.push(Group { name: name(number), zone, category: Category::Ventilator });
    }
    for last in 1..=8_u8 {
        let group = name(chance.below(groups));
        for address in
            [IpAddr::from([10, 0, 0, last]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)])]
        {
            if chance.one_in(4) {
                continue;
            }
            let (device, name, criticality, ward) = (None, None, None, None);
            let reason = String::new();
            let group = group.clone();
            policy.members.push(Member {
                address: address.into(),
                group,
                device,
                name,
                criticality,
                ward,
                reason,
            });
        }
    }
    for _ in 0..chance.below(4) {
        let transport = transport(chance);
        policy.rules.push(Rule {
            from: name(chance.below(groups)),
            to: name(chance.below(groups)),
            transport,
            ports: vec![ports(chance, transport)],
            application: None,
            standing: Standing::Manual,
            care_essential: chance.one_in(2),
            evidence: RuleEvidence::default(),
        });
    }
    for _ in 0..=chance.below(4) {
        let (four, transport) = (!chance.one_in(3), transport(chance));
        let (from, to) = (address(chance, four), address(chance, four));
        policy.protected.push(ProtectedConversation { from, to, transport, ports: ports(chance, transport) });
    }
    policy
}

fn quarantines(chance: &mut Chance) -> Vec<Quarantine> {
    let steps = [Step::Watch, Step::Alert, Step::RateLimit, Step::CareOnly, Step::Isolate];
    let one = |chance: &mut Chance| {
        let four = chance.one_in(2);
        Quarantine {
            device: "d".into(),
            addresses: vec![address(chance, four)],
            step: steps[chance.below(5) as usize],
            reason: "r".into(),
            by: "b".into(),
            second: None,
            since_s: 0,
            expires_s: 1 + chance.below(5),
        }
    };
    (0..chance.below(3)).map(|_| one(chance)).collect()
}

/// What a mistake in the compiler, or somebody with ill will, could do.
fn sabotage(chance: &mut Chance, ruleset: &mut Ruleset) {
    let names: Vec<&'static str> = ruleset.chains.keys().copied().collect();
    let name = names[chance.below(names.len() as u64) as usize];
    let protected: Vec<_> = ruleset.protected.iter().cloned().collect();
    let rules = ruleset.chains.get_mut(name).unwrap();
    let place = chance.below(rules.len() as u64 + 1) as usize;
    match chance.below(7) {
        0 if place < rules.len() => drop(rules.remove(place)),
        1 if rules.len() > 1 => {
            let other = chance.below(rules.len() as u64) as usize;
            let place = place % rules.len();
            rules.swap(place, other);
        }
        2 => {
            let conditions = if chance.one_in(3) {
                vec![Condition::Leased]
            } else {
                let end = if chance.one_in(2) { End::Source } else { End::Destination };
                vec![Condition::Leased, Condition::In(end, "group0".to_owned())]
            };
            rules.insert(place, KernelRule::new(conditions, Verdict::Drop));
        }
        3 => {
            let target = if chance.one_in(2) { PROTECTED } else { QUARANTINE };
            rules.insert(place, KernelRule::new(vec![Condition::Leased], Verdict::Jump(target)));
        }
        4 if !protected.is_empty() => {
            assert!(ruleset.protected.remove(&protected[chance.below(protected.len() as u64) as usize]))
        }
        5 if !protected.is_empty() => {
            let mut one = protected[chance.below(protected.len() as u64) as usize].clone();
            ruleset.protected.remove(&one);
            one.ports.first = one.ports.first.saturating_add(1).min(one.ports.last);
            ruleset.protected.insert(one);
        }
        _ => {
            let transport = transport(chance);
            let range = ports(chance, transport);
            let conditions = vec![Condition::Leased, Condition::Service(transport, vec![range])];
            rules.insert(place, KernelRule::new(conditions, Verdict::Drop));
        }
    }
}

/// One packet and the state of the kernel when it comes.
#[derive(Clone, Copy, Debug)]
struct Packet {
    source: IpAddr,
    destination: IpAddr,
    transport: Transport,
    source_port: u16,
    destination_port: u16,
    leased: bool,
    established: bool,
    over: bool,
    held: bool,
}

/// The kernel's reading: `Some(true)` accepted, `Some(false)` dropped, `None` falls through the chain.
fn read(ruleset: &Ruleset, chain: &str, packet: Packet) -> Option<bool> {
    for rule in ruleset.chain(chain) {
        if !rule.conditions.iter().all(|one| holds(ruleset, one, packet)) {
            continue;
        }
        match &rule.verdict {
            Verdict::Accept => return Some(true),
            Verdict::Drop => return Some(false),
            Verdict::Jump(target) => {
                if let Some(verdict) = read(ruleset, target, packet) {
                    return Some(verdict);
                }
            }
            Verdict::Count | Verdict::Log(_) => {}
        }
    }
    None
}

fn holds(ruleset: &Ruleset, condition: &Condition, packet: Packet) -> bool {
    let address = |end: &End| if *end == End::Source { packet.source } else { packet.destination };
    match condition {
        Condition::Leased => packet.leased,
        Condition::Established => packet.established,
        Condition::Over(_) => packet.over,
        Condition::In(end, set) => ruleset.sets.get(set).into_iter().flatten().any(|element| {
            element.address.contains(&address(end)) && (element.timeout_s.is_none() || packet.held)
        }),
        Condition::Within(end, networks) => networks.iter().any(|one| one.contains(&address(end))),
        Condition::Service(transport, ports) => {
            *transport == packet.transport
                && (ports.is_empty()
                    || packet.transport == Transport::ICMP
                    || ports.iter().any(|range| range.contains(packet.destination_port)))
        }
        Condition::Protected(direction) => ruleset.protected.iter().any(|one| {
            let (from, to, port) = match direction {
                End::Destination => (packet.source, packet.destination, packet.destination_port),
                End::Source => (packet.destination, packet.source, packet.source_port),
            };
            let portless = packet.transport == Transport::ICMP;
            (one.from, one.to, one.transport) == (from, to, packet.transport)
                && (portless || one.ports.contains(port))
        }),
    }
}

fn packet(chance: &mut Chance, one: &ProtectedConversation) -> Packet {
    let span = u64::from(one.ports.last - one.ports.first) + 1;
    let mut port = one.ports.first + chance.below(span.min(30)) as u16;
    if chance.one_in(4) {
        port = one.ports.last;
    }
    let other = if chance.one_in(2) { chance.below(25) } else { chance.below(65_536) } as u16;
    let (leased, established) = (!chance.one_in(4), chance.one_in(3));
    let (over, held) = (chance.one_in(2), !chance.one_in(4));
    let transport = one.transport;
    let (source, destination, source_port, destination_port) =
        if chance.one_in(2) { (one.from, one.to, other, port) } else { (one.to, one.from, port, other) };
    Packet { source, destination, transport, source_port, destination_port, leased, established, over, held }
}

/// Runs `count` random policies; returns how many sabotaged rulesets were refused, and how many of those did drop.
fn run(seed: u64, count: u64) -> (u64, u64) {
    let (mut refused, mut harmful) = (0, 0);
    for number in 0..count {
        let mut chance = Chance(seed.wrapping_add(number.wrapping_mul(0x1234_5678_9abc)));
        let policy = policy(&mut chance);
        policy.check().unwrap();
        let scope = if chance.one_in(4) { Scope::QuarantineOnly } else { Scope::Policy };
        let mut ruleset = compile(&policy, scope, &quarantines(&mut chance), 1);
        assert_eq!(verify(&ruleset, &policy.protected), Ok(()), "policy {number} of seed {seed}");
        for _ in 0..chance.below(3) {
            sabotage(&mut chance, &mut ruleset);
        }
        let verdict = verify(&ruleset, &policy.protected);
        if verdict == Err(Refusal::TooDeep) {
            refused += 1;
            continue;
        }
        let mut dropped = false;
        for one in &policy.protected {
            for _ in 0..12 {
                let packet = packet(&mut chance, one);
                let passes = read(&ruleset, FORWARD, packet).unwrap_or(true);
                dropped |= !passes;
                assert!(
                    passes || verdict.is_err(),
                    "policy {number} of seed {seed}: {packet:?}\n{ruleset:?}"
                );
            }
        }
        refused += u64::from(verdict.is_err());
        harmful += u64::from(dropped);
    }
    (refused, harmful)
}

#[test]
fn nothing_that_passes_can_drop_what_a_life_hangs_on() {
    let (refused, harmful) = run(1, 10_000);
    // The sabotage does harm, and the verifier is not merely afraid.
    assert!(harmful > 300 && refused < 9_000, "{harmful} harmful, {refused} refused");
}

#[test]
#[ignore = "a million policies take a minute in a release build"]
fn nothing_of_a_million_policies() {
    let (refused, harmful) = run(77, 1_000_000);
    assert!(harmful > 30_000, "{harmful} harmful, {refused} refused");
}

#[test]
fn a_drop_without_a_lease_is_refused() {
    let mut ruleset = compile(&policy(&mut Chance(3)), Scope::Policy, &[], 1);
    ruleset.chains.get_mut(FORWARD).unwrap().push(KernelRule::new(vec![], Verdict::Drop));
    assert!(matches!(verify(&ruleset, &[]), Err(Refusal::NoLease { chain: FORWARD, .. })));
}

#[test]
fn chains_in_a_circle_are_refused() {
    let policy = policy(&mut Chance(4));
    let mut ruleset = compile(&policy, Scope::Policy, &[], 1);
    let jump = KernelRule::new(vec![], Verdict::Jump(PROTECTED));
    ruleset.chains.insert(PROTECTED, vec![jump]);
    assert_eq!(verify(&ruleset, &policy.protected), Err(Refusal::TooDeep));
}
