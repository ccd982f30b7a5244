//! A service is flooded, held, locked or encrypted.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use wardline_model::Attack::DenialOfService;
use wardline_model::MacAddress;

use super::{Made, Role, SERVERS, Variant, crude, stealthy};
use crate::campus::day::{DICOM, MQTT};
use crate::campus::network::STEP_NS;
use crate::campus::{Campus, SECOND};
use crate::conversation::Connection;
use crate::frames::{End, Tcp, tcp, udp};
use crate::speech::{dicom, files, names, telemetry};

pub(super) const VARIANTS: &[Variant] = &[
    crude(DenialOfService, "syn-flood", syn),
    crude(DenialOfService, "syn-flood-made-up-senders", spoofed),
    crude(DenialOfService, "datagram-flood", datagrams),
    crude(DenialOfService, "associations", associations),
    crude(DenialOfService, "connections-held", held),
    crude(DenialOfService, "ransomware-renames", renames),
    crude(DenialOfService, "ransomware-in-place", in_place),
    crude(DenialOfService, "ransomware-copies-and-deletes", copies),
    crude(DenialOfService, "passwords-guessed", guessed),
    crude(DenialOfService, "leases-used-up", leases),
    stealthy(DenialOfService, "ransomware-slow", slowly),
    stealthy(DenialOfService, "passwords-guessed-slowly", patient),
];

fn server(campus: &mut Campus) -> usize {
    campus.one_with(|role| matches!(role, Role::Engine | Role::Archive | Role::Broker | Role::Files))
}

fn from_a_ward(campus: &mut Campus) -> usize {
    let subnet = campus.chance.random_range(0..campus.layout.subnets.len());
    campus.intrude(subnet)
}

fn half_open(campus: &mut Campus, now: i64, until: i64, made_up: bool) -> Made {
    let (victim, intruder) = (server(campus), from_a_ward(campus));
    let rate = campus.chance.random_range(400..1_800);
    campus.every(now, SECOND / rate, until.min(now + 4 * SECOND), move |campus, now| {
        let (from, to) = campus.ends(intruder, victim);
        let from = from.over_ipv4().at(campus.chance.random_range(1_024..65_000));
        let ip = if made_up {
            Ipv4Addr::from(campus.chance.random_range(0x0b00_0000..0x6000_0000_u32))
        } else {
            from.ip
        };
        let sequence: u32 = campus.chance.random();
        let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 512 };
        let frame = tcp(End { ip, ..from }, to.over_ipv4().at(DICOM), sequence as u16, syn, &[]);
        campus.emit(now, frame);
    });
    let sources = vec![intruder];
    Made { victims: vec![victim], sources, ..Made::default() }
}

fn syn(campus: &mut Campus, now: i64, until: i64) -> Made {
    half_open(campus, now, until, false)
}

fn spoofed(campus: &mut Campus, now: i64, until: i64) -> Made {
    half_open(campus, now, until, true)
}

