//! The way to the browser: TLS with the certificate of the user, or with one that is made here.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ConsoleError;

/// A browser that does not finish its handshake in this time is let go.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Handshakes at the same time.
const HANDSHAKES_MAX: usize = 256;
/// Connections whose handshake is done and that wait to be served.
const WAITING_MAX: usize = 64;
/// Days that a certificate which is made here is good for: browsers take no longer ones.
const DAYS: u64 = 397;
/// Days before its end from which on it is made anew.
const DAYS_LEFT_MIN: u64 = 30;

/// What proves to a browser who we are.
#[derive(Clone)]
pub struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: String,
}

impl Tls {
    /// The certificate chain and key of the user, in PEM.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Certificate`] where they cannot be read or do not belong together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, ConsoleError> {
        let wrong = |path: &Path, cause: String| ConsoleError::Certificate { path: path.to_owned(), cause };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain = chain.map_err(|error| wrong(certificate, error.to_string()))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
        let first = chain.first().ok_or_else(|| wrong(certificate, "holds no certificate".to_owned()))?;
        let fingerprint =
            Sha256::digest(first).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|error| wrong(certificate, error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), fingerprint })
    }

    /// A certificate that is made here and kept in the state directory, for `localhost` and these names and addresses.
    ///
    /// # Errors
    ///
    /// [`ConsoleError::Certificate`] where it cannot be made or kept.
    pub fn own(state: &Path, names: &[String]) -> Result<Self, ConsoleError> {
        let folder = state.join("tls");
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let named = folder.join("names");
        let wanted = names.join("\n");
        let known = fs::read_to_string(&named).is_ok_and(|known| known == wanted);
        let age = fs::metadata(&certificate).and_then(|about| about.modified()).ok();
        let days = age.and_then(|age| age.elapsed().ok()).map(|age| age.as_secs() / 86_400);
        let young = days.is_some_and(|days| days + DAYS_LEFT_MIN < DAYS);
        if !(known && young && key.is_file()) {
            make(&folder, (&certificate, &key), names)
                .and_then(|()| fs::write(&named, &wanted))
                .map_err(|error| ConsoleError::Certificate { path: folder, cause: error.to_string() })?;
        }
        Self::from_files(&certificate, &key)
    }
}

fn make(folder: &Path, (certificate, key): (&Path, &Path), names: &[String]) -> io::Result<()> {
    let other = |error: rcgen::Error| io::Error::other(error.to_string());
    fs::create_dir_all(folder)?;
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    all.extend(names.iter().cloned());
    let mut wanted = rcgen::CertificateParams::new(all).map_err(other)?;
    wanted.distinguished_name = rcgen::DistinguishedName::new();
    wanted.distinguished_name.push(rcgen::DnType::CommonName, "Wardline console");
    let today = OffsetDateTime::now_utc();
    // A browser whose clock is a little behind believes it, too.
    wanted.not_before = today - Duration::from_secs(86_400);
    wanted.not_after = today + Duration::from_secs(86_400 * DAYS);
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(other)?;
    let signed = wanted.self_signed(&pair).map_err(other)?;
    write(key, pair.serialize_pem().as_bytes(), 0o600)?;
    write(certificate, signed.pem().as_bytes(), 0o644)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Connections whose handshake is done. Those that take their time hold up nobody.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, tls: &Tls) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
        let (sender, ready) = mpsc::channel(WAITING_MAX);
        tokio::spawn(accept(listener, acceptor, sender));
        Ok(Self { address, ready })
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while !ready.is_closed() {
        // Waits and goes on where the system refuses a connection.
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = ready.closed() => return,
        };
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let done = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
            drop(permit);
            if let Ok(Ok(stream)) = done {
                // An error says that the console ended.
                let _ = ready.send((stream, peer)).await;
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Whoever accepts was ended with the runtime: nothing comes any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
