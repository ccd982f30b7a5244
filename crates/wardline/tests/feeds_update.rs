//! Feeds fetched from a mirror that behaves as servers do on bad days. It listens on loopback and lives in the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha512};

/// How a file is served.
#[derive(Clone)]
enum Manner {
    /// Whole, with a mark by which it is known again, and in parts for whoever asks.
    Well(Vec<u8>),
    /// Cut off after so many bytes, every time.
    CutOff(Vec<u8>, usize),
    /// Not before so many requests were told to wait a second.
    Busy(Vec<u8>, usize),
    /// Asks to wait for an hour.
    Tomorrow,
    /// Says that it is so long, and begins.
    Huge(u64),
    /// Goes on without an end and without saying how long it is.
    Endless,
    /// Sends a byte and falls silent.
    Silent,
}

#[derive(Default)]
struct Shelf {
    files: BTreeMap<String, Manner>,
    /// Path, and the status with which it was answered.
    requests: Vec<(String, u16)>,
}

struct Mirror {
    address: String,
    shelf: Arc<Mutex<Shelf>>,
}

impl Mirror {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let theirs = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = Arc::clone(&theirs);
                std::thread::spawn(move || serve(&stream, &shelf));
            }
        });
        Self { address, shelf }
    }

    fn put(&self, path: &str, manner: Manner) {
        self.shelf.lock().unwrap().files.insert(path.to_owned(), manner);
    }

    /// A document with its checksum.
    fn put_checked(&self, path: &str, bytes: &[u8]) {
        let sum: String = Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        self.put(path, Manner::Well(bytes.to_vec()));
        self.put(&format!("{path}.sha512"), Manner::Well(format!("{sum}  {path}\n").into_bytes()));
    }

    fn requests(&self) -> Vec<(String, u16)> {
        std::mem::take(&mut self.shelf.lock().unwrap().requests)
    }

    fn update(&self, state: &Path, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_wardline"))
            .args(["feeds", "update", "--timeout", "1", "--mirror", &self.address])
            .args(more)
            .env("WARDLINE_STATE", state)
            .env("NO_PROXY", "*")
            .output()
            .unwrap()
    }
}

fn serve(stream: &TcpStream, shelf: &Mutex<Shelf>) {
    let mut reader = BufReader::new(stream);
    let mut output = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let path = lines[0].split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        let asked = |name: &str| {
            let named = |line: &&String| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
            lines.iter().find(named).map(|line| line.split_once(':').unwrap().1.trim().to_owned())
        };
        let status = answer(&mut output, shelf, &path, &asked);
        shelf.lock().unwrap().requests.push((path, status));
        // Whoever was cut off or slowed down gets no more on this connection.
        if status == 0 {
            return;
        }
    }
}

/// Answers a request; 0 is a whole answer that was never given.
fn answer(
    output: &mut &TcpStream,
    shelf: &Mutex<Shelf>,
    path: &str,
    asked: &dyn Fn(&str) -> Option<String>,
) -> u16 {
    let manner = shelf.lock().unwrap().files.get(path).cloned();
    let head = |status: &str, length: u64, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{more}\r\n").into_bytes()
    };
    let Some(manner) = manner else {
        let _ = output.write_all(&head("404 Not Found", 0, ""));
        return 404;
    };
    match manner {
        Manner::Well(bytes) => well(output, &bytes, asked),
        Manner::CutOff(bytes, after) => cut_off(output, &bytes, after, asked),
        Manner::Busy(bytes, 0) => well(output, &bytes, asked),
        Manner::Busy(bytes, times) => {
            shelf.lock().unwrap().files.insert(path.to_owned(), Manner::Busy(bytes, times - 1));
            let _ = output.write_all(&head("429 Too Many Requests", 0, "Retry-After: 1\r\n"));
            429
        }
        Manner::Tomorrow => {
            let _ = output.write_all(&head("429 Too Many Requests", 0, "Retry-After: 3600\r\n"));
            429
        }
        Manner::Huge(length) => {
            let _ = output.write_all(&head("200 OK", length, ""));
            0
        }
        Manner::Endless => {
            let _ = output.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
            while output.write_all(&chunk).is_ok() {}
            0
        }
        Manner::Silent => {
            let _ = output.write_all(&head("200 OK", 1000, ""));
            let _ = output.write_all(b"{");
            std::thread::sleep(Duration::from_secs(5));
            0
        }
    }
}

