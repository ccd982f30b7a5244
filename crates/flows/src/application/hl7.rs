//! HL7 version 2: who is where, whose results these are, which device made them.
//!
//! Patients become pseudonyms here, in the canonical forms of [`wardline_wire::clinical::identity`]. The identifier of a
//! patient is that of PID-3 with its authority; the same without authority stands among the other identifiers, so that
//! systems that leave the authority out, and DICOM, which has none, can be compared.

use wardline_model::fact::{
    DeviceIdentity, Hl7Acknowledgment, Hl7Fact, Hl7Observation, Hl7Value, PatientDataFact, PatientField,
    PatientFields, PatientLocation, PatientReference,
};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject, Timestamp};
use wardline_wire::clinical::hl7::{Event, Field, Repetition, Segment, Session, probe, time};
use wardline_wire::clinical::{executable, identity};
use wardline_wire::{Direction, Sensitive};

use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Hl7, ports: &[2575, 6661], probe, adaptor: || Box::<Hl7>::default() };

/// Bytes that are of no message after which the stream is something else.
const OUTSIDE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a message that go into the hash of its content; what is longer is told apart by its front.
const CONTENT_BYTES_MAX: usize = 64 * 1024;

#[derive(Default)]
struct Hl7 {
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    session: Session,
    message: Option<Box<Message>>,
}

impl StreamAdaptor for Hl7 {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Side { session, message } = &mut self.sides[direction.index()];
        session.feed(bytes, &mut |event| Message::take(message, event, context));
        if session.outside() > OUTSIDE_BYTES_MAX { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, _: u64, context: &mut Context<'_>) -> Progress {
        let Side { session, message } = &mut self.sides[direction.index()];
        session.gap(&mut |event| Message::take(message, event, context));
        Progress::Continue
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for (side, direction) in self.sides.iter_mut().zip([Direction::Forward, Direction::Backward]) {
            context.direction = direction;
            let Side { session, message } = side;
            session.finish(&mut |event| Message::take(message, event, context));
        }
    }
}

/// A message in the making.
#[derive(Default)]
struct Message {
    fact: Hl7Fact,
    fields: PatientFields,
    content: Vec<u8>,
    /// A batch header is no message.
    header: bool,
    patients: u8,
}

impl Message {
    fn take(message: &mut Option<Box<Self>>, event: Event<'_>, context: &mut Context<'_>) {
        match event {
            Event::Segment(segment) => message.get_or_insert_default().segment(&segment, context),
            Event::End => {
                if let Some(message) = message.take() {
                    message.tell(context);
                }
            }
        }
    }

