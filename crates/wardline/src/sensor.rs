//! `wardline sensor`: frames to observations, and those to the site.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use crossbeam_channel::RecvTimeoutError;
use wardline_bus::{Counted, Link, Names, Parcel, Sensor, Spool, SpoolLimits};
use wardline_capture::{Filter, Frame, LiveRing, MergedCapture};
use wardline_flows::Pipeline;
use wardline_model::{Observation, Timestamp};

use crate::analyze::{filter, shown};
use crate::cli::{Broker, SensorArguments};
use crate::engine::{Making, flows_frame, pipeline};
use crate::feed::{BATCH_FRAMES, BATCH_TIME, NAP, Pace, Stop, Taken, read_rings, wall_clock};
use crate::serve::{asked_to_end, open_interface, runtime};
use crate::{Outcome, complain, intel, place};

/// Observations after which a parcel is full.
const OBSERVATIONS_MAX: usize = 8_192;
/// Frames may lie in the rings for so long before they are read, milliseconds.
const IN_THE_RINGS_MS: i64 = 200;
/// Longest wait for the first answer of the site, which tells the time.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &SensorArguments) -> Result<Outcome> {
    let filter = filter(arguments.filter.as_deref())?;
    if !arguments.speed.is_finite() || arguments.speed < 0.0 {
        bail!("--speed {}: use 1 for as recorded, 0 for as fast as possible", arguments.speed);
    }
    let state = place::state(arguments.state.as_deref())?;
    let key = arguments.key.clone().or_else(|| shared_key(&arguments.broker));
    let key = place::key(key.as_deref(), &state)?;
    let making = Making {
        site: Default::default(),
        key,
        workers: arguments.workers,
        indicators: intel::gather(&state, &arguments.intel)?.indicators,
        warning_lists: Vec::new(),
        policy: None,
    };
    let folder = arguments.spool.clone().unwrap_or_else(|| state.join("spool"));
    let limits = SpoolLimits { bytes: arguments.spool_mib << 20 };
    let spool = Spool::open(&folder, limits)?;
    let sensor = Arc::new(Sensor::new(&arguments.name, Names::new(&arguments.broker.site_name)?, spool)?);
    let rings = match &arguments.interface {
        Some(interface) => open_interface(interface, filter.clone(), arguments.workers)?,
        None => Vec::new(),
    };
    let (runtime, stop) = (runtime()?, Stop::default());
    let link = link(&arguments.broker);
    let sending = runtime.spawn(Arc::clone(&sensor).run(link, wall_clock));
    runtime.spawn({
        let stop = Arc::clone(&stop);
        async move {
            asked_to_end().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    let mut listener = Listener {
        pipeline: pipeline(&making),
        sensor,
        stop,
        observations: Vec::new(),
        counted: Counted::default(),
        names: BTreeMap::new(),
        until: Timestamp::from_nanoseconds(i64::MIN),
        clock_behind_ns: arguments.clock_behind.map(|seconds| (seconds * 1e9) as i64),
        live: arguments.interface.is_some(),
        room: limits.bytes,
        told: Instant::now(),
        frames: 0,
    };
    let outcome = match &arguments.interface {
        Some(interface) => {
            complain(&format!("sensor {} listens on {interface}; Ctrl-C ends", arguments.name));
            listener.watch(rings, interface).map(|()| Outcome::Done)
        }
        None => listener.replay(&arguments.replay, arguments.speed, filter),
    }?;
    listener.wait_for_the_site(|| sending.is_finished());
    if sending.is_finished()
        && let Ok(Err(error)) = runtime.block_on(sending)
    {
        return Err(error.into());
    }
    let waiting = listener.sensor.health().waiting;
    if waiting > 0 {
        complain(&format!(
            "{waiting} parcels wait in {} for the site; they are sent at the next start",
            folder.display()
        ));
    }
    Ok(outcome)
}

/// The site's secret, where `site sensors add` put it beside the certificate.
pub(crate) fn shared_key(broker: &Broker) -> Option<PathBuf> {
    broker.identity.as_ref().map(|folder| folder.join("pseudonym.key")).filter(|path| path.exists())
}

/// How the broker is reached, from the command line.
pub(crate) fn link(broker: &Broker) -> Link {
    let file = |name: &str| broker.identity.as_ref().map(|folder| folder.join(name));
    Link {
        servers: broker.servers.clone(),
        authority: file("authority.pem"),
        identity: file("certificate.pem").zip(file("key.pem")),
    }
}

struct Listener {
    pipeline: Pipeline,
    sensor: Arc<Sensor>,
    stop: Stop,
    observations: Vec<Observation>,
    counted: Counted,
    /// Names of captures that were not told yet.
    names: BTreeMap<u32, String>,
    until: Timestamp,
    clock_behind_ns: Option<i64>,
    live: bool,
    room: u64,
    told: Instant,
    frames: u64,
}

impl Listener {
    fn replay(&mut self, captures: &[PathBuf], speed: f64, mut filter: Option<Filter>) -> Result<Outcome> {
        for (number, path) in (0..).zip(captures) {
            self.names.insert(number, shown(path));
        }
        let mut capture = MergedCapture::open(captures);
        let mut pace = Pace::new(speed);
        while !self.stopped() {
            let Some(frame) = capture.next_frame() else { break };
            while let Some(left) = pace.left(frame.time_ns).filter(|_| !self.stopped()) {
                self.tell_when_due()?;
                std::thread::sleep(left.min(NAP));
            }
            let wanted = match &mut filter {
                Some(filter) => filter.matches(&frame)?,
                None => true,
            };
            if wanted {
                self.read(frame);
            }
            if self.frames.is_multiple_of(64) {
                self.tell_when_due()?;
            }
        }
        self.end()?;
        let errors: Vec<_> = capture.take_errors();
        errors.iter().for_each(|error| complain(&error.to_string()));
        Ok(if errors.is_empty() { Outcome::Done } else { Outcome::Incomplete })
    }

    fn watch(&mut self, rings: Vec<LiveRing>, interface: &str) -> Result<()> {
        self.names.insert(0, interface.to_owned());
        let began = Instant::now();
        while self.clock_behind_ns.is_none()
            && self.sensor.health().clock_behind_ns.is_none()
            && began.elapsed() < FIRST_ANSWER
            && !self.stopped()
        {
            std::thread::sleep(NAP);
        }
        let (taken, readers) = read_rings(rings, &self.stop)?;
        let mut dropped = vec![0_u64; readers.len()];
        let mut number = 0;
        let mut problem = None;
        while !self.stopped() {
            match taken.recv_timeout(NAP) {
                Ok(Taken::Frames(batch)) => {
                    for frame in batch.frames() {
                        number += 1;
                        self.read(Frame { number, ..frame });
                    }
                }
                Ok(Taken::Dropped { ring, count }) => {
                    if let Some(before) = dropped.get_mut(ring) {
                        self.counted.dropped += count.saturating_sub(*before);
                        *before = count;
                    }
                }
                Ok(Taken::Failed(error)) => {
                    problem = Some(error);
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.until = self.until.max(wall_clock().plus_milliseconds(-IN_THE_RINGS_MS));
                }
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
        problem.map_or(Ok(()), Err)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn read(&mut self, frame: Frame<'_>) {
        self.frames += 1;
        self.counted.packets += 1;
        self.counted.bytes += u64::from(frame.original_length);
        self.until = self.until.max(Timestamp::from_nanoseconds(frame.time_ns));
        self.pipeline.push(flows_frame(frame), &mut self.observations);
    }

    fn tell_when_due(&mut self) -> Result<()> {
        let due = self.told.elapsed() >= BATCH_TIME
            || self.frames >= BATCH_FRAMES
            || self.observations.len() >= OBSERVATIONS_MAX;
        if !due {
            return Ok(());
        }
        // A recording can wait for the site; what is live cannot.
        while !self.live && self.sensor.health().spool_bytes > self.room / 10 * 9 && !self.stopped() {
            std::thread::sleep(NAP);
        }
        // Observations of a batch that workers still hold are older than what follows.
        self.pipeline.flush(&mut self.observations);
        self.tell(false)
    }

    fn tell(&mut self, ended: bool) -> Result<()> {
        self.told = Instant::now();
        self.frames = 0;
        let measured = || self.sensor.health().clock_behind_ns.filter(|_| self.live);
        let clock_behind_ns = self.clock_behind_ns.or_else(measured).unwrap_or(0);
        let parcel = |listener: &mut Self, observations, last: bool| Parcel {
            until: listener.until,
            ended: ended && last,
            live: listener.live,
            clock_behind_ns,
            captures: std::mem::take(&mut listener.names),
            counted: std::mem::take(&mut listener.counted),
            observations,
            ..Parcel::default()
        };
        let mut rest = std::mem::take(&mut self.observations);
        while rest.len() > OBSERVATIONS_MAX {
            let after = rest.split_off(OBSERVATIONS_MAX);
            // What follows is as old as what went before.
            let mut part = parcel(self, std::mem::replace(&mut rest, after), false);
            part.until = part.observations.last().map_or(part.until, |last| last.sighting.time);
            self.sensor.tell(part)?;
        }
        let parcel = parcel(self, rest, true);
        self.sensor.tell(parcel)?;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let mut observations = std::mem::take(&mut self.observations);
        let mut told = Ok(());
        let mut pipeline = std::mem::replace(&mut self.pipeline, Pipeline::new(settings_of_nothing()));
        pipeline.finish_in_parts(&mut observations, |part| {
            self.observations.append(part);
            if told.is_ok() && self.observations.len() >= OBSERVATIONS_MAX {
                told = self.tell(false);
            }
        });
        told?;
        self.observations.append(&mut observations);
        self.tell(true)
    }

    /// A recording ends when the site has it; a live sensor leaves the rest to its spool.
    fn wait_for_the_site(&self, failed: impl Fn() -> bool) {
        while !self.live && !self.stopped() && !failed() && self.sensor.health().waiting > 0 {
            std::thread::sleep(NAP);
        }
    }
}

/// For the moment in which a pipeline is ended.
fn settings_of_nothing() -> wardline_flows::Settings {
    wardline_flows::Settings::new(wardline_model::PseudonymKey::new([0; 32]))
}
