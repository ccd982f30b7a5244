//! Bluetooth devices whose links lose their protection, and clones of them: MITRE ATT&CK T1557, T1040, T0860, T0856.
//!
//! Only devices with a lasting address can be known again. What a device does in every connection is its habit; told is
//! what changes: readings that were encrypted and are readable now, a pairing weaker than the one before, and two devices
//! that say of themselves different things under one address.

use wardline_model::fact::{IdentityFact, IdentitySubject, RadioLinkEvent};
use wardline_model::{Attack, Fact, Label, Observation, Protocol, Severity, Timestamp};

use super::recent::Recent;
use super::{Alarm, Detector, Episodes, World};
use crate::inventory::DeviceKey;
use crate::limits::SENDERS_MAX;

/// Encrypted connections after which encryption is what a device is used to.
const ENCRYPTED_MIN: u32 = 2;

/// What is known of one device on the air.
#[derive(Clone, Debug, Default)]
struct Peripheral {
    encrypted: bool,
    encrypted_links: u32,
    /// Something that should be protected could be read in a connection that was not suspicious.
    readable: bool,
    paired_soundly: Option<Timestamp>,
    /// What it says of itself: serial number, identifier, maker, model, name.
    said: [Option<Label>; 5],
    /// Which of them contradicted what was said before.
    contradicted: [bool; 5],
}

/// Links over a radio.
pub(super) struct RadioLinks {
    peripherals: Recent<DeviceKey, Peripheral>,
}

impl Default for RadioLinks {
    fn default() -> Self {
        Self { peripherals: Recent::new(SENDERS_MAX) }
    }
}

/// What an alarm of this file says.
struct Told {
    attack: Attack,
    detector: &'static str,
    severity: Severity,
    confidence: f32,
    field: &'static str,
    value: String,
    summary: String,
    silent_if: &'static str,
    /// The device is the sender.
    by_device: bool,
}

impl Detector for RadioLinks {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let told = match &observation.fact {
            Fact::RadioLink(link) => self.link(observation, link.event, world),
            Fact::PatientData(data) if data.protocol == Protocol::Ble => {
                self.readable(observation, true, Severity::Medium, world)
            }
            Fact::Control(control)
                if control.protocol == Protocol::Ble
                    && !control.authenticated
                    && control.operation.changes() =>
            {
                self.readable(observation, false, Severity::High, world)
            }
            Fact::Identity(identity)
                if identity.protocol == Protocol::Ble && identity.subject == IdentitySubject::Sender =>
            {
                self.identity(observation, identity, world)
            }
            _ => None,
        };
        if let Some(told) = told.filter(|_| !world.learning) {
            raise(observation, told, world, episodes);
        }
    }
}

fn raise(observation: &Observation, told: Told, world: &World<'_>, episodes: &mut Episodes) {
    let (device, other) =
        if told.by_device { (observation.from, observation.to) } else { (observation.to, observation.from) };
    let key = world.inventory.key_of(&device).map(|key| key.id().to_string()).unwrap_or_default();
    let other = Some(other).filter(|other| other.mac.is_some() || other.radio.is_some());
    episodes.raise(
        Alarm {
            techniques: match told.attack {
                Attack::Physical => &["T0856", "T0860"],
                _ => &["T1557", "T1040", "T0860"],
            },
            severity: told.severity,
            confidence: told.confidence,
            device: Some(device),
            source: other,
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, Protocol::Ble, told.field, &told.value)],
            silent_if: told.silent_if.to_owned(),
            ..Alarm::about(told.attack, told.detector, key, observation)
        },
        world.inventory,
    );
}

impl RadioLinks {
    fn link(&mut self, observation: &Observation, event: RadioLinkEvent, world: &World<'_>) -> Option<Told> {
        let time = observation.sighting.time;
        let peripheral = self.peripherals.at(world.inventory.key_of(&observation.to)?, time);
        match event {
            RadioLinkEvent::Connected { .. } | RadioLinkEvent::Ended => peripheral.encrypted = false,
            RadioLinkEvent::Encrypted => {
                peripheral.encrypted = true;
                peripheral.encrypted_links = peripheral.encrypted_links.saturating_add(1);
            }
            RadioLinkEvent::Paired { sound: true } => peripheral.paired_soundly = Some(time),
            RadioLinkEvent::Paired { sound: false } if peripheral.paired_soundly.is_some() => {
                return Some(Told {
                    attack: Attack::PassiveGathering,
                    detector: "pairing-weakened",
                    severity: Severity::Medium,
                    confidence: 0.7,
                    field: "btsmp.authreq",
                    value: "paired without a number to compare, or with a key that can be found".to_owned(),
                    summary: "A device that was paired soundly before was paired weakly now: whoever stood between the two knows the key.".to_owned(),
                    silent_if: "the device had never been paired soundly, or was paired so again",
                    by_device: false,
                });
            }
            RadioLinkEvent::Paired { sound: false } => {}
        }
        None
    }

    /// What should be protected was readable.
    fn readable(
        &mut self,
        observation: &Observation,
        by_device: bool,
        severity: Severity,
        world: &World<'_>,
    ) -> Option<Told> {
        let device = if by_device { &observation.from } else { &observation.to };
        let peripheral = self.peripherals.at(world.inventory.key_of(device)?, observation.sighting.time);
        if peripheral.encrypted_links < ENCRYPTED_MIN || peripheral.readable || peripheral.encrypted {
            peripheral.readable |= !peripheral.encrypted;
            return None;
        }
        Some(Told {
            attack: Attack::PassiveGathering,
            detector: "encryption-given-up",
            severity,
            confidence: 0.75,
            field: "btle.control_opcode",
            value: "no LL_START_ENC_REQ in this connection".to_owned(),
            summary: format!(
                "{} in the clear, while {} earlier connections of the device were encrypted.",
                if by_device { "Readings went over the air" } else { "An order was given over the air" },
                peripheral.encrypted_links
            ),
            silent_if: "the connection had been encrypted, or the device had sent as much in the clear before",
            by_device,
        })
    }

    fn identity(
        &mut self,
        observation: &Observation,
        identity: &IdentityFact,
        world: &World<'_>,
    ) -> Option<Told> {
        let key = world.inventory.key_of(&observation.from)?;
        let peripheral = self.peripherals.at(key, observation.sighting.time);
        let device = &identity.device;
        let says = [&device.serial, &device.identifier, &device.manufacturer, &device.model, &identity.name];
        let mut new = None;
        let states = peripheral.said.iter_mut().zip(&mut peripheral.contradicted);
        for (said, (known, contradicted)) in says.into_iter().zip(states) {
            match (said, known) {
                (Some(said), Some(known)) if said != known => {
                    *contradicted = true;
                    new = Some(format!("{known}, and then {said}"));
                }
                (Some(said), known @ None) => *known = Some(said.clone()),
                _ => {}
            }
        }
        let (value, [serial, others @ ..]) = (new?, peripheral.contradicted);
        let others = others.into_iter().filter(|other| *other).count();
        // A name alone may change, as when a device waits for an update.
        if !serial && others < 2 {
            return None;
        }
        Some(Told {
            attack: Attack::Physical,
            detector: "one-radio-address-two-devices",
            severity: if serial { Severity::High } else { Severity::Medium },
            confidence: if serial { 0.85 } else { 0.65 },
            field: "Device Information Service, advertising data",
            value,
            summary: "Two devices use one radio address: they say different things of themselves. One of them is a copy."
                .to_owned(),
            silent_if: "all had told the same serial number, and no more than one of identifier, maker, model and name had changed",
            by_device: true,
        })
    }
}
