//! A device is not what it claims to be: a pseudo sensor, a clone, an altered device. MITRE ATT&CK T1200, T0848,
//! T0856, T0860.
//!
//! * [`Impostor`]: one address, two stacks. A clone copies the link address and the name, but not how its operating
//!   system opens connections and asks for an address. One layer may change with an update; two of different
//!   families at once, or two that take turns, are two devices.
//! * [`Doppelganger`]: one clinical identity (device identifier of HL7, client of MQTT, calling title of DICOM) alive at
//!   two places that do not relay each other.
//! * [`PseudoSensor`]: a second source reports the same quantity of a patient.

use std::collections::{BTreeSet, VecDeque};
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use wardline_model::fact::{DhcpMessage, DicomFact, Hl7Fact, MqttFact, StackTraits, TcpEvent};
use wardline_model::{
    Attack, Fact, MacAddress, Observation, Protocol, Pseudonym, Severity, Station, Timestamp, Transport,
};

use super::recent::Recent;
use super::{Alarm, Conversations, Detector, Episodes, World};
use crate::limits::{MESSAGES_MAX, PATIENTS_MAX, SENDERS_MAX};

const SECOND: i64 = 1_000_000_000;
/// Times that a trait must have been seen before it is the device's own.
const SETTLED_MIN: u32 = 3;
/// Times that a layer of a medical device goes from one known value to another before it is two machines.
const ALTERNATES_MIN: u32 = 4;
/// Changes of several layers within this time belong together.
const TOGETHER: i64 = 900 * SECOND;
/// Values remembered per layer.
const VALUES_MAX: usize = 6;

/// A layer of identity. Two of the same family tell one story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Layer {
    /// Initial time to live.
    TimeToLive,
    /// The same, of datagrams: some stacks have another one for them.
    DatagramTimeToLive,
    /// Options, their order, scale and segment size of a SYN.
    TcpOptions,
    /// Parameter request list and vendor class.
    Dhcp,
    /// What the device calls itself in its messages.
    Name,
}

impl Layer {
    const ALL: [Self; 5] =
        [Self::TimeToLive, Self::DatagramTimeToLive, Self::TcpOptions, Self::Dhcp, Self::Name];

    const fn name(self) -> &'static str {
        match self {
            Self::TimeToLive => "initial time to live",
            Self::DatagramTimeToLive => "initial time to live of datagrams",
            Self::TcpOptions => "TCP options",
            Self::Dhcp => "DHCP parameters",
            Self::Name => "name in its messages",
        }
    }
}

/// How long ago a trait must have been seen to be the device's own, where it is seen rarely.
const SETTLED_FOR: i64 = 300 * SECOND;

/// What a layer said, newest last.
#[derive(Clone, Debug, Default)]
struct Traits {
    values: VecDeque<(u64, u32, Timestamp)>,
    /// When a settled value was left for a new one.
    changed: Option<Timestamp>,
    /// How often an old value came back after a new one was seen.
    returns: u32,
    /// How often one known value followed another, since when.
    alternates: u32,
    newest: u64,
}

impl Traits {
    /// Adds a value.
    fn see(&mut self, value: u64, time: Timestamp) {
        let settled = self
            .values
            .iter()
            .any(|(_, count, last)| *count >= SETTLED_MIN || time.nanoseconds_since(*last) >= SETTLED_FOR);
        let before = self.newest;
        self.newest = value;
        match self.values.iter_mut().find(|(known, ..)| *known == value) {
            Some((_, count, last)) => {
                *count = count.saturating_add(1);
                *last = time;
                self.alternates += u32::from(before != value);
                if before != value && self.changed.is_some() {
                    self.returns += 1;
                }
            }
            None => {
                if settled {
                    self.changed = Some(time);
                }
                if self.values.len() >= VALUES_MAX {
                    self.values.pop_front();
                }
                self.values.push_back((value, 1, time));
            }
        }
    }

    fn changed_lately(&self, now: Timestamp) -> bool {
        self.changed.is_some_and(|time| now.nanoseconds_since(time) <= TOGETHER)
    }
}

#[derive(Clone, Debug, Default)]
struct Identity {
    /// In the order of [`Layer::ALL`]. A layer of which nothing was seen has no values.
    layers: [Traits; Layer::ALL.len()],
    /// In the order in which they were seen.
    addresses: Vec<IpAddr>,
    /// Whom it begins conversations with, the first [`PEERS_MAX`] of them.
    peers: Vec<IpAddr>,
}

