//! A device that is not what it claims to be.

use wardline_model::Attack::Physical;

use super::{Made, Role, Variant, crude, later, stealthy};
use crate::campus::day::{MQTT, Twist};
use crate::campus::layout::Unit;
use crate::campus::{Campus, SECOND, makers};
use crate::speech::telemetry;

pub(super) const VARIANTS: &[Variant] = &[
    later(crude(Physical, "clone-takes-over", clone)),
    later(crude(Physical, "two-machines-one-address", turns)),
    later(crude(Physical, "one-identity-two-places", elsewhere)),
    later(crude(Physical, "pseudo-sensor", pseudo_sensor)),
    crude(Physical, "impossible-reading", impossible),
    later(crude(Physical, "same-client-elsewhere", same_client)),
    later(stealthy(Physical, "plausible-drift", drift)),
];

fn monitor(campus: &mut Campus) -> usize {
    let mut monitors = campus.reporters(|role| role == Role::Monitor);
    let alone: Vec<_> = monitors.iter().copied().filter(|place| campus.unit(*place).via.is_none()).collect();
    if !alone.is_empty() {
        monitors = alone;
    }
    campus.pick(&monitors)
}

/// Whoever speaks for a device.
fn speakers(campus: &Campus, device: usize) -> Vec<usize> {
    [Some(device), campus.unit(device).via].into_iter().flatten().collect()
}

/// Gives a unit the operating system of another maker.
fn other_stack(unit: &mut Unit) {
    unit.stack = if unit.stack.time_to_live == 64 { &makers::DESKS[0] } else { &makers::INTRUDER };
    unit.end.time_to_live = unit.stack.time_to_live;
}

/// Same link address, name and messages; another machine.
fn clone(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    other_stack(campus.unit_mut(device));
    // Its own connections are short: nobody gave it the standing one.
    campus.unit_mut(device).persistent = false;
    campus.lease(now, device);
    campus.every(now + 30 * SECOND, 60 * SECOND, until, move |campus, now| {
        let archive = campus.the(Role::Archive);
        campus.talk(now, device, (archive, 443), &[(true, vec![22, 3, 1, 0, 1, 0])]);
    });
    Made { victims: vec![device], sources: vec![device], ..Made::default() }
}

fn turns(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    let own = campus.unit(device).clone();
    campus.every(now, 8 * SECOND, until, move |campus, now| {
        let archive = campus.the(Role::Archive);
        other_stack(campus.unit_mut(device));
        campus.talk(now, device, (archive, 80), &[(true, b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n".to_vec())]);
        let unit = campus.unit_mut(device);
        (unit.stack, unit.end) = (own.stack, own.end);
        campus.talk(
            now + 4 * SECOND,
            device,
            (archive, 80),
            &[(true, b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n".to_vec())],
        );
    });
    Made { victims: vec![device], sources: vec![device], ..Made::default() }
}

/// A second machine sends in the name of a monitor, which goes on.
fn elsewhere(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    let subnet = campus.unit(device).subnet;
    let intruder = campus.intrude(subnet);
    let period = campus.unit(device).period_ns;
    campus.every(now, period, until, move |campus, now| {
        let (message, control) =
            campus.result_of(now, device, Twist { times: Some(1.4), ..Twist::default() });
        campus.deliver(now, intruder, message, &control);
    });
    let victims = [speakers(campus, device), vec![intruder]].concat();
    Made { victims, sources: vec![intruder], ..Made::default() }
}

/// A machine nobody knows reports one quantity of a patient who has a monitor.
fn pseudo_sensor(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = monitor(campus);
    let subnet = campus.unit(device).subnet;
    let intruder = campus.intrude(subnet);
    let (bed, period) = (campus.unit(device).bed, campus.unit(device).period_ns);
    campus.unit_mut(intruder).bed = bed;
    campus.unit_mut(intruder).kind = &makers::MONITORS[3];
    campus.unit_mut(intruder).role = Role::Monitor;
    campus.every(now, period, until, move |campus, now| {
        let (message, control) =
            campus.result_of(now, intruder, Twist { times: Some(1.6), ..Twist::default() });
        campus.deliver(now, intruder, message, &control);
    });
    let victims = [speakers(campus, device), vec![intruder]].concat();
    Made { victims, sources: vec![intruder], ..Made::default() }
}

fn impossible(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = monitor(campus);
    campus.unit_mut(device).twist = Twist { fixed: Some(420.0), ..Twist::default() };
    Made { victims: speakers(campus, device), sources: speakers(campus, device), ..Made::default() }
}

fn same_client(campus: &mut Campus, now: i64, until: i64) -> Made {
    let sensor = campus.one_with(|role| role == Role::Sensor);
    let subnet = campus.unit(sensor).subnet;
    let intruder = campus.intrude(subnet);
    let (name, topic) = (campus.unit(sensor).name.clone(), campus.topic(sensor));
    campus.every(now, 15 * SECOND, until, move |campus, now| {
        let broker = campus.the(Role::Broker);
        // A broker closes the older of two sessions of one name, and the sensor comes back (MQTT 3.1.4-2).
        let said = [
            (true, telemetry::connect(&name, 60, None)),
            (false, telemetry::connected(0)),
            (true, telemetry::publish(&topic, format!("{{\"temp\":38.{}}}", now % 9).as_bytes(), false)),
        ];
        campus.talk(now, intruder, (broker, MQTT), &said);
        campus.unit_mut(sensor).line = None;
    });
    Made { victims: vec![sensor], sources: vec![intruder], ..Made::default() }
}

fn drift(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = monitor(campus);
    campus.unit_mut(device).twist = Twist { times: Some(1.1), ..Twist::default() };
    Made { victims: speakers(campus, device), sources: speakers(campus, device), ..Made::default() }
}
