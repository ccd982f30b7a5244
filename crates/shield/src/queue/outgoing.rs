//! The device end of a durable service: takes messages, keeps them, sends them.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::Acknowledge;
use super::journal::{Entry, Journal};
use super::talk::{Ear, Saying, say};
use crate::ShieldError;
use crate::counters::{self, Counters};
use crate::inspect::settles;
use crate::link::Stream;

/// Messages that wait at most, and their bytes. A further one is refused, and its sender keeps it.
const MESSAGES_MAX: usize = 100_000;
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Finished messages that are remembered, to know a repeat.
const REMEMBERED_MAX: usize = 1_024;
/// Bytes written after which the journal begins anew.
const REWRITE_BYTES: usize = 8 * 1024 * 1024;

/// Kinds of entries.
const QUEUE: u8 = 0;
const MESSAGE: u8 = 1;
const FINISHED: u8 = 2;

type Digest = [u8; 32];

#[derive(Debug, Default)]
struct State {
    /// A random number that says which queue this is.
    queue: u64,
    last: u64,
    /// Messages that are not finished, by number.
    waiting: BTreeMap<u64, Bytes>,
    waiting_bytes: usize,
    /// Last number that is on this end's disk. Nothing beyond it is sent: its number might be given again.
    synced: u64,
    /// Last number that the clinic end has on disk.
    stored: u64,
    /// Every message that is known, to know a repeat.
    numbers: BTreeMap<Digest, u64>,
    /// Answers of finished ones, the oldest first.
    finished: VecDeque<(u64, Digest, Bytes)>,
    written: usize,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Outgoing {
    journal: Journal,
    state: Mutex<State>,
    /// Grows with every change.
    changed: watch::Sender<u64>,
    counters: Arc<Counters>,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many wait.
    Full,
    /// The disk fails.
    Disk,
}

/// A message that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub number: u64,
    /// It had come before.
    pub is_repeat: bool,
}

