//! LIS01/LIS02 (ASTM): which analyser sends whose results to whom, and whether its frames came through unharmed.
//!
//! The sender field of the header is free text of components. Its first component is what the maker calls the
//! instrument; a version is told by its form, and so is a serial number, wherever they stand; what has neither form is
//! told as a component, and no more is claimed of it.

use wardline_model::fact::{
    CredentialFact, CredentialKind, DeviceIdentity, IdentityFact, IdentitySubject, IntegrityFact,
    IntegrityFault, MeasurementFact, PatientField, PatientFields, PatientLocation,
};
use wardline_model::{Bounded, Fact, Label, Protocol, Subject, Timestamp};
use wardline_wire::clinical::astm::{Check, Event, Frame, Record, Sequence, Session, probe};
use wardline_wire::clinical::hl7::time;
use wardline_wire::{Direction, Sensitive};

use super::patient::Patient;
use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Astm, ports: &[], probe, adaptor: || Box::<Astm>::default() };

/// Bytes that are of no record after which the stream is something else.
const OUTSIDE_BYTES_MAX: u64 = 1 << 20;
/// Further systems behind one sender that are told apart in one conversation.
const SENDERS_MAX: usize = 16;

#[derive(Default)]
struct Astm {
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    session: Session,
    message: Message,
    /// Senders that introduced themselves, the first being the station itself.
    senders: Vec<Label>,
    faults: Faults,
}

/// What was wrong so far.
#[derive(Default)]
struct Faults {
    order_told: bool,
    right: u32,
    wrong: u32,
}

/// What a message said since its header.
#[derive(Default)]
struct Message {
    sender: Option<IdentityFact>,
    patient: Patient,
    location: Option<PatientLocation>,
    fields: PatientFields,
    results: bool,
    asks: bool,
    orders: bool,
}

impl StreamAdaptor for Astm {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let (mut answers, mut rest) = (Vec::new(), bytes);
        // Answers belong to the frame that the other end sent before them, so they are passed on as they come.
        while !rest.is_empty() {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, 0x06 | 0x15))
                .map_or(rest.len(), |place| place + 1);
            let (piece, after) = rest.split_at(end);
            rest = after;
            let [forward, backward] = &mut self.sides;
            let (side, other) = match direction {
                Direction::Forward => (forward, backward),
                Direction::Backward => (backward, forward),
            };
            let Side { session, message, senders, faults } = side;
            session.feed(piece, &mut |event| {
                match event {
                    Event::Acknowledge => answers.push(true),
                    Event::Refuse => answers.push(false),
                    _ => {}
                }
                take(event, message, senders, faults, context);
            });
            for accepted in answers.drain(..) {
                other.answered(accepted, direction.reverse(), context);
            }
        }
        let outside: u64 = self.sides.iter().map(|side| side.session.outside_bytes()).sum();
        if outside > OUTSIDE_BYTES_MAX { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.session.gap();
        }
        Progress::Continue
    }

    fn end(&mut self, context: &mut Context<'_>) {
        for (side, direction) in self.sides.iter_mut().zip([Direction::Forward, Direction::Backward]) {
            context.direction = direction;
            let Side { session, message, senders, faults } = side;
            session.finish(&mut |event| take(event, message, senders, faults, context));
            message.end(senders, context);
        }
    }
}

impl Side {
    fn answered(&mut self, accepted: bool, direction: Direction, context: &mut Context<'_>) {
        let before = std::mem::replace(&mut context.direction, direction);
        let Self { session, message, senders, faults } = self;
        session.answered(accepted, &mut |event| take(event, message, senders, faults, context));
        context.direction = before;
    }
}

fn take(
    event: Event<'_>,
    message: &mut Message,
    senders: &mut Vec<Label>,
    faults: &mut Faults,
    context: &mut Context<'_>,
) {
    match event {
        Event::Frame(frame) => faults.frame(frame, context),
        Event::Record(record, fits) => {
            if !fits && !std::mem::replace(&mut faults.order_told, true) {
                let place = Label::new(&format!("record {}", char::from(record.kind())));
                fault(IntegrityFault::Order, place, true, context);
            }
            message.record(&record, senders, context);
        }
        Event::End => message.end(senders, context),
        Event::Enquiry | Event::Acknowledge | Event::Refuse => {}
    }
}

