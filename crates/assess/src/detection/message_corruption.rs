//! A message is altered on its way: MITRE ATT&CK T0830, T0832, T0836, T1565.002.
//!
//! What cannot be explained by an honest network: bytes sent twice with different content, one message identifier
//! with two contents, a unit that does not belong to its code, a program where a result should be, a reset that
//! the peer did not send.

use std::net::IpAddr;

use wardline_model::fact::{
    AmbiguousStream, DicomFact, Hl7Fact, Hl7Observation, Hl7Value, IntegrityFact, IntegrityFault, TcpEvent,
};
use wardline_model::{
    Attack, Fact, Label, MacAddress, Observation, Protocol, Pseudonym, Severity, Timestamp,
};

use super::recent::{Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::{CONVERSATIONS_WATCHED_MAX, MESSAGES_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// Fewer bytes than this are sent twice by keep-alive probes and zero-window probes.
const OVERLAP_BYTES_MIN: u32 = 4;
/// Times that the conversations of two stations must contradict themselves before it is no broken stack; devices that
/// report once a minute over a new connection each time have one in each.
const OVERLAPS_MIN: usize = 2;
const OVERLAPS_TOGETHER: i64 = 300 * SECOND;
/// How long a message identifier names one message.
const IDENTIFIER_HOLDS: i64 = 600 * SECOND;
/// Messages with identifiers of their own after which a sender is known to number its messages.
const NUMBERED_MIN: u32 = 5;
/// Values with one unit after which a code's unit is known.
const UNIT_KNOWN_MIN: u32 = 5;
/// Resets that did not come from the peer, within a minute.
const FOREIGN_RESETS_MIN: usize = 3;
/// A time to live that differs by less than this may have taken another route.
const FOREIGN_HOPS_MIN: u16 = 3;

#[derive(Default)]
struct Message {
    content: Option<Pseudonym>,
    mac: Option<MacAddress>,
    time: Timestamp,
}

#[derive(Default)]
struct Sender {
    numbered: u32,
    reused: u32,
}

#[derive(Default)]
struct Unit {
    unit: Option<Label>,
    same: u32,
    other: u32,
}

/// Messages that were altered.
pub(super) struct AlteredMessage {
    overlaps: Recent<(IpAddr, IpAddr), Window>,
    messages: Recent<(IpAddr, IpAddr, Pseudonym), Message>,
    senders: Recent<(IpAddr, IpAddr), Sender>,
    units: Recent<(IpAddr, Label), Unit>,
    resets: Recent<IpAddr, Window>,
}

impl Default for AlteredMessage {
    fn default() -> Self {
        Self {
            overlaps: Recent::new(CONVERSATIONS_WATCHED_MAX),
            messages: Recent::within(MESSAGES_MAX, IDENTIFIER_HOLDS),
            senders: Recent::new(SENDERS_MAX),
            units: Recent::new(SENDERS_MAX),
            resets: Recent::new(SENDERS_MAX),
        }
    }
}

impl Detector for AlteredMessage {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Ambiguous(stream) => self.overlap(observation, stream, world, episodes),
            Fact::Tcp(TcpEvent::Reset(step)) => self.reset(observation, *step, world, episodes),
            Fact::Hl7(hl7) => self.hl7(observation, hl7, world, episodes),
            Fact::Integrity(told) => integrity(observation, told, world, episodes),
            Fact::Dicom(dicom) => {
                if let DicomFact::Dataset(dataset) = dicom.as_ref()
                    && dataset.executable
                {
                    executable(observation, Protocol::Dicom, "data element", world, episodes);
                }
            }
            _ => {}
        }
    }
}

/// What all alarms of this file have in common.
struct Told {
    detector: &'static str,
    key: String,
    severity: Severity,
    confidence: f32,
    protocol: Protocol,
    field: &'static str,
    value: String,
    summary: String,
    silent_if: &'static str,
    started: Timestamp,
}

fn raise(observation: &Observation, told: Told, world: &World<'_>, episodes: &mut Episodes) {
    if world.learning {
        return;
    }
    episodes.raise(
        Alarm {
            attack: Attack::MessageCorruption,
            detector: told.detector,
            key: told.key,
            techniques: &["T0830", "T0832", "T0836", "T1565.002"],
            severity: told.severity,
            confidence: told.confidence,
            device: Some(observation.from),
            source: None,
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, told.protocol, told.field, &told.value)],
            started: told.started,
            time: observation.sighting.time,
            silent_if: told.silent_if.to_owned(),
        },
        world.inventory,
    );
}

