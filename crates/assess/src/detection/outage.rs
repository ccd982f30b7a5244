//! A device stops: MITRE ATT&CK T0814, T0815, T0826, T1489.
//!
//! * [`Silence`]: a device that reported regularly reports no more. How long a gap is normal is learned from the
//!   gaps before (phi-accrual, Hayashibara et al. 2004, on the logarithm of the gaps). A discharge, a goodbye
//!   and announced work explain silence; several devices silent at once share one cause and one finding.
//! * [`ServiceStopped`]: a service that answered its clients answers none of them.
//!
//! Silence is judged only while somebody else is heard: a capture that ends or loses everything proves nothing.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;

use wardline_model::fact::{DhcpMessage, Hl7Fact, MqttFact, TcpEvent, WsDiscoveryKind};
use wardline_model::{
    Attack, Category, Fact, Observation, Protocol, Pseudonym, Severity, Station, TcpOutcome, Timestamp,
};

use super::recent::Recent;
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::Map;
use crate::limits::{PATIENTS_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// Reports after which a rhythm is known.
const REPORTS_MIN: u32 = 8;
/// Reports that must be missed.
const MISSED_MIN: f64 = 3.0;
/// Suspicion from which silence is no chance: -log10 of the chance of so long a gap.
const PHI_MIN: f64 = 8.0;
/// Gaps shorter than this belong to one burst of messages.
const BURST: i64 = SECOND / 5;
/// Rhythms slower than this are a person's work, not a device's.
const GAP_MAX: i64 = 1_800 * SECOND;
/// Least spread of the logarithm of gaps: clocks are not that good.
const SPREAD_MIN: f64 = 0.08;
/// Spread beyond which there is no rhythm. Events that come by chance have 1.3.
const SPREAD_MAX: f64 = 0.4;
/// A rhythm is kept for at least so long: a burst of work has one as well.
const RHYTHM_MIN: i64 = 60 * SECOND;
/// Devices silent together from which on they share a cause.
const TOGETHER_MIN: usize = 3;
/// Silence after which it is more than a changed battery: whoever is back by himself before that needs nobody.
const LONG: i64 = 300 * SECOND;
/// How late an admission system tells of a patient who left.
const WRITTEN_DOWN_WITHIN: i64 = 1_800 * SECOND;
/// Silence below which nothing is said, however fast the rhythm was: a burst of work ends as well.
const SILENCE_MIN: f64 = 10.0 * SECOND as f64;
/// How long the memory of gaps is, in gaps.
const MEMORY: f64 = 32.0;

/// What is reported regularly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// Results, told apart by the device or bed that they name (a hash; 0 where they name none).
    Hl7(u64),
    Mqtt,
    Measurement,
    Connection(u16),
}

impl Kind {
    const fn protocol(self) -> Protocol {
        match self {
            Self::Hl7(_) => Protocol::Hl7,
            Self::Mqtt => Protocol::Mqtt,
            Self::Measurement => Protocol::Udp,
            Self::Connection(_) => Protocol::Tcp,
        }
    }
}

type Key = (IpAddr, IpAddr, Kind);

/// The rhythm of one report.
#[derive(Clone, Debug)]
struct Rhythm {
    last: Timestamp,
    reports: u32,
    mean_log: f64,
    variance_log: f64,
    gap_max: i64,
    /// All gaps that taught something, together.
    learned: i64,
    from: Station,
    to: Station,
    newest: Box<Observation>,
    patient: Option<Pseudonym>,
    /// It is known to be silent, or was not heard since normal was learned.
    silent: bool,
    /// The episode that tells of its silence, while that is short.
    told: Option<String>,
    /// Its deadline is awaited.
    awaited: bool,
}

