//! The pipeline: frames in, observations out, in the order of packets, whoever does the work.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::slice::SliceIndex;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use wardline_model::{DigestAlgorithms, Observation, PseudonymKey, Sighting, Subject, Timestamp};

use crate::batch::{Batch, Item};
use crate::counters::Counters;
use crate::frame::Frame;
use crate::front::Front;
use crate::limits::{Limits, SHARDS};
use crate::shard::{Guess, Making, Shard};

const SECOND: i64 = 1_000_000_000;
/// Packets in a batch: enough to make its hand-over cheap, few enough to stay in the cache.
const BATCH_PACKETS: usize = 1_024;
/// Batches that are on their way to a worker at the same time.
const BATCHES_AHEAD: usize = 2;
/// Packets that wait until they are worked off together, where one thread does all.
const WAITING_MAX: usize = 64;
/// How many packets before it is read a conversation is asked for: see [`Worker::read`]. Fewer would wait for memory, more
/// would push the first out of the cache again.
const STEPS_AHEAD: usize = 16;

/// What a pipeline is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much may be kept.
    pub limits: Limits,
    /// Under which patients and accounts become pseudonyms.
    pub key: PseudonymKey,
    /// Threads besides the caller's; 0 and 1 mean none.
    pub workers: u16,
    /// Addresses of life-sustaining devices: their conversations are the last to go when room must be made.
    pub protected: BTreeSet<IpAddr>,
    /// Which digests are made of files that go over the network. Each costs time for each of their bytes.
    pub digests: DigestAlgorithms,
}

impl Settings {
    /// The defaults.
    pub fn new(key: PseudonymKey) -> Self {
        Self {
            limits: Limits::default(),
            key,
            workers: 1,
            protected: BTreeSet::new(),
            digests: DigestAlgorithms::default(),
        }
    }
}

/// Frames to observations.
pub struct Pipeline {
    front: Front,
    work: Work,
    now: Timestamp,
    /// Begin of the second after the newest frame.
    next_second: Timestamp,
    newest: Sighting,
}

enum Work {
    Inline(Box<Inline>),
    Threads(Box<Threads>),
}

impl Pipeline {
    /// A pipeline that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        // Nobody outside can know the seed, so nobody can make addresses that collide; the same key gives the same
        // seed, so that a run can be repeated.
        let seed = settings.key.pseudonym(Subject::Message, b"hash seed of conversations").bits() as u64;
        let making = Making {
            limits: settings.limits,
            key: settings.key,
            protected: Arc::new(settings.protected),
            digests: settings.digests,
        };
        let work = if settings.workers > 1 {
            Work::Threads(Box::new(Threads::start(&making, usize::from(settings.workers).min(SHARDS))))
        } else {
            Work::Inline(Box::new(Inline { worker: Worker::new(0, 1, &making), batch: Batch::default() }))
        };
        Self {
            front: Front::new(settings.limits, seed),
            work,
            now: Timestamp::from_nanoseconds(i64::MIN),
            next_second: Timestamp::from_nanoseconds(i64::MIN),
            newest: Sighting::default(),
        }
    }

    /// Reads a frame. What is told may be of earlier frames; [`Self::flush`] tells what is left.
    pub fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Observation>) {
        let tick = frame.time > self.now && frame.time >= self.next_second;
        if tick {
            let time = frame.time.nanoseconds();
            let left = SECOND - time.rem_euclid(SECOND);
            self.next_second = Timestamp::from_nanoseconds(time.saturating_add(left));
        }
        self.now = self.now.max(frame.time);
        self.newest = Sighting { time: self.now, capture: frame.capture, packet: frame.number };
        let tick = tick.then_some(self.newest);
        match &mut self.work {
            Work::Inline(inline) => inline.push(tick, &mut self.front, &frame, out),
            Work::Threads(threads) => {
                threads.push(tick, &mut self.front, &frame);
                if threads.batch.frames >= BATCH_PACKETS {
                    threads.send(out);
                }
            }
        }
    }

    /// Ends every conversation. The pipeline can be used on; it then begins anew.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        self.finish_in_parts(out, |_| {});
    }

    /// Ends every conversation, a part of them at a time: `hand_on` may take what was told so far out of the list, so
    /// that the ends of a million conversations need not be held at once.
    pub fn finish_in_parts(
        &mut self,
        out: &mut Vec<Observation>,
        mut hand_on: impl FnMut(&mut Vec<Observation>),
    ) {
        self.flush(out);
        hand_on(out);
        for shard in 0..SHARDS {
            match &mut self.work {
                Work::Inline(inline) => inline.finish(shard, self.newest, out),
                Work::Threads(threads) => threads.finish(shard, self.newest, out),
            }
            hand_on(out);
        }
    }

    /// Tells what was held back for the sake of order, as when no frame comes for a while.
    pub fn flush(&mut self, out: &mut Vec<Observation>) {
        match &mut self.work {
            Work::Inline(inline) => inline.work(out),
            Work::Threads(threads) => {
                threads.send(out);
                threads.collect_all(out);
            }
        }
    }

    /// What could not be read, and what was refused, so far. With several workers, counts of conversations are told
    /// when a batch comes back.
    pub fn counters(&self) -> Counters {
        let mut counters = self.front.counters.clone();
        match &self.work {
            Work::Inline(inline) => counters.merge(&inline.worker.counters()),
            Work::Threads(threads) => {
                threads.counters.iter().for_each(|worker| counters.merge(worker));
            }
        }
        counters
    }
}

