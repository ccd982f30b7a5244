//! Which devices are there.
//!
//! What is read about an address is kept with that address; which addresses are one device is decided when a
//! device is asked for. A station on the local link is known by its link address. A link address from which
//! many network addresses speak is a router's, and what speaks behind it is known by network address.

mod anchors;
mod clues;
mod entity;
mod posterior;
mod records;
mod topology;

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use wardline_model::fact::DeviceIdentity;
use wardline_model::{
    Category, Claim, Criticality, Device, DeviceField, DeviceId, DeviceReference, Fact, Label, MacAddress,
    Mismatch, MismatchKind, Observation, Protocol, RadioAddress, Site, Station, Timestamp,
};

use crate::evidence::CaptureNames;
use crate::knowledge::{ClueSource, Knowledge, SignatureClaim};
use crate::limits::{MISMATCHES_PER_DEVICE_MAX, REMOTE_ADDRESSES_MAX, STATIONS_MAX};
use anchors::{Anchor, Anchors, Heard, Met};
use entity::Entity;
use records::Records;
use topology::Topology;
pub(crate) use topology::{is_internal, is_unicast};

/// By what a device is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DeviceKey {
    /// By its link address.
    Mac(MacAddress),
    /// By its network address: it is behind a router, or the capture has no link addresses.
    Ip(IpAddr),
    /// By its address on a radio link.
    Radio(RadioAddress),
    /// By what another station says of it, which speaks for it: a digest of that, see [`Self::behind`].
    Behind(u64),
}

/// In as few steps as there are words: this is done several times for every conversation.
impl Hash for DeviceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Mac(mac) => state.write_u64(mac.to_bits()),
            Self::Ip(IpAddr::V4(ip)) => state.write_u64(1 << 63 | u64::from(ip.to_bits())),
            Self::Ip(IpAddr::V6(ip)) => state.write_u128(ip.to_bits()),
            Self::Radio(radio) => radio.hash(state),
            Self::Behind(digest) => state.write_u64(*digest),
        }
    }
}

impl DeviceKey {
    /// The identifier in records.
    pub(crate) fn id(self) -> DeviceId {
        let text = match self {
            Self::Mac(mac) => return mac.into(),
            Self::Ip(ip) => return ip.into(),
            Self::Radio(RadioAddress::BleStatic(address) | RadioAddress::BlePrivate(address)) => {
                format!("d-ble-{:012x}", MacAddress(address).to_bits())
            }
            Self::Radio(RadioAddress::Ieee802154Extended(address)) => {
                format!("d-154-{:016x}", u64::from_be_bytes(address))
            }
            Self::Radio(RadioAddress::Ieee802154Short { network, address }) => {
                format!("d-154-{network:04x}-{address:04x}")
            }
            Self::Behind(digest) => format!("d-of-{digest:016x}"),
        };
        DeviceId::from(text.as_str())
    }

    /// The key of a device behind `gateway`. What has a number of its own is the same device behind another gateway
    /// as well; what has only a name is another there. `None` where nothing tells it from its neighbours.
    pub(crate) fn behind(gateway: Self, device: &DeviceIdentity, name: Option<&Label>) -> Option<Self> {
        /// Shorter identifiers are numbers within one gateway.
        const OWN_LENGTH_MIN: usize = 8;
        let own = device.identifier.as_ref().filter(|id| id.as_str().len() >= OWN_LENGTH_MIN);
        let number = device.serial.as_ref().or(own);
        let mut hasher = blake3::Hasher::new();
        let mut take = |part: &str| {
            hasher.update(part.to_lowercase().as_bytes()).update(&[0]);
        };
        match number {
            Some(number) => {
                take(device.model.as_ref().map_or("", Label::as_str));
                take(number.as_str());
            }
            None => {
                take(&gateway.id().to_string());
                take(device.identifier.as_ref().or(name).or(device.model.as_ref())?.as_str());
            }
        }
        let digest = hasher.finalize();
        digest.as_bytes().first_chunk().map(|bytes| Self::Behind(u64::from_be_bytes(*bytes)))
    }
}

