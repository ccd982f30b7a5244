//! What is weak: what anybody on the path could read or use.
//!
//! One exposure per device, peer and protocol; it grows with each sighting.

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::fact::{CredentialFact, CredentialKind, PatientDataFact, PatientField, PatientFields};
use wardline_model::{Exposure, ExposureKind, Fact, Observation, Protocol, Severity, Station};

use crate::evidence::{self, CaptureNames};
use crate::inventory::{DeviceKey, Inventory};
use crate::limits::EXPOSURES_MAX;

/// What makes two sightings the same exposure.
type Key = (ExposureKind, DeviceKey, Option<DeviceKey>, Protocol, u8);

struct Entry {
    exposure: Exposure,
    device: Station,
    peer: Station,
    fields: PatientFields,
}

/// All exposures of a run.
#[derive(Default)]
pub(crate) struct Exposures {
    entries: BTreeMap<Key, Entry>,
    changed: BTreeSet<Key>,
    refused: u64,
}

impl Exposures {
    /// Sees an observation.
    pub(crate) fn observe(&mut self, observation: &Observation, inventory: &Inventory, names: &CaptureNames) {
        match &observation.fact {
            Fact::PatientData(data) => self.patient_data(observation, data, inventory, names),
            Fact::Credential(credential) => self.credential(observation, credential, inventory, names),
            _ => {}
        }
    }

    fn patient_data(
        &mut self,
        observation: &Observation,
        data: &PatientDataFact,
        inventory: &Inventory,
        names: &CaptureNames,
    ) {
        let fields: Vec<_> = data.fields.iter().map(PatientField::name).collect();
        let evidence =
            names.evidence(observation, data.protocol, "patient data, readable", &fields.join(", "));
        let severity = if data.fields.identifies() { Severity::High } else { Severity::Medium };
        let sighting = Sighting {
            kind: ExposureKind::CleartextPhi,
            protocol: data.protocol,
            variant: 0,
            device: observation.from,
            peer: observation.to,
            severity,
            fields: data.fields,
            remedy: remedy_for_phi(data.protocol),
        };
        self.add(observation, sighting, evidence, inventory);
    }

    fn credential(
        &mut self,
        observation: &Observation,
        credential: &CredentialFact,
        inventory: &Inventory,
        names: &CaptureNames,
    ) {
        let evidence =
            names.evidence(observation, credential.protocol, credential.field.as_str(), "readable");
        let (severity, remedy) = match credential.kind {
            CredentialKind::Password | CredentialKind::Basic => (
                Severity::High,
                "Log in over TLS or SSH instead, then change the password: it must be taken as known. Where the device can do neither, allow this protocol from one management station only.",
            ),
            CredentialKind::Community => (
                Severity::Medium,
                "Use SNMP version 3 with authentication and encryption; until then, read-only, and only from the management station.",
            ),
            CredentialKind::Bearer => {
                (Severity::Medium, "Use TLS: whoever reads the token can act in its owner's name.")
            }
            CredentialKind::ChallengeResponse => (
                Severity::Low,
                "Prefer Kerberos and require signing or encryption: the response can be attacked off-line.",
            ),
        };
        // The server is whose door it is: the one that takes the credentials.
        let sighting = Sighting {
            kind: ExposureKind::CleartextCredentials,
            protocol: credential.protocol,
            variant: credential.kind as u8,
            device: observation.to,
            peer: observation.from,
            severity,
            fields: PatientFields::default(),
            remedy,
        };
        self.add(observation, sighting, evidence, inventory);
    }

