//! The clinic end of a durable service: keeps messages of one box, and delivers them one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::InDoubt;
use super::journal::{Entry, Journal};
use super::talk::{Ear, Saying, say};
use crate::ShieldError;
use crate::counters::{self, Counters};
use crate::end::connect;
use crate::inspect::{HELD, answer, block, framed};
use crate::link::Stream;

/// How long a receiver may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a receiver is tried again, first and longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Messages that wait for the receiver, and their bytes; beyond it the box is not read any more, and keeps them.
const WAITING_MAX: usize = 10_000;
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest answer of a receiver, bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Bytes written after which the journal begins anew.
const REWRITE_BYTES: usize = 8 * 1024 * 1024;

/// Kinds of entries.
const QUEUE: u8 = 0;
const MESSAGE: u8 = 1;
const SENT: u8 = 2;
const DELIVERED: u8 = 3;

#[derive(Debug, Default)]
struct State {
    /// Which queue of the box this is; another number means that the box lost its disk.
    queue: u64,
    /// Last number on disk.
    stored: u64,
    /// Not delivered yet: queue, number, message.
    waiting: VecDeque<(u64, u64, Bytes)>,
    waiting_bytes: usize,
    /// Answers that the box may not have, by number.
    answers: BTreeMap<u64, Bytes>,
    /// The message that was being sent when this end stopped.
    in_doubt: Option<u64>,
    written: usize,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Incoming {
    journal: Journal,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    counters: Arc<Counters>,
}

/// What is to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A number came that is not the next.
    OutOfOrder,
    /// Nobody knows whether the receiver took this message; it is held.
    Held(u64),
}

