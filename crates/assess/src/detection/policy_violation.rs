//! Conversations that the site's adopted policy forbids: would have been dropped, were it enforced.
//!
//! A dry run: nothing is stopped. One pair of addresses is one finding that grows.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wardline_model::{
    Attack, Fact, Judge, Observation, Party, Policy, Protocol, Severity, Station, TcpOutcome, Verdict,
};

use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::limits::VIOLATING_PAIRS_MAX;

/// Asks the policy about every conversation.
pub(super) struct PolicyViolation {
    judge: Judge,
    names: Vec<String>,
    pairs: BTreeSet<(IpAddr, IpAddr)>,
}

impl PolicyViolation {
    /// For a policy that [`Policy::check`] accepted.
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            judge: Judge::new(policy),
            names: policy.groups.iter().map(|group| group.name.to_string()).collect(),
            pairs: BTreeSet::new(),
        }
    }

    fn group(&self, party: Party<'_>) -> &str {
        let name = self.judge.group(party).and_then(|place| self.names.get(place));
        name.map_or("no group", String::as_str)
    }

    /// Beyond the limit, as in a scan with made-up senders, all further pairs are one finding.
    fn key(&mut self, from: IpAddr, to: IpAddr) -> String {
        if self.pairs.len() < VIOLATING_PAIRS_MAX {
            self.pairs.insert((from, to));
        }
        if self.pairs.contains(&(from, to)) { format!("{from} > {to}") } else { "further pairs".to_owned() }
    }
}

impl Detector for PolicyViolation {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Fact::ConversationEnded(conversation) = &observation.fact else { return };
        let (mut from, mut to) = (observation.from, observation.to);
        // Nobody saw who began a conversation that is older than the capture: services have the lower port.
        if conversation.tcp == Some(TcpOutcome::MidStream) && from.port < to.port {
            std::mem::swap(&mut from, &mut to);
        }
        let (Some(source), Some(target), Some(transport)) = (from.ip, to.ip, observation.transport) else {
            return;
        };
        if world.learning {
            return;
        }
        let ids = [from, to].map(|station: Station| world.inventory.key_of(&station).map(|key| key.id()));
        let party = |ip, side: usize| Party { ip: Some(ip), device: ids.get(side).and_then(Option::as_ref) };
        let (one, two) = (party(source, 0), party(target, 1));
        if self.judge.verdict(one, two, transport, to.port) != Verdict::Denied {
            return;
        }
        let (from_group, to_group) = (self.group(one).to_owned(), self.group(two).to_owned());
        let service = if wardline_model::has_ports(transport) {
            format!("{transport} port {}", to.port)
        } else {
            transport.to_string()
        };
        let evidence = world.names.evidence(
            observation,
            conversation.application.unwrap_or(if source.is_ipv4() {
                Protocol::Ipv4
            } else {
                Protocol::Ipv6
            }),
            "conversation",
            &format!("{source} > {target} {service}"),
        );
        let alarm = Alarm {
            attack: Attack::PolicyViolation,
            detector: "forbidden-conversation",
            key: self.key(source, target),
            techniques: &[],
            severity: Severity::Low,
            confidence: 1.0,
            device: Some(to),
            source: Some(from),
            summary: format!(
                "{source} ({from_group}) began a conversation with {target} ({to_group}), {service}, that the adopted policy would have dropped."
            ),
            evidence: vec![evidence],
            started: conversation.start,
            time: conversation.end,
            silent_if: format!(
                "The policy had a rule from {from_group} to {to_group} for {service}, or a protected conversation between the two."
            ),
        };
        episodes.raise(alarm, world.inventory);
    }
}