impl Rhythm {
    fn new(observation: &Observation) -> Self {
        Self {
            last: observation.sighting.time,
            reports: 1,
            mean_log: 0.0,
            variance_log: 0.0,
            gap_max: 0,
            learned: 0,
            from: observation.from,
            to: observation.to,
            newest: Box::new(without_content(observation)),
            patient: None,
            silent: false,
            told: None,
            awaited: false,
        }
    }

    fn beat(&mut self, observation: &Observation, learning: bool) {
        let time = observation.sighting.time;
        let gap = time.nanoseconds_since(self.last);
        if gap < BURST {
            return;
        }
        if gap > GAP_MAX || self.silent && !learning {
            // After a long silence the rhythm is what it was; the silence itself teaches nothing.
            self.silent = false;
        } else {
            let log = (gap as f64).ln();
            let weight = 1.0 / f64::from(self.reports).min(MEMORY);
            let step = log - self.mean_log;
            if self.reports == 1 {
                self.mean_log = log;
            } else {
                self.mean_log += weight * step;
                self.variance_log = (1.0 - weight) * (self.variance_log + weight * step * step);
            }
            self.gap_max = self.gap_max.max(gap);
            self.learned = self.learned.saturating_add(gap);
            self.reports = self.reports.saturating_add(1);
        }
        self.last = time;
        *self.newest = without_content(observation);
        (self.from, self.to) = (observation.from, observation.to);
    }

    /// The usual gap, nanoseconds.
    fn gap(&self) -> f64 {
        self.mean_log.exp()
    }

    fn spread(&self) -> f64 {
        self.variance_log.sqrt().max(SPREAD_MIN)
    }

    fn is_known(&self) -> bool {
        self.reports >= REPORTS_MIN && self.spread() <= SPREAD_MAX && self.learned >= RHYTHM_MIN
    }

    /// When silence becomes suspect.
    fn deadline(&self) -> Timestamp {
        // phi = 8 of a normal distribution lies 5.6 standard deviations out.
        let by_chance = (self.mean_log + 5.6 * self.spread()).exp();
        let by_count = (MISSED_MIN + 0.2) * self.gap();
        let by_habit = 1.5 * self.gap_max as f64;
        let wait = by_chance.max(by_count).max(by_habit).clamp(SILENCE_MIN, 1e18) as i64;
        Timestamp::from_nanoseconds(self.last.nanoseconds().saturating_add(wait))
    }

    fn overdue(&self, now: Timestamp) -> bool {
        self.is_known() && now.nanoseconds_since(self.last) as f64 > 1.8 * self.gap()
    }
}

/// The bit that tells a device or bed from a patient in a number of [`named`].
const NAMED: u64 = 1;

/// The device or bed that results come from, or else the patient, as a number that tells one from another.
fn named(hl7: &Hl7Fact) -> u64 {
    let device = match &*hl7.devices {
        [device] => device.identifier.as_ref().or(device.serial.as_ref()).map(|id| id.as_str().to_owned()),
        _ => None,
    };
    let bed = || {
        let location = hl7.location.as_ref()?;
        let bed = location.bed.as_ref()?;
        Some(format!("{:?} {:?} {bed}", location.unit, location.room))
    };
    // A gateway may name neither device nor bed, but whom it speaks of.
    let patient = || hl7.patient.as_ref().and_then(|patient| patient.identifier).map(|id| id.to_string());
    let hash = |name: String| foldhash::fast::FixedState::default().hash_one(name);
    match device.or_else(bed) {
        Some(name) => hash(name) | NAMED,
        None => patient().map_or(0, |name| hash(name) & !NAMED),
    }
}

/// What was seen, as evidence: where, when and between whom.
fn without_content(observation: &Observation) -> Observation {
    Observation { fact: Fact::StationSeen, ..observation.clone() }
}