impl Outgoing {
    /// Opens the queue with its journal at `path`.
    ///
    /// # Errors
    /// When the journal cannot be used.
    pub(crate) fn open(path: &Path, counters: &Arc<Counters>) -> Result<Self, ShieldError> {
        let (journal, entries) = Journal::open(path)?;
        let mut state = State::default();
        for entry in entries {
            state.take(entry);
        }
        if state.queue == 0 {
            let mut random = [0; 8];
            rand::fill(&mut random).map_err(|_| ShieldError::Protocol("no randomness"))?;
            state.queue = u64::from_be_bytes(random) | 1;
        }
        state.synced = state.last;
        counters::add(&counters.messages_waiting, state.waiting.len() as u64);
        let queue = Self {
            journal,
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            counters: Arc::clone(counters),
        };
        let snapshot = queue.state().snapshot();
        queue.journal.rewrite(snapshot);
        Ok(queue)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Takes a message; it is on disk when this returns.
    pub(crate) async fn take(&self, message: Bytes) -> Result<Taken, NotTaken> {
        let digest = *blake3::hash(&message).as_bytes();
        let entered = {
            let mut state = self.state();
            match state.numbers.get(&digest) {
                Some(number) => Err((*number, state.synced)),
                None => Ok(self.enter(&mut state, digest, message)?),
            }
        };
        let (number, written) = match entered {
            Ok(entered) => entered,
            Err((number, synced)) => {
                counters::add(&self.counters.messages_repeated_total, 1);
                return self.again(number, synced).await;
            }
        };
        if written.await.is_err() {
            return Err(NotTaken::Disk);
        }
        counters::add(&self.counters.messages_queued_total, 1);
        counters::add(&self.counters.messages_waiting, 1);
        let mut state = self.state();
        // Entries are confirmed in their order.
        state.synced = state.synced.max(number);
        drop(state);
        self.tell();
        Ok(Taken { number, is_repeat: false })
    }

    fn enter(
        &self,
        state: &mut State,
        digest: Digest,
        message: Bytes,
    ) -> Result<(u64, oneshot::Receiver<()>), NotTaken> {
        if state.waiting.len() >= MESSAGES_MAX || state.waiting_bytes + message.len() > BYTES_MAX {
            return Err(NotTaken::Full);
        }
        let number = state.last + 1;
        state.written += message.len();
        // Under the lock, so that entries have the order of their numbers.
        let written = self.journal.append(MESSAGE, number, message.to_vec());
        state.enter(number, digest, message);
        Ok((number, written))
    }

    /// A message that came before.
    async fn again(&self, number: u64, synced: u64) -> Result<Taken, NotTaken> {
        // The first one may still be on its way to the disk; an entry behind it is confirmed after it.
        if number > synced && self.journal.append(QUEUE, 0, Vec::new()).await.is_err() {
            return Err(NotTaken::Disk);
        }
        Ok(Taken { number, is_repeat: true })
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Waits until message `number` is where `acknowledge` wants it; gives the receiver's answer if there is one.
    pub(crate) async fn wait(&self, number: u64, acknowledge: Acknowledge) -> Option<Bytes> {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            {
                let state = self.state();
                let finished = state.finished.iter().find(|(finished, ..)| *finished == number);
                match acknowledge {
                    _ if finished.is_some() => return finished.map(|(.., answer)| answer.clone()),
                    // Finished so long ago that its answer was forgotten.
                    _ if !state.waiting.contains_key(&number) => return None,
                    Acknowledge::Near => return None,
                    Acknowledge::Far if state.stored >= number => return None,
                    Acknowledge::Far | Acknowledge::Receiver => {}
                }
            }
            // The sender of changes lives as long as this queue.
            let _ = changed.changed().await;
        }
    }

    /// Talks with the clinic end through `stream` until it is over.
    pub(crate) async fn talk(&self, stream: Stream) {
        let (sender, receiver) = stream.split();
        let mut ear = Ear::new(receiver);
        let hello = {
            let state = self.state();
            Saying::Hello { queue: state.queue, first: state.first() }
        };
        if !say(&sender, &hello).await {
            return;
        }
        let Some(Saying::Welcome { stored }) = ear.next().await else { return };
        self.is_stored(stored);
        let sending = async {
            let mut changed = self.changed.subscribe();
            let mut next = stored + 1;
            loop {
                changed.borrow_and_update();
                loop {
                    let message = {
                        let state = self.state();
                        let first = state.first();
                        state
                            .waiting
                            .range(next..=state.synced.max(next))
                            .next()
                            .filter(|(number, _)| **number <= state.synced)
                            .map(|(number, bytes)| {
                                (*number, Saying::Message { number: *number, first, bytes: bytes.clone() })
                            })
                    };
                    let Some((number, message)) = message else { break };
                    if !say(&sender, &message).await {
                        return;
                    }
                    next = number + 1;
                }
                let _ = changed.changed().await;
            }
        };
        let hearing = async {
            while let Some(saying) = ear.next().await {
                match saying {
                    Saying::Stored { number } => self.is_stored(number),
                    Saying::Delivered { number, answer } => self.is_finished(number, answer).await,
                    _ => return,
                }
            }
        };
        tokio::select! {
            () = sending => {}
            () = hearing => {}
        }
    }

    fn is_stored(&self, number: u64) {
        let mut state = self.state();
        state.stored = state.stored.max(number);
        drop(state);
        self.tell();
    }

    async fn is_finished(&self, number: u64, answer: Bytes) {
        let written = {
            let mut state = self.state();
            if !state.waiting.contains_key(&number) {
                return;
            }
            state.written += answer.len();
            let written = self.journal.append(FINISHED, number, answer.to_vec());
            state.finish(number, answer);
            if state.written > REWRITE_BYTES && state.waiting.len() < MESSAGES_MAX / 100 {
                state.written = 0;
                self.journal.rewrite(state.snapshot());
            }
            written
        };
        counters::subtract(&self.counters.messages_waiting, 1);
        // When the disk fails, the message is sent again after a restart, and the clinic end knows it.
        let _ = written.await;
        self.tell();
    }
}

impl State {
    fn first(&self) -> u64 {
        self.waiting.keys().next().copied().unwrap_or(self.last + 1)
    }

    fn enter(&mut self, number: u64, digest: Digest, message: Bytes) {
        self.last = self.last.max(number);
        self.waiting_bytes += message.len();
        self.numbers.insert(digest, number);
        self.waiting.insert(number, message);
    }

    fn finish(&mut self, number: u64, answer: Bytes) {
        let Some(message) = self.waiting.remove(&number) else { return };
        self.waiting_bytes -= message.len();
        self.remember(number, *blake3::hash(&message).as_bytes(), answer);
    }