impl Identity {
    /// A layer says something.
    fn see(&mut self, layer: Layer, value: u64, time: Timestamp) {
        if let Some(traits) = self.layers.get_mut(layer as usize) {
            traits.see(value, time);
        }
    }

    fn layers(&self) -> impl Iterator<Item = (Layer, &Traits)> {
        Layer::ALL.into_iter().zip(&self.layers)
    }

    /// Whether nothing changed that may be two machines: so it nearly always is, and this is asked for every conversation.
    fn stands(&self, time: Timestamp) -> bool {
        self.layers.iter().all(|traits| !traits.changed_lately(time) && traits.alternates < ALTERNATES_MIN)
    }

    /// Whether it does one thing, as a device does that runs the system of a computer: the few it speaks to are its own.
    /// People's computers speak to many, and run several systems and virtual machines.
    fn has_one_purpose(&self) -> bool {
        self.peers.len() < PEERS_MAX && self.peers.iter().all(|peer| crate::inventory::is_internal(*peer))
    }
}

/// Stations that a device of one purpose does not begin conversations with: its gateway or engine, its archive, names and
/// time are fewer.
const PEERS_MAX: usize = 5;

/// One address, two stacks.
pub(super) struct Impostor {
    /// Apart from the table, whose free places would take as much.
    identities: Recent<Who, Box<Identity>>,
}

/// Whose identity it is: a link address, or behind a router a network address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Link(MacAddress),
    Behind(IpAddr),
}

impl std::fmt::Display for Who {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Link(mac) => write!(formatter, "{mac}"),
            Self::Behind(ip) => write!(formatter, "{ip}"),
        }
    }
}

/// Who sent an observation, if it can be told from others.
fn who(observation: &Observation, world: &World<'_>) -> Option<Who> {
    let (mac, ip) = (observation.from.mac?, observation.from.ip?);
    if !mac.is_station() {
        return None;
    }
    if !world.inventory.is_router(mac) {
        return (!world.inventory.is_gateway(ip)).then_some(Who::Link(mac));
    }
    // The router has the link address; a network address of the house is one machine still, but for the router's own.
    (crate::inventory::is_internal(ip) && !world.inventory.is_gateway(ip)).then_some(Who::Behind(ip))
}

impl Default for Impostor {
    fn default() -> Self {
        Self { identities: Recent::new(SENDERS_MAX) }
    }
}

/// The initial time to live that a received one came from: stacks begin with 32, 64, 128 or 255.
const fn initial(time_to_live: u8) -> u64 {
    match time_to_live {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        129.. => 255,
    }
}

impl Detector for Impostor {
    fn conversations(&self) -> Conversations {
        Conversations::Begins
    }

    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        match &observation.fact {
            Fact::ConversationStarted(traits) | Fact::Tcp(TcpEvent::Answered(traits)) => {
                self.stack(observation, traits, world, episodes);
            }
            Fact::Dhcp(dhcp)
                if matches!(dhcp.message, DhcpMessage::Discover | DhcpMessage::Request)
                    && !dhcp.parameters.is_empty() =>
            {
                let mut value = hash(&dhcp.parameters);
                if let Some(class) = &dhcp.vendor_class {
                    value ^= hash(class.as_str().as_bytes()).rotate_left(1);
                }
                let who = Who::Link(dhcp.client_mac);
                let identity = self.identities.at(who, time);
                identity.see(Layer::Dhcp, value, time);
                self.judge(who, observation, world, episodes);
            }
            Fact::Hl7(hl7) if hl7.acknowledgment.is_none() => {
                if let Some(name) = &hl7.sending_application {
                    self.name(hash(name.as_str().as_bytes()), observation, world, episodes);
                }
            }
            Fact::Mqtt(mqtt) => {
                if let MqttFact::Connect { client, .. } = mqtt.as_ref() {
                    self.name(hash(client.as_str().as_bytes()), observation, world, episodes);
                }
            }
            _ => {}
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    foldhash::fast::FixedState::default().hash_one(bytes)
}

impl Impostor {
    fn stack(
        &mut self,
        observation: &Observation,
        traits: &StackTraits,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(who), Some(ip)) = (who(observation, world), observation.from.ip) else { return };
        let time = observation.sighting.time;
        let identity = self.identities.at(who, time);
        if identity.addresses.len() < VALUES_MAX && !identity.addresses.contains(&ip) {
            identity.addresses.push(ip);
        }
        // Multicast discovery is sent with a time to live of its own.
        let unicast = observation.to.ip.is_some_and(crate::inventory::is_unicast);
        if let (Fact::ConversationStarted(_), Some(to)) = (&observation.fact, observation.to.ip)
            && unicast
            && identity.peers.len() < PEERS_MAX
            && !identity.peers.contains(&to)
        {
            identity.peers.push(to);
        }
        if unicast && !traits.syn && observation.transport == Some(Transport::UDP) {
            identity.see(Layer::DatagramTimeToLive, initial(traits.time_to_live), time);
            if !identity.stands(time) {
                self.judge(who, observation, world, episodes);
            }
        } else if unicast && traits.syn {
            identity.see(Layer::TimeToLive, initial(traits.time_to_live), time);
            let mut bytes = traits.options.to_vec();
            bytes.push(traits.window_scale);
            bytes.extend(traits.segment_size_max.to_be_bytes());
            // An answer repeats only the options that were offered: it is a layer of its own.
            if matches!(observation.fact, Fact::ConversationStarted(_)) {
                identity.see(Layer::TcpOptions, hash(&bytes), time);
            }
            if !identity.stands(time) {
                self.judge(who, observation, world, episodes);
            }
        }
    }

