//! Serves the console over an invented hospital, for work on the pages and for their browser tests.
//!
//! `cargo run -p wardline-console --example invented_hospital -- 127.0.0.1:8099 [empty | growing | large | closed]`
//!
//! `growing` stores another device every second; `large` holds sixty hospitals, for a look at the limits; `closed` has
//! accounts: an administrator `ada` and `icu`, a ward that sees its own zone, both with the password below. The variable
//! `WARDLINE_ENFORCER` names the socket of an enforcer for it.

#![expect(clippy::print_stdout, reason = "prints where it serves")]

#[path = "../tests/hospital/mod.rs"]
mod hospital;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wardline_console::{
    AccountError, Accounts, Entrance, Live, Role, SensorState, SensorStatus, bind, serve,
};
use wardline_model::Label;
use wardline_store::{Batch, SqliteStore, Store};

/// Of the accounts of a closed console.
const PASSWORD: &str = "a long enough password";

fn entrance(directory: &Path, kind: Option<&str>) -> Result<Entrance, AccountError> {
    if kind != Some("closed") {
        return Ok(Entrance::default());
    }
    let mut accounts = Accounts::open(directory)?;
    accounts.add("ada", Role::Administrator, None, PASSWORD, hospital::BEGIN)?;
    accounts.add("icu", Role::Ward, Some(Label::new("Intensive care")), PASSWORD, hospital::BEGIN)?;
    Ok(Entrance {
        accounts: Some(accounts),
        tls: None,
        enforcer: std::env::var_os("WARDLINE_ENFORCER").map(Into::into),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:8099").parse()?;
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(directory.path())?;
    let live = Live::new();
    let kind = arguments.next();
    if kind.as_deref() != Some("empty") {
        let sites = if kind.as_deref() == Some("large") { 60 } else { 1 };
        let batch = hospital::sites(sites);
        let acknowledged = store.append(&batch)?;
        hospital::weakness::keep(&store, &batch)?;
        live.acknowledged(&batch, acknowledged);
        live.set_sensor(SensorStatus {
            state: SensorState::Replay,
            sources: vec!["core-switch-mirror.pcapng".to_owned()],
            started: Some(hospital::at(0)),
            undecoded: BTreeMap::from([
                ("IPv4: total length beyond the frame".to_owned(), 31),
                ("unknown EtherType".to_owned(), 7),
            ]),
            ..SensorStatus::default()
        });
    }
    let store: Arc<dyn Store> = Arc::new(store);
    if kind.as_deref() == Some("growing") {
        let (store, live) = (store.clone(), live.clone());
        std::thread::spawn(move || grow(store.as_ref(), &live));
    }
    let entrance = entrance(directory.path(), kind.as_deref())?;
    let listener = bind(address, &entrance).await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, entrance, store, live, async {
        // Without a signal handler the example ends with the process.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}

/// Stores one device after another, as a sensor does that sees more and more.
fn grow(store: &dyn Store, live: &Live) {
    for device in hospital::sites(2).devices.into_iter().rev() {
        std::thread::sleep(Duration::from_secs(1));
        let batch = Batch { devices: vec![device], ..Batch::default() };
        match store.append(&batch) {
            Ok(acknowledged) => live.acknowledged(&batch, acknowledged),
            Err(error) => return println!("{error}"),
        }
    }
}
