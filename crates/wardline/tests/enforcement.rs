//! Enforcement through the program, in a network namespace of its own: apply, confirm, quarantine, roll back, and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wardline_lab::{Hospital, Options, write_capture};

const POLICY: &str = r#"{"version":1,"name":"ward",
  "zones":[{"name":"ward","within":"deny","reason":""}],
  "groups":[{"name":"ward/pump","zone":"ward","category":"infusion-pump"}],
  "members":[{"address":"10.9.0.1/32","group":"ward/pump","criticality":"therapy"},
             {"address":"10.9.0.2/32","group":"ward/pump","criticality":"life-sustaining"}],
  "protected":[{"from":"10.9.0.2","to":"10.9.1.1","transport":6,"ports":{"first":2575,"last":2575}}]}"#;

struct Namespace {
    name: String,
    directory: tempfile::TempDir,
}

impl Namespace {
    fn open() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wlcli{}x{number}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).output();
        if !made.is_ok_and(|output| output.status.success())
            || Command::new("nft").arg("-v").output().is_err()
        {
            println!("skipped: run as root with iproute2 and nftables");
            return None;
        }
        Some(Self { name, directory: tempfile::tempdir().unwrap() })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("ip")
            .args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_wardline"), "segment"])
            .args(arguments)
            .env("WARDLINE_STATE", self.directory.path())
            .output()
            .unwrap()
    }

    /// The enforcer, with its rights, in the namespace.
    fn enforcer(&self) -> Running {
        let socket = self.directory.path().join("enforcer.sock");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_wardline"), "segment", "serve"]);
        command.arg("--socket").arg(&socket).env("WARDLINE_STATE", self.directory.path());
        let running = Running(command.stdout(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn rules(&self) -> String {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.name, "nft", "list", "ruleset"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let listed = Command::new("ip").args(["netns", "pids", &self.name]).output();
        let keepers = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        for keeper in keepers.unwrap_or_default().lines() {
            let _ = Command::new("kill").args(["-KILL", keeper]).output();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

#[test]
fn apply_confirm_quarantine_and_roll_back_by_the_command_line() {
    let Some(place) = Namespace::open() else { return };
    let policy = place.directory.path().join("policy.json");
    std::fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();
    let by = ["--by", "A. Example"];

    let said = place.done(&["apply", policy, "--confirm-within", "1m", "--lease", "2s", by[0], by[1]]);
    assert!(said.contains("1 life-sustaining conversations"), "{said}");
    assert!(place.refused(&["apply", policy, by[0], by[1]]).contains("waits for confirmation"));
    // Longer than the lease: the keeper that apply started renews it.
    thread::sleep(Duration::from_secs(3));
    assert!(place.done(&["confirm", by[0], by[1]]).contains("Confirmed"));
    assert!(place.done(&["status"]).contains("The lease lives"));

    let quarantine = ["quarantine", "10.9.0.1", "--reason", "scans", by[0], by[1]];
    assert!(place.refused(&quarantine).contains("second, different person"));
    let two = [&quarantine[..], &["--second", "B. Example", "--step", "isolate", "--for", "2h"]].concat();
    assert!(place.done(&two).contains("isolate"));
    assert!(place.done(&["quarantine", "--list"]).contains("A. Example and B. Example: scans"));
    assert!(place.rules().contains("isolate_4"));
    place.done(&["quarantine", "10.9.0.1", "--release", by[0], by[1]]);
    assert!(!place.rules().contains("isolate_4"));

    assert!(place.done(&["rollback", by[0], by[1]]).contains("byte for byte"));
    assert_eq!(place.rules(), "");
    let log = place.done(&["log"]);
    assert!(log.contains("Sound: 7 entries"), "{log}");
    assert!(place.refused(&["rollback", by[0], by[1]]).contains("nothing to roll back"));
}

#[test]
fn a_change_that_nobody_confirms_is_undone_by_the_keeper_that_apply_started() {
    let Some(place) = Namespace::open() else { return };
    let policy = place.directory.path().join("policy.json");
    std::fs::write(&policy, POLICY).unwrap();
    place.done(&["apply", policy.to_str().unwrap(), "--confirm-within", "2s", "--by", "A. Example"]);
    assert!(place.rules().contains("drop"));
    let start = Instant::now();
    while !place.rules().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(6), "{}", place.rules());
        thread::sleep(Duration::from_millis(100));
    }
    assert!(place.done(&["log"]).contains("reverted"));
}

/// A process that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The console over a quarter of an hour of a simulated hospital, without rights, outside the namespace.
struct Console {
    process: Running,
    address: String,
    cookie: String,
}

impl Console {
    fn open(place: &Namespace) -> Self {
        let state = place.directory.path();
        let capture = state.join("day.pcap");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&capture).unwrap());
        write_capture(Hospital::new(21, Options::default()), 900, &mut file).unwrap();
        file.flush().unwrap();
        let wardline = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wardline"));
            command.env("WARDLINE_STATE", state);
            command
        };
        let mut account = wardline();
        account.args(["account", "add", "nora", "--role", "network-engineer"]).stdin(Stdio::piped());
        let mut account = account.stdout(Stdio::null()).spawn().unwrap();
        account.stdin.take().unwrap().write_all(b"a long enough password\n").unwrap();
        assert!(account.wait().unwrap().success());
        let mut serve = wardline();
        serve.args(["serve", "--listen", "127.0.0.1:0", "--speed", "0", "--replay"]).arg(&capture);
        serve.arg("--enforcer").arg(state.join("enforcer.sock"));
        let mut process = Running(serve.stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.split('/').next().unwrap().to_owned();
        let mut console = Self { process, address, cookie: String::new() };
        let body = json!({ "name": "nora", "password": "a long enough password" });
        let (status, head, _) = console.ask("POST", "/session", Some(&body));
        assert_eq!(status, 200);
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        console.cookie = cookie.split(';').next().unwrap().to_owned();
        // Until everything is stored, proposals change under one's hands.
        let start = Instant::now();
        while console.get("/overview")["sensor"]["state"] != "at-rest" {
            assert!(start.elapsed() < Duration::from_secs(120), "{}", console.get("/overview")["sensor"]);
            thread::sleep(Duration::from_millis(200));
        }
        console
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.cookie,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).2
    }

    /// Applies what it proposes.
    fn apply(&self, confirm_within_s: u64) -> Value {
        let proposal = self.get("/segmentation");
        assert_eq!(proposal["clinical_blocked"], 0, "{proposal:#}");
        let body = json!({ "digest": proposal["digest"], "confirm_within_s": confirm_within_s });
        let (status, _, told) = self.ask("POST", "/enforcement/apply", Some(&body));
        assert_eq!(status, 200, "{told}");
        told
    }
}

