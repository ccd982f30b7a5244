//! The end beside the servers. It takes links, and holds the authority.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use rustls::{HandshakeKind, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::authority::{self, Authority, Boxes, Stamp, Standing};
use crate::counters::{self, Counters};
use crate::end::{End, listen, now_s};
use crate::frame::{Frame, Reason};
use crate::limits::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HANDSHAKES_PER_SOURCE_MAX};
use crate::link::{Ended, Link, Request};
use crate::report::{Notice, Observation};
use crate::settings::{Role, Settings};
use crate::tls::{self, Peer};
use crate::{ShieldError, health};

/// How often it is looked whether a box was revoked.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the clinic end until `stop` says so, then lets connections end.
///
/// # Errors
/// When there is no authority, or an address cannot be listened on.
pub async fn run(
    settings: Settings,
    counters: Arc<Counters>,
    stop: watch::Receiver<bool>,
) -> Result<(), ShieldError> {
    let directory = settings.authority.clone().unwrap_or_default();
    let authority = Arc::new(Authority::open(&directory)?);
    let end = End::new(Role::Clinic, settings, counters, stop.clone())?;
    let clinic = Arc::new(Clinic::new(&end, &authority)?);
    health::serve(&end)?;
    end.listen()?;
    if let Some(address) = &end.settings.enrolment {
        let listener = listen(*address.get_ref())?;
        let (configs, own) = (Arc::clone(&clinic), Arc::clone(&end));
        let acceptor = move || TlsAcceptor::from(configs.configs().1);
        let tell = move |source: IpAddr, what: &str| {
            own.reporter.report(Observation::of_path(Notice::WrongCode, Some(source), what));
        };
        let certificate_s = *end.settings.certificate_s.get_ref();
        let (authority, mut stop) = (Arc::clone(&authority), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = authority::serve(listener, acceptor, authority, certificate_s, tell) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
    let listener = match &end.settings.listen {
        Some(address) => listen(*address.get_ref())?,
        None => return Err(ShieldError::Protocol("no address to listen on")),
    };
    let mut stop = stop;
    tokio::select! {
        () = clinic.take(&listener) => {}
        () = clinic.watch() => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    end.drain().await;
    Ok(())
}

struct Clinic {
    end: Arc<End>,
    authority: Arc<Authority>,
    /// As they were when the file had this stamp.
    boxes: RwLock<(Boxes, Option<Stamp>)>,
    /// For links, and for enrolment; made anew when half of the certificate's time is over.
    configs: RwLock<(Arc<ServerConfig>, Arc<ServerConfig>)>,
    tickets: Arc<dyn rustls::server::ProducesTickets>,
    handshakes: Arc<Semaphore>,
    sources: Mutex<BTreeMap<IpAddr, usize>>,
    guests: Mutex<Vec<(Peer, Link)>>,
}

impl Clinic {
    fn new(end: &Arc<End>, authority: &Arc<Authority>) -> Result<Self, ShieldError> {
        let tickets = tls::tickets()?;
        // Before the file is read: a change in between is seen again.
        let stamp = authority.stamp();
        let configs = configs(end, authority, &tickets)?;
        Ok(Self {
            end: Arc::clone(end),
            authority: Arc::clone(authority),
            boxes: RwLock::new((authority.boxes()?, stamp)),
            configs: RwLock::new(configs),
            tickets,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            sources: Mutex::default(),
            guests: Mutex::default(),
        })
    }

    fn configs(&self) -> (Arc<ServerConfig>, Arc<ServerConfig>) {
        self.configs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes links.
    async fn take(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let Ok((connection, source)) = listener.accept().await else {
                // Out of file descriptors, for instance: others will be given back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let source = source.ip().to_canonical();
            let place = Arc::clone(&self.handshakes).try_acquire_owned().ok();
            let Some(place) = place.filter(|_| self.enter(source)) else {
                counters::add(&self.end.counters.handshakes_shed_total, 1);
                self.observe(Notice::Flood, source, None, "too many handshakes at once");
                continue;
            };
            let clinic = Arc::clone(self);
            tokio::spawn(async move {
                let greeted = clinic.greet(connection, source).await;
                clinic.leave(source);
                drop(place);
                if let Some((peer, link, requests)) = greeted {
                    clinic.host(source, peer, link, requests).await;
                }
            });
        }
    }

    fn enter(&self, source: IpAddr) -> bool {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let here = sources.entry(source).or_insert(0);
        let fits = *here < HANDSHAKES_PER_SOURCE_MAX;
        *here += usize::from(fits);
        fits
    }

    fn leave(&self, source: IpAddr) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = sources.get_mut(&source) {
            *here -= 1;
            if *here == 0 {
                sources.remove(&source);
            }
        }
    }

    /// Handshake, standing, greeting.
    async fn greet(
        &self,
        connection: TcpStream,
        source: IpAddr,
    ) -> Option<(Peer, Link, mpsc::Receiver<Request>)> {
        let _ = connection.set_nodelay(true);
        let acceptor = TlsAcceptor::from(self.configs().0);
        let failed = |notice: Option<Notice>, words: &str| {
            counters::add(&self.end.counters.handshakes_failed_total, 1);
            if let Some(notice) = notice {
                self.observe(notice, source, None, words);
            }
        };
        let connection = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(connection)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                // Whoever connects and goes away says nothing about an attack.
                let blame = tls::blame(&error).filter(|blame| *blame != tls::Blame::Truncated);
                failed(blame.map(Notice::Path), &error.to_string());
                return None;
            }
            Err(_) => {
                failed(None, "");
                return None;
            }
        };
        let (_, session) = connection.get_ref();
        if session.handshake_kind() == Some(HandshakeKind::Resumed) {
            counters::add(&self.end.counters.handshakes_resumed_total, 1);
        }
        let peer = session.peer_certificates().and_then(|chain| chain.first()).map(Peer::read);
        let Some(Ok(peer)) = peer else {
            failed(Some(Notice::Path(tls::Blame::Stranger)), "a certificate without a name of a box");
            return None;
        };
        // A session that was resumed shows a certificate that TLS looked at earlier: both are looked at here each time.
        self.look();
        let standing = self.boxes.read().unwrap_or_else(PoisonError::into_inner).0.standing(&peer);
        let refusal = match standing {
            _ if peer.expires_s <= now_s() => Some((Notice::Path(tls::Blame::Expired), Reason::Expired)),
            Standing::Good => None,
            Standing::Revoked | Standing::Unknown => Some((Notice::RevokedBox, Reason::Revoked)),
        };
        if let Some((notice, reason)) = refusal {
            counters::add(&self.end.counters.handshakes_failed_total, 1);
            self.observe(notice, source, Some(&peer.name), reason.text());
            Link::refuse(connection, reason).await;
            return None;
        }
        let counters = Arc::clone(&self.end.counters);
        match Link::start(connection, Role::Clinic, peer.name.clone(), None, counters).await {
            Ok((link, requests)) => Some((peer, link, requests)),
            Err(error) => {
                failed(Some(Notice::BrokenProtocol), &error.to_string());
                None
            }
        }
    }

    /// Stays with a link until it ends.
    async fn host(&self, source: IpAddr, peer: Peer, link: Link, requests: mpsc::Receiver<Request>) {
        tracing::info!(name = peer.name, "link is up");
        self.end.links.add(link.clone());
        self.guests().push((peer.clone(), link.clone()));
        // It may have been revoked since it was looked at.
        self.judge();
        let (certificates, mut renewals) = mpsc::channel(4);
        let renewing = async {
            while let Some(request) = renewals.recv().await {
                if let Request::Renew(request) = request {
                    self.renew(&peer, &link, request).await;
                }
            }
        };
        let serving = self.end.serve(&link, requests, certificates);
        let how = tokio::select! {
            how = link.ended() => how,
            _ = async { tokio::join!(serving, renewing) } => link.ended().await,
        };
        self.end.links.retire(&link);
        self.guests().retain(|(_, guest)| !guest.is_same(&link));
        self.tell_end(source, &peer.name, &how);
    }

    fn guests(&self) -> std::sync::MutexGuard<'_, Vec<(Peer, Link)>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self, peer: &Peer, link: &Link, request: Bytes) {
        let (authority, peer) = (Arc::clone(&self.authority), peer.clone());
        let valid_s = *self.end.settings.certificate_s.get_ref();
        let signed =
            tokio::task::spawn_blocking(move || authority.renew(&peer, &request, valid_s, now_s())).await;
        match signed {
            Ok(Ok(certificate)) => {
                counters::add(&self.end.counters.certificates_renewed_total, 1);
                link.say_renewal(Frame::Renewed(Bytes::from(certificate)));
            }
            Ok(Err(error)) => tracing::warn!(name = link.peer(), %error, "no certificate for a box"),
            Err(error) => tracing::error!(%error, "no certificate for a box"),
        }
    }

    /// Ends links whose box is revoked or whose certificate is too old.
    fn judge(&self) {
        let boxes = self.boxes.read().unwrap_or_else(PoisonError::into_inner);
        let now_s = now_s();
        for (peer, link) in self.guests().iter().filter(|(_, link)| !link.is_over()) {
            if boxes.0.standing(peer) != Standing::Good {
                link.end(Reason::Revoked);
            } else if peer.expires_s <= now_s {
                link.end(Reason::Expired);
            }
        }
    }

    /// Reads the boxes again where the file changed.
    fn look(&self) {
        let fresh = self.authority.stamp();
        if fresh == self.boxes.read().unwrap_or_else(PoisonError::into_inner).1 {
            return;
        }
        match self.authority.boxes() {
            Ok(boxes) => *self.boxes.write().unwrap_or_else(PoisonError::into_inner) = (boxes, fresh),
            Err(error) => tracing::error!(%error, "boxes cannot be read; those known before hold"),
        }
    }

    /// Looks after revocation and the clinic end's own certificate.
    async fn watch(&self) {
        let valid_s = u64::from(*self.end.settings.certificate_s.get_ref());
        let mut clock = tokio::time::interval(LOOK_INTERVAL);
        let mut made_s = now_s();
        loop {
            clock.tick().await;
            self.look();
            self.judge();
            let now_s = now_s();
            counters::set(
                &self.end.counters.certificate_seconds_left,
                (made_s + valid_s).saturating_sub(now_s),
            );
            if now_s >= made_s + valid_s / 2 {
                match configs(&self.end, &self.authority, &self.tickets) {
                    Ok(configs) => {
                        *self.configs.write().unwrap_or_else(PoisonError::into_inner) = configs;
                        made_s = now_s;
                    }
                    Err(error) => tracing::error!(%error, "no certificate for this end"),
                }
            }
        }
    }

    fn tell_end(&self, source: IpAddr, name: &str, how: &Ended) {
        let (notice, words) = match how {
            Ended::Broken(words, Some(blame)) => (Notice::Path(*blame), words.as_str()),
            Ended::Protocol(what) => (Notice::BrokenProtocol, *what),
            Ended::Here(Reason::Revoked) => (Notice::RevokedBox, "its link was ended"),
            Ended::Here(Reason::Expired) => (Notice::Path(tls::Blame::Expired), "its link was ended"),
            Ended::Silent => (Notice::LinkDown, "the box says nothing any more"),
            Ended::Broken(words, None) => (Notice::LinkDown, words.as_str()),
            // In good order.
            Ended::Closed | Ended::Here(_) | Ended::Told(_) => return,
        };
        counters::add(&self.end.counters.links_broken_total, 1);
        self.observe(notice, source, Some(name), words);
    }

    fn observe(&self, notice: Notice, source: IpAddr, name: Option<&str>, words: &str) {
        let mut observation = Observation::of_path(notice, Some(source), words);
        observation.source_name = name.map(str::to_owned);
        self.end.reporter.report(observation);
    }
}

/// Fresh certificates for links and for enrolment.
fn configs(
    end: &End,
    authority: &Authority,
    tickets: &Arc<dyn rustls::server::ProducesTickets>,
) -> Result<(Arc<ServerConfig>, Arc<ServerConfig>), ShieldError> {
    let valid_s = u64::from(*end.settings.certificate_s.get_ref());
    let identity = authority.clinic_identity(end.settings.name.get_ref(), valid_s, now_s())?;
    Ok((tls::of_clinic(&identity, tickets)?, tls::of_enrolment(&identity)?))
}