    fn name(&mut self, value: u64, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Some(who) = who(observation, world) else { return };
        let time = observation.sighting.time;
        self.identities.at(who, time).see(Layer::Name, value, time);
        self.judge(who, observation, world, episodes);
    }

    fn judge(&mut self, who: Who, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        let Some(identity) = self.identities.get_mut(&who) else { return };
        if identity.stands(time) {
            return;
        }
        let station = match who {
            Who::Link(mac) => Station { mac: Some(mac), ..observation.from },
            Who::Behind(_) => Station { mac: None, ..observation.from },
        };
        let medical = world.is_medical(&station);
        // What nobody knows, or takes for a computer by its system alone.
        let unknown = match world.inventory.category(&station) {
            wardline_model::Category::Unknown => true,
            wardline_model::Category::Workstation => identity.has_one_purpose(),
            _ => false,
        };
        let changed: Vec<_> = identity
            .layers()
            .filter(|(_, traits)| {
                traits.changed_lately(time)
                    || medical && traits.alternates >= ALTERNATES_MIN
                    || unknown && traits.alternates >= 2 * ALTERNATES_MIN
            })
            .map(|(layer, traits)| (layer, traits.returns.max(traits.alternates)))
            .collect();
        let of_stack = |layer: &Layer| {
            matches!(layer, Layer::TimeToLive | Layer::DatagramTimeToLive | Layer::TcpOptions)
        };
        let stack = changed.iter().any(|(layer, _)| of_stack(layer));
        let families = usize::from(stack)
            + changed.iter().filter(|(layer, _)| matches!(layer, Layer::Dhcp | Layer::Name)).count();
        let both_stack_layers = changed.iter().filter(|(layer, _)| of_stack(layer)).count() >= 2;
        // A stack that changes its initial time to live changed its kernel; one that takes turns is two.
        let turns = changed.iter().any(|(layer, returns)| {
            *layer == Layer::TimeToLive && *returns >= 2 || *layer == Layer::Name && *returns >= 4
        }) && changed.len() >= 2;
        if !(families >= 2 || both_stack_layers || turns) {
            return;
        }
        // Computers that people use run several systems and virtual machines.
        if !medical && !turns && families < 2 {
            return;
        }
        if world.learning || world.in_maintenance(station.ip, time) {
            return;
        }
        let names: Vec<_> = changed.iter().map(|(layer, _)| layer.name()).collect();
        let mut addresses = identity.addresses.clone();
        addresses.sort_unstable();
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        episodes.raise(
            Alarm {
                techniques: &["T1200", "T0848", "T0856"],
                severity: match (medical, turns || families >= 2) {
                    (true, true) => Severity::High,
                    (true, false) | (false, true) => Severity::Medium,
                    (false, false) => Severity::Low,
                },
                confidence: if turns || families >= 2 { 0.85 } else { 0.65 },
                device: Some(station),
                source: Some(station),
                summary: format!(
                    "What speaks from {who} ({}) is no longer the same machine: its {} changed{}.",
                    addresses.join(", "),
                    names.join(" and "),
                    if turns { " and take turns, so two machines use one address" } else { "" }
                ),
                evidence: vec![world.names.evidence(observation, Protocol::Ethernet, "layers that changed", &names.join(", "))],
                started: identity.layers.iter().filter_map(|traits| traits.changed).min().unwrap_or(time),
                silent_if: "only one of the layers had changed, as after an update, or a maintenance window of the site file had covered the device".to_owned(),
                ..Alarm::about(Attack::Physical, "changed-machine", who.to_string(), observation)
            },
            world.inventory,
        );
    }
}

