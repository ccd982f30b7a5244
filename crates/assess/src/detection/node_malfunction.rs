//! A device loses its settings: MITRE ATT&CK T0836, T0838, T0878, T0809, T1565.001.
//!
//! Settings are written over SNMP, and kept in retained MQTT messages that an empty one deletes. Work that is
//! announced in the site file, and the site's management stations, are expected to do so.

use std::net::IpAddr;

use wardline_model::fact::{MqttFact, SnmpFact, SnmpOperation, SnmpValue};
use wardline_model::{Attack, Fact, Observation, Protocol, Pseudonym, ServerRole, Severity};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Writes and deletions that belong together.
const TOGETHER: i64 = 60 * SECOND;
/// Devices written to by one station within [`TOGETHER`] that are more than one person's work.
const DEVICES_MIN: usize = 5;
/// Kept messages deleted within [`TOGETHER`] that are more than tidying up.
const DELETIONS_MIN: usize = 5;
/// Parts of topics under which settings are kept.
const SETTING_TOPICS: &[&str] =
    &["alarm", "config", "emergency", "limit", "setting", "threshold", "contact", "phone", "calibration"];

/// Settings that are changed or erased over the network.
pub(super) struct SettingsErased {
    writers: Recent<IpAddr, Different<IpAddr>>,
    written: Recent<(IpAddr, IpAddr), Window>,
    deleters: Recent<(IpAddr, IpAddr), Different<Pseudonym>>,
}

impl Default for SettingsErased {
    fn default() -> Self {
        Self {
            writers: Recent::new(SENDERS_MAX),
            written: Recent::new(SENDERS_MAX),
            deleters: Recent::new(SENDERS_MAX),
        }
    }
}

impl Detector for SettingsErased {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        match &observation.fact {
            Fact::Snmp(snmp) if snmp.operation == SnmpOperation::Set => {
                self.snmp(observation, (from, to), snmp, world, episodes);
            }
            Fact::Mqtt(mqtt) => self.mqtt(observation, (from, to), mqtt, world, episodes),
            _ => {}
        }
    }
}

impl SettingsErased {
    fn snmp(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        snmp: &SnmpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let devices = self.writers.at(from, time).add(to, time, TOGETHER);
        let window = self.written.at((from, to), time);
        let writes = window.add(time, TOGETHER);
        let started = window.first().unwrap_or(time);
        let expected = world.in_maintenance(Some(to), time)
            || world.inventory.site().has_role(from, ServerRole::Management);
        if expected || world.learning {
            return;
        }
        let erased = snmp.bindings.iter().any(|binding| match &binding.value {
            SnmpValue::Text(text) => text.is_empty(),
            SnmpValue::Opaque(length) => *length == 0,
            SnmpValue::Empty => true,
            _ => false,
        });
        let medical = world.is_medical(&observation.to);
        // Of a device that nobody knows it is not known either that nobody depends on it; and what looks like a person's
        // computer but is managed so may be a device that runs its system.
        let unknown = matches!(
            world.inventory.category(&observation.to),
            wardline_model::Category::Unknown | wardline_model::Category::Workstation
        );
        let severity = match (medical, erased, devices >= DEVICES_MIN) {
            (true, true, _) | (true, _, true) => Severity::High,
            (false, true, false) if unknown => Severity::Medium,
            (true, false, false) | (false, _, true) => Severity::Medium,
            (false, _, false) => Severity::Low,
        };
        let object = snmp.bindings.first().map(|binding| binding.object.to_string()).unwrap_or_default();
        episodes.raise(
            Alarm {
                attack: Attack::NodeMalfunction,
                detector: "settings-written",
                key: from.to_string(),
                techniques: &["T0836", "T0838", "T0878", "T1565.001"],
                severity,
                confidence: if erased { 0.85 } else { 0.7 },
                device: Some(observation.to),
                source: Some(observation.from),
                summary: format!(
                    "{from} {} settings of {to} over SNMP ({writes} writes{}).",
                    if erased { "erases" } else { "changes" },
                    if devices > 1 { format!("; {devices} devices within a minute") } else { String::new() }
                ),
                evidence: vec![world.names.evidence(observation, Protocol::Snmp, "snmp.set-request", &object)],
                started,
                time,
                silent_if: format!("a maintenance window of the site file had covered {to}, or {from} were named there as management"),
            },
            world.inventory,
        );
    }

    fn mqtt(
        &mut self,
        observation: &Observation,
        (from, to): (IpAddr, IpAddr),
        mqtt: &MqttFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let MqttFact::Publish { topic, retained: true, payload_bytes: 0, .. } = mqtt else { return };
        let time = observation.sighting.time;
        let deleted = self.deleters.at((from, to), time);
        let count = deleted.add(topic.topic, time, TOGETHER);
        let started = deleted.first().unwrap_or(time);
        if world.learning || world.in_maintenance(Some(to), time) || world.in_maintenance(Some(from), time) {
            return;
        }
        let shape = topic.shape.as_str().to_lowercase();
        let setting = SETTING_TOPICS.iter().any(|part| shape.contains(part));
        let severity = match (setting, count >= DELETIONS_MIN) {
            (true, true) => Severity::Critical,
            (true, false) => Severity::High,
            (false, true) => Severity::Medium,
            (false, false) => Severity::Low,
        };
        episodes.raise(
            Alarm {
                attack: Attack::NodeMalfunction,
                detector: "kept-settings-deleted",
                key: format!("{from} {to}"),
                techniques: &["T0809", "T0836", "T1485"],
                severity,
                confidence: if setting { 0.85 } else { 0.6 },
                device: Some(observation.to),
                source: Some(observation.from),
                summary: format!(
                    "{from} deletes {count} kept message{} at the broker {to}{}.",
                    if count == 1 { "" } else { "s" },
                    if setting { ", settings of devices among them" } else { "" }
                ),
                evidence: vec![world.names.evidence(
                    observation,
                    Protocol::Mqtt,
                    "mqtt.retain, empty message",
                    topic.shape.as_str(),
                )],
                started,
                time,
                silent_if: "the message had had a content, or a maintenance window of the site file had covered the broker or the sender".to_owned(),
            },
            world.inventory,
        );
    }
}
