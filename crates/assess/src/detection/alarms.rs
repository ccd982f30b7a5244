//! Alarms that nobody will hear: MITRE ATT&CK T0878, T0838, T0836.
//!
//! What devices say of their own alarms (HL7 PCD-04, SDC) tells when an alarm is paused or switched off and when its
//! limits are given up, whoever did so and however his command was hidden. Nurses pause alarms at the bed all day: one
//! device alone says nothing, unless a station on the network had just given it an order.

use std::hash::BuildHasher;
use std::net::IpAddr;

use wardline_model::fact::{AlarmFact, AlarmLimits, SnmpOperation};
use wardline_model::{
    Attack, Criticality, Fact, Label, Observation, Protocol, ServerRole, Severity, Station, Timestamp,
};

use super::recent::{Different, Recent};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Alarms remembered of one device; a monitor has some twenty that are ever used.
const ALARMS_PER_DEVICE_MAX: usize = 32;
/// What a device does within this time after an order is because of it.
const AFTER_ORDER: i64 = 30 * SECOND;
/// A station that gave orders so long before is at its work.
const ORDERS_ORDINARY: i64 = 600 * SECOND;
/// Devices whose alarms are switched off within [`TOGETHER`]: more than the beds that one nurse stands at.
const DEVICES_MIN: usize = 5;
const TOGETHER: i64 = 60 * SECOND;
/// As many of those of the last hour must have been switched off now, or it is what this ward does: four of five.
const USUAL: i64 = 3_600 * SECOND;
/// Time of watching after which it is known what is usual.
const WATCHED_MIN: i64 = 600 * SECOND;
/// A pause ends by itself (IEC 60601-1-8 section 6.8.5), by default after two minutes, on no device after half an hour.
const PAUSE_MAX: i64 = 1_800 * SECOND;

/// Whether an alarm would be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    On,
    Paused,
    Off,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    alarm: u64,
    activation: Option<Activation>,
    /// Since when it has been so; `None` where it was so from the start.
    since: Option<Timestamp>,
    limits: Option<AlarmLimits>,
}

/// The newest order that a station got.
#[derive(Clone, Debug, Default)]
struct Order {
    from: Station,
    protocol: Option<Protocol>,
    command: Label,
    time: Timestamp,
    /// The same station had given it orders long before.
    ordinary: bool,
    first: Timestamp,
}

/// A device that speaks for itself, or behind a gateway.
type Device = (IpAddr, Option<Label>);

/// Alarms that are switched off, paused for ever or widened until they say nothing.
pub(super) struct AlarmsLost {
    devices: Recent<Device, Vec<Known>>,
    orders: Recent<IpAddr, Order>,
    switched_off: Different<u64>,
    began: Option<Timestamp>,
}

impl Default for AlarmsLost {
    fn default() -> Self {
        Self {
            devices: Recent::new(SENDERS_MAX),
            orders: Recent::new(SENDERS_MAX),
            switched_off: Different::default(),
            began: None,
        }
    }
}

impl Detector for AlarmsLost {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Alarm(alarm) => self.alarm(observation, alarm, world, episodes),
            Fact::Control(control) if control.accepted.is_none() && control.operation.changes() => {
                self.order(observation, control.protocol, control.command.clone(), world.learning);
            }
            Fact::Snmp(snmp) if snmp.operation == SnmpOperation::Set => {
                self.order(observation, Protocol::Snmp, Label::new("set-request"), world.learning);
            }
            _ => {}
        }
    }
}