/// A fixed seed: the order of a map is never seen, and the same input takes the same steps.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// All devices.
pub(crate) struct Inventory {
    site: Site,
    knowledge: &'static Knowledge,
    /// What signatures say about the texts that were read last.
    clues: Map<ClueSource, Map<Label, Arc<[SignatureClaim]>>>,
    topology: Topology,
    /// The sender of the observation at hand, and whose it is: most that look at an observation ask.
    sender: (Station, Option<DeviceKey>),
    /// Likewise the receiver, where several will ask: at the end of a conversation. An empty station is nobody's.
    receiver: (Station, Option<DeviceKey>),
    entities: Map<DeviceKey, Entity>,
    anchors: Anchors,
    records: Records,
    /// The modality that stored first with each storage provider: who it was and what it makes.
    stored: Map<DeviceKey, (DeviceKey, Label)>,
    /// Contradictions that were noticed as they happened.
    mismatches: Map<DeviceKey, Vec<Mismatch>>,
    /// Devices to be told at the next drain.
    changed: BTreeSet<DeviceKey>,
    refused: u64,
}

impl Inventory {
    pub(crate) fn new(site: Site) -> Self {
        Self {
            records: Records::new(&site.devices),
            site,
            knowledge: Knowledge::embedded(),
            clues: Map::default(),
            topology: Topology::default(),
            sender: (Station::default(), None),
            receiver: (Station::default(), None),
            entities: Map::default(),
            anchors: Anchors::default(),
            stored: Map::default(),
            mismatches: Map::default(),
            changed: BTreeSet::new(),
            refused: 0,
        }
    }

    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    /// Learns from an observation.
    pub(crate) fn observe(&mut self, observation: &Observation, names: &CaptureNames) {
        self.topology.observe(observation);
        self.face(observation);
        clues::observe(self, observation, names);
    }

    /// Makes out whose the ends of an observation are, and learns nothing else from it.
    pub(crate) fn face(&mut self, observation: &Observation) {
        self.sender = (observation.from, self.resolve(&observation.from));
        self.receiver = match observation.fact {
            Fact::ConversationEnded(_) => (observation.to, self.resolve(&observation.to)),
            _ => (Station::default(), None),
        };
    }

    /// The device that an end of an observation belongs to, if it is one of ours.
    pub(crate) fn key_of(&self, station: &Station) -> Option<DeviceKey> {
        let known = [&self.sender, &self.receiver].into_iter().find(|(known, _)| known == station);
        known.map_or_else(|| self.find(station), |(_, key)| *key)
    }

    /// The devices of the sender and, at the end of a conversation, of the receiver of the observation at hand.
    pub(crate) const fn ends(&self) -> [Option<DeviceKey>; 2] {
        [self.sender.1, self.receiver.1]
    }

    /// As [`Self::find`], and remembers the answer until something changes that it hangs on.
    fn resolve(&mut self, station: &Station) -> Option<DeviceKey> {
        let (Some(mac), Some(ip), None) = (station.mac, station.ip, station.radio) else {
            return self.find(station);
        };
        if let Some(device) = self.topology.remembered(mac, ip) {
            return device;
        }
        let device = self.find(station);
        self.topology.remember(mac, ip, device);
        device
    }

    fn find(&self, station: &Station) -> Option<DeviceKey> {
        if let Some(radio) = station.radio {
            // A private address is another one soon: whoever has it cannot be known again.
            return radio.is_lasting().then_some(DeviceKey::Radio(radio));
        }
        match (station.mac.filter(|mac| mac.is_station()), station.ip) {
            (Some(mac), None) => Some(self.anchors.resolve(DeviceKey::Mac(mac))),
            (mac, Some(ip)) => self.key_of_address(ip, mac),
            (None, None) => None,
        }
    }

    /// The device behind a network address; `mac` is the link address that its frames carried.
    pub(crate) fn key_of_address(&self, ip: IpAddr, mac: Option<MacAddress>) -> Option<DeviceKey> {
        if !topology::is_unicast(ip) {
            return None;
        }
        if let Some(mac) =
            self.topology.owner(ip).or_else(|| mac.filter(|mac| self.topology.is_on_link(*mac, ip)))
        {
            return Some(self.anchors.resolve(DeviceKey::Mac(mac)));
        }
        let known_site = self.site.network_of(ip).is_some() || self.records.knows_ip(ip);
        (topology::is_internal(ip) || known_site).then(|| self.anchors.resolve(DeviceKey::Ip(ip)))
    }

    /// Whether a link address belongs to a router.
    pub(crate) fn is_router(&self, mac: MacAddress) -> bool {
        self.topology.is_router(mac)
    }

    /// Whether a network address is that of a router, by DHCP, router advertisement or site file.
    pub(crate) fn is_gateway(&self, ip: IpAddr) -> bool {
        self.topology.is_gateway(ip) || self.site.has_role(ip, wardline_model::ServerRole::Router)
    }

