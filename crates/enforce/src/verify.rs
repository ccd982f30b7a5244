//! The last judge before the kernel: refuses any ruleset that could drop a conversation that a life hangs on.
//!
//! It knows nothing of policies. It walks the rules as the kernel would, for every packet that a protected conversation could
//! have, and answers yes only where each of them is accepted before any rule that could drop it. Where it is not sure, it
//! refuses: rules that together would accept but none alone are refused too.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;
use wardline_model::{PortRange, ProtectedConversation, Transport, has_ports};

use crate::ruleset::{Condition, End, FORWARD, KernelRule, Ruleset, Verdict};

/// Jumps within jumps; the kernel allows 16.
const DEPTH_MAX: usize = 8;

/// Why a ruleset is not enforced.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A rule could drop what keeps a patient alive.
    #[error(
        "refused: rule {rule} of chain '{chain}' could drop the life-sustaining conversation {from} > {to} {transport}/{ports}"
    )]
    CouldDrop {
        /// Chain of the rule.
        chain: &'static str,
        /// Its place, from 1.
        rule: usize,
        /// Side that begins.
        from: IpAddr,
        /// Side that answers.
        to: IpAddr,
        /// IP protocol number.
        transport: Transport,
        /// Ports of the answering side.
        ports: PortRange,
    },
    /// A rule that would drop for ever.
    #[error("refused: rule {rule} of chain '{chain}' drops without a lease; it would outlive the keeper")]
    NoLease {
        /// Chain of the rule.
        chain: &'static str,
        /// Its place, from 1.
        rule: usize,
    },
    /// Chains call each other too deeply, or in a circle.
    #[error("refused: chains call each other more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// How a condition or rule relates to all packets of one direction of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Never,
    Perhaps,
    Always,
}

/// Packets of one direction of a protected conversation.
#[derive(Clone, Copy)]
struct Packets<'a> {
    conversation: &'a ProtectedConversation,
    /// `Destination` from the side that began: the protected port is the destination's.
    direction: End,
}

impl Packets<'_> {
    const fn address(&self, end: End) -> IpAddr {
        match (end, self.direction) {
            (End::Source, End::Destination) | (End::Destination, End::Source) => self.conversation.from,
            (End::Destination, End::Destination) | (End::Source, End::Source) => self.conversation.to,
        }
    }
}

/// Protected conversations of the ruleset by ends and transport.
type Index<'a> = BTreeMap<(IpAddr, IpAddr, u8), Vec<PortRange>>;

/// Verifies that no conversation of `declared` can be dropped, in either direction, and that every drop is a lease.
pub fn verify(ruleset: &Ruleset, declared: &[ProtectedConversation]) -> Result<(), Refusal> {
    for (chain, rules) in &ruleset.chains {
        for (place, rule) in rules.iter().enumerate() {
            if rule.verdict == Verdict::Drop && !rule.conditions.contains(&Condition::Leased) {
                return Err(Refusal::NoLease { chain, rule: place + 1 });
            }
        }
    }
    check_depth(ruleset)?;
    let mut index = Index::new();
    for one in &ruleset.protected {
        index.entry((one.from, one.to, one.transport.0)).or_default().push(one.ports);
    }
    let verifier = Verifier { ruleset, index };
    for conversation in declared {
        for direction in [End::Destination, End::Source] {
            verifier.walk(FORWARD, Packets { conversation, direction }, 0)?;
        }
    }
    Ok(())
}

/// Chains may call each other, but not in a circle.
fn check_depth(ruleset: &Ruleset) -> Result<(), Refusal> {
    let mut depths: BTreeMap<&str, usize> = ruleset.chains.keys().map(|name| (*name, 0)).collect();
    // The longest way down grows by one in each round; in a circle it grows for ever.
    for _ in 0..=DEPTH_MAX {
        let mut changed = false;
        for (chain, rules) in &ruleset.chains {
            let jumps = rules.iter().filter_map(|rule| match rule.verdict {
                Verdict::Jump(target) => depths.get(target).map(|depth| depth + 1),
                _ => None,
            });
            let deepest = jumps.max().unwrap_or_default();
            changed |= depths.insert(chain, deepest) != Some(deepest);
        }
        if !changed {
            return Ok(());
        }
    }
    Err(Refusal::TooDeep)
}

