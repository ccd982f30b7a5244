//! Alarms: IHE PCD Technical Framework volume 2, transaction PCD-04 (ORU^R40), whose observations are the facets of one
//! alarm. The words of the alarm are left out, since they may name a person.

use wardline_model::fact::{AlarmFact, AlarmLimits, Hl7Fact};
use wardline_model::{Label, Protocol, Timestamp};
use wardline_wire::clinical::hl7::Segment;
use wardline_wire::clinical::mdc::{self, AlarmFacet};

use super::{label, timestamp};

#[derive(Default)]
pub(super) struct Alarm {
    event: Option<(Label, Option<Label>)>,
    source: Option<Label>,
    phase: Option<Label>,
    state: Option<Label>,
    inactivation: Option<Label>,
    priority: Option<Label>,
    kind: Option<Label>,
    time: Option<Timestamp>,
    device: Option<u8>,
    limits: Option<AlarmLimits>,
}

impl Alarm {
    pub(super) fn observation(&mut self, segment: &Segment<'_>, device: Option<u8>) {
        let code = segment.field(3).first();
        let (number, name) = (label(&code, 1).unwrap_or_default(), label(&code, 2));
        let Some(facet) = mdc::alarm_facet(number.as_str(), name.as_ref().map_or("", |name| name.as_str()))
        else {
            return;
        };
        let value = segment.field(5).first();
        let word = || label(&value, 1);
        let place = match facet {
            AlarmFacet::Event => {
                // An alarm as such says in its value which one it is; others are their own code.
                let general = number.as_str() == "196616"
                    || name.as_ref().is_some_and(|name| name.as_str() == "MDC_EVT_ALARM");
                let coded = label(&value, 3).is_some_and(|system| system.as_str() == "MDC");
                let event = if general && coded {
                    (word().unwrap_or(number), label(&value, 2))
                } else {
                    (number, name)
                };
                self.event.get_or_insert(event);
                self.time = self.time.or(timestamp(&segment.field(14)));
                self.flags(segment);
                self.limits(segment);
                self.device = self.device.or(device);
                return;
            }
            AlarmFacet::Source => {
                self.device = self.device.or(device);
                self.limits(segment);
                // A source is a code, or the name of a subsystem; words of their own may name anything.
                let coded = label(&value, 3).is_some();
                self.source = self.source.take().or_else(|| word().filter(|_| coded));
                return;
            }
            AlarmFacet::Phase => &mut self.phase,
            AlarmFacet::State => &mut self.state,
            AlarmFacet::Inactivation => &mut self.inactivation,
            AlarmFacet::Priority => &mut self.priority,
            AlarmFacet::Kind => &mut self.kind,
        };
        *place = place.take().or_else(word);
        self.device = self.device.or(device);
    }

    /// OBX-7 of the event or of its source: the limits that were set.
    fn limits(&mut self, segment: &Segment<'_>) {
        let range = label(&segment.field(7).first(), 1);
        self.limits = self.limits.or_else(|| range.and_then(|range| limits_of(range.as_str())));
    }

    /// OBX-8 of the event: `H~PM~SP` is too high, of medium priority, physiological.
    fn flags(&mut self, segment: &Segment<'_>) {
        for flag in segment.field(8).repetitions().filter_map(|flag| label(&flag, 1)) {
            match flag.as_str() {
                "PN" | "PL" | "PM" | "PH" => self.priority = Some(flag),
                "SP" | "ST" | "SA" => self.kind = Some(flag),
                _ => {}
            }
        }
    }

    /// The alarm, if the message was one: it says at least in which phase or state it is.
    pub(super) fn finish(self, message: &Hl7Fact) -> Option<AlarmFact> {
        let (event, name) = self.event?;
        if self.phase.is_none() && self.state.is_none() {
            return None;
        }
        let device = self.device.and_then(|index| message.devices.get(usize::from(index)));
        Some(AlarmFact {
            protocol: Protocol::Hl7,
            event,
            name,
            source: self.source,
            phase: self.phase,
            state: self.state,
            inactivation: self.inactivation,
            priority: self.priority,
            kind: self.kind,
            time: self.time,
            patient: message.patient.clone(),
            location: message.location.clone(),
            device: device.and_then(|device| device.identifier.clone()),
            limits: self.limits,
        })
    }
}

/// OBX-7: `lower-upper`, `> lower` or `< upper` (HL7 version 2.6 section 7.4.2.7), whose first number may be negative.
fn limits_of(range: &str) -> Option<AlarmLimits> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let range = range.trim();
    if let Some(lower) = range.strip_prefix('>') {
        return Some(AlarmLimits { lower: Some(number(lower)?), upper: None });
    }
    if let Some(upper) = range.strip_prefix('<') {
        return Some(AlarmLimits { lower: None, upper: Some(number(upper)?) });
    }
    let dash = range.get(1..)?.find('-')? + 1;
    let (lower, upper) = (range.get(..dash)?, range.get(dash + 1..)?);
    Some(AlarmLimits { lower: Some(number(lower)?), upper: Some(number(upper)?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        let limits = |lower, upper| Some(AlarmLimits { lower, upper });
        assert_eq!(limits_of("50-120"), limits(Some(50.0), Some(120.0)));
        assert_eq!(limits_of("-2.5-4"), limits(Some(-2.5), Some(4.0)));
        assert_eq!(limits_of("> 90"), limits(Some(90.0), None));
        assert_eq!(limits_of("<39.5"), limits(None, Some(39.5)));
        assert_eq!([limits_of(""), limits_of("normal"), limits_of("-"), limits_of("5")], [None; 4]);
    }
}