fn inside(from: IpAddr, to: IpAddr) -> bool {
    crate::inventory::is_internal(from) && crate::inventory::is_internal(to)
}

fn executable(
    observation: &Observation,
    protocol: Protocol,
    field: &'static str,
    world: &World<'_>,
    episodes: &mut Episodes,
) {
    let from = observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let told = Told {
        detector: "program-in-message",
        key: format!("{from} {protocol}"),
        severity: Severity::High,
        confidence: 0.85,
        protocol,
        field,
        value: "begins like a program".to_owned(),
        summary: format!(
            "A {protocol} message of {from} carries a program where a result or picture should be."
        ),
        silent_if: "the embedded data had not begun with the signature of an executable file",
        started: observation.sighting.time,
    };
    raise(observation, told, world, episodes);
}

/// A message that its own checksum or number convicts, and that its receiver took. Noise on a serial line bends a frame as
/// well, but then the receiver refuses it and gets it again.
fn integrity(observation: &Observation, told: &IntegrityFact, world: &World<'_>, episodes: &mut Episodes) {
    let (severity, confidence) = match told.fault {
        IntegrityFault::Altered if told.accepted => (Severity::High, 0.7),
        IntegrityFault::Checksum if told.accepted => (Severity::Medium, 0.6),
        _ => return,
    };
    let from = observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let told = Told {
        detector: "bent-frame",
        key: format!("{from} {}", told.protocol),
        severity,
        confidence,
        protocol: told.protocol,
        field: told.fault.name(),
        value: told.place.to_string(),
        summary: format!(
            "The receiver took a {} message of {from} that does not hold what was sent ({}).",
            told.protocol,
            told.fault.name()
        ),
        silent_if: "the checksum had been that of the message, its number had come with one content only, or the receiver had refused it",
        started: observation.sighting.time,
    };
    raise(observation, told, world, episodes);
}

impl AlteredMessage {
    fn overlap(
        &mut self,
        observation: &Observation,
        stream: &AmbiguousStream,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        if stream.length < OVERLAP_BYTES_MIN {
            return;
        }
        let time = observation.sighting.time;
        let window = self.overlaps.at((from, to), time);
        let count = window.add(time, OVERLAPS_TOGETHER);
        let foreign = stream.time_to_live_step.unsigned_abs() >= FOREIGN_HOPS_MIN;
        let medical = world.is_medical(&observation.from) || world.is_medical(&observation.to);
        // One contradiction may be a broken stack; several, one that came another way, or one while somebody is known to
        // stand in between, is somebody.
        let in_the_way = episodes.is_intercepted(observation, time) && inside(from, to);
        let severity = match (foreign || in_the_way, count >= OVERLAPS_MIN) {
            (true, _) if medical => Severity::Critical,
            (true, _) => Severity::High,
            (false, true) => Severity::Medium,
            (false, false) => Severity::Low,
        };
        let started = window.first().unwrap_or(time);
        let told = Told {
            detector: "contradicting-bytes",
            key: format!("{from} {to}"),
            severity,
            confidence: if foreign { 0.9 } else { 0.6 },
            protocol: Protocol::Tcp,
            field: "tcp.segment.overlap.conflict",
            value: format!("{} bytes at {}", stream.length, stream.offset),
            summary: format!(
                "Bytes from {from} to {to} were sent twice with different content{}: nobody can know which of the two was taken.",
                if foreign { ", the later copy over another way" } else { "" }
            ),
            silent_if: "both copies of the bytes had been equal",
            started,
        };
        raise(observation, told, world, episodes);
    }