struct Verifier<'a> {
    ruleset: &'a Ruleset,
    index: Index<'a>,
}

impl Verifier<'_> {
    /// Whether all packets are accepted in this chain.
    fn walk(&self, chain: &'static str, packets: Packets<'_>, depth: usize) -> Result<bool, Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::TooDeep);
        }
        for (place, rule) in self.ruleset.chain(chain).iter().enumerate() {
            let matched = self.rule(rule, packets);
            if matched == Match::Never {
                continue;
            }
            match &rule.verdict {
                Verdict::Accept if matched == Match::Always => return Ok(true),
                Verdict::Accept | Verdict::Count | Verdict::Log(_) => {}
                Verdict::Jump(target) => {
                    let accepted = self.walk(target, packets, depth + 1)?;
                    if accepted && matched == Match::Always {
                        return Ok(true);
                    }
                }
                Verdict::Drop => {
                    let ProtectedConversation { from, to, transport, ports } = *packets.conversation;
                    let rule = place + 1;
                    return Err(Refusal::CouldDrop { chain, rule, from, to, transport, ports });
                }
            }
        }
        Ok(false)
    }

    fn rule(&self, rule: &KernelRule, packets: Packets<'_>) -> Match {
        rule.conditions.iter().map(|one| self.condition(one, packets)).min().unwrap_or(Match::Always)
    }

    fn condition(&self, condition: &Condition, packets: Packets<'_>) -> Match {
        match condition {
            // The lease may live or not, a conversation be new or not, a rate be reached or not.
            Condition::Leased | Condition::Established | Condition::Over(_) => Match::Perhaps,
            Condition::In(end, set) => {
                let address = packets.address(*end);
                let elements = self.ruleset.sets.get(set).into_iter().flatten();
                // An element with an end of its own is there today and gone tomorrow.
                elements
                    .filter(|element| element.address.contains(&address))
                    .map(|element| if element.timeout_s.is_some() { Match::Perhaps } else { Match::Always })
                    .max()
                    .unwrap_or(Match::Never)
            }
            Condition::Within(end, networks) => within(networks, packets.address(*end)),
            Condition::Service(transport, ports) => service(*transport, ports, packets),
            Condition::Protected(direction) => self.protected(*direction, packets),
        }
    }

    fn protected(&self, direction: End, packets: Packets<'_>) -> Match {
        let one = packets.conversation;
        // Asked the other way round it may match another declared conversation, never surely this one.
        if direction != packets.direction {
            return Match::Perhaps;
        }
        let Some(ranges) = self.index.get(&(one.from, one.to, one.transport.0)) else { return Match::Never };
        if !has_ports(one.transport) || covers(ranges, one.ports) { Match::Always } else { Match::Perhaps }
    }
}

fn within(networks: &[IpNet], address: IpAddr) -> Match {
    if networks.iter().any(|network| network.contains(&address)) { Match::Always } else { Match::Never }
}

fn service(transport: Transport, ports: &[PortRange], packets: Packets<'_>) -> Match {
    if transport != packets.conversation.transport {
        return Match::Never;
    }
    if ports.is_empty() || !has_ports(transport) {
        return Match::Always;
    }
    if packets.direction == End::Source {
        // The receiver's port is one that the side that began chose: any.
        return if covers(ports, PortRange::ALL) { Match::Always } else { Match::Perhaps };
    }
    let wanted = packets.conversation.ports;
    if covers(ports, wanted) {
        Match::Always
    } else if ports.iter().any(|range| range.first <= wanted.last && wanted.first <= range.last) {
        Match::Perhaps
    } else {
        Match::Never
    }
}

/// Whether one of the ranges covers all that is wanted.
fn covers(ranges: &[PortRange], wanted: PortRange) -> bool {
    ranges.iter().any(|range| range.first <= wanted.first && wanted.last <= range.last)
}
