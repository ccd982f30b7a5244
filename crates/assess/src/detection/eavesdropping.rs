//! Somebody listens in on a room: MITRE ATT&CK T1123, T1041, T0887.
//!
//! Sound over the network gives itself away by its signalling (SIP, RTSP), by its packets (RTP), and where both are
//! encrypted by its pace. A device whose kind has no microphone sends none. What is recorded and kept on the
//! device, or sent later as a file, cannot be seen and is not claimed.

use std::net::IpAddr;

use wardline_model::fact::{RtpFact, SipMessage};
use wardline_model::{Attack, Category, Fact, Observation, Protocol, Severity, Timestamp};

use super::recent::{Recent, Window};
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::{is_internal, is_unicast};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// Calls of one device within this time are one.
const CALL: i64 = 600 * SECOND;
/// RTP payload types that carry sound in RFC 3551; from 96 on it is agreed in the call.
const AUDIO_TYPES: std::ops::RangeInclusive<u8> = 0..=18;

/// How long a device of unknown kind must have done other things before its first sound is out of character.
const SILENT_FOR: i64 = 20 * SECOND;
/// Addresses outside that a machine of one purpose speaks to; a person's computer has more.
const PEERS_OUTSIDE_MAX: usize = 2;
/// Time of watching after which a station that was never seen is new, and how long it stays so.
const WATCHED_MIN: i64 = 40 * SECOND;
const NEW_FOR: i64 = 600 * SECOND;

/// What is known of a station that may or may not have a microphone.
#[derive(Clone, Debug, Default)]
struct Habit {
    first: Option<Timestamp>,
    outside: Vec<IpAddr>,
    /// It is a telephone: it registered, or made a sound from the start.
    sounds: bool,
    /// It arranges calls or looks for the way to somebody: SIP, RTSP, STUN.
    arranges: bool,
}

/// Sound from devices that have no business with it.
pub(super) struct Listening {
    calls: Recent<IpAddr, Window>,
    habits: Recent<IpAddr, Habit>,
    began: Option<Timestamp>,
    /// What is said from outside is seen here: only then is silence an answer that was not given.
    hears_outside: bool,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            calls: Recent::new(SENDERS_MAX),
            habits: Recent::new(SENDERS_MAX),
            began: None,
            hears_outside: false,
        }
    }
}

/// Whether an address is that of somebody outside; groups are not.
fn is_outside(ip: IpAddr, world: &World<'_>) -> bool {
    !is_internal(ip) && is_unicast(ip) && world.inventory.site().network_of(ip).is_none()
}

/// A sound.
struct Sound<'a> {
    protocol: Protocol,
    value: &'a str,
    what: &'static str,
    /// It went on for some seconds and whoever listens has said nothing at all.
    unanswered: bool,
}

/// Whether a kind of device may send sound.
const fn speaks(category: Category) -> Option<bool> {
    match category {
        Category::Phone | Category::NurseCall | Category::Camera => Some(true),
        // People hold meetings at them; servers mix and record calls.
        Category::Workstation
        | Category::Server
        | Category::RadiologyWorkstation
        | Category::Ehr
        | Category::IntegrationEngine
        | Category::Network => Some(true),
        // A carer's cart or a wearable with emergency call.
        Category::Wearable | Category::MedicalOther | Category::Unknown => None,
        _ => Some(false),
    }
}

