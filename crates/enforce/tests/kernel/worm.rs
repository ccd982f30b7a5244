//! A worm as WannaCry was: whatever it infects tries every address it can think of on the port of file shares.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::hospital::{FILES, Hospital, Part};

const WARD_ONE: [&str; 2] = ["10.77.1.2", "10.77.1.3"];
const WARD_TWO: [&str; 2] = ["10.77.2.2", "10.77.2.3"];
/// Longer than the worm needs for every address, several times.
const LIFE: Duration = Duration::from_secs(5);

fn mark(state: &Path, address: &str) -> std::path::PathBuf {
    state.join(format!("infected-{address}"))
}

/// A machine that nobody patched. Once infected it tries all others again and again.
pub(crate) fn vulnerable(state: &Path, own: &str, others: &[&str]) {
    let own_address: IpAddr = own.parse().unwrap();
    let listener = TcpListener::bind((own_address, FILES)).unwrap();
    crate::parts::say("ready");
    for mut stream in listener.incoming().flatten() {
        let mut bytes = [0; 4];
        if stream.read_exact(&mut bytes).is_ok() && &bytes == b"worm" && !mark(state, own).exists() {
            std::fs::write(mark(state, own), "").unwrap();
            let others: Vec<String> = others.iter().map(|one| (*one).to_owned()).collect();
            thread::spawn(move || {
                loop {
                    others.iter().for_each(|other| drop(infect(other)));
                }
            });
        }
    }
}

pub(crate) fn infect(target: &str) -> std::io::Result<()> {
    let target = SocketAddr::new(target.parse().unwrap(), FILES);
    TcpStream::connect_timeout(&target, Duration::from_millis(300))?.write_all(b"worm")
}

/// Lets a worm loose on a device of ward one, and tells whom it reached.
fn outbreak(hospital: &Hospital) -> Vec<&'static str> {
    let all: Vec<&'static str> = [WARD_ONE, WARD_TWO].concat();
    let machine = |role: &str, own: &&str| {
        let others: Vec<&str> = all.iter().filter(|other| *other != own).copied().collect();
        let mut part = hospital.part(role, "vulnerable", &[&[*own][..], &others].concat());
        assert_eq!(part.line(), "ready");
        part
    };
    let machines: Vec<Part> = WARD_ONE
        .iter()
        .map(|own| machine("a", own))
        .chain(WARD_TWO.iter().map(|own| machine("b", own)))
        .collect();
    assert_eq!(hospital.ask("a", "infect", &[WARD_ONE[1]]), "done");
    let start = Instant::now();
    let infected = || -> Vec<&'static str> {
        all.iter().copied().filter(|one| mark(hospital.state(), one).exists()).collect()
    };
    while start.elapsed() < LIFE && infected().len() < all.len() {
        thread::sleep(Duration::from_millis(100));
    }
    let reached = infected();
    // Before the marks: whoever lives infects again.
    drop(machines);
    reached.iter().for_each(|one| std::fs::remove_file(mark(hospital.state(), one)).unwrap());
    reached
}

#[test]
fn a_worm_spreads_through_its_zone_and_reaches_no_second_one() {
    let Some(hospital) = Hospital::open() else { return };
    // It does spread where nothing is in its way.
    assert_eq!(outbreak(&hospital), [WARD_ONE, WARD_TWO].concat());
    let policy = hospital.policy("one", 0);
    let generation = hospital.ask("r", "apply", &[&policy, "60", "10"]);
    let _keeper = hospital.part("r", "keep", &[&generation]);
    assert_eq!(hospital.ask("r", "confirm", &[]), "true");
    assert_eq!(outbreak(&hospital), WARD_ONE);
}
