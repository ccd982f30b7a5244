//! Packets and messages go round in circles.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use wardline_model::Attack::Routing;
use wardline_model::MacAddress;

use super::{Made, Role, Variant, crude, later, stealthy};
use crate::campus::day::{MLLP, MQTT, Twist};
use crate::campus::{Campus, SECOND};
use crate::frames::{End, after_hops, arp, between, icmp, udp};
use crate::speech::telemetry;

pub(super) const VARIANTS: &[Variant] = &[
    crude(Routing, "packets-between-two-routers", packets),
    crude(Routing, "message-between-engine-and-record", messages),
    crude(Routing, "frames-multiplied", frames),
    crude(Routing, "topic-between-two-brokers", topic),
    crude(Routing, "expired-packets", expired),
    later(crude(Routing, "default-route-announced", default_route)),
    stealthy(Routing, "one-turn-in-a-minute", slow),
];

/// Two routers each believe that the other knows the way.
fn packets(campus: &mut Campus, now: i64, until: i64) -> Made {
    let client = campus.one_with(|role| matches!(role, Role::Monitor | Role::Desk | Role::Modality(_)));
    let server = campus.one_with(|role| matches!(role, Role::Engine | Role::Archive));
    let other = MacAddress([0x00, 0x1a, 0xa1, 0x44, 0x55, campus.chance.random()]);
    campus.every(now, SECOND / 2, until, move |campus, now| {
        let (from, to) = campus.ends(client, server);
        let identification = campus.chance.random();
        let frame = udp(from.at(5_000).over_ipv4(), to.at(5_000).over_ipv4(), identification, &[0x11; 64]);
        let router = campus.layout.router(super::SERVERS).mac;
        for turn in 0..8_u8 {
            let at = now + i64::from(turn) * SECOND / 1_000;
            campus.show(at, between(&after_hops(&frame, 1 + 2 * turn), other, router), super::SERVERS);
            campus.show(
                at + SECOND / 2_000,
                between(&after_hops(&frame, 2 + 2 * turn), router, other),
                super::SERVERS,
            );
        }
    });
    Made { victims: vec![client, server], sources: vec![client, server], ..Made::default() }
}

fn circle(campus: &mut Campus, now: i64, (turns, pause): (usize, i64)) {
    let (engine, record) = (campus.the(Role::Engine), campus.the(Role::Record));
    let devices = campus.reporters(|role| role == Role::Monitor);
    let device = campus.pick(&devices);
    let (message, control) = campus.result_of(now, device, Twist::default());
    let answer = campus.dialect.acknowledgment(&control, &campus.shown_time(now, engine));
    for turn in 0..turns {
        let at = now + 2 * turn as i64 * pause;
        let said = [(true, message.clone()), (false, answer.clone())];
        campus.at(at, {
            let said = said.clone();
            move |campus, now| campus.talk(now, engine, (record, MLLP), &said)
        });
        campus.at(at + pause, move |campus, now| campus.talk(now, record, (engine, MLLP), &said));
    }
}

fn both(campus: &Campus) -> Made {
    let ends = vec![campus.the(Role::Engine), campus.the(Role::Record)];
    Made { victims: ends.clone(), sources: ends, ..Made::default() }
}

fn messages(campus: &mut Campus, now: i64, until: i64) -> Made {
    campus.every(now, 5 * SECOND, until, |campus, now| circle(campus, now, (6, SECOND / 4)));
    both(campus)
}

fn slow(campus: &mut Campus, now: i64, until: i64) -> Made {
    campus.every(now, 240 * SECOND, until, |campus, now| circle(campus, now, (4, 30 * SECOND)));
    both(campus)
}

/// A switch has two ways to another one and no protocol that takes one away.
fn frames(campus: &mut Campus, now: i64, until: i64) -> Made {
    let subnet = campus.visible_subnet();
    let asker = campus.neighbour(subnet, |role| !matches!(role, Role::Internet | Role::Intruder));
    let end = campus.unit(asker).end;
    let router = campus.layout.router(subnet);
    let question = arp(1, (end.mac, end.ip), (MacAddress::default(), router.ip), MacAddress::BROADCAST);
    campus.every(now, SECOND / 150, until.min(now + 20 * SECOND), move |campus, now| {
        campus.show(now, question.clone(), subnet);
    });
    Made { victims: vec![asker], sources: vec![asker], ..Made::default() }
}

/// Two brokers pass on to each other whatever they get.
fn topic(campus: &mut Campus, now: i64, until: i64) -> Made {
    let broker = campus.the(Role::Broker);
    let other = campus.the(Role::Building);
    let sensor = campus.one_with(|role| role == Role::Sensor);
    let topic = campus.topic(sensor);
    let mut turn = 0_u32;
    campus.every(now, SECOND / 5, until, move |campus, now| {
        let number = turn / 10;
        let message = telemetry::publish(
            &topic,
            format!("{{\"temp\":36.{},\"n\":{number}}}", number % 10).as_bytes(),
            false,
        );
        let connect = |name: &str| (true, telemetry::connect(name, 60, None));
        let accepted = (false, telemetry::connected(0));
        if turn.is_multiple_of(2) {
            campus.talk(now, broker, (other, MQTT), &[connect("bridge-a"), accepted, (true, message)]);
        } else {
            campus.talk(now, other, (broker, MQTT), &[connect("bridge-b"), accepted, (true, message)]);
        }
        turn += 1;
    });
    Made { victims: vec![broker, other], sources: vec![broker, other], ..Made::default() }
}

/// RIP version 2 (RFC 2453 section 4): an intruder says that the way to everywhere leads through him.
fn default_route(campus: &mut Campus, now: i64, until: i64) -> Made {
    let subnet = campus.visible_subnet();
    let intruder = campus.intrude(subnet);
    let routers = End {
        mac: MacAddress([0x01, 0x00, 0x5e, 0, 0, 9]),
        ip: Ipv4Addr::new(224, 0, 0, 9),
        ip6: None,
        port: 520,
        time_to_live: 1,
    };
    let mut message = vec![2, 2, 0, 0, 0, 2, 0, 0];
    message.extend([[0; 4], [0; 4], [0; 4], [0, 0, 0, 1]].concat());
    campus.every(now, 30 * SECOND, until, move |campus, now| {
        let from = End { time_to_live: 1, ..campus.unit(intruder).end.at(520).over_ipv4() };
        let identification = campus.chance.random();
        campus.show(now, udp(from, routers, identification, &message), subnet);
    });
    Made { sources: vec![intruder], ..Made::default() }
}

/// The loop itself is elsewhere; its router tells of the packets that died in it.
fn expired(campus: &mut Campus, now: i64, until: i64) -> Made {
    let client = campus.one_with(|role| matches!(role, Role::Monitor | Role::Desk));
    let server = campus.one_with(|role| matches!(role, Role::Engine | Role::Archive));
    campus.every(now, SECOND / 12, until, move |campus, now| {
        let (from, to) = campus.ends(client, server);
        let identification = campus.chance.random();
        let lost = udp(from.at(5_000).over_ipv4(), to.at(5_000).over_ipv4(), identification, &[0x11; 32]);
        let quoted = [&[0; 4][..], &lost[14..14 + 28]].concat();
        let router = campus.layout.router(campus.unit(client).subnet);
        let frame = icmp(router, from.over_ipv4(), identification, (11, 0), &quoted);
        let subnet = campus.unit(client).subnet;
        let shown = if campus.layout.vantage == super::Vantage::Servers { super::SERVERS } else { subnet };
        campus.show(now, frame, shown);
    });
    Made { victims: vec![client, server], sources: vec![client, server], ..Made::default() }
}