    /// Whether a link address claims a maker that does not exist, as made-up ones do.
    pub(crate) fn is_made_up(&self, mac: MacAddress) -> bool {
        mac.is_station() && !mac.is_local() && self.knowledge.organization(mac).is_none()
    }

    /// Whether the maker of a link address says in its registered name that it makes medical devices. A router's address
    /// says nothing of who is behind it.
    pub(crate) fn has_medical_maker(&self, mac: MacAddress) -> bool {
        const WORDS: &[&str] = &["medical", "healthcare", "patient monitoring", "medizin", "infusion"];
        let name = self.knowledge.organization(mac).map(str::to_lowercase);
        !self.is_router(mac) && name.is_some_and(|name| WORDS.iter().any(|word| name.contains(word)))
    }

    /// Whether a link address was seen with a network address.
    pub(crate) fn has_address(&self, mac: MacAddress) -> bool {
        !self.topology.addresses(mac).is_empty()
    }

    /// What an end of an observation is called in a finding.
    pub(crate) fn reference(&self, station: &Station) -> DeviceReference {
        let key = self.key_of(station);
        let entity = key.and_then(|key| self.entities.get(&key));
        DeviceReference {
            id: entity.and(key).map(DeviceKey::id),
            ip: station.ip.or_else(|| match key {
                Some(DeviceKey::Mac(mac)) => self.topology.addresses(mac).first().copied(),
                Some(DeviceKey::Ip(ip)) => Some(ip),
                Some(DeviceKey::Radio(_) | DeviceKey::Behind(_)) | None => None,
            }),
            mac: match key {
                // Of several link addresses the one that spoke.
                Some(DeviceKey::Mac(mac)) => {
                    station.mac.filter(|other| self.is_alias(*other, mac)).or(Some(mac))
                }
                _ => None,
            },
            name: entity.map(|entity| self.device(key, entity).display_name()),
        }
    }

    fn is_alias(&self, mac: MacAddress, of: MacAddress) -> bool {
        self.anchors.resolve(DeviceKey::Mac(mac)) == DeviceKey::Mac(of)
    }

    /// The category of the device behind a station, as far as it is known.
    pub(crate) fn category(&self, station: &Station) -> Category {
        let key = self.key_of(station);
        if let Some(category) = self.known(key, station).and_then(|known| known.category) {
            return category;
        }
        key.and_then(|key| self.entities.get(&key))
            .map_or(Category::Unknown, |entity| entity.posterior().category())
    }

    /// What depends on the device behind a station, as far as it is known.
    pub(crate) fn criticality(&self, station: &Station) -> Option<Criticality> {
        let key = self.key_of(station);
        let said = self.known(key, station).and_then(|known| known.criticality);
        said.or_else(|| default_criticality(self.category(station)))
    }

    /// What the user said about the device behind a station.
    fn known(&self, key: Option<DeviceKey>, station: &Station) -> Option<&wardline_model::KnownDevice> {
        if self.site.devices.is_empty() {
            return None;
        }
        let (mac, ip) = match key {
            Some(DeviceKey::Mac(mac)) => (Some(mac), station.ip),
            Some(DeviceKey::Ip(ip)) => (None, Some(ip)),
            Some(DeviceKey::Radio(_) | DeviceKey::Behind(_)) => return None,
            None => (None, station.ip),
        };
        self.records.of(mac, ip).and_then(|place| self.site.devices.get(place))
    }

    /// What is believed about an attribute of a device.
    pub(crate) fn best(&self, key: DeviceKey, field: DeviceField) -> Option<Label> {
        self.entities.get(&key)?.posterior().best(field)
    }

    /// Every device, by key.
    pub(crate) fn devices(&self) -> Vec<Device> {
        let mut keys: Vec<_> = self.entities.keys().copied().collect();
        keys.sort_unstable();
        keys.into_iter().filter_map(|key| Some(self.device(Some(key), self.entities.get(&key)?))).collect()
    }

