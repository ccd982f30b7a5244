//! Networks, servers and clocks: what fails, moves, is updated and comes back.

use rand::RngExt as _;
use wardline_model::MacAddress;

use crate::campus::day::{DICOM, MLLP, Twist};
use crate::campus::layout::{Role, SERVERS};
use crate::campus::network::STEP_NS;
use crate::campus::{Campus, MINUTE, SECOND};
use crate::conversation::Connection;
use crate::frames::{Tcp, arp, tcp};
use crate::speech::{control, files, names, sound};

/// A cart changes its access point: a short pause, an announcement, connections that begin anew.
pub(super) fn roaming(campus: &mut Campus, now: i64) {
    let devices = campus.reporters(|role| matches!(role, Role::Pump | Role::Monitor));
    let device = campus.pick(&devices);
    campus.unit_mut(device).dead_until = now + 3 * SECOND;
    campus.unit_mut(device).line = None;
    campus.at(now + 3 * SECOND, move |campus, now| {
        let (end, subnet) = (campus.unit(device).end, campus.unit(device).subnet);
        let announcement = arp(1, (end.mac, end.ip), (MacAddress::default(), end.ip), MacAddress::BROADCAST);
        campus.show(now, announcement, subnet);
    });
}

/// A lease ends and the device gets another address.
pub(super) fn renumber(campus: &mut Campus, now: i64) {
    let desks =
        campus.with_role(|role| matches!(role, Role::Desk | Role::Sensor | Role::Pump | Role::Monitor));
    let place = campus.pick(&desks);
    let subnet = campus.unit(place).subnet;
    campus.unit_mut(place).end.ip = campus.layout.free_address(subnet, &mut campus.chance);
    campus.unit_mut(place).line = None;
    campus.lease(now, place);
}

/// The second router takes over (VRRP, RFC 9568): the address goes to another link address of the same family.
pub(super) fn failover(campus: &mut Campus, now: i64) {
    let virtual_router = MacAddress([0x00, 0x00, 0x5e, 0x00, 0x01, 0x0a]);
    for subnet in 0..campus.layout.subnets.len() {
        campus.layout.subnets[subnet].router = virtual_router;
        let router = campus.layout.router(subnet);
        for copy in 0..3 {
            let frame =
                arp(2, (router.mac, router.ip), (MacAddress::BROADCAST, router.ip), MacAddress::BROADCAST);
            campus.show(now + copy * SECOND, frame, subnet);
        }
    }
}

/// All devices of one kind get new software within an hour: each restarts, and asks for its address another way.
pub(super) fn firmware(campus: &mut Campus, now: i64) {
    let devices = campus.reporters(|role| role == Role::Pump);
    let server = campus.the(Role::Management);
    for place in devices {
        let at = now + campus.within(60 * MINUTE);
        campus.at(at, move |campus, now| {
            let request =
                control::web_request("GET", "/images/pump-7.2.bin", "updates", "device-updater/2", "");
            let answer = control::web_answer("200 OK", "nginx", &"z".repeat(60_000));
            campus.talk(now, place, (server, 80), &[(true, request), (false, answer)]);
            campus.unit_mut(place).dead_until = now + 80 * SECOND;
            campus.unit_mut(place).line = None;
            campus.at(now + 80 * SECOND, move |campus, now| campus.lease(now, place));
        });
    }
}

/// The engine was down for a while; what waited is sent when it is back, oldest first.
pub(super) fn backlog(campus: &mut Campus, now: i64) {
    let engine = campus.the(Role::Engine);
    let devices = campus.reporters(|_| true);
    let device = campus.pick(&devices);
    let speaker = campus.unit(device).via.unwrap_or(device);
    campus.unit_mut(device).mute_until = now + 3 * MINUTE;
    let mut waiting = Vec::new();
    for step in 0..12 {
        waiting.push(campus.result_of(now + step * 15 * SECOND, device, Twist::default()));
    }
    campus.at(now + 3 * MINUTE, move |campus, now| {
        for (number, (message, control)) in waiting.into_iter().enumerate() {
            let time = campus.shown_time(now, engine);
            let answer = campus.dialect.acknowledgment(&control, &time);
            let at = now + number as i64 * SECOND / 5;
            campus.talk(at, speaker, (engine, MLLP), &[(true, message), (false, answer)]);
        }
    });
}

/// The archive restarts; scanners try in vain for two minutes and then send everything again.
pub(super) fn archive_outage(campus: &mut Campus, now: i64) {
    let archive = campus.the(Role::Archive);
    let scanners = campus.with_role(|role| matches!(role, Role::Modality(_)));
    for scanner in scanners {
        let at = now + campus.within(MINUTE);
        campus.at(at, move |campus, now| campus.knock(now, scanner, (archive, DICOM), true));
        for copy in 0..3 {
            campus.at(at + 2 * MINUTE + copy * 10 * SECOND, move |campus, now| {
                campus.image(now, scanner, "CT")
            });
        }
    }
}

