//! One connection between the two ends, and the streams in it.
//!
//! [`Link::start`] greets the other end over any reliable, encrypted byte stream and then runs it. A [`Stream`] is one
//! connection of a device, or one queue. Every stream has a window of its own: a peer that takes nothing holds up
//! nobody else. The frames are described in [`crate::frame`].

mod outbox;
mod run;
mod stream;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use outbox::Outbox;
pub use outbox::{Lane, Shape};
pub use stream::{Event, Receiver, Sender, Stream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::ShieldError;
use crate::counters::{self, Counters};
use crate::frame::{Frame, Reason, VERSION};
use crate::limits::{
    HANDSHAKE_TIMEOUT, STREAMS_MAX, WINDOW_BYTES_MAX, WINDOW_BYTES_START, WINDOW_GROWTH_BYTES_MAX,
};
use crate::settings::Role;

/// How a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The other end closed it in good order.
    Closed,
    /// The connection broke, with the words of the system or of TLS.
    Broken(String, Option<crate::tls::Blame>),
    /// The other end said nothing for too long.
    Silent,
    /// The other end broke the protocol.
    Protocol(&'static str),
    /// This end closed it.
    Here(Reason),
    /// The other end told it to go away.
    Told(Reason),
}

/// What the other end asks for.
#[derive(Debug)]
pub enum Request {
    /// A stream to a service.
    Open(Opening),
    /// A certificate.
    Renew(Bytes),
    /// Here is one.
    Renewed(Bytes),
    /// No further streams, please.
    Drain,
}

/// A stream that the other end opened and nobody accepted yet. Dropped, it is reset.
#[derive(Debug)]
pub struct Opening {
    /// The service that it asks for.
    pub service: String,
    stream: Stream,
}

impl Opening {
    /// Takes it.
    pub fn accept(mut self, lane: Lane) -> Stream {
        self.stream.set_lane(lane);
        self.stream
    }

    /// Refuses it with a reason.
    pub fn refuse(self, reason: Reason) {
        self.stream.reset(reason);
    }
}

/// A stream as the link knows it.
#[derive(Debug)]
struct Entry {
    events: mpsc::UnboundedSender<Event>,
    credit: Arc<Semaphore>,
    /// Bytes that the other end may still send.
    window_left: u32,
    /// Bytes by which the window grew.
    grown: u32,
    finished_here: bool,
    finished_there: bool,
}

#[derive(Debug, Default)]
struct Streams {
    open: BTreeMap<u32, Entry>,
    /// Last number used by this end and by the other.
    last_here: u32,
    last_there: u32,
    over: bool,
}

#[derive(Debug)]
struct Shared {
    role: Role,
    peer: String,
    streams: Mutex<Streams>,
    outbox: Outbox,
    ended: watch::Sender<Option<Ended>>,
    requests: mpsc::Sender<Request>,
    growth_left: AtomicU32,
    began: Instant,
    heard_ms: AtomicU64,
    counters: Arc<Counters>,
}

/// A link; clones are the same one.
#[derive(Clone, Debug)]
pub struct Link(Arc<Shared>);

impl Link {
    /// Greets the other end over `connection`, then runs the link in tasks of its own until it ends.
    ///
    /// `shape` is the device end's wish, or how the clinic end would answer none; the clinic end takes what it is told.
    ///
    /// # Errors
    /// When the greeting fails, takes too long, or is a refusal.
    pub async fn start<S>(
        mut connection: S,
        role: Role,
        peer: String,
        shape: Option<Shape>,
        counters: Arc<Counters>,
    ) -> Result<(Self, mpsc::Receiver<Request>), ShieldError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut unread = BytesMut::new();
        let greeting = greet(&mut connection, &mut unread, role, shape);
        let shape = tokio::time::timeout(HANDSHAKE_TIMEOUT, greeting)
            .await
            .map_err(|_| ShieldError::Protocol("no greeting"))??;
        // Bounded by the streams that may be open, and a few words besides.
        let (requests, asked) = mpsc::channel(STREAMS_MAX + 16);
        let last_here = if role == Role::Device { u32::MAX } else { 0 };
        let shared = Arc::new(Shared {
            role,
            peer,
            streams: Mutex::new(Streams { last_here, ..Streams::default() }),
            outbox: Outbox::new(shape.is_some()),
            ended: watch::Sender::new(None),
            requests,
            growth_left: AtomicU32::new(WINDOW_GROWTH_BYTES_MAX),
            began: Instant::now(),
            heard_ms: AtomicU64::new(0),
            counters,
        });
        counters::add(&shared.counters.links_total, 1);
        counters::add(&shared.counters.links_up, 1);
        run::spawn(&shared, connection, unread, shape);
        Ok((Self(shared), asked))
    }

    /// Refuses whoever is at the other end of `connection`, and tells why.
    pub async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut connection: S, reason: Reason) {
        let mut out = BytesMut::new();
        Frame::GoAway(reason).write(&mut out);
        let told = async {
            connection.write_all(&out).await?;
            connection.shutdown().await?;
            // Until the other end has read it: closing at once could overtake it.
            let mut rest = [0_u8; 256];
            while connection.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Whoever does not listen need not be told.
        let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
    }

    /// Name of the other end, from its certificate.
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// Opens a stream to a service of the other end. `None` when the link is over or has too many.
    pub fn open(&self, service: &str, lane: Lane) -> Option<Stream> {
        let mut streams = self.0.streams();
        if streams.over || streams.open.len() >= STREAMS_MAX {
            return None;
        }
        let id = streams.last_here.wrapping_add(2);
        // Numbers are not used again: a link of two thousand million streams is made anew.
        if id < streams.last_here && streams.last_here != u32::MAX {
            return None;
        }
        streams.last_here = id;
        let stream = self.0.enter(&mut streams, id, lane);
        drop(streams);
        self.0
            .outbox
            .push(self.0.outbox.lane(lane), Frame::Open(id, Bytes::copy_from_slice(service.as_bytes())));
        Some(stream)
    }

    /// Streams that are open.
    pub fn streams(&self) -> usize {
        self.0.streams().open.len()
    }

    /// Ends the link: the other end is told why, streams are reset.
    pub fn end(&self, reason: Reason) {
        self.0.outbox.push(Lane::Urgent, Frame::GoAway(reason));
        self.0.end(Ended::Here(reason));
    }

    /// Asks the other end to open no further streams here.
    pub fn drain(&self) {
        self.0.outbox.push(Lane::Urgent, Frame::GoAway(Reason::Draining));
    }

    /// Asks for a certificate, or gives one.
    pub fn say_renewal(&self, frame: Frame) {
        self.0.outbox.push(Lane::Urgent, frame);
    }

    /// Whether both are the same link.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.0.ended.borrow().is_some()
    }

    /// Waits for the end.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.0.ended.subscribe();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or(Ended::Closed),
            Err(_) => Ended::Closed,
        }
    }
}