impl Faults {
    /// Tells what is wrong with a frame, if anything. Some senders compute every checksum another way: there a wrong
    /// one says nothing.
    fn frame(&mut self, frame: Frame, context: &mut Context<'_>) {
        let kind = match (frame.check, frame.sequence) {
            (Check::Wrong, _) => {
                self.wrong = self.wrong.saturating_add(1);
                if self.wrong > self.right {
                    return;
                }
                IntegrityFault::Checksum
            }
            (_, Sequence::Altered) => IntegrityFault::Altered,
            (_, Sequence::Repeated) => IntegrityFault::Repeated,
            (_, Sequence::Unexpected) => IntegrityFault::Sequence,
            (check, Sequence::Next | Sequence::Unnumbered) => {
                self.right = self.right.saturating_add(u32::from(check == Check::Right));
                return;
            }
        };
        let place = frame.number.map_or(Label::new("frame"), |number| Label::new(&format!("frame {number}")));
        fault(kind, place, frame.accepted, context);
    }
}

fn fault(fault: IntegrityFault, place: Label, accepted: bool, context: &mut Context<'_>) {
    context.tell(Fact::Integrity(Box::new(IntegrityFact {
        protocol: Protocol::Astm,
        fault,
        place,
        accepted,
    })));
}

impl Message {
    fn record(&mut self, record: &Record<'_>, senders: &mut Vec<Label>, context: &mut Context<'_>) {
        match record.kind() {
            b'H' => {
                self.end(senders, context);
                self.header(record, context);
            }
            b'P' => self.patient(record, context),
            b'O' => self.order(record),
            b'R' => self.result(record, context),
            b'Q' => self.request(record),
            b'L' => self.end(senders, context),
            _ => {}
        }
    }

    /// Section 6.
    fn header(&mut self, record: &Record<'_>, context: &mut Context<'_>) {
        let password = record.field(4);
        if !password.is_empty() {
            let secret = context.pseudonym(Subject::Secret, Sensitive::new(password.raw()));
            context.tell(Fact::Credential(Box::new(CredentialFact {
                protocol: Protocol::Astm,
                kind: CredentialKind::Password,
                field: Label::new("H-4 access password"),
                account: None,
                secret: Some(secret),
            })));
        }
        let mut attributes = Bounded::new();
        let device = sender(record, &mut attributes);
        for (name, number) in [("receiver", 10), ("processing", 12), ("version", 13)] {
            if let Some(value) = Label::non_empty(&record.field(number).component(1)) {
                attributes.push((Label::new(name), value));
            }
        }
        self.sender = Some(IdentityFact {
            protocol: Protocol::Astm,
            subject: IdentitySubject::Sender,
            device,
            name: None,
            description: None,
            role: None,
            attributes,
        });
    }

    /// Section 7.
    fn patient(&mut self, record: &Record<'_>, context: &mut Context<'_>) {
        self.fields.merge(self.patient.fields);
        self.patient = Patient::default();
        for number in 3..=5 {
            self.patient.identifier(Sensitive::new(&record.field(number).component(1)), context);
        }
        let name = record.field(6);
        self.patient.name(Sensitive::new(&name.component(1)), Sensitive::new(&name.component(2)), context);
        self.patient.birth_date(Sensitive::new(&record.field(8).component(1)), context);
        for (kind, number) in [
            (PatientField::Kin, 7),
            (PatientField::Sex, 9),
            (PatientField::Address, 11),
            (PatientField::Telephone, 13),
            (PatientField::Clinician, 14),
            (PatientField::Diagnosis, 19),
            (PatientField::Order, 20),
            (PatientField::Location, 26),
        ] {
            let field = record.field(number);
            if !field.is_empty() {
                self.patient.fields.insert(kind);
            }
        }
        let place = record.field(26);
        let part = |number| Label::non_empty(&place.component(number));
        let location = PatientLocation { unit: part(1), room: part(2), bed: part(3), facility: None };
        self.location = Some(location).filter(|location| *location != PatientLocation::default());
    }

