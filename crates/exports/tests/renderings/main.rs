//! Every rendering against the policy itself: an independent reader of the text gives the same verdict on random conversations
//! of random policies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cisco;
mod fortios;
mod nftables;
mod paloalto;
mod policies;

use policies::{Packet, address, policy, transport};
use proptest::prelude::*;
use wardline_exports::policy as rendered;
use wardline_model::{Judge, Party};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // 512 policies with 400 conversations each, half of them within one family: 10^5 verdicts.
    #[test]
    fn every_text_says_what_the_policy_says(
        policy in policy(),
        conversations in prop::collection::vec((address(), address(), transport(), 0..48_u16), 400),
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
