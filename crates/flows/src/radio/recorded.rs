//! What software that we did not write says over Bluetooth: `recorded/README.md`.

use wardline_model::fact::{IdentityFact, RadioLinkEvent};
use wardline_model::{Fact, Label};

use super::tests::told;

/// The frames of a capture in libpcap's format, least significant byte first.
fn frames(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &capture[24..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        frames.push(rest[16..16 + length].to_vec());
        rest = &rest[16 + length..];
    }
    frames
}

#[test]
fn a_belt_of_bumble_is_known_by_what_it_advertises_and_answers() {
    let (observations, counters) = told(201, &frames(include_bytes!("recorded/bumble.pcap")));
    let identities: Vec<&IdentityFact> = observations
        .iter()
        .filter_map(|seen| if let Fact::Identity(told) = &seen.fact { Some(&**told) } else { None })
        .collect();
    assert!(identities.iter().any(|told| told.name == Some(Label::new("Belt-7"))));
    let attributes: Vec<_> = identities
        .iter()
        .flat_map(|told| told.attributes.iter())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for attribute in [
        ("address type", "random static"),
        ("company", "0x0059"),
        ("appearance", "Heart Rate Sensor (0x0341)"),
        ("service", "Heart Rate (0x180d)"),
        ("hardware revision", "A"),
        ("software revision", "4.5"),
    ] {
        assert!(attributes.contains(&attribute), "{attribute:?} is not in {attributes:?}");
    }
    let said = |part: fn(&IdentityFact) -> Option<&Label>| {
        identities.iter().copied().find_map(part).map(Label::as_str)
    };
    assert_eq!(said(|told| told.device.manufacturer.as_ref()), Some("Invented"));
    assert_eq!(said(|told| told.device.model.as_ref()), Some("HB-1"));
    assert_eq!(said(|told| told.device.serial.as_ref()), Some("SN-0047"));
    assert_eq!(said(|told| told.device.firmware.as_ref()), Some("1.2.3"));
    let rates: Vec<_> = observations
        .iter()
        .filter_map(|seen| if let Fact::Measurement(told) = &seen.fact { Some(told.value) } else { None })
        .collect();
    assert_eq!(rates, [72.0, 73.0, 74.0]);
    let connected = observations.iter().any(|seen| {
        matches!(&seen.fact, Fact::RadioLink(link) if matches!(link.event, RadioLinkEvent::Connected { .. }))
    });
    assert!(connected);
    assert!(counters.undecoded().is_empty());
}
