//! Credentials that others know as well: the maker's own, or one secret on many devices.
//!
//! Only pseudonyms are compared. What the published defaults look like under a site's key is computed once by
//! [`default_credentials`]; see `knowledge/default-credentials.toml` for their sources.

use std::collections::BTreeMap;

use serde::Deserialize;
use wardline_model::fact::{CredentialFact, CredentialKind, PatientFields};
use wardline_model::{DeviceField, ExposureKind, Label, Pseudonym, PseudonymKey, Severity, Subject};

use super::{Scene, Sighting};
use crate::inventory::DeviceKey;
use crate::limits::{DEVICES_PER_SECRET_MAX, SECRETS_MAX};

/// Devices of one maker that open to one secret, from which on it is told.
const SHARED_MIN: usize = 3;

const FILE: &str = include_str!("../../../../knowledge/default-credentials.toml");

/// A default credential as it looks under a site's key.
#[derive(Clone, Debug)]
pub struct DefaultCredential {
    /// Whose default it is; `None` for those that many share.
    pub vendor: Option<Label>,
    /// The account; `None` where there is none, as with SNMP communities.
    pub account: Option<Pseudonym>,
    /// The secret.
    pub secret: Pseudonym,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "credential")]
    credentials: Vec<Known>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    vendor: Option<Label>,
    account: Option<String>,
    secret: String,
}

/// The published default credentials under a site's key, for [`crate::Settings::default_credentials`].
pub fn default_credentials(key: &PseudonymKey) -> Vec<DefaultCredential> {
    let Ok(file) = toml::from_str::<File>(FILE) else { return Vec::new() };
    let default = |known: Known| DefaultCredential {
        vendor: known.vendor,
        account: known.account.map(|account| key.pseudonym(Subject::Account, account.as_bytes())),
        secret: key.pseudonym(Subject::Secret, known.secret.as_bytes()),
    };
    file.credentials.into_iter().map(default).collect()
}

/// Secrets seen so far.
pub(super) struct Secrets {
    defaults: Vec<DefaultCredential>,
    /// Which devices of a maker open to a secret.
    devices: BTreeMap<(Pseudonym, Label), Vec<DeviceKey>>,
}

impl Secrets {
    pub(super) const fn new(defaults: Vec<DefaultCredential>) -> Self {
        Self { defaults, devices: BTreeMap::new() }
    }

    pub(super) fn observe(&mut self, scene: &Scene<'_>, credential: &CredentialFact) -> Vec<Sighting> {
        let Some(secret) = credential.secret else { return Vec::new() };
        let key = scene.inventory.key_of(&scene.observation.to);
        let vendor = key.and_then(|key| scene.inventory.best(key, DeviceField::Vendor));
        let known = self.defaults.iter().any(|default| {
            default.secret == secret
                && default.account.is_none_or(|account| credential.account == Some(account))
                && (default.vendor.is_none() || default.vendor == vendor)
        });
        let mut sightings = Vec::new();
        if known {
            sightings.push(default_in_use(scene, credential));
        }
        if let (Some(key), Some(vendor)) = (key, vendor)
            && matches!(credential.kind, CredentialKind::Password | CredentialKind::Basic)
        {
            let devices = self.sharing(secret, &vendor, key);
            if devices >= SHARED_MIN {
                sightings.push(shared(scene, credential, &vendor, devices));
            }
        }
        sightings
    }

    /// How many devices of the maker open to the secret, this one included.
    fn sharing(&mut self, secret: Pseudonym, vendor: &Label, key: DeviceKey) -> usize {
        let place = (secret, vendor.clone());
        if self.devices.len() >= SECRETS_MAX && !self.devices.contains_key(&place) {
            return 0;
        }
        let devices = self.devices.entry(place).or_default();
        if !devices.contains(&key) && devices.len() < DEVICES_PER_SECRET_MAX {
            devices.push(key);
        }
        devices.len()
    }
}

fn default_in_use(scene: &Scene<'_>, credential: &CredentialFact) -> Sighting {
    let observation = scene.observation;
    let community = credential.kind == CredentialKind::Community;
    Sighting {
        kind: ExposureKind::DefaultCredentials,
        protocol: credential.protocol,
        cause: Label::default(),
        device: Some(observation.to),
        peer: None,
        severity: if community { Severity::Medium } else { Severity::High },
        fields: PatientFields::default(),
        summary: format!(
            "{{device}} is asked with credentials that everybody can look up ({}).",
            credential.protocol
        ),
        remedy: "Set credentials of your own. Where the maker does not allow it, let only the management station reach this door.".to_owned(),
        evidence: scene.names.evidence(observation, credential.protocol, credential.field.as_str(), "a published default"),
        time: observation.sighting.time,
    }
}

fn shared(scene: &Scene<'_>, credential: &CredentialFact, vendor: &Label, devices: usize) -> Sighting {
    let observation = scene.observation;
    Sighting {
        kind: ExposureKind::HardCodedCredentials,
        protocol: credential.protocol,
        cause: vendor.clone(),
        device: Some(observation.to),
        peer: None,
        severity: Severity::Medium,
        fields: PatientFields::default(),
        summary: format!(
            "One password opens {{device}} and other devices of {vendor}: it may be built in, and what is learned from one opens all."
        ),
        remedy: "Ask the maker whether the password is built in. Give each device its own where that can be done; otherwise let only the management station reach this door.".to_owned(),
        evidence: scene.names.evidence(
            observation,
            credential.protocol,
            credential.field.as_str(),
            &format!("the same on {devices} devices"),
        ),
        time: observation.sighting.time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound_and_depends_on_the_key() {
        let file: File = toml::from_str(FILE).unwrap();
        assert!(!file._source.is_empty() && !file.credentials.is_empty());
        let one = default_credentials(&PseudonymKey::new([1; 32]));
        let two = default_credentials(&PseudonymKey::new([2; 32]));
        assert_eq!(one.len(), file.credentials.len());
        assert!(one.iter().zip(&two).all(|(one, two)| one.secret != two.secret));
    }
}
