//! From a source of frames into the store: read, conclude, store, and only then tell.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use wardline_assess::Changes;
use wardline_capture::{Filter, Frame, LiveRing, MergedCapture};
use wardline_console::{Live, SensorState, SensorStatus};
use wardline_model::{Record, Timestamp};
use wardline_store::{Batch, Progress, Store};

use crate::analyze::shown;
use crate::engine::Engine;

/// Longest time between two batches: how stale the console may be.
pub(crate) const BATCH_TIME: Duration = Duration::from_millis(500);
/// Frames after which a batch is due, however fast they come.
pub(crate) const BATCH_FRAMES: u64 = 16_384;
/// Longest sleep, so that an order to stop is heard.
pub(crate) const NAP: Duration = Duration::from_millis(50);

/// Batches of frames that may wait between the rings and the pipeline.
const BATCHES_WAITING: usize = 64;
/// Bytes of frames in a batch, and the longest time that a batch is held back.
const RING_BATCH_BYTES: usize = 256 * 1024;
const RING_BATCH_TIME: Duration = Duration::from_millis(20);

/// Set when the program shall end.
pub(crate) type Stop = Arc<AtomicBool>;

/// One run into the store.
pub(crate) struct Feeder {
    pub engine: Engine,
    pub store: Arc<dyn Store>,
    pub live: Live,
    pub filter: Option<Filter>,
    /// Print every record as it is acknowledged.
    pub json: bool,
    pub stop: Stop,
    told: Told,
}

/// What was told to the store so far.
struct Told {
    at: Instant,
    frames: u64,
    packets: u64,
    bytes: u64,
    dropped: u64,
    dropped_now: u64,
}

/// How fast recorded time passes.
pub(crate) struct Pace {
    speed: f64,
    began: Option<(Instant, i64)>,
}

impl Feeder {
    pub(crate) fn new(
        engine: Engine,
        store: Arc<dyn Store>,
        live: Live,
        filter: Option<Filter>,
        stop: Stop,
    ) -> Self {
        let told = Told { at: Instant::now(), frames: 0, packets: 0, bytes: 0, dropped: 0, dropped_now: 0 };
        Self { engine, store, live, filter, json: false, stop, told }
    }

    /// Reads capture files to their end. Returns what could not be read, one line each.
    pub(crate) fn replay(&mut self, captures: &[PathBuf], speed: f64) -> Result<Vec<String>> {
        let names: Vec<_> = captures.iter().map(|path| shown(path)).collect();
        for (number, name) in names.iter().enumerate() {
            self.engine.name_capture(u32::try_from(number)?, name);
        }
        self.begin(SensorState::Replay, names);
        let mut capture = MergedCapture::open(captures);
        let mut pace = Pace::new(speed);
        while !self.stopped() {
            let Some(frame) = capture.next_frame() else { break };
            self.wait(&mut pace, frame.time_ns)?;
            self.frame(frame)?;
        }
        self.end()?;
        let errors: Vec<_> = capture.take_errors().iter().map(ToString::to_string).collect();
        self.report_problem(errors.first().cloned());
        Ok(errors)
    }

