//! Threat intelligence from servers: a TAXII 2.1 server with pages, accounts and withdrawals, and a MISP feed. Both listen
//! on loopback and live in the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod program;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use program::wardline;

/// What a server answers to a path with its query and the account that asks: status, further header, content.
type Answer = (u16, String, String);
type Answers = dyn Fn(&str, Option<&str>) -> Answer + Send + Sync;

struct Server {
    address: String,
    /// Paths that were asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: impl Fn(&str, Option<&str>) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (theirs, answers): (_, Arc<Answers>) = (Arc::clone(&asked), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, answers) = (Arc::clone(&theirs), Arc::clone(&answers));
                std::thread::spawn(move || serve(&stream, &asked, answers.as_ref()));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(stream: &TcpStream, asked: &Mutex<Vec<String>>, answers: &Answers) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(start) = lines.next() {
        let fields: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let path = start.split(' ').nth(1).unwrap().to_owned();
        let field = |name: &str| {
            let found = fields
                .iter()
                .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
            found.map(|(_, value)| value)
        };
        let (status, more, content) = answers(&path, field("authorization"));
        asked.lock().unwrap().push(path);
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n{more}\r\n", content.len());
        let mut writer = stream;
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(content.as_bytes())).is_err() {
            return;
        }
    }
}

/// How many indicators of each kind are kept.
fn kept(state: &Path) -> Value {
    let output = wardline(state, &["intel", "status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    status["indicators"].clone()
}

fn indicator(number: usize, modified: &str, revoked: bool) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{number}"), "modified": modified,
        "pattern_type": "stix", "pattern": format!("[ipv4-addr:value = '198.51.100.{number}']"), "revoked": revoked,
    })
}

/// `ward:secret` for RFC 7617.
const ACCOUNT: &str = "Basic d2FyZDpzZWNyZXQ=";

/// Objects with the time at which each was added, two to a page.
fn taxii(objects: &Arc<Mutex<Vec<(String, Value)>>>, path: &str, account: Option<&str>) -> Answer {
    if account != Some(ACCOUNT) {
        return (401, String::new(), "{}".to_owned());
    }
    let plain = |json: Value| {
        (200, "Content-Type: application/taxii+json;version=2.1\r\n".to_owned(), json.to_string())
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    match path {
        "/taxii2/" => plain(json!({"title": "t", "api_roots": ["/api1/"], "default": "/api1/"})),
        "/api1/" => plain(json!({"title": "r", "versions": ["application/taxii+json;version=2.1"]})),
        "/api1/collections/" => plain(json!({"collections": [
            {"id": "c-1", "title": "Hospitals", "can_read": true, "can_write": false},
            {"id": "c-2", "title": "Closed", "can_read": false, "can_write": false}]})),
        "/api1/collections/c-1/objects/" => {
            let objects = objects.lock().unwrap();
            let after = value("added_after").map(|after| after.replace("%3A", ":")).unwrap_or_default();
            let begin: usize = value("next").map_or(0, |next| next.parse().unwrap());
            let new: Vec<_> = objects.iter().filter(|(added, _)| *added > after).skip(begin).collect();
            let page = &new[..new.len().min(2)];
            let mut envelope = json!({"objects": page.iter().map(|(_, object)| object).collect::<Vec<_>>()});
            if new.len() > 2 {
                envelope["more"] = json!(true);
                envelope["next"] = json!((begin + 2).to_string());
            }
            let (status, mut fields, content) = plain(envelope);
            if let Some((last, _)) = page.last() {
                fields.push_str(&format!("X-TAXII-Date-Added-Last: {last}\r\n"));
            }
            (status, fields, content)
        }
        _ => (404, String::new(), String::new()),
    }
}

#[test]
fn a_collection_is_followed_page_by_page_and_then_only_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let password = directory.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let day = |day: usize| format!("2026-02-0{day}T00:00:00.000Z");
    let objects: Vec<_> =
        (1..=5).map(|number| (day(number), indicator(number, "2026-01-01T00:00:00.000Z", false))).collect();
    let objects = Arc::new(Mutex::new(objects));
    let theirs = Arc::clone(&objects);
    let server = Server::new(move |path, account| taxii(&theirs, path, account));
    let address = format!("{}/taxii2/", server.address);

    // Without an account nothing is told, and what to do is.
    let refused = wardline(&state, &["intel", "import", &address]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--password-file"));

    let access = ["--user", "ward", "--password-file", password.to_str().unwrap()];
    let imported = wardline(&state, &[&["intel", "import", &address][..], &access].concat());
    assert_eq!(imported.status.code(), Some(0), "{}", String::from_utf8_lossy(&imported.stderr));
    assert!(String::from_utf8_lossy(&imported.stdout).contains("Hospitals: 5 new objects"));
    assert_eq!(kept(&state)["addresses and networks"], 5);
    assert_eq!(
        server.asked().iter().filter(|path| path.contains("objects")).count(),
        3,
        "three pages of two"
    );

    // One is new, and one of before is withdrawn.
    objects.lock().unwrap().push((day(6), indicator(6, "2026-01-01T00:00:00.000Z", false)));
    objects.lock().unwrap().push((day(7), indicator(1, "2026-01-09T00:00:00.000Z", true)));
    let updated = wardline(&state, &["intel", "update"]);
    assert_eq!(updated.status.code(), Some(0), "{}", String::from_utf8_lossy(&updated.stderr));
    assert!(String::from_utf8_lossy(&updated.stdout).contains("2 new objects, 6 kept, 5 indicators"));
    assert_eq!(kept(&state)["addresses and networks"], 5);
    let last = server.asked().pop().unwrap();
    assert!(last.ends_with("added_after=2026-02-05T00%3A00%3A00.000Z"), "{last}");

    // The secret is nowhere but in the user's file.
    for entry in fs::read_dir(state.join("intel/.remote")).unwrap() {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains("secret"));
    }
}

