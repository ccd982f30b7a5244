//! The end beside the devices. It makes the link, and makes it anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::Bytes;
use rcgen::KeyPair;
use rustls::HandshakeKind;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;

use crate::authority::{self, CLOCK_DIFFERENCE_S, IDENTITY_FILE};
use crate::counters::{self, Counters};
use crate::end::{End, connect, now_s};
use crate::files::{read_private, write_private};
use crate::frame::{Frame, Reason};
use crate::limits::{BACK_OFF, BACK_OFF_REFUSED, HANDSHAKE_TIMEOUT};
use crate::link::{Ended, Link, Request, Shape};
use crate::report::{Notice, Observation};
use crate::settings::{Role, Settings};
use crate::tls::{self, Identity, Peer};
use crate::{ShieldError, health};

/// Runs the device end until `stop` says so, then lets connections end.
///
/// # Errors
/// When the box is not enrolled, or an address cannot be listened on. A link that is down is no error.
pub async fn run(
    settings: Settings,
    counters: Arc<Counters>,
    stop: watch::Receiver<bool>,
) -> Result<(), ShieldError> {
    let path = settings.state.join(IDENTITY_FILE);
    let identity = read_identity(&path)?;
    let name = identity.name()?;
    if name.name != *settings.name.get_ref() {
        let what = format!("it is of {}, and this box is called {}", name.name, settings.name.get_ref());
        return Err(ShieldError::content(&path, what));
    }
    let end = End::new(Role::Device, settings, counters, stop.clone())?;
    health::serve(&end)?;
    end.listen()?;
    let shape = end.settings.shaping.as_ref().map(|shaping| shaping.get_ref());
    let shape = shape.map(|shaping| Shape::checked(shaping.interval_ms, shaping.cell_bytes)).transpose()?;
    let mut uplink = Uplink { end: Arc::clone(&end), path, identity, name, shape, older: None };
    let mut stop = stop;
    tokio::select! {
        never = uplink.keep() => return never,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    end.drain().await;
    Ok(())
}

fn read_identity(path: &std::path::Path) -> Result<Identity, ShieldError> {
    if !path.exists() {
        return Err(ShieldError::content(
            path,
            "this box is not enrolled; run `wardline shield device --enrol CODE`",
        ));
    }
    Identity::from_pem(&read_private(path)?)
}

/// Keeps the link.
struct Uplink {
    end: Arc<End>,
    path: PathBuf,
    identity: Identity,
    name: Peer,
    shape: Option<Shape>,
    /// A link with an earlier certificate, whose streams may end by themselves.
    older: Option<Link>,
}

/// Why a link is to be made anew.
enum Next {
    /// It is down.
    Down(Ended),
    /// There is a new certificate.
    Renewed,
}

impl Uplink {
    async fn keep(&mut self) -> Result<(), ShieldError> {
        let mut pause = BACK_OFF.0;
        loop {
            let config = tls::of_box(&self.identity)?;
            // Sessions are resumed as long as the certificate is the same.
            loop {
                self.tell_certificate();
                match self.once(&config).await {
                    Ok(Next::Renewed) => {
                        pause = BACK_OFF.0;
                        break;
                    }
                    Ok(Next::Down(how)) => {
                        counters::add(&self.end.counters.links_broken_total, 1);
                        pause = if matches!(how, Ended::Told(Reason::Revoked)) {
                            BACK_OFF_REFUSED
                        } else {
                            BACK_OFF.0
                        };
                        self.tell_end(&how);
                    }
                    Err(error) => {
                        let refused = matches!(error, ShieldError::Refused(_));
                        self.tell_failure(&error);
                        pause = if refused { BACK_OFF_REFUSED } else { (pause * 2).min(BACK_OFF.1) };
                    }
                }
                tokio::time::sleep(spread(pause)).await;
            }
        }
    }

    fn tell_certificate(&self) {
        counters::set(
            &self.end.counters.certificate_seconds_left,
            self.name.expires_s.saturating_sub(now_s()),
        );
    }

    /// Makes the link and stays with it.
    async fn once(&mut self, config: &Arc<rustls::ClientConfig>) -> Result<Next, ShieldError> {
        let settings = &self.end.settings;
        let clinic_name = settings.clinic_name.get_ref();
        let Some(clinic) = settings.clinic.as_ref().map(|clinic| *clinic.get_ref()) else {
            return Err(ShieldError::Protocol("no address of a clinic end"));
        };
        let connection = connect(clinic).await?;
        let server = tls::server_name(clinic_name)?;
        let connector = TlsConnector::from(Arc::clone(config));
        let connection = tokio::time::timeout(HANDSHAKE_TIMEOUT, connector.connect(server, connection))
            .await
            .map_err(|_| ShieldError::Protocol("no end of the handshake"))??;
        if connection.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            counters::add(&self.end.counters.handshakes_resumed_total, 1);
        }
        let counters = Arc::clone(&self.end.counters);
        let (link, requests) =
            Link::start(connection, Role::Device, clinic_name.clone(), self.shape, counters).await?;
        tracing::info!(clinic = clinic_name, "link is up");
        self.end.links.add(link.clone());
        if let Some(older) = self.older.take() {
            retire(&self.end, older);
        }
        let (certificates, mut renewed) = mpsc::channel(4);
        let (end, own) = (Arc::clone(&self.end), link.clone());
        tokio::spawn(async move { end.serve(&own, requests, certificates).await });
        let how = self.stay(&link, &mut renewed).await;
        match how {
            Next::Renewed => self.older = Some(link),
            Next::Down(_) => self.end.links.retire(&link),
        }
        Ok(how)
    }

    /// Stays with the link until it ends or there is a new certificate, which is asked for when half of the time of the
    /// present one is over.
    async fn stay(&mut self, link: &Link, renewed: &mut mpsc::Receiver<Request>) -> Next {
        let begins_s = self.name.begins_s + CLOCK_DIFFERENCE_S;
        let half_s = begins_s + self.name.expires_s.saturating_sub(begins_s) / 2;
        let mut asked: Option<(KeyPair, u64)> = None;
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                how = link.ended() => return Next::Down(how),
                _ = clock.tick() => {
                    self.tell_certificate();
                    let now_s = now_s();
                    let waits = asked.as_ref().is_some_and(|(_, since_s)| now_s < since_s + 10);
                    if now_s >= half_s && !waits {
                        match KeyPair::generate().map_err(ShieldError::from).and_then(|key| Ok((authority::request(&key)?, key))) {
                            Ok((request, key)) => {
                                link.say_renewal(Frame::Renew(Bytes::from(request)));
                                asked = Some((key, now_s));
                            }
                            Err(error) => tracing::error!(%error, "no request for a certificate"),
                        }
                    }
                }
                Some(Request::Renewed(certificate)) = renewed.recv() => {
                    let Some((key, _)) = asked.take() else { continue };
                    match self.take(&key, &certificate) {
                        Ok(()) => {
                            counters::add(&self.end.counters.certificates_renewed_total, 1);
                            return Next::Renewed;
                        }
                        Err(error) => tracing::error!(%error, "the new certificate is of no use"),
                    }
                }
            }
        }
    }

    /// Keeps a new certificate, if it is for this box and from the same authority.
    fn take(&mut self, key: &KeyPair, certificate: &[u8]) -> Result<(), ShieldError> {
        let certificate = std::str::from_utf8(certificate)
            .map_err(|_| ShieldError::Protocol("a certificate that is no text"))?;
        let pem = format!("{}{certificate}", key.serialize_pem());
        let identity = Identity::from_pem(&pem)?;
        let name = identity.name()?;
        if name.name != self.name.name || identity.authority != self.identity.authority {
            return Err(ShieldError::Protocol("a certificate for somebody else"));
        }
        tls::of_box(&identity)?;
        write_private(&self.path, pem.as_bytes())?;
        (self.identity, self.name) = (identity, name);
        Ok(())
    }

    fn tell_end(&self, how: &Ended) {
        let (notice, value) = match how {
            Ended::Broken(words, Some(blame)) => (Notice::Path(*blame), words.clone()),
            Ended::Broken(words, None) => (Notice::LinkDown, words.clone()),
            Ended::Protocol(what) => (Notice::BrokenProtocol, (*what).to_owned()),
            Ended::Told(reason) => (Notice::LinkDown, format!("the clinic end says: {}", reason.text())),
            Ended::Silent => (Notice::LinkDown, "the clinic end says nothing any more".to_owned()),
            Ended::Closed | Ended::Here(_) => (Notice::LinkDown, "the clinic end closed the link".to_owned()),
        };
        self.tell(notice, value);
    }

    fn tell_failure(&self, error: &ShieldError) {
        counters::add(&self.end.counters.handshakes_failed_total, 1);
        let blame = match error {
            ShieldError::Connection(error) => tls::blame(error),
            _ => None,
        };
        self.tell(blame.map_or(Notice::LinkDown, Notice::Path), error.to_string());
    }

    fn tell(&self, notice: Notice, value: String) {
        let clinic = self.end.settings.clinic.as_ref().map(|clinic| clinic.get_ref().ip());
        self.end.reporter.report(Observation::of_path(notice, clinic, value));
    }
}

/// Ends a link when its streams have ended, and in any case before its certificate would be too old.
fn retire(end: &Arc<End>, link: Link) {
    end.links.retire(&link);
    link.drain();
    tokio::spawn(async move {
        while link.streams() > 0 && !link.is_over() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        link.end(Reason::Draining);
    });
}

/// Between half of `pause` and all of it: many boxes shall not come back at once.
fn spread(pause: Duration) -> Duration {
    let mut byte = [128_u8];
    // Without randomness the middle is as good.
    let _ = rand::fill(&mut byte);
    let [byte] = byte;
    pause / 2 + pause / 2 * u32::from(byte) / 255
}
