//! What runs inside a namespace: this test program, started again.

use std::io::Write as _;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wardline_enforce::quarantine::{Request, Step};
use wardline_enforce::{Enforcer, keep};
use wardline_model::Policy;

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn say(text: &str) {
    println!("={text}");
    std::io::stdout().flush().unwrap();
}

fn load(path: &str) -> Policy {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Not a test of its own: the namespaces of the others are peopled with it.
#[test]
#[ignore = "started by the other tests, in a namespace"]
fn part() {
    let Ok(part) = std::env::var("PART") else { return };
    let text = std::env::var("PART_ARGUMENTS").unwrap();
    let arguments: Vec<&str> = text.split_whitespace().collect();
    let state = PathBuf::from(std::env::var_os("PART_STATE").unwrap());
    match part.as_str() {
        "serve" => serve(arguments.iter().map(|port| port.parse().unwrap()).collect()),
        "connect" => connect(arguments[0].parse().unwrap(), arguments[1].parse().unwrap()),
        "until-open" => until_open(arguments[0].parse().unwrap()),
        "vulnerable" => crate::worm::vulnerable(&state, arguments[0], &arguments[1..]),
        "infect" => {
            crate::worm::infect(arguments[0]).unwrap();
            say("done");
        }
        "receive" => receive(arguments[0].parse().unwrap()),
        "send" => send(arguments[0], arguments[1]),
        "swap" => swap(&state, &arguments),
        "apply" => apply(&state, arguments[0], arguments[1].parse().unwrap(), arguments[2].parse().unwrap()),
        "keep" => drop(keep(&enforcer(&state), arguments.first().map(|one| one.parse().unwrap()), |error| {
            eprintln!("{error}");
        })),
        "confirm" => say(&format!("{:?}", enforcer(&state).confirm("A. Example", now_s()).is_ok())),
        "rollback" => say(&enforcer(&state)
            .rollback("A. Example", now_s())
            .map_or_else(|error| error.to_string(), |rolled| rolled.identical.to_string())),
        "quarantine" => quarantine(&state, &arguments),
        other => panic!("no part {other}"),
    }
}

fn enforcer(state: &Path) -> Enforcer {
    Enforcer::open(&state.join("enforce")).unwrap()
}

fn serve(ports: Vec<u16>) {
    for port in ports {
        let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }
    say("ready");
    thread::sleep(Duration::from_secs(300));
}

/// A connection from a chosen address needs a socket that is bound first: nc and the like are not on every machine, so the
/// address is chosen by the route.
fn connect(source: IpAddr, target: SocketAddr) {
    let route = Command::new("ip")
        .args([
            "route",
            "replace",
            &format!("{}/32", target.ip()),
            "via",
            "10.77.1.1",
            "src",
            &source.to_string(),
        ])
        .output()
        .unwrap();
    assert!(route.status.success());
    let answered = std::net::TcpStream::connect_timeout(&target, Duration::from_millis(400)).is_ok();
    say(if answered { "yes" } else { "no" });
}

/// Says when a target answers.
fn until_open(target: SocketAddr) {
    say("ready");
    while std::net::TcpStream::connect_timeout(&target, Duration::from_millis(100)).is_err() {}
    say("open");
}

/// Counts numbered packets until the sender says that it has ended.
fn receive(port: u16) {
    let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    say("ready");
    let mut bytes = [0; 8];
    let mut received = 0_u64;
    loop {
        socket.recv(&mut bytes).unwrap();
        match u64::from_be_bytes(bytes) {
            u64::MAX => break,
            _ => received += 1,
        }
    }
    say(&received.to_string());
}

/// A packet each 2 ms, for a while that the file named `stop` ends.
fn send(target: &str, stop: &str) {
    let socket = UdpSocket::bind("10.77.1.2:0").unwrap();
    socket.connect(target).unwrap();
    say("ready");
    let mut sent = 0_u64;
    while !Path::new(stop).exists() {
        socket.send(&sent.to_be_bytes()).unwrap();
        sent += 1;
        // What could not be sent in time is not caught up on.
        thread::sleep(Duration::from_millis(2));
    }
    // The last word may not be lost among the others.
    thread::sleep(Duration::from_millis(200));
    socket.send(&u64::MAX.to_be_bytes()).unwrap();
    say(&sent.to_string());
}

fn swap(state: &Path, arguments: &[&str]) {
    let enforcer = enforcer(state);
    let policies = [load(arguments[0]), load(arguments[1])];
    let swaps: usize = arguments[2].parse().unwrap();
    for number in 0..swaps {
        enforcer.apply(&policies[number % 2], 60, 30, "A. Example", now_s()).unwrap();
        if number % 3 == 2 {
            enforcer.rollback("A. Example", now_s()).unwrap();
        } else {
            enforcer.confirm("A. Example", now_s()).unwrap();
        }
    }
    say("done");
}

fn apply(state: &Path, policy: &str, within_s: u64, lease_s: u64) {
    let applied = enforcer(state).apply(&load(policy), within_s, lease_s, "A. Example", now_s()).unwrap();
    say(&applied.generation.to_string());
}

fn quarantine(state: &Path, arguments: &[&str]) {
    let step = match arguments[1] {
        "care-only" => Step::CareOnly,
        "rate-limit" => Step::RateLimit,
        _ => Step::Isolate,
    };
    let request = Request {
        device: arguments[0].to_owned(),
        step,
        duration_s: arguments[2].parse().unwrap(),
        reason: "scans its ward".to_owned(),
        by: "A. Example".to_owned(),
        second: arguments.get(3).map(|second| (*second).to_owned()),
    };
    let done = enforcer(state).quarantine(&request, None, now_s());
    say(&done.map_or_else(|error| error.to_string(), |_| "held".to_owned()));
}