/// Both ends say hello. Returns the shape that holds.
async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut S,
    unread: &mut BytesMut,
    role: Role,
    wished: Option<Shape>,
) -> Result<Option<Shape>, ShieldError> {
    let hello = |shape: Option<Shape>| Frame::Hello {
        version: VERSION,
        interval_ms: shape.map_or(0, |shape| shape.interval_ms),
        cell_bytes: shape.map_or(0, |shape| shape.cell_bytes),
    };
    if role == Role::Device {
        say(connection, hello(wished)).await?;
    }
    let frame = loop {
        if let Some(frame) = Frame::read(unread).map_err(ShieldError::Protocol)? {
            break frame;
        }
        if connection.read_buf(unread).await? == 0 {
            return Err(ShieldError::Protocol("closed before the greeting"));
        }
    };
    let (interval_ms, cell_bytes) = match frame {
        Frame::Hello { version: VERSION, interval_ms, cell_bytes } => (interval_ms, cell_bytes),
        Frame::Hello { .. } => {
            return Err(ShieldError::Protocol("another version; run the same on both ends"));
        }
        Frame::GoAway(reason) => return Err(ShieldError::Refused(reason.text().to_owned())),
        _ => return Err(ShieldError::Protocol("something else than a greeting")),
    };
    let told = if interval_ms == 0 { None } else { Some(Shape::checked(interval_ms, cell_bytes)?) };
    if role == Role::Clinic {
        say(connection, hello(told)).await?;
        return Ok(told);
    }
    if told.map(|shape| (shape.interval_ms, shape.cell_bytes))
        != wished.map(|shape| (shape.interval_ms, shape.cell_bytes))
    {
        return Err(ShieldError::Protocol("the other end does not take the shape"));
    }
    Ok(wished)
}

async fn say<S: AsyncWrite + Unpin>(connection: &mut S, frame: Frame) -> std::io::Result<()> {
    let mut out = BytesMut::new();
    frame.write(&mut out);
    connection.write_all(&out).await?;
    connection.flush().await
}

impl Shared {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, streams: &mut Streams, id: u32, lane: Lane) -> Stream {
        let (events, told) = mpsc::unbounded_channel();
        let credit = Arc::new(Semaphore::new(WINDOW_BYTES_START as usize));
        streams.open.insert(
            id,
            Entry {
                events,
                credit: Arc::clone(&credit),
                window_left: WINDOW_BYTES_START,
                grown: 0,
                finished_here: false,
                finished_there: false,
            },
        );
        Stream::new(Arc::clone(self), id, lane, told, credit)
    }

    /// The receiver of a stream took `taken` bytes: its window opens again, and grows where there is room.
    fn taken(&self, id: u32, taken: u32, window: u32) -> u32 {
        let mut streams = self.streams();
        let Some(entry) = streams.open.get_mut(&id).filter(|entry| !entry.finished_there) else {
            return window;
        };
        let wanted = window.min(WINDOW_BYTES_MAX - window);
        let granted = self
            .growth_left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted))
            .map_or(0, |_| wanted);
        entry.grown += granted;
        entry.window_left = entry.window_left.saturating_add(taken).saturating_add(granted);
        drop(streams);
        self.outbox.push(self.outbox.lane_of(id), Frame::Credit(id, taken + granted));
        window + granted
    }

    /// A stream is over here.
    fn leave(&self, id: u32, reason: Reason) {
        let left = self.streams().open.remove(&id);
        let Some(entry) = left else { return };
        self.growth_left.fetch_add(entry.grown, Ordering::Relaxed);
        if !(entry.finished_here && entry.finished_there) {
            self.outbox.push(self.outbox.lane_of(id), Frame::Reset(id, reason));
        }
        self.outbox.forget(id);
    }

    fn end(&self, how: Ended) {
        let first = self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            if first {
                *ended = Some(how);
            }
            first
        });
        if !first {
            return;
        }
        counters::subtract(&self.counters.links_up, 1);
        let entries = {
            let mut streams = self.streams();
            streams.over = true;
            std::mem::take(&mut streams.open)
        };
        for entry in entries.values() {
            entry.credit.close();
            // A receiver that is gone need not be told.
            let _ = entry.events.send(Event::Reset(Reason::Closed));
        }
        self.outbox.close();
    }
}
