//! Who may ask for what: every address of the API by every role, signing in and out, and what keeps guessers out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "another test uses the rest")]
mod hospital;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use wardline_console::{Accounts, Entrance, Live, Role, bind, serve};
use wardline_model::{Label, Timestamp};
use wardline_store::{SqliteStore, Store};

/// A zone of the invented hospital.
const ZONE: &str = "Intensive care";
const PASSWORD: &str = "a long enough password";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const PAST: Timestamp = Timestamp::from_seconds(1_500_000_000);
/// When nobody uses this test any more.
const LATE: Timestamp = Timestamp::from_seconds(9_000_000_000);

struct Console {
    address: SocketAddr,
    directory: tempfile::TempDir,
    _stop: oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The cookie that was set, as a browser sends it back.
    fn cookie(&self) -> String {
        let line = self.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        line.split(';').next().unwrap().to_owned()
    }
}

/// An account of each role, and `icu`, who sees one zone.
fn accounts(directory: &Path) -> Accounts {
    let mut accounts = Accounts::open(directory).unwrap();
    for role in Role::ALL {
        accounts.add(role.name(), role, None, PASSWORD, NOW).unwrap();
    }
    let zone = Some(Label::new(ZONE));
    accounts.add("icu", Role::Ward, zone, PASSWORD, NOW).unwrap();
    accounts
}

fn console() -> Console {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let batch = hospital::batch();
    store.append(&batch).unwrap();
    hospital::weakness::keep(&store, &batch).unwrap();
    let entrance = Entrance { accounts: Some(accounts(directory.path())), ..Entrance::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(bind("127.0.0.1:0".parse().unwrap(), &entrance)).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = serve(listener, entrance, Arc::new(store), Live::new(), async {
        let _ = stopped.await;
    });
    runtime.spawn(async { server.await.unwrap() });
    Console { address, directory, _stop: stop, _runtime: runtime }
}

impl Console {
    fn request(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // A stream of events does not end: its head is enough.
        let mut piece = [0; 8_192];
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            bytes.extend_from_slice(&piece[..length]);
            if path.ends_with("/events") && bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                break;
            }
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        self.request("GET", path, &[("Cookie", cookie)], "")
    }

    fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({"name": name, "password": password}).to_string();
        self.request("POST", "/api/v1/session", &[("Content-Type", "application/json")], &body)
    }
}

/// Every address, with one that exists where it has a part of its own, and who may not ask.
const ADDRESSES: [(&str, bool); 17] = [
    ("/health", true),
    ("/devices", true),
    ("/devices/DEVICE", true),
    ("/overview", false),
    ("/findings", false),
    ("/findings/f-0002", false),
    ("/devices/DEVICE/windows", false),
    ("/exposures", false),
    ("/vulnerabilities", false),
    ("/training/nurse", false),
    ("/flows", false),
    ("/map", false),
    ("/segmentation", false),
    ("/segmentation/policy", false),
    ("/segmentation/simulation", false),
    ("/enforcement", false),
    ("/events", false),
];

#[test]
fn every_address_answers_only_whose_role_it_is_for() {
    let console = console();
    let analyst = console.sign_in("analyst", PASSWORD).cookie();
    let devices = console.get("/api/v1/devices", &analyst).json();
    let device = devices["items"][0]["id"].as_str().unwrap().to_owned();
    for (address, for_wards) in ADDRESSES {
        let path = format!("/api/v1{}", address.replace("DEVICE", &device));
        assert_eq!(console.get(&path, "").status, 401, "{path} to nobody");
        assert_eq!(console.get(&path, "wardline=0123").status, 401, "{path} to a made-up session");
        for role in Role::ALL {
            let cookie = console.sign_in(role.name(), PASSWORD).cookie();
            let expected = if role == Role::Ward && !for_wards { 403 } else { 200 };
            assert_eq!(console.get(&path, &cookie).status, expected, "{path} to {role}");
        }
    }
    // What is late and recalled is for those who see vulnerabilities.
    let told = |role: Role| {
        console
            .get(&format!("/api/v1/devices/{device}"), &console.sign_in(role.name(), PASSWORD).cookie())
            .json()
    };
    assert!(told(Role::Analyst)["lifecycle"].is_object() && told(Role::Ward).get("lifecycle").is_none());
    // What nobody listed is told to nobody, and not even that to who is not signed in.
    assert_eq!(console.get("/api/v1/secrets", &analyst).status, 404);
    assert_eq!(console.get("/api/v1/secrets", "").status, 401);
    // Pages and the card at the bed are for everybody.
    for path in ["/", "/devices", &format!("/bedside/{device}")] {
        assert_eq!(console.get(path, "").status, 200, "{path}");
    }
}

