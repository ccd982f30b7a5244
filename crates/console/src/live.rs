//! What happened since: acknowledged records and the state of the sensor, for pages that are open.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;
use wardline_model::{Attack, DeviceId, ExposureKind, Severity, Timestamp};
use wardline_store::{Acknowledged, Batch};

/// Events kept for browsers that come back after a broken connection. At most about 400 bytes each.
const EVENTS_MAX: usize = 1024;

/// Records of one kind told one by one from one batch; of a larger batch only the number is told.
const RECORDS_PER_BATCH_MAX: usize = 64;

/// Where packets come from at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SensorState {
    /// Nobody reads; the store alone is shown.
    #[default]
    AtRest,
    /// Packets come from an interface.
    Live,
    /// Packets come from capture files, at their own pace or faster.
    Replay,
    /// The simulated hospital of `wardline demo`.
    Simulation,
    /// Reading broke off; `problem` says why.
    Failed,
}

/// What the sensor says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SensorStatus {
    /// Where packets come from.
    pub state: SensorState,
    /// Interface or capture files.
    pub sources: Vec<String>,
    /// When this run began to read, wall clock.
    pub started: Option<Timestamp>,
    /// Packets that could not be decoded in this run, by reason.
    pub undecoded: BTreeMap<String, u64>,
    /// What was refused in this run because a limit was reached, by limit.
    pub over_limit: BTreeMap<String, u64>,
    /// Why reading broke off, or what hinders it.
    pub problem: Option<String>,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Event {
    Device { id: DeviceId },
    Finding { id: String, severity: Severity, attack: Attack, updates: u64 },
    Exposure { id: String, kind: ExposureKind, severity: Severity },
    Overview { sequence: u64 },
    Sensor { state: SensorState },
}

impl Event {
    /// The `event:` name of the stream.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Device { .. } => "device",
            Self::Finding { .. } => "finding",
            Self::Exposure { .. } => "exposure",
            Self::Overview { .. } => "overview",
            Self::Sensor { .. } => "sensor",
        }
    }
}

struct Log {
    /// Number of the first event in `events`.
    first: u64,
    events: VecDeque<Event>,
    sensor: SensorStatus,
}

/// Shared between the program, which tells what it has stored, and the console, which passes it on.
///
/// Memory is bounded: the last 1024 events are kept, and whoever comes later than that is told to
/// read everything again.
#[derive(Clone)]
pub struct Live {
    log: Arc<Mutex<Log>>,
    /// Number of the next event; receivers wait on it.
    next: Arc<watch::Sender<u64>>,
    /// Tells the event numbers of this run from those of another.
    epoch: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing has happened yet, and nobody reads.
    pub fn new() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64);
        Self {
            log: Arc::new(Mutex::new(Log {
                first: 0,
                events: VecDeque::new(),
                sensor: SensorStatus::default(),
            })),
            next: Arc::new(watch::channel(0).0),
            epoch,
        }
    }

    /// Tells that `batch` is on disk. Call it only after the store has acknowledged.
    pub fn acknowledged(&self, batch: &Batch, acknowledged: Acknowledged) {
        let mut events = Vec::new();
        if batch.devices.len() <= RECORDS_PER_BATCH_MAX {
            events.extend(batch.devices.iter().map(|device| Event::Device { id: device.id.clone() }));
        }
        // The newest findings are the ones worth telling from a batch that holds too many.
        let skipped = batch.findings.len().saturating_sub(RECORDS_PER_BATCH_MAX);
        events.extend(batch.findings.iter().skip(skipped).map(|finding| Event::Finding {
            id: finding.id.clone(),
            severity: finding.severity,
            attack: finding.attack,
            updates: finding.updates,
        }));
        if batch.exposures.len() <= RECORDS_PER_BATCH_MAX {
            events.extend(batch.exposures.iter().map(|exposure| Event::Exposure {
                id: exposure.id.clone(),
                kind: exposure.kind,
                severity: exposure.severity,
            }));
        }
        events.push(Event::Overview { sequence: acknowledged.sequence });
        self.tell(events);
    }

    /// Replaces what the sensor says about itself.
    pub fn set_sensor(&self, sensor: SensorStatus) {
        let state = sensor.state;
        self.log().sensor = sensor;
        self.tell([Event::Sensor { state }]);
    }

    /// What the sensor says about itself.
    pub fn sensor(&self) -> SensorStatus {
        self.log().sensor.clone()
    }

    fn tell(&self, events: impl IntoIterator<Item = Event>) {
        let mut log = self.log();
        for event in events {
            if log.events.len() == EVENTS_MAX {
                log.events.pop_front();
                log.first += 1;
            }
            log.events.push_back(event);
        }
        let next = log.first + log.events.len() as u64;
        drop(log);
        // Batches may be told from several threads; the number only grows.
        self.next.send_if_modified(|number| {
            let grew = next > *number;
            *number = next.max(*number);
            grew
        });
    }

    /// Begins to listen: after the event that `last_event_id` names, or with what comes next.
    pub(crate) fn listen(&self, last_event_id: Option<&str>) -> Listener {
        let waiting = self.next.subscribe();
        let newest = *waiting.borrow();
        let resumed = last_event_id.map(|id| self.position_after(id, newest));
        let missed = matches!(resumed, Some(None));
        let position = resumed.flatten().unwrap_or(newest);
        Listener { live: self.clone(), waiting, position, missed }
    }

    /// The number of the event after `id`, if all events from there on are still here.
    fn position_after(&self, id: &str, newest: u64) -> Option<u64> {
        let (epoch, number) = id.split_once('-')?;
        let after = number.parse::<u64>().ok()?.checked_add(1)?;
        let known = epoch.parse() == Ok(self.epoch) && after >= self.log().first && after <= newest;
        known.then_some(after)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // The log is changed in steps that cannot panic, so it is whole even after a panic elsewhere.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One browser that listens.
pub(crate) struct Listener {
    live: Live,
    waiting: watch::Receiver<u64>,
    position: u64,
    missed: bool,
}

/// What a listener is told next.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// An event, with the identifier by which to resume after it.
    Event(String, Event),
    /// Events were lost: everything must be read again. The identifier is where listening goes on.
    Missed(String),
}

