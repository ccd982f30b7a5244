//! What both ends have in common: services, the links that are up, and connections.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use wardline_model::Protocol;
use wardline_wire::Direction;

use crate::counters::{self, Counters};
use crate::files::make_private_directory;
use crate::frame::Reason;
use crate::inspect::{Guard, Inspector, Refused};
use crate::limits::{CONNECT_TIMEOUT, CONNECTIONS_MAX, CONNECTIONS_PER_SOURCE_MAX, DRAIN_TIMEOUT, LINK_WAIT};
use crate::link::{Lane, Link, Opening, Request};
use crate::queue::{Incoming, NotTaken, Noticed, Outgoing, Trouble, front};
use crate::report::{Notice, Observation, Reporter};
use crate::settings::{Role, Service, Settings};
use crate::{ShieldError, relay};

/// Where queues are kept, below the state directory.
const QUEUES_DIRECTORY: &str = "queues";
/// Pause before the stream of a queue is opened again.
const QUEUE_PAUSE: Duration = Duration::from_millis(100);
/// How often what was learned is written down.
const LEARNED_INTERVAL: Duration = Duration::from_secs(1);

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Links that are up, by the name of the other end; the newest is used.
#[derive(Debug, Default)]
pub(crate) struct Links {
    up: Mutex<BTreeMap<String, Vec<Link>>>,
    changed: watch::Sender<u64>,
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Link>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, link: Link) {
        self.lock().entry(link.peer().to_owned()).or_default().push(link);
        self.changed.send_modify(|version| *version += 1);
    }

    /// It opens no further streams.
    pub(crate) fn retire(&self, link: &Link) {
        let mut up = self.lock();
        if let Some(links) = up.get_mut(link.peer()) {
            links.retain(|other| !other.is_same(link));
            if links.is_empty() {
                up.remove(link.peer());
            }
        }
    }

    pub(crate) fn get(&self, peer: &str) -> Option<Link> {
        self.lock().get(peer)?.iter().rev().find(|link| !link.is_over()).cloned()
    }

    /// The link to `peer`, or the one that comes up within a short time.
    pub(crate) async fn wait(&self, peer: &str, most: Duration) -> Option<Link> {
        let mut changed = self.changed.subscribe();
        let until = tokio::time::Instant::now() + most;
        loop {
            changed.borrow_and_update();
            if let Some(link) = self.get(peer) {
                return Some(link);
            }
            tokio::time::timeout_at(until, changed.changed()).await.ok()?.ok()?;
        }
    }

    pub(crate) fn all(&self) -> Vec<Link> {
        self.lock().values().flatten().cloned().collect()
    }
}

/// A service and what may run through it.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub service: Service,
    pub guard: Arc<Guard>,
}

/// One end.
pub(crate) struct End {
    pub role: Role,
    pub settings: Settings,
    pub counters: Arc<Counters>,
    pub reporter: Reporter,
    pub links: Links,
    services: BTreeMap<String, Arc<Guarded>>,
    /// Queues of the device end, by service.
    outgoing: BTreeMap<String, Arc<Outgoing>>,
    /// Queues of the clinic end, by box and service.
    incoming: Mutex<BTreeMap<(String, String), Arc<Incoming>>>,
    sources: Mutex<BTreeMap<IpAddr, usize>>,
    pub stop: watch::Receiver<bool>,
}

