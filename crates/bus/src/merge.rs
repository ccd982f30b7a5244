//! Observations of several sensors become one sequence, as if one machine had seen all of it.
//!
//! Each sensor tells in the order of capture time and says up to which time it has told everything. What is older than
//! what every sensor has reached can be handed on, the oldest first. A sensor of which nothing was heard for a while is
//! not waited for: what it tells later is handed on when it comes.
//!
//! What two sensors saw alike is handed on once. Alike is the same fact about the same ends at nearly the same time; what
//! one sensor tells twice was there twice, so each telling of one answers at most one of another.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

use wardline_model::fact::TcpEvent;
use wardline_model::{CaptureId, Fact, Observation, Station, Timestamp};

use crate::{Counted, Parcel};

/// Two sensors see one packet within this time, clocks included, nanoseconds.
const TOGETHER_NS: i64 = 250_000_000;
/// The end of a conversation that falls silent is told by every sensor within this time, nanoseconds.
const REMEMBERED_NS: i64 = 120_000_000_000;
/// Observations that may wait for a slow sensor; beyond it the order suffers, not the memory.
const WAITING_MAX: usize = 2_000_000;

/// An observation in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// Number of the parcel that told it.
    pub parcel: u64,
    /// Its place in the parcel, from 0.
    pub place: u64,
    /// What was seen.
    pub observation: Observation,
}

/// What a merge counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Observations that another sensor had told already.
    pub alike: u64,
    /// Observations that came after later ones had been handed on.
    pub late: u64,
    /// Observations handed on early because too many waited.
    pub pressed: u64,
    /// Parcels that had come before.
    pub repeated: u64,
    /// Parcels that came before one that precedes them.
    pub early: u64,
}

struct Waiting {
    /// Latest capture time that the sensor had told up to here: what orders it.
    time: Timestamp,
    merged: Merged,
}

struct Sensor {
    queue: VecDeque<Waiting>,
    spool: String,
    /// Number of the last parcel taken.
    number: u64,
    /// The last parcel of which everything was handed on.
    finished: u64,
    /// Everything before this was told.
    until: Timestamp,
    told: Timestamp,
    ended: bool,
    live: bool,
    /// When something was last heard of it, on the site's clock.
    alive: Option<Timestamp>,
    /// Parcels that came too early, by number, and which part of each is wanted.
    early: BTreeMap<u64, (Parcel, Range<u64>)>,
    /// Names of captures and their numbers at the site.
    captures: BTreeMap<u32, CaptureId>,
}

/// Parcels of a sensor that may wait for one before them; the sensor sends again what is not stored.
const EARLY_MAX: usize = 4_096;

/// Puts observations of several sensors in order.
pub struct Merge {
    sensors: BTreeMap<String, Sensor>,
    /// How long nothing may be heard of a sensor before it is no longer waited for, nanoseconds.
    patience_ns: i64,
    began: Option<Timestamp>,
    waiting: usize,
    reached: Timestamp,
    alike: Alike,
    next_capture: u32,
    counters: Counters,
    named: Vec<(CaptureId, String)>,
}

impl Merge {
    /// A merge that waits so long for sensors of which nothing is heard, nanoseconds.
    pub fn new(patience_ns: i64) -> Self {
        Self {
            sensors: BTreeMap::new(),
            patience_ns,
            began: None,
            waiting: 0,
            reached: Timestamp::from_nanoseconds(i64::MIN),
            alike: Alike::default(),
            next_capture: 0,
            counters: Counters::default(),
            named: Vec::new(),
        }
    }

    /// Says that a sensor of this name is to be waited for, before anything was heard of it.
    pub fn expect(&mut self, sensor: &str) {
        self.sensor(sensor);
    }

    /// Says that something was heard of a sensor at `now`.
    pub fn alive(&mut self, sensor: &str, now: Timestamp) {
        let sensor = self.sensor(sensor);
        sensor.alive = Some(sensor.alive.map_or(now, |alive| alive.max(now)));
    }

    /// Takes a parcel, and those that waited for it. Returns what each counted, by number: nothing when it came before, or
    /// has to wait for one that precedes it.
    pub fn push(&mut self, name: &str, parcel: Parcel) -> Vec<(u64, Counted)> {
        self.push_part(name, parcel, 0..u64::MAX)
    }