/// Every address that changes what is enforced, and who may.
const CHANGES: [(&str, &[Role]); 3] = [
    ("/enforcement/apply", &[Role::NetworkEngineer, Role::Administrator]),
    ("/enforcement/confirm", &[Role::ClinicalEngineer, Role::NetworkEngineer, Role::Administrator]),
    (
        "/enforcement/rollback",
        &[Role::Analyst, Role::ClinicalEngineer, Role::NetworkEngineer, Role::Administrator],
    ),
];

#[test]
fn what_is_enforced_is_changed_only_by_whose_role_it_is() {
    let console = console();
    for (address, allowed) in CHANGES {
        let path = format!("/api/v1{address}");
        let json = ("Content-Type", "application/json");
        assert_eq!(console.request("POST", &path, &[json], "{}").status, 401, "{path} by nobody");
        for role in Role::ALL {
            let cookie = console.sign_in(role.name(), PASSWORD).cookie();
            let answer = console.request("POST", &path, &[json, ("Cookie", &cookie)], "{}");
            // Whoever may gets as far as the enforcer, which is not there, or the digest, which is missing.
            let expected = match (allowed.contains(&role), address) {
                (false, _) => 403,
                (true, "/enforcement/apply") => 400,
                (true, _) => 503,
            };
            assert_eq!(answer.status, expected, "{path} by {role}");
            let other = console.request(
                "POST",
                &path,
                &[json, ("Cookie", &cookie), ("Origin", "http://evil.example")],
                "{}",
            );
            assert_eq!(other.status, 403, "{path} from another site");
        }
    }
    let cookie = console.sign_in("network-engineer", PASSWORD).cookie();
    let status = console.get("/api/v1/enforcement", &cookie).json();
    assert_eq!((&status["reachable"], &status["leased"]), (&json!(false), &json!(false)));
    // What somebody looked at is applied, nothing else.
    let body = json!({ "digest": "00" }).to_string();
    let fields = [("Content-Type", "application/json"), ("Cookie", cookie.as_str())];
    assert_eq!(console.request("POST", "/api/v1/enforcement/apply", &fields, &body).status, 409);
}

#[test]
fn whoever_sees_one_zone_sees_no_other() {
    let console = console();
    let (all, icu) =
        (console.sign_in("analyst", PASSWORD).cookie(), console.sign_in("icu", PASSWORD).cookie());
    let items = |cookie: &str, query: &str| {
        let page = console.get(&format!("/api/v1/devices?limit=200{query}"), cookie).json();
        page["items"].as_array().unwrap().clone()
    };
    let (everything, own) = (items(&all, ""), items(&icu, ""));
    assert!(!own.is_empty() && own.len() < everything.len());
    assert!(own.iter().all(|device| device["zone"] == ZONE));
    let elsewhere = everything.iter().find(|device| device["zone"] != ZONE).unwrap();
    assert_eq!(
        items(&icu, &format!("&zone={}", elsewhere["zone"].as_str().unwrap_or_default())).len(),
        own.len()
    );
    let path = |device: &Value| format!("/api/v1/devices/{}", device["id"].as_str().unwrap());
    assert_eq!(console.get(&path(&own[0]), &icu).status, 200);
    assert_eq!(console.get(&path(elsewhere), &icu).status, 404);
}