    fn tell(mut self: Box<Self>, context: &mut Context<'_>) {
        if !self.header {
            return;
        }
        self.fact.content = Some(context.pseudonym(Subject::Content, Sensitive::new(&self.content)));
        let fields = self.fields;
        context.tell(Fact::Hl7(Box::new(self.fact)));
        if !fields.is_empty() {
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Hl7, fields })));
        }
    }

    fn segment(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        if !segment.is_well_formed() {
            self.fact.malformed_segments = self.fact.malformed_segments.saturating_add(1);
            return;
        }
        // The header tells when and under which number a message was sent; both change when it is sent again.
        if segment.name() != b"MSH" {
            self.remember(segment);
        }
        match segment.name() {
            b"MSH" => self.header(segment, context),
            b"MSA" => self.acknowledgment(segment, context),
            b"PID" => self.patient(segment, context),
            b"MRG" => self.merged(segment, context),
            b"PV1" => self.visit(segment, context),
            b"NK1" => self.readable(PatientField::Kin, &segment.field(2)),
            b"DG1" => self.readable(PatientField::Diagnosis, &segment.field(3)),
            b"IN1" => self.readable(PatientField::Insurance, &segment.field(36)),
            b"ORC" | b"OBR" => self.order(segment, context),
            b"RXE" | b"RXO" | b"RXA" => self.fields.insert(PatientField::Order),
            b"OBX" => self.observation(segment),
            b"PRT" => self.participation(segment),
            _ => {}
        }
    }

    fn remember(&mut self, segment: &Segment<'_>) {
        for number in 0.. {
            let field = segment.field(number);
            let room = CONTENT_BYTES_MAX.saturating_sub(self.content.len());
            if number > 60 || room == 0 {
                break;
            }
            self.content
                .extend_from_slice(field.raw().get(..field.raw().len().min(room)).unwrap_or_default());
            self.content.push(b'|');
        }
    }

    fn readable(&mut self, kind: PatientField, field: &Field<'_>) {
        if !field.is_empty() {
            self.fields.insert(kind);
        }
    }

    fn header(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        self.header = true;
        let fact = &mut self.fact;
        let kind = segment.field(9).first();
        fact.message = label(&kind, 1).unwrap_or_default();
        fact.trigger = label(&kind, 2);
        fact.version = label(&segment.field(12).first(), 1);
        fact.sending_application = label(&segment.field(3).first(), 1);
        fact.sending_facility = label(&segment.field(4).first(), 1);
        fact.receiving_application = label(&segment.field(5).first(), 1);
        fact.receiving_facility = label(&segment.field(6).first(), 1);
        fact.time = timestamp(&segment.field(7));
        fact.control = message_number(&segment.field(10), context);
    }

    fn acknowledgment(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        let code = label(&segment.field(1).first(), 1).unwrap_or_default();
        if let Some(message) = message_number(&segment.field(2), context) {
            self.fact.acknowledgment = Some(Hl7Acknowledgment { code, message });
        }
    }

    fn patient(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        for (kind, number) in [
            (PatientField::Identifier, 3),
            (PatientField::Name, 5),
            (PatientField::BirthDate, 7),
            (PatientField::Sex, 8),
            (PatientField::Address, 11),
            (PatientField::Telephone, 13),
            (PatientField::Visit, 18),
            (PatientField::Insurance, 19),
        ] {
            self.readable(kind, &segment.field(number));
        }
        // PID-2 held the identifier before PID-3 took it over.
        let identifiers = if segment.field(3).is_empty() { segment.field(2) } else { segment.field(3) };
        self.readable(PatientField::Identifier, &identifiers);
        let mut patient = PatientReference::default();
        identify(&mut patient, &identifiers, context);
        let name = segment.field(5).first();
        patient.name =
            identity::name(Sensitive::new(&name.subcomponent(1, 1)), Sensitive::new(&name.component(2)))
                .map(|name| pseudonym(Subject::PatientName, &name, context));
        patient.birth_date = identity::birth_date(Sensitive::new(&segment.field(7).first().component(1)))
            .map(|date| pseudonym(Subject::BirthDate, &date, context));
        patient.visit = visit(&segment.field(18), context);
        self.patients = self.patients.saturating_add(1);
        // The second patient of a swap (A17) or of a batch of two.
        if self.patients == 2 {
            self.fact.other_patient = Some(patient);
        } else if self.patients < 2 {
            self.fact.patient = Some(patient);
        }
    }

    fn merged(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        self.readable(PatientField::Identifier, &segment.field(1));
        self.readable(PatientField::Name, &segment.field(7));
        let mut patient = PatientReference::default();
        identify(&mut patient, &segment.field(1), context);
        patient.visit = visit(&segment.field(5), context);
        self.fact.other_patient.get_or_insert(patient);
    }

    fn visit(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        self.readable(PatientField::Location, &segment.field(3));
        self.readable(PatientField::Clinician, &segment.field(7));
        self.readable(PatientField::Visit, &segment.field(19));
        let place = location(&segment.field(3).first());
        if self.patients >= 2 {
            self.fact.other_location = place;
        } else {
            self.fact.location = place;
            self.fact.prior_location = location(&segment.field(6).first());
        }
        let number = visit(&segment.field(19), context);
        let patient = if self.patients >= 2 { &mut self.fact.other_patient } else { &mut self.fact.patient };
        if let Some(patient) = patient {
            patient.visit = number.or(patient.visit);
        }
    }

    fn order(&mut self, segment: &Segment<'_>, context: &Context<'_>) {
        self.fields.insert(PatientField::Order);
        let number = [2, 3].into_iter().find_map(|number| {
            let number = segment.field(number).first().component(1);
            (!number.is_empty()).then(|| context.pseudonym(Subject::Message, Sensitive::new(&number)))
        });
        self.fact.order = self.fact.order.or(number);
    }

    fn observation(&mut self, segment: &Segment<'_>) {
        let code = segment.field(3).first();
        let value_type = label(&segment.field(2).first(), 1).unwrap_or_default();
        let field = segment.field(5);
        if !field.is_empty() {
            self.fields.insert(if value_type.as_str() == "ED" {
                PatientField::Image
            } else {
                PatientField::Result
            });
        }
        self.fact.observations.push(Hl7Observation {
            code: label(&code, 1).unwrap_or_default(),
            system: label(&code, 3),
            value: value(value_type.as_str(), &field),
            value_type,
            unit: label(&segment.field(6).first(), 1),
            status: label(&segment.field(11).first(), 1),
            time: timestamp(&segment.field(14)),
        });
        for device in segment.field(18).repetitions() {
            self.device(equipment(&device, "OBX-18"));
        }
    }

    /// PRT, v2.7 and later: PRT-10 names a device, PRT-16 to PRT-22 its UDI.
    fn participation(&mut self, segment: &Segment<'_>) {
        let mut device = equipment(&segment.field(10).first(), "PRT-10");
        let udi = segment.field(16).first();
        device.udi = label(&udi, 1);
        device.serial = device.serial.or_else(|| label(&segment.field(21).first(), 1));
        self.device(device);
    }

    fn device(&mut self, device: DeviceIdentity) {
        let empty = device.identifier.is_none() && device.udi.is_none() && device.serial.is_none();
        if !empty && !self.fact.devices.contains(&device) {
            self.fact.devices.push(device);
        }
    }
}

