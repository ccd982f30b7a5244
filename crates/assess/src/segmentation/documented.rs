//! Rules for what makers document and nobody has seen: so that service and rare work are not cut.

use std::collections::BTreeSet;

use wardline_model::{
    Category, DocumentedPeer, DocumentedUse, Label, PortRange, Rule, RuleEvidence, Standing, has_ports,
};

use super::Proposal;

impl Proposal {
    /// Adds what no rule covers yet. Tells what leads to nobody.
    pub(super) fn add_documented(
        &mut self,
        documented: &[(Label, DocumentedUse)],
        clinical: &BTreeSet<Label>,
        rules: &mut Vec<Rule>,
    ) -> Vec<String> {
        let mut unplaced = Vec::new();
        // What was learned says with whom such devices work; what is added here does not.
        let seen = rules.len();
        for (own, one) in documented {
            let peers = self.peers(own, one, rules.get(..seen).unwrap_or_default());
            if peers.is_empty() {
                unplaced.push(format!("{own}: {:?} ({})", one.peer, one.source));
            }
            for peer in peers {
                let (from, to) = if one.begins { (own.clone(), peer) } else { (peer, own.clone()) };
                let left: Vec<PortRange> = one
                    .ports
                    .iter()
                    .copied()
                    .filter(|range| !is_covered(rules, &from, &to, one, *range))
                    .collect();
                if left.is_empty() {
                    continue;
                }
                rules.push(Rule {
                    care_essential: clinical.contains(&from) && clinical.contains(&to),
                    from,
                    to,
                    transport: one.transport,
                    ports: left,
                    application: None,
                    standing: Standing::Documented,
                    evidence: RuleEvidence {
                        rarity: 1.0,
                        source: Some(one.source.to_string()),
                        ..RuleEvidence::default()
                    },
                });
            }
        }
        unplaced
    }

    /// Groups that a documented peer is.
    fn peers(&mut self, own: &Label, one: &DocumentedUse, seen: &[Rule]) -> BTreeSet<Label> {
        let of_category = |wanted: Category| -> BTreeSet<Label> {
            let groups = self.policy.groups.iter().filter(|group| group.category == wanted);
            groups.map(|group| group.name.clone()).collect()
        };
        match &one.peer {
            DocumentedPeer::SameKind => {
                let category = self.policy.groups.iter().find(|group| group.name == *own);
                category.map(|group| of_category(group.category)).unwrap_or_default()
            }
            DocumentedPeer::Category(category) => of_category(*category),
            DocumentedPeer::Name(name) => {
                self.group_of_name.get(&name.as_str().to_lowercase()).cloned().into_iter().collect()
            }
            DocumentedPeer::Network(network) => {
                let inside =
                    self.policy.members.iter().filter(|member| {
                        network.contains(&member.address) || member.address.contains(network)
                    });
                let inside: BTreeSet<Label> = inside.map(|member| member.group.clone()).collect();
                if inside.is_empty() {
                    return BTreeSet::from([self.outside_network(*network, "documented, no device here")]);
                }
                inside
            }
            DocumentedPeer::Server => {
                let servers = |name: &Label| {
                    let group = self.policy.groups.iter().find(|group| group.name == *name);
                    group.is_some_and(|group| serves(group.category))
                };
                partners(own, seen).into_iter().filter(servers).collect()
            }
            DocumentedPeer::Local => partners(own, seen)
                .into_iter()
                .filter(|name| !name.as_str().starts_with("outside/"))
                .collect(),
        }
    }
}

/// Whether devices of a category are what others work with, rather than somebody's own.
const fn serves(category: Category) -> bool {
    matches!(
        category,
        Category::Server
            | Category::IntegrationEngine
            | Category::Ehr
            | Category::Pacs
            | Category::TelemetryGateway
            | Category::MedicationCabinet
    )
}

/// Groups that were seen talking with one.
fn partners(own: &Label, seen: &[Rule]) -> BTreeSet<Label> {
    let with = |rule: &Rule| {
        if rule.from == *own {
            Some(rule.to.clone())
        } else if rule.to == *own {
            Some(rule.from.clone())
        } else {
            None
        }
    };
    seen.iter().filter(|rule| rule.standing != Standing::Documented).filter_map(with).collect()
}

