//! A device that behaves unlike its kind, though it breaks no rule.
//!
//! One model for each kind of device ([`forest`]), over what devices do in ten minutes ([`behaviour`]); all devices of the
//! kind teach it. A window alone says little: told is a device that was as usual and then is unlike its kind for half an
//! hour on end, in several numbers beyond all that was seen. It is never more than of medium severity.
//!
//! Guards: one that was always odd is not told; when most of a kind change together it is an update and told softly; what
//! another rule tells of is not told again; unlike windows teach nothing, and no device may teach more than its share.
//! What a person vouches for is learned with `--baseline`, whatever was usual before.

mod behaviour;
mod forest;

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{
    Attack, Category, Evidence, Fact, Label, Observation, Protocol, Severity, Sighting, Station, Timestamp,
    Transport,
};

use super::recent::Recent;
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::inventory::DeviceKey;
use crate::limits::SENDERS_MAX;
use behaviour::{Behaviour, FEATURES, Met, NAMES, Vector};
use forest::{Forest, REFERENCE};

const SECOND: i64 = 1_000_000_000;
/// Length of a window.
const WINDOW: i64 = 600 * SECOND;
/// Windows in a row that are unlike the kind, before it is told.
const RUN_MIN: u32 = 3;
/// A window with a smaller p-value is unlike the kind.
const P_UNLIKE: f32 = 0.01;
/// Numbers beyond all that was seen of the kind.
const OUTSIDE_MIN: usize = 2;
/// Windows of a device that were as usual, before it can be told that it changed.
const JUDGED_MIN: u32 = 12;
/// Of those, one in so many may have been unlike the kind.
const ODD_SHARE: u32 = 10;
/// Devices of a kind, without which there is no kind.
const DEVICES_MIN: usize = 3;
/// A device may fill the reference to this share: the whole divided by the number of devices, and as much again.
const SHARE_TIMES: usize = 2;
/// Windows of a kind that teach in each ten minutes: a reference covers 28 hours, a night among them.
const TAUGHT_PER_WINDOW: usize = 3;
/// New windows after which a model is grown anew, so that it follows what changes slowly.
const REGROW_AFTER: usize = REFERENCE / 2;
/// A window teaches only when it is not among the loneliest twentieth.
const P_TEACHES: f32 = 0.05;

/// What is known of one device.
#[derive(Clone, Default)]
struct Habit {
    now: Behaviour,
    /// It is among those that did something in the window at hand.
    active: bool,
    met: Met,
    station: Station,
    peer: Station,
    transport: Option<Transport>,
    sighting: Sighting,
    judged: u32,
    unlike: u32,
    /// Windows in a row that were unlike the kind, and when the first of them began.
    run: u32,
    run_began: Timestamp,
}

/// One kind of device.
#[derive(Default)]
struct Kind {
    reference: Vec<(DeviceKey, Vector)>,
    /// Place of the reference that is replaced next.
    oldest: usize,
    forest: Option<Forest>,
    taught_since: usize,
}

/// A window that ended.
struct Ended {
    key: DeviceKey,
    category: Category,
    vector: Vector,
    p: Option<f32>,
    /// It has been watched for long enough to say that it changed.
    settled: bool,
}

/// Devices that change their ways.
pub(super) struct ChangedWays {
    /// Apart from the table, whose free places would take as much.
    habits: Recent<DeviceKey, Box<Habit>>,
    /// Devices that did something in the window at hand, in the order in which they did.
    active: Vec<DeviceKey>,
    kinds: BTreeMap<Category, Kind>,
    window: Option<i64>,
    /// When the window at hand ends.
    window_ends: Timestamp,
}

impl Default for ChangedWays {
    fn default() -> Self {
        Self {
            habits: Recent::new(SENDERS_MAX),
            active: Vec::new(),
            kinds: BTreeMap::new(),
            window: None,
            window_ends: Timestamp::from_nanoseconds(i64::MIN),
        }
    }
}

impl Detector for ChangedWays {
    fn conversations(&self) -> Conversations {
        Conversations::Ends
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let ended = match &observation.fact {
            Fact::ConversationEnded(conversation) => Some(conversation),
            Fact::Hl7(_)
            | Fact::Measurement(_)
            | Fact::Mqtt(_)
            | Fact::Dicom(_)
            | Fact::Sdc(_)
            | Fact::Control(_)
            | Fact::Dns(_) => None,
            _ => return,
        };
        self.turn(observation.sighting.time, world, episodes);
        let answered = ended.is_none_or(|conversation| conversation.packets.iter().all(|count| *count > 0));
        let [from, to] = world.inventory.ends();
        let ends = [(from, observation.from, observation.to), (to, observation.to, observation.from)];
        for (side, (key, station, peer)) in ends.into_iter().enumerate() {
            if side == 1 && ended.is_none() {
                break;
            }
            let Some(key) = key else { continue };
            let Some(habit) = self.habit(key, observation, (station, peer), answered) else { continue };
            match ended {
                Some(conversation) => {
                    habit.now.conversation(conversation, peer.ip, side, &mut habit.met);
                }
                None => habit.now.sent(&observation.fact),
            }
        }
    }

