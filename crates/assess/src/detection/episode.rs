//! Alarms become episodes: one attack is one finding that grows.

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{Attack, Evidence, Finding, Label, Observation, Severity, Station, Timestamp};

use super::{catalogue, playbook};
use crate::evidence;
use crate::inventory::Inventory;
use crate::limits::FINDINGS_MAX;

/// Silence after which the same alarm is a new episode, nanoseconds: 30 minutes.
const QUIET_NANOSECONDS: i64 = 30 * 60 * 1_000_000_000;

/// Newest episodes asked whether they explain something else.
const EPISODES_LOOKED_AT: usize = 256;

/// Somebody in an alarm.
pub(crate) type Party = Option<Station>;

/// What a detector has to say.
pub(crate) struct Alarm {
    /// Kind of attack.
    pub attack: Attack,
    /// Rule.
    pub detector: &'static str,
    /// What makes two alarms of a rule the same attack, such as the address of the attacker.
    pub key: String,
    /// ATT&CK techniques.
    pub techniques: &'static [&'static str],
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Who suffers.
    pub device: Party,
    /// Who acts.
    pub source: Party,
    /// One sentence.
    pub summary: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// When it began, where that is before the observation at hand.
    pub started: Timestamp,
    /// When it was seen.
    pub time: Timestamp,
    /// What would have kept it silent.
    pub silent_if: String,
}

impl Alarm {
    /// An alarm about the two ends of an observation, the sender as who acts and the receiver as who suffers.
    /// The rest is to be filled in: it is of no severity, says nothing and has no evidence.
    pub(super) fn about(
        attack: Attack,
        detector: &'static str,
        key: String,
        observation: &Observation,
    ) -> Self {
        let time = observation.sighting.time;
        Self {
            attack,
            detector,
            key,
            techniques: &[],
            severity: Severity::Info,
            confidence: 0.5,
            device: Some(observation.to),
            source: Some(observation.from),
            summary: String::new(),
            evidence: Vec::new(),
            started: time,
            time,
            silent_if: String::new(),
        }
    }
}

struct Episode {
    finding: Finding,
    device: Party,
    source: Party,
    told: bool,
}

/// All findings of a run.
#[derive(Default)]
pub(crate) struct Episodes {
    episodes: Vec<Episode>,
    open: BTreeMap<(Attack, &'static str, String), usize>,
    changed: BTreeSet<usize>,
    refused: u64,
}

impl Episodes {
    /// Takes an alarm: a new episode, or more of one that is going on.
    pub(crate) fn raise(&mut self, alarm: Alarm, inventory: &Inventory) {
        debug_assert!(
            alarm.severity < Severity::High || catalogue::is_serious(alarm.detector),
            "{} raises serious findings and is not in the catalogue",
            alarm.detector
        );
        let key = (alarm.attack, alarm.detector, alarm.key.clone());
        let going_on = self.open.get(&key).copied().filter(|place| {
            self.episodes.get(*place).is_some_and(|episode| {
                alarm.time.nanoseconds_since(episode.finding.last_seen) < QUIET_NANOSECONDS
            })
        });
        match going_on {
            Some(place) => self.grow(place, alarm),
            None if self.episodes.len() >= FINDINGS_MAX => self.refused += 1,
            None => {
                self.open.insert(key, self.episodes.len());
                self.changed.insert(self.episodes.len());
                self.episodes.push(begin(alarm, inventory));
            }
        }
    }

    fn grow(&mut self, place: usize, alarm: Alarm) {
        let Some(episode) = self.episodes.get_mut(place) else { return };
        let finding = &mut episode.finding;
        finding.last_seen = finding.last_seen.max(alarm.time);
        finding.started = finding.started.min(alarm.started);
        finding.observations += 1;
        if alarm.severity >= finding.severity && alarm.confidence >= finding.confidence {
            finding.summary = alarm.summary;
            finding.silent_if = alarm.silent_if;
            episode.device = alarm.device.or(episode.device);
            episode.source = alarm.source.or(episode.source);
        }
        finding.severity = finding.severity.max(alarm.severity);
        finding.confidence = finding.confidence.max(alarm.confidence);
        for item in alarm.evidence {
            evidence::add(&mut finding.evidence, item);
        }
        if episode.told {
            episode.told = false;
            finding.updates += 1;
        }
        self.changed.insert(place);
    }