/// A component as a label.
fn label(value: &Repetition<'_>, component: usize) -> Option<Label> {
    Some(Label::new(&identity::decode(&value.subcomponent(component, 1)))).filter(|label| !label.is_empty())
}

fn timestamp(field: &Field<'_>) -> Option<Timestamp> {
    time::parse(&field.first().component(1)).map(Timestamp::from_nanoseconds)
}

fn message_number(field: &Field<'_>, context: &Context<'_>) -> Option<Pseudonym> {
    let number = field.first().component(1);
    (!number.is_empty()).then(|| context.pseudonym(Subject::Message, Sensitive::new(&number)))
}

fn visit(field: &Field<'_>, context: &Context<'_>) -> Option<Pseudonym> {
    let number = field.first().component(1);
    (!number.is_empty()).then(|| context.pseudonym(Subject::Visit, Sensitive::new(&number)))
}

fn pseudonym(subject: Subject, text: &Sensitive<String>, context: &Context<'_>) -> Pseudonym {
    let text = text.clone().expose();
    context.pseudonym(subject, Sensitive::new(text.as_bytes()))
}

/// PID-3: the first identifier is the patient's, with and without its authority; all further ones are others.
fn identify(patient: &mut PatientReference, field: &Field<'_>, context: &Context<'_>) {
    for repetition in field.repetitions() {
        let id = repetition.component(1);
        let authority =
            [1, 2].into_iter().map(|number| repetition.subcomponent(4, number)).find(|text| !text.is_empty());
        let whole = identity::identifier(Sensitive::new(&id), authority.as_deref());
        let Some(whole) = whole.map(|id| pseudonym(Subject::PatientId, &id, context)) else { continue };
        match patient.identifier {
            None => patient.identifier = Some(whole),
            Some(_) => patient.other_identifiers.push(whole),
        }
        let alone = identity::identifier(Sensitive::new(&id), None)
            .map(|id| pseudonym(Subject::PatientId, &id, context));
        if let Some(alone) = alone.filter(|alone| *alone != whole) {
            patient.other_identifiers.push(alone);
        }
    }
}

/// PL: point of care, room, bed, facility. Section 2.A.53.
fn location(value: &Repetition<'_>) -> Option<PatientLocation> {
    let place = PatientLocation {
        unit: label(value, 1),
        room: label(value, 2),
        bed: label(value, 3),
        facility: label(value, 4),
    };
    (place != PatientLocation::default()).then_some(place)
}

/// EI: identifier, namespace, universal identifier and its type. Section 2.A.28.
fn equipment(value: &Repetition<'_>, field: &str) -> DeviceIdentity {
    DeviceIdentity {
        identifier: label(value, 1).or_else(|| label(value, 3)),
        // IHE PCD-01: the namespace names the kind of device for whoever made the identifier.
        model: label(value, 2),
        field: Label::new(field),
        ..DeviceIdentity::default()
    }
}