/// The security team scans, and the site file names its scanner.
pub(super) fn scan_day(campus: &mut Campus, now: i64) {
    let scanner = match campus.scanner {
        Some(ip) => campus.layout.units.iter().position(|unit| unit.end.ip == ip).unwrap_or(0),
        None => return,
    };
    let targets = campus.with_role(|role| !matches!(role, Role::Internet | Role::Intruder));
    let mut step = 0;
    campus.every(now, SECOND / 20, now + 2 * MINUTE, move |campus, now| {
        let target = targets[step % targets.len()];
        let (from, to) = campus.ends(scanner, target);
        let port = 20 + (step / targets.len()) as u16 * 7;
        let (from, to) = (from.over_ipv4().at(campus.port()), to.over_ipv4().at(port));
        let sequence = campus.chance.random();
        let syn = Tcp { sequence, acknowledgment: 0, flags: 2, window: 1_024 };
        campus.emit(now, tcp(from, to, step as u16, syn, &[]));
        let reset = Tcp { sequence: 0, acknowledgment: sequence.wrapping_add(1), flags: 20, window: 0 };
        campus.emit(now + STEP_NS, tcp(to, from, 0, reset, &[]));
        step += 1;
    });
}

/// Many files are read and written to another place, compressed.
pub(super) fn backup(campus: &mut Campus, now: i64) {
    let (client, server) = (campus.the(Role::Management), campus.the(Role::Files));
    let (from, to) = campus.ends(client, server);
    let (from, sequence) = (from.over_ipv4().at(campus.port()), campus.chance.random());
    let mut line = Connection::new(from, to.over_ipv4().at(445), sequence, SECOND / 10_000);
    let mut share = files::Share::default();
    let mut frames = line.open(now);
    frames.extend(line.say(now + SECOND / 100, &share.open("files", "backup", 0)));
    campus.emit_all(frames);
    let mut number = 0;
    campus.every(now + SECOND, SECOND / 4, now + 60 * SECOND, move |campus, now| {
        number += 1;
        let noise: Vec<u8> = (0..4_000).map(|_| campus.chance.random()).collect();
        let mut said = share.create(&format!("letters\\letter{number}.docx"));
        said.extend(share.read(4_000));
        said.extend(share.close());
        said.extend(share.create(&format!("backup\\day{}\\part{number}.bkf", now % 30)));
        said.extend(share.write(&noise));
        said.extend(share.close());
        let frames = line.say(now, &said);
        campus.emit_all(frames);
    });
}

/// A clock that was minutes wrong is set.
pub(super) fn clock_step(campus: &mut Campus, _: i64) {
    let devices = campus.reporters(|_| true);
    let device = campus.pick(&devices);
    let step = i64::from(campus.chance.random_range(-400..400)) * SECOND;
    campus.unit_mut(device).clock_ns += step;
}

/// In the night of the change some devices go an hour forward or back.
pub(super) fn summer_time(campus: &mut Campus, _: i64) {
    let forward = campus.chance.random_bool(0.5);
    for place in campus.reporters(|_| true) {
        if campus.chance.random_bool(0.6) {
            campus.unit_mut(place).clock_ns += if forward { 60 * MINUTE } else { -60 * MINUTE };
        }
    }
}

/// A desk holds a meeting with somebody outside.
pub(super) fn telehealth(campus: &mut Campus, now: i64) {
    let desk = campus.the(Role::Desk);
    let (from, to) = campus.ends(desk, campus.outside());
    let (port, source) = (campus.port(), campus.chance.random());
    let mut sequence = 0_u16;
    campus.every(now, 20_000_000, now + 30 * SECOND, move |campus, now| {
        sequence = sequence.wrapping_add(1);
        let packet = sound::rtp(111, sequence, source, &[0x31; 90]);
        campus.tell(now, from.at(port), to.at(3_478), &packet);
        campus.tell(now + STEP_NS, to.at(3_478), from.at(port), &packet);
    });
}

/// A device fetches its update from the maker.
pub(super) fn download(campus: &mut Campus, now: i64) {
    let devices = campus.with_role(|role| matches!(role, Role::Modality(_) | Role::Analyzer));
    let device = campus.pick(&devices);
    let random = campus.chance.random();
    let mut said = vec![(true, sound::client_hello("support.maker.example", random))];
    for part in 0..40 {
        said.push((false, sound::tls_data(&vec![part; 12_000])));
    }
    said.push((true, sound::tls_data(&[9; 400])));
    let outside = campus.outside();
    campus.talk(now, device, (outside, 443), &said);
}

/// A ward's current fails for a moment: everything in it starts anew.
pub(super) fn power_blip(campus: &mut Campus, now: i64) {
    let devices = campus.reporters(|_| true);
    let one = campus.pick(&devices);
    let subnet = campus.unit(one).subnet;
    for place in campus.with_role(|role| !matches!(role, Role::Internet | Role::Intruder)) {
        let unit = campus.unit(place);
        if unit.subnet == subnet && (subnet != SERVERS || unit.bed.is_some()) {
            let back = now + 15 * SECOND + campus.within(25 * SECOND);
            campus.unit_mut(place).dead_until = back;
            campus.unit_mut(place).line = None;
            campus.at(back, move |campus, now| campus.lease(now, place));
        }
    }
}

impl Campus {
    /// Somebody logs in, mistyping now and then.
    pub(in crate::campus) fn log_in(&mut self, now: i64, place: usize) {
        const WRONG: u32 = 0xc000_006d;
        let server = self.the(Role::Files);
        let mut share = files::Share::default();
        let mut said = Vec::new();
        if self.chance.random_bool(0.2) {
            said.extend(share.open("files", "documents", WRONG));
            said.extend(share.log_in(0));
        } else {
            said.extend(share.open("files", "documents", 0));
        }
        self.talk(now, place, (server, 445), &said);
        let (id, host) = (self.chance.random(), "files.north.example");
        let answer = names::dns_answer(id, host, self.unit(server).end.ip);
        let names_server = self.the(Role::Names);
        self.ask(now + SECOND, place, (names_server, 53), &names::dns_question(id, host), &answer);
    }
}
