//! Serves the console over an invented hospital, for work on the pages and for their browser tests.
//!
//! `cargo run -p wardline-console --example invented_hospital -- 127.0.0.1:8099 [empty]`

#![expect(clippy::print_stdout, reason = "prints where it serves")]

#[path = "../tests/hospital/mod.rs"]
mod hospital;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use wardline_console::{Live, SensorState, SensorStatus, bind, serve};
use wardline_store::{SqliteStore, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:8099").parse()?;
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(directory.path())?;
    let live = Live::new();
    if arguments.next().as_deref() != Some("empty") {
        let batch = hospital::batch();
        let acknowledged = store.append(&batch)?;
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
    let listener = bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    serve(listener, Arc::new(store), live, async {
        // Without a signal handler the example ends with the process.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}
