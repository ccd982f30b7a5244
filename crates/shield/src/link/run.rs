//! The tasks of a link: one reads, one writes, one asks whether the other end lives.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, MissedTickBehavior};

use super::outbox::{Lane, Shape};
use super::{Ended, Event, Opening, Request, Shared};
use crate::counters;
use crate::frame::{Frame, Reason};
use crate::limits::{PING_INTERVAL, SILENCE_TIMEOUT, STREAMS_MAX, WRITE_BYTES_MAX};
use crate::settings::Role;
use crate::tls;

/// How long a link that is over may still take to say so.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn spawn<S>(shared: &Arc<Shared>, connection: S, unread: BytesMut, shape: Option<Shape>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (read, write) = tokio::io::split(connection);
    let link = Arc::clone(shared);
    tokio::spawn(async move {
        let mut over = link.ended.subscribe();
        let how = tokio::select! {
            how = reading(&link, read, unread) => how,
            // A link that this end closes is not read any more.
            _ = over.wait_for(Option::is_some) => return,
        };
        link.end(how);
    });
    let link = Arc::clone(shared);
    tokio::spawn(async move {
        let mut over = link.ended.subscribe();
        let late = async {
            // The sender lives as long as the link, so this cannot fail.
            let _ = over.wait_for(Option::is_some).await;
            tokio::time::sleep(LAST_WORDS_TIMEOUT).await;
        };
        tokio::select! {
            done = writing(&link, write, shape) => {
                if let Err(error) = done {
                    link.end(broken(&error));
                }
            }
            // A peer that reads nothing must not hold what waits for it.
            () = late => {}
        }
    });
    let link = Arc::clone(shared);
    tokio::spawn(async move { asking(&link).await });
}

fn broken(error: &std::io::Error) -> Ended {
    Ended::Broken(error.to_string(), tls::blame(error))
}