    /// Section 8.
    fn order(&mut self, record: &Record<'_>) {
        self.orders = true;
        for (kind, number) in [
            (PatientField::Order, 3),
            (PatientField::Order, 5),
            (PatientField::Clinician, 11),
            (PatientField::Diagnosis, 14),
            (PatientField::Clinician, 17),
        ] {
            if !record.field(number).is_empty() {
                self.patient.fields.insert(kind);
            }
        }
    }

    /// Section 9.
    fn result(&mut self, record: &Record<'_>, context: &mut Context<'_>) {
        self.results = true;
        let value = record.field(4);
        if !value.is_empty() {
            self.patient.fields.insert(PatientField::Result);
        }
        if !record.field(11).is_empty() {
            self.patient.fields.insert(PatientField::Clinician);
        }
        let test = record.field(3);
        // The first part is a code of LOINC, the fourth the maker's own: section 6.6.1.
        let code = test.components().find_map(|part| Label::non_empty(&part));
        let number =
            value.components().find_map(|part| std::str::from_utf8(&part).ok()?.trim().parse::<f64>().ok());
        let (Some(code), Some(number)) = (code, number.filter(|number| number.is_finite())) else { return };
        let moment = [13, 12].into_iter().find_map(|number| time::parse(&record.field(number).component(1)));
        let fact = MeasurementFact {
            protocol: Protocol::Astm,
            system: is_loinc(code.as_str()).then(|| Label::new("LN")),
            code,
            value: number,
            unit: Label::non_empty(&record.field(5).component(1)),
            time: moment.map(Timestamp::from_nanoseconds),
            patient: self.patient.reference(),
            location: self.location.clone(),
            device: record.field(14).components().find_map(|part| Label::non_empty(&part)),
        };
        context.tell(Fact::Measurement(Box::new(fact)));
    }

    /// Section 11: whose orders or results are wanted.
    fn request(&mut self, record: &Record<'_>) {
        self.asks = true;
        if !record.field(3).is_empty() {
            self.patient.fields.insert(PatientField::Order);
        }
        if !record.field(3).component(1).is_empty() {
            self.patient.fields.insert(PatientField::Identifier);
        }
    }

    /// The message is over: who sent it is known by what was in it.
    fn end(&mut self, senders: &mut Vec<Label>, context: &mut Context<'_>) {
        let mut message = std::mem::take(self);
        message.fields.merge(message.patient.fields);
        if let Some(mut sender) = message.sender {
            let name = sender.device.model.clone().unwrap_or_default();
            let place = senders.iter().position(|known| *known == name);
            if place.is_none() && senders.len() < SENDERS_MAX {
                senders.push(name);
            }
            if place.unwrap_or(senders.len().saturating_sub(1)) > 0 {
                sender.subject = IdentitySubject::Behind;
            }
            // An instrument sends results and asks what to do; its host sends orders.
            sender.role = match (message.results || message.asks, message.orders) {
                (true, _) => Some(Label::new("astm sender")),
                (false, true) => Some(Label::new("astm host")),
                (false, false) => None,
            };
            context.tell(Fact::Identity(Box::new(sender)));
        }
        Patient::tell(message.fields, Protocol::Astm, context);
    }
}

/// H-5: what the sender calls itself.
fn sender(record: &Record<'_>, attributes: &mut Bounded<(Label, Label), 12>) -> DeviceIdentity {
    let mut device = DeviceIdentity { field: Label::new("H-5 sender"), ..DeviceIdentity::default() };
    let field = record.field(5);
    let parts: Vec<_> = field.components().take(8).collect();
    for (place, part) in parts.iter().enumerate() {
        let Some(label) = Label::non_empty(part) else { continue };
        let text = label.as_str();
        if place > 0 && device.firmware.is_none() && is_version(text) {
            device.firmware = Some(label);
        } else if place > 0 && device.serial.is_none() && is_serial(text) {
            device.serial = Some(label);
        } else if device.model.is_none() && text.contains(char::is_alphabetic) {
            device.model = Some(label);
        } else {
            attributes.push((Label::new(&format!("sender component {}", place + 1)), label));
        }
    }
    device
}