    /// Takes those observations of a parcel whose places are in `part`.
    pub fn push_part(&mut self, name: &str, parcel: Parcel, part: Range<u64>) -> Vec<(u64, Counted)> {
        let mut taken = Vec::new();
        let mut next = Some((parcel, part));
        while let Some((parcel, part)) = next {
            let (spool, number) = (parcel.spool.clone(), parcel.number);
            let Some(counted) = self.take(name, parcel, part) else { break };
            taken.push((number, counted));
            let sensor = self.sensor(name);
            next = sensor.early.remove(&(number + 1)).filter(|(parcel, _)| parcel.spool == spool);
        }
        taken
    }

    fn take(&mut self, name: &str, parcel: Parcel, part: Range<u64>) -> Option<Counted> {
        let mut next_capture = self.next_capture;
        let mut named = Vec::new();
        let sensor = self.sensor(name);
        if sensor.spool == parcel.spool && parcel.number <= sensor.number {
            self.counters.repeated += 1;
            return None;
        }
        let unknown = sensor.spool.is_empty();
        if sensor.spool == parcel.spool && parcel.number != sensor.number + 1
            || sensor.spool != parcel.spool && !unknown && parcel.number != 1
        {
            if sensor.early.len() < EARLY_MAX {
                sensor.early.insert(parcel.number, (parcel, part));
            }
            self.counters.early += 1;
            return None;
        }
        if sensor.spool != parcel.spool {
            // Captures of another spool are others, though they have the same numbers.
            sensor.captures.clear();
            sensor.early.retain(|_, (early, _)| early.spool == parcel.spool);
            sensor.finished = parcel.number - 1;
        }
        sensor.spool = parcel.spool;
        sensor.number = parcel.number;
        sensor.until = sensor.until.max(parcel.until);
        sensor.ended = parcel.ended;
        sensor.live = parcel.live;
        let mut capture_of = |sensor: &mut Sensor, number: u32, label: Option<&String>| {
            let known = sensor.captures.get(&number).copied();
            let id = known.unwrap_or_else(|| {
                let id = CaptureId(next_capture);
                next_capture += 1;
                sensor.captures.insert(number, id);
                id
            });
            if let Some(label) = label {
                named.push((id, format!("{name}: {label}")));
            } else if known.is_none() {
                named.push((id, name.to_owned()));
            }
            id
        };
        for (number, label) in &parcel.captures {
            capture_of(sensor, *number, Some(label));
        }
        let mut count = 0;
        for (place, mut observation) in
            (0..).zip(parcel.observations).filter(|(place, _)| part.contains(place))
        {
            count += 1;
            observation.sighting.capture = capture_of(sensor, observation.sighting.capture.0, None);
            sensor.told = sensor.told.max(observation.sighting.time);
            let merged = Merged { parcel: parcel.number, place, observation };
            sensor.queue.push_back(Waiting { time: sensor.told, merged });
        }
        if sensor.queue.is_empty() {
            sensor.finished = sensor.number;
        }
        self.next_capture = next_capture;
        self.named.append(&mut named);
        self.waiting += count;
        Some(parcel.counted)
    }

    /// The next observation that can be handed on at `now`, and whose it is.
    pub fn pop(&mut self, now: Timestamp) -> Option<(String, Merged)> {
        let began = *self.began.get_or_insert(now);
        loop {
            let (name, time) = self
                .sensors
                .iter()
                .filter_map(|(name, sensor)| Some((name, sensor.queue.front()?.time)))
                .min_by_key(|(name, time)| (*time, *name))
                .map(|(name, time)| (name.clone(), time))?;
            let held_back = self.sensors.iter().any(|(other, sensor)| {
                let alive = sensor.alive.unwrap_or(began);
                let awaited = now.nanoseconds_since(alive) <= self.patience_ns;
                // Of two that tell of the same moment, the one of the lesser name goes first.
                let reached = if *other < name { sensor.until > time } else { sensor.until >= time };
                *other != name && sensor.queue.is_empty() && !sensor.ended && !reached && awaited
            });
            if held_back {
                if self.waiting <= WAITING_MAX {
                    return None;
                }
                self.counters.pressed += 1;
            }
            let several = self.sensors.len() > 1;
            let sensor = self.sensors.get_mut(&name)?;
            let waiting = sensor.queue.pop_front()?;
            match sensor.queue.front() {
                None => sensor.finished = sensor.number,
                // Parcels between the two held nothing.
                Some(next) if next.merged.parcel != waiting.merged.parcel => {
                    sensor.finished = next.merged.parcel - 1;
                }
                Some(_) => {}
            }
            self.waiting -= 1;
            if time < self.reached {
                self.counters.late += 1;
            }
            self.reached = self.reached.max(time);
            if several && self.alike.told_by_another(&name, &waiting.merged.observation) {
                self.counters.alike += 1;
                continue;
            }
            return Some((name, waiting.merged));
        }
    }