    /// What an alarm told of is over, and it lasted so short that it needs nobody: it becomes a notice. Nothing happens
    /// where there was no such episode, or it is older than `since`.
    pub(super) fn is_over(
        &mut self,
        (attack, detector, key): (Attack, &'static str, &str),
        since: Timestamp,
        note: &str,
    ) {
        let Some(place) = self.open.get(&(attack, detector, key.to_owned())).copied() else { return };
        let Some(episode) = self.episodes.get_mut(place) else { return };
        let finding = &mut episode.finding;
        if finding.last_seen < since || finding.severity <= Severity::Low {
            return;
        }
        finding.severity = Severity::Low;
        finding.summary.push_str(note);
        if std::mem::take(&mut episode.told) {
            finding.updates += 1;
        }
        self.changed.insert(place);
    }

    /// Whether a station was lately found to attack another one in another way: what it does besides is no second
    /// attack of its own.
    pub(super) fn is_acting(&self, station: &Station, now: Timestamp) -> bool {
        self.episodes.iter().rev().take(EPISODES_LOOKED_AT).any(|episode| {
            matches!(episode.finding.attack, Attack::DenialOfService | Attack::PassiveGathering)
                && episode.finding.severity >= Severity::Medium
                && now.nanoseconds_since(episode.finding.last_seen) < QUIET_NANOSECONDS
                && episode.source.is_some_and(|source| source.ip.is_some() && source.ip == station.ip)
        })
    }

    /// Whether another rule lately found something about a station that needs somebody.
    pub(super) fn concerns(&self, station: &Station, now: Timestamp) -> bool {
        let is = |party: &Party| party.is_some_and(|party| party.ip.is_some() && party.ip == station.ip);
        self.episodes.iter().rev().take(EPISODES_LOOKED_AT).any(|episode| {
            episode.finding.attack != Attack::Anomaly
                && episode.finding.severity >= Severity::Medium
                && now.nanoseconds_since(episode.finding.last_seen) < 2 * QUIET_NANOSECONDS
                && (is(&episode.device) || is(&episode.source))
        })
    }

    /// Whether a station was lately found to be flooded.
    pub(super) fn is_flooded(&self, station: &Station, now: Timestamp) -> bool {
        self.episodes.iter().rev().take(EPISODES_LOOKED_AT).any(|episode| {
            episode.finding.detector.as_str().ends_with("-flood")
                && now.nanoseconds_since(episode.finding.last_seen) < QUIET_NANOSECONDS
                && episode.device.is_some_and(|device| device.ip.is_some() && device.ip == station.ip)
        })
    }

    /// Whether somebody was lately found to stand between the two ends of an observation.
    pub(super) fn is_intercepted(&self, observation: &Observation, now: Timestamp) -> bool {
        let touches = |party: &Party| {
            party.is_some_and(|party| {
                [observation.from, observation.to].iter().any(|end| {
                    party.ip.is_some() && party.ip == end.ip || party.mac.is_some() && party.mac == end.mac
                })
            })
        };
        self.episodes.iter().rev().take(EPISODES_LOOKED_AT).any(|episode| {
            let finding = &episode.finding;
            let in_the_way = matches!(
                finding.detector.as_str(),
                "arp-interception"
                    | "neighbor-interception"
                    | "contradicting-bytes"
                    | "one-identifier-two-contents"
            );
            in_the_way
                && now.nanoseconds_since(finding.last_seen) < QUIET_NANOSECONDS
                && (touches(&episode.device) || touches(&episode.source))
        })
    }

    /// Findings that are new or grew since the last call, as they are now.
    pub(crate) fn drain(&mut self, inventory: &Inventory) -> Vec<Finding> {
        let changed = std::mem::take(&mut self.changed);
        let mut findings = Vec::new();
        for place in changed {
            if let Some(episode) = self.episodes.get_mut(place) {
                episode.told = true;
                complete(episode, inventory);
                findings.push(episode.finding.clone());
            }
        }
        findings
    }

    /// Brings every finding up to what is known now about its devices.
    pub(crate) fn complete_all(&mut self, inventory: &Inventory) {
        self.episodes.iter_mut().for_each(|episode| complete(episode, inventory));
    }

    /// Every finding, in the order in which they began to be told.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.episodes.iter().map(|episode| &episode.finding)
    }

    /// Alarms that found no room.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }
}

fn begin(alarm: Alarm, inventory: &Inventory) -> Episode {
    let mut finding = Finding {
        id: identifier(&alarm),
        time: alarm.time,
        started: alarm.started,
        last_seen: alarm.time,
        attack: alarm.attack,
        techniques: alarm.techniques.iter().map(|technique| (*technique).to_owned()).collect(),
        detector: Label::new(alarm.detector),
        severity: alarm.severity,
        confidence: alarm.confidence,
        device: None,
        source: None,
        summary: alarm.summary,
        evidence: Vec::new(),
        observations: 1,
        updates: 0,
        silent_if: alarm.silent_if,
        clinical: String::new(),
        playbook: Vec::new(),
    };
    alarm.evidence.into_iter().for_each(|item| evidence::add(&mut finding.evidence, item));
    let mut episode = Episode { finding, device: alarm.device, source: alarm.source, told: false };
    complete(&mut episode, inventory);
    episode
}

/// The same attack in the same capture has the same identifier in every run.
fn identifier(alarm: &Alarm) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [alarm.attack.name(), alarm.detector, &alarm.key, &alarm.started.to_string()] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    format!("f-{}", hasher.finalize().to_hex().get(..16).unwrap_or_default())
}

fn complete(episode: &mut Episode, inventory: &Inventory) {
    let finding = &mut episode.finding;
    finding.device = episode.device.map(|device| inventory.reference(&device));
    finding.source = episode.source.map(|source| inventory.reference(&source));
    let category = episode.device.map(|device| inventory.category(&device)).unwrap_or_default();
    finding.clinical = playbook::clinical(finding.attack, category);
    finding.playbook = playbook::steps(finding.attack, category);
}