/// How long a place counts as alive.
const ALIVE: i64 = 120 * SECOND;
/// Sightings at each of two places.
const SIGHTINGS_MIN: u32 = 2;

#[derive(Clone, Debug, Default)]
struct Places {
    places: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    ip: IpAddr,
    mac: Option<MacAddress>,
    first: Timestamp,
    last: Timestamp,
    sightings: u32,
    /// Sightings since another place was seen.
    after_other: u32,
}

/// One clinical identity at two places.
pub(super) struct Doppelganger {
    identities: Recent<(Protocol, String), Places>,
    /// Who passes on messages of others.
    relays: BTreeSet<IpAddr>,
    /// Identities that a station speaks for.
    spoken_for: Recent<IpAddr, BTreeSet<u64>>,
}

impl Default for Doppelganger {
    fn default() -> Self {
        Self {
            identities: Recent::new(SENDERS_MAX),
            relays: BTreeSet::new(),
            spoken_for: Recent::new(SENDERS_MAX),
        }
    }
}

impl Detector for Doppelganger {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        if world.roles.is_copy(observation) {
            return;
        }
        match &observation.fact {
            Fact::Hl7(hl7) if hl7.message.as_str() == "ORU" => {
                // Whoever receives results may pass them on.
                if let Some(to) = observation.to.ip.filter(|_| self.relays.len() < SENDERS_MAX) {
                    self.relays.insert(to);
                }
                if let [device] = &*hl7.devices
                    && let Some(name) = device.identifier.as_ref().or(device.serial.as_ref())
                {
                    self.seen(Protocol::Hl7, "OBX-18", name.as_str(), observation, world, episodes);
                }
            }
            Fact::Mqtt(mqtt) => {
                if let MqttFact::Connect { client, .. } = mqtt.as_ref() {
                    self.seen(Protocol::Mqtt, "mqtt.clientid", client.as_str(), observation, world, episodes);
                }
            }
            Fact::Dicom(dicom) => {
                if let DicomFact::AssociateRequest(association) = dicom.as_ref() {
                    let title = association.calling.as_str();
                    self.seen(Protocol::Dicom, "calling AE title", title, observation, world, episodes);
                }
            }
            _ => {}
        }
    }
}

