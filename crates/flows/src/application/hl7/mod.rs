//! HL7 version 2: who is where, whose results these are, which device made them.
//!
//! Patients become pseudonyms here, in the canonical forms of [`wardline_wire::clinical::identity`]. The identifier of a
//! patient is that of PID-3 with its authority; the same without authority stands among the other identifiers, so that
//! systems that leave the authority out, and DICOM, which has none, can be compared.

mod alarm;
mod equipment;

use wardline_model::fact::{
    Hl7Acknowledgment, Hl7Fact, Hl7Observation, Hl7Value, PatientDataFact, PatientField, PatientFields,
    PatientLocation, PatientReference,
};
use wardline_model::{Fact, Label, Protocol, Pseudonym, Subject, Timestamp};
use wardline_wire::clinical::hl7::{Event, Field, Repetition, Segment, Session, probe, time};
use wardline_wire::clinical::{executable, identity};
use wardline_wire::{Direction, Sensitive};

use self::alarm::Alarm;
use self::equipment::Equipment;
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
    equipment: Equipment,
    /// MSH-3.2: the identifier that the sender gave itself.
    sender: Option<Label>,
    alarm: Alarm,
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
        let (devices, introductions, behind) = self.equipment.finish(self.sender.as_ref());
        self.fact.devices = devices.into_iter().collect();
        self.fact.behind = behind;
        let alarm = self.alarm.finish(&self.fact);
        context.tell(Fact::Hl7(Box::new(self.fact)));
        for introduction in introductions {
            context.tell(Fact::Identity(Box::new(introduction)));
        }
        if let Some(alarm) = alarm {
            context.tell(Fact::Alarm(Box::new(alarm)));
        }
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
            b"PRT" => self.equipment.participation(segment),
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
        self.sender = label(&segment.field(3).first(), 2);
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
        let device = self.equipment.observation(segment);
        self.alarm.observation(segment, device);
        self.fact.observations.push(Hl7Observation {
            code: label(&code, 1).unwrap_or_default(),
            name: label(&code, 2),
            place: equipment::containment(segment).and_then(|_| label(&segment.field(4).first(), 1)),
            device,
            system: label(&code, 3),
            value: value(value_type.as_str(), &field),
            value_type,
            unit: label(&segment.field(6).first(), 1),
            status: label(&segment.field(11).first(), 1),
            time: timestamp(&segment.field(14)),
        });
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

    /// Two devices behind a gateway, after the examples of IHE PCD Technical Framework volume 2, with invented people.
    const GATEWAY: &[u8] = b"\x0bMSH|^~\\&|GW^0009FBFFFE0000AA^EUI-64|H|ENG|H|20260302060100||ORU^R01^ORU_R01|M8|P|2.6\r\
        PID|1||0047^^^HOSP\rPV1||I|ICU^R4^1\rOBR|1||O5\r\
        OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001^^00A037FFFE000001^EUI-64\r\
        PRT|1|AD||EQUIP||||||(01)09506000134352(11)240101(21)MON-77^^^|||||||||||||70665^Monitor^MDC\r\
        OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.0|Example Medical||||||F\r\
        OBX|3|ST|531976^MDC_ID_PROD_SPEC_FW^MDC|1.0.0.0|4.2.1||||||F\r\
        OBX|4||69642^MDC_DEV_ANALY_SAT_O2_VMD^MDC|1.1.0.0|||||||X\r\
        OBX|5|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.1.1|97|262688^MDC_DIM_PERCENT^MDC|||||F|||20260302060059\r\
        OBX|6||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|2.0.0.0|||||||X|||||||PUMP-9^ExamplePump\r\
        OBX|7|NM|157784^MDC_FLOW_FLUID_PUMP^MDC|2.1.1.1|12.5|265266^MDC_DIM_MILLI_L_PER_HR^MDC|||||F\r\x1c\r";

    #[test]
    fn each_value_goes_to_the_device_that_measured_it() {
        let fact = messages(GATEWAY, 4096).remove(0);
        assert!(fact.behind);
        let names: Vec<_> =
            fact.devices.iter().map(|device| device.identifier.as_ref().unwrap().as_str()).collect();
        assert_eq!(names, ["00A037FFFE000001", "PUMP-9"]);
        let value = |code: &str| fact.observations.iter().find(|value| value.code.as_str() == code).unwrap();
        assert_eq!((value("150456").device, value("157784").device), (Some(0), Some(1)));
        assert_eq!(value("157784").place, Some(Label::new("2.1.1.1")));
        assert_eq!(value("157784").name, Some(Label::new("MDC_FLOW_FLUID_PUMP")));
    }

    #[test]
    fn each_device_is_introduced_with_what_is_said_of_it_alone() {
        let (facts, _) = stream(&STREAM, &[(Direction::Forward, GATEWAY)], 4096);
        let told: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Identity(told) = fact { Some(told.as_ref()) } else { None })
            .collect();
        let [monitor, pump] = told[..] else { panic!("{told:#?}") };
        assert_eq!(monitor.subject, wardline_model::fact::IdentitySubject::Behind);
        assert_eq!(monitor.device.manufacturer, Some(Label::new("Example Medical")));
        assert_eq!(monitor.device.firmware, Some(Label::new("4.2.1")));
        assert_eq!(monitor.device.udi, Some(Label::new("09506000134352")));
        assert_eq!(monitor.device.serial, Some(Label::new("MON-77")));
        assert_eq!(monitor.description, Some(Label::new("MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS")));
        assert!(monitor.attributes.contains(&(Label::new("manufactured"), Label::new("240101"))));
        assert!(
            monitor.attributes.contains(&(Label::new("subsystem"), Label::new("MDC_DEV_ANALY_SAT_O2_VMD")))
        );
        assert_eq!(pump.description, Some(Label::new("MDC_DEV_PUMP_INFUS_MDS")));
        assert_eq!(pump.device.model, Some(Label::new("ExamplePump")));
        assert!(pump.device.manufacturer.is_none() && pump.attributes.is_empty());
    }

    const ALARM: &[u8] = b"\x0bMSH|^~\\&|AR^0009FBFFFE0000AA^EUI-64|H|AM|H|20260302060100||ORU^R40^ORU_R40|M9|P|2.6\r\
        PID|1||0047^^^HOSP\rPV1||I|ICU^R4^1\rOBR|1||A5\r\
        OBX|1|ST|196674^MDC_EVT_LO_VAL_LT_LIM^MDC|1.1.0.1.1|SPO2 LOW MUSTER||90-100|L~PM~SP|||R|||20260302060059||||00A037FFFE000001^^^EUI-64\r\
        OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.0.1.2|82|262688^MDC_DIM_PERCENT^MDC\r\
        OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.1.0.1.3|start\r\
        OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.1.0.1.4|active\r\
        OBX|5|ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.1.0.1.5|audio-paused\r\x1c\r";

    #[test]
    fn an_alarm_tells_its_facets_and_not_its_words() {
        let (facts, _) = stream(&STREAM, &[(Direction::Forward, ALARM)], 4096);
        let alarm =
            facts.iter().find_map(|fact| if let Fact::Alarm(alarm) = fact { Some(alarm) } else { None });
        let alarm = alarm.unwrap();
        let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned()).unwrap();
        assert_eq!((alarm.event.as_str(), text(&alarm.name).as_str()), ("196674", "MDC_EVT_LO_VAL_LT_LIM"));
        assert_eq!((text(&alarm.phase), text(&alarm.state)), ("start".to_owned(), "active".to_owned()));
        assert_eq!((text(&alarm.priority), text(&alarm.kind)), ("PM".to_owned(), "SP".to_owned()));
        assert_eq!(text(&alarm.inactivation), "audio-paused");
        let limits = alarm.limits.map(|limits| (limits.lower, limits.upper));
        assert_eq!(limits, Some((Some(90.0), Some(100.0))));
        assert_eq!(text(&alarm.device), "00A037FFFE000001");
        assert!(alarm.patient.is_some() && !format!("{alarm:?}").contains("MUSTER"));
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(size in 1usize..300) {
            let both = [ADT, ORU, GATEWAY, ALARM, ADT].concat();
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
