//! Both ends as processes that are killed while they work: what was acknowledged is delivered, once and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use wardline_shield::{Counters, Role, Settings, clinic, device};

use crate::pair::Pair;

/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(120);
/// Says to a copy of this test program which end it is, and where its settings are.
const END: &str = "SHIELD_TEST_END";
const SETTINGS: &str = "SHIELD_TEST_SETTINGS";

/// Not a test: what a copy of this program runs, when another test starts it as an end.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the tests of kills"]
async fn an_end_as_a_process() {
    let (Ok(end), Ok(settings)) = (std::env::var(END), std::env::var(SETTINGS)) else { return };
    // The sender lives as long as the process: it never stops by itself.
    let (_stop, stopped) = watch::channel(false);
    let counters = Arc::new(Counters::default());
    let role = if end == "device" { Role::Device } else { Role::Clinic };
    let settings = Settings::read(Path::new(&settings), role).unwrap();
    match role {
        Role::Device => device::run(settings, counters, stopped).await.unwrap(),
        Role::Clinic => clinic::run(settings, counters, stopped).await.unwrap(),
    }
}

/// A process that is killed with the test.
struct Process {
    child: Child,
    end: &'static str,
    settings: PathBuf,
}

impl Process {
    fn start(end: &'static str, settings: PathBuf) -> Self {
        let child = Self::spawn(end, &settings);
        Self { child, end, settings }
    }

    fn spawn(end: &str, settings: &Path) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::an_end_as_a_process"])
            .env(END, end)
            .env(SETTINGS, settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// SIGKILL, and a new one at once.
    fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(self.end, &self.settings);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The next block of MLLP, without its frame.
fn block(connection: &mut TcpStream, unread: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = unread.windows(2).position(|two| two == b"\x1c\r") {
            let block: Vec<u8> = unread.drain(..end + 2).collect();
            return Some(String::from_utf8_lossy(&block[1..end]).into_owned());
        }
        let mut piece = [0; 4096];
        match connection.read(&mut piece) {
            Ok(length @ 1..) => unread.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}

fn field(message: &str, segment: &str, number: usize) -> String {
    let line = message.split('\r').find(|line| line.starts_with(segment)).unwrap_or_default();
    line.split('|').nth(number).unwrap_or_default().to_owned()
}

/// A receiver that notes the number of every message that reaches it.
fn receive(address: SocketAddr) -> Arc<Mutex<Vec<String>>> {
    let listener = TcpListener::bind(address).unwrap();
    let got = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&got);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (Ok(mut connection), all) = (connection, Arc::clone(&all)) else { continue };
            std::thread::spawn(move || {
                let mut unread = Vec::new();
                while let Some(message) = block(&mut connection, &mut unread) {
                    let number = field(&message, "MSH", 9);
                    all.lock().unwrap().push(number.clone());
                    let answer =
                        format!("\x0bMSH|^~\\&|EHR|H|MON|ICU|||ACK|a{number}|P|2.5\rMSA|AA|{number}\r\x1c\r");
                    if connection.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    got
}

/// Sends one message; true when it was acknowledged.
fn send(address: SocketAddr, connection: &mut Option<TcpStream>, number: &str) -> bool {
    if connection.is_none() {
        *connection = TcpStream::connect(address).ok();
    }
    let Some(open) = connection else {
        std::thread::sleep(Duration::from_millis(20));
        return false;
    };
    open.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let message = format!(
        "\x0bMSH|^~\\&|MON|ICU|EHR|H|20260101||ORU^R01|{number}|P|2.5\rPID|1||9^^^H\rOBX|1|NM|HR||72\r\x1c\r"
    );
    let acknowledged = open.write_all(message.as_bytes()).is_ok()
        && block(open, &mut Vec::new())
            .is_some_and(|answer| field(&answer, "MSA", 1) == "AA" && field(&answer, "MSA", 2) == number);
    if !acknowledged {
        *connection = None;
    }
    acknowledged
}

async fn killed(acknowledge: &str, kills: usize) {
    const SENDERS: usize = 3;
    let mut pair = Pair::new();
    pair.clinic_work_more = "protocol = \"hl7\"\ndurable = true".to_owned();
    pair.work_more = format!("{}\nacknowledge = \"{acknowledge}\"", pair.clinic_work_more);
    std::fs::write(pair.path("clinic.toml"), pair.clinic_settings()).unwrap();
    std::fs::write(pair.path("device.toml"), pair.device_settings(pair.link)).unwrap();
    let got = receive(pair.target);
    let mut clinic = Process::start("clinic", pair.path("clinic.toml"));
    pair.enrol().await.unwrap();
    let mut device = Process::start("device", pair.path("device.toml"));
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (over, address) = (Arc::clone(&over), pair.device);
            std::thread::spawn(move || {
                let (mut connection, mut acknowledged) = (None, Vec::new());
                while !over.load(Ordering::Relaxed) {
                    // The same message until it is taken, as a device does.
                    let number = format!("{sender}-{}", acknowledged.len());
                    if send(address, &mut connection, &number) {
                        acknowledged.push(number);
                    }
                }
                acknowledged
            })
        })
        .collect();
    until("work begins", || got.lock().unwrap().len() > 10);
    let mut chance = 88_172_645_463_325_252_u64;
    for _ in 0..kills {
        // Xorshift: other moments and ends each time, the same in every run.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        std::thread::sleep(Duration::from_millis(100 + chance % 500));
        if chance & 1024 == 0 { &mut device } else { &mut clinic }.kill_and_restart();
    }
    let before = got.lock().unwrap().len();
    until("work goes on after the last kill", || got.lock().unwrap().len() > before + 10);
    over.store(true, Ordering::Relaxed);
    let acknowledged: Vec<String> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    until("everything that was acknowledged", || {
        let got: BTreeSet<String> = got.lock().unwrap().iter().cloned().collect();
        acknowledged.iter().all(|number| got.contains(number))
    });
    let got = got.lock().unwrap().clone();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let mut applied: BTreeMap<&str, usize> = BTreeMap::new();
    for number in &got {
        *times.entry(number).or_default() += 1;
        let (sender, place) = number.split_once('-').unwrap();
        let place: usize = place.parse().unwrap();
        // What a receiver applies by MSH-10 is every message once, in the order of its sender.
        let next = applied.entry(sender).or_default();
        assert!(place <= *next, "{number} before what came before it");
        *next = (*next).max(place + 1);
    }
    // Only the one message that was between sending and answer at a kill may reach the receiver again.
    let repeats: usize = times.values().map(|times| times - 1).sum();
    assert!(repeats <= kills, "{repeats} repeats after {kills} kills");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_near_end_acknowledged_survives_kills() {
    killed("near", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_receiver_acknowledged_survives_kills() {
    killed("receiver", 6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: two hundred kills"]
async fn two_hundred_kills_lose_and_double_nothing() {
    killed("near", 100).await;
    killed("far", 100).await;
}