fn is_covered(rules: &[Rule], from: &Label, to: &Label, one: &DocumentedUse, range: PortRange) -> bool {
    rules.iter().filter(|rule| rule.from == *from && rule.to == *to && rule.transport == one.transport).any(
        |rule| {
            let covers = |wider: &PortRange| wider.first <= range.first && range.last <= wider.last;
            !has_ports(rule.transport) || rule.ports.iter().any(covers)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::{Conversation, propose};
    use super::*;
    use wardline_model::{Criticality, Device, DeviceId, Documented, Policy, Timestamp, Transport};

    fn device(number: u8, category: Category, vendor: &str) -> Device {
        Device {
            id: DeviceId::from(IpAddr::from([10, 0, 0, number])),
            macs: vec![],
            ips: vec![IpAddr::from([10, 0, 0, number])],
            hostnames: vec![Label::new(&format!("host{number}.hospital.example"))],
            vendor: Some(Label::new(vendor)),
            model: None,
            category,
            os: None,
            firmware: None,
            serial: None,
            protocols: Default::default(),
            role: vec![],
            zone: None,
            criticality: category.is_medical().then_some(Criticality::Therapy),
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            confidence: 1.0,
            evidence: vec![],
            mismatches: Vec::new(),
        }
    }

    fn policy(peers: &[(bool, DocumentedPeer, u16)]) -> (Policy, Vec<String>) {
        let devices = [
            device(1, Category::InfusionPump, "Corvin Medical"),
            device(2, Category::Ehr, "Folio"),
            device(3, Category::Printer, "Inkwell"),
        ];
        let learned = Conversation {
            addresses: [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])],
            devices: [None, None],
            transport: Transport::TCP,
            port: 2_575,
            application: None,
            start: Timestamp::from_seconds(1_000),
            answered: true,
            flows: 1,
        };
        let one = |(begins, peer, port): &(bool, DocumentedPeer, u16)| DocumentedUse {
            begins: *begins,
            peer: peer.clone(),
            transport: Transport::TCP,
            ports: vec![PortRange::one(*port)],
            source: Label::new("manual, 4.2"),
        };
        let documented = Documented {
            vendor: Some(Label::new("corvin")),
            model: None,
            category: None,
            uses: peers.iter().map(one).collect(),
        };
        let mut proposal = Proposal::new(Label::new("p"), &devices);
        proposal.learn(&learned);
        proposal.document(&[documented], &devices);
        let learned_only = propose(Label::new("p"), &devices, [&learned]);
        let (policy, unplaced) = proposal.complete();
        policy.check().unwrap();
        assert_eq!(policy.rules[..1], learned_only.rules[..]);
        (policy, unplaced)
    }

    #[test]
    fn what_is_documented_and_unseen_becomes_a_rule_that_says_so() {
        let (policy, unplaced) = policy(&[
            (true, DocumentedPeer::Server, 443),
            (false, DocumentedPeer::Name("host3.hospital.example".into()), 22),
            (true, DocumentedPeer::Network("192.0.2.7/32".parse().unwrap()), 8_443),
            (true, DocumentedPeer::Name("update.corvin.example".into()), 443),
            // Seen already.
            (true, DocumentedPeer::Category(Category::Ehr), 2_575),
        ]);
        let said: Vec<_> = policy.rules[1..]
            .iter()
            .map(|rule| (rule.from.as_str(), rule.to.as_str(), rule.ports[0].first))
            .collect();
        let pump = "therapy/infusion-pump";
        assert_eq!(
            said,
            [
                (pump, "clinical-systems/ehr", 443),
                ("office/printer", pump, 22),
                (pump, "outside/services", 8_443)
            ]
        );
        for rule in &policy.rules[1..] {
            assert_eq!(rule.standing, Standing::Documented);
            assert_eq!((rule.evidence.flows, rule.evidence.source.as_deref()), (0, Some("manual, 4.2")));
        }
        assert_eq!(unplaced.len(), 1);
        assert!(unplaced[0].contains("update.corvin.example"), "{unplaced:?}");
    }

    #[test]
    fn a_document_about_other_devices_changes_nothing() {
        let printer = device(3, Category::Printer, "Inkwell");
        let about = |vendor: Option<&str>, category| {
            let vendor = vendor.map(Label::new);
            Documented { vendor, model: None, category, uses: Vec::new() }.is_about(&printer)
        };
        assert!(about(Some("INKWELL"), None) && about(None, Some(Category::Printer)));
        assert!(!about(Some("Inkwell"), Some(Category::Camera)) && !about(None, None));
    }
}