/// Devices that reported and report no more.
pub(super) struct Silence {
    rhythms: Map<Key, Rhythm>,
    deadlines: BinaryHeap<Reverse<(Timestamp, Key)>>,
    /// When an address was last heard at all.
    heard: Map<IpAddr, Timestamp>,
    /// Patients who left, and when patients were moved.
    gone: BTreeSet<Pseudonym>,
    moved: Map<Pseudonym, Timestamp>,
    /// Devices that said goodbye.
    goodbye: Map<IpAddr, Timestamp>,
    /// By which devices each patient is reported: where a new one has taken over, the old one is not missing.
    reported: Recent<Pseudonym, VecDeque<Reported>>,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            rhythms: Map::default(),
            deadlines: BinaryHeap::new(),
            heard: Map::default(),
            gone: BTreeSet::new(),
            moved: Map::default(),
            goodbye: Map::default(),
            reported: Recent::new(PATIENTS_MAX),
        }
    }
}

/// A device that reports a patient.
#[derive(Clone, Copy, Debug)]
struct Reported {
    by: Key,
    first: Timestamp,
    last: Timestamp,
    /// Since the first of them: an analyser reports a patient once.
    reports: u32,
    quantities: Quantities,
}

/// Quantities that are remembered of a message.
const QUANTITIES_MAX: usize = 8;

/// Codes of the first quantities of a message, as numbers that tell one from another; 0 where there are fewer.
type Quantities = [u32; QUANTITIES_MAX];

fn quantities(hl7: &Hl7Fact) -> Quantities {
    let mut quantities = Quantities::default();
    for (place, result) in quantities.iter_mut().zip(&hl7.observations) {
        *place = foldhash::fast::FixedState::default().hash_one(result.code.as_str()) as u32 | 1;
    }
    quantities
}

/// Whether two devices tell something of the same: an analyser takes no monitor's place.
fn alike(one: &Quantities, other: &Quantities) -> bool {
    one.iter().any(|code| *code != 0 && other.contains(code))
}

/// Reports of a patient after which a device has taken over.
const TAKEN_OVER_MIN: u32 = 2;

/// A device that takes over begins at most so long before the old one stops.
const TAKES_OVER: i64 = 60 * SECOND;

/// Devices remembered that report one patient.
const DEVICES_PER_PATIENT_MAX: usize = 8;

impl Detector for Silence {
    fn conversations(&self) -> Conversations {
        Conversations::Both
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        self.advance(time, world, episodes);
        // Of the end of a conversation only the time says something.
        if matches!(observation.fact, Fact::ConversationEnded(_)) {
            return;
        }
        let Some(from) = observation.from.ip else { return };
        if self.heard.len() < SENDERS_MAX || self.heard.contains_key(&from) {
            self.heard.insert(from, time);
        }
        match &observation.fact {
            Fact::Hl7(hl7) => self.hl7(observation, hl7, world, episodes),
            Fact::Mqtt(mqtt) => match mqtt.as_ref() {
                MqttFact::Publish { .. } => self.report(Kind::Mqtt, observation, None, world, episodes),
                MqttFact::Disconnect { reason: 0 } => self.leave(from, time),
                _ => {}
            },
            Fact::Measurement(_) => self.report(Kind::Measurement, observation, None, world, episodes),
            Fact::ConversationStarted(traits) if traits.syn => {
                self.report(Kind::Connection(observation.to.port), observation, None, world, episodes);
            }
            Fact::Dhcp(dhcp) if dhcp.message == DhcpMessage::Release => self.leave(from, time),
            Fact::WsDiscovery(discovery) if discovery.kind == WsDiscoveryKind::Bye => {
                self.leave(from, time);
            }
            _ => {}
        }
    }

    fn advance(&mut self, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        while let Some(Reverse((deadline, key))) = self.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            let Some(rhythm) = self.rhythms.get_mut(&key) else { continue };
            let due = rhythm.deadline();
            if due > now {
                self.deadlines.push(Reverse((due, key)));
                continue;
            }
            rhythm.awaited = false;
            if !rhythm.silent {
                self.silent(key, now, world, episodes);
            }
        }
    }
}

