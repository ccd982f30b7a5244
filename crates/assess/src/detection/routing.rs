//! Loops: MITRE ATT&CK T0814, T1498. Packets or messages go round in circles.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wardline_model::fact::{IcmpFact, IcmpKind, MqttFact, ReplicaFact};
use wardline_model::{Attack, Fact, Observation, Protocol, Pseudonym, Severity, Station, Timestamp};

use super::recent::{Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::{MESSAGES_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// Copies of one packet after which it goes in circles; two more hops each is a loop of two routers.
const COPIES_MIN: u32 = 3;
const HOPS_MIN: u8 = 2;
/// Packets in circles within a minute from which on the loop hurts.
const LOOPING_PACKETS_MANY: usize = 20;
/// "Time exceeded" of one router about one destination within ten seconds: a trace of routes makes a few.
const TIME_EXCEEDED_MIN: usize = 50;
/// Full turns of one message within [`TURNS_TOGETHER`].
const TURNS_MIN: u32 = 2;
const TURNS_TOGETHER: i64 = 10 * SECOND;
/// Hops remembered of one message.
const HOPS_PER_MESSAGE_MAX: usize = 12;

#[derive(Default)]
struct Path {
    hops: Vec<(IpAddr, IpAddr)>,
    members: BTreeSet<IpAddr>,
    first: Timestamp,
    last: Timestamp,
    turns: u32,
}

/// Loops of packets and of messages.
pub(super) struct Loop {
    packets: Recent<(IpAddr, IpAddr), Window>,
    exceeded: Recent<(IpAddr, IpAddr), Window>,
    messages: Recent<(Pseudonym, Pseudonym), Path>,
}

impl Default for Loop {
    fn default() -> Self {
        Self {
            packets: Recent::new(SENDERS_MAX),
            exceeded: Recent::new(SENDERS_MAX),
            messages: Recent::within(MESSAGES_MAX, TURNS_TOGETHER),
        }
    }
}

impl Detector for Loop {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        if world.learning {
            return;
        }
        match &observation.fact {
            Fact::Replica(replica) => self.replica(observation, replica, world, episodes),
            Fact::Icmp(icmp) => self.icmp(observation, icmp, world, episodes),
            Fact::Hl7(hl7) => {
                if let (Some(control), Some(content), None) = (hl7.control, hl7.content, &hl7.acknowledgment)
                {
                    self.message(observation, (control, content), Protocol::Hl7, world, episodes);
                }
            }
            // Only what a client publishes goes on from broker to broker; what a broker hands out stays with who asked.
            Fact::Mqtt(mqtt) if observation.to.port < observation.from.port => {
                if let MqttFact::Publish { topic, content, payload_bytes: 1.., .. } = mqtt.as_ref() {
                    self.message(observation, (topic.topic, *content), Protocol::Mqtt, world, episodes);
                }
            }
            _ => {}
        }
    }
}

impl Loop {
    fn replica(
        &mut self,
        observation: &Observation,
        replica: &ReplicaFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        if replica.copies < COPIES_MIN || replica.hops < HOPS_MIN {
            return;
        }
        let time = observation.sighting.time;
        let window = self.packets.at((from, to), time);
        let count = window.add(time, 60 * SECOND);
        let medical = world.is_medical(&observation.from) || world.is_medical(&observation.to);
        let alarm = Alarm {
            attack: Attack::Routing,
            detector: "packets-in-circles",
            key: to.to_string(),
            techniques: &["T0814", "T1498"],
            severity: if medical || count >= LOOPING_PACKETS_MANY { Severity::High } else { Severity::Medium },
            confidence: 0.95,
            device: Some(observation.to),
            source: None,
            summary: format!("Packets from {from} to {to} go round in circles, {} hops each turn.", replica.hops),
            evidence: vec![world.names.evidence(
                observation,
                Protocol::Ipv4,
                "ip.ttl",
                &format!("{}, copy {} of one packet", replica.time_to_live, replica.copies),
            )],
            started: window.first().unwrap_or(time),
            time,
            silent_if: "the packet had been seen fewer than three times, or with the same time to live, as a mirror port doubles it".to_owned(),
        };
        episodes.raise(alarm, world.inventory);
    }

    fn icmp(
        &mut self,
        observation: &Observation,
        icmp: &IcmpFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (IcmpKind::TimeExceeded, Some((source, destination, _)), Some(router)) =
            (icmp.kind, icmp.about, observation.from.ip)
        else {
            return;
        };
        let time = observation.sighting.time;
        let window = self.exceeded.at((router, destination), time);
        let count = window.add(time, 10 * SECOND);
        if count < TIME_EXCEEDED_MIN {
            return;
        }
        let alarm = Alarm {
            attack: Attack::Routing,
            detector: "time-exceeded",
            key: destination.to_string(),
            techniques: &["T0814", "T1498"],
            severity: Severity::Medium,
            confidence: 0.7,
            device: Some(Station { ip: Some(destination), ..Station::default() }),
            source: Some(observation.from),
            summary: format!(
                "{router} drops packets from {source} to {destination} because they have been on their way for too long ({count} within ten seconds)."
            ),
            evidence: vec![world.names.evidence(observation, Protocol::Icmp, "icmp.type", "time exceeded")],
            started: window.first().unwrap_or(time),
            time,
            silent_if: format!(
                "the router had sent fewer than {TIME_EXCEEDED_MIN} of them within ten seconds"
            ),
        };
        episodes.raise(alarm, world.inventory);
    }

    /// A message that comes back to where it was, and goes the same way again.
    fn message(
        &mut self,
        observation: &Observation,
        message: (Pseudonym, Pseudonym),
        protocol: Protocol,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let path = self.messages.at(message, time);
        if path.hops.is_empty() || time.nanoseconds_since(path.last) > TURNS_TOGETHER {
            *path = Path { first: time, ..Path::default() };
        }
        path.last = time;
        let again = path.hops.iter().rposition(|hop| *hop == (from, to));
        if again.is_some_and(|place| returns(path.hops.get(place + 1..).unwrap_or_default(), to, from)) {
            path.turns += 1;
            // A loop is the same wherever one begins to walk it.
            path.members = path.hops.iter().flat_map(|(from, to)| [*from, *to]).collect();
            path.hops.clear();
        }
        if path.hops.len() < HOPS_PER_MESSAGE_MAX {
            path.hops.push((from, to));
        }
        if path.turns < TURNS_MIN {
            return;
        }
        let alarm = Alarm {
            attack: Attack::Routing,
            detector: "messages-in-circles",
            key: path.members.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            techniques: &["T0814", "T0830"],
            severity: Severity::High,
            confidence: 0.9,
            device: Some(observation.to),
            source: Some(observation.from),
            summary: format!(
                "One {protocol} message comes back to {from} and is sent on to {to} again ({} turns).",
                path.turns
            ),
            evidence: vec![world.names.evidence(
                observation,
                protocol,
                if protocol == Protocol::Hl7 { "MSH-10" } else { "mqtt.topic, mqtt.msg" },
                "the same message again",
            )],
            started: path.first,
            time,
            silent_if: "the message had been sent again between the same two only, or had not come back"
                .to_owned(),
        };
        episodes.raise(alarm, world.inventory);
    }
}

/// Whether hops in this order lead from one station to another.
fn returns(hops: &[(IpAddr, IpAddr)], begin: IpAddr, end: IpAddr) -> bool {
    let mut reached = vec![begin];
    for (from, to) in hops {
        if reached.contains(from) && !reached.contains(to) {
            reached.push(*to);
        }
    }
    begin != end && reached.contains(&end)
}