    /// How far each sensor was handed on: its spool, the last parcel of which everything was, and how many observations of
    /// the next one were.
    pub fn handed_on(&self) -> impl Iterator<Item = (&str, &str, u64, u64)> {
        self.sensors.iter().filter(|(_, sensor)| !sensor.spool.is_empty()).map(|(name, sensor)| {
            let begun = sensor.queue.front().filter(|next| next.merged.parcel == sensor.finished + 1);
            let places = begun.map_or(0, |next| next.merged.place);
            (name.as_str(), sensor.spool.as_str(), sensor.finished, places)
        })
    }

    /// From now on waits so long for silent sensors, nanoseconds.
    pub const fn set_patience(&mut self, patience_ns: i64) {
        self.patience_ns = patience_ns;
    }

    /// Goes on behind parcel `number` of a sensor, wherever it was. What waits of it is dropped; what was told lately is
    /// still known.
    pub fn go_on_behind(&mut self, name: &str, spool: &str, number: u64) {
        let sensor = self.sensor(name);
        sensor.spool = spool.to_owned();
        (sensor.number, sensor.finished) = (number, number);
        sensor.early.clear();
        let dropped = std::mem::take(&mut sensor.queue).len();
        self.waiting -= dropped;
    }

    /// The capture time that every sensor has reached which is waited for at `now`, where all of them are live.
    pub fn live_frontier(&self, now: Timestamp) -> Option<Timestamp> {
        let began = self.began?;
        let awaited = |sensor: &&Sensor| {
            !sensor.ended && now.nanoseconds_since(sensor.alive.unwrap_or(began)) <= self.patience_ns
        };
        let mut frontier = None;
        for sensor in self.sensors.values().filter(awaited) {
            if !sensor.live {
                return None;
            }
            frontier = Some(frontier.map_or(sensor.until, |least: Timestamp| least.min(sensor.until)));
        }
        frontier
    }

    /// Captures that were named since it was last asked.
    pub fn take_names(&mut self) -> Vec<(CaptureId, String)> {
        std::mem::take(&mut self.named)
    }

    /// What was counted.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Observations that wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Capture time of the newest observation that was handed on.
    pub const fn reached(&self) -> Timestamp {
        self.reached
    }

    /// Whether every sensor's source has ended and nothing waits.
    pub fn all_ended(&self) -> bool {
        self.waiting == 0 && !self.sensors.is_empty() && self.sensors.values().all(|sensor| sensor.ended)
    }

    fn sensor(&mut self, name: &str) -> &mut Sensor {
        const LONG_AGO: Timestamp = Timestamp::from_nanoseconds(i64::MIN);
        self.sensors.entry(name.to_owned()).or_insert_with(|| Sensor {
            queue: VecDeque::new(),
            spool: String::new(),
            number: 0,
            finished: 0,
            until: LONG_AGO,
            told: LONG_AGO,
            ended: false,
            live: false,
            alive: None,
            early: BTreeMap::new(),
            captures: BTreeMap::new(),
        })
    }
}

/// What was told lately, and by whom.
#[derive(Default)]
struct Alike {
    told: HashMap<[u8; 16], Vec<Told>>,
    order: VecDeque<(Timestamp, [u8; 16])>,
    scratch: Vec<u8>,
}

struct Told {
    /// When it was, as far as that makes it the same: for the end of a conversation, when that began.
    time: Timestamp,
    seen: Timestamp,
    sensor: String,
    /// Sensors whose telling of the same was recognised.
    answered: Vec<String>,
}