async fn reading<R: AsyncRead + Unpin>(link: &Arc<Shared>, mut read: R, mut unread: BytesMut) -> Ended {
    loop {
        loop {
            match Frame::read(&mut unread) {
                Ok(Some(frame)) => {
                    if let Err(how) = link.obey(frame) {
                        return how;
                    }
                }
                Ok(None) => break,
                Err(what) => return Ended::Protocol(what),
            }
        }
        unread.reserve(WRITE_BYTES_MAX);
        match read.read_buf(&mut unread).await {
            Ok(0) => return Ended::Closed,
            Ok(_) => link.heard(),
            Err(error) => return broken(&error),
        }
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn heard(&self) {
        self.heard_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Does what a frame says.
    fn obey(self: &Arc<Self>, frame: Frame) -> Result<(), Ended> {
        match frame {
            Frame::Open(id, service) => self.opened(id, &service),
            Frame::Data(id, bytes) => {
                let mut streams = self.streams();
                // A stream that is gone here: the other end learns of it soon.
                let Some(entry) = streams.open.get_mut(&id) else { return Ok(()) };
                let length = bytes.len() as u32;
                if entry.finished_there || length > entry.window_left {
                    return Err(Ended::Protocol("more data than the window allows"));
                }
                entry.window_left -= length;
                // Dropped where nobody listens any more.
                let _ = entry.events.send(Event::Data(bytes));
                Ok(())
            }
            Frame::Credit(id, credit) => {
                let streams = self.streams();
                let Some(entry) = streams.open.get(&id) else { return Ok(()) };
                let credit = credit as usize;
                if entry.credit.available_permits() + credit > tokio::sync::Semaphore::MAX_PERMITS {
                    return Err(Ended::Protocol("more credit than there can be"));
                }
                entry.credit.add_permits(credit);
                Ok(())
            }
            Frame::Finish(id) => {
                let mut streams = self.streams();
                if let Some(entry) = streams.open.get_mut(&id) {
                    entry.finished_there = true;
                    let _ = entry.events.send(Event::Finish);
                }
                Ok(())
            }
            Frame::Reset(id, reason) => {
                let mut streams = self.streams();
                if let Some(entry) = streams.open.get_mut(&id) {
                    // Nothing more goes either way, so that no reset need be answered.
                    (entry.finished_here, entry.finished_there) = (true, true);
                    entry.credit.close();
                    let _ = entry.events.send(Event::Reset(reason));
                }
                Ok(())
            }
            Frame::Ping(number) => {
                self.outbox.push(Lane::Urgent, Frame::Pong(number));
                Ok(())
            }
            Frame::Pong(number) => {
                let round_trip = self.now_us().saturating_sub(number);
                counters::set(&self.counters.round_trip_microseconds, round_trip);
                Ok(())
            }
            Frame::GoAway(Reason::Draining) => self.ask(Request::Drain),
            Frame::GoAway(reason) => Err(Ended::Told(reason)),
            Frame::Renew(request) => self.ask(Request::Renew(request)),
            Frame::Renewed(certificate) => self.ask(Request::Renewed(certificate)),
            Frame::Padding(_) => Ok(()),
            Frame::Hello { .. } => Err(Ended::Protocol("a second greeting")),
        }
    }

    fn ask(&self, request: Request) -> Result<(), Ended> {
        self.requests.try_send(request).map_err(|_| Ended::Protocol("too many requests at once"))
    }

    fn opened(self: &Arc<Self>, id: u32, service: &[u8]) -> Result<(), Ended> {
        let Ok(service) = std::str::from_utf8(service) else {
            return Err(Ended::Protocol("a service without a name"));
        };
        let mut streams = self.streams();
        let odd = self.role == Role::Clinic;
        if (id % 2 == 1) != odd || id <= streams.last_there {
            return Err(Ended::Protocol("a stream number that is not its turn"));
        }
        streams.last_there = id;
        if streams.open.len() >= STREAMS_MAX {
            drop(streams);
            self.outbox.push(Lane::Ordinary, Frame::Reset(id, Reason::Full));
            return Ok(());
        }
        let stream = self.enter(&mut streams, id, Lane::Ordinary);
        drop(streams);
        self.ask(Request::Open(Opening { service: service.to_owned(), stream }))
    }
}

/// Writes what waits; cells by their clock, the rest at once.
async fn writing<W: AsyncWrite + Unpin>(
    link: &Arc<Shared>,
    mut write: W,
    shape: Option<Shape>,
) -> std::io::Result<()> {
    let interval = Duration::from_millis(shape.map_or(1_000, |shape| u64::from(shape.interval_ms)));
    let mut clock = tokio::time::interval(interval);
    // A cell that could not be sent in time is not made up for: the rate would tell.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = BytesMut::new();
    loop {
        let is_over = link.ended.borrow().is_some();
        if !is_over {
            tokio::select! {
                biased;
                _ = clock.tick(), if shape.is_some() => {
                    if let Some(shape) = shape {
                        cell(link, &mut write, shape, &mut out).await?;
                    }
                    continue;
                }
                () = link.outbox.ready.notified() => {}
            }
        }
        loop {
            out.clear();
            link.outbox.take(&mut out);
            if out.is_empty() {
                break;
            }
            write.write_all(&out).await?;
            // Cells keep their time in between.
            if shape.is_some() {
                break;
            }
        }
        write.flush().await?;
        if shape.is_some() && !out.is_empty() {
            link.outbox.ready.notify_one();
        }
        if out.capacity() > 2 * WRITE_BYTES_MAX {
            out = BytesMut::new();
        }
        if is_over && out.is_empty() {
            return write.shutdown().await;
        }
    }
}

async fn cell<W: AsyncWrite + Unpin>(
    link: &Shared,
    write: &mut W,
    shape: Shape,
    out: &mut BytesMut,
) -> std::io::Result<()> {
    loop {
        out.clear();
        let (padding, urgent_left) = link.outbox.take_cell(shape, out);
        counters::add(&link.counters.cells_total, 1);
        counters::add(&link.counters.padding_bytes_total, padding as u64);
        write.write_all(out).await?;
        write.flush().await?;
        if !urgent_left {
            return Ok(());
        }
        // An alarm does not wait for its turn; that it was seen is the lesser evil.
        counters::add(&link.counters.cells_overrun_total, 1);
    }
}

/// Asks whether the other end lives, until the link ends.
async fn asking(link: &Arc<Shared>) {
    let mut over = link.ended.subscribe();
    let mut clock = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            _ = over.wait_for(Option::is_some) => return,
        }
        let silence_ms = link.now_ms().saturating_sub(link.heard_ms.load(Ordering::Relaxed));
        if u128::from(silence_ms) > SILENCE_TIMEOUT.as_millis() {
            return link.end(Ended::Silent);
        }
        if link.outbox.is_stuck() {
            return link.end(Ended::Protocol("does not read what is urgent"));
        }
        link.outbox.push(Lane::Urgent, Frame::Ping(link.now_us()));
    }
}
