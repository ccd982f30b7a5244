//! What was told of a device already, so that an advertisement that is repeated ten times a second is told once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use wardline_model::fact::{DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Bounded, Label, Protocol, Timestamp};
use wardline_wire::radio::ble::advertisement::{Element, elements};
use wardline_wire::radio::ble::gatt::{appearance_name, service_name};
use wardline_wire::radio::ble::link::Address;

use super::DEVICES_MAX;

/// Contents of one device that are remembered as told: its advertisement and its scan response, and changes of them.
const CONTENTS_MAX: usize = 8;

/// A map that forgets what it has not heard of for longest.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: BTreeMap<K, (Timestamp, V)>,
    max: usize,
}

impl<K: Ord + Copy, V: Default> Recent<K, V> {
    pub(super) const fn new(max: usize) -> Self {
        Self { entries: BTreeMap::new(), max }
    }

    /// What is known under a key, from now on or since before.
    pub(super) fn at(&mut self, key: K, time: Timestamp) -> &mut V {
        if !self.entries.contains_key(&key) && self.entries.len() >= self.max {
            let oldest = self.entries.iter().min_by_key(|(_, (heard, _))| *heard).map(|(key, _)| *key);
            oldest.into_iter().for_each(|key| {
                self.entries.remove(&key);
            });
        }
        let entry = self.entries.entry(key).or_default();
        entry.0 = entry.0.max(time);
        &mut entry.1
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }
}

/// Advertisers and what was told of them.
#[derive(Debug)]
pub(super) struct Advertisers {
    told: Recent<Address, Vec<u64>>,
}

impl Default for Advertisers {
    fn default() -> Self {
        Self { told: Recent::new(DEVICES_MAX) }
    }
}

impl Advertisers {
    /// What an advertisement says, where it says something new.
    pub(super) fn see(
        &mut self,
        advertiser: Address,
        data: &[u8],
        connectable: bool,
        time: Timestamp,
    ) -> Option<IdentityFact> {
        let fact = introduction(advertiser, data, connectable);
        let mut hasher = DefaultHasher::new();
        (&fact.name, &fact.description).hash(&mut hasher);
        fact.attributes.iter().for_each(|pair| pair.hash(&mut hasher));
        let content = hasher.finish();
        let known = self.told.at(advertiser, time);
        if known.contains(&content) || known.len() >= CONTENTS_MAX {
            return None;
        }
        known.push(content);
        Some(fact)
    }
}

/// An introduction without content.
pub(super) fn empty(field: &str) -> IdentityFact {
    IdentityFact {
        protocol: Protocol::Ble,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity { field: Label::new(field), ..DeviceIdentity::default() },
        name: None,
        description: None,
        role: None,
        attributes: Bounded::new(),
    }
}

/// What an advertisement says of its sender. Services, appearance and company are told by number and, where the number
/// bears on health, by name, so that signatures can look for either.
fn introduction(advertiser: Address, data: &[u8], connectable: bool) -> IdentityFact {
    let mut fact = empty("advertising data");
    let mut words: Vec<String> = Vec::new();
    let mut attributes = vec![("address type", Label::new(advertiser.kind()))];
    elements(data, |element| match element {
        Element::Name(name, whole) => {
            // A name that was cut is not the device's name.
            let name = Label::non_empty(name).filter(|name| !name.as_str().contains('\u{fffd}'));
            if whole {
                fact.name = name;
            } else if let Some(name) = name {
                words.push(format!("name {name}"));
                attributes.push(("shortened name", name));
            }
        }
        Element::Service(uuid) | Element::ServiceData(uuid, _) => {
            let text = service_text(uuid);
            if !attributes.contains(&("service", text.clone())) {
                words.push(format!("service {text}"));
                attributes.push(("service", text));
            }
        }
        Element::Appearance(appearance) => {
            let name = appearance_name(appearance).unwrap_or("appearance");
            let text = format!("{name} (0x{appearance:04x})");
            words.push(format!("appearance {text}"));
            attributes.push(("appearance", Label::new(&text)));
        }
        Element::Company(company, _) => {
            let text = format!("0x{company:04x}");
            words.push(format!("company {text}"));
            attributes.push(("company", Label::new(&text)));
        }
        Element::Flags(_) => {}
    });
    fact.description = Some(Label::new(&words.join("; "))).filter(|words| !words.is_empty());
    fact.role = connectable.then(|| Label::new("ble peripheral"));
    attributes.into_iter().for_each(|(name, value)| fact.attributes.push((Label::new(name), value)));
    fact
}

/// A service by name and number, or by its whole UUID.
pub(super) fn service_text(uuid: wardline_wire::radio::ble::att::Uuid) -> Label {
    match uuid.assigned() {
        Some(number) => match service_name(number) {
            Some(name) => Label::new(&format!("{name} (0x{number:04x})")),
            None => Label::new(&format!("0x{number:04x}")),
        },
        None => Label::new(&format!("{:032x}", uuid.0)),
    }
}
