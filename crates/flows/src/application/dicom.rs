//! DICOM: which equipment makes pictures of whom, and who asks for them.

use wardline_model::fact::{
    CredentialFact, CredentialKind, DicomAssociation, DicomCommand, DicomCommandKind, DicomDataset,
    DicomFact, DicomIdentityKind, DicomPresentationContext, PatientDataFact, PatientField, PatientFields,
    PatientReference,
};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::clinical::dicom::{
    Association, Element, Encoding, Event, Identity, Session, commands, elements, probe,
};
use wardline_wire::clinical::{executable, identity};
use wardline_wire::{Direction, Sensitive};

use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Dicom,
    ports: &[104, 11_112, 4_242],
    probe,
    adaptor: || Box::<Dicom>::default(),
};

#[derive(Default)]
struct Dicom {
    session: Session,
    /// The command whose data set comes next, of each direction.
    commands: [Option<DicomCommand>; 2],
}

impl StreamAdaptor for Dicom {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, commands } = self;
        let command = &mut commands[direction.index()];
        let ours = session.feed(direction, bytes, &mut |event| tell(event, command, context));
        if ours { Progress::Continue } else { Progress::Done }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Behind a hole nobody knows where the next PDU begins.
        Progress::Done
    }
}

fn tell(event: Event<'_>, command: &mut Option<DicomCommand>, context: &mut Context<'_>) {
    let fact = match event {
        Event::Request(request) => {
            credential(&request, context);
            DicomFact::AssociateRequest(association(&request, true))
        }
        Event::Accept(accept) => DicomFact::AssociateAccept(association(&accept, false)),
        Event::Reject([result, source, reason]) => DicomFact::AssociateReject { result, source, reason },
        Event::Release => DicomFact::Release,
        Event::Abort([source, reason]) => DicomFact::Abort { source, reason },
        Event::Command(bytes) => {
            let read = read_command(bytes, context);
            *command = Some(read.clone());
            DicomFact::Command(read)
        }
        Event::Dataset(encoding, bytes) => {
            let (dataset, fields) = read_dataset(encoding, bytes, command.as_ref(), context);
            context.tell(Fact::Dicom(Box::new(DicomFact::Dataset(Box::new(dataset)))));
            if !fields.is_empty() {
                context
                    .tell(Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Dicom, fields })));
            }
            return;
        }
    };
    context.tell(Fact::Dicom(Box::new(fact)));
}

fn association(read: &Association<'_>, request: bool) -> DicomAssociation {
    DicomAssociation {
        calling: Label::from_bytes(read.calling),
        called: Label::from_bytes(read.called),
        implementation_class: Label::non_empty(read.implementation_class),
        implementation_version: Label::non_empty(read.implementation_version),
        pdu_length_max: read.length_max,
        contexts: read
            .contexts
            .iter()
            .map(|context| DicomPresentationContext {
                abstract_syntax: Label::from_bytes(context.abstract_syntax),
                accepted: !request && context.result == 0,
            })
            .collect(),
        identity: read.identity.map(|identity| match identity.kind {
            1 => DicomIdentityKind::Username,
            2 => DicomIdentityKind::UsernamePasscode,
            3 => DicomIdentityKind::Kerberos,
            4 => DicomIdentityKind::Saml,
            5 => DicomIdentityKind::Jwt,
            other => DicomIdentityKind::Other(other),
        }),
    }
}

/// A passcode stands in clear beside its user's name: PS3.7 D.3.3.7.
fn credential(read: &Association<'_>, context: &mut Context<'_>) {
    if let Some(Identity { kind: 2, primary, secondary }) = read.identity {
        let account = Some(context.pseudonym(Subject::Account, primary));
        let secret = Some(context.pseudonym(Subject::Secret, secondary));
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Dicom,
            kind: CredentialKind::Password,
            field: Label::new("user identity negotiation"),
            account,
            secret,
        })));
    }
}

fn number(value: &[u8]) -> Option<u16> {
    value
        .first_chunk::<2>()
        .map(|bytes| u16::from_le_bytes(*bytes))
        .or_else(|| value.first().map(|byte| u16::from(*byte)))
}

