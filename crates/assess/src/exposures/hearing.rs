//! Who could hear what travels readable, and for how long it was to be heard. A silent listener cannot be detected; how much
//! there is for him to hear can be counted.

use std::net::IpAddr;

use ipnet::IpNet;
use wardline_model::fact::PatientFields;
use wardline_model::{Hearing, Site, Station, Timestamp};

use super::estate::network_of;
use crate::inventory::{Inventory, Map, is_internal, is_unicast};

/// Nanoseconds of an hour.
const HOUR: i64 = 3_600_000_000_000;
/// How long a count of devices by network is good enough.
const COUNTED_FOR: i64 = HOUR / 60;

/// For each kind of patient data, the hours of the day's clock in which it was readable, in all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FieldHours {
    hour: i64,
    /// What was readable in this hour so far.
    heard: PatientFields,
    sum: u64,
}

impl FieldHours {
    pub(super) fn add(&mut self, fields: PatientFields, time: Timestamp) {
        let hour = time.nanoseconds().div_euclid(HOUR);
        if hour > self.hour {
            (self.hour, self.heard) = (hour, PatientFields::default());
        }
        if hour == self.hour {
            self.sum += fields.iter().filter(|field| !self.heard.contains(*field)).count() as u64;
            self.heard.merge(fields);
        }
    }

    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }
}

/// How many devices are in each network.
#[derive(Debug, Default)]
pub(super) struct Networks {
    devices: Map<IpNet, u32>,
    counted: Option<Timestamp>,
}

impl Networks {
    /// Counts anew, if the last count is older than a minute.
    pub(super) fn count(&mut self, inventory: &Inventory, now: Timestamp) {
        if self.counted.is_some_and(|counted| now.nanoseconds_since(counted) < COUNTED_FOR) {
            return;
        }
        self.counted = Some(now);
        self.devices.clear();
        for ip in inventory.device_addresses() {
            if let Some(network) = network_of(ip, inventory.site()) {
                *self.devices.entry(network).or_default() += 1;
            }
        }
    }

    /// Who could hear what two stations say to each other: the devices of the networks of both.
    pub(super) fn hearing(&self, field_hours: u64, ends: [Option<Station>; 2], site: &Site) -> Hearing {
        let ips = || ends.iter().flatten().filter_map(|station| station.ip).filter(|ip| is_unicast(*ip));
        let outside = |ip: IpAddr| !is_internal(ip) && site.network_of(ip).is_none();
        let mut networks: Vec<_> =
            ips().filter(|ip| !outside(*ip)).filter_map(|ip| network_of(ip, site)).collect();
        networks.sort_unstable();
        networks.dedup();
        Hearing {
            field_hours,
            devices: networks.iter().filter_map(|network| self.devices.get(network)).sum(),
            networks: networks.iter().map(ToString::to_string).collect(),
            outside: ips().any(outside),
        }
    }
}

#[cfg(test)]
mod tests {
    use wardline_model::fact::PatientField;

    use super::*;

    #[test]
    fn a_field_counts_once_an_hour() {
        let set = |fields: &[PatientField]| {
            let mut set = PatientFields::default();
            fields.iter().for_each(|field| set.insert(*field));
            set
        };
        let (name, both) = (set(&[PatientField::Name]), set(&[PatientField::Name, PatientField::BirthDate]));
        let mut hours = FieldHours::default();
        let at = |minutes: i64| Timestamp::from_seconds(1_772_434_800 + 60 * minutes);
        hours.add(name, at(0));
        hours.add(name, at(59));
        assert_eq!(hours.sum(), 1);
        hours.add(both, at(59));
        assert_eq!(hours.sum(), 2);
        hours.add(both, at(60));
        assert_eq!(hours.sum(), 4);
        // What comes late is of an hour that was counted.
        hours.add(both, at(30));
        assert_eq!(hours.sum(), 4);
    }
}
