//! Every rendering against the policy itself: an independent reader of the text gives the same verdict on random conversations
//! of random policies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod aruba;
mod cisco;
mod dacl;
mod fortios;
mod kubernetes;
mod mud;
mod nftables;
mod paloalto;
mod policies;
mod validators;

use policies::{Packet, policy, receiver, sender, transport};
use proptest::prelude::*;
use wardline_exports::policy as rendered;
use wardline_exports::policy::{RenderError, Rendered};
use wardline_model::{Judge, Party, Policy, Transport};

/// A policy with only those protected conversations that a back end has words for; with the others it must refuse.
fn sayable(
    policy: &Policy,
    render: impl Fn(&Policy) -> Result<Rendered, RenderError>,
    says: impl Fn(Transport) -> bool,
) -> (Policy, Result<Rendered, RenderError>) {
    let mut sayable = policy.clone();
    sayable.protected.retain(|one| says(one.transport));
    if sayable.protected.len() < policy.protected.len() {
        assert!(matches!(render(policy), Err(RenderError::Protected { .. })));
    }
    let rendered = render(&sayable);
    (sayable, rendered)
}

/// Compares what a back end says of a conversation with what the policy says; rules that it has no words for deny.
fn agrees(
    policy: &Policy,
    says: impl Fn(Transport) -> bool,
    accepts: impl Fn(Packet) -> bool,
    conversations: &[(std::net::IpAddr, std::net::IpAddr, Transport, u16)],
) -> Result<(), TestCaseError> {
    let mut said = policy.clone();
    said.rules.retain(|rule| says(rule.transport));
    let judge = Judge::new(&said);
    let party = |ip| Party { ip: Some(ip), device: None };
    for (from, to, transport, port) in conversations.iter().copied() {
        // Nor does ICMP of one family run over the other.
        let foreign =
            matches!((transport, from.is_ipv4()), (Transport::ICMP, false) | (Transport::ICMP6, true));
        if from.is_ipv4() != to.is_ipv4() || foreign {
            continue;
        }
        let verdict = judge.verdict(party(from), party(to), transport, port);
        let packet = Packet { from, to, transport: transport.0, port };
        prop_assert_eq!(accepts(packet), verdict.passes(), "{:?}: {:?}", packet, verdict);
    }
    Ok(())
}

proptest! {
    // 768 policies with 400 conversations each, of which some four in ten are of one family: 10^5 verdicts each.
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn what_cannot_say_everything_says_the_rest_as_the_policy_does(
        policy in policy(),
        conversations in prop::collection::vec((sender(), receiver(), transport(), 0..48_u16), 400),
    ) {
        let says = |transport| transport != Transport::SCTP;
        let (own, rendered) = sayable(&policy, rendered::aruba, says);
        let aruba = aruba::Configuration::read(&rendered.unwrap().text);
        agrees(&own, says, |packet| aruba.accepts(packet), &conversations)?;

        let says = |transport| transport != Transport(47);
        let (own, rendered) = sayable(&policy, rendered::dacl, says);
        let dacl = dacl::Lists::read(&rendered.unwrap().text, &own);
        agrees(&own, says, |packet| dacl.accepts(packet), &conversations)?;

        let says = wardline_model::has_ports;
        let (own, rendered) = sayable(&policy, rendered::kubernetes, says);
        let cluster = kubernetes::Cluster::read(&rendered.unwrap().text, &own);
        let usable: Vec<_> = conversations.iter().copied().filter(|(.., port)| *port > 0).collect();
        agrees(&own, says, |packet| cluster.accepts(packet), &usable)?;

        let says = |transport| !matches!(transport, Transport::SCTP | Transport(47));
        let of_first = |policy: &Policy| rendered::mud(policy, &policy.groups[0].name, "https://mud.example/0");
        let (own, _) = sayable(&policy, of_first, says);
        let mud_of = |group: &wardline_model::Group| {
            rendered::mud(&own, &group.name, "https://mud.example/0").unwrap().text
        };
        let texts: Vec<String> = own.groups.iter().map(mud_of).collect();
        let manager = mud::Manager::read(&texts, &own);
        agrees(&own, says, |packet| manager.accepts(packet), &conversations)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // 512 policies with 400 conversations each, half of them within one family: 10^5 verdicts.
    #[test]
    fn every_text_says_what_the_policy_says(
        policy in policy(),
        conversations in prop::collection::vec((sender(), receiver(), transport(), 0..48_u16), 400),
    ) {
        policy.check().unwrap();
        let judge = Judge::new(&policy);
        let nftables = nftables::Ruleset::read(&rendered::nftables(&policy));
        let cisco = cisco::Configuration::read(&rendered::cisco(&policy));
        let paloalto = paloalto::Configuration::read(&rendered::paloalto(&policy));
        let fortios = fortios::Configuration::read(&rendered::fortios(&policy));
        let party = |ip| Party { ip: Some(ip), device: None };
        for (from, to, transport, port) in conversations {
            // No packet has a sender of one family and a receiver of the other.
            if from.is_ipv4() != to.is_ipv4() {
                continue;
            }
            let expected = judge.verdict(party(from), party(to), transport, port);
            let packet = Packet { from, to, transport: transport.0, port };
            let said = [
                nftables.accepts(packet),
                cisco.accepts(packet),
                paloalto.accepts(packet),
                fortios.accepts(packet),
            ];
            prop_assert_eq!(said, [expected.passes(); 4], "{:?}: {:?}", packet, expected);
        }
    }
}
