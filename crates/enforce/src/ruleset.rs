//! Rules as values: what the verifier reads is what the kernel gets.
//!
//! A deliberately small part of what nftables can say: only what is here can be enforced, so the verifier can know all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::{PortRange, ProtectedConversation, Transport};

/// Name of the table; nothing outside it is ever touched.
pub const TABLE: &str = "wardline";
/// Chain that sees every forwarded packet.
pub const FORWARD: &str = "forward";
/// Chain of the conversations that nothing may cut.
pub const PROTECTED: &str = "protected";
/// Chain of the devices in quarantine.
pub const QUARANTINE: &str = "quarantine";
/// Chain of what the policy accepts.
pub const CONDUITS: &str = "conduits";

/// Which end of a packet is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Who sent it.
    Source,
    /// Who shall receive it.
    Destination,
}

/// One condition of a rule; all conditions of a rule must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Somebody renews the lease: without this, no rule may drop.
    Leased,
    /// The address of one end is in a named set.
    In(End, String),
    /// The address of one end is in one of these networks, of either family.
    Within(End, Vec<IpNet>),
    /// Transport and, where ports are not empty, port of the receiver.
    Service(Transport, Vec<PortRange>),
    /// The packet belongs to a conversation that was accepted before.
    Established,
    /// The packet belongs to a protected conversation, in the direction given: `Destination` from the side that began,
    /// `Source` its answers.
    Protected(End),
    /// More bytes per second than this, all packets of the rule together.
    Over(u32),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it pass; nothing else is asked.
    Accept,
    /// Stop it.
    Drop,
    /// Ask another chain, then go on here.
    Jump(&'static str),
    /// Count, then go on.
    Count,
    /// Write a line into the kernel log, at most ten in a second, then go on.
    Log(String),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRule {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// Then this is done.
    pub verdict: Verdict,
}

impl KernelRule {
    /// A rule.
    pub const fn new(conditions: Vec<Condition>, verdict: Verdict) -> Self {
        Self { conditions, verdict }
    }
}

/// An address in a set, perhaps for a time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    /// Address or network.
    pub address: IpNet,
    /// Seconds until the kernel forgets it by itself.
    pub timeout_s: Option<u64>,
}

/// Everything that the table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// Sets of addresses, both families under one name.
    pub sets: BTreeMap<String, BTreeSet<Element>>,
    /// What nothing may cut.
    pub protected: BTreeSet<ProtectedConversation>,
    /// Chains; `forward` is the one that the kernel asks.
    pub chains: BTreeMap<&'static str, Vec<KernelRule>>,
}

impl Ruleset {
    /// Rules of a chain, none where it is not there.
    pub fn chain(&self, name: &str) -> &[KernelRule] {
        self.chains.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a set holds an address.
    pub fn holds(&self, set: &str, address: IpAddr) -> bool {
        self.sets
            .get(set)
            .is_some_and(|elements| elements.iter().any(|element| element.address.contains(&address)))
    }
}
