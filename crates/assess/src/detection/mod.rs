//! What is happening: one file per attack, one shape for all.
//!
//! A detector sees every observation in order of capture time and raises [`Alarm`]s; [`Episodes`] turns alarms
//! about the same thing into one finding that grows. Detectors hold no devices: who somebody is, they ask the
//! inventory.

mod alarms;
mod anomaly;
pub(crate) mod catalogue;
mod commands;
mod denial_of_service;
mod eavesdropping;
mod enquiry;
mod episode;
mod exhaustion;
mod false_node;
mod false_routes;
mod implausible;
mod log_in;
mod message_corruption;
mod node_malfunction;
mod outage;
mod participants;
mod passive_gathering;
mod physical;
mod playbook;
mod policy_violation;
mod radio;
mod ransom;
mod recent;
mod rogue;
mod role;
mod routing;
mod threat_intel;
mod traffic_analysis;
mod tunnel;

use wardline_model::{Indicator, Observation, Policy, Timestamp, WarningList};

use crate::evidence::CaptureNames;
use crate::inventory::Inventory;

use episode::Alarm;
pub(crate) use episode::Episodes;
pub(crate) use role::Roles;
pub(crate) use threat_intel::ThreatIntelligence;

/// What a detector may ask.
pub(crate) struct World<'a> {
    pub inventory: &'a Inventory,
    pub names: &'a CaptureNames,
    /// What stations do on the wire.
    pub roles: &'a Roles,
    /// The traffic is a baseline: learn from it, raise nothing.
    pub learning: bool,
    /// When the first thing was seen.
    pub began: Timestamp,
}

impl World<'_> {
    /// Whether a station is a medical device: by what it is known for, because it reports results of patients, or,
    /// where nothing else is known, because its maker makes nothing else.
    pub(crate) fn is_medical(&self, station: &wardline_model::Station) -> bool {
        let category = self.inventory.category(station);
        category.is_medical()
            || station.ip.is_some_and(|ip| self.roles.reports(ip))
            || category == wardline_model::Category::Unknown
                && station.mac.is_some_and(|mac| self.inventory.has_medical_maker(mac))
    }

    /// Whether work on a device is expected at this time.
    pub(crate) fn in_maintenance(&self, ip: Option<std::net::IpAddr>, time: Timestamp) -> bool {
        let site = self.inventory.site();
        let zone = ip.and_then(|ip| site.network_of(ip)).and_then(|network| network.zone.as_ref());
        site.maintenance.iter().any(|window| window.covers(ip, zone, time))
    }
}

/// What a detector looks at of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversations {
    Neither,
    Begins,
    Ends,
    Both,
}

/// One way to notice one attack.
pub(crate) trait Detector: Send {
    /// Sees an observation.
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes);

    /// What of conversations it looks at: their begins and ends are the only facts that may come by the hundred thousand in
    /// a second, so that whoever does not need them is not asked.
    fn conversations(&self) -> Conversations {
        Conversations::Neither
    }

    /// Time has passed: ends windows.
    fn advance(&mut self, _now: Timestamp, _world: &World<'_>, _episodes: &mut Episodes) {}
}

/// What notices conversations that an adopted policy forbids.
pub(crate) fn policy_violation(policy: &Policy) -> Box<dyn Detector> {
    Box::new(policy_violation::PolicyViolation::new(policy))
}

/// Every detector that needs no policy.
pub(crate) fn all(indicators: Vec<Indicator>, warning_lists: &[WarningList]) -> Vec<Box<dyn Detector>> {
    vec![
        Box::new(threat_intel::ThreatIntelligence::new(indicators, warning_lists)),
        Box::<passive_gathering::ArpInterception>::default(),
        Box::<passive_gathering::Scan>::default(),
        Box::<denial_of_service::Flood>::default(),
        Box::<false_node::PatientSwap>::default(),
        Box::<message_corruption::AlteredMessage>::default(),
        Box::<node_malfunction::SettingsErased>::default(),
        Box::<commands::Commanded>::default(),
        Box::<commands::RestartLoop>::default(),
        Box::<alarms::AlarmsLost>::default(),
        Box::<participants::Participants>::default(),
        Box::<routing::Loop>::default(),
        Box::<false_routes::FalseRoutes>::default(),
        Box::<radio::RadioLinks>::default(),
        Box::<ransom::FilesEncrypted>::default(),
        Box::<log_in::PasswordGuessing>::default(),
        Box::<outage::Silence>::default(),
        Box::<outage::ServiceStopped>::default(),
        Box::<eavesdropping::Listening>::default(),
        Box::<enquiry::Enquiry>::default(),
        Box::<tunnel::Tunnel>::default(),
        Box::<rogue::FalseDirections>::default(),
        Box::<exhaustion::Exhaustion>::default(),
        Box::<physical::Impostor>::default(),
        Box::<physical::Doppelganger>::default(),
        Box::<physical::PseudoSensor>::default(),
        Box::<implausible::Implausible>::default(),
        Box::<traffic_analysis::ExtraMessages>::default(),
        // After all others: what they tell of is not told again.
        Box::<anomaly::ChangedWays>::default(),
    ]
}