    /// One address of each device that has one.
    pub(crate) fn device_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.entities.keys().filter_map(|key| match key {
            DeviceKey::Mac(mac) => self.topology.addresses(*mac).first().copied(),
            DeviceKey::Ip(ip) => Some(*ip),
            DeviceKey::Radio(_) | DeviceKey::Behind(_) => None,
        })
    }

    /// How many devices there are.
    pub(crate) fn len(&self) -> usize {
        self.entities.len()
    }

    /// Devices that changed since the last call, and those that were told long ago and were seen since.
    pub(crate) fn drain(&mut self) -> Vec<Device> {
        let changed = std::mem::take(&mut self.changed);
        for key in &changed {
            if let Some(entity) = self.entities.get_mut(key) {
                entity.tell();
            }
        }
        changed.into_iter().filter_map(|key| Some(self.device(Some(key), self.entities.get(&key)?))).collect()
    }

    /// What was refused because a limit was reached.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Marks a device as seen, and makes it known. `None` when there is no room, or nobody to know.
    fn entity(&mut self, key: DeviceKey, time: Timestamp) -> Option<&mut Entity> {
        let limit = match key {
            DeviceKey::Mac(_) | DeviceKey::Radio(_) | DeviceKey::Behind(_) => STATIONS_MAX,
            DeviceKey::Ip(_) => STATIONS_MAX + REMOTE_ADDRESSES_MAX,
        };
        let full = self.entities.len() >= limit;
        let entity = match self.entities.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if full => {
                self.refused += 1;
                return None;
            }
            Entry::Vacant(new) => new.insert(Entity::new(time)),
        };
        entity.seen(time);
        if entity.is_overdue() {
            self.changed.insert(key);
        }
        Some(entity)
    }

    /// A claim about the device of a station.
    fn claim(&mut self, key: DeviceKey, claim: Claim) {
        // What was claimed just now may have told that this is another device's new address.
        let key = self.anchors.resolve(key);
        let time = claim.time;
        let anchor = Anchor::of(&claim);
        let Some(entity) = self.entity(key, time) else { return };
        let new = entity.claim(claim);
        let became = entity.take_change();
        if new {
            self.changed.insert(key);
        }
        if let Some((before, now)) = became {
            self.contradict(key, MismatchKind::ClassChanged, DeviceField::Category, (before, now), key);
        }
        if let Some(anchor) = anchor {
            self.meet(key, anchor);
        }
    }

    /// A device shows something that names one instance.
    fn meet(&mut self, key: DeviceKey, anchor: Anchor) {
        let entities = &self.entities;
        let value = anchor.value().clone();
        let field = match anchor {
            Anchor::Serial(_) => DeviceField::Serial,
            Anchor::Client(_) => DeviceField::Attribute,
            Anchor::Name(_) => DeviceField::Hostname,
        };
        let heard = |key: DeviceKey| {
            entities.get(&key).map(|entity| Heard { first: entity.first_seen(), last: entity.last_seen() })
        };
        // Two that name different makers are two, whatever number they share.
        let agree = |one: DeviceKey, other: DeviceKey| {
            let maker =
                |key| entities.get(&key).and_then(|entity| entity.posterior().sure(DeviceField::Vendor));
            matches!((maker(one), maker(other)), (Some(one), Some(other)) if one == other)
                || maker(one).is_none()
                || maker(other).is_none()
        };
        match self.anchors.meet(key, anchor, heard, agree) {
            Met::Nothing => {}
            Met::Same { from, to } => {
                self.join(from, to);
                self.topology.changed();
            }
            Met::Elsewhere(other) => {
                for (one, two) in [(key, other), (other, key)] {
                    self.contradict(one, MismatchKind::TwoPlaces, field, (value.clone(), value.clone()), two);
                }
            }
        }
    }

    /// Two keys are one device: what was learnt of the one belongs to the other.
    fn join(&mut self, from: DeviceKey, to: DeviceKey) {
        self.changed.remove(&from);
        self.changed.insert(to);
        if let Some(entity) = self.entities.remove(&from)
            && let Some(kept) = self.entities.get_mut(&to)
        {
            kept.absorb(entity);
        }
    }

    fn contradict(
        &mut self,
        key: DeviceKey,
        kind: MismatchKind,
        field: DeviceField,
        (expected, seen): (Label, Label),
        source: DeviceKey,
    ) {
        let mismatch = Mismatch {
            kind,
            field,
            expected: Some(expected),
            seen: Some(seen),
            source: Label::new(&source.id().to_string()),
        };
        let known = self.mismatches.entry(key).or_default();
        if known.len() < MISMATCHES_PER_DEVICE_MAX && !known.contains(&mismatch) {
            known.push(mismatch);
            self.changed.insert(key);
        }
    }

    fn speaks(&mut self, key: DeviceKey, protocol: Protocol, time: Timestamp) {
        let key = self.anchors.resolve(key);
        if self.entity(key, time).is_some_and(|entity| entity.speaks(protocol)) {
            self.changed.insert(key);
        }
    }

    /// The record of a device.
    fn device(&self, key: Option<DeviceKey>, entity: &Entity) -> Device {
        let key = key.unwrap_or(DeviceKey::Mac(MacAddress::default()));
        let posterior = entity.posterior();
        let mut device = Device {
            id: key.id(),
            macs: self
                .keys(key)
                .filter_map(|key| match key {
                    DeviceKey::Mac(mac) => Some(mac),
                    DeviceKey::Ip(_) | DeviceKey::Radio(_) | DeviceKey::Behind(_) => None,
                })
                .collect(),
            ips: self.addresses(key),
            hostnames: posterior.all(DeviceField::Hostname),
            vendor: posterior.best(DeviceField::Vendor),
            model: posterior.best(DeviceField::Model),
            category: posterior.category(),
            os: posterior.best(DeviceField::Os),
            firmware: posterior.best(DeviceField::Firmware),
            serial: posterior.best(DeviceField::Serial),
            protocols: entity.protocols().clone(),
            role: posterior.all(DeviceField::Role),
            zone: None,
            criticality: None,
            first_seen: entity.first_seen(),
            last_seen: entity.last_seen(),
            confidence: posterior.category_confidence(),
            evidence: entity.claims().to_vec(),
            mismatches: self.mismatches.get(&key).cloned().unwrap_or_default(),
        };
        device.zone = posterior.best(DeviceField::Zone).or_else(|| self.zone(&device.ips));
        device.criticality = criticality(&posterior.best(DeviceField::Criticality), device.category);
        self.apply_records(&mut device);
        device
    }

    /// The keys of a device: its own, then the others under which it was seen.
    fn keys(&self, key: DeviceKey) -> impl Iterator<Item = DeviceKey> {
        std::iter::once(key).chain(self.anchors.others(key).iter().copied())
    }

    /// The network addresses of a device; those of its newest link address first.
    fn addresses(&self, key: DeviceKey) -> Vec<IpAddr> {
        let mut keys: Vec<_> = self.keys(key).collect();
        keys.reverse();
        let mut ips = Vec::new();
        for key in keys {
            match key {
                DeviceKey::Mac(mac) => ips.extend(self.topology.addresses(mac)),
                DeviceKey::Ip(ip) => ips.push(ip),
                DeviceKey::Radio(_) | DeviceKey::Behind(_) => {}
            }
        }
        let mut told = BTreeSet::new();
        ips.retain(|ip| told.insert(*ip));
        ips
    }

    fn zone(&self, ips: &[IpAddr]) -> Option<Label> {
        ips.iter()
            .find_map(|ip| self.site.network_of(*ip))
            .and_then(|network| network.zone.clone().or(network.name.clone()))
    }
}