/// A connection that counts until it is dropped.
struct Counted {
    end: Arc<End>,
    source: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        counters::subtract(&self.end.counters.connections_open, 1);
        let mut sources = self.end.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = sources.get_mut(&self.source) {
            *open -= 1;
            if *open == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

impl End {
    pub(crate) fn new(
        role: Role,
        settings: Settings,
        counters: Arc<Counters>,
        stop: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, ShieldError> {
        let reporter = Reporter::start(settings.name.get_ref(), settings.findings.as_deref(), &counters)?;
        let mut services = BTreeMap::new();
        for service in settings.service.iter().map(toml::Spanned::get_ref) {
            let guard = Arc::new(Guard::open(service.protocol, service.rules.as_deref())?);
            let guarded = Guarded { service: service.clone(), guard };
            services.insert(service.name.get_ref().clone(), Arc::new(guarded));
        }
        let mut outgoing = BTreeMap::new();
        let queues = settings.state.join(QUEUES_DIRECTORY);
        make_private_directory(&queues)?;
        for (name, guarded) in services.iter().filter(|(_, guarded)| guarded.service.durable) {
            if role == Role::Device && guarded.service.listen.is_some() {
                let queue = Outgoing::open(&queues.join(format!("{name}.journal")), &counters)?;
                outgoing.insert(name.clone(), Arc::new(queue));
            }
        }
        let (links, sources, incoming) = (Links::default(), Mutex::default(), Mutex::default());
        let end = Arc::new(Self {
            role,
            settings,
            counters,
            reporter,
            links,
            services,
            outgoing,
            incoming,
            sources,
            stop,
        });
        if role == Role::Clinic {
            end.open_kept_queues(&queues)?;
        }
        for (name, queue) in &end.outgoing {
            let (own, name, queue) = (Arc::clone(&end), name.clone(), Arc::clone(queue));
            tokio::spawn(async move { own.send_queue(&name, &queue).await });
        }
        let own = Arc::clone(&end);
        tokio::spawn(async move { own.keep_what_is_learned().await });
        Ok(end)
    }

    /// What was not delivered before a restart is delivered, whether its box comes back or not.
    fn open_kept_queues(self: &Arc<Self>, directory: &Path) -> Result<(), ShieldError> {
        for file in std::fs::read_dir(directory).map_err(ShieldError::file(directory))? {
            let name = file.map_err(ShieldError::file(directory))?.file_name();
            let Some((of, service)) =
                name.to_str().and_then(|name| name.strip_suffix(".journal")?.split_once('.'))
            else {
                continue;
            };
            match self.services.get(service).filter(|guarded| guarded.service.durable) {
                Some(guarded) => {
                    self.queue_of(of, guarded)?;
                }
                None => tracing::warn!(
                    service,
                    "messages wait for a service that is not in the settings any more"
                ),
            }
        }
        Ok(())
    }

    /// The queue of a box for a service; its messages are delivered from now on.
    fn queue_of(self: &Arc<Self>, of: &str, guarded: &Arc<Guarded>) -> Result<Arc<Incoming>, ShieldError> {
        let service = guarded.service.name.get_ref();
        let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (of.to_owned(), service.clone());
        if let Some(queue) = incoming.get(&key) {
            return Ok(Arc::clone(queue));
        }
        let path = self.settings.state.join(QUEUES_DIRECTORY).join(format!("{of}.{service}.journal"));
        let queue = Arc::new(Incoming::open(&path, &self.counters)?);
        incoming.insert(key, Arc::clone(&queue));
        if let Some(target) = guarded.service.target.as_ref().map(|target| *target.get_ref()) {
            let (end, guarded, delivered) = (Arc::clone(self), Arc::clone(guarded), Arc::clone(&queue));
            tokio::spawn(async move {
                let mut stop = end.stop.clone();
                let trouble = |trouble| end.tell_trouble(&guarded.service, trouble);
                tokio::select! {
                    () = delivered.deliver(target, guarded.service.in_doubt, &trouble) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
        }
        Ok(queue)
    }

    fn tell_trouble(&self, service: &Service, trouble: Trouble) {
        match trouble {
            Trouble::OutOfOrder => {
                self.observe(service, Notice::OutOfOrder, None, "a message that is not the next")
            }
            Trouble::Held(number) => {
                self.observe(
                    service,
                    Notice::InDoubt,
                    None,
                    &format!("message {number} of the queue is held"),
                );
            }
        }
    }

    /// Sends what a queue holds, over whatever link is up, until the end stops and nothing waits.
    async fn send_queue(&self, service: &str, queue: &Outgoing) {
        let Some(guarded) = self.services.get(service) else { return };
        let mut stop = self.stop.clone();
        let sending = async {
            loop {
                let link = self.links.wait(self.other_end(&guarded.service), LINK_WAIT).await;
                if let Some(stream) = link.and_then(|link| link.open(service, self.lane(&guarded.service))) {
                    queue.talk(stream).await;
                }
                // Refused, or reset: not at once again.
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
        };
        let drained = async {
            // The sender of the stop lives as long as the program.
            let _ = stop.wait_for(|stop| *stop).await;
            while !queue.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = sending => {}
            () = drained => {}
        }
    }

    /// Writes drafts of allow-lists until the end stops.
    async fn keep_what_is_learned(&self) {
        let mut stop = self.stop.clone();
        let mut clock = tokio::time::interval(LEARNED_INTERVAL);
        loop {
            let is_over = tokio::select! {
                _ = clock.tick() => false,
                _ = stop.wait_for(|stop| *stop) => true,
            };
            for guarded in self.services.values() {
                if let Err(error) = guarded.guard.keep() {
                    tracing::error!(%error, "what was learned cannot be kept");
                }
            }
            if is_over {
                return;
            }
        }
    }

    fn lane(&self, service: &Service) -> Lane {
        let class = self.settings.class_of(service);
        match (class.shaped, class.urgent) {
            (false, false) => Lane::Ordinary,
            (false, true) => Lane::Urgent,
            (true, false) => Lane::Shaped,
            (true, true) => Lane::ShapedUrgent,
        }
    }

    /// Listens for every service that is said to come in here.
    pub(crate) fn listen(self: &Arc<Self>) -> Result<(), ShieldError> {
        let mut listeners = Vec::new();
        for service in self.services.values() {
            if let Some(address) = &service.service.listen {
                listeners.push((Arc::clone(service), listen(*address.get_ref())?));
            }
        }
        for (service, listener) in listeners {
            let end = Arc::clone(self);
            tokio::spawn(async move {
                let mut stop = end.stop.clone();
                tokio::select! {
                    () = end.take(&service, &listener) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
        }
        Ok(())
    }

    async fn take(self: &Arc<Self>, guarded: &Arc<Guarded>, listener: &TcpListener) {
        let service = &guarded.service;
        loop {
            let Ok((connection, source)) = listener.accept().await else {
                // Out of file descriptors, for instance: others will be given back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let source = source.ip().to_canonical();
            if !service.from.is_empty() && !service.from.contains(&source) {
                self.observe(
                    service,
                    Notice::Forbidden,
                    Some(source),
                    "a connection from an address that is not allowed",
                );
                continue;
            }
            let Some(counted) = self.count(source) else {
                counters::add(&self.counters.connections_shed_total, 1);
                self.observe(service, Notice::Flood, Some(source), "too many connections");
                continue;
            };
            let (end, guarded) = (Arc::clone(self), Arc::clone(guarded));
            tokio::spawn(async move {
                let _counted = counted;
                end.carry(&guarded, source, connection).await;
            });
        }
    }

    /// A place for a connection from `source`.
    fn count(self: &Arc<Self>, source: IpAddr) -> Option<Counted> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = sources.values().sum();
        let open = sources.get(&source).copied().unwrap_or(0);
        if all >= CONNECTIONS_MAX || open >= CONNECTIONS_PER_SOURCE_MAX {
            return None;
        }
        sources.insert(source, open + 1);
        counters::add(&self.counters.connections_total, 1);
        counters::add(&self.counters.connections_open, 1);
        Some(Counted { end: Arc::clone(self), source })
    }

    /// The other end to which a service goes.
    fn other_end<'s>(&'s self, service: &'s Service) -> &'s str {
        match self.role {
            Role::Device => self.settings.clinic_name.get_ref(),
            Role::Clinic => service.boxes.first().map(String::as_str).unwrap_or_default(),
        }
    }

    async fn carry(&self, guarded: &Guarded, source: IpAddr, connection: TcpStream) {
        // Small messages must not wait for more of them.
        let _ = connection.set_nodelay(true);
        let service = &guarded.service;
        if let Some(queue) = self.outgoing.get(service.name.get_ref()) {
            let tell = |source, noticed| self.tell_noticed(service, source, noticed);
            let stop = self.stop.clone();
            return front(connection, source, queue, &guarded.guard, service.acknowledge, stop, &tell).await;
        }
        let link = self.links.wait(self.other_end(service), LINK_WAIT).await;
        match link.and_then(|link| link.open(service.name.get_ref(), self.lane(service))) {
            Some(stream) => {
                let inspector = Inspector::new(&guarded.guard);
                let end = relay::run(connection, stream, inspector, Direction::Forward, &self.counters).await;
                self.tell(service, Some(source), end);
            }
            None => counters::add(&self.counters.connections_unlinked_total, 1),
        }
    }

    /// Reports what was refused on a connection.
    fn tell(&self, service: &Service, source: Option<IpAddr>, end: relay::End) {
        if let relay::End::Refused(refused, from) = end {
            self.tell_refused(service, source.filter(|_| from == relay::From::Here), *refused);
        }
    }

    fn tell_refused(&self, service: &Service, source: Option<IpAddr>, refused: Refused) {
        self.reporter.report(Observation {
            notice: refused.notice,
            device: Some(service.device.as_ref().unwrap_or(service.name.get_ref()).clone()),
            source,
            source_name: None,
            protocol: refused.protocol,
            field: refused.field,
            value: refused.value,
        });
    }

    /// Reports what a durable service noticed.
    fn tell_noticed(&self, service: &Service, source: IpAddr, noticed: Noticed) {
        match noticed {
            Noticed::Refused(refused) => {
                counters::add(&self.counters.refused_total, 1);
                self.tell_refused(service, Some(source), *refused);
            }
            Noticed::Repeated(number) => {
                self.observe(
                    service,
                    Notice::Repeated,
                    Some(source),
                    &format!("message {number} of the queue came again"),
                );
            }
            Noticed::NotTaken(NotTaken::Full) => {
                self.observe(
                    service,
                    Notice::Flood,
                    Some(source),
                    "the queue is full; messages are not taken",
                );
            }
            Noticed::NotTaken(NotTaken::Disk) => {
                self.observe(
                    service,
                    Notice::LinkDown,
                    Some(source),
                    "the disk of the queue fails; messages are not taken",
                );
            }
        }
    }

    /// Says what happened to a service.
    pub(crate) fn observe(&self, service: &Service, notice: Notice, source: Option<IpAddr>, value: &str) {
        let (protocol, field) = match notice {
            Notice::Repeated | Notice::OutOfOrder | Notice::InDoubt => (Protocol::Hl7, "message"),
            _ => (Protocol::Tcp, "connection"),
        };
        self.reporter.report(Observation {
            notice,
            device: service.device.clone().or_else(|| Some(service.name.get_ref().clone())),
            source,
            source_name: None,
            protocol,
            field,
            value: value.to_owned(),
        });
    }

    /// Does what the other end of a link asks for, until the link ends. Certificates are the caller's.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        link: &Link,
        mut requests: mpsc::Receiver<Request>,
        certificates: mpsc::Sender<Request>,
    ) {
        while let Some(request) = requests.recv().await {
            match request {
                Request::Open(opening) => self.opened(link, opening),
                Request::Drain => self.links.retire(link),
                Request::Renew(_) | Request::Renewed(_) => {
                    // One at a time is enough; a box asks again.
                    let _ = certificates.try_send(request);
                }
            }
        }
    }

    fn opened(self: &Arc<Self>, link: &Link, opening: Opening) {
        let known = self.services.get(&opening.service).filter(|guarded| {
            let boxes = &guarded.service.boxes;
            self.role == Role::Device || boxes.is_empty() || boxes.iter().any(|name| name == link.peer())
        });
        let Some((guarded, target)) =
            known.and_then(|guarded| Some((guarded, *guarded.service.target.as_ref()?.get_ref())))
        else {
            let name = if crate::settings::is_name(&opening.service) {
                opening.service.as_str()
            } else {
                "an impossible name"
            };
            let mut observation =
                Observation::of_path(Notice::ForeignService, None, format!("a stream to the service {name}"));
            observation.source_name = Some(link.peer().to_owned());
            self.reporter.report(observation);
            return opening.refuse(Reason::UnknownService);
        };
        let (end, guarded) = (Arc::clone(self), Arc::clone(guarded));
        if guarded.service.durable {
            let queue = self.queue_of(link.peer(), &guarded);
            let queue = match queue {
                Ok(queue) => queue,
                Err(error) => {
                    tracing::error!(%error, "a queue cannot be used");
                    return opening.refuse(Reason::Unreachable);
                }
            };
            tokio::spawn(async move {
                let stream = opening.accept(end.lane(&guarded.service));
                let mut stop = end.stop.clone();
                let trouble = |trouble| end.tell_trouble(&guarded.service, trouble);
                tokio::select! {
                    () = queue.talk(stream, &trouble) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
            return;
        }
        tokio::spawn(async move {
            match connect(target).await {
                Ok(connection) => {
                    let stream = opening.accept(end.lane(&guarded.service));
                    let inspector = Inspector::new(&guarded.guard);
                    let how =
                        relay::run(connection, stream, inspector, Direction::Backward, &end.counters).await;
                    end.tell(&guarded.service, None, how);
                }
                Err(_) => opening.refuse(Reason::Unreachable),
            }
        });
    }

    /// Lets connections end by themselves for a while, then ends the links.
    pub(crate) async fn drain(&self) {
        let links = self.links.all();
        for link in &links {
            link.drain();
        }
        let until = Instant::now() + DRAIN_TIMEOUT;
        let is_busy = || {
            self.counters.connections_open.load(Ordering::Relaxed) > 0
                || links.iter().any(|link| link.streams() > 0)
        };
        while Instant::now() < until && is_busy() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for link in &links {
            link.end(Reason::Draining);
        }
        // The last words are written by tasks of their own.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Listens so that a restart can listen again at once, and with room for a burst.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, ShieldError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(1_024)
    };
    open().map_err(|source| ShieldError::Listen { address, source })
}

/// Connects, without waiting for ever.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream, std::io::Error> {
    let connection = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
    connection.set_nodelay(true)?;
    Ok(connection)
}
