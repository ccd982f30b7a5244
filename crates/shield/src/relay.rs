//! One connection of a device or server, and its stream in the link.

use std::io;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::counters::{self, Counters};
use crate::frame::Reason;
use crate::limits::STALL_TIMEOUT;
use crate::link::{Event, Receiver, Sender, Stream};

/// Bytes read at once: few for connections that say little, since ten thousand may be stuck with them.
const READ_BYTES: (usize, usize) = (4 * 1024, 64 * 1024);

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both directions came to their end.
    Finished,
    /// The stream was reset by the other end or with the link.
    Reset(Reason),
    /// The local connection broke.
    Broken,
    /// The local peer takes nothing.
    Stalled,
}

/// Carries bytes both ways until both directions are finished, or one breaks. What breaks on one side is broken on the
/// other: a connection that was cut never looks finished.
pub(crate) async fn run(connection: TcpStream, stream: Stream, counters: &Counters) -> End {
    let (read, write) = connection.into_split();
    let (sender, receiver) = stream.split();
    let both = async { tokio::try_join!(up(&read, &sender, counters), down(receiver, &write, counters)) };
    let end = match both.await {
        Ok(_) => return End::Finished,
        Err(end) => end,
    };
    sender.reset(match end {
        End::Stalled => Reason::Stalled,
        _ => Reason::Closed,
    });
    if end == End::Stalled {
        counters.connections_stalled_total.fetch_add(1, Ordering::Relaxed);
    }
    abort(read, write);
    end
}

/// The peer shall see a reset and no end: lingering for no time does that (RFC 9293 section 3.6, SO_LINGER).
fn abort(read: OwnedReadHalf, write: OwnedWriteHalf) {
    // A half that is dropped alone would say that it has finished.
    if let Ok(connection) = read.reunite(write) {
        // Where it cannot be set, the connection is already gone.
        let _ = socket2::SockRef::from(&connection).set_linger(Some(std::time::Duration::ZERO));
    }
}

async fn up(read: &OwnedReadHalf, sender: &Sender, counters: &Counters) -> Result<(), End> {
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
                counters::add(&counters.sent_bytes_total, length as u64);
                if !sender.send(bytes.freeze()).await {
                    return Err(End::Reset(Reason::Closed));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(End::Broken),
        }
    }
}

async fn down(mut receiver: Receiver, write: &OwnedWriteHalf, counters: &Counters) -> Result<(), End> {
    loop {
        match receiver.next().await {
            Event::Data(bytes) => {
                write_all(write, &bytes).await?;
                counters::add(&counters.received_bytes_total, bytes.len() as u64);
                receiver.took(bytes.len());
            }
            Event::Finish => {
                // A peer that is already gone need not be told.
                let _ = socket2::SockRef::from(write.as_ref()).shutdown(std::net::Shutdown::Write);
                return Ok(());
            }
            Event::Reset(reason) => return Err(End::Reset(reason)),
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
