//! Extra messages to the recipients: MITRE ATT&CK T0840, T0855, T0856, T0861.
//!
//! Who only watches lengths and times cannot be seen, and is measured as exposure. What can be seen is what is sent
//! to learn from the reaction, or to mislead: a message that was sent before and acknowledged, results that come
//! again under another number, messages that run back in time, a recipient that never was one, and more messages
//! than a device ever sent.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::net::IpAddr;

use wardline_model::fact::{Hl7Fact, Hl7Value, MqttFact};
use wardline_model::{Attack, Fact, MacAddress, Observation, Protocol, Pseudonym, Severity, Timestamp};

use super::recent::{Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::{MESSAGES_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// An acknowledgement comes within this time, or its message is sent again.
const ANSWERED_WITHIN: i64 = 600 * SECOND;
/// A message that was not acknowledged is sent again within this time.
const RESEND: i64 = 60 * SECOND;
/// Repetitions after which it is no slip of a queue.
const REPEATED_MIN: usize = 2;
/// Numbers of a message that say no time and still do not come again by chance.
const UNTIMED_NUMBERS_MIN: usize = 4;
/// Repetitions that are a backlog which is sent anew, in order.
const TOGETHER: i64 = 600 * SECOND;
/// How far a message may run back behind the newest of its sender, nanoseconds: clocks are set by hand in spring.
const BACK_IN_TIME: i64 = 120 * SECOND;
/// Old messages in a row after which it is the clock that was set.
const OLD_IN_A_ROW_MAX: u32 = 6;
/// Messages of one sender after which a rate is known, and by how much it must be exceeded.
const RATE_MINUTES_MIN: u32 = 5;
const RATE_TIMES: f64 = 4.0;
/// In an emergency a monitor reports every second.
const RATE_MIN: u32 = 90;
/// Messages to known recipients after which a new one is remarkable.
const SETTLED_MESSAGES: u32 = 10;
const SETTLED_FOR: i64 = 600 * SECOND;
/// Recipients remembered of one sender.
const RECIPIENTS_MAX: usize = 16;

#[derive(Clone, Debug, Default)]
struct Sent {
    last: Timestamp,
    acknowledged: bool,
    mac: Option<MacAddress>,
    port: u16,
    /// Who received it first.
    to: Option<IpAddr>,
    /// Who received it as well, which few messages have: whoever sends it next passes it on.
    #[expect(clippy::box_collection, reason = "there are very many messages, and most have none")]
    others: Option<Box<Vec<IpAddr>>>,
}

impl Sent {
    fn is_held_by(&self, ip: IpAddr) -> bool {
        self.to == Some(ip) || self.others.as_ref().is_some_and(|others| others.contains(&ip))
    }

    fn hand_to(&mut self, ip: IpAddr) {
        let count = self.others.as_ref().map_or(0, |others| others.len());
        if count + 1 < RECIPIENTS_MAX && !self.is_held_by(ip) {
            self.others.get_or_insert_default().push(ip);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Sender {
    repeats: Window,
    first: Timestamp,
    messages: u32,
    recipients: BTreeSet<IpAddr>,
    minute: i64,
    in_minute: u32,
    minutes: u32,
    usual: f64,
    told_rate: bool,
}

/// The clock of one device, as its messages show it.
#[derive(Clone, Debug, Default)]
struct Clock {
    newest: Option<Timestamp>,
    /// Messages older than the newest, one after the other: a step of the clock stays, old messages do not.
    back: u32,
    since: Timestamp,
    /// Old messages that new ones followed.
    mixed_in: Window,
}

/// Who publishes under a topic.
#[derive(Clone, Copy, Debug)]
struct Publisher {
    ip: IpAddr,
    mac: Option<MacAddress>,
    messages: u32,
    first: Timestamp,
    last: Timestamp,
}

/// Stations remembered that publish under one topic.
const PUBLISHERS_MAX: usize = 8;
/// Silence after which a station no longer owns a topic.
const OWNED_FOR: i64 = 3_600 * SECOND;

/// Messages that nobody needed.
pub(super) struct ExtraMessages {
    sent: Recent<(Pseudonym, Pseudonym), Sent>,
    results: Recent<u64, (Option<Pseudonym>, Timestamp, Option<IpAddr>)>,
    stale: Recent<IpAddr, Window>,
    clocks: Recent<(IpAddr, u64), Clock>,
    waiting: Recent<(IpAddr, Pseudonym), Option<Pseudonym>>,
    /// By address and, behind a gateway, by device.
    senders: Recent<(IpAddr, Protocol, u64), Sender>,
    published: Recent<(Pseudonym, Pseudonym), (Option<IpAddr>, Timestamp)>,
    owners: Recent<Pseudonym, Vec<Publisher>>,
    relays: BTreeSet<IpAddr>,
}

impl Default for ExtraMessages {
    fn default() -> Self {
        Self {
            sent: Recent::new(MESSAGES_MAX),
            results: Recent::new(MESSAGES_MAX),
            stale: Recent::new(SENDERS_MAX),
            clocks: Recent::new(SENDERS_MAX),
            waiting: Recent::within(MESSAGES_MAX, ANSWERED_WITHIN),
            senders: Recent::new(SENDERS_MAX),
            published: Recent::new(MESSAGES_MAX),
            owners: Recent::new(MESSAGES_MAX),
            relays: BTreeSet::new(),
        }
    }
}

/// What an alarm of this file says.
struct Told {
    detector: &'static str,
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
    let time = observation.sighting.time;
    let key = observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default();
    if world.learning
        || world.in_maintenance(observation.from.ip, time)
        || world.in_maintenance(observation.to.ip, time)
    {
        return;
    }
    episodes.raise(
        Alarm {
            techniques: &["T0840", "T0855", "T0856"],
            severity: told.severity,
            confidence: told.confidence,
            summary: told.summary,
            evidence: vec![world.names.evidence(observation, told.protocol, told.field, &told.value)],
            started: told.started,
            silent_if: told.silent_if.to_owned(),
            ..Alarm::about(Attack::TrafficAnalysis, told.detector, key, observation)
        },
        world.inventory,
    );
}

impl Detector for ExtraMessages {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Hl7(hl7) => self.hl7(observation, hl7, world, episodes),
            Fact::Mqtt(mqtt) => self.mqtt(observation, mqtt, world, episodes),
            _ => {}
        }
    }
}

/// What a message of results says, without its number and its own time: quantities, values, and when they were taken
/// (the second of the pair: whether it says when).
fn fingerprint(hl7: &Hl7Fact) -> Option<(u64, bool)> {
    let timed = hl7.observations.iter().filter(|result| result.time.is_some()).count();
    let numbers: Vec<_> = hl7
        .observations
        .iter()
        .filter_map(|result| match result.value {
            Hl7Value::Number(value) => Some((result.code.as_str(), value.to_bits(), result.time)),
            _ => None,
        })
        .collect();
    // Few numbers without a time come again by chance.
    if numbers.len() < if timed > 0 { 2 } else { UNTIMED_NUMBERS_MIN } {
        return None;
    }
    let patient = hl7.patient.as_ref().and_then(|patient| patient.identifier);
    Some((foldhash::fast::FixedState::default().hash_one((numbers, patient)), timed > 0))
}

/// The device that a message is from, as far as it says: a gateway sends those of many, each with a clock of its own.
fn clock_of(hl7: &Hl7Fact) -> u64 {
    let device = hl7.devices.first().map(|device| (&device.identifier, &device.serial));
    let patient = hl7.patient.as_ref().and_then(|patient| patient.identifier);
    foldhash::fast::FixedState::default()
        .hash_one(format!("{device:?} {:?} {patient:?} {:?}", hl7.location, hl7.sending_application))
}

impl ExtraMessages {
    fn hl7(&mut self, observation: &Observation, hl7: &Hl7Fact, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        if let Some(acknowledgment) = &hl7.acknowledgment {
            // It goes back to the sender of the message.
            if let Some(content) = self.waiting.get_mut(&(to, acknowledgment.message)).copied().flatten()
                && matches!(acknowledgment.code.as_str(), "AA" | "CA")
                && let Some(sent) = self.sent.get_mut(&(acknowledgment.message, content))
            {
                sent.acknowledged = true;
            }
            return;
        }
        if self.relays.len() < SENDERS_MAX {
            self.relays.insert(to);
        }
        let repeated = self.repeated(observation, hl7, (from, to), time);
        let again = self.results_again(hl7, from, time);
        let relay = self.relays.contains(&from);
        let sender = self.senders.at((from, Protocol::Hl7, 0), time);
        if let Some((since, elsewhere)) = repeated {
            let count = sender.repeats.add(time, TOGETHER);
            if count >= REPEATED_MIN || elsewhere {
                let told = Told {
                    detector: "message-sent-again",
                    severity: if count >= REPEATED_MIN { Severity::High } else { Severity::Medium },
                    confidence: if count >= REPEATED_MIN { 0.85 } else { 0.7 },
                    protocol: Protocol::Hl7,
                    field: "MSH-10",
                    value: "sent and acknowledged before".to_owned(),
                    summary: format!(
                        "{from} sends {to} a message that was sent and acknowledged before ({count} such messages within ten minutes)."
                    ),
                    silent_if: "the first message had not been acknowledged, or had been sent within the last minute over the same connection",
                    started: since,
                };
                raise(observation, told, world, episodes);
                return;
            }
        }
        if let Some(since) = again
            && !relay
        {
            let count = self.stale.at(from, time).add(time, TOGETHER);
            let (since, timed) = since;
            if count >= if timed { REPEATED_MIN } else { REPEATED_MIN + 1 } {
                let told = Told {
                    detector: "results-sent-again",
                    severity: Severity::High,
                    confidence: 0.8,
                    protocol: Protocol::Hl7,
                    field: "MSH-10, OBX-14",
                    value: "old results under a new number".to_owned(),
                    summary: format!(
                        "{from} sends {to} results that were sent before, under new message numbers ({count} within ten minutes)."
                    ),
                    silent_if: "the results had carried other values or another time of measurement",
                    started: since,
                };
                raise(observation, told, world, episodes);
                return;
            }
        }
        self.back_in_time(observation, hl7, from, world, episodes);
        self.rate(observation, (from, to), (Protocol::Hl7, clock_of(hl7)), world, episodes);
    }

    /// Whether the very message was sent before and acknowledged; since when, and whether it now goes elsewhere.
    fn repeated(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        (from, to): (IpAddr, IpAddr),
        time: Timestamp,
    ) -> Option<(Timestamp, bool)> {
        let (control, content) = (hl7.control?, hl7.content?);
        *self.waiting.at((from, control), time) = Some(content);
        let known = self.sent.at((control, content), time);
        if known.to.is_none() {
            *known = Sent {
                last: time,
                acknowledged: false,
                mac: observation.from.mac,
                port: observation.from.port,
                to: Some(to),
                others: None,
            };
            return None;
        }
        // Whoever received it may pass it on; if it comes back to him, it goes in circles, which is another thing.
        let passes_on = known.is_held_by(from);
        known.hand_to(to);
        if passes_on {
            return None;
        }
        let before = known.clone();
        known.last = time;
        let other_connection = before.port != observation.from.port || before.mac != observation.from.mac;
        let late = time.nanoseconds_since(before.last) > RESEND;
        let elsewhere = before.to != Some(to);
        // What was acknowledged needs no second copy. A queue that starts anew repeats its last message once.
        (before.acknowledged && (late || other_connection) || elsewhere && late).then_some((time, elsewhere))
    }

    /// Whether the same results came before under another number. Where they do not say when they were taken, they must
    /// come from somebody else: a patient may be as he was a minute ago.
    fn results_again(&mut self, hl7: &Hl7Fact, from: IpAddr, time: Timestamp) -> Option<(Timestamp, bool)> {
        let (print, timed) = fingerprint(hl7)?;
        let entry = self.results.at(print, time);
        // Passed on by an engine, it still is the same message.
        if entry.0.is_some() && entry.0 == hl7.control {
            return None;
        }
        let before = std::mem::replace(entry, (hl7.control, time, Some(from)));
        let again = before.0.is_some() && before.0 != hl7.control && (timed || before.2 != Some(from));
        (again && time.nanoseconds_since(before.1) > SECOND).then_some((time, timed))
    }

    /// Messages older than what their sender sent already.
    fn back_in_time(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        from: IpAddr,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(said) = hl7.time else { return };
        let time = observation.sighting.time;
        let clock = self.clocks.at((from, clock_of(hl7)), time);
        let Some(newest) = clock.newest else {
            clock.newest = Some(said);
            return;
        };
        let back = newest.nanoseconds_since(said);
        if back > BACK_IN_TIME {
            if clock.back == 0 {
                clock.since = time;
            }
            clock.back += 1;
            // A clock that was set back stays back: from then on the new time is the device's.
            if clock.back > OLD_IN_A_ROW_MAX {
                clock.newest = Some(said);
                clock.back = 0;
            }
            return;
        }
        clock.newest = Some(newest.max(said));
        if std::mem::take(&mut clock.back) == 0 {
            return;
        }
        // Old messages and then a new one again: they were mixed in. A clock, or a backlog, is not.
        let began = clock.since;
        let count = clock.mixed_in.add(time, TOGETHER);
        let started = clock.mixed_in.first().unwrap_or(began).min(began);
        if count < REPEATED_MIN {
            return;
        }
        let told = Told {
            detector: "messages-from-the-past",
            severity: Severity::Medium,
            confidence: 0.55,
            protocol: Protocol::Hl7,
            field: "MSH-7",
            value: format!("{count} times old, then new again"),
            summary: format!(
                "{from} sends old messages of a device between new ones ({count} times within ten minutes)."
            ),
            silent_if: "the messages had been no more than two minutes older than the newest one, or no new one had followed, as when a clock is set",
            started,
        };
        raise(observation, told, world, episodes);
    }

    /// More messages than the sender ever sent, or to a recipient that never was one.
    fn rate(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        (protocol, device): (Protocol, u64),
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        const MINUTE: i64 = 60 * SECOND;
        let time = observation.sighting.time;
        let sender = self.senders.at((from, protocol, device), time);
        if sender.messages == 0 {
            sender.first = time;
        }
        sender.messages = sender.messages.saturating_add(1);
        let minute = time.nanoseconds().div_euclid(MINUTE);
        if minute != sender.minute {
            if sender.minute != 0 && !sender.told_rate {
                let quiet = u32::try_from((minute - sender.minute).clamp(1, 60)).unwrap_or(60);
                sender.minutes = sender.minutes.saturating_add(quiet);
                let weight = 1.0 / f64::from(sender.minutes.min(30));
                sender.usual = sender.usual.max(f64::from(sender.in_minute)) * (1.0 - weight)
                    + weight * f64::from(sender.in_minute);
            }
            (sender.minute, sender.in_minute, sender.told_rate) = (minute, 0, false);
        }
        sender.in_minute += 1;
        let known_recipient = sender.recipients.contains(&to);
        let settled = sender.messages >= SETTLED_MESSAGES
            && time.nanoseconds_since(sender.first) >= SETTLED_FOR
            && !sender.recipients.is_empty();
        if !known_recipient && sender.recipients.len() < RECIPIENTS_MAX {
            sender.recipients.insert(to);
        }
        let (count, usual) = (sender.in_minute, sender.usual);
        let many = sender.minutes >= RATE_MINUTES_MIN
            && count >= RATE_MIN
            && f64::from(count) > RATE_TIMES * usual
            && !sender.told_rate;
        if many {
            sender.told_rate = true;
        }
        let medical = world.is_medical(&observation.from);
        if settled && !known_recipient && medical && crate::inventory::is_unicast(to) {
            let told = Told {
                detector: "new-recipient",
                severity: if crate::inventory::is_internal(to) { Severity::Medium } else { Severity::High },
                confidence: 0.6,
                protocol,
                field: "ip.dst",
                value: to.to_string(),
                summary: format!("{from} now also sends its messages to {to}, which never was a recipient."),
                silent_if: "the recipient had been one before, as the baseline can show, or a maintenance window had covered either",
                started: time,
            };
            raise(observation, told, world, episodes);
        }
        if many {
            let told = Told {
                detector: "extra-messages",
                severity: Severity::Medium,
                confidence: 0.65,
                protocol,
                field: "messages per minute",
                value: format!("{count}, usual at most {usual:.0}"),
                summary: format!(
                    "{from} sends {to} {count} messages within a minute; more than {usual:.0} were never usual."
                ),
                silent_if: "fewer messages had been sent, or the sender had been seen for less than five minutes",
                started: time,
            };
            raise(observation, told, world, episodes);
        }
    }

    /// Remembers who publishes under a topic, and says who owned it alone before, if it was somebody else.
    fn publishes(
        &mut self,
        topic: Pseudonym,
        observation: &Observation,
        from: IpAddr,
        world: &World<'_>,
    ) -> Option<(Publisher, Publisher)> {
        let (time, mac) = (observation.sighting.time, observation.from.mac);
        let owners = self.owners.at(topic, time);
        owners.retain(|owner| time.nanoseconds_since(owner.last) < OWNED_FOR);
        // The same machine under another address; behind a router, link addresses tell nothing.
        let moved = |owner: &Publisher| {
            mac.is_some_and(|mac| owner.mac == Some(mac) && !world.inventory.is_router(mac))
        };
        let room = owners.len() < PUBLISHERS_MAX;
        let place =
            owners.iter().position(|owner| owner.ip == from).or_else(|| owners.iter().position(moved));
        match place.and_then(|place| owners.get_mut(place)) {
            Some(owner) => {
                (owner.ip, owner.mac, owner.last) = (from, mac, time);
                owner.messages = owner.messages.saturating_add(1);
            }
            None if room => {
                owners.push(Publisher { ip: from, mac, messages: 1, first: time, last: time });
            }
            None => {}
        }
        match owners.as_slice() {
            [owner, own] if own.ip == from => Some((*owner, *own)),
            _ => None,
        }
    }

    fn mqtt(
        &mut self,
        observation: &Observation,
        mqtt: &MqttFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let MqttFact::Publish { topic, duplicate, content, retained, payload_bytes, .. } = mqtt else {
            return;
        };
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        // The broker passes on what others published; it listens on the port that many connect to.
        if self.relays.contains(&from) {
            return;
        }
        if observation.to.port < observation.from.port && self.relays.len() < SENDERS_MAX {
            self.relays.insert(to);
        }
        if *duplicate || *retained || *payload_bytes == 0 {
            return;
        }
        if let Some((owner, own)) = self.publishes(topic.topic, observation, from, world)
            && owner.messages >= 10
            && own.messages >= 2
            && own.messages * 2 < owner.messages
            // Whose address was changed is heard under the new one alone.
            && owner.last > own.first
        {
            let told = Told {
                detector: "message-of-a-stranger",
                severity: Severity::High,
                confidence: 0.75,
                protocol: Protocol::Mqtt,
                field: "mqtt.topic",
                value: topic.shape.as_str().to_owned(),
                summary: format!(
                    "{from} publishes under a topic that belonged to {} alone, who goes on.",
                    owner.ip
                ),
                silent_if: "it had published there from the start, many stations did, or the owner had been silent since",
                started: time,
            };
            raise(observation, told, world, episodes);
        }
        let before = self.published.at((topic.topic, *content), time);
        let replayed = before.0.is_some_and(|ip| ip != from) && time.nanoseconds_since(before.1) < TOGETHER;
        *before = (Some(from), time);
        let sender = self.senders.at((from, Protocol::Mqtt, 0), time);
        if replayed && *payload_bytes >= 16 && sender.repeats.add(time, TOGETHER) >= REPEATED_MIN {
            let told = Told {
                detector: "message-sent-again",
                severity: Severity::High,
                confidence: 0.8,
                protocol: Protocol::Mqtt,
                field: "mqtt.msg",
                value: "the same content by another station".to_owned(),
                summary: format!("{from} sends {to} messages that another station had sent before."),
                silent_if: "the content or the topic had been another",
                started: time,
            };
            raise(observation, told, world, episodes);
        }
        self.rate(observation, (from, to), (Protocol::Mqtt, 0), world, episodes);
    }
}