    fn advance(&mut self, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        self.turn(now, world, episodes);
    }
}

impl ChangedWays {
    fn habit(
        &mut self,
        key: DeviceKey,
        observation: &Observation,
        (station, peer): (Station, Station),
        answered: bool,
    ) -> Option<&mut Habit> {
        // A flood from made-up addresses, or a scan for some, pushes out nobody.
        if !answered && self.habits.get(&key).is_none() {
            return None;
        }
        let habit = self.habits.at(key, observation.sighting.time);
        if !habit.active && self.active.len() < SENDERS_MAX {
            // What it did first in the window stands for what it did.
            habit.active = true;
            (habit.station, habit.peer) = (station, peer);
            (habit.sighting, habit.transport) = (observation.sighting, observation.transport);
            self.active.push(key);
        }
        Some(habit)
    }

    /// Ends the window when its time is over.
    fn turn(&mut self, now: Timestamp, world: &World<'_>, episodes: &mut Episodes) {
        // Asked for every conversation.
        if now < self.window_ends {
            return;
        }
        let window = now.nanoseconds().div_euclid(WINDOW);
        self.window_ends = Timestamp::from_nanoseconds((window + 1).saturating_mul(WINDOW));
        let before = *self.window.get_or_insert(window);
        if window <= before {
            return;
        }
        self.window = Some(window);
        let began = Timestamp::from_nanoseconds(before.saturating_mul(WINDOW));
        let mut active = std::mem::take(&mut self.active);
        active.sort_unstable();
        let mut ended = Vec::new();
        for key in active {
            let Some(habit) = self.habits.get_mut(&key) else { continue };
            let behaviour = std::mem::take(&mut habit.now);
            habit.active = false;
            let category = world.inventory.category(&habit.station);
            if behaviour.is_idle() || category == Category::Unknown {
                continue;
            }
            let vector = behaviour.vector();
            let forest = self.kinds.get(&category).and_then(|kind| kind.forest.as_ref());
            let p = forest.filter(|_| !world.learning).map(|forest| forest.p_value(&vector));
            let settled = habit.judged >= JUDGED_MIN;
            ended.push(Ended { key, category, vector, p, settled });
        }
        let shared = shared(&ended);
        for window in &ended {
            self.judge(window, (began, now, shared.contains(&window.category)), world, episodes);
        }
        self.teach(ended, before, world.learning);
    }

    /// Some windows of each kind teach it, of other devices each time; in a baseline all do.
    fn teach(&mut self, ended: Vec<Ended>, turn: i64, learning: bool) {
        let mut lessons: BTreeMap<Category, Vec<Ended>> = BTreeMap::new();
        for window in ended {
            if learning || window.p.is_none_or(|p| p >= P_TEACHES) {
                lessons.entry(window.category).or_default().push(window);
            }
        }
        for (category, windows) in lessons {
            let kind = self.kinds.entry(category).or_default();
            let count = if learning { windows.len() } else { TAUGHT_PER_WINDOW.min(windows.len()) };
            let first = turn.unsigned_abs() as usize % windows.len() * TAUGHT_PER_WINDOW % windows.len();
            windows
                .iter()
                .cycle()
                .skip(first)
                .take(count)
                .for_each(|window| kind.teach(window.key, window.vector));
        }
    }

