//! The console as a browser meets it: over HTTP, on loopback, with a store of invented records.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod hospital;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use wardline_console::{Entrance, Live, SensorState, SensorStatus, bind, serve};
use wardline_store::{Acknowledged, Batch, SqliteStore, Store};

/// A running console; ends with the value.
struct Console {
    address: SocketAddr,
    live: Live,
    _directory: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
}

/// An answer: status, headers in lower case, body.
struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn console(batch: &Batch) -> Console {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let live = Live::new();
    if !batch.is_empty() {
        store.append(batch).unwrap();
        hospital::weakness::keep(&store, batch).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(bind("127.0.0.1:0".parse().unwrap(), &Entrance::default())).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = serve(listener, Entrance::default(), Arc::new(store), live.clone(), async {
        let _ = stopped.await;
    });
    runtime.spawn(async { server.await.unwrap() });
    Console { address, live, _directory: directory, _stop: stop, _runtime: runtime }
}

impl Console {
    fn send(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn request(&self, method: &str, path: &str, host: &str) -> Answer {
        let mut stream =
            self.send(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: headers.to_lowercase(), body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &self.address.to_string())
    }

    fn ok(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

/// Every path that answers with records.
const PATHS: [&str; 11] = [
    "/segmentation",
    "/segmentation/simulation",
    "/enforcement",
    "/health",
    "/overview",
    "/devices",
    "/findings",
    "/exposures",
    "/flows",
    "/map",
    "/findings/f-0002",
];

#[test]
fn an_empty_store_answers_with_nothing() {
    let console = console(&Batch::default());
    for path in PATHS.iter().filter(|path| !path.contains("f-0002")) {
        console.ok(&format!("/api/v1{path}"));
    }
    let overview = console.ok("/api/v1/overview");
    assert_eq!(overview["device_total"], 0);
    assert_eq!(overview["newest"], Value::Null);
    assert_eq!(overview["sensor"]["state"], "at-rest");
    assert_eq!(console.ok("/api/v1/map")["links"], Value::Array(Vec::new()));
}

#[test]
fn the_overview_puts_the_worst_first_and_counts_what_is_not_known() {
    let console = console(&hospital::batch());
    console.live.set_sensor(SensorStatus { state: SensorState::Live, ..SensorStatus::default() });
    let overview = console.ok("/api/v1/overview");
    let severities: Vec<_> =
        overview["attention"].as_array().unwrap().iter().map(|finding| finding["severity"].clone()).collect();
    assert_eq!(severities, ["critical", "high", "high", "medium", "low"]);
    // Of the two high ones, the newer one comes first.
    assert_eq!(overview["attention"][1]["id"], "f-0002");
    assert_eq!(overview["attention"][1]["evidence"], Value::Array(Vec::new()));
    assert_eq!(overview["attention"][1]["evidence_count"], 12);
    assert_eq!(overview["sensor"]["state"], "live");
    assert_eq!(overview["devices"]["unknown"], 4);
    assert_eq!(overview["zones"][""], 6);
    assert_eq!(overview["without_vendor"], 6);
    assert_eq!(overview["criticalities"]["life-sustaining"], 6);
    let total: u64 = overview["devices"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(overview["device_total"], total);
    assert!(overview["oldest"].as_str().unwrap() < overview["newest"].as_str().unwrap());
}

#[test]
fn devices_are_filtered_sorted_and_paged() {
    let console = console(&hospital::batch());
    let pumps = console.ok("/api/v1/devices?category=infusion-pump&limit=5&sort=last-seen&descending=true");
    assert_eq!(pumps["total"], 23);
    assert_eq!(pumps["next"], 5);
    let seen: Vec<_> =
        pumps["items"].as_array().unwrap().iter().map(|device| device["last_seen"].to_string()).collect();
    assert!(seen.is_sorted_by(|one, other| one >= other), "{seen:?}");
    assert_eq!(pumps["items"][0]["evidence"], Value::Array(Vec::new()));
    assert!(pumps["items"][0]["evidence_count"].as_u64().unwrap() > 0);

    assert_eq!(console.ok("/api/v1/devices?text=%20ICU-VENT%20")["total"], 6);
    assert_eq!(console.ok("/api/v1/devices?zone=Pharmacy&criticality=therapy")["total"], 3);
    assert_eq!(console.ok("/api/v1/devices?zone=")["total"], 6);
    assert_eq!(console.ok("/api/v1/devices?offset=95")["next"], Value::Null);

    let acting = console.ok("/api/v1/devices?text=desk-03");
    assert_eq!((&acting["items"][0]["findings"], &acting["items"][0]["worst"]), (&2.into(), &"high".into()));
    assert_eq!(acting["items"][0]["name"], "desk-03");
}

#[test]
fn a_device_and_a_finding_come_with_all_their_evidence() {
    let console = console(&hospital::batch());
    let device = console.ok("/api/v1/devices/mac%3A02%3A57%3A4c%3A00%3A10%3A03");
    assert_eq!(device["name"], "icu-monitor-04");
    assert!(device["evidence"].as_array().unwrap().iter().any(|claim| claim["source"] == "dhcp.option.60"));
    let finding = console.ok("/api/v1/findings/f-0002");
    assert_eq!(finding["evidence"].as_array().unwrap().len(), 12);
    assert_eq!(console.ok("/api/v1/findings?severity=high")["total"], 3);
    assert_eq!(console.ok("/api/v1/findings?attack=anomaly")["total"], 1);
    assert_eq!(console.ok("/api/v1/findings?since=2026-03-03T12:40:00Z")["total"], 2);
    assert_eq!(console.ok("/api/v1/exposures?kind=legacy-os")["total"], 3);
    let flows = console.ok("/api/v1/flows?device=mac%3A02%3A57%3A4c%3A11%3A10%3A02&limit=1");
    assert_eq!(flows["items"][0]["src_name"], "desk-03");
}

#[test]
fn the_patch_queue_tells_why_and_what_was_decided() {
    let console = console(&hospital::batch());
    let queue = console.ok("/api/v1/vulnerabilities?limit=500");
    let items = queue["items"].as_array().unwrap();
    let ranks: Vec<u64> = items.iter().map(|item| item["rank"].as_u64().unwrap()).collect();
    assert_eq!(ranks, (1..=queue["total"].as_u64().unwrap()).collect::<Vec<_>>());
    assert!(items.iter().all(|item| item["why"].as_array().unwrap().len() >= 7 && item["basis"].is_object()));
    assert_eq!(console.ok("/api/v1/overview")["vulnerabilities"], queue["total"]);
    let decided: Vec<_> = items.iter().filter(|item| !item["plan"].is_null()).collect();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0]["plan"]["status"], "planned");
    assert_eq!(decided[0]["plan"]["history"].as_array().unwrap().len(), 3);
    let id = decided[0]["device"].as_str().unwrap();
    let own = console.ok(&format!("/api/v1/vulnerabilities?device={id}"));
    assert!(own["items"].as_array().unwrap().iter().all(|item| item["device"] == id));
    let urgent = console.ok("/api/v1/vulnerabilities?priority=attend&limit=500");
    assert!(urgent["total"].as_u64().unwrap() < queue["total"].as_u64().unwrap());
    assert_eq!(console.ok("/api/v1/vulnerabilities?text=ostra&limit=1")["total"], 0);
    assert!(
        console.ok(&format!("/api/v1/devices/{id}/windows"))["windows"].is_null(),
        "seven hours are no week"
    );
    assert_eq!(console.get("/api/v1/devices/d-none/windows").status, 404);
    assert_eq!(console.get("/api/v1/vulnerabilities?priority=soon").status, 400);
    assert_eq!(console.get("/patch").status, 200);

    // A device's life: an answer to each of five questions.
    let device = console.ok(&format!("/api/v1/devices/{id}"));
    assert_eq!(device["lifecycle"]["answers"].as_array().unwrap().len(), 5);
    // What staff should learn from what was seen, and no page for anything else.
    let list = console.ok("/api/v1/training/nurse");
    let pages = list["pages"].as_array().unwrap();
    assert!(pages.iter().any(|page| page["subject"] == "waits-for-maker"), "{list}");
    assert!(pages.iter().all(|page| page["devices"].as_u64() > Some(0) || page["subject"] == "flat-network"));
    assert_eq!(console.get("/api/v1/training/visitor").status, 404);
    assert_eq!(console.get("/training").status, 200);
}

#[test]
fn the_map_sums_what_edges_say_and_loses_nothing() {
    let batch = hospital::batch();
    let console = console(&batch);
    let map = console.ok("/api/v1/map");
    let links = map["links"].as_array().unwrap();
    let flows: u64 = links.iter().filter_map(|link| link["flows"].as_u64()).sum();
    assert_eq!(flows, batch.edges.iter().map(|edge| edge.flows).sum::<u64>());
    assert_eq!(map["total"]["flows"], flows);
    assert_eq!(map["link_total"], links.len());
    let nodes: Vec<_> = map["nodes"].as_array().unwrap().iter().map(|node| &node["id"]).collect();
    assert!(links.iter().all(|link| nodes.contains(&&link["source"]) && nodes.contains(&&link["target"])));

    let hour = console.ok("/api/v1/map?since=2026-03-03T07:00:00Z&until=2026-03-03T08:00:00Z");
    assert_eq!(hour["first_hour"], hour["last_hour"]);
    assert!(hour["total"]["flows"].as_u64().unwrap() < flows);

    let pharmacy = console.ok("/api/v1/map?zone=Pharmacy");
    assert_eq!(pharmacy["links"].as_array().unwrap().len(), 3);
    assert_eq!(pharmacy["nodes"].as_array().unwrap().len(), 4);

    let one = console.ok("/api/v1/map?device=mac%3A02%3A57%3A4c%3A11%3A10%3A02");
    assert!(
        one["links"].as_array().unwrap().iter().all(|link| {
            [&link["source"], &link["target"]].contains(&&Value::from("mac:02:57:4c:11:10:02"))
        })
    );
}

#[test]
fn a_map_with_too_many_links_keeps_those_that_findings_name_and_counts_all() {
    let batch = hospital::sites(40);
    let console = console(&batch);
    let map = console.ok("/api/v1/map");
    let links = map["links"].as_array().unwrap();
    assert!(map["link_total"].as_u64().unwrap() > links.len() as u64);
    assert_eq!(map["total"]["flows"], batch.edges.iter().map(|edge| edge.flows).sum::<u64>());
    // Among the smallest of all, but desk-03 acts in a finding.
    assert!(links.iter().any(|link| {
        link["source"] == "mac:02:57:4c:11:10:02" && link["target"] == "mac:02:57:4c:02:10:01"
    }));
}

#[test]
fn what_cannot_be_answered_is_a_problem_that_says_what_to_do() {
    let console = console(&hospital::batch());
    for (path, status, says) in [
        ("/api/v1/devices?limit=0", 400, "limit"),
        ("/api/v1/devices?limit=501", 400, "500"),
        ("/api/v1/devices?sevrity=high", 400, "sevrity"),
        ("/api/v1/devices?category=toaster", 400, "toaster"),
        ("/api/v1/devices?offset=-1", 400, "offset"),
        ("/api/v1/findings?since=yesterday", 400, "RFC 3339"),
        ("/api/v1/devices/nobody", 404, "nobody"),
        ("/api/v1/devices/%ff", 400, "UTF-8"),
        ("/api/v1/findings/f-9999", 404, "f-9999"),
        ("/api/v1/nothing", 404, "/nothing"),
        ("/api/v2/devices", 404, ""),
    ] {
        let answer = console.get(path);
        assert_eq!(answer.status, status, "{path}");
        if path.starts_with("/api/v1") {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
            let problem = answer.json();
            assert_eq!(problem["status"], status, "{path}");
            assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
            assert!(!problem["title"].as_str().unwrap().is_empty());
            assert!(!problem["next_step"].as_str().unwrap().is_empty());
        }
    }
}

#[test]
fn other_hosts_and_other_methods_are_refused() {
    let console = console(&Batch::default());
    for host in ["console.example.org", "10.0.0.5", "127.0.0.1.example.org", ""] {
        assert_eq!(console.request("GET", "/api/v1/overview", host).status, 421, "{host}");
        assert_eq!(console.request("GET", "/", host).status, 421, "{host}");
    }
    assert_eq!(console.request("GET", "/api/v1/health", "localhost:1").status, 200);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = console.request(method, "/api/v1/devices", "localhost");
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("get, head"), "{method}");
    }
    let twice =
        "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    console.send(twice).read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[test]
fn every_answer_carries_the_headers_that_keep_a_browser_in_bounds() {
    let console = console(&hospital::batch());
    let refused = console.request("GET", "/", "elsewhere.example");
    let mut answers = vec![console.get("/"), console.get("/devices/x"), console.get("/no-such"), refused];
    answers.extend(PATHS.map(|path| console.get(&format!("/api/v1{path}"))));
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[test]
fn pages_have_addresses_of_their_own() {
    let console = console(&Batch::default());
    for (path, status) in
        [("/", 200), ("/devices", 200), ("/findings/f-1", 200), ("/map?range=day", 200), ("/none", 404)]
    {
        let answer = console.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(String::from_utf8_lossy(&answer.body).contains("Wardline"), "{path}");
    }
    for path in ["/../Cargo.toml", "/%2e%2e/%2e%2e/Cargo.toml", "/assets/../../Cargo.toml"] {
        let answer = console.get(path);
        assert!(!String::from_utf8_lossy(&answer.body).contains("[package]"), "{path}");
    }
}

/// Reads lines of an event stream until `wanted` of them begin with `event:` or `id:` lines of events.
fn events(console: &Console, last: Option<&str>, act: impl FnOnce(), wanted: usize) -> Vec<(String, String)> {
    let resume = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let stream = console.send(&format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{resume}\r\n"
    ));
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
    let mut head = Vec::new();
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        head.push(line.to_lowercase());
    }
    assert!(head.iter().any(|line| line.contains("content-type: text/event-stream")), "{head:?}");
    act();
    let (mut name, mut told) = (String::new(), Vec::new());
    let mut id = String::new();
    for line in lines {
        if let Some(text) = line.strip_prefix("event: ") {
            name = text.to_owned();
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = text.to_owned();
        } else if line.is_empty() && !name.is_empty() {
            told.push((std::mem::take(&mut name), std::mem::take(&mut id)));
            if told.len() == wanted {
                break;
            }
        }
    }
    told
}

#[test]
fn events_tell_what_was_stored_and_resume_after_a_break() {
    let console = console(&Batch::default());
    let whole = hospital::batch();
    let batch = Batch {
        devices: whole.devices[..1].to_vec(),
        findings: whole.findings[..1].to_vec(),
        ..Batch::default()
    };
    let tell = |sequence| console.live.acknowledged(&batch, Acknowledged { sequence });
    let told = events(&console, None, || tell(1), 3);
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["device", "finding", "overview"]);

    // While nobody listened, another batch came.
    tell(2);
    let resumed = events(&console, Some(&told[1].1), || (), 4);
    let names: Vec<_> = resumed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["overview", "device", "finding", "overview"]);

    // An identifier of another run: everything must be read again.
    assert_eq!(events(&console, Some("1-7"), || (), 1)[0].0, "missed");
}