fn datagrams(campus: &mut Campus, now: i64, until: i64) -> Made {
    let devices = campus.reporters(|role| matches!(role, Role::Monitor | Role::Pump));
    let victim = if campus.chance.random_bool(0.5) { campus.pick(&devices) } else { server(campus) };
    let intruder =
        if campus.unit(victim).subnet == SERVERS { from_a_ward(campus) } else { campus.intrude(SERVERS) };
    let (rate, port) = (campus.chance.random_range(1_300..2_600), campus.port());
    campus.every(now, SECOND / rate, until.min(now + 4 * SECOND), move |campus, now| {
        let (from, to) = campus.ends(intruder, victim);
        let frame = udp(from.over_ipv4().at(port), to.over_ipv4().at(5_000), 9, &[0x41; 64]);
        campus.emit(now, frame);
    });
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

/// More associations than an archive has places for, each of them opened and closed in order.
fn associations(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (victim, intruder) = (campus.the(Role::Archive), from_a_ward(campus));
    campus.every(now, SECOND / 350, until.min(now + 4 * SECOND), move |campus, now| {
        campus.talk(now, intruder, (victim, DICOM), &dicom::echo("STORESCU", "PACS"));
    });
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

fn held(campus: &mut Campus, now: i64, until: i64) -> Made {
    let (victim, intruder) = (server(campus), from_a_ward(campus));
    campus.every(now, SECOND / 20, until.min(now + 15 * SECOND), move |campus, now| {
        let (from, to) = campus.ends(intruder, victim);
        let (from, sequence) = (from.over_ipv4().at(campus.port()), campus.chance.random());
        let mut line = Connection::new(from, to.over_ipv4().at(80), sequence, STEP_NS);
        let mut frames = line.open(now);
        frames.extend(line.say(now + SECOND / 100, &[(true, b"GET / HTTP/1.1\r\nX-a: ".to_vec())]));
        campus.emit_all(frames);
        campus.every(now + 10 * SECOND, 10 * SECOND, until, move |campus, now| {
            let frames = line.say(now, &[(true, b"b".to_vec())]);
            campus.emit_all(frames);
        });
    });
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    Renames,
    InPlace,
    Copies,
}

fn encrypt(campus: &mut Campus, (now, until): (i64, i64), pause: i64, habit: Habit) -> Made {
    let victim = campus.the(Role::Files);
    let desks = campus.with_role(|role| matches!(role, Role::Desk | Role::Modality(_)));
    let client = campus.pick(&desks);
    let (from, to) = campus.ends(client, victim);
    let (from, to, sequence) =
        (from.over_ipv4().at(campus.port()), to.over_ipv4().at(445), campus.chance.random());
    let mut line = Connection::new(from, to, sequence, SECOND / 10_000);
    let mut share = files::Share::default();
    let mut frames = line.open(now);
    frames.extend(line.say(now + SECOND / 100, &share.open("files", "documents", 0)));
    campus.emit_all(frames);
    let mut number = 0;
    campus.every(now + SECOND / 10, pause, until, move |campus, now| {
        number += 1;
        let extension = ["docx", "pdf", "xlsx", "txt", "dcm"][number % 5];
        let path = format!("letters\\file{number}.{extension}");
        let noise: Vec<u8> = (0..4_000).map(|_| campus.chance.random()).collect();
        let mut said = share.create(&path);
        said.extend(share.read(4_000));
        match habit {
            Habit::Renames => {
                said.extend(share.write(&noise));
                said.extend(share.rename(&format!("{path}.locked")));
            }
            Habit::InPlace => said.extend(share.write(&noise)),
            Habit::Copies => {
                said.extend(share.delete());
                said.extend(share.close());
                said.extend(share.create(&format!("{path}.crypt")));
                said.extend(share.write(&noise));
            }
        }
        said.extend(share.close());
        let frames = line.say(now, &said);
        campus.emit_all(frames);
    });
    Made { victims: vec![victim], sources: vec![client], ..Made::default() }
}

fn renames(campus: &mut Campus, now: i64, until: i64) -> Made {
    encrypt(campus, (now, until.min(now + 30 * SECOND)), SECOND / 3, Habit::Renames)
}

fn in_place(campus: &mut Campus, now: i64, until: i64) -> Made {
    encrypt(campus, (now, until.min(now + 30 * SECOND)), SECOND / 3, Habit::InPlace)
}

fn copies(campus: &mut Campus, now: i64, until: i64) -> Made {
    encrypt(campus, (now, until.min(now + 30 * SECOND)), SECOND / 3, Habit::Copies)
}

fn slowly(campus: &mut Campus, now: i64, until: i64) -> Made {
    encrypt(campus, (now, until), 15 * SECOND, Habit::Renames)
}

fn guess(campus: &mut Campus, (now, until): (i64, i64), pause: i64) -> Made {
    const WRONG: u32 = 0xc000_006d;
    let intruder = from_a_ward(campus);
    let over_mqtt = campus.chance.random_bool(0.5);
    let victim = campus.the(if over_mqtt { Role::Broker } else { Role::Files });
    let mut number = 0_u32;
    campus.every(now, pause, until, move |campus, now| {
        number += 1;
        if over_mqtt {
            let secret = format!("secret{number}");
            let said = [
                (true, telemetry::connect("admin", 60, Some(("admin", &secret)))),
                (false, telemetry::connected(4)),
            ];
            campus.talk(now, intruder, (victim, MQTT), &said);
        } else {
            let said = files::Share::default().open("files", "documents", WRONG);
            campus.talk(now, intruder, (victim, 445), &said);
        }
    });
    Made { victims: vec![victim], sources: vec![intruder], ..Made::default() }
}

fn guessed(campus: &mut Campus, now: i64, until: i64) -> Made {
    guess(campus, (now, until.min(now + 60 * SECOND)), SECOND / 3)
}

fn patient(campus: &mut Campus, now: i64, until: i64) -> Made {
    guess(campus, (now, until), 12 * SECOND)
}

/// Every address of a network is asked for by stations that do not exist.
fn leases(campus: &mut Campus, now: i64, until: i64) -> Made {
    let subnet = campus.visible_subnet();
    let victim = campus.the(Role::Names);
    campus.every(now, SECOND / 60, until.min(now + 10 * SECOND), move |campus, now| {
        let [a, b, c, d, e]: [u8; 5] = campus.chance.random();
        let mac = MacAddress([0x02 | (a & 0xfc), b, c, d, e, 7]);
        let everybody = End {
            mac: MacAddress::BROADCAST,
            ip: Ipv4Addr::BROADCAST,
            ip6: None,
            port: 67,
            time_to_live: 64,
        };
        let nobody = End { mac, ip: Ipv4Addr::UNSPECIFIED, port: 68, ..everybody };
        let discover =
            names::dhcp(1, mac, campus.chance.random(), Ipv4Addr::UNSPECIFIED, &[(55, vec![1, 3, 6])]);
        campus.show(now, udp(nobody, everybody, 3, &discover), subnet);
    });
    Made { victims: vec![victim], sources: vec![], ..Made::default() }
}