    /// Resets whose time to live is not the peer's: a third station ends conversations.
    fn reset(&mut self, observation: &Observation, step: i16, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        // Load balancers and firewalls on the way to the internet end conversations in the name of the peer.
        if step.unsigned_abs() < FOREIGN_HOPS_MIN || !inside(from, to) {
            return;
        }
        let time = observation.sighting.time;
        let window = self.resets.at(from, time);
        let count = window.add(time, 60 * SECOND);
        let medical = world.is_medical(&observation.from) || world.is_medical(&observation.to);
        let started = window.first().unwrap_or(time);
        if count < FOREIGN_RESETS_MIN {
            return;
        }
        let told = Told {
            detector: "foreign-reset",
            key: from.to_string(),
            severity: if medical { Severity::High } else { Severity::Medium },
            confidence: 0.75,
            protocol: Protocol::Tcp,
            field: "ip.ttl of RST",
            value: format!("{step:+} against earlier packets"),
            summary: format!(
                "Somebody else ends conversations in the name of {from}: {count} resets within a minute came another way."
            ),
            silent_if: "the resets had had the time to live of the sender's other packets",
            started,
        };
        raise(observation, told, world, episodes);
    }

    fn hl7(&mut self, observation: &Observation, hl7: &Hl7Fact, world: &World<'_>, episodes: &mut Episodes) {
        if hl7.acknowledgment.is_some() {
            return;
        }
        for value in &hl7.observations {
            if matches!(value.value, Hl7Value::Executable(_)) {
                executable(observation, Protocol::Hl7, "OBX-5", world, episodes);
            }
            self.unit(observation, value, world, episodes);
        }
        self.identifier(observation, hl7, world, episodes);
    }

    /// One identifier, two contents, between the same two ends.
    fn identifier(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let (Some(control), Some(content)) = (hl7.control, hl7.content) else { return };
        let time = observation.sighting.time;
        let message = self.messages.at((from, to, control), time);
        let sender = self.senders.at((from, to), time);
        let before =
            std::mem::replace(message, Message { content: Some(content), mac: observation.from.mac, time });
        if before.content.is_none() {
            sender.numbered = sender.numbered.saturating_add(1);
            return;
        }
        if before.content == Some(content) || time.nanoseconds_since(before.time) > IDENTIFIER_HOLDS {
            return;
        }
        sender.reused = sender.reused.saturating_add(1);
        let other_way = before.mac.is_some() && before.mac != observation.from.mac;
        // A sender that does not number its messages proves nothing, unless both copies came at once by two ways.
        let numbers = sender.numbered >= NUMBERED_MIN && sender.reused.saturating_mul(4) < sender.numbered;
        if !numbers && !other_way {
            return;
        }
        let told = Told {
            detector: "one-identifier-two-contents",
            key: format!("{from} {to}"),
            severity: if other_way { Severity::Critical } else { Severity::Medium },
            confidence: if other_way { 0.9 } else { 0.65 },
            protocol: Protocol::Hl7,
            field: "MSH-10",
            value: "the same, with other content".to_owned(),
            summary: format!(
                "A message from {from} to {to} was seen twice with one identifier and different content{}.",
                if other_way { ", from two link addresses: it was altered on its way" } else { "" }
            ),
            silent_if: "both messages had had the same content, or identifiers of their own",
            started: before.time,
        };
        raise(observation, told, world, episodes);
    }

    /// A code's unit does not change from one message to the next.
    fn unit(
        &mut self,
        observation: &Observation,
        value: &Hl7Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(unit)) = (observation.from.ip, value.unit.as_ref()) else { return };
        if !matches!(value.value, Hl7Value::Number(_)) || value.code.is_empty() {
            return;
        }
        let time = observation.sighting.time;
        let known = self.units.at((from, value.code.clone()), time);
        match &known.unit {
            Some(before) if before == unit => known.same = known.same.saturating_add(1),
            Some(_) if known.same >= UNIT_KNOWN_MIN => {
                known.other = known.other.saturating_add(1);
                // A site that changes its units, or uses two, is told once and then believed.
                if known.other > known.same {
                    *known = Unit { unit: Some(unit.clone()), same: 1, other: 0 };
                    return;
                }
                let before = known.unit.clone().unwrap_or_default();
                let told = Told {
                    detector: "unit-against-code",
                    key: format!("{from} {}", value.code),
                    severity: Severity::Medium,
                    confidence: 0.6,
                    protocol: Protocol::Hl7,
                    field: "OBX-6",
                    value: unit.as_str().to_owned(),
                    summary: format!(
                        "{from} sends {} in {unit}, after {} values in {before}.",
                        value.code, known.same
                    ),
                    silent_if: "the unit had been the one that this code always had",
                    started: time,
                };
                raise(observation, told, world, episodes);
            }
            _ => *known = Unit { unit: Some(unit.clone()), same: 1, other: 0 },
        }
    }
}