fn read_command(bytes: &[u8], context: &Context<'_>) -> DicomCommand {
    let mut command = DicomCommand {
        kind: DicomCommandKind::Other(0),
        response: false,
        sop_class: None,
        sop_instance: None,
        message_id: 0,
        status: None,
        move_destination: None,
    };
    commands(bytes, &mut |Element { tag, value }| match tag {
        (0, 0x0002 | 0x0003) => command.sop_class = Label::non_empty(value),
        (0, 0x0100) => {
            let code = number(value).unwrap_or(0);
            command.response = code & 0x8000 != 0;
            command.kind = kind(code & 0x7fff);
        }
        (0, 0x0110 | 0x0120) => command.message_id = number(value).unwrap_or(0),
        (0, 0x0600) => command.move_destination = Label::non_empty(value),
        // Success is 0, and nothing is left of a zero without its padding.
        (0, 0x0900) => command.status = Some(number(value).unwrap_or(0)),
        (0, 0x1000 | 0x1001) => {
            command.sop_instance = Some(context.pseudonym(Subject::Resource, Sensitive::new(value)))
        }
        _ => {}
    });
    command
}

const fn kind(code: u16) -> DicomCommandKind {
    match code {
        0x0001 => DicomCommandKind::CStore,
        0x0010 => DicomCommandKind::CGet,
        0x0020 => DicomCommandKind::CFind,
        0x0021 => DicomCommandKind::CMove,
        0x0030 => DicomCommandKind::CEcho,
        0x0fff => DicomCommandKind::CCancel,
        0x0100 => DicomCommandKind::NEventReport,
        0x0110 => DicomCommandKind::NGet,
        0x0120 => DicomCommandKind::NSet,
        0x0130 => DicomCommandKind::NAction,
        0x0140 => DicomCommandKind::NCreate,
        0x0150 => DicomCommandKind::NDelete,
        other => DicomCommandKind::Other(other),
    }
}

fn read_dataset(
    encoding: Encoding,
    bytes: &[u8],
    command: Option<&DicomCommand>,
    context: &Context<'_>,
) -> (DicomDataset, PatientFields) {
    let response = command.is_some_and(|command| command.response);
    let mut reading = DatasetReading::begin(command.map(|command| command.kind), response);
    elements(encoding, bytes, &mut |element| reading.element(element, context));
    reading.finish()
}

/// A data set that is being read, whatever carries it.
pub(super) struct DatasetReading {
    pub(super) dataset: DicomDataset,
    query: bool,
    patient: PatientReference,
    fields: PatientFields,
    named: bool,
}

impl DatasetReading {
    pub(super) fn begin(command: Option<DicomCommandKind>, response: bool) -> Self {
        let query = !response
            && matches!(
                command,
                Some(DicomCommandKind::CFind | DicomCommandKind::CMove | DicomCommandKind::CGet)
            );
        let mut dataset = DicomDataset { command, response, ..DicomDataset::default() };
        dataset.device.field = Label::new("equipment module");
        Self {
            dataset,
            query,
            patient: PatientReference::default(),
            fields: PatientFields::default(),
            named: false,
        }
    }

    pub(super) fn element(&mut self, Element { tag, value }: Element<'_>, context: &Context<'_>) {
        let Self { dataset, query, patient, fields, named } = self;
        let wildcard = value.iter().all(|byte| matches!(byte, b'*' | b'?'));
        if *query && !value.is_empty() {
            dataset.query_keys += u16::from(!wildcard && tag != (0x0008, 0x0052));
        }
        dataset.executable |= executable::begins_like_a_program(value);
        if value.is_empty() || wildcard {
            return;
        }
        let label = || Label::non_empty(value);
        match tag {
            (0x0008, 0x0050) => {
                dataset.accession = Some(context.pseudonym(Subject::Message, Sensitive::new(value)))
            }
            (0x0008, 0x0060) => dataset.modality = label(),
            (0x0008, 0x0070) => dataset.device.manufacturer = label(),
            (0x0008, 0x0080) => dataset.institution = label(),
            (0x0008, 0x1010) => dataset.device.identifier = label(),
            (0x0008, 0x1090) => dataset.device.model = label(),
            (0x0018, 0x1000) => dataset.device.serial = label(),
            (0x0018, 0x1020) => dataset.device.firmware = label(),
            (0x0020, 0x000d) => {
                dataset.study = Some(context.pseudonym(Subject::Resource, Sensitive::new(value)))
            }
            (0x0010, number) => {
                *named |= matches!(number, 0x0010 | 0x0020);
                patient_element(number, value, patient, fields, context);
            }
            (0x0008, 0x0090 | 0x1050) => fields.insert(PatientField::Clinician),
            (0x7fe0, 0x0010) => fields.insert(PatientField::Image),
            _ => {}
        }
    }

