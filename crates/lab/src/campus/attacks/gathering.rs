//! Somebody gathers information: puts himself in between, tries doors, asks for everything.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use wardline_model::Attack::PassiveGathering;
use wardline_model::MacAddress;

use super::{Made, Role, SERVERS, Variant, crude, stealthy};
use crate::campus::day::{DICOM, MQTT};
use crate::campus::network::STEP_NS;
use crate::campus::{Campus, SECOND};
use crate::conversation::Connection;
use crate::frames::{Tcp, tcp, udp};
use crate::speech::{dicom, names, telemetry};

pub(super) const VARIANTS: &[Variant] = &[
    crude(PassiveGathering, "arp-both-ways", both_ways),
    crude(PassiveGathering, "port-scan", port_scan),
    crude(PassiveGathering, "address-sweep", sweep),
    crude(PassiveGathering, "subscribe-to-everything", everything),
    crude(PassiveGathering, "ask-for-all-patients", all_patients),
    crude(PassiveGathering, "false-dhcp-server", dhcp),
    crude(PassiveGathering, "management-walk", walk),
    stealthy(PassiveGathering, "slow-port-scan", slow_scan),
    stealthy(PassiveGathering, "arp-once-a-minute", rare_arp),
];

fn between(campus: &mut Campus, (now, until): (i64, i64), every_ns: i64) -> Made {
    let subnet = campus.visible_subnet();
    let victim = campus.neighbour(subnet, |role| {
        matches!(role, Role::Monitor | Role::Pump | Role::Ventilator | Role::Record | Role::Engine)
    });
    let intruder = campus.intrude(subnet);
    let (end, router) = (campus.unit(victim).end, campus.layout.router(subnet));
    campus.intercept((now, until), end, router, (intruder, every_ns), |_| None);
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

fn both_ways(campus: &mut Campus, now: i64, until: i64) -> Made {
    between(campus, (now, until), 2 * SECOND)
}

fn rare_arp(campus: &mut Campus, now: i64, until: i64) -> Made {
    between(campus, (now, until), 60 * SECOND)
}

/// An intruder and a target whose traffic the mirror port shows.
fn pair(campus: &mut Campus, wanted: impl Fn(Role) -> bool) -> (usize, usize) {
    let target = campus.one_with(wanted);
    let subnet = campus.chance.random_range(0..campus.layout.subnets.len());
    // Across networks, so that the mirror port is on the way.
    let subnet = if campus.unit(target).subnet == SERVERS { subnet } else { SERVERS };
    (campus.intrude(subnet), target)
}

fn try_door(campus: &mut Campus, now: i64, intruder: usize, target: usize, port: u16) {
    let (from, to) = campus.ends(intruder, target);
    let (from, to) = (from.at(campus.port()), to.at(port));
    let sequence = campus.chance.random();
    let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 1_024 };
    campus.emit(now, tcp(from, to, sequence as u16, syn, &[]));
    let reset = Tcp { sequence: 0, acknowledgment: sequence.wrapping_add(1), flags: 20, window: 0 };
    campus.emit(now + STEP_NS, tcp(to, from, 0, reset, &[]));
}

fn port_scan(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, target) =
        pair(campus, |role| matches!(role, Role::Archive | Role::Engine | Role::Files | Role::Modality(_)));
    let pause = [10_000_000, 50_000_000, 200_000_000][campus.chance.random_range(0..3)];
    let mut port = 19;
    campus.every(now, pause, until.min(now + 1_000 * pause), move |campus, now| {
        port += 1;
        try_door(campus, now, intruder, target, port);
    });
    Made { victims: vec![target], sources: vec![intruder], ..Made::default() }
}

fn slow_scan(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, target) = pair(campus, |role| matches!(role, Role::Archive | Role::Engine));
    let mut port = 19;
    campus.every(now, 15 * SECOND, until, move |campus, now| {
        port += 3;
        try_door(campus, now, intruder, target, port);
    });
    Made { victims: vec![target], sources: vec![intruder], ..Made::default() }
}

/// One port of every address.
fn sweep(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, _) = pair(campus, |role| role == Role::Archive);
    let targets: Vec<_> = campus.with_role(|role| !matches!(role, Role::Internet | Role::Intruder));
    let addresses = targets.clone();
    let [a, b, c, _] = campus.unit(targets[0]).end.ip.octets();
    let mut step = 0_usize;
    campus.every(now, SECOND / 20, until.min(now + 20 * SECOND), move |campus, now| {
        step += 1;
        match addresses.get(step % (addresses.len() + 60)) {
            Some(target) => try_door(campus, now, intruder, *target, 445),
            None => {
                // Nobody has this address: the router asks in vain.
                let mut nobody = campus.unit(campus.the(Role::Archive)).end;
                nobody.ip = Ipv4Addr::new(a, b, c, 120 + (step % 60) as u8);
                let from = campus.unit(intruder).end.at(campus.port());
                let syn = Tcp { sequence: 1, acknowledgment: 0, flags: 2, window: 1_024 };
                campus.emit(now, tcp(from, nobody.at(445), step as u16, syn, &[]));
            }
        }
    });
    Made { victims: targets, sources: vec![intruder], ..Made::default() }
}

