//! MLLP towards the sender of a durable service.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use wardline_wire::Direction;

use super::Acknowledge;
use super::outgoing::{NotTaken, Outgoing};
use crate::inspect::{
    Guard, Hold, MESSAGE_BYTES_MAX, Refused, answer, block, framed, judge, not_hl7, too_much,
};

/// What is noticed on the way.
pub(crate) enum Noticed {
    /// A message was refused.
    Refused(Box<Refused>),
    /// A message came again.
    Repeated(u64),
    /// The queue is full, or its disk fails.
    NotTaken(NotTaken),
}

/// Takes messages from a sender until it goes, or the end stops.
pub(crate) async fn front(
    mut connection: TcpStream,
    source: IpAddr,
    queue: &Outgoing,
    guard: &Arc<Guard>,
    acknowledge: Acknowledge,
    mut stop: watch::Receiver<bool>,
    tell: &(dyn Fn(IpAddr, Noticed) + Send + Sync),
) {
    let mut unread = BytesMut::new();
    let mut hold = Hold::new(Arc::clone(guard));
    let mut looked = 0;
    loop {
        while let Some((message, length)) = block(&unread, std::mem::take(&mut looked))
            .map(|(message, length)| (Bytes::copy_from_slice(message), length))
        {
            let _ = unread.split_to(length);
            let Some(words) = one(&connection, source, queue, guard, acknowledge, message, tell).await else {
                return;
            };
            if connection.write_all(&framed(&words)).await.is_err() {
                return;
            }
        }
        let is_other =
            unread.iter().find(|byte| !matches!(byte, b'\r' | b'\n')).is_some_and(|first| *first != 0x0b);
        if is_other || unread.len() > MESSAGE_BYTES_MAX {
            return tell(source, Noticed::Refused(not_hl7()));
        }
        if !hold.is_fine_with(unread.len()) {
            return tell(source, Noticed::Refused(too_much(not_hl7())));
        }
        looked = unread.len();
        let read = tokio::select! {
            read = connection.read_buf(&mut unread) => read,
            // Not in the middle of a message.
            _ = stop.wait_for(|stop| *stop), if unread.is_empty() => return,
        };
        if !matches!(read, Ok(1..)) {
            return;
        }
    }
}

/// Takes one message, and gives the answer. `None` when the sender is gone.
async fn one(
    connection: &TcpStream,
    source: IpAddr,
    queue: &Outgoing,
    guard: &Guard,
    acknowledge: Acknowledge,
    message: Bytes,
    tell: &(dyn Fn(IpAddr, Noticed) + Send + Sync),
) -> Option<Vec<u8>> {
    if let Err(refused) = judge(guard, Direction::Forward, &message) {
        tell(source, Noticed::Refused(refused));
        return Some(answer(&message, "AR", "refused by the shield"));
    }
    let taken = match queue.take(message.clone()).await {
        Ok(taken) => taken,
        Err(why) => {
            tell(source, Noticed::NotTaken(why));
            // The sender keeps it and tries again.
            return Some(answer(&message, "AE", "not taken; send it again"));
        }
    };
    if taken.is_repeat {
        tell(source, Noticed::Repeated(taken.number));
    }
    let answered = tokio::select! {
        answered = queue.wait(taken.number, acknowledge) => answered,
        () = gone(connection) => return None,
    };
    Some(match answered {
        Some(words) => words.to_vec(),
        None => answer(&message, "AA", ""),
    })
}

/// Until the sender has closed its connection.
async fn gone(connection: &TcpStream) {
    // A sender that is there and has more to say is not gone.
    if let Ok(1..) = connection.peek(&mut [0]).await {
        std::future::pending::<()>().await;
    }
}
