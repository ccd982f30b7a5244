//! The clinic end's port for boxes that have no certificate yet.
//!
//! TLS with the clinic end's certificate only. The box says one message, gets one answer, and the connection ends:
//! a length of four bytes, most significant first, then JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::Authority;
use crate::ShieldError;
use crate::limits::HANDSHAKE_TIMEOUT;

/// Longest message, bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Connections at once.
const CONNECTIONS_MAX: usize = 16;
/// Wrong codes from one address before it waits, and how long.
const WRONG_MAX: u32 = 5;
const WAIT: Duration = Duration::from_secs(60);
/// Addresses remembered. When there are more, everybody waits until some are forgotten.
const SOURCES_MAX: usize = 1_024;

/// What a box says to be let in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Name of the box.
    pub name: String,
    /// Secret of its code.
    pub secret: String,
    /// Certificate signing request, DER.
    pub request: Vec<u8>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// Certificate and that of the authority, PEM.
    Certificate(String),
    /// Why not.
    Refused(String),
}

/// Wrong codes by address.
#[derive(Debug, Default)]
struct Attempts(Mutex<BTreeMap<IpAddr, (u32, Instant)>>);

impl Attempts {
    /// Whether this address may try.
    fn may_try(&self, source: IpAddr, now: Instant) -> bool {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.retain(|_, (_, last)| now.duration_since(*last) < WAIT);
        attempts.len() < SOURCES_MAX && attempts.get(&source).is_none_or(|(wrong, _)| *wrong < WRONG_MAX)
    }

    fn was_wrong(&self, source: IpAddr, now: Instant) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wrong, last) = attempts.entry(source).or_insert((0, now));
        (*wrong, *last) = (*wrong + 1, now);
    }
}

/// Takes enrolments until the listener is dropped. `tell` hears of every wrong code.
pub async fn serve(
    listener: TcpListener,
    acceptor: impl Fn() -> TlsAcceptor,
    authority: Arc<Authority>,
    certificate_s: u32,
    tell: impl Fn(IpAddr, &str) + Send + Sync + 'static,
) {
    let attempts = Arc::new(Attempts::default());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tell = Arc::new(tell);
    loop {
        let Ok((connection, source)) = listener.accept().await else {
            // Out of file descriptors, for instance: others will be given back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let source = source.ip();
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if !attempts.may_try(source, Instant::now()) {
            tell(source, "too many wrong enrolment codes");
            continue;
        }
        let (acceptor, authority) = (acceptor(), Arc::clone(&authority));
        let (attempts, tell) = (Arc::clone(&attempts), Arc::clone(&tell));
        tokio::spawn(async move {
            let _place = place;
            let talk = async {
                let mut connection = acceptor.accept(connection).await?;
                let admission: Admission = hear(&mut connection).await?;
                let name = admission.name.clone();
                let redeemed = tokio::task::spawn_blocking(move || {
                    authority.redeem(&admission, certificate_s, super::super::end::now_s())
                })
                .await
                .map_err(|_| ShieldError::Protocol("enrolment failed"))?;
                let answer = match redeemed {
                    Ok(certificate) => Answer::Certificate(certificate),
                    Err(error) => {
                        attempts.was_wrong(source, Instant::now());
                        let named = if crate::settings::is_name(&name) {
                            name.as_str()
                        } else {
                            "an impossible name"
                        };
                        tell(source, &format!("enrolment as {named} refused: {error}"));
                        Answer::Refused(error.to_string())
                    }
                };
                say(&mut connection, &answer).await?;
                connection.shutdown().await?;
                Ok::<(), ShieldError>(())
            };
            // Whoever breaks off has enrolled nothing.
            let _ = tokio::time::timeout(HANDSHAKE_TIMEOUT, talk).await;
        });
    }
}

pub(super) async fn say<T: Serialize>(
    connection: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), ShieldError> {
    let text =
        serde_json::to_vec(message).map_err(|_| ShieldError::Protocol("a message that cannot be written"))?;
    let length =
        u32::try_from(text.len()).map_err(|_| ShieldError::Protocol("a message that is too long"))?;
    connection.write_all(&length.to_be_bytes()).await?;
    connection.write_all(&text).await?;
    connection.flush().await?;
    Ok(())
}

pub(super) async fn hear<T: for<'de> Deserialize<'de>>(
    connection: &mut (impl AsyncRead + Unpin),
) -> Result<T, ShieldError> {
    let length = connection.read_u32().await? as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(ShieldError::Protocol("an enrolment message that is too long"));
    }
    let mut text = vec![0; length];
    connection.read_exact(&mut text).await?;
    serde_json::from_slice(&text)
        .map_err(|_| ShieldError::Protocol("an enrolment message that makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_codes_make_an_address_wait() {
        let attempts = Attempts::default();
        let source: IpAddr = "10.0.0.1".parse().unwrap();
        let now = Instant::now();
        for _ in 0..WRONG_MAX {
            assert!(attempts.may_try(source, now));
            attempts.was_wrong(source, now);
        }
        assert!(!attempts.may_try(source, now));
        assert!(attempts.may_try("10.0.0.2".parse().unwrap(), now));
        assert!(attempts.may_try(source, now + WAIT));
    }
}
