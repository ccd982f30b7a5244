//! Hospitals drawn from a seed, for as long as one likes: other networks, makers and dialects each time, ten kinds of
//! attack in several variants, and what goes wrong in peace.
//!
//! A [`Campus`] is a stream of frames in order of time. What is to come stands in a queue of tasks, so memory does
//! not grow with the time that is simulated. [`Options::duty`] thins the ordinary traffic out, so that months can
//! be run through; disturbances and attacks are not thinned.

mod attacks;
mod chaos;
mod day;
mod layout;
mod makers;
mod network;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wardline_model::{Attack, MacAddress, ServerRole};

use crate::hospital::LabFrame;
use crate::patients::Patient;
use crate::speech::dialect::Dialect;

pub use attacks::{CONTROLS, Variant, variants};
pub use chaos::{DISTURBANCES, Disturbance};
use layout::{Layout, Role, Unit};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// 2026-03-02T06:00:00Z, a Monday morning.
const MORNING_NS: i64 = 1_772_431_200 * SECOND;

/// An attack or a control that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// Which.
    pub variant: &'static Variant,
    /// Seconds after the begin.
    pub start_s: u32,
    /// Seconds that it lasts, where it lasts.
    pub length_s: u32,
}

/// What a campus is made with.
#[derive(Clone, Debug)]
pub struct CampusOptions {
    /// When it begins, nanoseconds since 1970.
    pub start_ns: i64,
    /// Share of the ordinary traffic that is made: 1 is all of it.
    pub duty: f64,
    /// Devices run and patients lie in their beds when it begins: no device starts and nobody is admitted for it.
    pub running: bool,
    /// Attacks, if any.
    pub attacks: Vec<Planned>,
    /// Disturbances a day, of all kinds in turn.
    pub disturbances_per_day: f64,
}

impl Default for CampusOptions {
    fn default() -> Self {
        Self {
            start_ns: MORNING_NS,
            duty: 1.0,
            running: false,
            attacks: Vec::new(),
            disturbances_per_day: 0.0,
        }
    }
}

/// What is true of an attack that was made.
#[derive(Clone, Debug)]
pub struct Assault {
    /// Kind, as in findings; none for a control.
    pub attack: Option<Attack>,
    /// Variant.
    pub variant: &'static str,
    /// Whether it was made to be hard to see.
    pub stealthy: bool,
    /// Begin, nanoseconds since 1970.
    pub start_ns: i64,
    /// Who suffers: a finding names one of them.
    pub victims: Vec<IpAddr>,
    /// Who acts: a finding about somebody else's doing names one of them.
    pub sources: Vec<IpAddr>,
    /// Their link addresses.
    pub source_macs: Vec<MacAddress>,
    /// Between two reports of the device, where it stops reporting.
    pub period_ns: Option<i64>,
}

/// A disturbance that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Which.
    pub name: &'static str,
    /// When, nanoseconds since 1970.
    pub time_ns: i64,
}

/// Disturbances remembered: enough for a week.
const HAPPENED_MAX: usize = 4_096;

type Act = Box<dyn FnOnce(&mut Campus, i64) + Send>;

/// Something that is due.
struct Task {
    time_ns: i64,
    order: u64,
    act: Act,
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Task {}
impl PartialOrd for Task {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Task {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time_ns, self.order).cmp(&(other.time_ns, other.order))
    }
}

/// Who stands between two stations: what they say to each other goes through his hands.
#[derive(Clone)]
struct Interception {
    victim: MacAddress,
    peer: MacAddress,
    by: MacAddress,
    until: i64,
    /// What he makes of a frame that passes.
    alter: fn(&[u8]) -> Option<Vec<u8>>,
}

/// A bed and who lies in it.
#[derive(Clone, Debug)]
struct Bed {
    patient: Patient,
    /// Nobody lies in it until then.
    empty_until: i64,
}

/// An endless, time-ordered stream of frames of a hospital that was drawn from a seed.
pub struct Campus {
    chance: ChaCha8Rng,
    options: CampusOptions,
    layout: Layout,
    dialect: Dialect,
    beds: Vec<Bed>,
    tasks: BinaryHeap<Reverse<Task>>,
    frames: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>>,
    subnet_of: HashMap<MacAddress, usize>,
    interception: Option<Interception>,
    assaults: Vec<Assault>,
    happened: Vec<Happened>,
    scanner: Option<Ipv4Addr>,
    /// A service that has stopped refuses; otherwise nobody is there to say so.
    engine_refuses: bool,
    count: u64,
    control: u32,
    patients: u32,
}