impl Listener {
    /// Waits for the next thing to tell; `None` once nobody can tell anything any more.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.at_hand() {
                return Some(told);
            }
            self.waiting.changed().await.ok()?;
        }
    }

    fn at_hand(&mut self) -> Option<Told> {
        let log = self.live.log();
        if self.position < log.first {
            self.missed = true;
            self.position = log.first + log.events.len() as u64;
        }
        if std::mem::take(&mut self.missed) {
            return Some(Told::Missed(format!("{}-{}", self.live.epoch, self.position.saturating_sub(1))));
        }
        let index = usize::try_from(self.position - log.first).ok()?;
        let event = log.events.get(index)?.clone();
        let id = format!("{}-{}", self.live.epoch, self.position);
        self.position += 1;
        Some(Told::Event(id, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview(sequence: u64) -> Event {
        Event::Overview { sequence }
    }

    fn told(listener: &mut Listener) -> Vec<Told> {
        std::iter::from_fn(|| listener.at_hand()).collect()
    }

    #[test]
    fn a_listener_hears_what_comes_and_resumes_where_it_was() {
        let live = Live::new();
        live.tell([overview(1)]);
        let mut listener = live.listen(None);
        live.tell([overview(2), overview(3)]);
        let heard = told(&mut listener);
        let [Told::Event(first, second), Told::Event(last, third)] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        assert_eq!((second, third), (&overview(2), &overview(3)));
        assert_eq!(told(&mut live.listen(Some(first))), [Told::Event(last.clone(), overview(3))]);
        assert!(told(&mut live.listen(Some(last))).is_empty());
    }

    #[test]
    fn whoever_was_away_too_long_is_told_so() {
        let live = Live::new();
        let mut slow = live.listen(None);
        live.tell((0..EVENTS_MAX as u64 + 10).map(overview));
        assert!(matches!(told(&mut slow).as_slice(), [Told::Missed(_)]));
        for id in [format!("{}-3", live.epoch), "7-1030".to_owned(), "nonsense".to_owned(), "1-".to_owned()] {
            assert!(matches!(told(&mut live.listen(Some(&id))).as_slice(), [Told::Missed(_)]), "{id}");
        }
        assert_eq!(live.log().events.len(), EVENTS_MAX);
    }
}
