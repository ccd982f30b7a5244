//! One patient's data as another's: MITRE ATT&CK T0849, T0856, T1565.002.
//!
//! Admissions (ADT) say which patient lies where and what he is called; results (ORU) say whose they are and where
//! they were taken. When the two disagree, twice, and no move, swap or merge explains it, somebody's data is
//! filed under somebody else's name. Only pseudonyms are compared.

use std::net::IpAddr;

use wardline_model::fact::{Hl7Fact, PatientLocation, PatientReference};
use wardline_model::{Attack, Category, Fact, Observation, Protocol, Pseudonym, Severity, Timestamp};

use super::{Alarm, Detector, Episodes, World};
use crate::inventory::Map;
use crate::limits::PATIENTS_MAX;

const SECOND: i64 = 1_000_000_000;
/// How long results may lag behind a move: monitors are reassigned by hand, a little after or before the
/// admission system knows.
const GRACE: i64 = 180 * SECOND;
/// Contradictions after which it is no slip.
const CONTRADICTIONS_MIN: u32 = 2;
/// Contradictions further apart than this do not belong together.
const TOGETHER: i64 = 3_600 * SECOND;
/// Messages after which a reporting device is known to belong to a patient, and the time that they must span: an analyser
/// that has a few samples of one patient reports them at once, and may by chance have the same patient again.
const REPORTS_MIN: u32 = 5;
const ATTACHED_FOR: i64 = 180 * SECOND;

/// A bed as messages name it.
type Bed = (Option<String>, Option<String>, Option<String>);

#[derive(Clone, Debug, Default)]
struct Patient {
    name: Option<Pseudonym>,
    birth_date: Option<Pseudonym>,
    bed: Option<Bed>,
    changed: Timestamp,
    /// The identifier that took this one over in a merge.
    merged_into: Option<Pseudonym>,
}

#[derive(Clone, Debug, Default)]
struct Occupancy {
    patient: Option<Pseudonym>,
    changed: Timestamp,
}

#[derive(Clone, Debug)]
struct Reporter {
    patient: Pseudonym,
    reports: u32,
    first: Timestamp,
    last: Timestamp,
    /// It serves many patients, as an analyser does: whom it reports says nothing of whom it is on.
    shared: bool,
    /// The other patient whom it reported while it was on its own.
    astray: Option<Pseudonym>,
}

impl Reporter {
    /// Whether it is on its patient, as far as its reports show.
    fn is_attached(&self) -> bool {
        self.reports >= REPORTS_MIN && self.last.nanoseconds_since(self.first) >= ATTACHED_FOR
    }
}

/// Whether what reports is on one patient at a time. An analyser reports whose sample comes next; a computer may pass on what
/// a device said, which it then names.
const fn is_on_one_patient(category: Category, named: bool) -> bool {
    match category {
        Category::LabAnalyzer | Category::GlucoseMeter | Category::ImagingModality => false,
        Category::IntegrationEngine
        | Category::Ehr
        | Category::Pacs
        | Category::Server
        | Category::Workstation => named,
        _ => true,
    }
}

#[derive(Clone, Debug, Default)]
struct Contradiction {
    count: u32,
    first: Timestamp,
    last: Timestamp,
}

/// What the messages contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// The identifier is one patient's, name and birth date are another's.
    Demographics,
    /// The bed is one patient's, the result another's.
    Bed,
    /// The device was on one patient and reports another one, who has a device of his own.
    Device,
}

/// Patient swap between admissions and results.
#[derive(Default)]
pub(super) struct PatientSwap {
    patients: Map<Pseudonym, Patient>,
    beds: Map<Bed, Occupancy>,
    reporters: Map<(IpAddr, String), Reporter>,
    contradictions: Map<(Kind, String), Contradiction>,
}