impl Campus {
    /// The hospital of this seed.
    pub fn new(seed: u64, options: CampusOptions) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0x0c0f_fee0_0000_0000);
        let mut layout = Layout::draw(&mut chance);
        let crosses = options.attacks.iter().any(|planned| planned.variant.crosses_border);
        layout.uplink = crosses || seed.is_multiple_of(2);
        let mut dialect = Dialect::draw(&mut chance);
        dialect.has_bed |= options.attacks.iter().any(|planned| planned.variant.needs_beds);
        let mut campus = Self {
            layout,
            dialect,
            beds: Vec::new(),
            tasks: BinaryHeap::new(),
            frames: BinaryHeap::new(),
            subnet_of: HashMap::new(),
            interception: None,
            assaults: Vec::new(),
            happened: Vec::new(),
            scanner: None,
            engine_refuses: false,
            count: 0,
            control: chance.random_range(1_000..100_000),
            patients: 0,
            chance,
            options,
        };
        for _ in 0..campus.layout.beds.len() {
            let patient = campus.invent();
            campus.beds.push(Bed { patient, empty_until: 0 });
        }
        let outside =
            campus.layout.add(Role::Internet, &makers::INTERNET, layout::SERVERS, &mut campus.chance);
        // The security team has a scanner; what it is stands in the site file.
        if campus.options.disturbances_per_day > 0.0 {
            let scanner =
                campus.layout.add(Role::Intruder, &makers::INTRUDER, layout::SERVERS, &mut campus.chance);
            campus.scanner = Some(campus.unit(scanner).end.ip);
        }
        for place in 0..campus.layout.units.len() {
            campus.register(place);
        }
        debug_assert!(campus.layout.units[outside].subnet == layout::OUTSIDE);
        campus.open_day();
        campus.plan();
        campus
    }

    /// When it begins, nanoseconds since 1970.
    pub const fn start_ns(&self) -> i64 {
        self.options.start_ns
    }

    /// Machines inside the hospital.
    pub fn device_count(&self) -> usize {
        self.layout.units.iter().filter(|unit| unit.subnet != layout::OUTSIDE).count()
    }

    /// What was done to it so far.
    pub fn assaults(&self) -> &[Assault] {
        &self.assaults
    }

    /// What happened in peace so far, the newest [`HAPPENED_MAX`] of it.
    pub fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// What an administrator would write into a site file, no more: who scans by order.
    pub fn servers(&self) -> Vec<(Ipv4Addr, ServerRole)> {
        self.scanner.map(|ip| (ip, ServerRole::Scanner)).into_iter().collect()
    }

    /// Every machine inside: link address, address, and what it is.
    pub fn kinds(&self) -> impl Iterator<Item = (MacAddress, Ipv4Addr, wardline_model::Category)> {
        let inside = self.layout.units.iter().filter(|unit| unit.subnet != layout::OUTSIDE);
        inside.map(|unit| (unit.end.mac, unit.end.ip, unit.kind.category))
    }

    /// The layout in a few words.
    pub fn describe(&self) -> String {
        format!(
            "{:?}, {} networks, {} beds, {} machines{}, HL7 {}",
            self.layout.vantage,
            self.layout.subnets.len(),
            self.beds.len(),
            self.device_count(),
            if self.layout.forwards { ", engine passes on" } else { "" },
            self.dialect.describe()
        )
    }

    fn invent(&mut self) -> Patient {
        self.patients += 1;
        Patient::invent(&mut self.chance, self.patients)
    }

    fn register(&mut self, place: usize) {
        let unit = &self.layout.units[place];
        self.subnet_of.insert(unit.end.mac, unit.subnet);
    }

    /// Puts something on the list.
    fn at(&mut self, time_ns: i64, act: impl FnOnce(&mut Self, i64) + Send + 'static) {
        self.count += 1;
        self.tasks.push(Reverse(Task { time_ns, order: self.count, act: Box::new(act) }));
    }

    /// Does something again and again until a time.
    fn every(
        &mut self,
        first_ns: i64,
        period_ns: i64,
        until_ns: i64,
        mut act: impl FnMut(&mut Self, i64) + Send + 'static,
    ) {
        if first_ns < until_ns {
            self.at(first_ns, move |campus, now| {
                act(campus, now);
                campus.every(now + period_ns, period_ns, until_ns, act);
            });
        }
    }

    fn within(&mut self, longest_ns: i64) -> i64 {
        self.chance.random_range(0..longest_ns.max(1))
    }

    /// Places of the units with a role.
    fn with_role(&self, wanted: impl Fn(Role) -> bool) -> Vec<usize> {
        (0..self.layout.units.len()).filter(|place| wanted(self.layout.units[*place].role)).collect()
    }

    fn the(&self, role: Role) -> usize {
        self.layout.units.iter().position(|unit| unit.role == role).unwrap_or(0)
    }

    fn pick(&mut self, of: &[usize]) -> usize {
        of.get(self.chance.random_range(0..of.len().max(1))).copied().unwrap_or(0)
    }

    fn unit(&self, place: usize) -> &Unit {
        &self.layout.units[place]
    }

    fn unit_mut(&mut self, place: usize) -> &mut Unit {
        &mut self.layout.units[place]
    }

    /// Adds a machine that is not the hospital's.
    fn intrude(&mut self, subnet: usize) -> usize {
        let subnet = if subnet < self.layout.subnets.len() { subnet } else { layout::SERVERS };
        let place = self.layout.add(Role::Intruder, &makers::INTRUDER, subnet, &mut self.chance);
        self.register(place);
        place
    }
}

impl Iterator for Campus {
    type Item = LabFrame;

    fn next(&mut self) -> Option<LabFrame> {
        loop {
            let task = self.tasks.peek().map(|Reverse(task)| task.time_ns);
            let frame = self.frames.peek().map(|Reverse((time, ..))| *time);
            match (task, frame) {
                (Some(task), Some(frame)) if frame < task => break,
                (None, _) => break,
                _ => {}
            }
            if let Some(Reverse(task)) = self.tasks.pop() {
                (task.act)(self, task.time_ns);
            }
        }
        self.frames.pop().map(|Reverse((time_ns, _, bytes))| LabFrame { time_ns, bytes })
    }
}
