//! One connection of a device or server, and its stream in the link.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use wardline_wire::Direction;

use crate::counters::{self, Counters};
use crate::frame::Reason;
use crate::inspect::{Inspector, Refused};
use crate::limits::STALL_TIMEOUT;
use crate::link::{Event, Receiver, Sender, Stream};

/// Bytes read at once: few for connections that say little, since ten thousand may be stuck with them.
const READ_BYTES: (usize, usize) = (4 * 1024, 64 * 1024);
/// How long a peer that was refused may take to read why.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How a relay ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Both directions came to their end.
    Finished,
    /// The stream was reset by the other end or with the link.
    Reset,
    /// The local connection broke.
    Broken,
    /// The local peer takes nothing.
    Stalled,
    /// What was said may not pass; it came from here, or from the other end.
    Refused(Box<Refused>, From),
}

/// Where bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The local connection.
    Here,
    /// The other end.
    There,
}

struct Relay<'a> {
    inspector: Mutex<Inspector>,
    /// Direction of what comes from here.
    here: Direction,
    finished: AtomicBool,
    counters: &'a Counters,
}

/// Carries bytes both ways until both directions are finished, one breaks, or the inspector refuses. What breaks on one
/// side is broken on the other: a connection that was cut never looks finished. `here` is forward where the local peer
/// began the conversation.
pub(crate) async fn run(
    connection: TcpStream,
    stream: Stream,
    inspector: Inspector,
    here: Direction,
    counters: &Counters,
) -> End {
    let (read, write) = connection.into_split();
    let (sender, receiver) = stream.split();
    let relay = Relay { inspector: Mutex::new(inspector), here, finished: AtomicBool::new(false), counters };
    // Each returns only with the end of the whole.
    let end = tokio::select! {
        end = relay.up(&read, &sender) => end,
        end = relay.down(receiver, &write) => end,
    };
    match &end {
        End::Finished => return end,
        End::Stalled => {
            counters::add(&counters.connections_stalled_total, 1);
            sender.reset(Reason::Stalled);
        }
        End::Refused(refused, from) => {
            counters::add(&counters.refused_total, 1);
            sender.reset(Reason::Forbidden);
            let (to_here, to_there) = match from {
                From::Here => (&refused.answer, &refused.farewell),
                From::There => (&refused.farewell, &refused.answer),
            };
            // Whoever does not read the answer in time goes without.
            let _ = tokio::time::timeout(ANSWER_TIMEOUT, async {
                if !to_there.is_empty() {
                    sender.send(to_there.clone()).await;
                    sender.finish();
                }
                if !to_here.is_empty() {
                    tell(&read, &write, to_here).await;
                }
            })
            .await;
        }
        End::Reset | End::Broken => {}
    }
    abort(read, write);
    end
}

/// Says the last words and waits until the peer has closed: a reset could overtake them.
async fn tell(read: &OwnedReadHalf, write: &OwnedWriteHalf, words: &Bytes) {
    if write_all(write, words).await.is_err() {
        return;
    }
    let _ = socket2::SockRef::from(write.as_ref()).shutdown(std::net::Shutdown::Write);
    let mut rest = [0_u8; 4 * 1024];
    while read.readable().await.is_ok() {
        match read.try_read(&mut rest) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// The peer shall see a reset and no end: lingering for no time does that (RFC 9293 section 3.6, SO_LINGER).
fn abort(read: OwnedReadHalf, write: OwnedWriteHalf) {
    // A half that is dropped alone would say that it has finished.
    if let Ok(connection) = read.reunite(write) {
        // Where it cannot be set, the connection is already gone.
        let _ = socket2::SockRef::from(&connection).set_linger(Some(Duration::ZERO));
    }
}

impl Relay<'_> {
    fn pass(&self, from: From, bytes: Bytes) -> Result<Bytes, End> {
        let direction = if from == From::Here { self.here } else { self.here.reverse() };
        let mut inspector = self.inspector.lock().unwrap_or_else(PoisonError::into_inner);
        inspector.pass(direction, bytes).map_err(|refused| End::Refused(refused, from))
    }

    /// Whether the other direction had finished before this one did.
    fn is_last(&self) -> bool {
        self.finished.swap(true, Ordering::Relaxed)
    }

    async fn up(&self, read: &OwnedReadHalf, sender: &Sender) -> End {
        match self.carry_up(read, sender).await {
            Ok(()) if self.is_last() => End::Finished,
            // The other direction goes on, and ends the whole.
            Ok(()) => std::future::pending().await,
            Err(end) => end,
        }
    }

    async fn carry_up(&self, read: &OwnedReadHalf, sender: &Sender) -> Result<(), End> {
        let mut most = READ_BYTES.0;
        loop {
            // No buffer is held while there is nothing to read.
            read.readable().await.map_err(|_| End::Broken)?;
            let mut bytes = BytesMut::with_capacity(most);
            match read.try_read_buf(&mut bytes) {
                Ok(0) => {
                    sender.finish();
                    return Ok(());
                }
                Ok(length) => {
                    most = match length {
                        _ if length == most => (most * 2).min(READ_BYTES.1),
                        _ if length < most / 4 => READ_BYTES.0,
                        _ => most,
                    };
                    counters::add(&self.counters.sent_bytes_total, length as u64);
                    if !sender.send(self.pass(From::Here, bytes.freeze())?).await {
                        return Err(End::Reset);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(End::Broken),
            }
        }
    }

    async fn down(&self, mut receiver: Receiver, write: &OwnedWriteHalf) -> End {
        loop {
            match receiver.next().await {
                Event::Data(bytes) => {
                    let length = bytes.len();
                    let written = match self.pass(From::There, bytes) {
                        Ok(bytes) => write_all(write, &bytes).await,
                        Err(end) => Err(end),
                    };
                    if let Err(end) = written {
                        return end;
                    }
                    counters::add(&self.counters.received_bytes_total, length as u64);
                    receiver.took(length);
                }
                Event::Finish => {
                    // A peer that is already gone need not be told.
                    let _ = socket2::SockRef::from(write.as_ref()).shutdown(std::net::Shutdown::Write);
                    if self.is_last() {
                        return End::Finished;
                    }
                    // A reset may still come while the other direction goes on.
                }
                Event::Reset(_) => return End::Reset,
            }
        }
    }
}

/// Writes everything; gives up when nothing at all is taken for too long.
async fn write_all(write: &OwnedWriteHalf, mut bytes: &[u8]) -> Result<(), End> {
    while !bytes.is_empty() {
        match write.try_write(bytes) {
            Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let ready = tokio::time::timeout(STALL_TIMEOUT, write.writable()).await;
                ready.map_err(|_| End::Stalled)?.map_err(|_| End::Broken)?;
            }
            Err(_) => return Err(End::Broken),
        }
    }
    Ok(())
}