#[test]
fn a_password_does_not_leave_this_machine_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    fs::write(&password, "secret\n").unwrap();
    let access =
        ["--user", "ward", "--password-file", password.to_str().unwrap(), "http://taxii.example/taxii2/"];
    let refused = wardline(&directory.path().join("state"), &[&["intel", "import"][..], &access].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("over https://"));
}

#[test]
fn a_feed_of_events_is_followed_and_events_that_go_are_forgotten() {
    const KEPT: &str = "5a0c30a3-8d7c-4d7c-9b5e-0a3e9f3c1d2e";
    const GONE: &str = "5a0c30a3-8d7c-4d7c-9b5e-0a3e9f3c1d2f";
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let events = Arc::new(Mutex::new(vec![(KEPT, 1), (GONE, 1)]));
    let theirs = Arc::clone(&events);
    let server = Server::new(move |path, _| {
        let events = theirs.lock().unwrap();
        let list: serde_json::Map<_, _> = events
            .iter()
            .map(|(id, changed)| ((*id).to_owned(), json!({"info": "i", "timestamp": changed.to_string()})))
            .collect();
        let event = events.iter().find(|(id, _)| path == format!("/feed/{id}.json"));
        match (path, event) {
            ("/feed/manifest.json", _) => (200, String::new(), Value::Object(list).to_string()),
            (_, Some((id, changed))) => {
                let attribute = json!({"uuid": id, "type": "domain", "to_ids": true,
                    "value": format!("v{changed}.{id}.example")});
                (200, String::new(), json!({"Event": {"info": "i", "Attribute": [attribute]}}).to_string())
            }
            _ => (404, String::new(), String::new()),
        }
    });
    let address = format!("{}/feed/manifest.json", server.address);
    assert_eq!(wardline(&state, &["intel", "import", &address]).status.code(), Some(0));
    assert_eq!(kept(&state)["domains"], 2);
    server.asked();

    *events.lock().unwrap() = vec![(KEPT, 2)];
    let updated = wardline(&state, &["intel", "update"]);
    assert!(String::from_utf8_lossy(&updated.stdout).contains("1 new events of 1, 1 indicators"));
    assert_eq!(kept(&state)["domains"], 1);
    assert_eq!(server.asked().len(), 2, "the list, and the event that changed");
    // And nothing where nothing changed.
    wardline(&state, &["intel", "update"]);
    assert_eq!(server.asked(), ["/feed/manifest.json"]);
}
