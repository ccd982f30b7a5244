//! The console: an HTTP API over the store, and the pages that read it.
//!
//! * `/api/v1/…` answers with the records of the contract as JSON, and with `problem+json` (RFC 9457) where
//!   something is wrong. It only reads, but for `/api/v1/enforcement`.
//! * `/api/v1/session` signs in and out where there are accounts.
//! * `/api/v1/events` tells with server-sent events what was acknowledged since.
//! * `/bedside/{id}` is the bedside card of a device, a page without script.
//! * Everything else is a page, embedded in the program. Pages load nothing from outside.
//!
//! # Guarantees
//!
//! * Other machines are served only with accounts and over TLS: [`serve`] refuses otherwise.
//! * Where there are accounts, records are told to whoever is signed in and whose role may see them: see
//!   `people::permissions`, which also says that what it does not list is told to nobody. Bedside cards are for
//!   everybody at the bed.
//! * Without accounts a request that names another host than loopback is refused, so that a page on the internet
//!   cannot read the console through a name that it points here (DNS rebinding).
//! * Nothing here writes to the store, and nothing here sends to the network that is watched.
//! * What is enforced is changed by another process, asked over a socket of this machine, and only by whoever is signed in.
#![forbid(unsafe_code)]

mod api;
mod bedside;
mod enforcer;
mod guard;
mod live;
mod pages;
mod people;
mod problem;
mod rows;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::serve::IncomingStream;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tower_http::compression::CompressionLayer;
use wardline_store::Store;

pub use live::{Live, SensorState, SensorStatus};
pub use people::{Account, AccountError, Accounts, NewToken, Role};
pub use tls::Tls;

