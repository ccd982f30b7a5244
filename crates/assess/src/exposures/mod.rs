//! What is weak: what anybody on the path could read or use, and doors that stand open.
//!
//! One exposure per device, peer, protocol and cause; it grows with each sighting.

mod access;
mod cleartext;
mod credentials;
mod crypto;
mod estate;
mod hearing;
mod metadata;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::fact::{PatientField, PatientFields, TlsFact};
use wardline_model::{
    Device, DeviceReference, Evidence, Exposure, ExposureKind, Fact, Label, Observation, Protocol, Severity,
    Station, Timestamp,
};

use crate::evidence::{self, CaptureNames};
use crate::inventory::{DeviceKey, Inventory};
use crate::limits::EXPOSURES_MAX;

use credentials::Secrets;
pub use credentials::{DefaultCredential, default_credentials};
pub(crate) use estate::support_ended;
use hearing::{FieldHours, Networks};
use pattern::Patterns;

/// What makes two sightings the same exposure. The label tells causes of one kind apart.
type Key = (ExposureKind, Option<DeviceKey>, Option<DeviceKey>, Protocol, Label);

/// What a rule may ask.
struct Scene<'a> {
    observation: &'a Observation,
    inventory: &'a Inventory,
    names: &'a CaptureNames,
}

/// What a rule has seen.
struct Sighting {
    kind: ExposureKind,
    protocol: Protocol,
    /// Tells causes of one kind apart.
    cause: Label,
    /// Whose weakness.
    device: Option<Station>,
    /// With whom it showed.
    peer: Option<Station>,
    severity: Severity,
    fields: PatientFields,
    /// One sentence, with `{device}`, `{peer}` and `{fields}` to be filled in when it is told.
    summary: String,
    remedy: String,
    evidence: Evidence,
    time: Timestamp,
}

struct Entry {
    exposure: Exposure,
    device: Option<Station>,
    peer: Option<Station>,
    summary: String,
    fields: PatientFields,
    field_hours: FieldHours,
}

/// All exposures of a run.
pub(crate) struct Exposures {
    entries: BTreeMap<Key, Entry>,
    changed: BTreeSet<Key>,
    secrets: Secrets,
    patterns: Patterns,
    networks: Networks,
    refused: u64,
}

impl Exposures {
    pub(crate) fn new(defaults: Vec<DefaultCredential>) -> Self {
        Self {
            entries: BTreeMap::new(),
            changed: BTreeSet::new(),
            secrets: Secrets::new(defaults),
            patterns: Patterns::default(),
            networks: Networks::default(),
            refused: 0,
        }
    }

    /// Sees an observation.
    pub(crate) fn observe(&mut self, observation: &Observation, inventory: &Inventory, names: &CaptureNames) {
        let scene = Scene { observation, inventory, names };
        let mut sightings = Vec::new();
        match &observation.fact {
            Fact::PatientData(data) => sightings.push(cleartext::patient_data(&scene, data)),
            Fact::Credential(credential) => {
                sightings.push(cleartext::credential(&scene, credential));
                sightings.extend(self.secrets.observe(&scene, credential));
            }
            Fact::Tls(tls) => {
                sightings = crypto::tls(&scene, tls);
                if let TlsFact::ClientHello(hello) = &**tls {
                    sightings.extend(metadata::client_hello(&scene, hello));
                }
            }
            Fact::Identity(told) => sightings.extend(metadata::introduction(&scene, told)),
            Fact::LinkAdvertisement(told) => sightings.extend(metadata::link_advertisement(&scene, told)),
            Fact::WsDiscovery(told) => sightings.extend(metadata::ws_discovery(&scene, told)),
            Fact::Banner(banner) => sightings.extend(crypto::banner(&scene, banner)),
            Fact::Snmp(snmp) => sightings.extend(crypto::snmp(&scene, snmp)),
            Fact::Smb(smb) => sightings.extend(crypto::smb(&scene, smb)),
            Fact::Protection(told) => sightings.extend(crypto::protection(&scene, told)),
            Fact::Control(control) => sightings.extend(access::control(&scene, control)),
            Fact::Mqtt(mqtt) => sightings.extend(access::mqtt(&scene, mqtt)),
            Fact::RecordAccess(records) => sightings.extend(access::records(&scene, records)),
            Fact::ConversationEnded(conversation) => {
                sightings = access::conversation(&scene, conversation);
                sightings.extend(self.patterns.conversation(&scene, conversation));
            }
            _ => {}
        }
        sightings.into_iter().for_each(|sighting| self.add(sighting, inventory));
    }

    /// Looks at what is known about devices that changed.
    pub(crate) fn review(&mut self, devices: &[Device], inventory: &Inventory) {
        for sighting in devices.iter().filter_map(estate::legacy_os) {
            self.add_once(sighting, inventory);
        }
    }

    /// Looks at the whole site.
    pub(crate) fn review_site(&mut self, devices: &[Device], inventory: &Inventory) {
        for sighting in estate::flat_networks(devices, inventory.site()) {
            self.add_once(sighting, inventory);
        }
    }

    /// A state rather than an event: that it still holds is no second sighting.
    fn add_once(&mut self, sighting: Sighting, inventory: &Inventory) {
        if key(&sighting, inventory).is_some_and(|key| !self.entries.contains_key(&key)) {
            self.add(sighting, inventory);
        }
    }

