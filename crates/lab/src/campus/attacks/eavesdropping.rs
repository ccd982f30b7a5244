//! Somebody listens in on a room.

use rand::RngExt as _;
use wardline_model::Attack::Eavesdropping;

use super::{Made, Role, SERVERS, Variant, across_the_border, crude, stealthy};
use crate::campus::{Campus, SECOND};
use crate::conversation::Connection;
use crate::speech::sound;

pub(super) const VARIANTS: &[Variant] = &[
    across_the_border(crude(Eavesdropping, "sound-to-outside", rtp)),
    crude(Eavesdropping, "call-from-a-device", call),
    across_the_border(crude(Eavesdropping, "encrypted-at-the-pace-of-speech", paced)),
    across_the_border(crude(Eavesdropping, "camera-watched-from-outside", camera)),
    across_the_border(stealthy(Eavesdropping, "short-bursts-in-a-connection", bursts)),
];

/// 20 ms.
const FRAME: i64 = 20_000_000;

fn device(campus: &mut Campus) -> usize {
    let devices = campus.reporters(|role| matches!(role, Role::Monitor | Role::Pump | Role::Ventilator));
    campus.pick(&devices)
}

fn rtp(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (device, outside) = (device(campus), campus.outside());
    let (from, to) = campus.ends(device, outside);
    let (source, kind) = (campus.chance.random(), if campus.chance.random_bool(0.5) { 0 } else { 111 });
    let mut sequence: u16 = campus.chance.random();
    campus.every(now, FRAME, until.min(now + 40 * SECOND), move |campus, now| {
        sequence = sequence.wrapping_add(1);
        let length = if kind == 0 { 160 } else { campus.chance.random_range(60..110) };
        let packet = sound::rtp(kind, sequence, source, &vec![0x6b; length]);
        campus.tell(now, from.at(16_384), to.at(16_384), &packet);
    });
    Made { victims: vec![device], sources: vec![outside], ..Made::default() }
}

fn call(campus: &mut Campus, now: i64, until: i64) -> Made {
    let device = device(campus);
    let intruder = campus.intrude(SERVERS);
    let (from, to) = campus.ends(device, intruder);
    let number = campus.chance.random::<u32>() >> 8;
    let (mine, theirs) = (from.ip.to_string(), to.ip.to_string());
    campus.tell(now, from.at(5060), to.at(5060), &sound::invite(&mine, &theirs, number));
    campus.tell(now + SECOND / 2, to.at(5060), from.at(5060), &sound::taken(&mine, &theirs, number));
    let mut sequence = 0_u16;
    campus.every(now + SECOND, FRAME, until.min(now + 30 * SECOND), move |campus, now| {
        sequence = sequence.wrapping_add(1);
        campus.tell(now, from.at(40_000), to.at(40_000), &sound::rtp(0, sequence, number, &[0x55; 160]));
    });
    Made { victims: vec![device], sources: vec![intruder], ..Made::default() }
}

fn paced(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (device, outside) = (device(campus), campus.outside());
    let (from, to) = campus.ends(device, outside);
    let pause = [20, 30, 40, 60][campus.chance.random_range(0..4)] * 1_000_000;
    let port = campus.port();
    campus.every(now, pause, until.min(now + 60 * SECOND), move |campus, now| {
        let length = campus.chance.random_range(70..150);
        let bytes: Vec<u8> = (0..length).map(|_| campus.chance.random()).collect();
        let late = campus.within(FRAME / 20);
        campus.tell(now + late, from.at(port), to.at(3_478), &bytes);
    });
    Made { victims: vec![device], sources: vec![outside], ..Made::default() }
}

fn camera(campus: &mut Campus, now: i64, _: i64) -> Made {
    let (camera, outside) = (campus.the(Role::Camera), campus.outside());
    let address = campus.unit(camera).end.ip.to_string();
    let said = sound::rtsp(&address, campus.chance.random());
    campus.talk(now, outside, (camera, 554), &said);
    Made { victims: vec![camera], sources: vec![outside], ..Made::default() }
}

fn bursts(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (device, outside) = (device(campus), campus.outside());
    let (from, to) = campus.ends(device, outside);
    let (from, sequence) = (from.at(campus.port()), campus.chance.random());
    let mut line = Connection::new(from, to.at(443), sequence, SECOND / 5_000);
    let random = campus.chance.random();
    let mut frames = line.open(now);
    frames.extend(line.say(
        now + SECOND / 10,
        &[(true, sound::client_hello("telemetry.example", random)), (false, sound::tls_data(&[4; 700]))],
    ));
    campus.emit_all(frames);
    campus.every(now + SECOND, 30 * SECOND, until, move |campus, now| {
        for packet in 0..100 {
            let length = campus.chance.random_range(60..130);
            let frames = line.say(now + packet * FRAME, &[(true, sound::tls_data(&vec![7; length]))]);
            campus.emit_all(frames);
        }
    });
    Made { victims: vec![device], sources: vec![outside], ..Made::default() }
}