impl AlarmsLost {
    fn order(&mut self, observation: &Observation, protocol: Protocol, command: Label, learning: bool) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let order = self.orders.at(to, time);
        if order.from.ip != Some(from) {
            *order = Order { first: time, ..Order::default() };
        }
        order.ordinary |= learning || time.nanoseconds_since(order.first) > ORDERS_ORDINARY;
        (order.from, order.protocol, order.command, order.time) =
            (observation.from, Some(protocol), command, time);
    }

    fn alarm(
        &mut self,
        observation: &Observation,
        alarm: &AlarmFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(from) = observation.from.ip else { return };
        let time = observation.sighting.time;
        let began = *self.began.get_or_insert(time);
        let hasher = foldhash::fast::FixedState::default();
        let number = hasher.hash_one((&alarm.event, &alarm.name, &alarm.source));
        let device = (from, alarm.device.clone());
        let known = self.devices.at(device.clone(), time);
        let over = is_over(alarm);
        if over && alarm.protocol == Protocol::Hl7 {
            // What this alarm was set to ends with it.
            known.retain(|known| known.alarm != number);
            return;
        }
        let activation = alarm.inactivation.as_ref().and_then(activation);
        let now = Known { alarm: number, activation, since: None, limits: alarm.limits };
        let Some(before) = known.iter_mut().find(|known| known.alarm == number) else {
            if known.len() >= ALARMS_PER_DEVICE_MAX {
                known.remove(0);
            }
            known.push(now);
            return;
        };
        let old = *before;
        if activation.is_some() && activation != old.activation {
            (before.activation, before.since) = (activation, Some(time));
        }
        before.limits = alarm.limits.or(old.limits);
        let since = before.since;
        if world.learning || world.in_maintenance(Some(from), time) {
            return;
        }
        let lost = lost(&old, &now);
        if let Some(what) = lost {
            self.on_order(observation, alarm, what, world, episodes);
            self.together(observation, alarm, (hasher.hash_one(device), what, began), world, episodes);
        }
        if let (Some(since), None, Some(Activation::Paused)) = (since, lost, activation)
            && time.nanoseconds_since(since) > PAUSE_MAX
        {
            paused(observation, alarm, since, world, episodes);
        }
    }

    /// An order came over the network, and an alarm is lost.
    fn on_order(
        &self,
        observation: &Observation,
        alarm: &AlarmFact,
        what: &'static str,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let Some(order) = observation.from.ip.and_then(|from| self.orders.get(&from)) else { return };
        let (Some(by), Some(protocol)) = (order.from.ip, order.protocol) else { return };
        let site = world.inventory.site();
        let by_order = [ServerRole::Management, ServerRole::CentralStation, ServerRole::PumpServer]
            .iter()
            .any(|role| site.has_role(by, *role));
        if time.nanoseconds_since(order.time) > AFTER_ORDER || order.ordinary || by_order {
            return;
        }
        let vital = matches!(
            world.inventory.criticality(&observation.from),
            Some(Criticality::LifeSustaining | Criticality::Therapy)
        );
        episodes.raise(
            Alarm {
                techniques: &["T0878", "T0838", "T0836"],
                severity: if vital { Severity::Critical } else { Severity::High },
                confidence: 0.85,
                device: Some(observation.from),
                source: Some(order.from),
                summary: format!(
                    "An alarm of {} {what} right after {by} gave it an order over {protocol} ({}).",
                    ip(observation),
                    order.command
                ),
                evidence: vec![evidence(observation, alarm, world)],
                started: order.time,
                silent_if: format!(
                    "{by} had given it orders from the start, were named as management, central station or pump server in the site file, or a maintenance window had covered {}",
                    ip(observation)
                ),
                ..Alarm::about(
                    Attack::NodeMalfunction,
                    "alarm-lost-on-order",
                    format!("{by} {}", ip(observation)),
                    observation,
                )
            },
            world.inventory,
        );
    }

    /// The alarms of many devices at once.
    fn together(
        &mut self,
        observation: &Observation,
        alarm: &AlarmFact,
        (device, what, began): (u64, &'static str, Timestamp),
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        // A pause is for the alarm that sounds: whole wards do so within a minute.
        if alarm.inactivation.as_ref().and_then(activation) == Some(Activation::Paused) {
            return;
        }
        let usual = self.switched_off.add(device, time, USUAL);
        let count = self.switched_off.count(time, TOGETHER);
        if count < DEVICES_MIN || 5 * count < 4 * usual {
            return;
        }
        let watched = time.nanoseconds_since(began) > WATCHED_MIN;
        episodes.raise(
            Alarm {
                techniques: &["T0878", "T0838"],
                severity: if watched { Severity::High } else { Severity::Low },
                confidence: 0.75,
                device: Some(observation.from),
                source: None,
                summary: format!(
                    "Alarms of {count} devices were lost within a minute; the newest, of {}, {what}.",
                    ip(observation)
                ),
                evidence: vec![evidence(observation, alarm, world)],
                started: self.switched_off.first_within(time, TOGETHER).unwrap_or(time),
                silent_if: format!(
                    "alarms of fewer than {DEVICES_MIN} devices had been switched off within a minute, as many had been in the hour before, or a maintenance window had covered them"
                ),
                ..Alarm::about(Attack::NodeMalfunction, "alarms-off-together", "site".to_owned(), observation)
            },
            world.inventory,
        );
    }
}