    fn add(&mut self, sighting: Sighting, inventory: &Inventory) {
        let Some(key) = key(&sighting, inventory) else { return };
        if !self.entries.contains_key(&key) && self.entries.len() >= EXPOSURES_MAX {
            self.refused += 1;
            return;
        }
        let entry = self.entries.entry(key.clone()).or_insert_with_key(|key| begin(key, &sighting));
        entry.fields.merge(sighting.fields);
        entry.field_hours.add(sighting.fields, sighting.time);
        let exposure = &mut entry.exposure;
        exposure.observations += 1;
        exposure.first_seen = exposure.first_seen.min(sighting.time);
        exposure.last_seen = exposure.last_seen.max(sighting.time);
        // A number of bits is known better the longer it is counted.
        if sighting.severity > exposure.severity || sighting.cause.as_str() == pattern::CAUSE {
            exposure.severity = sighting.severity;
            entry.summary = sighting.summary;
        }
        exposure.patient_fields = entry.fields.iter().collect();
        evidence::add(&mut exposure.evidence, sighting.evidence);
        self.changed.insert(key);
    }

    /// Exposures that are new or grew since the last call, as they are now.
    pub(crate) fn drain(&mut self, inventory: &Inventory) -> Vec<Exposure> {
        let changed = std::mem::take(&mut self.changed);
        let mut exposures = Vec::new();
        for key in changed {
            if let Some(entry) = self.entries.get_mut(&key) {
                complete(&key, entry, inventory, &mut self.networks);
                exposures.push(entry.exposure.clone());
            }
        }
        exposures
    }

    /// Brings every exposure up to what is known now about its devices.
    pub(crate) fn complete_all(&mut self, inventory: &Inventory) {
        let networks = &mut self.networks;
        self.entries.iter_mut().for_each(|(key, entry)| complete(key, entry, inventory, networks));
    }

    /// Every exposure.
    pub(crate) fn exposures(&self) -> impl Iterator<Item = &Exposure> {
        self.entries.values().map(|entry| &entry.exposure)
    }

    /// Sightings that found no room.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }
}

/// `None` where neither end is one of ours.
fn key(sighting: &Sighting, inventory: &Inventory) -> Option<Key> {
    let device = sighting.device.and_then(|device| inventory.key_of(&device));
    let peer = sighting.peer.and_then(|peer| inventory.key_of(&peer));
    let (owner, peer) = match (device, peer) {
        (Some(owner), peer) => (Some(owner), peer),
        // A server on the internet is not ours to mend; the client that talks to it is.
        (None, Some(peer)) => (Some(peer), None),
        (None, None) if sighting.device.is_none() => (None, None),
        (None, None) => return None,
    };
    Some((sighting.kind, owner, peer, sighting.protocol, sighting.cause.clone()))
}

fn begin(key: &Key, sighting: &Sighting) -> Entry {
    Entry {
        exposure: Exposure {
            id: identifier(key),
            device: None,
            peer: None,
            kind: sighting.kind,
            severity: sighting.severity,
            summary: String::new(),
            patient_fields: Vec::new(),
            hearing: None,
            first_seen: sighting.time,
            last_seen: sighting.time,
            observations: 0,
            evidence: Vec::new(),
            remedy: sighting.remedy.clone(),
        },
        device: sighting.device,
        peer: sighting.peer,
        summary: sighting.summary.clone(),
        fields: PatientFields::default(),
        field_hours: FieldHours::default(),
    }
}

fn identifier((kind, owner, peer, protocol, cause): &Key) -> String {
    let id = |key: &Option<DeviceKey>| key.map(|key| key.id().to_string()).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    for part in [kind.name(), &id(owner), &id(peer), protocol.name(), cause.as_str()] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    format!("e-{}", hasher.finalize().to_hex().get(..16).unwrap_or_default())
}

fn complete(key: &Key, entry: &mut Entry, inventory: &Inventory, networks: &mut Networks) {
    let device = entry.device.map(|station| inventory.reference(&station));
    let peer = entry.peer.map(|station| inventory.reference(&station));
    let fields: Vec<_> = entry.fields.iter().map(PatientField::name).collect();
    if !fields.is_empty() {
        networks.count(inventory, entry.exposure.last_seen);
        let ends = [entry.device, entry.peer];
        let hearing = networks.hearing(entry.field_hours.sum(), ends, inventory.site());
        entry.exposure.hearing = Some(hearing);
    }
    let exposure = &mut entry.exposure;
    exposure.summary = entry
        .summary
        .replace("{device}", &name(device.as_ref()))
        .replace("{peer}", &name(peer.as_ref()))
        .replace("{fields}", &fields.join(", "));
    // Where the device that is named is not ours, its peer stands in its place.
    let ours = entry.device.is_none_or(|station| inventory.key_of(&station) == key.1);
    (exposure.device, exposure.peer) = if ours { (device, peer) } else { (peer, device) };
}

fn name(reference: Option<&DeviceReference>) -> String {
    let known = reference.and_then(|reference| {
        let ip = || reference.ip.map(|ip| ip.to_string());
        reference.name.as_ref().map(ToString::to_string).or_else(ip)
    });
    known.unwrap_or_else(|| "an unknown station".to_owned())
}