    /// Listens to an interface until the program shall end. Every ring is read in a thread of its own.
    pub(crate) fn watch(&mut self, rings: Vec<LiveRing>, interface: &str) -> Result<()> {
        self.engine.name_capture(0, interface);
        self.begin(SensorState::Live, vec![interface.to_owned()]);
        let (taken, readers) = read_rings(rings, &self.stop)?;
        let mut dropped = vec![0; readers.len()];
        let mut number = 0;
        let mut problem = None;
        while !self.stopped() {
            match taken.recv_timeout(NAP) {
                Ok(Taken::Frames(batch)) => {
                    for frame in batch.frames() {
                        number += 1;
                        // Numbers are of the interface, not of one of its rings.
                        self.read(Frame { number, ..frame })?;
                    }
                }
                Ok(Taken::Dropped { ring, count }) => {
                    dropped.extend((dropped.len()..=ring).map(|_| 0));
                    dropped[ring] = count;
                    self.told.dropped_now = dropped.iter().sum();
                }
                Ok(Taken::Failed(error)) => {
                    problem = Some(error);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => self.engine.idle_until(wall_clock()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tell_when_due()?;
        }
        drop(taken);
        for reader in readers {
            if reader.join().is_err() {
                problem.get_or_insert_with(|| anyhow::anyhow!("a thread that reads frames broke off"));
            }
        }
        self.end()?;
        self.report_problem(problem.as_ref().map(ToString::to_string));
        problem.map_or(Ok(()), Err)
    }

    /// Lives in the simulated hospital until the program shall end.
    pub(crate) fn simulate(&mut self, hospital: wardline_lab::Hospital, speed: f64) -> Result<()> {
        self.engine.name_capture(0, "simulated hospital");
        self.begin(SensorState::Simulation, vec!["simulated hospital".to_owned()]);
        let mut pace = Pace::new(speed);
        for (number, frame) in (1..).zip(hospital) {
            if self.stopped() {
                break;
            }
            self.wait(&mut pace, frame.time_ns)?;
            self.frame(Frame {
                file: 0,
                number,
                time_ns: frame.time_ns,
                link_type: wardline_capture::link_type::ETHERNET,
                captured: &frame.bytes,
                original_length: u32::try_from(frame.bytes.len())?,
            })?;
        }
        self.end()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn begin(&self, state: SensorState, sources: Vec<String>) {
        self.live.set_sensor(SensorStatus {
            state,
            sources,
            started: Some(wall_clock()),
            ..SensorStatus::default()
        });
    }

    fn report_problem(&self, problem: Option<String>) {
        if problem.is_some() {
            self.live.set_sensor(SensorStatus { problem, ..self.live.sensor() });
        }
    }

    fn read(&mut self, frame: Frame<'_>) -> Result<()> {
        self.told.frames += 1;
        let wanted = match &mut self.filter {
            Some(filter) => filter.matches(&frame)?,
            None => true,
        };
        if wanted {
            self.engine.read(frame);
        }
        Ok(())
    }

    fn frame(&mut self, frame: Frame<'_>) -> Result<()> {
        self.read(frame)?;
        // Asking the clock for every frame would cost more than reading it.
        if self.told.frames.is_multiple_of(64) { self.tell_when_due() } else { Ok(()) }
    }

    /// Waits until it is time for a frame; what was concluded meanwhile is told meanwhile.
    fn wait(&mut self, pace: &mut Pace, time_ns: i64) -> Result<()> {
        while let Some(left) = pace.left(time_ns).filter(|_| !self.stopped()) {
            self.tell_when_due()?;
            std::thread::sleep(left.min(NAP));
        }
        Ok(())
    }

    fn tell_when_due(&mut self) -> Result<()> {
        if self.told.at.elapsed() < BATCH_TIME && self.told.frames < BATCH_FRAMES {
            return Ok(());
        }
        let changes = self.engine.drain();
        self.tell(changes)
    }

    /// Stores what changed, and tells it only when it is on disk.
    fn tell(&mut self, changes: Changes) -> Result<()> {
        let span = self.engine.span();
        let progress = Progress {
            packets: span.packets - self.told.packets,
            bytes: span.bytes - self.told.bytes,
            newest: span.end,
            dropped: self.told.dropped_now - self.told.dropped,
        };
        self.told = Told {
            at: Instant::now(),
            frames: 0,
            packets: span.packets,
            bytes: span.bytes,
            dropped: self.told.dropped_now,
            dropped_now: self.told.dropped_now,
        };
        let Changes { devices, findings, exposures, flows, edges } = changes;
        let nothing_new = progress.packets == 0 && progress.dropped == 0;
        let batch = Batch { devices, findings, exposures, flows, edges, progress, ..Batch::default() };
        if nothing_new && (Batch { progress: Progress::default(), ..batch.clone() }).is_empty() {
            return Ok(());
        }
        let acknowledged = self.store.append(&batch)?;
        self.live.acknowledged(&batch, acknowledged);
        let (undecoded, over_limit) = self.engine.refusals();
        self.live.set_sensor(SensorStatus { undecoded, over_limit, ..self.live.sensor() });
        if self.json { print(batch) } else { Ok(()) }
    }

    fn end(&mut self) -> Result<()> {
        let mut last = Vec::new();
        self.engine.finish(|changes| {
            last.push(changes);
            Ok(())
        })?;
        for changes in last {
            self.tell(changes)?;
        }
        self.live.set_sensor(SensorStatus { state: SensorState::AtRest, ..self.live.sensor() });
        Ok(())
    }
}

/// Reads every ring in a thread of its own.
pub(crate) fn read_rings(
    rings: Vec<LiveRing>,
    stop: &Stop,
) -> Result<(Receiver<Taken>, Vec<JoinHandle<()>>)> {
    let (frames, taken) = crossbeam_channel::bounded(BATCHES_WAITING);
    let readers: Vec<_> = rings
        .into_iter()
        .enumerate()
        .map(|ring| {
            let (frames, stop) = (frames.clone(), Arc::clone(stop));
            std::thread::Builder::new().name("ring".to_owned()).spawn(move || read_ring(ring, &frames, &stop))
        })
        .collect::<std::io::Result<_>>()?;
    Ok((taken, readers))
}

/// What a thread that reads a ring has to say.
pub(crate) enum Taken {
    Frames(RingBatch),
    Dropped { ring: usize, count: u64 },
    Failed(anyhow::Error),
}

/// Frames copied out of a ring, so that the kernel has its room back.
#[derive(Default)]
pub(crate) struct RingBatch {
    bytes: Vec<u8>,
    heads: Vec<RingHead>,
}

struct RingHead {
    time_ns: i64,
    link_type: u16,
    original_length: u32,
    place: std::ops::Range<usize>,
}

impl RingBatch {
    fn push(&mut self, frame: &Frame<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.captured);
        self.heads.push(RingHead {
            time_ns: frame.time_ns,
            link_type: frame.link_type,
            original_length: frame.original_length,
            place: start..self.bytes.len(),
        });
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.heads.iter().map(|head| Frame {
            file: 0,
            number: 0,
            time_ns: head.time_ns,
            link_type: head.link_type,
            captured: self.bytes.get(head.place.clone()).unwrap_or_default(),
            original_length: head.original_length,
        })
    }
}

/// Reads a ring until the program shall end. A send that fails means that nobody listens any more.
fn read_ring((ring, mut source): (usize, LiveRing), frames: &Sender<Taken>, stop: &AtomicBool) {
    let mut batch = RingBatch::default();
    let mut begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let idle = match source.next_frame(RING_BATCH_TIME) {
            Ok(Some(frame)) => {
                batch.push(&frame);
                false
            }
            Ok(None) => true,
            Err(error) => {
                let _ = frames.send(Taken::Failed(error.into()));
                return;
            }
        };
        if !idle && batch.bytes.len() < RING_BATCH_BYTES && begun.elapsed() < RING_BATCH_TIME {
            continue;
        }
        begun = Instant::now();
        let count = source.counters().map_or(0, |counters| counters.dropped);
        let told = frames.send(Taken::Dropped { ring, count }).is_ok()
            && (batch.heads.is_empty() || frames.send(Taken::Frames(std::mem::take(&mut batch))).is_ok());
        if !told {
            return;
        }
    }
}

fn print(batch: Batch) -> Result<()> {
    use std::io::Write as _;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    let flows = batch.flows.into_iter().map(|flow| Record::Flow(Box::new(flow)));
    let devices = batch.devices.into_iter().map(|device| Record::Device(Box::new(device)));
    let findings = batch.findings.into_iter().map(|finding| Record::Finding(Box::new(finding)));
    let exposures = batch.exposures.into_iter().map(|exposure| Record::Exposure(Box::new(exposure)));
    for record in flows.chain(devices).chain(findings).chain(exposures) {
        serde_json::to_writer(&mut output, &record).map_err(std::io::Error::from)?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

/// Now, as a capture on this machine would stamp it.
pub(crate) fn wall_clock() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

impl Pace {
    pub(crate) const fn new(speed: f64) -> Self {
        Self { speed, began: None }
    }

    /// How long until a frame of this time is due; `None` when it is. A speed of 0 never waits.
    pub(crate) fn left(&mut self, time_ns: i64) -> Option<Duration> {
        if self.speed <= 0.0 {
            return None;
        }
        let (began, first) = *self.began.get_or_insert_with(|| (Instant::now(), time_ns));
        let recorded = Duration::from_nanos(u64::try_from(time_ns.saturating_sub(first)).unwrap_or(0));
        recorded.div_f64(self.speed).checked_sub(began.elapsed()).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_waits_for_the_future_only() {
        let mut pace = Pace::new(2.0);
        assert_eq!(pace.left(1_000), None, "the first frame is due at once");
        let left = pace.left(20_000_001_000).unwrap();
        assert!(left > Duration::from_secs(9) && left <= Duration::from_secs(10), "{left:?}");
        assert_eq!(pace.left(0), None, "a frame of the past is due");
        assert_eq!(Pace::new(0.0).left(i64::MAX), None);
    }
}
