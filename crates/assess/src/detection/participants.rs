//! Participants of IEEE 11073 SDC who are not who they should be: MITRE ATT&CK T0856, T0848, T0861, T0802.
//!
//! * A provider counts what it tells: `MdibVersion` within one `SequenceId`, which is made up anew at each start and
//!   belongs to one device alone. From a second station it is a replay or a forgery.
//! * A consumer asks devices for all they know and subscribes to what they tell. One that nobody knew and that asks
//!   many devices gathers.

use std::collections::VecDeque;
use std::net::IpAddr;

use wardline_model::fact::SdcFact;
use wardline_model::{Attack, Fact, Label, Observation, Protocol, ServerRole, Severity, Station, Timestamp};

use super::recent::{Different, Recent};
use super::{Alarm, Detector, Episodes, World};
use crate::inventory::DeviceKey;
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Versions of one run that are remembered, to know what is only passed on.
const VERSIONS_MAX: usize = 32;
/// Messages of a second station that are its own, before it is told.
const STRANGE_MIN: u32 = 2;
/// Within this time both stations speak, or the device has only moved.
const BOTH_ALIVE: i64 = 60 * SECOND;
/// Devices asked by one new consumer within [`TOGETHER`].
const DEVICES_MIN: usize = 5;
const TOGETHER: i64 = 60 * SECOND;
/// Time of watching after which a consumer that was never seen is new.
const WATCHED_MIN: i64 = 600 * SECOND;

/// Another station than the owner of a run.
#[derive(Clone, Copy, Debug)]
struct Other {
    ip: IpAddr,
    first: Timestamp,
    strange: u32,
}

#[derive(Clone, Debug, Default)]
struct Run {
    owner: Option<(Station, Option<DeviceKey>)>,
    last: Timestamp,
    versions: VecDeque<u64>,
    other: Option<Other>,
}

#[derive(Clone, Debug, Default)]
struct Consumer {
    /// When it asked first; known before anybody could say that it is new.
    first: Option<Timestamp>,
    known: bool,
    asked: Different<IpAddr>,
}

/// Forged providers and new consumers.
pub(super) struct Participants {
    runs: Recent<Label, Run>,
    consumers: Recent<IpAddr, Consumer>,
    began: Option<Timestamp>,
}

impl Default for Participants {
    fn default() -> Self {
        Self { runs: Recent::new(SENDERS_MAX), consumers: Recent::new(SENDERS_MAX), began: None }
    }
}

impl Detector for Participants {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Fact::Sdc(sdc) = &observation.fact else { return };
        self.began.get_or_insert(observation.sighting.time);
        match (sdc.mdib_version, &sdc.sequence) {
            (Some(version), Some(sequence)) => {
                self.told(observation, (version, sequence), sdc, world, episodes)
            }
            _ if matches!(
                sdc.action.as_str(),
                "Subscribe" | "GetMdib" | "GetMdState" | "GetMdDescription"
            ) =>
            {
                self.asked(observation, sdc, world, episodes);
            }
            _ => {}
        }
    }
}

impl Participants {
    fn told(
        &mut self,
        observation: &Observation,
        (version, sequence): (u64, &Label),
        sdc: &SdcFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(from) = observation.from.ip else { return };
        let time = observation.sighting.time;
        let key = world.inventory.key_of(&observation.from);
        let run = self.runs.at(sequence.clone(), time);
        let (owner, owner_key) = *run.owner.get_or_insert((observation.from, key));
        if owner.ip == Some(from) || key.is_some() && key == owner_key {
            run.last = time;
            if run.versions.len() >= VERSIONS_MAX {
                run.versions.pop_front();
            }
            run.versions.push_back(version);
            return;
        }
        // What the owner told just now is passed on, or seen on both sides of a translator of addresses.
        if run.versions.contains(&version) {
            return;
        }
        let other = run.other.get_or_insert(Other { ip: from, first: time, strange: 0 });
        if other.ip != from || time.nanoseconds_since(run.last) > BOTH_ALIVE {
            // The owner is gone: the run goes on elsewhere.
            if time.nanoseconds_since(run.last) > BOTH_ALIVE {
                *run = Run { owner: Some((observation.from, key)), last: time, ..Run::default() };
            } else {
                *other = Other { ip: from, first: time, strange: 1 };
            }
            return;
        }
        other.strange += 1;
        if other.strange < STRANGE_MIN || run.last <= other.first {
            return;
        }
        let (started, newest) = (other.first, run.versions.back().copied().unwrap_or_default());
        if world.learning || world.in_maintenance(owner.ip, time) {
            return;
        }
        let owner_ip = owner.ip.map(|ip| ip.to_string()).unwrap_or_default();
        episodes.raise(
            Alarm {
                techniques: &["T0856", "T0848"],
                severity: Severity::High,
                confidence: 0.85,
                device: Some(owner),
                summary: format!(
                    "{from} tells states of the running device {owner_ip} as its own (version {version}, while that device is at {newest})."
                ),
                evidence: vec![world.names.evidence(
                    observation,
                    Protocol::Sdc,
                    "SequenceId, MdibVersion",
                    &format!("{} {sequence} {version}", sdc.action),
                )],
                started,
                silent_if: format!(
                    "{owner_ip} had fallen silent before, {from} had passed on only what it had told, or a maintenance window had covered it"
                ),
                ..Alarm::about(Attack::Physical, "sequence-of-another", format!("{owner_ip} {from}"), observation)
            },
            world.inventory,
        );
    }

    fn asked(
        &mut self,
        observation: &Observation,
        sdc: &SdcFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let began = self.began.unwrap_or(time);
        let consumer = self.consumers.at(from, time);
        let first = *consumer.first.get_or_insert(time);
        consumer.known |= world.learning
            || first.nanoseconds_since(began) < WATCHED_MIN
            || time.nanoseconds_since(first) > WATCHED_MIN;
        let count = consumer.asked.add(to, time, TOGETHER);
        let site = world.inventory.site();
        let by_order = [
            ServerRole::CentralStation,
            ServerRole::Management,
            ServerRole::Scanner,
            ServerRole::IntegrationEngine,
        ]
        .iter()
        .any(|role| site.has_role(from, *role));
        if count < DEVICES_MIN || consumer.known || by_order || world.in_maintenance(Some(from), time) {
            return;
        }
        let started = consumer.asked.first().unwrap_or(time);
        episodes.raise(
            Alarm {
                techniques: &["T0861", "T0802"],
                severity: Severity::Medium,
                confidence: 0.7,
                summary: format!(
                    "{from}, which was no consumer before, asks {count} devices within a minute for what they know or tell."
                ),
                evidence: vec![world.names.evidence(
                    observation,
                    Protocol::Sdc,
                    "wsa:Action",
                    sdc.action.as_str(),
                )],
                started,
                silent_if: format!(
                    "{from} had asked devices from the start, fewer than {DEVICES_MIN} had been asked within a minute, or the site file named it as central station, management, engine or scanner"
                ),
                ..Alarm::about(Attack::PassiveGathering, "new-consumer", from.to_string(), observation)
            },
            world.inventory,
        );
    }
}