#[test]
fn listeners_are_limited_and_give_their_place_back() {
    let console = console(&Batch::default());
    let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let status = |stream: TcpStream| {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        (line, reader)
    };
    let held: Vec<_> = (0..64).map(|_| status(console.send(request))).collect();
    assert!(held.iter().all(|(line, _)| line.contains("200")));
    assert!(status(console.send(request)).0.contains("503"));
    drop(held);
    // The server notices a closed connection when it next has something to say.
    let mut again = String::new();
    for sequence in 0..100 {
        console.live.acknowledged(&Batch::default(), Acknowledged { sequence });
        again = status(console.send(request)).0;
        if again.contains("200") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(again.contains("200"), "{again}");
}

#[test]
fn the_console_ends_when_told_even_while_browsers_listen() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(bind("127.0.0.1:0".parse().unwrap(), &Entrance::default())).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = runtime.spawn(serve(listener, Entrance::default(), Arc::new(store), Live::new(), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
    stop.send(()).unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), server).await });
    ended.expect("it ends in time").unwrap().unwrap();
}

#[test]
fn a_bedside_card_is_a_page_of_its_own_that_knows_nothing_when_nobody_looks() {
    let batch = hospital::batch();
    let console = console(&batch);
    let pump = batch
        .devices
        .iter()
        .find(|device| device.category == wardline_model::Category::InfusionPump)
        .expect("a pump");
    let card = |language: &str| {
        let answer = console.get(&format!("/bedside/{}?language={language}", pump.id));
        assert_eq!(answer.status, 200);
        (answer.header("content-type").unwrap().to_owned(), String::from_utf8(answer.body).unwrap())
    };
    // Nobody reads packets, and the records are of the past.
    let (kind, page) = card("en");
    assert!(kind.starts_with("text/html"), "{kind}");
    assert!(page.contains("UNKNOWN") && page.contains("/bedside/style.css"), "{page}");
    assert!(!page.contains("<style") && !page.contains("<script"), "{page}");
    assert_eq!(console.get("/bedside/style.css").status, 200);
    // Their own time is what counts where they are replayed.
    console.live.set_sensor(SensorStatus { state: SensorState::Replay, ..SensorStatus::default() });
    assert!(!card("en").1.contains("UNKNOWN"));
    assert!(card("ar").1.contains("dir=\"rtl\""));
    assert_eq!(console.get(&format!("/bedside/{}?language=xx", pump.id)).status, 400);
    assert_eq!(console.get("/bedside/d-none").status, 404);
}