#[test]
fn a_session_begins_and_ends_and_a_removed_account_is_out() {
    let console = console();
    let signed = console.sign_in("auditor", PASSWORD);
    assert_eq!(signed.json()["role"], "auditor");
    for part in ["httponly", "samesite=strict", "path=/"] {
        assert!(signed.head.contains(part), "{}", signed.head);
    }
    let cookie = signed.cookie();
    assert_eq!(console.get("/api/v1/session", &cookie).json()["name"], "auditor");
    assert_eq!(console.request("DELETE", "/api/v1/session", &[("Cookie", &cookie)], "").status, 204);
    assert_eq!(console.get("/api/v1/session", &cookie).status, 401);

    let cookie = console.sign_in("auditor", PASSWORD).cookie();
    Accounts::open(console.directory.path()).unwrap().remove("auditor").unwrap();
    let out = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        console.get("/api/v1/overview", &cookie).status == 401
    });
    assert!(out, "what the file says holds within a second");
}

#[test]
fn a_token_asks_with_the_rights_of_its_account() {
    let console = console();
    let mut accounts = Accounts::open(console.directory.path()).unwrap();
    let token = accounts.add_token("ward", "board", LATE).unwrap().0;
    let old = accounts.add_token("ward", "old", PAST).unwrap().0;
    let ask = |token: &str, path: &str| {
        console.request("GET", path, &[("Authorization", &format!("Bearer {token}"))], "").status
    };
    let known = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ask(&token, "/api/v1/devices") == 200
    });
    assert!(known);
    assert_eq!(ask(&token, "/api/v1/findings"), 403);
    assert_eq!(ask(&old, "/api/v1/devices"), 401, "it has ended");
    assert_eq!(ask("wardline_0000", "/api/v1/devices"), 401);
}

#[test]
fn guessing_is_slowed_down_and_tells_nothing() {
    let console = console();
    let wrong = console.sign_in("analyst", "not the right password");
    let nobody = console.sign_in("nobody-of-this-name", "not the right password");
    assert_eq!((wrong.status, nobody.status), (401, 401));
    assert_eq!(wrong.json(), nobody.json(), "whether there is an account is not told");
    let answers: Vec<_> =
        (0..8).map(|_| console.sign_in("analyst", "not the right password").status).collect();
    assert!(answers.contains(&429), "{answers:?}");
    let waiting = console.sign_in("analyst", PASSWORD);
    assert_eq!(waiting.status, 429, "the right password waits as well");
    assert!(waiting.head.contains("retry-after: "), "{}", waiting.head);
    assert_eq!(console.sign_in("auditor", PASSWORD).status, 200, "others go on");
}

#[test]
fn guessing_many_times_at_once_is_no_faster() {
    let console = console();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = || console.sign_in("analyst", "not the right password").status;
        let guesses: Vec<_> = (0..16).map(|_| scope.spawn(guess)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    let judged = statuses.iter().filter(|status| **status == 401).count();
    assert!(judged <= 6, "{judged} of {} guesses were judged", statuses.len());
}

#[test]
fn another_site_cannot_sign_anybody_in_or_out() {
    let console = console();
    let body = json!({"name": "analyst", "password": PASSWORD}).to_string();
    let json = ("Content-Type", "application/json");
    let address = console.address.to_string();
    let send = |fields: &[(&str, &str)]| console.request("POST", "/api/v1/session", fields, &body).status;
    assert_eq!(send(&[json, ("Origin", "http://evil.example")]), 403);
    assert_eq!(send(&[json, ("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(send(&[("Content-Type", "text/plain")]), 400, "a form of another site can send no JSON");
    assert_eq!(
        send(&[json, ("Sec-Fetch-Site", "same-origin"), ("Origin", &format!("http://{address}"))]),
        200
    );
    // And nothing else takes more than questions.
    let cookie = console.sign_in("administrator", PASSWORD).cookie();
    for (method, path) in
        [("POST", "/api/v1/devices"), ("PUT", "/api/v1/session"), ("DELETE", "/api/v1/findings/f-0002")]
    {
        assert_eq!(console.request(method, path, &[("Cookie", &cookie)], "").status, 405, "{method} {path}");
    }
}
