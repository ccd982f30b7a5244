//! How far devices can be reached: by what is weak about them, and by who was heard to speak to them.

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{Device, DeviceId, Edge, Exposure, ExposureKind, Label, Reach};

/// Zones that are told apart around one device; beyond it the number stays.
const ZONES_MAX: usize = 64;

/// What was heard around devices.
///
/// Conversations can only show that a device is reached. That nobody was heard is no proof that nobody could, so it never
/// takes a device out of reach.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    internet: BTreeSet<DeviceId>,
    /// Other zones that began conversations with a device.
    zones: BTreeMap<DeviceId, BTreeSet<Label>>,
}

impl Surroundings {
    /// By what is weak about devices.
    pub fn new<'a>(exposures: impl IntoIterator<Item = &'a Exposure>) -> Self {
        let open = exposures.into_iter().filter(|exposure| exposure.kind == ExposureKind::InternetExposed);
        let internet = open.filter_map(|exposure| exposure.device.as_ref()?.id.clone()).collect();
        Self { internet, zones: BTreeMap::new() }
    }

    /// Adds who began conversations with whom. Devices without a zone say nothing.
    pub fn hear<'a>(&mut self, devices: &[Device], edges: impl IntoIterator<Item = &'a Edge>) {
        let zones: BTreeMap<&DeviceId, &Label> =
            devices.iter().filter_map(|device| Some((&device.id, device.zone.as_ref()?))).collect();
        for edge in edges {
            let (Some(from), Some(to)) = (zones.get(&edge.src_device), zones.get(&edge.dst_device)) else {
                continue;
            };
            if from != to {
                let heard = self.zones.entry(edge.dst_device.clone()).or_default();
                if heard.len() < ZONES_MAX {
                    heard.insert((*from).clone());
                }
            }
        }
    }

    /// The same, if a device were moved to a zone that nobody else speaks to.
    pub fn alone(&mut self, device: &DeviceId) {
        self.internet.remove(device);
        self.zones.remove(device);
    }

    pub(super) fn reach(&self, device: &DeviceId) -> Reach {
        if self.internet.contains(device) { Reach::Open } else { Reach::Controlled }
    }

    pub(super) fn zones(&self, device: &DeviceId) -> u32 {
        self.zones.get(device).map_or(0, |zones| u32::try_from(zones.len()).unwrap_or(u32::MAX))
    }
}