impl Silence {
    fn hl7(&mut self, observation: &Observation, hl7: &Hl7Fact, world: &World<'_>, episodes: &mut Episodes) {
        let patient = hl7.patient.as_ref().and_then(|patient| patient.identifier);
        if hl7.message.as_str() == "ADT"
            && let Some(patient) = patient
        {
            let trigger = hl7.trigger.as_ref().map(|trigger| trigger.as_str());
            if matches!(trigger, Some("A03" | "A11" | "A23" | "A09" | "A21" | "A02" | "A17" | "A12")) {
                let devices = self.reported.at(patient, observation.sighting.time);
                let devices: Vec<_> = devices.iter().map(|device| device.by).collect();
                let note = " Its patient has left the bed.";
                self.explained(&devices, observation.sighting.time, note, episodes);
            }
            match trigger {
                Some("A03" | "A11" | "A23" | "A09" | "A21") => {
                    if self.gone.len() < PATIENTS_MAX {
                        self.gone.insert(patient);
                    }
                }
                Some("A02" | "A17" | "A12") if self.moved.len() < PATIENTS_MAX => {
                    self.moved.insert(patient, observation.sighting.time);
                    let other = hl7.other_patient.as_ref().and_then(|other| other.identifier);
                    if let Some(other) = other {
                        self.moved.insert(other, observation.sighting.time);
                    }
                }
                // The identifier that goes up in another one is reported no more.
                Some("A18" | "A30" | "A34" | "A36" | "A40" | "A41") => {
                    self.gone.remove(&patient);
                    if let Some(merged) = hl7.other_patient.as_ref().and_then(|other| other.identifier)
                        && self.gone.len() < PATIENTS_MAX
                    {
                        self.gone.insert(merged);
                    }
                }
                _ => {
                    self.gone.remove(&patient);
                }
            }
        }
        if hl7.message.as_str() == "ORU" && !hl7.observations.is_empty() {
            let kind = Kind::Hl7(named(hl7));
            if let (Some(patient), Some(from), Some(to), false) =
                (patient, observation.from.ip, observation.to.ip, world.roles.is_copy(observation))
            {
                let (by, time) = ((from, to, kind), observation.sighting.time);
                let devices = self.reported.at(patient, time);
                let (mut reports, quantities) = (1, quantities(hl7));
                let usual = self.rhythms.get(&by).map_or(0.0, Rhythm::gap);
                let pause = LONG.max((MISSED_MIN * usual).min(1e18) as i64);
                match devices.iter_mut().find(|device| device.by == by) {
                    Some(device) => {
                        if time.nanoseconds_since(device.last) > pause {
                            (device.first, device.reports) = (time, 0);
                        }
                        (device.last, device.quantities) = (time, quantities);
                        device.reports = device.reports.saturating_add(1);
                        reports = device.reports;
                    }
                    None => {
                        if devices.len() >= DEVICES_PER_PATIENT_MAX {
                            // An analyser that reported him once is forgotten before a monitor.
                            let rare = (0..devices.len())
                                .min_by_key(|place| devices.get(*place).map(|device| device.reports));
                            rare.and_then(|place| devices.remove(place));
                        }
                        devices.push_back(Reported { by, first: time, last: time, reports, quantities });
                    }
                }
                if reports == TAKEN_OVER_MIN {
                    let others: Vec<_> = devices
                        .iter()
                        .filter(|other| other.by != by && alike(&other.quantities, &quantities))
                        .map(|device| device.by)
                        .collect();
                    self.explained(&others, time, &format!(" {from} has taken its place."), episodes);
                }
            }
            self.report(kind, observation, patient, world, episodes);
        }
    }

