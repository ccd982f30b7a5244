//! A stream, and its two halves.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use super::Shared;
use super::outbox::{Lane, Outbox};
use crate::frame::{Frame, Reason};
use crate::limits::{FRAME_PAYLOAD_BYTES_MAX, WINDOW_BYTES_START};

/// What comes through a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes.
    Data(Bytes),
    /// Nothing more comes; the other direction may go on.
    Finish,
    /// The stream is over, and not in good order.
    Reset(Reason),
}

/// Leaves the link when the last half is dropped.
#[derive(Debug)]
struct Place {
    link: Arc<Shared>,
    id: u32,
    reason: std::sync::OnceLock<Reason>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.link.leave(self.id, self.reason.get().copied().unwrap_or(Reason::Closed));
    }
}

/// A stream. Dropped before both directions finished, it is reset.
#[derive(Debug)]
pub struct Stream {
    sender: Sender,
    receiver: Receiver,
}

/// The half that sends.
#[derive(Debug)]
pub struct Sender {
    place: Arc<Place>,
    credit: Arc<Semaphore>,
    lane: Lane,
}

/// The half that receives.
#[derive(Debug)]
pub struct Receiver {
    place: Arc<Place>,
    events: mpsc::UnboundedReceiver<Event>,
    window: u32,
    /// Bytes taken and not yet told to the other end.
    taken: u32,
}

impl Stream {
    pub(super) fn new(
        link: Arc<Shared>,
        id: u32,
        lane: Lane,
        events: mpsc::UnboundedReceiver<Event>,
        credit: Arc<Semaphore>,
    ) -> Self {
        let lane = link.outbox.lane(lane);
        link.outbox.set_lane(id, lane);
        let place = Arc::new(Place { link, id, reason: std::sync::OnceLock::new() });
        Self {
            sender: Sender { place: Arc::clone(&place), credit, lane },
            receiver: Receiver { place, events, window: WINDOW_BYTES_START, taken: 0 },
        }
    }

    pub(super) fn set_lane(&mut self, lane: Lane) {
        let outbox = &self.sender.place.link.outbox;
        outbox.set_lane(self.sender.place.id, lane);
        self.sender.lane = outbox.lane(lane);
    }

    /// Ends it, and tells the other end why.
    pub fn reset(self, reason: Reason) {
        self.sender.reset(reason);
    }

    /// Its two halves.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

impl Sender {
    /// Sends all of `bytes`, as fast as the receiver and the link take them. False when the stream is over.
    pub async fn send(&self, mut bytes: Bytes) -> bool {
        while !bytes.is_empty() {
            let Ok(one) = self.credit.acquire().await else { return false };
            one.forget();
            let wanted = bytes.len().min(FRAME_PAYLOAD_BYTES_MAX) - 1;
            let more = self.more(wanted);
            let piece = bytes.split_to(1 + more);
            let outbox = &self.place.link.outbox;
            if Outbox::needs_room(self.lane) {
                // A piece is far smaller than the whole room.
                let Ok(room) = outbox.room.acquire_many(piece.len() as u32).await else { return false };
                room.forget();
            }
            outbox.push(self.lane, Frame::Data(self.place.id, piece));
        }
        true
    }

    /// Takes up to `wanted` bytes of credit, as many as there are.
    fn more(&self, wanted: usize) -> usize {
        loop {
            let most = self.credit.available_permits().min(wanted);
            if most == 0 {
                return 0;
            }
            if let Ok(permits) = self.credit.try_acquire_many(most as u32) {
                permits.forget();
                return most;
            }
        }
    }

    /// Nothing more comes from here.
    pub fn finish(&self) {
        let link = &self.place.link;
        let fresh = match link.streams().open.get_mut(&self.place.id) {
            Some(entry) => !std::mem::replace(&mut entry.finished_here, true),
            None => false,
        };
        if fresh {
            link.outbox.push(self.lane, Frame::Finish(self.place.id));
        }
    }

    /// Ends the stream in both directions; the reason is told when the other half is dropped as well.
    pub fn reset(&self, reason: Reason) {
        // Only the first reason is told.
        let _ = self.place.reason.set(reason);
    }
}

impl Receiver {
    /// What comes next. Over after `Finish` or `Reset`.
    pub async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::Reset(Reason::Closed))
    }

    /// `length` bytes went on their way: as many more may come.
    pub fn took(&mut self, length: usize) {
        self.taken = self.taken.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
        if self.taken >= self.window / 2 {
            let taken = std::mem::take(&mut self.taken);
            self.window = self.place.link.taken(self.place.id, taken, self.window);
        }
    }
}