fn everything(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, broker) = pair(campus, |role| role == Role::Broker);
    let (from, to) = campus.ends(intruder, broker);
    let (from, sequence) = (from.at(campus.port()), campus.chance.random());
    let mut line = Connection::new(from, to.at(MQTT), sequence, STEP_NS);
    let mut frames = line.open(now);
    frames.extend(line.say(
        now + SECOND / 10,
        &[
            (true, telemetry::connect("mosq-7781", 60, None)),
            (false, telemetry::connected(0)),
            (true, telemetry::subscribe("#")),
            (false, telemetry::subscribed()),
        ],
    ));
    campus.emit_all(frames);
    let sensors = campus.with_role(|role| role == Role::Sensor);
    campus.every(now + 2 * SECOND, 3 * SECOND, until, move |campus, now| {
        let sensor = campus.pick(&sensors);
        let topic = campus.topic(sensor);
        let frames = line.say(now, &[(false, telemetry::publish(&topic, b"{\"temp\":36.9}", false))]);
        campus.emit_all(frames);
    });
    Made { victims: vec![broker], sources: vec![intruder], ..Made::default() }
}

fn all_patients(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, archive) = pair(campus, |role| role == Role::Archive);
    campus.every(now, 5 * SECOND, until.min(now + 60 * SECOND), move |campus, now| {
        campus.talk(now, intruder, (archive, DICOM), &dicom::find("FINDSCU", "PACS", None));
    });
    campus.at(now + 20 * SECOND, move |campus, now| {
        campus.talk(
            now,
            intruder,
            (archive, DICOM),
            &dicom::retrieve("FINDSCU", "PACS", "STORESCP", "1.2.3.4"),
        );
    });
    Made { victims: vec![archive], sources: vec![intruder], ..Made::default() }
}

/// A second server answers faster, and names itself as router and name server.
fn dhcp(campus: &mut Campus, now: i64, until: i64) -> Made {
    let subnet = campus.visible_subnet();
    let intruder = campus.intrude(subnet);
    let clients = campus.with_role(|role| !matches!(role, Role::Internet | Role::Intruder));
    let here: Vec<_> = clients.into_iter().filter(|place| campus.unit(*place).subnet == subnet).collect();
    let asked = here.clone();
    campus.every(now, 10 * SECOND, until, move |campus, now| {
        let client = campus.pick(&here);
        let (server, end) = (campus.unit(intruder).end, campus.unit(client).end);
        let true_server = campus.layout.router(subnet).at(67);
        let transaction = campus.chance.random();
        let name = campus.unit(client).name.clone().into_bytes();
        let parameters = campus.unit(client).stack.parameters.to_vec();
        let given = |by: Ipv4Addr| {
            vec![
                (54, by.octets().to_vec()),
                (51, 3_600_u32.to_be_bytes().to_vec()),
                (1, vec![255, 255, 255, 0]),
                (3, by.octets().to_vec()),
                (6, by.octets().to_vec()),
            ]
        };
        let none = Ipv4Addr::UNSPECIFIED;
        let everybody = crate::frames::End {
            mac: MacAddress::BROADCAST,
            ip: Ipv4Addr::BROADCAST,
            ..end.at(67).over_ipv4()
        };
        let nobody = crate::frames::End { ip: none, ..end.at(68).over_ipv4() };
        let ask = names::dhcp(1, end.mac, transaction, none, &[(12, name), (55, parameters)]);
        campus.show(now, udp(nobody, everybody, 1, &ask), subnet);
        for (late, by) in [(1, server.at(67)), (6, true_server)] {
            let offer = names::dhcp(2, end.mac, transaction, end.ip, &given(by.ip));
            campus.show(now + late * STEP_NS, udp(by.over_ipv4(), end.at(68).over_ipv4(), 2, &offer), subnet);
        }
        let ack = names::dhcp(5, end.mac, transaction, end.ip, &given(server.ip));
        campus.show(now + 9 * STEP_NS, udp(server.at(67), end.at(68).over_ipv4(), 3, &ack), subnet);
    });
    Made { victims: asked, sources: vec![intruder], ..Made::default() }
}

/// The whole tree of a management agent, object by object.
fn walk(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (intruder, target) = pair(campus, |role| matches!(role, Role::Modality(_)));
    let mut number = 0_u16;
    campus.every(now, SECOND / 25, until.min(now + 30 * SECOND), move |campus, now| {
        number += 1;
        let arcs = [1, 3, 6, 1, 2, 1, u32::from(number / 100) + 1, u32::from(number % 100) + 1, 0];
        let next = [1, 3, 6, 1, 2, 1, u32::from(number / 100) + 1, u32::from(number % 100) + 2, 0];
        let ask = telemetry::snmp("public", telemetry::Request::Next, number, &arcs, None);
        let answer = telemetry::snmp("public", telemetry::Request::Response, number, &next, Some("value"));
        campus.ask(now, intruder, (target, 161), &ask, &answer);
    });
    Made { victims: vec![target], sources: vec![intruder], ..Made::default() }
}
