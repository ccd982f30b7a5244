//! What people recorded about devices, beside what the wire says: the site file and inventory lists.
//!
//! The site file is written for this program by who knows the site: its word stands. An inventory list is a copy of
//! what another system believes: it says what the wire does not, and where the wire itself says something else, that
//! stands, and the contradiction is told.

use std::collections::BTreeSet;
use std::net::IpAddr;

use wardline_model::{
    Claim, Device, DeviceField, InventoryComparison, KnownDevice, Label, MacAddress, Mismatch, MismatchKind,
    Protocol,
};

use super::{Inventory, Map, default_criticality};
use crate::limits::LISTED_TOLD_MAX;

/// Claims at least this confident were read from a field that exists to say it.
const LITERAL: f32 = 0.85;

/// Whether a record is about a device: by link address, network address, serial number or name.
fn is_about(known: &KnownDevice, device: &Device) -> bool {
    if let Some(mac) = known.mac {
        return device.macs.contains(&mac);
    }
    let same = |one: &Label, other: &Label| one.as_str().eq_ignore_ascii_case(other.as_str());
    if let (Some(recorded), Some(seen)) = (&known.serial, &device.serial) {
        return same(recorded, seen);
    }
    if let Some(ip) = known.ip {
        return device.ips.contains(&ip);
    }
    // Only a list may know a device by its name alone.
    known.listed.is_some()
        && known
            .name
            .as_ref()
            .is_some_and(|name| device.hostnames.iter().any(|seen| short(seen) == short(name)))
}