    fn judge(
        &mut self,
        window: &Ended,
        (began, now, together): (Timestamp, Timestamp, bool),
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(p), Some(habit)) = (window.p, self.habits.get_mut(&window.key)) else { return };
        let Some(forest) = self.kinds.get(&window.category).and_then(|kind| kind.forest.as_ref()) else {
            return;
        };
        let outside = moved(forest, &window.vector);
        if p >= P_UNLIKE || outside.len() < OUTSIDE_MIN {
            habit.judged = habit.judged.saturating_add(1);
            habit.unlike = habit.unlike.saturating_add(u32::from(p < P_UNLIKE));
            habit.run = 0;
            return;
        }
        if habit.run == 0 {
            habit.run_began = began;
        }
        habit.run += 1;
        let was_usual = habit.judged >= JUDGED_MIN && habit.unlike * ODD_SHARE <= habit.judged;
        let medical = world.is_medical(&habit.station);
        if habit.run < RUN_MIN
            || !was_usual
            || world.in_maintenance(habit.station.ip, now)
            || episodes.concerns(&habit.station, now)
        {
            return;
        }
        let severity = if together || !medical { Severity::Low } else { Severity::Medium };
        let minutes = i64::from(habit.run) * WINDOW / (60 * SECOND);
        let evidence =
            outside.iter().take(4).map(|feature| numbers(forest, habit, &window.vector, *feature, world));
        episodes.raise(
            Alarm {
                attack: Attack::Anomaly,
                detector: "changed-ways",
                key: window.key.id().to_string(),
                techniques: &[],
                severity,
                confidence: (0.4 + 0.05 * habit.run as f32).min(0.7),
                device: Some(habit.station),
                source: None,
                summary: format!(
                    "A device of kind {} behaves unlike its kind{} for {minutes} minutes: {}.",
                    window.category,
                    if together { ", with most others of it," } else { "" },
                    outside.iter().take(3).filter_map(|feature| NAMES.get(*feature)).copied().collect::<Vec<_>>().join(", ")
                ),
                evidence: evidence.collect(),
                started: habit.run_began,
                time: now,
                silent_if: format!(
                    "its numbers had been among those of {REFERENCE} windows of its kind once in {} minutes, most of its kind had changed with it, a maintenance window had covered it, or the same had been learned as a baseline",
                    i64::from(RUN_MIN) * WINDOW / (60 * SECOND)
                ),
            },
            world.inventory,
        );
    }
}

/// Kinds of which most are unlike themselves in this window: they got something new. Who was never judged has no say.
fn shared(ended: &[Ended]) -> BTreeSet<Category> {
    let mut counts: BTreeMap<Category, (u32, u32)> = BTreeMap::new();
    for window in ended.iter().filter(|window| window.settled) {
        let (all, unlike) = counts.entry(window.category).or_default();
        *all += 1;
        *unlike += u32::from(window.p.is_some_and(|p| p < P_UNLIKE));
    }
    counts.retain(|_, (all, unlike)| *unlike >= 2 && 5 * *unlike >= 3 * *all);
    counts.into_keys().collect()
}

/// Numbers that lie beyond all that was seen, the farthest first.
fn moved(forest: &Forest, vector: &Vector) -> Vec<usize> {
    let mut outside: Vec<(f32, usize)> = vector
        .iter()
        .enumerate()
        .filter(|(feature, value)| forest.range(*feature).is_outside(**value))
        .map(|(feature, value)| (forest.range(feature).distance(*value), feature))
        .collect();
    outside.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    outside.into_iter().map(|(_, feature)| feature).collect()
}

/// One number as evidence: what it is, and what it was for this kind.
fn numbers(forest: &Forest, habit: &Habit, vector: &Vector, feature: usize, world: &World<'_>) -> Evidence {
    let range = forest.range(feature);
    let value = vector.get(feature).copied().unwrap_or_default();
    let seen = Observation {
        sighting: habit.sighting,
        from: habit.station,
        to: habit.peer,
        transport: habit.transport,
        vlan: None,
        fact: Fact::StationSeen,
    };
    let protocol =
        if habit.station.ip.is_some_and(|ip| ip.is_ipv6()) { Protocol::Ipv6 } else { Protocol::Ipv4 };
    let text =
        format!("{value:.2}; its kind: {:.2} to {:.2}, median {:.2}", range.low, range.high, range.median);
    let name = NAMES.get(feature).copied().unwrap_or_default();
    Evidence { field: Label::new(name), ..world.names.evidence(&seen, protocol, "", &text) }
}

impl Kind {
    /// Takes a window into the reference, unless its device has taught more than its share.
    fn teach(&mut self, device: DeviceKey, vector: Vector) {
        let mine = self.reference.iter().filter(|(key, _)| *key == device).count();
        let mut devices: Vec<DeviceKey> = self.reference.iter().map(|(key, _)| *key).collect();
        devices.sort_unstable();
        devices.dedup();
        let share = SHARE_TIMES * REFERENCE / devices.len().max(DEVICES_MIN);
        if mine >= share {
            return;
        }
        let taught = (device, vector);
        if self.reference.len() < REFERENCE {
            self.reference.push(taught);
        } else if let Some(place) = self.reference.get_mut(self.oldest) {
            *place = taught;
            self.oldest = (self.oldest + 1) % REFERENCE;
        }
        self.taught_since += 1;
        let due = self.forest.is_none() || self.taught_since >= REGROW_AFTER;
        if self.reference.len() == REFERENCE && devices.len() >= DEVICES_MIN && due {
            let vectors: Vec<[f32; FEATURES]> = self.reference.iter().map(|(_, vector)| *vector).collect();
            self.forest = Some(Forest::grow(&vectors));
            self.taught_since = 0;
        }
    }
}