fn criticality(said: &Option<Label>, category: Category) -> Option<Criticality> {
    let said = said
        .as_ref()
        .and_then(|said| Criticality::ALL.iter().copied().find(|known| known.name() == said.as_str()));
    said.or_else(|| default_criticality(category))
}

/// What depends on a device of a category, where nobody said otherwise. Unknown stays unknown.
pub(crate) const fn default_criticality(category: Category) -> Option<Criticality> {
    Some(match category {
        Category::Ventilator | Category::Anesthesia | Category::Defibrillator => Criticality::LifeSustaining,
        Category::InfusionPump | Category::InsulinPump | Category::PacemakerProgrammer => {
            Criticality::Therapy
        }
        Category::ImagingModality
        | Category::LabAnalyzer
        | Category::Ecg
        | Category::RadiologyWorkstation => Criticality::Diagnostic,
        Category::PatientMonitor
        | Category::GlucoseMeter
        | Category::CardiacImplantMonitor
        | Category::BloodPressureMonitor
        | Category::PulseOximeter
        | Category::Wearable
        | Category::TelemetryGateway => Criticality::Monitoring,
        Category::Pacs
        | Category::MedicationCabinet
        | Category::IntegrationEngine
        | Category::Ehr
        | Category::NurseCall
        | Category::MedicalOther => Criticality::Support,
        Category::Server
        | Category::Workstation
        | Category::Printer
        | Category::Phone
        | Category::Camera
        | Category::BuildingAutomation
        | Category::Network => Criticality::It,
        Category::Unknown => return None,
    })
}