/// Whether two texts name the same: letters and digits without case, one within the other.
fn alike(one: &Label, other: &Label) -> bool {
    let plain = |label: &Label| {
        label
            .as_str()
            .chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    let (one, other) = (plain(one), plain(other));
    !one.is_empty() && !other.is_empty() && (one.contains(&other) || other.contains(&one))
}

/// Records by what they name, so that a list of many thousands costs nothing per packet.
#[derive(Debug, Default)]
pub(super) struct Records {
    by_mac: Map<MacAddress, Vec<usize>>,
    by_ip: Map<IpAddr, Vec<usize>>,
    by_serial: Map<String, Vec<usize>>,
    by_name: Map<String, Vec<usize>>,
    /// Whether an inventory list was given.
    listed: bool,
}

/// A name without its domain and case.
fn short(name: &Label) -> String {
    name.as_str().split('.').next().unwrap_or_default().to_lowercase()
}

impl Records {
    pub(super) fn new(devices: &[KnownDevice]) -> Self {
        let mut records = Self::default();
        for (place, known) in devices.iter().enumerate() {
            records.listed |= known.listed.is_some();
            if let Some(mac) = known.mac {
                records.by_mac.entry(mac).or_default().push(place);
            }
            if let Some(ip) = known.ip {
                records.by_ip.entry(ip).or_default().push(place);
            }
            if let Some(serial) = &known.serial {
                records.by_serial.entry(serial.as_str().to_lowercase()).or_default().push(place);
            }
            // Only a list may know a device by its name alone.
            if let Some(name) = known.name.as_ref().filter(|_| known.listed.is_some()) {
                records.by_name.entry(short(name)).or_default().push(place);
            }
        }
        records
    }

    /// The record of an address, that of the link address first.
    pub(super) fn of(&self, mac: Option<MacAddress>, ip: Option<IpAddr>) -> Option<usize> {
        let by_mac = mac.and_then(|mac| self.by_mac.get(&mac));
        by_mac.or_else(|| ip.and_then(|ip| self.by_ip.get(&ip))).and_then(|places| places.first().copied())
    }

    pub(super) fn knows_ip(&self, ip: IpAddr) -> bool {
        self.by_ip.contains_key(&ip)
    }

    /// Records that may be about a device, in their order.
    fn candidates(&self, device: &Device) -> BTreeSet<usize> {
        let by_mac = device.macs.iter().filter_map(|mac| self.by_mac.get(mac));
        let by_ip = device.ips.iter().filter_map(|ip| self.by_ip.get(ip));
        let serial =
            device.serial.as_ref().and_then(|serial| self.by_serial.get(&serial.as_str().to_lowercase()));
        let by_name = device.hostnames.iter().filter_map(|name| self.by_name.get(&short(name)));
        by_mac.chain(by_ip).chain(serial).chain(by_name).flatten().copied().collect()
    }
}

impl Inventory {
    /// The records about a device.
    fn records_of(&self, device: &Device) -> Vec<(usize, &KnownDevice)> {
        let candidates = self.records.candidates(device).into_iter();
        candidates
            .filter_map(|place| Some((place, self.site.devices.get(place)?)))
            .filter(|(_, known)| is_about(known, device))
            .collect()
    }

    /// Lays the records about a device beside what was seen of it.
    pub(super) fn apply_records(&self, device: &mut Device) {
        let known: Vec<_> = self.records_of(device).into_iter().map(|(_, known)| known).collect();
        if known.is_empty() {
            if self.records.listed {
                device.mismatches.push(Mismatch {
                    kind: MismatchKind::NotListed,
                    field: DeviceField::Attribute,
                    expected: None,
                    seen: None,
                    source: Label::new("inventory lists"),
                });
            }
            return;
        }
        let mut claims = Vec::new();
        // The site file last, so that its word stands.
        let (listed, site): (Vec<_>, Vec<_>) = known.into_iter().partition(|known| known.listed.is_some());
        for record in listed.into_iter().chain(site) {
            self.apply_record(record, device, &mut claims);
        }
        device.evidence.splice(0..0, claims);
    }

    fn apply_record(&self, known: &KnownDevice, device: &mut Device, claims: &mut Vec<Claim>) {
        let site = known.listed.is_none();
        let source = known.listed.clone().unwrap_or_else(|| Label::new("site file"));
        let time = device.first_seen;
        let mut say = |field: DeviceField, value: &Label| {
            claims.push(Claim {
                field,
                value: value.clone(),
                protocol: Protocol::SiteFile,
                source: Label::new("device"),
                seen: None,
                rule: None,
                confidence: if site { 1.0 } else { 0.7 },
                file: source.clone(),
                packet: 0,
                time,
            });
        };
        let literal = |field: DeviceField| {
            device
                .evidence
                .iter()
                .any(|claim| claim.field == field && claim.confidence >= LITERAL && claim.rule.is_none())
        };
        let mut mismatches = Vec::new();
        for (field, value, place) in [
            (DeviceField::Vendor, &known.vendor, &mut device.vendor),
            (DeviceField::Model, &known.model, &mut device.model),
            (DeviceField::Firmware, &known.firmware, &mut device.firmware),
            (DeviceField::Serial, &known.serial, &mut device.serial),
            (DeviceField::Zone, &known.zone, &mut device.zone),
        ] {
            let Some(value) = value else { continue };
            // Lists write makers in their own way.
            let value = &if field == DeviceField::Vendor {
                self.knowledge.vendor(value.as_str()).unwrap_or_else(|| value.clone())
            } else {
                value.clone()
            };
            say(field, value);
            let contradicts =
                place.as_ref().is_some_and(|seen| !alike(seen, value)) && field != DeviceField::Zone;
            if contradicts && literal(field) {
                mismatches.push(Mismatch {
                    kind: MismatchKind::Record,
                    field,
                    expected: Some(value.clone()),
                    seen: place.clone(),
                    source: source.clone(),
                });
            }
            if site || place.is_none() || contradicts && !literal(field) {
                *place = Some(value.clone());
            }
        }
        if let Some(name) = &known.name {
            say(DeviceField::Hostname, name);
            device.hostnames.retain(|other| other != name);
            let place = if site { 0 } else { device.hostnames.len() };
            device.hostnames.insert(place, name.clone());
        }
        for (field, value) in
            [(DeviceField::Location, &known.location), (DeviceField::Attribute, &known.owner)]
        {
            value.iter().for_each(|value| say(field, value));
        }
        if let Some(category) = known.category {
            say(DeviceField::Category, &Label::new(category.name()));
            let certain = device.category != wardline_model::Category::Unknown && device.confidence >= 0.6;
            if certain && device.category != category {
                mismatches.push(Mismatch {
                    kind: MismatchKind::Record,
                    field: DeviceField::Category,
                    expected: Some(Label::new(category.name())),
                    seen: Some(Label::new(device.category.name())),
                    source: source.clone(),
                });
            }
            if site || !certain {
                device.category = category;
                device.confidence = if site { 1.0 } else { 0.7 };
            }
        }
        let said =
            known.criticality.or_else(|| known.category.filter(|_| site).and_then(default_criticality));
        if let Some(criticality) = said {
            say(DeviceField::Criticality, &Label::new(criticality.name()));
            device.criticality = Some(criticality);
        } else if device.criticality.is_none() {
            device.criticality = default_criticality(device.category);
        }
        device.mismatches.extend(mismatches);
    }

    /// Inventory lists beside what was seen. `None` where no list was given.
    pub(crate) fn comparison(&self, devices: &[Device]) -> Option<InventoryComparison> {
        if !self.records.listed {
            return None;
        }
        let seen: BTreeSet<_> =
            devices.iter().flat_map(|device| self.records_of(device)).map(|(place, _)| place).collect();
        let mut comparison = InventoryComparison::default();
        for (place, known) in self.site.devices.iter().enumerate().filter(|(_, known)| known.listed.is_some())
        {
            comparison.listed += 1;
            if seen.contains(&place) {
                comparison.seen += 1;
            } else if comparison.never_seen.len() < LISTED_TOLD_MAX {
                comparison.never_seen.extend(known.listed.clone());
            }
        }
        let of = |kind: MismatchKind| {
            let has = move |device: &&Device| device.mismatches.iter().any(|mismatch| mismatch.kind == kind);
            devices.iter().filter(has)
        };
        comparison.contradicting = of(MismatchKind::Record).count() as u64;
        comparison.not_listed =
            of(MismatchKind::NotListed).map(|device| device.id.clone()).take(LISTED_TOLD_MAX).collect();
        Some(comparison)
    }
}