impl Alike {
    /// Whether another sensor told this already; if not, it is remembered.
    fn told_by_another(&mut self, sensor: &str, observation: &Observation) -> bool {
        let seen = observation.sighting.time;
        let digest = self.digest(observation);
        let time = match &observation.fact {
            Fact::ConversationEnded(conversation) => conversation.start,
            _ => seen,
        };
        self.forget(seen);
        let told = self.told.entry(digest).or_default();
        let same = told.iter_mut().find(|told| {
            told.sensor != sensor
                && !told.answered.iter().any(|name| name == sensor)
                && time.nanoseconds_since(told.time).abs() <= TOGETHER_NS
        });
        if let Some(same) = same {
            same.answered.push(sensor.to_owned());
            return true;
        }
        told.push(Told { time, seen, sensor: sensor.to_owned(), answered: Vec::new() });
        self.order.push_back((seen, digest));
        false
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((seen, digest)) = self.order.front().copied()
            && now.nanoseconds_since(seen) > REMEMBERED_NS
        {
            self.order.pop_front();
            if let Some(told) = self.told.get_mut(&digest) {
                told.retain(|told| now.nanoseconds_since(told.seen) <= REMEMBERED_NS);
                if told.is_empty() {
                    self.told.remove(&digest);
                }
            }
        }
    }

    /// What makes two observations the same, besides their time. Routers change hardware addresses and times to live on the
    /// way, so neither counts where there are others.
    fn digest(&mut self, observation: &Observation) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        let mut station = |station: &Station| {
            match station.ip {
                Some(ip) => hasher.update(ip.to_string().as_bytes()),
                None => hasher.update(&station.mac.map_or([0; 6], |mac| mac.0)),
            };
            hasher.update(&station.port.to_be_bytes()).update(&[0]);
        };
        station(&observation.from);
        station(&observation.to);
        hasher.update(&[observation.transport.map_or(0, |transport| transport.0)]);
        match &observation.fact {
            Fact::ConversationStarted(_) => {
                hasher.update(b"started");
            }
            Fact::ConversationEnded(_) => {
                hasher.update(b"ended");
            }
            Fact::Tcp(TcpEvent::Answered(_)) => {
                hasher.update(b"answered");
            }
            fact => {
                self.scratch.clear();
                // Facts are made of what JSON can say.
                if serde_json::to_writer(&mut self.scratch, fact).is_ok() {
                    hasher.update(&self.scratch);
                }
            }
        }
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        short
    }
}