/// The caller's thread does all the work.
struct Inline {
    worker: Worker,
    batch: Batch,
}

impl Inline {
    fn push(
        &mut self,
        tick: Option<Sighting>,
        front: &mut Front,
        frame: &Frame<'_>,
        out: &mut Vec<Observation>,
    ) {
        if let Some(sighting) = tick {
            self.batch.add(Item::Tick(sighting));
        }
        let (told, waiting) = (out.len(), self.batch.work.len());
        front.frame(frame, out, &mut self.batch);
        if out.len() > told {
            // What waits is of earlier frames, and is told before; a packet of this one is told behind.
            let of_front = out.split_off(told);
            self.worker.read(&self.batch, ..waiting, out, |_, _, _| {});
            out.extend(of_front);
            self.worker.read(&self.batch, waiting.., out, |_, _, _| {});
            self.batch.clear();
        } else if self.batch.work.len() >= WAITING_MAX {
            self.work(out);
        }
    }

    fn work(&mut self, out: &mut Vec<Observation>) {
        self.worker.read(&self.batch, .., out, |_, _, _| {});
        self.batch.clear();
    }

    fn finish(&mut self, shard: usize, newest: Sighting, out: &mut Vec<Observation>) {
        self.batch.add(Item::Finish { shard: shard as u16, newest });
        self.work(out);
    }
}

/// What a worker made of a batch. An observation stands at twice the place of its packet, plus one; what a tick before
/// that packet led to stands at twice its place; then by shard.
struct Answer {
    told: Vec<(u32, u16, Observation)>,
    counters: Counters,
}

/// Where an observation of the front stands among those of the shards: before them.
const FRONT: u16 = 0;

struct Threads {
    batch: Batch,
    front_told: Vec<(u32, u16, Observation)>,
    scratch: Vec<Observation>,
    to_workers: Vec<Sender<Arc<Batch>>>,
    from_workers: Vec<Receiver<Answer>>,
    /// What the front told in batches that are on their way.
    on_the_way: std::collections::VecDeque<Vec<(u32, u16, Observation)>>,
    counters: Vec<Counters>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn start(making: &Making, workers: usize) -> Self {
        let mut threads = Self {
            batch: Batch::default(),
            front_told: Vec::new(),
            scratch: Vec::new(),
            to_workers: Vec::new(),
            from_workers: Vec::new(),
            on_the_way: std::collections::VecDeque::new(),
            counters: vec![Counters::default(); workers],
            handles: Vec::new(),
        };
        for worker in 0..workers {
            let (to_worker, batches) = bounded::<Arc<Batch>>(BATCHES_AHEAD);
            let (answers, from_worker) = bounded(BATCHES_AHEAD + 1);
            let making = making.clone();
            let run = move || work(Worker::new(worker, workers, &making), &batches, &answers);
            let spawned = std::thread::Builder::new().name(format!("flows-{worker}")).spawn(run);
            threads.to_workers.push(to_worker);
            threads.from_workers.push(from_worker);
            threads.handles.extend(spawned.ok());
        }
        threads
    }

    fn push(&mut self, tick: Option<Sighting>, front: &mut Front, frame: &Frame<'_>) {
        let place = self.batch.frames as u32;
        if let Some(sighting) = tick {
            self.batch.add(Item::Tick(sighting));
        }
        front.frame(frame, &mut self.scratch, &mut self.batch);
        self.front_told.extend(self.scratch.drain(..).map(|told| (2 * place + 1, FRONT, told)));
        self.batch.frames += 1;
    }

    /// Hands the batch to the workers, and takes what they made of an earlier one.
    fn send(&mut self, out: &mut Vec<Observation>) {
        if self.batch.frames == 0 {
            return;
        }
        let batch = Arc::new(std::mem::take(&mut self.batch));
        self.on_the_way.push_back(std::mem::take(&mut self.front_told));
        for worker in &self.to_workers {
            // A worker ends only when this sender is dropped.
            let _ = worker.send(Arc::clone(&batch));
        }
        while self.on_the_way.len() > BATCHES_AHEAD {
            self.collect(out);
        }
    }

    fn collect_all(&mut self, out: &mut Vec<Observation>) {
        while !self.on_the_way.is_empty() {
            self.collect(out);
        }
    }

    /// Puts what all workers made of the oldest batch in order.
    fn collect(&mut self, out: &mut Vec<Observation>) {
        let Some(mut told) = self.on_the_way.pop_front() else { return };
        for (worker, counters) in self.from_workers.iter().zip(&mut self.counters) {
            if let Ok(answer) = worker.recv() {
                told.extend(answer.told);
                *counters = answer.counters;
            }
        }
        // Stable: what one shard told of one packet stays in its order.
        told.sort_by_key(|(place, shard, _)| (*place, *shard));
        out.extend(told.into_iter().map(|(_, _, observation)| observation));
    }