    pub(super) fn finish(mut self) -> (DicomDataset, PatientFields) {
        self.dataset.query_open = self.query && !self.named;
        // What a query asks for is open; only what it says tells of a patient.
        let told = self.patient != PatientReference::default();
        self.dataset.patient = told.then_some(self.patient);
        (self.dataset, self.fields)
    }
}

fn patient_element(
    number: u16,
    value: &[u8],
    patient: &mut PatientReference,
    fields: &mut PatientFields,
    context: &Context<'_>,
) {
    let pseudonym = |subject, text: Sensitive<String>| {
        context.pseudonym(subject, Sensitive::new(text.expose().as_bytes()))
    };
    match number {
        0x0010 => {
            fields.insert(PatientField::Name);
            let mut parts =
                value.split(|byte| *byte == b'=').next().unwrap_or_default().split(|byte| *byte == b'^');
            let (family, given) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            patient.name = identity::name(Sensitive::new(family), Sensitive::new(given))
                .map(|name| pseudonym(Subject::PatientName, name));
        }
        0x0020 => {
            fields.insert(PatientField::Identifier);
            patient.identifier =
                identity::identifier(Sensitive::new(value), None).map(|id| pseudonym(Subject::PatientId, id));
        }
        0x0030 => {
            fields.insert(PatientField::BirthDate);
            patient.birth_date =
                identity::birth_date(Sensitive::new(value)).map(|date| pseudonym(Subject::BirthDate, date));
        }
        0x0040 => fields.insert(PatientField::Sex),
        0x1040 => fields.insert(PatientField::Address),
        0x2154 => fields.insert(PatientField::Telephone),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::driver::stream;
    use proptest::prelude::*;
    use wardline_wire::Verdict;

    fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0][..], &(body.len() as u32).to_be_bytes(), body].concat()
    }

    fn item(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0][..], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    fn value(context: u8, flags: u8, bytes: &[u8]) -> Vec<u8> {
        pdu(4, &[&((bytes.len() + 2) as u32).to_be_bytes()[..], &[context, flags], bytes].concat())
    }

    /// Implicit VR, little endian.
    fn implicit(group: u16, number: u16, text: &[u8]) -> Vec<u8> {
        [&group.to_le_bytes()[..], &number.to_le_bytes(), &(text.len() as u32).to_le_bytes(), text].concat()
    }

    fn explicit(group: u16, number: u16, kind: &[u8], text: &[u8]) -> Vec<u8> {
        [&group.to_le_bytes()[..], &number.to_le_bytes(), kind, &(text.len() as u16).to_le_bytes(), text]
            .concat()
    }

    /// An association in which one image is stored, in explicit VR, its data set cut into two values.
    fn store() -> Vec<(Direction, Vec<u8>)> {
        let user = item(
            0x50,
            &[item(0x51, &[0, 0, 0x40, 0]), item(0x52, b"1.2.276.0.7230010.3.0.3"), item(0x55, b"TOOLKIT_1")]
                .concat(),
        );
        let titles = [&[0, 1, 0, 0][..], b"ARCHIVE         ", b"CT1             ", &[0; 32]].concat();
        let proposal = [
            &[1, 0, 0, 0][..],
            &item(0x30, b"1.2.840.10008.5.1.4.1.1.2"),
            &item(0x40, b"1.2.840.10008.1.2.1"),
        ]
        .concat();
        let accepted = [&[1, 0, 0, 0][..], &item(0x40, b"1.2.840.10008.1.2.1")].concat();
        let command = [
            implicit(0, 2, b"1.2.840.10008.5.1.4.1.1.2\0"),
            implicit(0, 0x100, &1_u16.to_le_bytes()),
            implicit(0, 0x110, &7_u16.to_le_bytes()),
            implicit(0, 0x800, &0_u16.to_le_bytes()),
            implicit(0, 0x1000, b"1.2.3.4\0"),
        ]
        .concat();
        let sequence =
            [&[8, 0, 0x40, 0x11][..], b"SQ\0\0", &[0xff; 4], &[0xfe, 0xff, 0, 0xe0], &[0xff; 4]].concat();
        let inner = explicit(0x10, 0x20, b"LO", b"INNER1");
        let ends =
            [&[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0][..], &[0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]].concat();
        let data = [
            explicit(8, 0x60, b"CS", b"CT"),
            explicit(8, 0x70, b"LO", b"Example "),
            explicit(8, 0x1090, b"LO", b"Scan 9"),
            sequence,
            inner,
            ends,
            explicit(0x10, 0x10, b"PN", b"Muster^Eva"),
            explicit(0x10, 0x20, b"LO", b"0047"),
            explicit(0x10, 0x30, b"DA", b"19700230"),
            explicit(0x18, 0x1000, b"LO", b"SN12"),
        ]
        .concat();
        let (one, two) = data.split_at(40);
        let answer = [
            implicit(0, 0x100, &0x8001_u16.to_le_bytes()),
            implicit(0, 0x120, &7_u16.to_le_bytes()),
            implicit(0, 0x900, &0xa700_u16.to_le_bytes()),
        ]
        .concat();
        use Direction::{Backward, Forward};
        vec![
            (Forward, pdu(1, &[&titles[..], &item(0x20, &proposal), &user].concat())),
            (Backward, pdu(2, &[&titles[..], &item(0x21, &accepted), &user].concat())),
            (Forward, [value(1, 3, &command), value(1, 0, one), value(1, 2, two)].concat()),
            (Backward, value(1, 3, &answer)),
            (Forward, pdu(5, &[0; 4])),
        ]
    }

    fn facts(pieces: &[(Direction, Vec<u8>)], size: usize) -> Vec<Fact> {
        let pieces: Vec<_> = pieces.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
        stream(&STREAM, &pieces, size).0
    }

    #[test]
    fn an_image_tells_its_equipment_and_whom_it_is_of() {
        let facts = facts(&store(), 1 << 16);
        let dicom: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Dicom(fact) = fact { Some(fact.as_ref()) } else { None })
            .collect();
        let [
            DicomFact::AssociateRequest(request),
            DicomFact::AssociateAccept(accept),
            DicomFact::Command(command),
            DicomFact::Dataset(dataset),
            DicomFact::Command(answer),
            DicomFact::Release,
        ] = dicom[..]
        else {
            panic!("{dicom:#?}")
        };
        assert_eq!((request.calling.as_str(), request.called.as_str()), ("CT1", "ARCHIVE"));
        assert_eq!(request.implementation_version, Some(Label::new("TOOLKIT_1")));
        assert_eq!(request.contexts[0].abstract_syntax.as_str(), "1.2.840.10008.5.1.4.1.1.2");
        assert!(accept.contexts[0].accepted);
        assert_eq!(
            (command.kind, command.response, command.message_id),
            (DicomCommandKind::CStore, false, 7)
        );
        assert_eq!((answer.response, answer.status), (true, Some(0xa700)));
        assert_eq!(dataset.modality, Some(Label::new("CT")));
        assert_eq!(dataset.device.manufacturer, Some(Label::new("Example")));
        assert_eq!(dataset.device.serial, Some(Label::new("SN12")));
        let patient = dataset.patient.as_ref().unwrap();
        assert!(patient.identifier.is_some() && patient.name.is_some() && patient.birth_date.is_some());
    }

    #[test]
    fn no_patient_is_told() {
        let text = format!("{:?}", facts(&store(), 1 << 16)).to_uppercase();
        for secret in ["MUSTER", "EVA", "0047", "1970", "INNER1"] {
            assert!(!text.contains(secret), "a canary got out");
        }
    }

    #[test]
    fn is_recognised_from_the_begin_and_from_the_middle() {
        let store = store();
        assert_eq!(probe(Direction::Forward, &store[0].1), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &store[2].1), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &store[0].1[..8]), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"\x01\0GET / HTTP/1.1"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_facts_however_cut(size in 1usize..200) {
            prop_assert_eq!(facts(&store(), 1 << 16), facts(&store(), size));
        }

        #[test]
        fn any_bytes_are_answered(noise: Vec<u8>, place in 0usize..5, at in 0usize..300, byte: u8) {
            let _ = facts(&[(Direction::Forward, noise.clone()), (Direction::Backward, noise)], 9);
            let mut bent = store();
            if let Some(spot) = bent[place].1.get_mut(at) { *spot = byte; }
            let _ = facts(&bent, 64);
        }
    }
}