#[test]
fn the_console_applies_confirms_and_undoes_through_the_enforcer() {
    let Some(place) = Namespace::open() else { return };
    let untouched = place.rules();
    let console = Console::open(&place);
    assert_eq!(console.get("/enforcement")["reachable"], false);
    let _enforcer = place.enforcer();
    assert_eq!(console.get("/enforcement")["reachable"], true);
    let told = console.apply(60);
    assert_eq!((&told["leased"], &told["policy"]["name"]), (&json!(true), &json!("proposed")));
    assert!(told["confirm_within_s"].as_u64() > Some(30), "{told}");
    assert!(place.rules().contains("drop"));
    // What is asked twice is refused as on the command line.
    let body = json!({ "digest": console.get("/segmentation")["digest"] });
    let (status, _, refused) = console.ask("POST", "/enforcement/apply", Some(&body));
    assert!(
        status == 409 && refused["detail"].as_str().unwrap().contains("waits for confirmation"),
        "{refused}"
    );
    let (status, _, told) = console.ask("POST", "/enforcement/confirm", Some(&json!({})));
    assert_eq!((status, &told["confirm_within_s"]), (200, &Value::Null));
    let (status, _, told) = console.ask("POST", "/enforcement/rollback", Some(&json!({})));
    assert_eq!((status, &told["policy"]), (200, &Value::Null));
    assert_eq!(place.rules(), untouched);
    let acts: Vec<&str> =
        told["acts"].as_array().unwrap().iter().filter_map(|act| act["act"].as_str()).collect();
    assert_eq!(acts, ["rolled-back", "confirmed", "applied", "apply-intent"]);
    assert!(told["acts"].as_array().unwrap().iter().all(|act| act["by"] == "nora"));
    // The command line sees the same log.
    assert!(place.done(&["log"]).contains("Sound: 4 entries"));
}

/// The console is killed while a change waits: nobody confirms, and the rules are as before.
fn console_dies(confirm_within_s: u64) {
    let Some(place) = Namespace::open() else { return };
    let _enforcer = place.enforcer();
    let mut console = Console::open(&place);
    let untouched = place.rules();
    console.apply(confirm_within_s);
    let start = Instant::now();
    console.process.0.kill().unwrap();
    assert!(place.rules().contains("drop"), "the console's death lifts nothing");
    while place.rules() != untouched {
        let waited_s = start.elapsed().as_secs();
        assert!(waited_s <= confirm_within_s + 1, "not undone after {waited_s} s");
        thread::sleep(Duration::from_millis(100));
    }
    println!("undone after {:.1?}", start.elapsed());
}

#[test]
fn a_change_whose_console_died_is_undone_and_the_rules_are_as_before() {
    console_dies(6);
}

#[test]
#[ignore = "takes two minutes"]
fn a_change_whose_console_died_is_undone_within_two_minutes() {
    console_dies(120);
}