impl Detector for Listening {
    fn conversations(&self) -> Conversations {
        Conversations::Both
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            // The end of a conversation says nothing that its begin did not, but for what was spoken.
            Fact::ConversationEnded(conversation) => {
                if matches!(conversation.application, Some(Protocol::Stun | Protocol::Rtsp | Protocol::Sip)) {
                    self.remember(observation, world);
                }
            }
            _ => self.remember(observation, world),
        }
        match &observation.fact {
            Fact::Rtp(rtp) => self.rtp(observation, rtp, world, episodes),
            Fact::Sip(sip) => {
                if let SipMessage::Request(method) = &sip.message
                    && method.as_str() == "INVITE"
                {
                    let sound =
                        Sound { protocol: Protocol::Sip, value: "INVITE", what: "a call", unanswered: false };
                    self.sound(observation, sound, world, episodes);
                }
            }
            Fact::Pace(pace) => {
                let value = format!("{} ms, {} bytes", pace.interval_ms, pace.bytes_mean);
                let sound = Sound {
                    protocol: Protocol::Udp,
                    value: &value,
                    what: "a stream at the pace of speech",
                    unanswered: !pace.answered,
                };
                self.sound(observation, sound, world, episodes);
            }
            Fact::ConversationEnded(conversation) if conversation.application == Some(Protocol::Rtsp) => {
                self.camera(observation, world, episodes);
            }
            _ => {}
        }
    }
}

impl Listening {
    /// What a station does besides.
    fn remember(&mut self, observation: &Observation, world: &World<'_>) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        self.began.get_or_insert(time);
        if is_outside(from, world) {
            self.hears_outside = true;
            return;
        }
        let habit = self.habits.at(from, time);
        habit.first.get_or_insert(time);
        if habit.outside.len() <= PEERS_OUTSIDE_MAX && is_outside(to, world) && !habit.outside.contains(&to) {
            habit.outside.push(to);
        }
        match &observation.fact {
            Fact::Sip(sip) => {
                habit.arranges = true;
                habit.sounds |=
                    matches!(&sip.message, SipMessage::Request(method) if method.as_str() == "REGISTER");
            }
            Fact::Identity(told) => habit.arranges |= told.protocol == Protocol::Stun,
            // Only those of which it is asked come here.
            Fact::ConversationEnded(_) => habit.arranges = true,
            _ => {}
        }
    }

    /// Whether a station of unknown kind that was silent until now, and is nobody's computer, makes a sound.
    fn out_of_character(&mut self, from: IpAddr, time: Timestamp) -> bool {
        let habit = self.habits.at(from, time);
        let young = habit.first.is_none_or(|first| time.nanoseconds_since(first) < SILENT_FOR);
        habit.sounds |= young;
        !habit.sounds && habit.outside.len() <= PEERS_OUTSIDE_MAX
    }

    /// Whether a station came after the watching began, not long ago.
    fn is_new(&self, ip: IpAddr, time: Timestamp) -> bool {
        let first = self.habits.get(&ip).and_then(|habit| habit.first).unwrap_or(time);
        self.began.is_some_and(|began| first.nanoseconds_since(began) >= WATCHED_MIN)
            && time.nanoseconds_since(first) < NEW_FOR
    }

    fn rtp(&mut self, observation: &Observation, rtp: &RtpFact, world: &World<'_>, episodes: &mut Episodes) {
        let video = rtp.payload_type > *AUDIO_TYPES.end() && rtp.payload_type < 96;
        if !video {
            let value = format!("payload type {}, every {} ms", rtp.payload_type, rtp.interval_ms);
            let sound = Sound { protocol: Protocol::Rtp, value: &value, what: "sound", unanswered: false };
            self.sound(observation, sound, world, episodes);
        }
    }

