//! What stations do on the wire, whoever made them: who reports patients' results, and who passes on those of others.
//!
//! A device of an unknown maker that reports vital signs is a medical device all the same. Whoever receives results and
//! sends results is a relay: what its messages say is said of whoever sent them first.

use std::net::IpAddr;

use wardline_model::{Fact, Observation, Pseudonym};

use super::recent::Recent;
use crate::limits::{MESSAGES_MAX, SENDERS_MAX};

/// Patients told apart of one reporter, to tell a device from a gateway.
const PATIENTS_MAX: usize = 4;

#[derive(Clone, Debug, Default)]
struct Role {
    reports: u32,
    receives: bool,
    patients: Vec<Pseudonym>,
}

/// Who reports and who relays.
pub(crate) struct Roles {
    stations: Recent<IpAddr, Role>,
    /// Who had a message first.
    origins: Recent<(Pseudonym, Pseudonym), Option<IpAddr>>,
    /// Whether admissions can be seen here.
    admissions: bool,
}

impl Default for Roles {
    fn default() -> Self {
        Self { stations: Recent::new(SENDERS_MAX), origins: Recent::new(MESSAGES_MAX), admissions: false }
    }
}

impl Roles {
    /// Sees an observation before the detectors do.
    pub(crate) fn observe(&mut self, observation: &Observation) {
        let time = observation.sighting.time;
        let Some(from) = observation.from.ip else { return };
        let (patient, is_report) = match &observation.fact {
            Fact::Hl7(hl7) if hl7.acknowledgment.is_none() => {
                self.admissions |= hl7.message.as_str() == "ADT";
                let is_report = hl7.message.as_str() == "ORU" && !hl7.observations.is_empty();
                if let (Some(control), Some(content), true) = (hl7.control, hl7.content, is_report) {
                    self.origins.at((control, content), time).get_or_insert(from);
                }
                (hl7.patient.as_ref().and_then(|patient| patient.identifier), is_report)
            }
            _ => return,
        };
        if !is_report {
            return;
        }
        let role = self.stations.at(from, time);
        role.reports = role.reports.saturating_add(1);
        if let Some(patient) = patient.filter(|patient| !role.patients.contains(patient))
            && role.patients.len() < PATIENTS_MAX
        {
            role.patients.push(patient);
        }
        if let Some(to) = observation.to.ip {
            self.stations.at(to, time).receives = true;
        }
    }

    /// Whether a station reports results of its own.
    pub(crate) fn reports(&self, ip: IpAddr) -> bool {
        self.stations.get(&ip).is_some_and(|role| role.reports > 0 && !role.receives)
    }

    /// Whether a station reports the results of one patient at a time, of its own, as what stands at a bed does.
    pub(crate) fn is_at_a_bed(&self, ip: IpAddr) -> bool {
        let role = self.stations.get(&ip);
        role.is_some_and(|role| role.reports >= 3 && !role.receives && matches!(role.patients.len(), 1 | 2))
    }

    /// Whether a station receives results and passes results on.
    pub(crate) fn relays(&self, ip: IpAddr) -> bool {
        self.stations.get(&ip).is_some_and(|role| role.receives)
    }

    /// Whether an observation is a message that somebody else had before.
    pub(crate) fn is_copy(&self, observation: &Observation) -> bool {
        let Fact::Hl7(hl7) = &observation.fact else { return false };
        let (Some(control), Some(content)) = (hl7.control, hl7.content) else { return false };
        let origin = self.origins.get(&(control, content)).copied().flatten();
        origin.is_some() && origin != observation.from.ip
    }

    /// Whether admissions can be seen here: where they cannot, nobody knows who left.
    pub(crate) const fn sees_admissions(&self) -> bool {
        self.admissions
    }
}