    /// Devices of a patient are missing, and now it is known why: another device reports him, or he was moved or sent
    /// home before anybody wrote it down.
    fn explained(&mut self, devices: &[Key], time: Timestamp, note: &str, episodes: &mut Episodes) {
        for other in devices {
            let Some(rhythm) = self.rhythms.get_mut(other) else { continue };
            if let Some(episode) = rhythm.told.take()
                && time.nanoseconds_since(rhythm.last) < WRITTEN_DOWN_WITHIN
            {
                episodes.is_over((Attack::Outage, "silence", &episode), rhythm.last, note);
            }
        }
    }

    fn leave(&mut self, from: IpAddr, time: Timestamp) {
        if self.goodbye.len() < SENDERS_MAX || self.goodbye.contains_key(&from) {
            self.goodbye.insert(from, time);
        }
    }

    fn report(
        &mut self,
        kind: Kind,
        observation: &Observation,
        patient: Option<Pseudonym>,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        if !crate::inventory::is_internal(from) || !crate::inventory::is_unicast(to) {
            return;
        }
        let key = (from, to, kind);
        if self.rhythms.len() >= SENDERS_MAX && !self.rhythms.contains_key(&key) {
            return;
        }
        let rhythm = self.rhythms.entry(key).or_insert_with(|| Rhythm::new(observation));
        let silence = observation.sighting.time.nanoseconds_since(rhythm.last);
        if let Some(episode) = rhythm.told.take()
            && silence < LONG
        {
            let note = format!(" It was back after {} s.", silence / SECOND);
            episodes.is_over((Attack::Outage, "silence", &episode), rhythm.last, &note);
        }
        rhythm.beat(observation, world.learning);
        rhythm.patient = patient.or(rhythm.patient);
        if world.learning {
            // Whoever was heard in the baseline only is not missed.
            rhythm.silent = rhythm.is_known();
        } else if rhythm.is_known() && !rhythm.awaited {
            rhythm.awaited = true;
            self.deadlines.push(Reverse((rhythm.deadline(), key)));
        }
    }

