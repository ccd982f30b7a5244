//! Readings that cannot be: MITRE ATT&CK T0856, T0832, T0836.
//!
//! The patient's state is never judged, only whether a number can be what it claims. A value outside what a body
//! or an instrument can produce, a jump that no body makes and that stays, a living signal that does not move, and
//! two signals of one heart that disagree point to an altered sensor. Where somebody stands in the way of
//! the sender's messages at the same time, they point to altered messages.

use std::net::IpAddr;

use wardline_model::fact::{Hl7Fact, Hl7Value, PatientReference};
use wardline_model::{Attack, Fact, Observation, Protocol, Severity, Timestamp};

use super::recent::Recent;
use super::{Alarm, Detector, Episodes, World};
use crate::limits::MESSAGES_MAX;

const SECOND: i64 = 1_000_000_000;
/// A living signal that shows one value for longer than this does not live.
const FLAT: i64 = 600 * SECOND;
/// Values within that time, so that a slow report does not count.
const FLAT_VALUES_MIN: u32 = 60;
/// Values after which a level is known.
const LEVEL_KNOWN_MIN: u32 = 10;
/// Values that must stay at the new level after a jump.
const JUMP_STAYS: u32 = 3;

/// A quantity of which limits are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Quantity {
    HeartRate,
    PulseRate,
    Oxygen,
    Respiration,
    Temperature,
    Systolic,
    Diastolic,
    Mean,
    Rate,
}

struct Limits {
    /// What a body or an instrument can produce at all.
    possible: (f64, f64),
    /// Change from one report to the next that no body makes and that stays.
    jump: f64,
    /// It never stands still in a living body.
    lives: bool,
}

impl Quantity {
    /// By code (ISO/IEEE 11073-10101 reference identifier or number, LOINC) or name.
    fn of(code: &str, unit: Option<&str>) -> Option<Self> {
        let upper = code.to_ascii_uppercase();
        let known = match upper.as_str() {
            "147842" | "8867-4" | "MDC_ECG_HEART_RATE" | "HR" | "HEARTRATE" | "HEART_RATE" => Self::HeartRate,
            "149530"
            | "149514"
            | "8889-8"
            | "MDC_PULS_OXIM_PULS_RATE"
            | "MDC_PULS_RATE"
            | "PR"
            | "PULSE"
            | "PULSERATE"
            | "PULSE_RATE" => Self::PulseRate,
            "150456" | "150316" | "2708-6" | "59408-5" | "MDC_PULS_OXIM_SAT_O2" | "SPO2" => Self::Oxygen,
            "151562"
            | "151578"
            | "151594"
            | "9279-1"
            | "MDC_RESP_RATE"
            | "MDC_TTHOR_RESP_RATE"
            | "RR"
            | "RESP"
            | "RESPRATE"
            | "RESP_RATE" => Self::Respiration,
            "150364" | "150344" | "150352" | "8310-5" | "MDC_TEMP" | "MDC_TEMP_BODY" | "TEMP"
            | "TEMPERATURE" | "BODYTEMP" => Self::Temperature,
            "150021"
            | "150017"
            | "150037"
            | "8480-6"
            | "MDC_PRESS_BLD_NONINV_SYS"
            | "MDC_PRESS_BLD_ART_ABP_SYS"
            | "SYS"
            | "SYSTOLIC"
            | "NBPS"
            | "SBP" => Self::Systolic,
            "150022"
            | "150018"
            | "150038"
            | "8462-4"
            | "MDC_PRESS_BLD_NONINV_DIA"
            | "MDC_PRESS_BLD_ART_ABP_DIA"
            | "DIA"
            | "DIASTOLIC"
            | "NBPD"
            | "DBP" => Self::Diastolic,
            "150023"
            | "150019"
            | "150039"
            | "8478-0"
            | "MDC_PRESS_BLD_NONINV_MEAN"
            | "MDC_PRESS_BLD_ART_ABP_MEAN"
            | "MAP"
            | "MEAN" => Self::Mean,
            "157784" | "157785" | "MDC_FLOW_FLUID_PUMP" | "RATE" | "INFUSION_RATE" => Self::Rate,
            _ => return None,
        };
        // Degrees Fahrenheit and kilopascal have limits of their own; rather none than wrong ones.
        let other_unit = unit.is_some_and(|unit| {
            let unit = unit.to_ascii_lowercase();
            known == Self::Temperature && unit.contains('f') || unit.contains("kpa")
        });
        (!other_unit).then_some(known)
    }