impl Detector for PatientSwap {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let Fact::Hl7(hl7) = &observation.fact else { return };
        match hl7.message.as_str() {
            "ADT" => self.admission(observation.sighting.time, hl7),
            // What an engine passes on was judged when its sender said it.
            "ORU"
                if !world.roles.is_copy(observation)
                    && !observation.from.ip.is_some_and(|ip| world.roles.relays(ip)) =>
            {
                self.result(observation, hl7, world, episodes);
            }
            _ => {}
        }
    }
}

impl PatientSwap {
    fn admission(&mut self, time: Timestamp, hl7: &Hl7Fact) {
        let Some(patient) = hl7.patient.as_ref() else { return };
        let Some(id) = patient.identifier else { return };
        if self.patients.len() >= PATIENTS_MAX && !self.patients.contains_key(&id) {
            return;
        }
        let bed = hl7.location.as_ref().and_then(bed);
        match hl7.trigger.as_ref().map(|trigger| trigger.as_str()) {
            // Discharge, cancelled admission, deleted visit.
            Some("A03" | "A11" | "A23") => {
                self.leave(id, time);
            }
            // Swap of two patients.
            Some("A17") => {
                let other = hl7.other_patient.as_ref().and_then(|other| other.identifier);
                self.leave(id, time);
                if let Some(other) = other {
                    self.leave(other, time);
                    self.lie(other, hl7.other_location.as_ref().and_then(self::bed), time);
                }
                self.lie(id, bed, time);
            }
            // Merges: the identifier in MRG goes up in that of PID.
            Some("A18" | "A30" | "A34" | "A36" | "A40" | "A41") => {
                if let Some(merged) = hl7.other_patient.as_ref().and_then(|other| other.identifier) {
                    let old = self.patients.entry(merged).or_default();
                    old.merged_into = Some(id);
                    old.changed = time;
                    let bed = old.bed.clone();
                    if let Some(bed) = bed {
                        self.lie(id, Some(bed), time);
                    }
                }
            }
            // Pre-admission, pending moves and registrations say nothing about now.
            Some("A05" | "A14" | "A15" | "A16" | "A25" | "A26" | "A27" | "A38") => {}
            _ => self.lie(id, bed, time),
        }
        self.describe(id, patient, time);
    }

    fn describe(&mut self, id: Pseudonym, patient: &PatientReference, time: Timestamp) {
        let known = self.patients.entry(id).or_default();
        if patient.name.is_some() && patient.name != known.name
            || patient.birth_date.is_some() && patient.birth_date != known.birth_date
        {
            known.changed = time;
        }
        known.name = patient.name.or(known.name);
        known.birth_date = patient.birth_date.or(known.birth_date);
    }

    fn lie(&mut self, id: Pseudonym, bed: Option<Bed>, time: Timestamp) {
        let Some(bed) = bed else { return };
        let before = self.patients.entry(id).or_default().bed.clone();
        if before.as_ref() == Some(&bed)
            && self.beds.get(&bed).is_some_and(|occupancy| occupancy.patient == Some(id))
        {
            return;
        }
        self.leave(id, time);
        if self.beds.len() < PATIENTS_MAX || self.beds.contains_key(&bed) {
            self.beds.insert(bed.clone(), Occupancy { patient: Some(id), changed: time });
        }
        let patient = self.patients.entry(id).or_default();
        patient.bed = Some(bed);
        patient.changed = time;
    }

    fn leave(&mut self, id: Pseudonym, time: Timestamp) {
        let Some(patient) = self.patients.get_mut(&id) else { return };
        patient.changed = time;
        if let Some(bed) = patient.bed.take()
            && let Some(occupancy) = self.beds.get_mut(&bed)
            && occupancy.patient == Some(id)
        {
            *occupancy = Occupancy { patient: None, changed: time };
        }
    }