fn mark(bytes: &[u8]) -> String {
    Sha512::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn well(output: &mut &TcpStream, bytes: &[u8], asked: &dyn Fn(&str) -> Option<String>) -> u16 {
    let mark = format!("\"{}\"", mark(bytes));
    if asked("if-none-match").is_some_and(|known| known == mark) {
        let _ = output.write_all(format!("HTTP/1.1 304 Not Modified\r\nETag: {mark}\r\n\r\n").as_bytes());
        return 304;
    }
    let from = asked("range")
        .filter(|_| asked("if-range").is_none_or(|known| known == mark))
        .and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().ok());
    let (status, rest, more) = match from {
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            (206, &bytes[from..], range)
        }
        None => (200, bytes, String::new()),
    };
    let head =
        format!("HTTP/1.1 {status} OK\r\nContent-Length: {}\r\nETag: {mark}\r\n{more}\r\n", rest.len());
    let _ = output.write_all(head.as_bytes()).and_then(|()| output.write_all(rest));
    status
}

fn cut_off(
    output: &mut &TcpStream,
    bytes: &[u8],
    after: usize,
    asked: &dyn Fn(&str) -> Option<String>,
) -> u16 {
    let from = asked("range")
        .and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().ok())
        .unwrap_or(0);
    let (status, more) = if from > 0 {
        (206, format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len()))
    } else {
        (200, String::new())
    };
    let rest = &bytes[from..];
    let head = format!(
        "HTTP/1.1 {status} OK\r\nContent-Length: {}\r\nETag: \"{}\"\r\n{more}\r\n",
        rest.len(),
        mark(bytes)
    );
    let _ = output.write_all(head.as_bytes()).and_then(|()| output.write_all(&rest[..after.min(rest.len())]));
    if after >= rest.len() { status } else { 0 }
}

fn advisory(id: &str, title: &str) -> Vec<u8> {
    format!(
        r#"{{"document": {{"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "{title}",
          "tracking": {{"id": "{id}", "version": "1", "current_release_date": "2025-01-02T00:00:00Z"}}}},
          "vulnerabilities": [{{"cve": "CVE-2025-0001"}}]}}"#
    )
    .into_bytes()
}

fn catalogue(entries: usize) -> Vec<u8> {
    let entries: Vec<_> = (0..entries)
        .map(|number| format!(r#"{{"cveID": "CVE-2025-{number:05}", "dateAdded": "2026-01-01"}}"#))
        .collect();
    format!(r#"{{"catalogVersion": "2026.01.01", "vulnerabilities": [{}]}}"#, entries.join(",")).into_bytes()
}

const KEV: &str = "kev/known_exploited_vulnerabilities.json";

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_did_not_change_is_not_fetched_again() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    let (state, csaf) = (state.path(), state.path().join("feeds/csaf/cisa"));
    mirror.put(
        "csaf/changes.csv",
        Manner::Well(
            b"\"2025/ex-1.json\",\"2025-01-02T00:00:00Z\"\n\"2025/ex-2.json\",\"2025-01-01T00:00:00Z\"\n"
                .to_vec(),
        ),
    );
    mirror.put_checked("csaf/2025/ex-1.json", &advisory("ex-1", "first"));
    mirror.put_checked("csaf/2025/ex-2.json", &advisory("ex-2", "second"));
    mirror.put(KEV, Manner::Well(catalogue(3)));
    let first = mirror.update(state, &["--only", "csaf", "--only", "kev"]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(said(&first).contains("csaf: 2 new or changed, 0 unchanged\n"), "{}", said(&first));
    assert_eq!(fs::read_dir(&csaf).unwrap().count(), 2);
    mirror.requests();

    // Nothing changed: the list tells so of the documents, and a 304 of the catalogue.
    let second = mirror.update(state, &["--only", "csaf", "--only", "kev"]);
    assert!(said(&second).contains("csaf: 0 new or changed, 2 unchanged"), "{}", said(&second));
    let requests = mirror.requests();
    assert_eq!(requests, [("csaf/changes.csv".to_owned(), 200), (KEV.to_owned(), 304)]);

    // One changed: it alone is fetched.
    mirror.put(
        "csaf/changes.csv",
        Manner::Well(
            b"\"2025/ex-1.json\",\"2025-01-02T00:00:00Z\"\n\"2025/ex-2.json\",\"2026-06-01T00:00:00Z\"\n"
                .to_vec(),
        ),
    );
    mirror.put_checked("csaf/2025/ex-2.json", &advisory("ex-2", "corrected"));
    let third = mirror.update(state, &["--only", "csaf"]);
    assert!(said(&third).contains("csaf: 1 new or changed, 1 unchanged"), "{}", said(&third));
    assert!(fs::read_to_string(csaf.join("ex-2.json")).unwrap().contains("corrected"));

    let status = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["feeds", "status", "--json"])
        .env("WARDLINE_STATE", state)
        .output()
        .unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["advisories"], &status["exploited"]), (&2.into(), &3.into()));
    assert!(status["updated"]["csaf"].is_string() && status["updated"]["kev"].is_string());
}