fn value(value_type: &str, field: &Field<'_>) -> Hl7Value {
    if field.is_empty() {
        return Hl7Value::Empty;
    }
    let first = field.first();
    let number = |text: &[u8]| {
        std::str::from_utf8(text.trim_ascii()).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
    };
    let length = u32::try_from(field.length()).unwrap_or(u32::MAX);
    match value_type {
        "NM" => number(&first.component(1)).map_or(Hl7Value::Text(length), Hl7Value::Number),
        // Comparator, number, separator, number. Section 2.A.73.
        "SN" => number(&first.component(2)).map_or(Hl7Value::Text(length), Hl7Value::Number),
        "ED" | "RP" | "FT" | "TX" | "ST" => {
            let program = [1, 5].into_iter().any(|number| {
                let text = first.component(number);
                executable::begins_like_a_program(&text) || executable::begins_like_a_program_in_base64(&text)
            });
            if program { Hl7Value::Executable(length) } else { Hl7Value::Text(length) }
        }
        _ => Hl7Value::Text(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::driver::stream;
    use proptest::prelude::*;

    const ADT: &[u8] = b"\x0bMSH|^~\\&|ADT|H|ENG|H|20260302060000||ADT^A01^ADT_A01|A1|P|2.5\r\
        PID|1||0047^^^HOSP^MR||Muster^Eva||19700230|F\rPV1|1|I|ICU^R4^1|||MED^R1^2|||||||||||||V77\r\x1c\r";
    const ORU: &[u8] = b"\x0bMSH|^~\\&|MON|ICU|ENG|H|20260302060100.5+0100||ORU^R01^ORU_R01|M7|P|2.6\r\
        PID|1||0047^^^HOSP&1.2.3&ISO||MUSTER^EVA^^^||197002301200|\rPV1||I|ICU^R4^1\r\
        OBR|1||O5\rOBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC||72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F|||20260302060059|||\
        |0009FBFFFE000001^MON^0009FBFFFE000001^EUI-64\r\x1c\r";

    fn messages(bytes: &[u8], size: usize) -> Vec<Hl7Fact> {
        let (facts, _) = stream(&STREAM, &[(Direction::Forward, bytes)], size);
        facts
            .into_iter()
            .filter_map(|fact| if let Fact::Hl7(fact) = fact { Some(*fact) } else { None })
            .collect()
    }

    #[test]
    fn admissions_and_results_of_one_patient_have_one_pseudonym() {
        let [adt, oru] = [ADT, ORU].map(|bytes| messages(bytes, 4096).remove(0));
        let (one, two) = (adt.patient.unwrap(), oru.patient.unwrap());
        assert!(one.identifier.is_some() && one.identifier == two.identifier);
        assert!(one.name.is_some() && one.name == two.name && one.birth_date == two.birth_date);
        assert_eq!(one.other_identifiers, two.other_identifiers);
        assert_eq!(adt.location, oru.location);
        assert_eq!(adt.prior_location.unwrap().room, Some(Label::new("R1")));
        assert!(one.visit.is_some() && two.visit.is_none());
    }

    #[test]
    fn results_tell_codes_numbers_units_and_devices() {
        let oru = messages(ORU, 4096).remove(0);
        assert_eq!((oru.message.as_str(), oru.trigger.unwrap().as_str()), ("ORU", "R01"));
        assert_eq!(oru.time.unwrap().to_string(), "2026-03-02T05:01:00.500000Z");
        let observation = &oru.observations[0];
        assert_eq!((observation.code.as_str(), observation.value), ("147842", Hl7Value::Number(72.0)));
        assert_eq!(observation.unit, Some(Label::new("264864")));
        assert_eq!(oru.devices[0].identifier, Some(Label::new("0009FBFFFE000001")));
    }

    #[test]
    fn which_patient_data_was_readable_is_told_and_nothing_of_it() {
        let (facts, _) = stream(&STREAM, &[(Direction::Forward, ADT)], 4096);
        let Some(Fact::PatientData(data)) = facts.last() else { panic!("patient data") };
        let told: Vec<_> = data.fields.iter().collect();
        use PatientField::{BirthDate, Identifier, Location, Name, Sex, Visit};
        assert_eq!(told, [Name, Identifier, BirthDate, Sex, Visit, Location]);
        let text = format!("{facts:?}").to_uppercase();
        for secret in ["0047", "MUSTER", "EVA", "1970", "V77"] {
            assert!(!text.contains(secret), "a canary got out");
        }
    }

    #[test]
    fn a_program_in_a_document_is_told() {
        let message = b"\x0bMSH|^~\\&|A|B|C|D|20260302||ORU^R01|1|P|2.5\rOBX|1|ED|11502-2^^LN||^AP^^Base64^TVqQAAMAAAAEAAAA//8AALgA\r\x1c\r";
        assert!(matches!(messages(message, 4096)[0].observations[0].value, Hl7Value::Executable(_)));
    }

    #[test]
    fn the_same_content_under_another_number_has_the_same_hash() {
        let again =
            String::from_utf8_lossy(ADT).replace("|A1|", "|A2|").replace("20260302060000", "20260302060500");
        let altered = again.replace("ICU^R4", "ICU^R5");
        let [first, again, altered] =
            [ADT, again.as_bytes(), altered.as_bytes()].map(|bytes| messages(bytes, 4096).remove(0));
        assert_eq!(first.content, again.content);
        assert_ne!(first.control, again.control);
        assert_ne!(first.content, altered.content);
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(size in 1usize..300) {
            let both = [ADT, ORU, ADT].concat();
            prop_assert_eq!(messages(&both, 1 << 20), messages(&both, size));
        }

        #[test]
        fn any_bytes_are_answered(noise: Vec<u8>, at in 0usize..300, byte: u8) {
            let _ = messages(&noise, 7);
            let mut bent = ORU.to_vec();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = messages(&bent, 64);
        }
    }
}
