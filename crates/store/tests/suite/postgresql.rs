//! What only a server can do: go away and come back, be set badly, be somebody else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wardline_model::Category;
use wardline_store::{FlowQuery, PostgresStore, Store as _, StoreError};

use crate::records::{all, batch};
use crate::server::Server;

fn open(address: &str) -> PostgresStore {
    PostgresStore::open_with(address, 50, Duration::from_secs(60)).unwrap()
}

#[test]
fn a_server_that_crashes_and_restarts_loses_and_doubles_nothing() {
    let Some(mut server) = Server::start() else { return };
    let address = server.database("crashes");
    let store = open(&address);
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 1.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // It waits for the server: no batch fails, and none is stored twice.
                assert_eq!(store.append(&batch(number)).unwrap().sequence, number);
                acknowledged.store(number, Ordering::SeqCst);
            }
        });
        for round in 0..6_u64 {
            let before = acknowledged.load(Ordering::SeqCst);
            while acknowledged.load(Ordering::SeqCst) < before + 20 {
                assert!(!writing.is_finished(), "the writer ended");
                std::thread::sleep(Duration::from_millis(1 + round));
            }
            if round % 2 == 0 {
                server.crash_and_restart();
            } else {
                server.stop();
                std::thread::sleep(Duration::from_millis(300));
                server.launch();
            }
        }
        stop.store(true, Ordering::SeqCst);
        writing.join().unwrap();
    });
    let stored = store.overview().unwrap();
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    assert!(acknowledged >= 120);
    assert_eq!(stored.sequence, acknowledged);
    assert_eq!(stored.devices[&Category::InfusionPump], acknowledged);
    let mut packets: Vec<_> =
        all(store.flows(&FlowQuery::default()).unwrap()).iter().map(|flow| flow.packets[0]).collect();
    packets.sort_unstable();
    assert_eq!(packets, (1..=acknowledged).collect::<Vec<_>>());
    store.verify().unwrap();
}

#[test]
fn a_server_that_forgets_what_it_acknowledged_is_refused() {
    let Some(server) = Server::start() else { return };
    let address = server.database("forgetful");
    server.sql("forgetful", "ALTER DATABASE forgetful SET synchronous_commit = off");
    // What a session may set is set; what it may not is refused.
    drop(open(&address));
    server.sql("forgetful", "ALTER SYSTEM SET fsync = off");
    server.sql("forgetful", "SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(500));
    let refused = PostgresStore::open(&address).err().expect("a refusal");
    assert!(matches!(&refused, StoreError::Forgetful { .. }), "{refused}");
    assert!(refused.to_string().contains("fsync is off"), "{refused}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let address = "postgres://ada:secret@127.0.0.1:1/wardline";
    let refused = PostgresStore::open_with(address, 10, Duration::from_secs(1)).err().expect("a refusal");
    let text = refused.to_string();
    assert!(text.contains("postgres://127.0.0.1:1/wardline") && !text.contains("secret"), "{text}");
}

#[test]
fn a_server_is_spoken_to_in_secret_and_only_if_it_is_the_right_one() {
    let Some(mut server) = Server::start() else { return };
    let address = server.database("secret");
    let certificate = server.encrypt();
    let with = |mode: &str, root: &std::path::Path| {
        format!("{address}?sslmode={mode}&sslrootcert={}", root.display())
    };
    let store = open(&with("require", &certificate));
    store.append(&batch(1)).unwrap();
    // Every connection is encrypted, and the server says so.
    server.sql(
        "secret",
        "DO $$ BEGIN ASSERT (SELECT bool_and(ssl) AND count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'wardline'); END $$",
    );
    let mut elsewhere = Server::start().unwrap();
    let strange =
        PostgresStore::open_with(&with("require", &elsewhere.encrypt()), 10, Duration::from_secs(2));
    let refused = strange.err().expect("a certificate that nobody trusts").to_string();
    assert!(refused.contains("no connection"), "{refused}");
}
