//! The pipeline: frames in, observations out, in the order of packets, whoever does the work.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use wardline_model::{Observation, PseudonymKey, Sighting, Subject, Timestamp};

use crate::counters::Counters;
use crate::frame::Frame;
use crate::front::{Front, Routed};
use crate::limits::{Limits, SHARDS};
use crate::shard::{Making, Packet, Shard};

const SECOND: i64 = 1_000_000_000;
/// Packets in a batch: enough to make its hand-over cheap, few enough to stay in the cache.
const BATCH_PACKETS: usize = 1_024;
/// Batches that are on their way to a worker at the same time.
const BATCHES_AHEAD: usize = 2;

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
}

impl Settings {
    /// The defaults.
    pub fn new(key: PseudonymKey) -> Self {
        Self { limits: Limits::default(), key, workers: 1, protected: BTreeSet::new() }
    }
}

/// Frames to observations.
pub struct Pipeline {
    front: Front,
    work: Work,
    now: Timestamp,
    newest: Sighting,
}

enum Work {
    Inline(Vec<Shard>),
    Threads(Box<Threads>),
}

impl Pipeline {
    /// A pipeline that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        // Nobody outside can know the seed, so nobody can make addresses that collide; the same key gives the same
        // seed, so that a run can be repeated.
        let seed = settings.key.pseudonym(Subject::Message, b"hash seed of conversations").bits() as u64;
        let making =
            Making { limits: settings.limits, key: settings.key, protected: Arc::new(settings.protected) };
        let work = if settings.workers > 1 {
            Work::Threads(Box::new(Threads::start(&making, usize::from(settings.workers).min(SHARDS))))
        } else {
            Work::Inline((0..SHARDS).map(|_| Shard::new(making.clone())).collect())
        };
        Self {
            front: Front::new(settings.limits, seed),
            work,
            now: Timestamp::from_nanoseconds(i64::MIN),
            newest: Sighting::default(),
        }
    }

    /// Reads a frame. What is told may be of earlier frames when there are several workers.
    pub fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Observation>) {
        let second = |time: Timestamp| time.nanoseconds().div_euclid(SECOND);
        let tick = frame.time > self.now
            && (self.now.nanoseconds() == i64::MIN || second(frame.time) > second(self.now));
        self.now = self.now.max(frame.time);
        self.newest = Sighting { time: self.now, capture: frame.capture, packet: frame.number };
        match &mut self.work {
            Work::Inline(shards) => {
                if tick {
                    shards.iter_mut().for_each(|shard| shard.tick(self.newest, out));
                }
                match self.front.frame(&frame, out) {
                    Routed::Told => {}
                    Routed::Packet(shard, packet) => {
                        if let Some(shard) = shards.get_mut(shard) {
                            shard.packet(&packet, out);
                        }
                    }
                    Routed::Whole(shard, packet, payload) => {
                        if let Some(shard) = shards.get_mut(shard) {
                            shard.packet(&Packet { payload: &payload, ..packet }, out);
                        }
                    }
                }
            }
            Work::Threads(threads) => {
                threads.push(tick.then_some(self.newest), &mut self.front, &frame);
                if threads.batch.items >= BATCH_PACKETS {
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
                Work::Inline(shards) => {
                    if let Some(shard) = shards.get_mut(shard) {
                        shard.finish(self.newest, out);
                    }
                }
                Work::Threads(threads) => threads.finish(shard, self.newest, out),
            }
            hand_on(out);
        }
    }

    /// Tells what was held back for the sake of order, as when no frame comes for a while.
    pub fn flush(&mut self, out: &mut Vec<Observation>) {
        if let Work::Threads(threads) = &mut self.work {
            threads.send(out);
            threads.collect_all(out);
        }
    }

    /// What could not be read, and what was refused, so far. With several workers, counts of conversations are told
    /// when a batch comes back.
    pub fn counters(&self) -> Counters {
        let mut counters = self.front.counters.clone();
        match &self.work {
            Work::Inline(shards) => shards.iter().for_each(|shard| counters.merge(shard.counters())),
            Work::Threads(threads) => {
                threads.counters.iter().for_each(|worker| counters.merge(worker));
            }
        }
        counters
    }
}

