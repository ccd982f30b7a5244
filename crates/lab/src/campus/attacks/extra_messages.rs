//! Messages that nobody needed, sent to learn from the reaction or to mislead.

use rand::RngExt as _;
use wardline_model::Attack::TrafficAnalysis;

use super::{Made, Role, Variant, crude, later, stealthy};
use crate::campus::day::{MLLP, MQTT, Twist};
use crate::campus::network::STEP_NS;
use crate::campus::{Campus, SECOND};
use crate::speech::dialect::{self, Reading};
use crate::speech::telemetry;

pub(super) const VARIANTS: &[Variant] = &[
    crude(TrafficAnalysis, "messages-replayed", replay),
    crude(TrafficAnalysis, "results-under-new-numbers", renumbered),
    later(crude(TrafficAnalysis, "publisher-on-anothers-topic", publisher)),
    later(crude(TrafficAnalysis, "second-recipient", recipient)),
    later(crude(TrafficAnalysis, "many-more-messages", burst)),
    stealthy(TrafficAnalysis, "one-message-replayed", single),
];

fn monitor(campus: &mut Campus) -> usize {
    let monitors = campus.reporters(|role| role == Role::Monitor);
    campus.pick(&monitors)
}

/// A monitor's messages, in the order in which they are sent once; then an intruder sends them again.
fn recorded(campus: &mut Campus, now: i64, (count, again_after): (usize, i64), keep_number: bool) -> Made {
    let device = monitor(campus);
    let speaker = campus.unit(device).via.unwrap_or(device);
    let subnet = campus.unit(speaker).subnet;
    let intruder = campus.intrude(subnet);
    let recipient = campus.the(Role::Engine);
    for number in 0..count {
        let at = now + number as i64 * 5 * SECOND;
        campus.at(at, move |campus, now| {
            let readings = readings(campus);
            let (message, control) = campus.compose(now, device, &readings, Twist::default());
            campus.deliver(now, speaker, message.clone(), &control);
            let (later, new) = if keep_number { (message, control) } else { renumber(&message, &control) };
            campus.at(now + again_after, move |campus, now| campus.deliver(now, intruder, later, &new));
        });
    }
    Made { victims: vec![recipient, device, speaker], sources: vec![intruder], ..Made::default() }
}

fn readings(campus: &mut Campus) -> Vec<Reading> {
    let mut value = |low: u32, high: u32| f64::from(campus.chance.random_range(low..high));
    vec![
        (dialect::HEART_RATE, value(60, 100)),
        (dialect::OXYGEN, value(92, 100)),
        (dialect::BREATHS, value(10, 22)),
        (dialect::SYSTOLIC, value(100, 150)),
    ]
}

/// The same results under another number.
fn renumber(message: &[u8], control: &str) -> (Vec<u8>, String) {
    let new: String = control.chars().rev().collect();
    let new = if new == control { format!("{}7", &control[1..]) } else { new };
    (String::from_utf8_lossy(message).replace(control, &new).into_bytes(), new)
}

fn replay(campus: &mut Campus, now: i64, _: i64) -> Made {
    recorded(campus, now, (8, 75 * SECOND), true)
}

fn renumbered(campus: &mut Campus, now: i64, _: i64) -> Made {
    recorded(campus, now, (8, 75 * SECOND), false)
}

fn single(campus: &mut Campus, now: i64, _: i64) -> Made {
    recorded(campus, now, (1, 75 * SECOND), true)
}

fn publisher(campus: &mut Campus, now: i64, until: i64) -> Made {
    let sensor = campus.one_with(|role| role == Role::Sensor);
    let (topic, broker) = (campus.topic(sensor), campus.the(Role::Broker));
    let intruder = campus.intrude(0);
    campus.every(now, 4 * SECOND, until, move |campus, now| {
        let payload = format!("{{\"temp\":41.{},\"n\":{}}}", now % 10, now % 997);
        let said = [
            (true, telemetry::connect("paho-77", 60, None)),
            (false, telemetry::connected(0)),
            (true, telemetry::publish(&topic, payload.as_bytes(), false)),
            (true, telemetry::goodbye()),
        ];
        campus.talk(now, intruder, (broker, MQTT), &said);
    });
    Made { victims: vec![broker, sensor], sources: vec![intruder], ..Made::default() }
}

/// A device's messages also go to somebody else.
fn recipient(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    let speaker = campus.unit(device).via.unwrap_or(device);
    let intruder = campus.intrude(0);
    let period = campus.unit(device).period_ns;
    campus.every(now, period, until, move |campus, now| {
        let (message, control) = campus.result_of(now, device, Twist::default());
        let time = campus.shown_time(now, intruder);
        let answer = campus.dialect.acknowledgment(&control, &time);
        campus.talk(now, speaker, (intruder, MLLP), &[(true, message), (false, answer)]);
    });
    Made { victims: vec![intruder, device, speaker], sources: vec![device, speaker], ..Made::default() }
}

fn burst(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    let speaker = campus.unit(device).via.unwrap_or(device);
    campus.every(now, SECOND / 4, until.min(now + 120 * SECOND), move |campus, now| {
        let (message, control) = campus.result_of(now, device, Twist::default());
        campus.deliver(now + STEP_NS, speaker, message, &control);
    });
    Made {
        victims: vec![campus.the(Role::Engine), device, speaker],
        sources: vec![device, speaker],
        ..Made::default()
    }
}