#[cfg(test)]
mod tests {
    use wardline_model::{Sighting, Transport};

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_nanoseconds((seconds * 1e9) as i64)
    }

    fn seen(time: Timestamp, port: u16) -> Observation {
        let station = |port| Station { ip: Some("192.0.2.1".parse().unwrap()), port, ..Station::default() };
        Observation {
            sighting: Sighting { time, ..Sighting::default() },
            from: station(port),
            to: station(80),
            transport: Some(Transport::TCP),
            vlan: None,
            fact: Fact::StationSeen,
        }
    }

    fn parcel(number: u64, until: f64, times: &[(f64, u16)]) -> Parcel {
        Parcel {
            spool: "s".to_owned(),
            number,
            until: at(until),
            observations: times.iter().map(|(time, port)| seen(at(*time), *port)).collect(),
            ..Parcel::default()
        }
    }

    fn drain(merge: &mut Merge, now: f64) -> Vec<(String, u16)> {
        std::iter::from_fn(|| merge.pop(at(now)))
            .map(|(name, merged)| (name, merged.observation.from.port))
            .collect()
    }

    fn ports(merged: &[(String, u16)]) -> Vec<u16> {
        merged.iter().map(|(_, port)| *port).collect()
    }

    #[test]
    fn the_oldest_goes_first_and_nothing_before_every_sensor_has_reached_it() {
        let mut merge = Merge::new(10 * SECOND);
        merge.expect("a");
        merge.expect("b");
        merge.push("a", parcel(1, 3.0, &[(1.0, 1), (3.0, 3)]));
        assert_eq!(drain(&mut merge, 100.0), []);
        merge.push("b", parcel(1, 2.5, &[(2.0, 2)]));
        assert_eq!(ports(&drain(&mut merge, 100.0)), [1, 2]);
        merge.push("b", parcel(2, 5.0, &[(4.0, 4)]));
        assert_eq!(ports(&drain(&mut merge, 100.0)), [3], "4 waits for a");
        assert_eq!(merge.handed_on().collect::<Vec<_>>(), [("a", "s", 1, 0), ("b", "s", 1, 0)]);
        merge.push("a", Parcel { ended: true, ..parcel(2, 3.0, &[]) });
        assert_eq!(ports(&drain(&mut merge, 100.0)), [4]);
        assert_eq!(merge.counters(), Counters::default());
    }

    #[test]
    fn a_silent_sensor_is_not_waited_for_and_what_it_tells_later_is_not_lost() {
        let mut merge = Merge::new(10 * SECOND);
        merge.expect("a");
        merge.alive("b", at(100.0));
        merge.push("a", parcel(1, 9.0, &[(1.0, 1), (9.0, 9)]));
        merge.alive("a", at(109.0));
        assert_eq!(drain(&mut merge, 110.0), []);
        assert_eq!(ports(&drain(&mut merge, 110.1)), [1, 9]);
        merge.push("b", parcel(1, 8.0, &[(2.0, 2)]));
        assert_eq!(ports(&drain(&mut merge, 111.0)), [2]);
        assert_eq!(merge.counters().late, 1);
    }

    #[test]
    fn a_parcel_is_taken_once_and_in_order() {
        let mut merge = Merge::new(0);
        let numbers =
            |taken: Vec<(u64, Counted)>| taken.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(
            numbers(merge.push("a", parcel(4, 1.0, &[(1.0, 1)]))),
            [4],
            "the site begins in the middle"
        );
        assert_eq!(numbers(merge.push("a", parcel(4, 1.0, &[(1.0, 1)]))), [0_u64; 0]);
        assert_eq!(numbers(merge.push("a", parcel(6, 3.0, &[(3.0, 3)]))), [0_u64; 0]);
        assert_eq!(numbers(merge.push("a", parcel(5, 2.0, &[(2.0, 2)]))), [5, 6]);
        let anew = |number| Parcel { spool: "new".to_owned(), ..parcel(number, 4.0, &[(4.0, 4)]) };
        assert_eq!(numbers(merge.push("a", anew(2))), [0_u64; 0]);
        assert_eq!(numbers(merge.push("a", anew(1))), [1, 2]);
        assert_eq!(ports(&drain(&mut merge, 0.0)), [1, 2, 3, 4, 4]);
        assert_eq!((merge.counters().repeated, merge.counters().early), (1, 2));
    }

    #[test]
    fn what_two_sensors_see_is_told_once_and_what_happened_twice_twice() {
        let mut merge = Merge::new(SECOND);
        for name in ["a", "b"] {
            let behind = if name == "b" { 0.02 } else { 0.0 };
            let twice = [(1.0 + behind, 7), (1.1 + behind, 7), (2.0 + behind, 8)];
            merge.push(name, parcel(1, 9.0, &twice));
        }
        merge.push("c", parcel(1, 9.0, &[(2.01, 8), (5.0, 8)]));
        assert_eq!(ports(&drain(&mut merge, 0.0)), [7, 7, 8, 8]);
        assert_eq!(merge.counters().alike, 4);
    }

    #[test]
    fn it_says_within_which_parcel_it_is() {
        let mut merge = Merge::new(SECOND);
        merge.expect("b");
        merge.push("a", parcel(1, 9.0, &[(1.0, 1), (2.0, 2), (8.0, 8)]));
        merge.push("b", parcel(1, 3.0, &[]));
        assert_eq!(ports(&drain(&mut merge, 0.0)), [1, 2]);
        let handed_on: Vec<_> = merge.handed_on().collect();
        assert_eq!(handed_on, [("a", "s", 0, 2), ("b", "s", 1, 0)]);
        // A parcel that holds nothing is over when what precedes it is.
        merge.push("a", parcel(2, 9.0, &[]));
        merge.push("a", parcel(3, 12.0, &[(9.5, 1), (12.0, 2)]));
        merge.push("b", parcel(2, 10.0, &[]));
        assert_eq!(ports(&drain(&mut merge, 0.0)), [8, 1]);
        let handed_on: Vec<_> = merge.handed_on().collect();
        assert_eq!(handed_on, [("a", "s", 2, 1), ("b", "s", 2, 0)]);
    }
}