/// One thing for a shard to do.
enum Item {
    Packet { shard: u16, packet: Packet<'static>, payload: Range<usize> },
    Tick(Sighting),
    Finish { shard: u16, newest: Sighting },
}

/// Things to do in order, and what the front told meanwhile.
#[derive(Default)]
struct Batch {
    items: usize,
    work: Vec<(u32, Item)>,
    bytes: Vec<u8>,
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
            let run = move || work(worker, workers, &making, &batches, &answers);
            let spawned = std::thread::Builder::new().name(format!("flows-{worker}")).spawn(run);
            threads.to_workers.push(to_worker);
            threads.from_workers.push(from_worker);
            threads.handles.extend(spawned.ok());
        }
        threads
    }

    fn push(&mut self, tick: Option<Sighting>, front: &mut Front, frame: &Frame<'_>) {
        let place = self.batch.items as u32;
        self.batch.items += 1;
        if let Some(sighting) = tick {
            self.batch.work.push((place, Item::Tick(sighting)));
        }
        let routed = front.frame(frame, &mut self.scratch);
        self.front_told.extend(self.scratch.drain(..).map(|told| (2 * place + 1, FRONT, told)));
        let (shard, packet, payload) = match &routed {
            Routed::Told => return,
            Routed::Packet(shard, packet) => (*shard, *packet, packet.payload),
            Routed::Whole(shard, packet, payload) => (*shard, *packet, payload.as_slice()),
        };
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(payload);
        let payload = start..self.batch.bytes.len();
        let item = Item::Packet { shard: shard as u16, packet: Packet { payload: &[], ..packet }, payload };
        self.batch.work.push((place, item));
    }

    /// Hands the batch to the workers, and takes what they made of an earlier one.
    fn send(&mut self, out: &mut Vec<Observation>) {
        if self.batch.items == 0 {
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
        let place = self.batch.items as u32;
        self.batch.items += 1;
        self.batch.work.push((place, Item::Finish { shard: shard as u16, newest }));
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

/// A worker: its shards are those whose number leaves its own number as remainder.
fn work(
    worker: usize,
    workers: usize,
    making: &Making,
    batches: &Receiver<Arc<Batch>>,
    answers: &Sender<Answer>,
) {
    let mut shards: Vec<(u16, Shard)> =
        (worker..SHARDS).step_by(workers).map(|number| (number as u16, Shard::new(making.clone()))).collect();
    let mut scratch = Vec::new();
    for batch in batches {
        let mut told = Vec::new();
        for (place, item) in &batch.work {
            match item {
                Item::Packet { shard, packet, payload } => {
                    let number = usize::from(*shard);
                    if number % workers != worker {
                        continue;
                    }
                    if let Some((_, shard)) = shards.get_mut(number / workers) {
                        let payload = batch.bytes.get(payload.clone()).unwrap_or_default();
                        shard.packet(&Packet { payload, ..*packet }, &mut scratch);
                    }
                    told.extend(
                        scratch.drain(..).map(|observation| (2 * place + 1, *shard + 1, observation)),
                    );
                }
                Item::Tick(sighting) => {
                    for (number, shard) in &mut shards {
                        shard.tick(*sighting, &mut scratch);
                        told.extend(
                            scratch.drain(..).map(|observation| (2 * place, *number + 1, observation)),
                        );
                    }
                }
                Item::Finish { shard, newest } => {
                    let number = usize::from(*shard);
                    if number % workers == worker
                        && let Some((_, shard)) = shards.get_mut(number / workers)
                    {
                        shard.finish(*newest, &mut scratch);
                    }
                    told.extend(scratch.drain(..).map(|observation| (2 * place, *shard + 1, observation)));
                }
            }
        }
        let mut counters = Counters::default();
        shards.iter().for_each(|(_, shard)| counters.merge(shard.counters()));
        if answers.send(Answer { told, counters }).is_err() {
            return;
        }
    }
}