impl Doppelganger {
    fn seen(
        &mut self,
        protocol: Protocol,
        field: &'static str,
        name: &str,
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(ip) = observation.from.ip else { return };
        if name.len() < 3 || self.relays.contains(&ip) && protocol == Protocol::Hl7 {
            return;
        }
        let time = observation.sighting.time;
        let spoken_for = self.spoken_for.at(ip, time);
        if spoken_for.len() < 8 {
            spoken_for.insert(hash(name.as_bytes()));
        }
        // A gateway speaks for many; whom it speaks for says little about where they are.
        let gateway = spoken_for.len() >= 3;
        let identity = self.identities.at((protocol, name.to_owned()), time);
        let others_alive =
            identity.places.iter().any(|place| place.ip != ip && time.nanoseconds_since(place.last) <= ALIVE);
        let room = identity.places.len() < VALUES_MAX;
        match identity.places.iter_mut().find(|place| place.ip == ip) {
            Some(place) => {
                place.sightings += 1;
                place.after_other = if others_alive { place.after_other + 1 } else { 0 };
                place.last = time;
                place.mac = observation.from.mac.or(place.mac);
            }
            None if room => identity.places.push(Place {
                ip,
                mac: observation.from.mac,
                first: time,
                last: time,
                sightings: 1,
                after_other: u32::from(others_alive),
            }),
            None => return,
        }
        // Titles and names that many stations share, such as a maker's default, name nobody.
        if gateway || identity.places.len() > 2 {
            return;
        }
        let [one, two] = identity.places.as_slice() else { return };
        let (old, new) = if one.first <= two.first { (one, two) } else { (two, one) };
        // One machine with two addresses is one place. Behind a router all have its link address.
        let beside =
            old.mac.is_some_and(|mac| world.inventory.is_router(mac)) && old.ip.is_ipv4() == new.ip.is_ipv4();
        let same_machine = old.mac.is_some() && old.mac == new.mac && !beside;
        let both = old.after_other >= SIGHTINGS_MIN - 1
            && new.after_other >= SIGHTINGS_MIN
            && time.nanoseconds_since(old.last) <= ALIVE
            && time.nanoseconds_since(new.last) <= ALIVE;
        let known_shared = old.first == new.first;
        if !both || same_machine || known_shared || world.learning || world.in_maintenance(Some(ip), time) {
            return;
        }
        let station = |place: &Place| Station { mac: place.mac, ip: Some(place.ip), ..Station::default() };
        let (owner, other, started) = (station(old), station(new), new.first);
        episodes.raise(
            Alarm {
                techniques: &["T0848", "T0849", "T0856"],
                severity: if protocol == Protocol::Dicom { Severity::Medium } else { Severity::High },
                confidence: if protocol == Protocol::Dicom { 0.6 } else { 0.85 },
                device: Some(owner),
                source: Some(other),
                summary: format!(
                    "One identity at two places: {} and {} both call themselves the same device in {protocol}, and neither passes on the other's messages.",
                    old.ip, new.ip
                ),
                evidence: vec![world.names.evidence(observation, protocol, field, name)],
                started,
                silent_if: format!("{} had fallen silent before {} began, or passed on its messages", old.ip, new.ip),
                ..Alarm::about(Attack::Physical, "one-identity-two-places", format!("{protocol} {name}"), observation)
            },
            world.inventory,
        );
    }
}

/// Reports of one quantity by a source before it is the patient's own.
const REPORTS_MIN: u32 = 3;
/// How long two devices report one patient while one takes the other's place.
const HANDED_OVER_WITHIN: i64 = 60 * SECOND;
/// A source that falls silent and one that begins within this time are one that was moved or replaced.
const REPLACED_WITHIN: i64 = 900 * SECOND;
/// Reports of the other source while the first one goes on.
const INTRUSIONS_MIN: u32 = 3;

#[derive(Clone, Debug, Default)]
struct Sources {
    sources: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    ip: IpAddr,
    device: u64,
    reports: u32,
    first: Timestamp,
    last: Timestamp,
    while_other: u32,
    /// Since when it reports without a long pause.
    began: Timestamp,
    value: f64,
}

/// A second source reports the same quantity of one patient.
pub(super) struct PseudoSensor {
    quantities: Recent<(Pseudonym, String), Sources>,
    relays: BTreeSet<IpAddr>,
    patients_of: Recent<IpAddr, BTreeSet<Pseudonym>>,
}

impl Default for PseudoSensor {
    fn default() -> Self {
        Self {
            quantities: Recent::new(MESSAGES_MAX),
            relays: BTreeSet::new(),
            patients_of: Recent::new(PATIENTS_MAX),
        }
    }
}

impl Detector for PseudoSensor {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Hl7(hl7) if hl7.message.as_str() == "ORU" && !world.roles.is_copy(observation) => {
                self.results(observation, hl7, world, episodes);
            }
            Fact::Measurement(measurement) => {
                let patient = measurement.patient.as_ref().and_then(|patient| patient.identifier);
                if let Some(patient) = patient {
                    let device = measurement.device.as_ref().map_or(0, |id| hash(id.as_str().as_bytes()));
                    let quantity = (measurement.code.as_str(), measurement.value, device);
                    self.quantity(patient, quantity, observation, world, episodes);
                }
            }
            _ => {}
        }
    }
}