    fn add(
        &mut self,
        observation: &Observation,
        sighting: Sighting,
        evidence: wardline_model::Evidence,
        inventory: &Inventory,
    ) {
        let (owner, peer) = match (inventory.key_of(&sighting.device), inventory.key_of(&sighting.peer)) {
            (Some(owner), peer) => (owner, peer),
            // A server on the internet is not ours to mend; the client that talks to it is.
            (None, Some(peer)) => (peer, None),
            (None, None) => return,
        };
        let key = (sighting.kind, owner, peer, sighting.protocol, sighting.variant);
        if !self.entries.contains_key(&key) && self.entries.len() >= EXPOSURES_MAX {
            self.refused += 1;
            return;
        }
        let time = observation.sighting.time;
        let new = || Entry {
            exposure: Exposure {
                id: identifier(&key),
                device: None,
                peer: None,
                kind: sighting.kind,
                severity: sighting.severity,
                summary: String::new(),
                patient_fields: Vec::new(),
                first_seen: time,
                last_seen: time,
                observations: 0,
                evidence: Vec::new(),
                remedy: sighting.remedy.to_owned(),
            },
            device: sighting.device,
            peer: sighting.peer,
            fields: PatientFields::default(),
        };
        let entry = self.entries.entry(key).or_insert_with(new);
        entry.fields.merge(sighting.fields);
        let exposure = &mut entry.exposure;
        exposure.observations += 1;
        exposure.last_seen = exposure.last_seen.max(time);
        exposure.severity = exposure.severity.max(sighting.severity);
        exposure.patient_fields = entry.fields.iter().collect();
        evidence::add(&mut exposure.evidence, evidence);
        self.changed.insert(key);
    }

    /// Exposures that are new or grew since the last call, as they are now.
    pub(crate) fn drain(&mut self, inventory: &Inventory) -> Vec<Exposure> {
        let changed = std::mem::take(&mut self.changed);
        let mut exposures = Vec::new();
        for key in changed {
            if let Some(entry) = self.entries.get_mut(&key) {
                complete(&key, entry, inventory);
                exposures.push(entry.exposure.clone());
            }
        }
        exposures
    }

    /// Brings every exposure up to what is known now about its devices.
    pub(crate) fn complete_all(&mut self, inventory: &Inventory) {
        self.entries.iter_mut().for_each(|(key, entry)| complete(key, entry, inventory));
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

struct Sighting {
    kind: ExposureKind,
    protocol: Protocol,
    variant: u8,
    device: Station,
    peer: Station,
    severity: Severity,
    fields: PatientFields,
    remedy: &'static str,
}

fn identifier((kind, owner, peer, protocol, variant): &Key) -> String {
    let peer = peer.map(|peer| peer.id().0).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    for part in [kind.name(), &owner.id().0, &peer, protocol.name(), &variant.to_string()] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    format!("e-{}", hasher.finalize().to_hex().get(..16).unwrap_or_default())
}

fn complete(key: &Key, entry: &mut Entry, inventory: &Inventory) {
    // Where the device that is named is not ours, its peer stands in its place.
    let owner_is_device = inventory.key_of(&entry.device) == Some(key.1);
    let (device, peer) =
        if owner_is_device { (entry.device, entry.peer) } else { (entry.peer, entry.device) };
    let device = inventory.reference(&device);
    let peer = inventory.reference(&peer);
    let name = |reference: &wardline_model::DeviceReference| {
        reference
            .name
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| reference.ip.map(|ip| ip.to_string()))
            .unwrap_or_else(|| "an unknown station".to_owned())
    };
    let exposure = &mut entry.exposure;
    exposure.summary = match exposure.kind {
        ExposureKind::CleartextPhi => {
            let fields: Vec<_> = exposure.patient_fields.iter().map(|field| field.name()).collect();
            format!(
                "{} sends patient data readable to {} over {}: {}.",
                name(&device),
                name(&peer),
                key.3,
                fields.join(", ")
            )
        }
        _ => {
            format!("Credentials for {} travel readable from {} over {}.", name(&device), name(&peer), key.3)
        }
    };
    exposure.device = Some(device);
    exposure.peer = Some(peer);
}

const fn remedy_for_phi(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Hl7 => {
            "Use MLLP over TLS between both ends, or put both into one segment that nobody else can listen to."
        }
        Protocol::Dicom => {
            "Use DICOM over TLS (PS3.15 annex B), or put both into one imaging segment that nobody else can listen to."
        }
        Protocol::Mqtt => {
            "Use MQTT over TLS with client certificates, and topics without patient identifiers."
        }
        Protocol::Http | Protocol::Fhir | Protocol::Dicomweb => {
            "Use HTTPS, and redirect or close the readable port."
        }
        _ => "Encrypt this conversation, or put both ends into one segment that nobody else can listen to.",
    }
}
