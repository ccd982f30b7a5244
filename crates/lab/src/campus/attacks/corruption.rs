//! Messages are altered on their way.

use wardline_model::Attack::MessageCorruption;

use super::{Made, Role, SERVERS, Vantage, Variant, crude, later, stealthy};
use crate::campus::day::{MLLP, Twist};
use crate::campus::{Campus, SECOND};
use crate::conversation::Connection;
use crate::frames::{End, rewritten};
use rand::RngExt as _;

pub(super) const VARIANTS: &[Variant] = &[
    crude(MessageCorruption, "rewritten-in-between", rewrite),
    crude(MessageCorruption, "contradicting-segments", overlap),
    later(crude(MessageCorruption, "unit-changed", unit)),
    crude(MessageCorruption, "program-in-result", program),
    crude(MessageCorruption, "resets-in-anothers-name", resets),
    stealthy(MessageCorruption, "bridge-without-trace", bridge),
];

fn sender(campus: &mut Campus) -> usize {
    let devices = campus.reporters(|role| matches!(role, Role::Monitor | Role::Pump));
    campus.pick(&devices)
}

fn speakers(campus: &Campus, device: usize) -> Vec<usize> {
    [Some(device), campus.unit(device).via].into_iter().flatten().collect()
}

/// Turns one digit of each value of a result.
fn digits(frame: &[u8]) -> Option<Vec<u8>> {
    rewritten(frame, |payload| {
        let mut changed = false;
        let mut at = 0;
        while let Some(found) = payload[at..].windows(4).position(|window| window == b"|NM|") {
            at += found + 4;
            if let Some(value) = payload[at..].windows(2).position(|window| window == b"||")
                && let Some(digit) = payload.get_mut(at + value + 2).filter(|digit| digit.is_ascii_digit())
            {
                *digit = if *digit == b'9' { b'1' } else { *digit + 1 };
                changed = true;
            }
        }
        changed
    })
}

fn rewrite(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (engine, record) = (campus.the(Role::Engine), campus.the(Role::Record));
    let (victim, peer): (usize, End) = if campus.layout.vantage == Vantage::Servers {
        campus.layout.forwards = true;
        (engine, campus.unit(record).end)
    } else {
        let device = sender(campus);
        let speaker = campus.unit(device).via.unwrap_or(device);
        let subnet = campus.unit(speaker).subnet;
        let peer = if subnet == SERVERS { campus.unit(engine).end } else { campus.layout.router(subnet) };
        (speaker, peer)
    };
    let subnet = campus.unit(victim).subnet;
    let intruder = campus.intrude(subnet);
    let end = campus.unit(victim).end;
    campus.intercept((now, until), end, peer, (intruder, 2 * SECOND), digits);
    Made { victims: vec![victim, engine, record], sources: vec![intruder], ..Made::default() }
}

/// Somebody who hears the conversation answers faster than the sender: two segments of one number.
fn overlap(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = sender(campus);
    let speaker = campus.unit(device).via.unwrap_or(device);
    let engine = campus.the(Role::Engine);
    campus.every(now, 10 * SECOND, until, move |campus, now| {
        let (from, to) = campus.ends(speaker, engine);
        let (from, sequence) = (from.at(campus.port()), campus.chance.random());
        let mut line = Connection::new(from, to.at(MLLP), sequence, SECOND / 1_000);
        let opened = line.open(now);
        campus.emit_all(opened);
        let (message, control) = campus.result_of(now, device, Twist::default());
        let mut forged = line.clone();
        let initial = if from.time_to_live == 64 { 128 } else { 64 };
        forged.ends[0].time_to_live = initial - 1;
        let altered: Vec<_> = message.iter().map(|byte| if *byte == b'9' { b'2' } else { *byte }).collect();
        let first = forged.say_unheard(now + SECOND / 100, true, &altered[..altered.len().min(1_400)]);
        let second = line.say_unheard(now + SECOND / 80, true, &message[..message.len().min(1_400)]);
        campus.emit_all(vec![first, second]);
        let time = campus.shown_time(now, engine);
        let answer = campus.dialect.acknowledgment(&control, &time);
        let frames = line.say(now + SECOND / 40, &[(false, answer)]);
        campus.emit_all(frames);
    });
    Made { victims: vec![speaker, engine], sources: vec![speaker], ..Made::default() }
}

fn unit(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = sender(campus);
    let wrong = if campus.unit(device).role == Role::Pump { "L/h" } else { "kPa" };
    campus.unit_mut(device).twist = Twist { unit: Some(wrong), ..Twist::default() };
    Made { victims: speakers(campus, device), ..Made::default() }
}

fn program(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = sender(campus);
    const PROGRAM: &str =
        "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAA==";
    campus.unit_mut(device).twist = Twist { document: Some(PROGRAM), ..Twist::default() };
    Made { victims: speakers(campus, device), sources: speakers(campus, device), ..Made::default() }
}

/// Every connection of a device is ended by somebody who is neither of the two.
fn resets(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = sender(campus);
    let speaker = campus.unit(device).via.unwrap_or(device);
    let engine = campus.the(Role::Engine);
    campus.every(now, 4 * SECOND, until, move |campus, now| {
        let (from, to) = campus.ends(speaker, engine);
        let (from, sequence) = (from.at(campus.port()), campus.chance.random());
        let mut line = Connection::new(from, to.at(MLLP), sequence, SECOND / 1_000);
        let opened = line.open(now);
        campus.emit_all(opened);
        let (message, _) = campus.result_of(now, device, Twist::default());
        let said = line.say_unheard(now + SECOND / 100, true, &message[..message.len().min(200)]);
        let mut forged = line.clone();
        forged.ends[1].time_to_live = if to.time_to_live == 64 { 118 } else { 55 };
        let reset = forged.reset(now + SECOND / 50, false);
        campus.emit_all(vec![said, reset]);
    });
    Made { victims: vec![speaker, engine], sources: vec![engine], ..Made::default() }
}

fn bridge(campus: &mut Campus, _: i64, _: i64) -> Made {
    let device = sender(campus);
    campus.unit_mut(device).twist = Twist { times: Some(1.3), ..Twist::default() };
    Made { victims: speakers(campus, device), ..Made::default() }
}