impl PseudoSensor {
    fn results(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        if let Some(to) = observation.to.ip.filter(|_| self.relays.len() < SENDERS_MAX) {
            self.relays.insert(to);
        }
        let Some(patient) = hl7.patient.as_ref().and_then(|patient| patient.identifier) else { return };
        let device = match &*hl7.devices {
            [device] => device.identifier.as_ref().or(device.serial.as_ref()),
            _ => None,
        };
        let device = device.map_or(0, |id| hash(id.as_str().as_bytes()));
        for result in &hl7.observations {
            if let wardline_model::fact::Hl7Value::Number(value) = result.value {
                self.quantity(patient, (result.code.as_str(), value, device), observation, world, episodes);
            }
        }
    }

    fn quantity(
        &mut self,
        patient: Pseudonym,
        (code, value, device): (&str, f64, u64),
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(ip) = observation.from.ip else { return };
        let time = observation.sighting.time;
        if self.relays.contains(&ip) {
            return;
        }
        let patients = self.patients_of.at(ip, time);
        if patients.len() < 4 {
            patients.insert(patient);
        }
        // An analyser, an archive or a gateway reports everybody; a device that was on another patient before is a
        // mix-up of patients (`false_node`), not a false sensor.
        if patients.len() > 1 {
            return;
        }
        let entry = self.quantities.at((patient, code.to_owned()), time);
        let other_alive = |source: &Source| source.ip != ip && time.nanoseconds_since(source.last) <= ALIVE;
        let settled = entry.sources.iter().any(|source| other_alive(source) && source.reports >= REPORTS_MIN);
        let alive = entry.sources.iter().any(other_alive);
        let room = entry.sources.len() < VALUES_MAX;
        match entry.sources.iter_mut().find(|source| source.ip == ip) {
            Some(source) => {
                source.reports = source.reports.saturating_add(1);
                source.while_other = if alive { source.while_other + 1 } else { 0 };
                if time.nanoseconds_since(source.last) > 5 * ALIVE {
                    source.began = time;
                }
                (source.last, source.value) = (time, value);
            }
            None if room => entry.sources.push(Source {
                ip,
                device,
                reports: 1,
                first: time,
                last: time,
                while_other: u32::from(settled),
                began: time,
                value,
            }),
            None => return,
        }
        let Some(own) =
            entry.sources.iter().find(|source| other_alive(source) && source.reports >= REPORTS_MIN)
        else {
            return;
        };
        let Some(new) = entry.sources.iter().find(|source| source.ip == ip) else { return };
        // Whose address was changed, or who was replaced, falls silent as the other one begins.
        let goes_on = own.last.nanoseconds_since(new.began) > HANDED_OVER_WITHIN;
        let together = new.while_other >= INTRUSIONS_MIN && own.while_other >= 1 && goes_on;
        // One of several sources goes on under another address, or a spare takes its place.
        let replaces = entry.sources.iter().any(|source| {
            source.ip != ip
                && source.ip != own.ip
                && source.reports >= REPORTS_MIN
                && source.last < new.began
                && new.began.nanoseconds_since(source.last) < REPLACED_WITHIN
        });
        let later = new.first > own.first && new.first.nanoseconds_since(own.first) > 2 * ALIVE;
        if !together || !later || replaces || world.learning || world.in_maintenance(Some(ip), time) {
            return;
        }
        let differs = (new.value - own.value).abs() > 0.1 * own.value.abs().max(1.0);
        let known_device = new.device != 0 && new.device != own.device;
        let severity = match (differs, known_device) {
            (true, false) => Severity::High,
            (true, true) => Severity::Medium,
            (false, _) => Severity::Low,
        };
        let (owner, started) = (own.ip, new.first);
        episodes.raise(
            Alarm {
                techniques: &["T1200", "T0848", "T0856"],
                severity,
                confidence: if differs { 0.8 } else { 0.5 },
                device: Some(Station { ip: Some(owner), ..Station::default() }),
                source: Some(observation.from),
                summary: format!(
                    "{ip} reports {code} of a patient whom {owner} reports as well{}: one of the two is no sensor of this patient.",
                    if differs { ", with other values" } else { "" }
                ),
                evidence: vec![world.names.evidence(observation, Protocol::Hl7, "OBX-3", code)],
                started,
                silent_if: format!("{owner} had stopped at the latest a minute after {ip} began, another source of the patient had stopped before it, or the patient had been one whom {ip} reported from the start"),
                ..Alarm::about(Attack::Physical, "pseudo-sensor", ip.to_string(), observation)
            },
            world.inventory,
        );
    }
}
