//! What the user tells us about the site.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Category, Criticality, Label, MacAddress, Timestamp};

/// A network and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Prefix, such as `10.20.0.0/16`.
    pub prefix: IpNet,
    /// Name.
    pub name: Option<Label>,
    /// Zone that its devices belong to.
    pub zone: Option<Label>,
    /// VLAN.
    pub vlan: Option<u16>,
}

/// A device that the user knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDevice {
    /// Link address. At least one of `mac` and `ip` is needed.
    pub mac: Option<MacAddress>,
    /// Network address.
    pub ip: Option<IpAddr>,
    /// What people call it.
    pub name: Option<Label>,
    /// Maker.
    pub vendor: Option<Label>,
    /// Model.
    pub model: Option<Label>,
    /// Firmware.
    pub firmware: Option<Label>,
    /// Serial number.
    pub serial: Option<Label>,
    /// Category.
    pub category: Option<Category>,
    /// Owner.
    pub owner: Option<Label>,
    /// What depends on it.
    pub criticality: Option<Criticality>,
    /// Zone.
    pub zone: Option<Label>,
    /// Place.
    pub location: Option<Label>,
    /// Touches a patient.
    pub patient_contact: Option<bool>,
    /// The inventory list and its line that say so; `None` for the site file, whose word stands above the wire's.
    #[serde(skip)]
    pub listed: Option<Label>,
}

/// Day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum WeekDay {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A time in which work on devices is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// Which devices; empty is all.
    #[serde(default)]
    pub devices: Vec<IpAddr>,
    /// Which zones; empty is all.
    #[serde(default)]
    pub zones: Vec<Label>,
    /// Begin of a single window.
    pub from: Option<Timestamp>,
    /// End of a single window.
    pub until: Option<Timestamp>,
    /// Days of a weekly window.
    #[serde(default)]
    pub days: Vec<WeekDay>,
    /// Minutes after midnight UTC at which a weekly window begins.
    pub start_minute: Option<u16>,
    /// Its length, minutes.
    pub length_minutes: Option<u16>,
    /// What for.
    pub reason: Option<Label>,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ServerRole {
    Dns,
    Dhcp,
    Ntp,
    Pacs,
    Worklist,
    IntegrationEngine,
    Ehr,
    Lis,
    CentralStation,
    PumpServer,
    DomainController,
    FileServer,
    Broker,
    Management,
    /// Scans by order; its probes are no attack.
    Scanner,
    Router,
}

/// Which address is which server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteServer {
    /// Address.
    pub ip: IpAddr,
    /// What it is for.
    pub role: ServerRole,
}

/// The site file (`--site`): everything in it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Name of the site.
    pub name: Option<Label>,
    /// `[[network]]`.
    #[serde(rename = "network")]
    pub networks: Vec<Network>,
    /// `[[device]]`.
    #[serde(rename = "device")]
    pub devices: Vec<KnownDevice>,
    /// `[[maintenance]]`.
    pub maintenance: Vec<MaintenanceWindow>,
    /// `[[server]]`.
    #[serde(rename = "server")]
    pub servers: Vec<SiteServer>,
}

/// What is wrong with a site file beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SiteError {
    /// A device that nothing identifies.
    #[error("device number {0} has neither `mac` nor `ip`; give at least one")]
    DeviceWithoutAddress(usize),
    /// A window without time.
    #[error(
        "maintenance window number {0} has neither `from` and `until` nor `days`, `start_minute` and `length_minutes`"
    )]
    WindowWithoutTime(usize),
}

impl Site {
    /// Checks what the form alone does not.
    pub fn check(&self) -> Result<(), SiteError> {
        for (index, device) in self.devices.iter().enumerate() {
            if device.mac.is_none() && device.ip.is_none() {
                return Err(SiteError::DeviceWithoutAddress(index + 1));
            }
        }
        for (index, window) in self.maintenance.iter().enumerate() {
            let single = window.from.is_some() && window.until.is_some();
            let weekly = window.start_minute.is_some() && window.length_minutes.is_some();
            if !single && !weekly {
                return Err(SiteError::WindowWithoutTime(index + 1));
            }
        }
        Ok(())
    }

    /// The most specific network that an address is in.
    pub fn network_of(&self, ip: IpAddr) -> Option<&Network> {
        self.networks
            .iter()
            .filter(|network| network.prefix.contains(&ip))
            .max_by_key(|network| network.prefix.prefix_len())
    }

    /// Whether an address has a role.
    pub fn has_role(&self, ip: IpAddr, role: ServerRole) -> bool {
        self.servers.iter().any(|server| server.ip == ip && server.role == role)
    }
}

impl MaintenanceWindow {
    /// Whether work is expected on the device at `ip` in `zone` at `time`.
    pub fn covers(&self, ip: Option<IpAddr>, zone: Option<&Label>, time: Timestamp) -> bool {
        let device = self.devices.is_empty() || ip.is_some_and(|ip| self.devices.contains(&ip));
        let zone = self.zones.is_empty() || zone.is_some_and(|zone| self.zones.contains(zone));
        device && zone && (self.covers_once(time) || self.covers_weekly(time))
    }

    fn covers_once(&self, time: Timestamp) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if from <= time && time < until)
    }

    fn covers_weekly(&self, time: Timestamp) -> bool {
        let (Some(start), Some(length)) = (self.start_minute, self.length_minutes) else {
            return false;
        };
        let minute = time.nanoseconds().div_euclid(60_000_000_000);
        // 1970-01-01 was a Thursday; a window that runs over midnight belongs to the day it began.
        (0..=1).any(|days_back| {
            let day = minute.div_euclid(1440) - days_back;
            let begin = day * 1440 + i64::from(start);
            let on_this_day = self.days.is_empty() || self.days.contains(&week_day(day));
            on_this_day && (begin..begin + i64::from(length)).contains(&minute)
        })
    }
}

const fn week_day(days_since_epoch: i64) -> WeekDay {
    match (days_since_epoch + 3).rem_euclid(7) {
        0 => WeekDay::Monday,
        1 => WeekDay::Tuesday,
        2 => WeekDay::Wednesday,
        3 => WeekDay::Thursday,
        4 => WeekDay::Friday,
        5 => WeekDay::Saturday,
        _ => WeekDay::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> MaintenanceWindow {
        MaintenanceWindow {
            devices: vec![],
            zones: vec![],
            from: None,
            until: None,
            days: vec![WeekDay::Tuesday],
            start_minute: Some(23 * 60),
            length_minutes: Some(120),
            reason: None,
        }
    }

    #[test]
    fn weekly_window_runs_over_midnight() {
        // 2026-11-24 is a Tuesday.
        let tuesday: i64 = 1_795_478_400;
        let at = |seconds: i64| Timestamp::from_seconds(tuesday + seconds);
        assert_eq!(at(0).to_string(), "2026-11-24T00:00:00.000000Z");
        assert!(!window().covers(None, None, at(0)));
        assert!(window().covers(None, None, at(23 * 3600)));
        assert!(window().covers(None, None, at(24 * 3600 + 3599)));
        assert!(!window().covers(None, None, at(25 * 3600)));
    }

    #[test]
    fn a_device_needs_an_address() {
        let site = Site { devices: vec![KnownDevice::default()], ..Site::default() };
        assert_eq!(site.check(), Err(SiteError::DeviceWithoutAddress(1)));
    }
}