#[test]
fn a_broken_document_is_named_and_the_last_good_copy_stays() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    let (state, csaf) = (state.path(), state.path().join("feeds/csaf/cisa"));
    mirror.put("csaf/index.txt", Manner::Well(b"2025/ex-1.json\n2025/ex-2.json\n2025/ex-3.json\n".to_vec()));
    for id in ["ex-1", "ex-2", "ex-3"] {
        mirror.put_checked(&format!("csaf/2025/{id}.json"), &advisory(id, "good"));
    }
    assert_eq!(mirror.update(state, &["--only", "csaf"]).status.code(), Some(0));

    // The first differs from its checksum, the second is no JSON though its checksum says it is whole.
    mirror.put("csaf/2025/ex-1.json", Manner::Well(advisory("ex-1", "forged")));
    mirror.put_checked("csaf/2025/ex-2.json", b"{\"document\": ");
    mirror.put_checked("csaf/2025/ex-3.json", &advisory("ex-3", "newer"));
    let update = mirror.update(state, &["--only", "csaf"]);
    assert_eq!(update.status.code(), Some(1), "{}", said(&update));
    let words = said(&update);
    assert!(words.contains("ex-1.json: differs from its checksum"), "{words}");
    assert!(words.contains("ex-2.json") && words.contains("is no JSON"), "{words}");
    for (id, title) in [("ex-1", "good"), ("ex-2", "good"), ("ex-3", "newer")] {
        assert!(fs::read_to_string(csaf.join(format!("{id}.json"))).unwrap().contains(title), "{id}");
    }
}

#[test]
fn a_fetch_that_was_cut_off_goes_on_where_it_ended() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    let whole = catalogue(12_000);
    assert!(whole.len() > 600_000);
    mirror.put(KEV, Manner::CutOff(whole.clone(), 200_000));
    let update = mirror.update(state.path(), &["--only", "kev"]);
    assert_eq!(update.status.code(), Some(0), "{}", said(&update));
    assert_eq!(fs::read(state.path().join("feeds").join(KEV)).unwrap(), whole);
    let parts = mirror.requests().iter().filter(|(path, status)| path == KEV && *status != 404).count();
    assert_eq!(parts, whole.len().div_ceil(200_000));
}

#[test]
fn a_server_that_always_fails_is_given_up_and_the_next_run_goes_on() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    let whole = catalogue(400);
    mirror.put(KEV, Manner::CutOff(whole.clone(), 100));
    let update = mirror.update(state.path(), &["--only", "kev"]);
    assert_eq!(update.status.code(), Some(1));
    assert!(said(&update).contains("4 attempts"), "{}", said(&update));
    assert!(!state.path().join("feeds").join(KEV).exists());
    mirror.requests();
    mirror.put(KEV, Manner::Well(whole.clone()));
    assert_eq!(mirror.update(state.path(), &["--only", "kev"]).status.code(), Some(0));
    assert!(mirror.requests().contains(&(KEV.to_owned(), 206)), "what was there was not fetched again");
    assert_eq!(fs::read(state.path().join("feeds").join(KEV)).unwrap(), whole);
}

#[test]
fn a_busy_server_is_asked_again_when_it_says_so() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    mirror.put(KEV, Manner::Busy(catalogue(1), 2));
    let began = Instant::now();
    let update = mirror.update(state.path(), &["--only", "kev"]);
    assert_eq!(update.status.code(), Some(0), "{}", said(&update));
    assert!(began.elapsed() >= Duration::from_secs(2));
    mirror.put(KEV, Manner::Tomorrow);
    let update = mirror.update(state.path(), &["--only", "kev"]);
    assert_eq!(update.status.code(), Some(1));
    assert!(said(&update).contains("wait 3600 s"), "{}", said(&update));
    assert!(state.path().join("feeds").join(KEV).exists(), "the last good copy stays");
}

#[test]
fn what_is_too_long_too_slow_or_a_bomb_is_refused() {
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    let kept = state.path().join("feeds").join(KEV);
    for (manner, complaint) in [
        (Manner::Huge(1 << 40), "at most"),
        (Manner::Endless, "is longer than"),
        (Manner::Silent, "4 attempts"),
    ] {
        mirror.put(KEV, manner);
        let update = mirror.update(state.path(), &["--only", "kev"]);
        assert_eq!(update.status.code(), Some(1));
        assert!(said(&update).contains(complaint), "{complaint}: {}", said(&update));
        assert!(!kept.exists());
    }
    // 600 MB of blanks in a few bytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..600 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    mirror.put("epss/epss_scores-current.csv.gz", Manner::Well(bomb.finish().unwrap()));
    let update = mirror.update(state.path(), &["--only", "epss"]);
    assert_eq!(update.status.code(), Some(1));
    assert!(said(&update).contains("bytes long; at most"), "{}", said(&update));
}

