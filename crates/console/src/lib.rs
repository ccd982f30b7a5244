//! The console: an HTTP API over the store, and the pages that read it.
//!
//! * `/api/v1/…` answers with the records of the contract as JSON, and with `problem+json` (RFC 9457) where
//!   something is wrong. It is read-only.
//! * `/api/v1/events` tells with server-sent events what was acknowledged since.
//! * `/bedside/{id}` is the bedside card of a device, a page without script.
//! * Everything else is a page, embedded in the program. Pages load nothing from outside.
//!
//! # Guarantees
//!
//! * Until there are accounts, only a loopback address is served: [`serve`] refuses every other.
//! * A request that names another host than loopback is refused, so that a page on the internet cannot read
//!   the console through a name that it points here (DNS rebinding).
//! * Nothing here writes to the store, and nothing here sends to the network that is watched.
#![forbid(unsafe_code)]

mod api;
mod bedside;
mod guard;
mod live;
mod pages;
mod problem;
mod rows;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower_http::compression::CompressionLayer;
use wardline_store::Store;

pub use live::{Live, SensorState, SensorStatus};

/// How long open requests may take to end after the order to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// Questions to the store that may run at the same time.
const STORE_READS_MAX: usize = 8;

/// Browsers that may listen for events at the same time.
const LISTENERS_MAX: usize = 64;

/// Why the console does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// Somebody else could reach it.
    #[error(
        "{address}: the console has no accounts yet, so it serves only this machine; use 127.0.0.1 or [::1], \
         and reach it from elsewhere through an SSH tunnel"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("{address}: {cause}; choose another port, or end the program that holds it")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Serving broke off.
    #[error("the console stopped: {0}")]
    Serve(#[source] std::io::Error),
}

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Live,
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) listeners: Arc<Semaphore>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Takes a loopback address; port 0 takes any free one, which the listener then tells.
///
/// # Errors
///
/// [`ConsoleError::NotLoopback`] for every address that another machine could reach, and
/// [`ConsoleError::Bind`] where the system refuses.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ConsoleError> {
    refuse_reachable(address)?;
    TcpListener::bind(address).await.map_err(|cause| ConsoleError::Bind { address, cause })
}

/// Serves API and pages over `store` until `shutdown` completes.
///
/// `live` carries what the program has stored since; hand it every acknowledged batch.
///
/// # Errors
///
/// [`ConsoleError::NotLoopback`] where the listener has another address than loopback.
pub async fn serve(
    listener: TcpListener,
    store: Arc<dyn Store>,
    live: Live,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConsoleError> {
    refuse_reachable(listener.local_addr().map_err(ConsoleError::Serve)?)?;
    let (stop, stopping) = watch::channel(false);
    let router = router(store, live, stopping.clone());
    let graceful = async move {
        shutdown.await;
        // The event streams end by this; without it they would hold the server open.
        let _ = stop.send(true);
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(graceful).into_future();
    let mut stopping = stopping;
    let late = async move {
        // An error says that the sender is gone, which also means that the server stops.
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        ended = serving => ended.map_err(ConsoleError::Serve),
        () = late => Ok(()),
    }
}

fn refuse_reachable(address: SocketAddr) -> Result<(), ConsoleError> {
    if address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(ConsoleError::NotLoopback { address })
    }
}

fn router(store: Arc<dyn Store>, live: Live, stopping: watch::Receiver<bool>) -> Router {
    let shared = Shared {
        store,
        live,
        reads: Arc::new(Semaphore::new(STORE_READS_MAX)),
        listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
        stopping,
    };
    Router::new()
        .nest("/api/v1", api::router())
        .route(bedside::STYLE_ADDRESS, get(bedside::style))
        .route("/bedside/{id}", get(bedside::card))
        .fallback(pages::page)
        .layer(CompressionLayer::new())
        .layer(from_fn(guard::protect))
        .with_state(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        for address in ["0.0.0.0:80", "192.0.2.7:80", "[::]:80", "[2001:db8::1]:80", "[::ffff:192.0.2.7]:80"]
        {
            let error = refuse_reachable(address.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains("127.0.0.1"), "{error}");
        }
        for address in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(refuse_reachable(address.parse().unwrap()).is_ok());
        }
    }
}