    fn finish(&mut self, shard: usize, newest: Sighting, out: &mut Vec<Observation>) {
        self.batch.add(Item::Finish { shard: shard as u16, newest });
        self.batch.frames += 1;
        self.send(out);
        self.collect_all(out);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.to_workers.clear();
        self.from_workers.clear();
        for handle in self.handles.drain(..) {
            // A worker that broke off has nothing more to say.
            let _ = handle.join();
        }
    }
}

/// Whoever works: its shards are those whose number leaves its own number as remainder.
struct Worker {
    /// By number; those of others are none. To find one takes no division, which each packet would pay for.
    shards: Vec<Option<Shard>>,
}

impl Worker {
    fn new(number: usize, workers: usize, making: &Making) -> Self {
        let mine = |shard: usize| shard % workers == number;
        Self { shards: (0..SHARDS).map(|shard| mine(shard).then(|| Shard::new(making.clone()))).collect() }
    }

    fn shard(&self, shard: u16) -> Option<&Shard> {
        self.shards.get(usize::from(shard))?.as_ref()
    }

    fn shard_mut(&mut self, shard: u16) -> Option<&mut Shard> {
        self.shards.get_mut(usize::from(shard))?.as_mut()
    }

    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        self.shards.iter().flatten().for_each(|shard| counters.merge(shard.counters()));
        counters
    }

    /// Works off a part of a batch. `told` is called after each step that may have told something, with where it stands.
    ///
    /// Very many conversations lie far from the processor, and to find one takes several steps that wait for each
    /// other. So each step only asks for the memory that the next one needs, some packets ahead of it.
    fn read(
        &mut self,
        batch: &Batch,
        part: impl SliceIndex<[(u32, Item)], Output = [(u32, Item)]>,
        out: &mut Vec<Observation>,
        mut told: impl FnMut(u32, u16, &mut Vec<Observation>),
    ) {
        let work = batch.work.get(part).unwrap_or_default();
        let mut indexed = work.iter();
        let mut guessed = work.iter();
        indexed.by_ref().take(2 * STEPS_AHEAD).for_each(|(_, item)| self.fetch(item));
        let mut guesses = [Guess::NONE; STEPS_AHEAD];
        for (guess, (_, item)) in guesses.iter_mut().zip(guessed.by_ref()) {
            *guess = self.guess(item);
        }
        for ((place, item), slot) in work.iter().zip((0..STEPS_AHEAD).cycle()) {
            if let Some((_, item)) = indexed.next() {
                self.fetch(item);
            }
            let next = guessed.next().map_or(Guess::NONE, |(_, item)| self.guess(item));
            let guess = guesses.get_mut(slot).map_or(Guess::NONE, |slot| std::mem::replace(slot, next));
            self.item(batch, *place, (item, guess), out, &mut told);
        }
    }

    /// Asks for what tells where the conversation of a packet lies.
    fn fetch(&self, item: &Item) {
        if let Item::Packet { shard, packet, .. } = item
            && let Some(shard) = self.shard(*shard)
        {
            shard.fetch(packet);
        }
    }

    /// Guesses where the conversation of a packet lies, and asks for it.
    fn guess(&self, item: &Item) -> Guess {
        match item {
            Item::Packet { shard, packet, .. } => {
                self.shard(*shard).map_or(Guess::NONE, |shard| shard.guess(packet))
            }
            Item::Tick(_) | Item::Finish { .. } => Guess::NONE,
        }
    }

    fn item(
        &mut self,
        batch: &Batch,
        place: u32,
        (item, guess): (&Item, Guess),
        out: &mut Vec<Observation>,
        told: &mut impl FnMut(u32, u16, &mut Vec<Observation>),
    ) {
        match item {
            Item::Packet { shard: number, packet, payload } => {
                let Some(shard) = self.shard_mut(*number) else { return };
                shard.packet(packet, batch.payload(payload), guess, out);
                told(2 * place + 1, *number + 1, out);
            }
            Item::Tick(sighting) => {
                for (shard, number) in self.shards.iter_mut().zip(1..) {
                    if let Some(shard) = shard {
                        shard.tick(*sighting, out);
                        told(2 * place, number, out);
                    }
                }
            }
            Item::Finish { shard: number, newest } => {
                let Some(shard) = self.shard_mut(*number) else { return };
                shard.finish(*newest, out);
                told(2 * place, *number + 1, out);
            }
        }
    }
}

/// The thread of a worker.
fn work(mut worker: Worker, batches: &Receiver<Arc<Batch>>, answers: &Sender<Answer>) {
    let mut scratch = Vec::new();
    for batch in batches {
        let mut told = Vec::new();
        worker.read(&batch, .., &mut scratch, |place, shard, scratch| {
            told.extend(scratch.drain(..).map(|observation| (place, shard, observation)));
        });
        if answers.send(Answer { told, counters: worker.counters() }).is_err() {
            return;
        }
    }
}