use api::Proposed;
use enforcer::EnforcerSocket;
use people::Doorkeeper;
use tls::TlsListener;

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
    /// Somebody else could reach it, and nobody would have to say who they are.
    #[error(
        "{address}: other machines could reach it, and there are no accounts yet; add one by `wardline account add NAME \
         --role administrator`, or use 127.0.0.1 or [::1]"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Passwords would be readable on the network.
    #[error("{address}: other machines are served over TLS only")]
    NotEncrypted {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Certificate or key cannot be used.
    #[error("{path}: {cause}; give a chain and its key in PEM, or neither for one that is made here")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Accounts cannot be used.
    #[error(transparent)]
    Accounts(#[from] AccountError),
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
    /// `None` where nobody has to sign in.
    pub(crate) doorkeeper: Option<Arc<Doorkeeper>>,
    /// `None` where nothing can be enforced.
    pub(crate) enforcer: Option<EnforcerSocket>,
    /// The policy that was proposed last.
    pub(crate) proposed: Arc<Mutex<Option<Arc<Proposed>>>>,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Who may come in, and by which way.
#[derive(Default)]
pub struct Entrance {
    /// Whoever is not among them sees nothing. Where there is none, everybody on this machine sees everything.
    pub accounts: Option<Accounts>,
    /// Plain HTTP where it is left out.
    pub tls: Option<Tls>,
    /// Socket of the enforcer: what `wardline segment serve` listens on.
    pub enforcer: Option<PathBuf>,
}

impl Entrance {
    /// Whether an address may be served to whoever can reach it.
    fn admits(&self, address: SocketAddr) -> Result<(), ConsoleError> {
        let here = address.ip().to_canonical().is_loopback();
        match (here, self.accounts.as_ref().is_some_and(|accounts| !accounts.is_empty()), &self.tls) {
            (true, ..) | (false, true, Some(_)) => Ok(()),
            (false, false, _) => Err(ConsoleError::NotLoopback { address }),
            (false, true, None) => Err(ConsoleError::NotEncrypted { address }),
        }
    }
}

/// Takes an address; port 0 takes any free one, which the listener then tells.
///
/// # Errors
///
/// [`ConsoleError::NotLoopback`] and [`ConsoleError::NotEncrypted`] for an address that another machine could reach
/// where the entrance does not keep it, and [`ConsoleError::Bind`] where the system refuses.
pub async fn bind(address: SocketAddr, entrance: &Entrance) -> Result<TcpListener, ConsoleError> {
    entrance.admits(address)?;
    TcpListener::bind(address).await.map_err(|cause| ConsoleError::Bind { address, cause })
}

/// Serves API and pages over `store` until `shutdown` completes.
///
/// `live` carries what the program has stored since; hand it every acknowledged batch.
///
/// # Errors
///
/// As [`bind`], where the listener was taken otherwise, and [`ConsoleError::Serve`].
pub async fn serve(
    listener: TcpListener,
    entrance: Entrance,
    store: Arc<dyn Store>,
    live: Live,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ConsoleError> {
    entrance.admits(listener.local_addr().map_err(ConsoleError::Serve)?)?;
    let Entrance { accounts, tls, enforcer } = entrance;
    let accounts = accounts.filter(|accounts| !accounts.is_empty());
    let doorkeeper = accounts.map(|accounts| Doorkeeper::new(accounts, tls.is_some())).transpose()?;
    let (stop, stopping) = watch::channel(false);
    let shared = Shared {
        store,
        live,
        reads: Arc::new(Semaphore::new(STORE_READS_MAX)),
        listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
        stopping: stopping.clone(),
        doorkeeper: doorkeeper.map(Arc::new),
        enforcer: enforcer.as_deref().map(EnforcerSocket::at),
        proposed: Arc::default(),
    };
    let router = router(shared, tls.is_some());
    let service = router.into_make_service_with_connect_info::<Peer>();
    let graceful = async move {
        shutdown.await;
        // The event streams end by this; without it they would hold the server open.
        let _ = stop.send(true);
    };
    let mut stopping = stopping;
    let late = async move {
        // An error says that the sender is gone, which also means that the server stops.
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(SHUTDOWN_GRACE).await;
    };
    let serving: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match &tls {
        Some(tls) => {
            let listener = TlsListener::new(listener, tls).map_err(ConsoleError::Serve)?;
            Box::pin(axum::serve(listener, service).with_graceful_shutdown(graceful).into_future())
        }
        None => Box::pin(axum::serve(listener, service).with_graceful_shutdown(graceful).into_future()),
    };
    tokio::select! {
        ended = serving => ended.map_err(ConsoleError::Serve),
        () = late => Ok(()),
    }
}

fn router(shared: Shared, encrypted: bool) -> Router {
    let guard = guard::Guard { accounts: shared.doorkeeper.is_some(), encrypted };
    Router::new()
        .nest("/api/v1", api::router())
        .route(bedside::STYLE_ADDRESS, get(bedside::style))
        .route("/bedside/{id}", get(bedside::card))
        .fallback(pages::page)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(shared.clone(), guard::admit))
        .layer(from_fn_with_state(guard, guard::protect))
        .with_state(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_accounts_and_tls() {
        let open = Entrance::default();
        for address in ["0.0.0.0:80", "192.0.2.7:80", "[::]:80", "[2001:db8::1]:80", "[::ffff:192.0.2.7]:80"]
        {
            let error = open.admits(address.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains("127.0.0.1"), "{error}");
        }
        for address in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(open.admits(address.parse().unwrap()).is_ok());
        }
        let directory = tempfile::tempdir().unwrap();
        let accounts = || {
            let mut accounts = Accounts::open(directory.path()).unwrap();
            if accounts.is_empty() {
                let now = wardline_model::Timestamp::default();
                accounts.add("ada", Role::Administrator, None, "long enough to be one", now).unwrap();
            }
            Some(accounts)
        };
        let outside = "192.0.2.7:443".parse().unwrap();
        let plain = Entrance { accounts: accounts(), ..Entrance::default() };
        assert!(matches!(plain.admits(outside), Err(ConsoleError::NotEncrypted { .. })));
        let tls = Some(Tls::own(directory.path(), &["192.0.2.7".to_owned()]).unwrap());
        assert!(Entrance { accounts: accounts(), tls, enforcer: None }.admits(outside).is_ok());
        // The same certificate as long as it is good, another for another name.
        let print = |name: &str| Tls::own(directory.path(), &[name.to_owned()]).unwrap().fingerprint;
        let first = print("192.0.2.7");
        assert_eq!(print("192.0.2.7"), first);
        assert_ne!(print("ward.example"), first);
    }
}