/// Numbers between dots, perhaps behind a `V`: `1.00`, `V3.2.1b`.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut parts = text.split('.');
    let digits = |part: &str| part.starts_with(|letter: char| letter.is_ascii_digit());
    text.contains('.') && text.len() <= 24 && parts.all(digits) && !text.contains(char::is_whitespace)
}

/// Letters, digits and dashes with at least four digits in a row, and no moment in time.
fn is_serial(text: &str) -> bool {
    let plain = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let run = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    plain && (5..=32).contains(&text.len()) && run >= 4 && time::parse(text.as_bytes()).is_none()
}

/// LOINC: digits, a dash and one check digit.
fn is_loinc(code: &str) -> bool {
    code.split_once('-').is_some_and(|(number, check)| {
        (1..=7).contains(&number.len())
            && number.bytes().all(|digit| digit.is_ascii_digit())
            && check.len() == 1
            && check.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    /// The message of an invented analyser for an invented patient, record by record as LIS02-A2 prints them.
    const RECORDS: &[&str] = &[
        "H|\\^&||hush|ARCHITECT^8.10^F3453010001^H1P1O1R1C1Q1L1||||||||P|1|20260302060000",
        "P|1||0047|4711|Muster^Eva^M||19700230|F||Lane 1||555|Dr. Who||||||||||||ICU^R4^2",
        "O|1|S-4711||^^^6^GLU|R||||||A||||||||||||||F",
        "R|1|^^^6^GLU^^F|7.4|mmol/L|3.9 TO 6.1|H||F||ADMIN||20260302055901|F3453010001",
        "R|2|2823-3|<3.0|mmol/L",
        "R|3|2951-2^^^7|140|mmol/L",
        "L|1|N",
    ];

    fn frame(number: usize, text: &str) -> Vec<u8> {
        let body = format!("{}{text}\r\x03", number % 8);
        let sum: u32 = body.bytes().map(u32::from).sum::<u32>() % 256;
        format!("\x02{body}{sum:02X}\r\n").into_bytes()
    }

    fn line() -> Vec<(Direction, Vec<u8>)> {
        let mut line = vec![(Direction::Forward, vec![5]), (Direction::Backward, vec![6])];
        for (place, record) in RECORDS.iter().enumerate() {
            line.push((Direction::Forward, frame(place + 1, record)));
            line.push((Direction::Backward, vec![6]));
        }
        line.push((Direction::Forward, vec![4]));
        line
    }

    fn facts(line: &[(Direction, Vec<u8>)], size: usize) -> Vec<Fact> {
        let pieces: Vec<_> = line.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
        driver::stream(&STREAM, &pieces, size).0
    }

    #[test]
    fn an_analyser_its_results_and_the_kinds_of_patient_data_are_told() {
        for size in [1, 9, 4096] {
            let facts = facts(&line(), size);
            let Some(Fact::Identity(told)) = facts.iter().find(|fact| matches!(fact, Fact::Identity(_)))
            else {
                panic!("{facts:?}")
            };
            assert_eq!(told.device.model, Some(Label::new("ARCHITECT")));
            assert_eq!(told.device.firmware, Some(Label::new("8.10")));
            assert_eq!(told.device.serial, Some(Label::new("F3453010001")));
            assert_eq!(told.role, Some(Label::new("astm sender")));
            let measured: Vec<_> = facts
                .iter()
                .filter_map(|fact| if let Fact::Measurement(told) = fact { Some(told) } else { None })
                .collect();
            assert_eq!(measured.len(), 2, "a value below a limit is no number");
            assert_eq!((measured[0].code.as_str(), measured[0].value), ("6", 7.4));
            assert_eq!(measured[0].unit, Some(Label::new("mmol/L")));
            assert_eq!(measured[0].time.unwrap().to_string(), "2026-03-02T05:59:01.000000Z");
            assert_eq!(measured[0].device, Some(Label::new("F3453010001")));
            assert_eq!(measured[0].location.as_ref().unwrap().bed, Some(Label::new("2")));
            assert!(measured[0].patient.as_ref().unwrap().name.is_some());
            assert_eq!(measured[1].system, Some(Label::new("LN")));
            let Some(Fact::PatientData(data)) = facts.last() else { panic!("{facts:?}") };
            use PatientField::{
                Address, BirthDate, Clinician, Identifier, Location, Name, Order, Result, Sex, Telephone,
            };
            let kinds: Vec<_> = data.fields.iter().collect();
            assert_eq!(
                kinds,
                [Name, Identifier, BirthDate, Sex, Address, Telephone, Result, Order, Clinician, Location]
            );
            let Some(Fact::Credential(_)) = facts.first() else { panic!("{facts:?}") };
            let text = format!("{facts:?}").to_uppercase();
            for secret in ["0047", "MUSTER", "EVA", "1970", "HUSH", "LANE", "DR. WHO", "S-4711"] {
                assert!(!text.contains(secret), "a canary got out: {secret}");
            }
        }
    }

    #[test]
    fn a_patient_is_the_same_as_in_hl7() {
        let facts = facts(&line(), 4096);
        let Some(Fact::Measurement(told)) = facts.iter().find(|fact| matches!(fact, Fact::Measurement(_)))
        else {
            panic!("{facts:?}")
        };
        let mut driver = driver::Driver::new();
        let name = driver.with(Direction::Forward, |context| {
            context.pseudonym(Subject::PatientName, Sensitive::new(b"MUSTER^EVA"))
        });
        assert_eq!(told.patient.as_ref().unwrap().name, Some(name));
    }

    #[test]
    fn a_bent_frame_is_told_and_counts_only_where_it_was_taken() {
        let mut line = line();
        let place = 2 + 2 * 3;
        let glucose = line[place].1.iter().position(|byte| *byte == b'7').unwrap();
        line[place].1[glucose] = b'9';
        let kinds = |facts: &[Fact]| {
            let told = facts.iter().filter_map(|fact| match fact {
                Fact::Integrity(told) => Some((told.fault, told.accepted)),
                _ => None,
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(kinds(&facts(&line, 3)), [(IntegrityFault::Checksum, true)]);
        line[place + 1].1 = vec![0x15];
        line.splice(
            place + 2..place + 2,
            [(Direction::Forward, frame(4, RECORDS[3])), (Direction::Backward, vec![6])],
        );
        let told = facts(&line, 3);
        assert_eq!(kinds(&told), [(IntegrityFault::Checksum, false)]);
        assert_eq!(told.iter().filter(|fact| matches!(fact, Fact::Measurement(_))).count(), 2);
    }

    #[test]
    fn a_host_that_sends_orders_is_no_analyser_and_a_second_sender_is_behind_the_first() {
        let orders = b"H|\\^&|||LIS\rP|1\rO|1|S|||R\rL|1|N\r".to_vec();
        let results = b"H|\\^&|||XN-10^00-22^12345\rP|1\rO|1|S\rR|1|^^^WBC|5.1\rL|1|N\r".to_vec();
        let line = [(Direction::Forward, orders), (Direction::Forward, results)];
        let told: Vec<_> = facts(&line, 11)
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::Identity(told) => {
                    Some((told.subject, told.role.unwrap().to_string(), told.device.serial))
                }
                _ => None,
            })
            .collect();
        let serial = Some(Label::new("12345"));
        assert_eq!(
            told,
            [
                (IdentitySubject::Sender, "astm host".to_owned(), None),
                (IdentitySubject::Behind, "astm sender".to_owned(), serial)
            ]
        );
    }

    #[test]
    fn versions_and_serial_numbers_are_told_by_their_form() {
        for text in ["1.00", "V3.2.1b", "10.4"] {
            assert!(is_version(text), "{text}");
        }
        for text in ["H1P1O1R1C1Q1L1", "ICU", "1", "a.b"] {
            assert!(!is_version(text) && !is_serial(text), "{text}");
        }
        assert!(is_serial("F3453010001") && is_serial("1234-567") && !is_serial("20260302060000"));
    }
}