    const fn limits(self) -> Limits {
        match self {
            Self::HeartRate | Self::PulseRate => Limits { possible: (0.0, 350.0), jump: 90.0, lives: true },
            Self::Oxygen => Limits { possible: (0.0, 100.0), jump: 40.0, lives: false },
            Self::Respiration => Limits { possible: (0.0, 150.0), jump: 60.0, lives: false },
            Self::Temperature => Limits { possible: (10.0, 46.0), jump: 3.0, lives: false },
            Self::Systolic => Limits { possible: (0.0, 350.0), jump: 120.0, lives: false },
            Self::Diastolic | Self::Mean => Limits { possible: (-20.0, 300.0), jump: 100.0, lives: false },
            Self::Rate => Limits { possible: (0.0, 2_000.0), jump: f64::INFINITY, lives: false },
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Series {
    values: u32,
    level: f64,
    /// Mean distance of one value from the next.
    step: f64,
    last: f64,
    same_since: Timestamp,
    same: u32,
    moved: u32,
    /// Level before a jump that may be told, and values since.
    jump: Option<(f64, u32, Timestamp)>,
}

/// Heart rate and pulse of one patient.
#[derive(Clone, Debug, Default)]
struct Heart {
    rate: Option<(f64, Timestamp)>,
    apart: u32,
    together: u32,
    since: Timestamp,
    /// Heart rate less pulse at the last report, and how far it leaps between reports.
    deficit: f64,
    scatter: f64,
}

/// Readings that cannot be.
pub(super) struct Implausible {
    series: Recent<(IpAddr, String, Quantity), Series>,
    hearts: Recent<(IpAddr, String), Heart>,
}

impl Default for Implausible {
    fn default() -> Self {
        Self { series: Recent::new(MESSAGES_MAX), hearts: Recent::new(MESSAGES_MAX) }
    }
}

/// What is wrong with a value.
struct Wrong {
    detector: &'static str,
    severity: Severity,
    confidence: f32,
    value: String,
    summary: String,
    silent_if: String,
    started: Timestamp,
}

impl Detector for Implausible {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            // What is passed on was judged when it was sent first.
            Fact::Hl7(hl7) if hl7.message.as_str() == "ORU" && !world.roles.is_copy(observation) => {
                self.results(observation, hl7, world, episodes)
            }
            Fact::Measurement(measurement) => {
                let subject =
                    subject(measurement.patient.as_ref(), measurement.device.as_ref().map(|id| id.as_str()));
                let unit = measurement.unit.as_ref().map(|unit| unit.as_str());
                if let Some(quantity) = Quantity::of(measurement.code.as_str(), unit) {
                    let place = (measurement.protocol, "value");
                    self.value(quantity, measurement.value, &subject, place, observation, world, episodes);
                }
            }
            _ => {}
        }
    }
}

/// Whose series it is.
fn subject(patient: Option<&PatientReference>, device: Option<&str>) -> String {
    let patient = patient.and_then(|patient| patient.identifier).map(|id| id.to_string());
    format!("{} {}", patient.unwrap_or_default(), device.unwrap_or_default())
}

impl Implausible {
    fn results(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let device = hl7.devices.first().and_then(|device| device.identifier.as_ref()).map(|id| id.as_str());
        let subject = subject(hl7.patient.as_ref(), device);
        for result in &hl7.observations {
            let Hl7Value::Number(value) = result.value else { continue };
            let unit = result.unit.as_ref().map(|unit| unit.as_str());
            if let Some(quantity) = Quantity::of(result.code.as_str(), unit) {
                self.value(quantity, value, &subject, (Protocol::Hl7, "OBX-5"), observation, world, episodes);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one value with its place and its world")]
    fn value(
        &mut self,
        quantity: Quantity,
        value: f64,
        subject: &str,
        place: (Protocol, &'static str),
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(ip) = observation.from.ip else { return };
        let time = observation.sighting.time;
        let series = self.series.at((ip, subject.to_owned(), quantity), time);
        let found = impossible(quantity, value, ip, time)
            .or_else(|| series.jump(quantity, value, ip, time))
            .or_else(|| series.flat(quantity, value, ip, time));
        series.add(value, time);
        let found = found.or_else(|| self.heart(quantity, value, subject, ip, time));
        let Some(found) = found else { return };
        if world.learning || world.in_maintenance(Some(ip), time) {
            return;
        }
        let in_the_way = episodes.is_intercepted(observation, time);
        let attack = if in_the_way { Attack::MessageCorruption } else { Attack::Physical };
        episodes.raise(
            Alarm {
                techniques: &["T0856", "T0832", "T0836"],
                severity: if in_the_way { Severity::Critical } else { found.severity },
                confidence: if in_the_way { 0.9 } else { found.confidence },
                device: Some(observation.from),
                source: None,
                summary: if in_the_way {
                    format!("{} Somebody stands in the way of its messages.", found.summary)
                } else {
                    found.summary
                },
                evidence: vec![world.names.evidence(observation, place.0, place.1, &found.value)],
                started: found.started,
                silent_if: found.silent_if,
                ..Alarm::about(attack, found.detector, ip.to_string(), observation)
            },
            world.inventory,
        );
    }

    /// Electrical heart rate and pulse are one heart's; apart for long they are not of one patient, or one is made up.
    fn heart(
        &mut self,
        quantity: Quantity,
        value: f64,
        subject: &str,
        ip: IpAddr,
        time: Timestamp,
    ) -> Option<Wrong> {
        const APART: f64 = 15.0;
        const APART_MIN: u32 = 10;
        const SCATTER_MAX: f64 = 5.0;
        /// In reports.
        const SCATTER_MEMORY: f64 = 8.0;
        const APART_FOR: i64 = 120 * SECOND;
        if !matches!(quantity, Quantity::HeartRate | Quantity::PulseRate) {
            return None;
        }
        let heart = self.hearts.at((ip, subject.to_owned()), time);
        if quantity == Quantity::HeartRate {
            heart.rate = Some((value, time));
            return None;
        }
        let (rate, seen) = heart.rate?;
        if time.nanoseconds_since(seen) > 10 * SECOND || rate <= 0.0 || value <= 0.0 {
            return None;
        }
        let deficit = rate - value;
        heart.scatter += ((deficit - heart.deficit).abs() - heart.scatter) / SCATTER_MEMORY;
        heart.deficit = deficit;
        if deficit.abs() <= APART {
            heart.together = heart.together.saturating_add(1);
            heart.apart = 0;
            return None;
        }
        if heart.apart == 0 {
            heart.since = time;
        }
        heart.apart += 1;
        // Where the two never agreed, a pacemaker or an irregular rhythm is the more likely cause.
        let agreed = heart.together >= 2 * APART_MIN;
        // An irregular rhythm begins at any time: beats without a pulse make the difference leap from report to report,
        // where another person's pulse would be as steady as a pulse is.
        let steady = heart.scatter <= SCATTER_MAX;
        (agreed && steady && heart.apart >= APART_MIN && time.nanoseconds_since(heart.since) > APART_FOR).then(|| Wrong {
            detector: "two-hearts",
            severity: Severity::Medium,
            confidence: 0.6,
            value: "heart rate and pulse apart".to_owned(),
            summary: format!(
                "Heart rate and pulse that {ip} reports for one patient are more than {APART} per minute apart, after they agreed."
            ),
            silent_if: format!("the two had agreed within {APART} per minute once in {} s, or their difference had leapt by more than {SCATTER_MAX} between reports, as in an irregular rhythm", APART_FOR / SECOND),
            started: heart.since,
        })
    }
}

fn impossible(quantity: Quantity, value: f64, ip: IpAddr, time: Timestamp) -> Option<Wrong> {
    let (low, high) = quantity.limits().possible;
    // Monitors send small negative or very large numbers for "no value".
    let no_value =
        value < -1.0 && value.fract() == 0.0 && quantity != Quantity::Mean && quantity != Quantity::Diastolic
            || value.abs() >= 8_388_607.0
            || [32_767.0, 65_535.0, 9_999.0, 999.0, 255.0, 127.0].contains(&value);
    (!(low..=high).contains(&value) && !no_value).then(|| Wrong {
        detector: "impossible-value",
        severity: Severity::High,
        confidence: 0.85,
        value: format!("{quantity:?} outside {low} to {high}"),
        summary: format!(
            "{ip} reports a {quantity:?} that no body and no instrument can have (outside {low} to {high})."
        ),
        silent_if: format!("the value had been between {low} and {high}"),
        started: time,
    })
}

impl Series {
    fn add(&mut self, value: f64, time: Timestamp) {
        if self.values == 0 {
            (self.level, self.last, self.same_since) = (value, value, time);
        }
        if value == self.last {
            self.same = self.same.saturating_add(1);
        } else {
            (self.same, self.same_since) = (0, time);
            self.moved = self.moved.saturating_add(1);
        }
        let weight = 1.0 / f64::from(self.values + 1).min(16.0);
        self.step += weight * ((value - self.last).abs() - self.step);
        self.level += weight * (value - self.level);
        self.last = value;
        self.values = self.values.saturating_add(1);
    }

    /// A living signal that stands still, after it moved.
    fn flat(&self, quantity: Quantity, value: f64, ip: IpAddr, time: Timestamp) -> Option<Wrong> {
        let flat = quantity.limits().lives
            && value == self.last
            && value > 0.0
            && self.moved >= LEVEL_KNOWN_MIN
            && self.same >= FLAT_VALUES_MIN
            && time.nanoseconds_since(self.same_since) > FLAT;
        flat.then(|| Wrong {
            detector: "living-signal-stands-still",
            severity: Severity::Medium,
            confidence: 0.65,
            value: format!("{quantity:?} unchanged in {} reports", self.same),
            summary: format!(
                "The {quantity:?} that {ip} reports has not moved for {} minutes in {} reports, as no living signal does.",
                time.nanoseconds_since(self.same_since) / (60 * SECOND),
                self.same
            ),
            silent_if: "the value had changed by its last digit once".to_owned(),
            started: self.same_since,
        })
    }

    /// A level that is left in one step, by more than a body can, and stays left.
    fn jump(&mut self, quantity: Quantity, value: f64, ip: IpAddr, time: Timestamp) -> Option<Wrong> {
        let limit = quantity.limits().jump;
        match &mut self.jump {
            None => {
                let usual = self.step.max(0.01);
                if self.values >= LEVEL_KNOWN_MIN
                    && (value - self.last).abs() > limit
                    && (value - self.last).abs() > 12.0 * usual
                    && value > 0.0
                    && self.last > 0.0
                {
                    self.jump = Some((self.last, 1, time));
                }
                None
            }
            Some((before, stays, _)) if (value - *before).abs() > limit => {
                *stays += 1;
                let (before, stays) = (*before, *stays);
                let started = self.jump.map_or(time, |(_, _, started)| started);
                (stays == JUMP_STAYS).then(|| Wrong {
                    detector: "impossible-jump",
                    severity: Severity::Medium,
                    confidence: 0.6,
                    value: format!("{quantity:?} changed by more than {limit} in one step"),
                    summary: format!(
                        "The {quantity:?} that {ip} reports left its level in one step by {:.0} and stays there, as no body does.",
                        (value - before).abs()
                    ),
                    silent_if: format!("the step had been smaller than {limit}, or the value had come back"),
                    started,
                })
            }
            // It came back: an artefact.
            Some(_) => {
                self.jump = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_ask_whether_a_number_can_be() {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let at = Timestamp::from_seconds(0);
        assert!(impossible(Quantity::HeartRate, 420.0, ip, at).is_some());
        assert!(impossible(Quantity::HeartRate, 0.0, ip, at).is_none(), "asystole is a state of the patient");
        assert!(impossible(Quantity::Oxygen, 104.0, ip, at).is_some());
        assert!(impossible(Quantity::HeartRate, 32_767.0, ip, at).is_none(), "no value");
        assert_eq!(Quantity::of("150364", Some("Fahrenheit")), None);
        assert_eq!(Quantity::of("MDC_PULS_OXIM_SAT_O2", Some("%")), Some(Quantity::Oxygen));
    }
}