impl Incoming {
    /// Opens the queue with its journal at `path`.
    ///
    /// # Errors
    /// When the journal cannot be used.
    pub(crate) fn open(path: &Path, counters: &Arc<Counters>) -> Result<Self, ShieldError> {
        let (journal, entries) = Journal::open(path)?;
        let mut state = State::default();
        entries.into_iter().for_each(|entry| state.take(entry));
        counters::add(&counters.messages_waiting, state.waiting.len() as u64);
        journal.rewrite(state.snapshot());
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        Ok(Self { journal, state, changed, counters: Arc::clone(counters) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Talks with the box through `stream` until it is over.
    pub(crate) async fn talk(&self, stream: Stream, trouble: &(dyn Fn(Trouble) + Send + Sync)) {
        let (sender, receiver) = stream.split();
        let mut ear = Ear::new(receiver);
        let Some(Saying::Hello { queue, first }) = ear.next().await else { return };
        let (stored, written) = self.greet(queue, first);
        if written.await.is_err() || !say(&sender, &Saying::Welcome { stored }).await {
            return;
        }
        let hearing = async {
            while let Some(Saying::Message { number, first, bytes }) = ear.next().await {
                let written = {
                    let mut state = self.state();
                    if number <= state.stored {
                        // The box had not heard that it is here.
                        None
                    } else if number != state.stored + 1 {
                        drop(state);
                        trouble(Trouble::OutOfOrder);
                        return;
                    } else {
                        state.forget(first);
                        state.stored = number;
                        state.written += bytes.len();
                        let entry = [&queue.to_be_bytes()[..], &bytes].concat();
                        let written = self.journal.append(MESSAGE, number, entry);
                        state.enter(queue, number, bytes);
                        Some(written)
                    }
                };
                if let Some(written) = written {
                    if written.await.is_err() {
                        return;
                    }
                    counters::add(&self.counters.messages_queued_total, 1);
                    counters::add(&self.counters.messages_waiting, 1);
                    self.tell();
                }
                if !say(&sender, &Saying::Stored { number }).await {
                    return;
                }
                self.room().await;
            }
        };
        let telling = async {
            let mut changed = self.changed.subscribe();
            let mut told = first.saturating_sub(1);
            loop {
                changed.borrow_and_update();
                loop {
                    let answer = self
                        .state()
                        .answers
                        .range(told + 1..)
                        .next()
                        .map(|(number, answer)| (*number, answer.clone()));
                    let Some((number, answer)) = answer else { break };
                    if !say(&sender, &Saying::Delivered { number, answer }).await {
                        return;
                    }
                    told = number;
                }
                let _ = changed.changed().await;
            }
        };
        tokio::select! {
            () = hearing => {}
            () = telling => {}
        }
    }

    /// Takes the greeting of a box. Gives the last number of its queue that is here.
    fn greet(&self, queue: u64, first: u64) -> (u64, tokio::sync::oneshot::Receiver<()>) {
        let mut state = self.state();
        if state.queue != queue {
            (state.queue, state.stored) = (queue, first.saturating_sub(1));
            state.answers.clear();
        }
        state.forget(first);
        let written = self.journal.append(QUEUE, queue, state.stored.to_be_bytes().to_vec());
        (state.stored, written)
    }

    /// Waits until there is room for a further message.
    async fn room(&self) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let has_room = {
                let state = self.state();
                state.waiting.len() < WAITING_MAX && state.waiting_bytes < WAITING_BYTES_MAX
            };
            if has_room {
                return;
            }
            let _ = changed.changed().await;
        }
    }

    /// Delivers messages to `target`, for ever.
    pub(crate) async fn deliver(
        &self,
        target: SocketAddr,
        in_doubt: InDoubt,
        trouble: &(dyn Fn(Trouble) + Send + Sync),
    ) {
        let mut connection: Option<TcpStream> = None;
        let mut pause = PAUSE.0;
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let (front, doubtful) = {
                let state = self.state();
                (state.waiting.front().cloned(), state.in_doubt)
            };
            let Some((queue, number, message)) = front else {
                let _ = changed.changed().await;
                continue;
            };
            if in_doubt == InDoubt::Hold && doubtful == Some(number) {
                counters::add(&self.counters.messages_held_total, 1);
                trouble(Trouble::Held(number));
                let words = answer(&message, "AR", HELD);
                self.is_delivered(queue, number, Bytes::from(words)).await;
                continue;
            }
            if connection.is_none() {
                match connect(target).await {
                    Ok(fresh) => connection = Some(fresh),
                    Err(_) => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(PAUSE.1);
                        continue;
                    }
                }
            }
            // On disk before the first byte goes: afterwards nobody could tell.
            if in_doubt == InDoubt::Hold {
                let written = self.journal.append(SENT, number, Vec::new());
                if written.await.is_err() {
                    return;
                }
                self.state().in_doubt = Some(number);
            }
            let Some(open) = &mut connection else { continue };
            match tokio::time::timeout(ANSWER_TIMEOUT, exchange(open, &message)).await {
                Ok(Some(answer)) => {
                    pause = PAUSE.0;
                    counters::add(&self.counters.messages_delivered_total, 1);
                    self.is_delivered(queue, number, answer).await;
                }
                Ok(None) | Err(_) => {
                    connection = None;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    async fn is_delivered(&self, queue: u64, number: u64, answer: Bytes) {
        let written = {
            let mut state = self.state();
            state.written += answer.len();
            let entry = [&queue.to_be_bytes()[..], &answer].concat();
            let written = self.journal.append(DELIVERED, number, entry);
            state.deliver(queue, number, answer);
            if state.written > REWRITE_BYTES && state.waiting.len() < WAITING_MAX / 10 {
                state.written = 0;
                self.journal.rewrite(state.snapshot());
            }
            written
        };
        counters::subtract(&self.counters.messages_waiting, 1);
        // When the disk fails, the message is in doubt after a restart.
        let _ = written.await;
        self.tell();
    }
}

/// Sends a message and reads its answer, without frames.
async fn exchange(connection: &mut TcpStream, message: &[u8]) -> Option<Bytes> {
    connection.write_all(&framed(message)).await.ok()?;
    let mut unread = BytesMut::new();
    let mut looked = 0;
    loop {
        if let Some((answer, _)) = block(&unread, looked) {
            return Some(Bytes::copy_from_slice(answer));
        }
        looked = unread.len();
        if looked > ANSWER_BYTES_MAX || connection.read_buf(&mut unread).await.ok()? == 0 {
            return None;
        }
    }
}

impl State {
    /// The box has finished everything before `first`.
    fn forget(&mut self, first: u64) {
        self.answers = self.answers.split_off(&first);
    }

    fn enter(&mut self, queue: u64, number: u64, message: Bytes) {
        self.waiting_bytes += message.len();
        self.waiting.push_back((queue, number, message));
    }

    fn deliver(&mut self, queue: u64, number: u64, answer: Bytes) {
        let (waiting, bytes) = (&mut self.waiting, &mut self.waiting_bytes);
        waiting.retain(|(of, other, message)| {
            let stays = (*of, *other) != (queue, number);
            *bytes -= if stays { 0 } else { message.len() };
            stays
        });
        if self.in_doubt == Some(number) {
            self.in_doubt = None;
        }
        if queue == self.queue {
            self.answers.insert(number, answer);
        }
    }

    /// Takes an entry of the journal.
    fn take(&mut self, entry: Entry) {
        let of_queue = || {
            let (queue, bytes) = entry.bytes.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*queue), Bytes::copy_from_slice(bytes)))
        };
        match entry.kind {
            QUEUE => {
                if self.queue != entry.number {
                    self.answers.clear();
                }
                self.queue = entry.number;
                self.stored = entry.bytes.first_chunk::<8>().map_or(0, |stored| u64::from_be_bytes(*stored));
            }
            MESSAGE => {
                if let Some((queue, message)) = of_queue() {
                    self.stored =
                        if queue == self.queue { self.stored.max(entry.number) } else { self.stored };
                    self.enter(queue, entry.number, message);
                }
            }
            SENT => self.in_doubt = Some(entry.number),
            DELIVERED => {
                if let Some((queue, answer)) = of_queue() {
                    self.deliver(queue, entry.number, answer);
                }
            }
            _ => {}
        }
    }

    /// Everything that is still of use.
    fn snapshot(&self) -> Vec<Entry> {
        let of = |queue: u64, bytes: &[u8]| [&queue.to_be_bytes()[..], bytes].concat();
        let mut entries =
            vec![Entry { kind: QUEUE, number: self.queue, bytes: self.stored.to_be_bytes().to_vec() }];
        entries.extend(self.answers.iter().map(|(number, answer)| Entry {
            kind: DELIVERED,
            number: *number,
            bytes: of(self.queue, answer),
        }));
        entries.extend(self.waiting.iter().map(|(queue, number, message)| Entry {
            kind: MESSAGE,
            number: *number,
            bytes: of(*queue, message),
        }));
        entries.extend(self.in_doubt.map(|number| Entry { kind: SENT, number, bytes: Vec::new() }));
        entries
    }
}