#[test]
fn records_are_packed_from_an_archive_within_an_archive() {
    let record = |number: u32| {
        format!(
            r#"{{"dataType": "CVE_RECORD", "cveMetadata": {{"cveId": "CVE-2025-{number:04}", "state": "PUBLISHED"}},
              "containers": {{"cna": {{"affected": [{{"vendor": "Example", "product": "Viewer",
                "versions": [{{"version": "1.{number}", "status": "affected"}}]}}]}}}}}}"#
        )
    };
    let zipped = |files: &[(String, Vec<u8>)]| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let mut files: Vec<_> = (1..=5)
        .map(|number| (format!("cves/2025/CVE-2025-{number:04}.json"), record(number).into_bytes()))
        .collect();
    files.push(("cves/2025/CVE-2025-0006.json".to_owned(), b"{".to_vec()));
    let outer = zipped(&[("cves.zip".to_owned(), zipped(&files))]);
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    mirror.put_checked("cve/cves.zip", &outer);
    let update = mirror.update(state.path(), &["--only", "cve"]);
    let words = said(&update);
    assert!(words.contains("CVE-2025-0006.json") && words.contains("cve: 1 new or changed"), "{words}");
    let packed = state.path().join("feeds/cve/records.ndjson.gz");
    let before = fs::read(&packed).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["feeds", "status", "--json"])
        .env("WARDLINE_STATE", state.path())
        .output()
        .unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["vulnerabilities"], 5);

    // A damaged archive harms nothing that is there.
    mirror.put_checked("cve/cves.zip", &outer[..outer.len() / 2]);
    let update = mirror.update(state.path(), &["--only", "cve"]);
    assert_eq!(update.status.code(), Some(1));
    assert!(said(&update).contains("damaged archive"), "{}", said(&update));
    assert_eq!(fs::read(&packed).unwrap(), before);
    let left = fs::read_dir(state.path().join("feeds/.update")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != "ledger.json").collect();
    assert!(left.iter().all(|name| name == "records.part"), "{left:?}");
}

#[test]
fn recalls_are_kept_as_facts_and_one_broken_file_harms_no_other() {
    let zipped = |text: &str| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file("device.json", zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let words = "Words of the firm that are long. ".repeat(100);
    let enforcement = format!(
        r#"{{"meta": {{"license": "https://open.fda.gov/license/"}}, "results": [{{"recall_number": "Z-1-2024",
          "classification": "Class II", "product_type": "Devices", "recalling_firm": "Example Medical",
          "product_description": "Pump 700 {words}", "recall_initiation_date": "20240131"}}]}}"#
    );
    let classes = r#"{"meta": {"license": "https://open.fda.gov/license/"}, "results": [
      {"product_code": "FRN", "device_name": "Pump, Infusion", "device_class": "2"}]}"#;
    let support = r#"{"schema_version": "1.2.0", "result": [{"name": "example", "releases": [{"name": "1", "eolFrom": "2025-01-01"}]}]}"#;
    let (mirror, state) = (Mirror::new(), tempfile::tempdir().unwrap());
    mirror.put_checked("recalls/device-enforcement.json.zip", &zipped(&enforcement));
    mirror.put("recalls/device-recall.json.zip", Manner::Well(zipped("{")));
    mirror.put_checked("classes/device-classification.json.zip", &zipped(classes));
    mirror.put("support/products.json", Manner::Well(support.as_bytes().to_vec()));
    let only = ["--only", "recalls", "--only", "classes", "--only", "support"];
    let update = mirror.update(state.path(), &only);
    assert_eq!(update.status.code(), Some(1), "{}", said(&update));
    assert!(said(&update).contains("device-recall.json.zip"), "{}", said(&update));
    let kept = state.path().join("feeds/recalls/device-enforcement.json.zip.facts.gz");
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(fs::File::open(&kept).unwrap()),
        &mut text,
    )
    .unwrap();
    assert!(text.contains("Z-1-2024") && text.len() < 1_000, "{text}");
    let status = Command::new(env!("CARGO_BIN_EXE_wardline"))
        .args(["feeds", "status", "--json"])
        .env("WARDLINE_STATE", state.path())
        .output()
        .unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (&status["recalls"], &status["classes"], &status["support"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(status["newest"]["recall"], "2024-01-31");
    // Unchanged files are not fetched again.
    mirror.put_checked("recalls/device-recall.json.zip", &zipped(&enforcement));
    mirror.requests();
    assert_eq!(mirror.update(state.path(), &only).status.code(), Some(0));
    let unchanged = mirror.requests().iter().filter(|(_, status)| *status == 304).count();
    assert_eq!(unchanged, 3);
}