#[test]
fn zones_and_rules_are_proposed_from_what_is_stored_and_tried_on_it() {
    let console = console(&hospital::batch());
    let told = console.ok("/api/v1/segmentation");
    let zones = told["zones"].as_array().unwrap();
    let named = |name: &str| zones.iter().find(|zone| zone["name"] == name);
    let alive = named("life-sustaining-intensive-care").expect("the ventilators have a zone of their own");
    assert_eq!((&alive["life_sustaining"], &alive["within"]), (&Value::from(6), &Value::from("deny")));
    assert!(told["protected"].as_u64().unwrap() > 0);
    let rules = told["rules"].as_array().unwrap();
    let seen = rules.iter().find(|rule| rule["evidence"]["flows"].as_u64() > Some(0)).unwrap();
    assert!(seen["evidence"]["last_used"].is_string() && seen["evidence"]["examples"][0].is_string());
    assert!(
        told["jewels"]
            .as_array()
            .unwrap()
            .iter()
            .any(|jewel| jewel["group"] == "life-sustaining-intensive-care/ventilator")
    );
    assert_eq!(told["clinical_blocked"], 0);
    // Learned from everything it blocks nothing that was answered between clinical devices; learned from one hour it may.
    let all = console.ok("/api/v1/segmentation/simulation");
    assert_eq!(all["clinical_blocked"], 0);
    let split = "?split=2026-03-03T07:00:00Z";
    let first_hour = console.ok(&format!("/api/v1/segmentation{split}"));
    assert!(first_hour["conversations"].as_u64() < told["conversations"].as_u64());
    let tried = console.ok(&format!("/api/v1/segmentation/simulation{split}"));
    let hours: Vec<&String> = tried["hours"].as_object().unwrap().keys().collect();
    assert!(hours.iter().all(|hour| hour.as_str() >= "2026-03-03T07"), "{hours:?}");
    let policy = console.ok("/api/v1/segmentation/policy");
    let policy: wardline_model::Policy = serde_json::from_value(policy).unwrap();
    policy.check().unwrap();
    assert_eq!(console.get("/api/v1/segmentation?split=yesterday").status, 400);
}