    fn silent(&mut self, key: Key, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        let (from, to, kind) = key;
        let Some(rhythm) = self.rhythms.get_mut(&key) else { return };
        rhythm.silent = true;
        let rhythm = rhythm.clone();
        let since = rhythm.last;
        let left = rhythm.patient.is_some_and(|patient| {
            let elsewhere = self.reported.get(&patient).is_some_and(|devices| {
                let own = devices.iter().find(|device| device.by == key);
                devices.iter().any(|device| {
                    device.by != key
                        && own.is_some_and(|own| alike(&own.quantities, &device.quantities))
                        && device.reports >= TAKEN_OVER_MIN
                        && device.last > since
                        && since.nanoseconds_since(device.first) < TAKES_OVER
                })
            });
            elsewhere
                || self.gone.contains(&patient)
                || self.moved.get(&patient).is_some_and(|time| {
                    time.nanoseconds_since(since) > -LONG && since.nanoseconds_since(*time) < LONG
                })
        });
        let expected = left
            || self.goodbye.get(&from).is_some_and(|time| *time >= since)
            || world.in_maintenance(Some(from), now)
            || world.in_maintenance(Some(to), now);
        let category = world.inventory.category(&rhythm.from);
        // Connections of workstations and servers come and go with the people who use them, and what an engine or a
        // record passes on comes as others send it.
        let passes_on = matches!(category, Category::Ehr | Category::IntegrationEngine | Category::Pacs);
        let medical = world.is_medical(&rhythm.from);
        let matters = !passes_on && (medical || !matches!(kind, Kind::Connection(_)));
        if expected || !matters || world.learning {
            return;
        }
        let talks_on = self
            .heard
            .get(&from)
            .is_some_and(|heard| heard.nanoseconds_since(since) as f64 > 1.5 * rhythm.gap());
        // Another report of the same device goes on: it has finished one thing and does another. A gateway that
        // lost one of its devices goes on with the others.
        let behind = matches!(kind, Kind::Hl7(id) if id != 0);
        let other_reports = self.rhythms.iter().any(|(other, rhythm)| {
            other.0 == from && *other != key && rhythm.is_known() && !rhythm.overdue(now)
        });
        // What is said over connections tells more than that there were some.
        let is_connection = |kind: Kind| matches!(kind, Kind::Connection(_));
        let says_more = is_connection(kind)
            && self.rhythms.iter().any(|(other, rhythm)| {
                (other.0, other.1) == (from, to) && !is_connection(other.2) && rhythm.reports > 1
            });
        if other_reports && !behind || says_more {
            return;
        }
        let peers: Vec<_> = self
            .rhythms
            .iter()
            .filter(|(other, rhythm)| {
                other.1 == to
                    && other.2.protocol() == kind.protocol()
                    && rhythm.is_known()
                    && now.nanoseconds_since(rhythm.last) < GAP_MAX
            })
            .collect();
        let lost = peers.iter().filter(|(_, peer)| peer.overdue(now)).count();
        let shared = lost >= TOGETHER_MIN && lost * 5 >= peers.len() * 3;
        let seconds = now.nanoseconds_since(since) / SECOND;
        let missed = (now.nanoseconds_since(since) as f64 / rhythm.gap()).floor();
        let long = now.nanoseconds_since(since) > LONG;
        let (device, episode, summary) = if shared {
            (
                rhythm.to,
                format!("at {to}"),
                format!(
                    "{lost} of {} stations that reported to {to} fell silent together: it, or what lies between, has failed.",
                    peers.len()
                ),
            )
        } else {
            (
                rhythm.from,
                if other_reports { format!("{from} {kind:?}") } else { from.to_string() },
                format!(
                    "{}{from} has sent nothing to {to} for {seconds} s; about {missed} reports are missing{}.",
                    if other_reports { "A device behind " } else { "" },
                    if talks_on { ", although it is still on the network" } else { "" }
                ),
            )
        };
        // Where admissions cannot be seen, a patient of a gateway may have gone home.
        let only_a_patient = matches!(kind, Kind::Hl7(id) if id & NAMED == 0)
            && other_reports
            && !world.roles.sees_admissions();
        if let Some(rhythm) = self.rhythms.get_mut(&key) {
            rhythm.told = Some(episode.clone());
        }
        let severity = match (shared, medical && !only_a_patient, talks_on) {
            (true, ..) => Severity::High,
            (false, true, false) if long => Severity::High,
            (false, true, false) => Severity::Medium,
            (false, true, true) => Severity::Medium,
            _ => Severity::Low,
        };
        let phi = PHI_MIN;
        episodes.raise(
            Alarm {
                techniques: &["T0814", "T0815", "T0826", "T0829"],
                severity,
                confidence: if shared { 0.9 } else { 0.75 },
                device: Some(device),
                source: None,
                summary,
                evidence: vec![world.names.evidence(
                    &rhythm.newest,
                    kind.protocol(),
                    "last report",
                    &format!("every {:.1} s before ({} reports)", rhythm.gap() / 1e9, rhythm.reports),
                )],
                started: since,
                time: now,
                silent_if: format!(
                    "a report had come within {:.0} s (suspicion below {phi}), the patient had been discharged, the device had said goodbye, or a maintenance window had covered it",
                    rhythm.deadline().nanoseconds_since(since) as f64 / 1e9
                ),
                ..Alarm::about(Attack::Outage, "silence", episode, &rhythm.newest)
            },
            world.inventory,
        );
    }
}

/// Times that a service must have answered before its silence means something.
const ANSWERED_MIN: u32 = 3;
/// Attempts in a row that fail.
const FAILED_MIN: u32 = 3;
/// Clients remembered per service.
const CLIENTS_MAX: usize = 64;
/// The attempts belong together.
const ATTEMPTS_TOGETHER: i64 = 120 * SECOND;

