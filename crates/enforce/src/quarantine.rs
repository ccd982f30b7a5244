//! Quarantine of one device: a ladder, always with a reason, an end and a name, for some devices with two.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wardline_model::{Criticality, Policy};

/// Longest quarantine; whoever needs more decides again.
pub const DURATION_MAX_S: u64 = 24 * 3_600;
/// Devices in quarantine; more is no quarantine but an outage.
pub const QUARANTINES_MAX: usize = 4_096;
const TEXT_BYTES_MAX: usize = 1_000;

/// Rungs of the ladder, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its packets are counted.
    Watch,
    /// Its packets are written into the kernel log, at most ten a second.
    Alert,
    /// It may send and receive little.
    RateLimit,
    /// Only what care depends on passes.
    CareOnly,
    /// Nothing passes.
    Isolate,
}

impl Step {
    /// Its name on the command line and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Alert => "alert",
            Self::RateLimit => "rate-limit",
            Self::CareOnly => "care-only",
            Self::Isolate => "isolate",
        }
    }

    /// Whether it stops packets.
    pub const fn restricts(self) -> bool {
        matches!(self, Self::RateLimit | Self::CareOnly | Self::Isolate)
    }
}

/// One device in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// Device as it was named.
    pub device: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Rung.
    pub step: Step,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// Who agreed, where two are needed.
    pub second: Option<String>,
    /// Since when, seconds since 1970.
    pub since_s: u64,
    /// Until when, seconds since 1970.
    pub expires_s: u64,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Identifier, name or address of the device.
    pub device: String,
    /// Rung.
    pub step: Step,
    /// For how long, seconds.
    pub duration_s: u64,
    /// Why.
    pub reason: String,
    /// Who decides.
    pub by: String,
    /// Who agrees.
    pub second: Option<String>,
}

/// Why a quarantine is not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuarantineError {
    /// Nobody knows the device.
    #[error("no device '{0}': give an address, or an identifier or name that the policy has")]
    Unknown(String),
    /// A text is missing or too long.
    #[error("{0}: a few words are needed, at most {TEXT_BYTES_MAX} bytes")]
    Text(&'static str),
    /// It would never end, or end at once.
    #[error("a quarantine lasts between 1 s and 24 h")]
    Duration,
    /// One person is not enough.
    #[error(
        "'{0}' treats, keeps alive, or is not known to do neither: a second, different person must agree (--second)"
    )]
    SecondPerson(String),
    /// It would leave a patient alone.
    #[error("'{0}' keeps a patient alive and is never isolated; use care-only")]
    LifeSustaining(String),
    /// Too many.
    #[error("{QUARANTINES_MAX} devices are in quarantine already; release some")]
    TooMany,
}

/// Decides on a request, with what the policy knows about the device.
pub fn decide(request: &Request, policy: &Policy, now_s: u64) -> Result<Quarantine, QuarantineError> {
    text("reason", &request.reason)?;
    text("person (--by)", &request.by)?;
    if let Some(second) = &request.second {
        text("second person (--second)", second)?;
    }
    if !(1..=DURATION_MAX_S).contains(&request.duration_s) {
        return Err(QuarantineError::Duration);
    }
    let (addresses, weight) = find(&request.device, policy)?;
    if weight == Weight::LifeSustaining && request.step == Step::Isolate {
        return Err(QuarantineError::LifeSustaining(request.device.clone()));
    }
    let folded = |name: &str| name.trim().to_lowercase();
    let two = request.second.as_deref().is_some_and(|second| folded(second) != folded(&request.by));
    if request.step.restricts() && weight != Weight::Light && !two {
        return Err(QuarantineError::SecondPerson(request.device.clone()));
    }
    Ok(Quarantine {
        device: request.device.clone(),
        addresses,
        step: request.step,
        reason: request.reason.trim().to_owned(),
        by: request.by.trim().to_owned(),
        second: request.second.as_deref().map(|second| second.trim().to_owned()),
        since_s: now_s,
        expires_s: now_s.saturating_add(request.duration_s),
    })
}

fn text(what: &'static str, text: &str) -> Result<(), QuarantineError> {
    let sound = !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX;
    if sound { Ok(()) } else { Err(QuarantineError::Text(what)) }
}

/// How much hangs on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Light,
    /// It treats, or nobody said what depends on it.
    Heavy,
    LifeSustaining,
}

fn find(name: &str, policy: &Policy) -> Result<(Vec<IpAddr>, Weight), QuarantineError> {
    let literal: Option<IpAddr> = name.parse().ok();
    let named = |member: &&wardline_model::Member| {
        let single = member.address.prefix_len() == member.address.max_prefix_len();
        single
            && (literal == Some(member.address.addr())
                || member
                    .device
                    .as_ref()
                    .is_some_and(|device| *device == wardline_model::DeviceId::from(name))
                || member.name.as_ref().is_some_and(|label| label.as_str() == name))
    };
    let mut addresses = Vec::new();
    let mut weight = Weight::Light;
    for member in policy.members.iter().filter(named) {
        addresses.push(member.address.addr());
        let group = policy.groups.iter().find(|group| group.name == member.group);
        weight = weight.max(match member.criticality {
            Some(Criticality::LifeSustaining) => Weight::LifeSustaining,
            Some(Criticality::Therapy) => Weight::Heavy,
            Some(_) => Weight::Light,
            None if group.is_some_and(|group| group.category.is_medical()) => Weight::Heavy,
            None => Weight::Light,
        });
    }
    if addresses.is_empty() {
        // Unknown is never taken for harmless.
        addresses.push(literal.ok_or_else(|| QuarantineError::Unknown(name.to_owned()))?);
        weight = Weight::Heavy;
    }
    if policy.protected.iter().any(|one| addresses.contains(&one.from) || addresses.contains(&one.to)) {
        // One end of a protected conversation that is no life-sustaining device itself may be isolated from all else.
        weight = weight.max(Weight::Heavy);
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok((addresses, weight))
}