    fn sound(
        &mut self,
        observation: &Observation,
        sound: Sound<'_>,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Sound { protocol, value, what, unanswered } = sound;
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        if !is_internal(from) {
            return;
        }
        let time = observation.sighting.time;
        let category = world.inventory.category(&observation.from);
        let outside = is_outside(to, world);
        let out_of_character = self.out_of_character(from, time);
        let habit = self.habits.get(&from);
        let arranged = habit.is_some_and(|habit| habit.arranges);
        let only_peer = out_of_character && habit.is_some_and(|habit| habit.outside == [to]);
        // Whoever takes part in a call answers, and the call was arranged; a listener does neither.
        let listened_to = unanswered && self.hears_outside && !arranged;
        let medical = world.is_medical(&observation.from);
        let (severity, confidence) = match (speaks(category), outside) {
            (Some(false), _) => (Severity::High, 0.85),
            // A medical device of whatever kind: it reports results, or its maker makes nothing else.
            (None, _) if medical && category != Category::Wearable => (Severity::High, 0.8),
            // What reports the results of one patient is at a bed, whatever system it runs.
            (Some(true), _) if world.roles.is_at_a_bed(from) && out_of_character => (Severity::High, 0.7),
            // A machine that did other things until now, and has no other business outside.
            (None, true) if category == Category::Unknown && out_of_character => (Severity::Medium, 0.6),
            // So does what looks like a person's computer and has only this one peer outside.
            (Some(true), true) if category == Category::Workstation && listened_to && only_peer => {
                (Severity::Medium, 0.6)
            }
            // To somebody who has just come, from a machine that made no sound before.
            (None, false) | (Some(true), false)
                if matches!(category, Category::Unknown | Category::Workstation)
                    && unanswered
                    && out_of_character
                    && self.is_new(to, time) =>
            {
                (Severity::Medium, 0.5)
            }
            (Some(true), _) => return,
            (None, true) if category == Category::Unknown && listened_to => (Severity::Medium, 0.6),
            // Nobody knows what it is: sound that leaves the house is told, a call inside is a telephone.
            (None, true) if category == Category::Unknown => (Severity::Low, 0.4),
            (None, true) => (Severity::Medium, 0.6),
            (None, false) if protocol == Protocol::Rtp && category != Category::Unknown => {
                (Severity::Medium, 0.6)
            }
            (None, false) => return,
        };
        let calls = self.calls.at(from, time);
        let _ = calls.add(time, CALL);
        if world.learning || world.in_maintenance(Some(from), time) {
            return;
        }
        let started = calls.first().unwrap_or(time);
        let kind = if category == Category::Unknown {
            "a device of unknown kind".to_owned()
        } else {
            format!("a device of kind {category}")
        };
        episodes.raise(
            Alarm {
                techniques: &["T1123", "T1041", "T0887"],
                severity,
                confidence,
                device: Some(observation.from),
                source: Some(observation.to),
                summary: format!(
                    "{from}, {kind}, sends {what} to {to}{}: somebody may listen in.",
                    if outside { ", outside the hospital" } else { "" }
                ),
                evidence: vec![world.names.evidence(observation, protocol, "stream", value)],
                started,
                silent_if: format!(
                    "{from} were a telephone, nurse call or camera, whoever listened had taken part in a call that was arranged before, or no sound had been sent"
                ),
                ..Alarm::about(Attack::Eavesdropping, "sound-without-role", from.to_string(), observation)
            },
            world.inventory,
        );
    }

    /// Pictures and sound of a camera that leave the house.
    fn camera(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let (Some(viewer), Some(camera)) = (observation.from.ip, observation.to.ip) else { return };
        if is_internal(viewer) || !is_internal(camera) || world.learning {
            return;
        }
        episodes.raise(
            Alarm {
                techniques: &["T1125", "T1123", "T1041"],
                severity: Severity::High,
                confidence: 0.8,
                summary: format!("{viewer}, outside the hospital, watches the camera {camera}."),
                evidence: vec![world.names.evidence(
                    observation,
                    Protocol::Rtsp,
                    "conversation",
                    "from outside",
                )],
                silent_if: "whoever watched had been inside the hospital".to_owned(),
                ..Alarm::about(Attack::Eavesdropping, "watched-from-outside", camera.to_string(), observation)
            },
            world.inventory,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_medical_devices_are_mute() {
        assert_eq!(speaks(Category::InfusionPump), Some(false));
        assert_eq!(speaks(Category::Phone), Some(true));
        assert_eq!(speaks(Category::Unknown), None);
        let mute = Category::ALL.iter().filter(|category| speaks(**category) == Some(false));
        assert!(mute.count() > 15);
    }
}