#[derive(Clone, Debug, Default)]
struct Service {
    answered: u32,
    failed: u32,
    /// Stations that it answered before: whoever floods or scans is none of them.
    known: BTreeSet<IpAddr>,
    clients: BTreeSet<IpAddr>,
    first_failure: Timestamp,
    last_failure: Timestamp,
    last_answer: Timestamp,
    told: bool,
}

/// Services that answered and answer no more.
pub(super) struct ServiceStopped {
    services: Recent<(IpAddr, u16), Service>,
}

impl Default for ServiceStopped {
    fn default() -> Self {
        Self { services: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for ServiceStopped {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        match &observation.fact {
            Fact::Tcp(TcpEvent::Answered(_)) => {
                let Some(ip) = observation.from.ip else { return };
                let service = self.services.at((ip, observation.from.port), time);
                service.answered = service.answered.saturating_add(1);
                let key = format!("{ip} {}", observation.from.port);
                if std::mem::take(&mut service.told) && time.nanoseconds_since(service.first_failure) < LONG {
                    let note = " It answers again.";
                    episodes.is_over((Attack::Outage, "service-stopped", &key), service.first_failure, note);
                }
                service.failed = 0;
                service.clients.clear();
                service.last_answer = time;
                if let Some(client) = observation.to.ip.filter(|_| service.known.len() < CLIENTS_MAX) {
                    service.known.insert(client);
                }
            }
            // The refusal comes from the service.
            Fact::Tcp(TcpEvent::Refused) => {
                let mut turned = without_content(observation);
                std::mem::swap(&mut turned.from, &mut turned.to);
                self.failed(&turned, "refused", world, episodes);
            }
            Fact::ConversationEnded(conversation) if conversation.tcp == Some(TcpOutcome::Unanswered) => {
                self.failed(observation, "unanswered", world, episodes);
            }
            _ => {}
        }
    }
}

impl ServiceStopped {
    fn failed(
        &mut self,
        observation: &Observation,
        how: &'static str,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(client), Some(ip)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let Some(service) = self.services.get_mut(&(ip, observation.to.port)) else { return };
        let began = match &observation.fact {
            Fact::ConversationEnded(conversation) => conversation.start,
            _ => time,
        };
        if service.answered < ANSWERED_MIN || began <= service.last_answer || !service.known.contains(&client)
        {
            return;
        }
        if service.failed == 0 || time.nanoseconds_since(service.last_failure) > ATTEMPTS_TOGETHER {
            (service.failed, service.first_failure) = (0, began);
            service.clients.clear();
        }
        service.failed += 1;
        service.last_failure = time;
        service.clients.insert(client);
        let (failed, clients, started) = (service.failed, service.clients.len(), service.first_failure);
        let expected =
            world.learning || world.in_maintenance(Some(ip), time) || !crate::inventory::is_internal(ip);
        if failed < FAILED_MIN
            || expected
            || episodes.is_acting(&observation.from, time)
            || episodes.is_flooded(&observation.to, time)
        {
            return;
        }
        service.told = true;
        let medical = world.is_medical(&observation.to);
        episodes.raise(
            Alarm {
                techniques: &["T0814", "T0826", "T1489"],
                severity: match (medical, clients > 1) {
                    (true, true) => Severity::High,
                    (true, false) | (false, true) => Severity::Medium,
                    (false, false) => Severity::Low,
                },
                confidence: if clients > 1 { 0.9 } else { 0.7 },
                source: None,
                summary: format!(
                    "{ip} no longer answers on port {}: {failed} attempts of {clients} station{} in a row were {how}, after it had answered before.",
                    observation.to.port,
                    if clients == 1 { "" } else { "s" }
                ),
                evidence: vec![world.names.evidence(observation, Protocol::Tcp, "tcp.flags of the answer", how)],
                started,
                silent_if: format!("one of the {failed} attempts had been answered, or a maintenance window had covered {ip}"),
                ..Alarm::about(Attack::Outage, "service-stopped", format!("{ip} {}", observation.to.port), observation)
            },
            world.inventory,
        );
    }
}