    /// The identifier after all merges.
    fn current(&self, mut id: Pseudonym) -> Pseudonym {
        for _ in 0..8 {
            match self.patients.get(&id).and_then(|patient| patient.merged_into) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }

    fn result(
        &mut self,
        observation: &Observation,
        hl7: &Hl7Fact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let Some(patient) = hl7.patient.as_ref() else { return };
        let Some(id) = patient.identifier.map(|id| self.current(id)) else { return };
        let time = observation.sighting.time;
        let bed = hl7.location.as_ref().and_then(bed);
        if let Some(place) = self.wrong_demographics(id, patient, time) {
            self.contradict(Kind::Demographics, place, observation, world, episodes);
        } else if let Some(place) = bed.as_ref().and_then(|bed| self.wrong_bed(id, bed, time)) {
            self.contradict(Kind::Bed, place, observation, world, episodes);
        } else if is_on_one_patient(world.inventory.category(&observation.from), !hl7.devices.is_empty())
            && let Some(place) = self.wrong_device(id, hl7, observation)
        {
            self.contradict(Kind::Device, place, observation, world, episodes);
        }
    }

    /// Identifier of one, name and birth date of another.
    fn wrong_demographics(
        &self,
        id: Pseudonym,
        patient: &PatientReference,
        time: Timestamp,
    ) -> Option<String> {
        let known = self.patients.get(&id)?;
        let differs = |said: Option<Pseudonym>, known: Option<Pseudonym>| matches!((said, known), (Some(said), Some(known)) if said != known);
        let name = differs(patient.name, known.name);
        let birth_date = differs(patient.birth_date, known.birth_date);
        let settled = time.nanoseconds_since(known.changed) > GRACE;
        // A name alone may be spelt otherwise by another system; with the birth date it is another person. Where
        // no birth date is sent, another patient must be called so.
        let other_person = name && birth_date
            || name
                && patient.birth_date.is_none()
                && self.patients.iter().any(|(other, known)| *other != id && known.name == patient.name);
        (settled && other_person).then(|| format!("patient {id}"))
    }

    /// A result from a bed in which somebody else lies.
    fn wrong_bed(&self, id: Pseudonym, bed: &Bed, time: Timestamp) -> Option<String> {
        let occupancy = self.beds.get(bed)?;
        let occupant = self.current(occupancy.patient?);
        let settled = |changed: Timestamp| time.nanoseconds_since(changed) > GRACE;
        let patient = self.patients.get(&id);
        // A patient whom admissions do not know may have come a moment ago.
        let known_elsewhere = patient.is_some_and(|patient| {
            patient.bed.as_ref().is_some_and(|other| other != bed) && settled(patient.changed)
        });
        (occupant != id && settled(occupancy.changed) && known_elsewhere)
            .then(|| format!("bed {}/{}/{}", part(&bed.0), part(&bed.1), part(&bed.2)))
    }

    /// A device that reported one patient reports another one, without a move of either.
    fn wrong_device(&mut self, id: Pseudonym, hl7: &Hl7Fact, observation: &Observation) -> Option<String> {
        let time = observation.sighting.time;
        // A device that does not name itself is known by its address, if it speaks for one patient at a time.
        let name = match &*hl7.devices {
            [device] => device.identifier.as_ref().or(device.serial.as_ref())?.to_string(),
            [] => String::new(),
            _ => return None,
        };
        let key = (observation.from.ip?, name);
        if self.reporters.len() >= PATIENTS_MAX && !self.reporters.contains_key(&key) {
            return None;
        }
        let settled = |id: Pseudonym| {
            self.patients.get(&id).is_some_and(|patient| {
                patient.bed.is_some() && time.nanoseconds_since(patient.changed) > GRACE
            })
        };
        let moved_since = |id: Pseudonym, since: Timestamp| {
            self.patients.get(&id).is_some_and(|patient| since.nanoseconds_since(patient.changed) < GRACE)
        };
        let reporter = self.reporters.get(&key);
        let wrong = reporter.is_some_and(|reporter| {
            reporter.patient != id
                && !reporter.shared
                && reporter.is_attached()
                && time.nanoseconds_since(reporter.last) < TOGETHER
                && settled(id)
                && settled(reporter.patient)
                // Whoever reports once in a long while finds out late that its patients were moved.
                && !moved_since(id, reporter.last)
                && !moved_since(reporter.patient, reporter.last)
                // The patient has a device of his own that goes on reporting him.
                && self.reporters.iter().any(|(other, own)| *other != key && own.patient == id && own.is_attached())
        });
        if wrong {
            // A device that was mixed up is on one other patient; what reports one more is on nobody.
            if let Some(reporter) = self.reporters.get_mut(&key)
                && *reporter.astray.get_or_insert(id) != id
            {
                reporter.shared = true;
                return None;
            }
            return Some(match key.1.as_str() {
                "" => format!("device at {}", key.0),
                name => format!("device {name}"),
            });
        }
        let both_settled = reporter
            .is_some_and(|reporter| settled(id) && settled(reporter.patient) && reporter.patient != id);
        match self.reporters.get_mut(&key) {
            Some(reporter) if reporter.patient == id => {
                reporter.reports = reporter.reports.saturating_add(1);
                reporter.last = time;
            }
            other => {
                // Two patients who both lie where they lay: the device went from one to the other by itself.
                let shared = other.is_some_and(|reporter| reporter.shared || both_settled);
                self.reporters.insert(
                    key,
                    Reporter { patient: id, reports: 1, first: time, last: time, shared, astray: None },
                );
            }
        }
        None
    }

    fn contradict(
        &mut self,
        kind: Kind,
        place: String,
        observation: &Observation,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let time = observation.sighting.time;
        let entry = self.contradictions.entry((kind, place.clone())).or_default();
        if time.nanoseconds_since(entry.last) > TOGETHER {
            *entry = Contradiction { first: time, ..Contradiction::default() };
        }
        entry.count += 1;
        entry.last = time;
        let (count, first) = (entry.count, entry.first);
        if count < CONTRADICTIONS_MIN || world.learning {
            return;
        }
        let (summary, field, silent_if) = match kind {
            Kind::Demographics => (
                format!(
                    "Results carry the identifier of one patient with the name and birth date of another ({count} messages)."
                ),
                "PID-3, PID-5, PID-7",
                "name or birth date had agreed with the admission of this identifier, or a merge (A40) had come before",
            ),
            Kind::Bed => (
                format!(
                    "Results taken at {place} are filed under a patient who lies elsewhere ({count} messages)."
                ),
                "PID-3, PV1-3",
                "a move (A02), swap (A17) or admission to this bed had come before, or the results had named the patient of the bed",
            ),
            Kind::Device => (
                format!(
                    "The {place} was on one patient and now reports another one, who has a device of his own ({count} messages)."
                ),
                "PID-3, OBX-18",
                "a move (A02) or swap (A17) of either patient had come before",
            ),
        };
        episodes.raise(
            Alarm {
                attack: Attack::FalseNode,
                detector: "patient-swap",
                key: place,
                techniques: &["T0856", "T0849", "T1565.002"],
                severity: Severity::Critical,
                confidence: if kind == Kind::Device { 0.8 } else { 0.93 },
                device: Some(observation.from),
                source: None,
                summary,
                evidence: vec![world.names.evidence(
                    observation,
                    Protocol::Hl7,
                    field,
                    "disagree with the last ADT",
                )],
                started: first,
                time,
                silent_if: silent_if.to_owned(),
            },
            world.inventory,
        );
    }
}

fn part(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("-")
}

/// A bed, if the location names at least a room or a bed.
fn bed(location: &PatientLocation) -> Option<Bed> {
    if location.bed.is_none() && location.room.is_none() {
        return None;
    }
    let text =
        |label: &Option<wardline_model::Label>| label.as_ref().map(|label| label.as_str().to_uppercase());
    Some((text(&location.unit), text(&location.room), text(&location.bed)))
}