/// A pause that does not end.
fn paused(
    observation: &Observation,
    alarm: &AlarmFact,
    since: Timestamp,
    world: &World<'_>,
    episodes: &mut Episodes,
) {
    let time = observation.sighting.time;
    let minutes = time.nanoseconds_since(since) / (60 * SECOND);
    episodes.raise(
        Alarm {
            techniques: &["T0878"],
            severity: Severity::Medium,
            confidence: 0.6,
            device: Some(observation.from),
            source: None,
            summary: format!("An alarm of {} has been paused for {minutes} minutes.", ip(observation)),
            evidence: vec![evidence(observation, alarm, world)],
            started: since,
            silent_if: "the pause had ended within half an hour, or the alarm had been switched off for good"
                .to_owned(),
            ..Alarm::about(Attack::NodeMalfunction, "alarm-paused-long", ip(observation), observation)
        },
        world.inventory,
    );
}

fn ip(observation: &Observation) -> String {
    observation.from.ip.map(|ip| ip.to_string()).unwrap_or_default()
}

fn evidence(observation: &Observation, alarm: &AlarmFact, world: &World<'_>) -> wardline_model::Evidence {
    let state = alarm.inactivation.as_ref().map_or("", Label::as_str);
    let limits = alarm.limits.map(|limits| format!("; limits {:?} to {:?}", limits.lower, limits.upper));
    let value = format!("{} {state}{}", alarm.event, limits.unwrap_or_default());
    world.names.evidence(observation, alarm.protocol, "alarm inactivation state", &value)
}

/// The words of IHE PCD-04 (volume 3, table of MDC_ATTR_ALARM_INACTIVATION_STATE) and of IEEE 11073-10207
/// (AlertActivation).
fn activation(word: &Label) -> Option<Activation> {
    Some(match word.as_str().to_ascii_lowercase().as_str() {
        "on" | "enabled" | "alert-acknowledged" => Activation::On,
        "psd" | "audio-paused" | "alarm-paused" => Activation::Paused,
        "off" | "audio-off" | "alarm-off" => Activation::Off,
        _ => return None,
    })
}

fn is_over(alarm: &AlarmFact) -> bool {
    let is = |label: &Option<Label>, word: &str| {
        label.as_ref().is_some_and(|label| label.as_str().eq_ignore_ascii_case(word))
    };
    is(&alarm.phase, "end") || is(&alarm.state, "inactive")
}

/// How an alarm was lost from one of its states to the next.
fn lost(old: &Known, new: &Known) -> Option<&'static str> {
    match (old.activation, new.activation) {
        (Some(Activation::On), Some(Activation::Paused)) => return Some("was paused"),
        (Some(Activation::On | Activation::Paused), Some(Activation::Off)) => {
            return Some("was switched off");
        }
        _ => {}
    }
    let (old, new) = (old.limits?, new.limits?);
    if old.lower.is_some() && new.lower.is_none() || old.upper.is_some() && new.upper.is_none() {
        return Some("lost a limit");
    }
    match ((old.lower, old.upper), (new.lower, new.upper)) {
        ((Some(lower), Some(upper)), (Some(low), Some(high)))
            if upper > lower && high - low >= 2.0 * (upper - lower) =>
        {
            Some("had its limits widened to twice their distance or more")
        }
        _ => None,
    }
}
