//! `serve --replay`, killed at a hundred points: what the console told is on disk, and the store opens clean.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wardline_model::DeviceId;
use wardline_store::{SqliteStore, Store as _};

const KILLS: u64 = 100;

fn start(state: &Path, capture: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["serve", "--listen", "127.0.0.1:0", "--speed", "300", "--workers", "1", "--replay"])
        .arg(capture)
        .env("WARDLINE_STATE", state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    (child, address.to_owned())
}

/// How long a busy machine may take until the first device is told.
const FIRST_DEVICE: Duration = Duration::from_secs(20);

/// Everything that the event stream says until `patience` is over after the first device, or the connection breaks.
fn told(address: &str, patience: Duration) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n"
    );
    if stream.write_all(request.as_bytes()).is_err() {
        return String::new();
    }
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    let began = std::time::Instant::now();
    let mut first: Option<std::time::Instant> = None;
    while first.map_or(began.elapsed() < FIRST_DEVICE, |first| first.elapsed() < patience) {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => text.extend_from_slice(&piece[..length]),
            Err(error) if first.is_none() && error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => break,
        }
        if first.is_none() && text.windows(3).any(|window| window == b"\"d-") {
            first = Some(std::time::Instant::now());
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Identifiers with this prefix in the text.
fn identifiers(text: &str, prefix: &str) -> BTreeSet<String> {
    let word =
        |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>();
    text.match_indices(&format!("\"{prefix}-")).map(|(place, _)| word(&text[place + 1..])).collect()
}

#[test]
fn killed_a_hundred_times_during_a_replay() {
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("hospital.pcap");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&capture).unwrap());
    wardline_lab::write_capture(wardline_lab::Hospital::for_demonstration(61, true), 900, &mut file).unwrap();
    let (mut devices, mut sequence) = (0, 0);
    for round in 0..KILLS {
        let state = directory.path().join(format!("state-{}", round / 10));
        let (mut child, address) = start(&state, &capture);
        let text = told(&address, Duration::from_millis(20 + round * 37 % 700));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = SqliteStore::open(&state).unwrap();
        store.verify().unwrap();
        for id in identifiers(&text, "d") {
            assert!(
                store.device(&DeviceId::from(id.as_str())).unwrap().is_some(),
                "round {round}: {id} was told and lost"
            );
            devices += 1;
        }
        let now = store.overview().unwrap().sequence;
        if !round.is_multiple_of(10) {
            assert!(now >= sequence, "round {round}: acknowledged batches were lost");
        }
        sequence = now;
    }
    assert!(devices > 50, "the event stream told of devices: {devices}");
}