    fn remember(&mut self, number: u64, digest: Digest, answer: Bytes) {
        self.last = self.last.max(number);
        if settles(&answer) {
            self.numbers.insert(digest, number);
        } else {
            self.numbers.remove(&digest);
        }
        self.finished.push_back((number, digest, answer));
        while self.finished.len() > REMEMBERED_MAX {
            if let Some((number, digest, _)) = self.finished.pop_front()
                && self.numbers.get(&digest) == Some(&number)
            {
                self.numbers.remove(&digest);
            }
        }
    }

    /// Takes an entry of the journal.
    fn take(&mut self, entry: Entry) {
        match entry.kind {
            QUEUE if entry.number != 0 => {
                self.queue = entry.number;
                if let Some(last) = entry.bytes.first_chunk::<8>() {
                    self.last = u64::from_be_bytes(*last);
                }
            }
            MESSAGE => {
                let digest = *blake3::hash(&entry.bytes).as_bytes();
                self.enter(entry.number, digest, Bytes::from(entry.bytes));
            }
            FINISHED if self.waiting.contains_key(&entry.number) => {
                self.finish(entry.number, Bytes::from(entry.bytes));
            }
            // Of a journal that was written anew: the digest stands before the answer.
            FINISHED => {
                if let Some((digest, answer)) = entry.bytes.split_first_chunk::<32>() {
                    self.remember(entry.number, *digest, Bytes::copy_from_slice(answer));
                }
            }
            _ => {}
        }
    }

    /// Everything that is still of use.
    fn snapshot(&self) -> Vec<Entry> {
        let mut entries =
            vec![Entry { kind: QUEUE, number: self.queue, bytes: self.last.to_be_bytes().to_vec() }];
        entries.extend(self.finished.iter().map(|(number, digest, answer)| Entry {
            kind: FINISHED,
            number: *number,
            bytes: [&digest[..], answer].concat(),
        }));
        let waiting = self.waiting.iter();
        entries.extend(waiting.map(|(number, bytes)| Entry {
            kind: MESSAGE,
            number: *number,
            bytes: bytes.to_vec(),
        }));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"MSH|^~\\&|MON|ICU|EHR|H|1||ORU^R01|7|P|2.5\rOBX|1|NM|HR||72\r";

    fn queue(path: &Path) -> Outgoing {
        Outgoing::open(path, &Arc::new(Counters::default())).unwrap()
    }

    #[tokio::test]
    async fn repeats_are_known_after_a_restart_and_refused_messages_may_come_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let first = queue(&path);
        let message = Bytes::from_static(MESSAGE);
        assert_eq!(first.take(message.clone()).await, Ok(Taken { number: 1, is_repeat: false }));
        assert_eq!(first.take(message.clone()).await, Ok(Taken { number: 1, is_repeat: true }));
        assert_eq!(first.wait(1, Acknowledge::Near).await, None);
        drop(first);
        let second = queue(&path);
        assert_eq!(second.take(message.clone()).await, Ok(Taken { number: 1, is_repeat: true }));
        // The receiver was not ready: its word is given on, and the message may come again.
        let not_now = Bytes::from(crate::inspect::answer(MESSAGE, "AE", "not now"));
        second.is_finished(1, not_now.clone()).await;
        assert_eq!(second.wait(1, Acknowledge::Receiver).await, Some(not_now));
        assert_eq!(second.take(message.clone()).await, Ok(Taken { number: 2, is_repeat: false }));
        let accepted = Bytes::from(crate::inspect::answer(MESSAGE, "AA", ""));
        second.is_finished(2, accepted.clone()).await;
        drop(second);
        let third = queue(&path);
        assert!(third.is_empty());
        assert_eq!(third.take(message).await, Ok(Taken { number: 2, is_repeat: true }));
        assert_eq!(third.wait(2, Acknowledge::Receiver).await, Some(accepted));
    }

    #[tokio::test]
    async fn a_full_queue_takes_nothing_more() {
        let directory = tempfile::tempdir().unwrap();
        let queue = queue(&directory.path().join("journal"));
        assert_eq!(queue.take(Bytes::from(vec![b'x'; BYTES_MAX + 1])).await, Err(NotTaken::Full));
        assert!(queue.take(Bytes::from_static(MESSAGE)).await.is_ok());
    }
}
