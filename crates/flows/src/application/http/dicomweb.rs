//! DICOMweb: requests as accesses to records, objects and their descriptions as data sets.

use wardline_model::fact::{
    DicomCommandKind, DicomFact, PatientDataFact, PatientFields, RecordAccessFact, RecordVerb,
};
use wardline_model::{Fact, Label, Protocol, Subject};
use wardline_wire::clinical::dicom::{Element, elements};
use wardline_wire::clinical::dicomweb::{
    HEAD_BYTES_READ, Multipart, Part, Part10, Service, Target, boundary,
};
use wardline_wire::document::{Event, json};
use wardline_wire::enterprise::http::Request;

use crate::application::Context;
use crate::application::dicom::DatasetReading;

/// Most data sets that one body tells.
const DATASETS_MAX: u32 = 64;

/// What a request asks for, if it is one of DICOMweb.
pub(super) fn access(
    request: &Request<'_, '_>,
    authenticated: bool,
    context: &Context<'_>,
) -> Option<Box<RecordAccessFact>> {
    let target = Target::parse(request.method, request.target)?;
    let verb = match target.service {
        Service::Search => RecordVerb::Search,
        Service::Retrieve => RecordVerb::Read,
        Service::Store => RecordVerb::Create,
        Service::Delete => RecordVerb::Delete,
    };
    // The same pseudonym as that of (0020,000D) in a data set.
    let about = target.study.map(|study| context.pseudonym(Subject::Resource, study.map(str::as_bytes)));
    Some(Box::new(RecordAccessFact {
        protocol: Protocol::Dicomweb,
        verb,
        resource: Label::new(target.resource),
        about,
        parameters: target.parameters.iter().map(|name| Label::new(name)).collect(),
        authenticated,
        status: None,
    }))
}

/// A body of objects.
pub(super) struct Objects {
    form: Form,
    /// They are stored rather than taken.
    stored: bool,
    told: u32,
    fields: PatientFields,
}

enum Form {
    Parts(Multipart),
    /// One object, of which this is the front.
    Single(Vec<u8>),
    Json(Box<Described>),
}

impl Objects {
    /// A reader by Content-Type, if it is one of DICOM.
    pub(super) fn new(content_type: &[u8], stored: bool) -> Option<Self> {
        let kind = content_type.to_ascii_lowercase();
        let has = |needle: &[u8]| contains(&kind, needle);
        let form = if kind.starts_with(b"multipart/related") && has(b"application/dicom") {
            Form::Parts(Multipart::new(boundary(content_type)?))
        } else if kind.starts_with(b"application/dicom+json") {
            Form::Json(Box::default())
        } else if kind == b"application/dicom" || kind.starts_with(b"application/dicom;") {
            Form::Single(Vec::new())
        } else {
            return None;
        };
        Some(Self { form, stored, told: 0, fields: PatientFields::default() })
    }

    /// A reader of the JSON model, where only the path tells that it is one.
    pub(super) fn described() -> Self {
        Self { form: Form::Json(Box::default()), stored: false, told: 0, fields: PatientFields::default() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let Self { form, stored, told, fields } = self;
        let mut tell = Telling { stored: *stored, told, fields, context };
        match form {
            Form::Parts(parts) => parts.feed(bytes, &mut |part| tell.part(part)),
            Form::Single(front) => {
                let room = HEAD_BYTES_READ.saturating_sub(front.len());
                front.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
            }
            Form::Json(described) => described.feed(bytes, &mut tell),
        }
    }

    pub(super) fn finish(self, context: &mut Context<'_>) {
        let Self { form, stored, mut told, mut fields } = self;
        let mut tell = Telling { stored, told: &mut told, fields: &mut fields, context };
        match form {
            Form::Parts(parts) => parts.finish(&mut |part| tell.part(part)),
            Form::Single(front) => tell.object(&front),
            Form::Json(_) => {}
        }
        if !fields.is_empty() {
            context
                .tell(Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Dicomweb, fields })));
        }
    }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

struct Telling<'t, 'c, 'k> {
    stored: bool,
    told: &'t mut u32,
    fields: &'t mut PatientFields,
    context: &'c mut Context<'k>,
}

impl Telling<'_, '_, '_> {
    fn begin(&self) -> DatasetReading {
        let kind = if self.stored { DicomCommandKind::CStore } else { DicomCommandKind::CGet };
        DatasetReading::begin(Some(kind), !self.stored)
    }

    fn part(&mut self, part: Part<'_>) {
        if contains(&part.content_type.to_ascii_lowercase(), b"application/dicom")
            || part.content_type.is_empty()
        {
            self.object(part.head);
        }
    }

    fn object(&mut self, bytes: &[u8]) {
        let Some(object) = Part10::parse(bytes) else { return };
        let mut reading = self.begin();
        reading.dataset.executable = object.executable;
        let context = &*self.context;
        elements(object.encoding, object.dataset, &mut |element| reading.element(element, context));
        self.tell(reading);
    }

    fn tell(&mut self, reading: DatasetReading) {
        let (dataset, fields) = reading.finish();
        self.fields.merge(fields);
        if *self.told < DATASETS_MAX {
            *self.told += 1;
            self.context.tell(Fact::Dicom(Box::new(DicomFact::Dataset(Box::new(dataset)))));
        }
    }
}

/// The JSON model, PS3.18 annex F: an object per instance, a field per attribute.
#[derive(Default)]
struct Described {
    json: json::Reader,
    depth: u32,
    tag: Option<(u16, u16)>,
    reading: Option<DatasetReading>,
}

impl Described {
    fn feed(&mut self, bytes: &[u8], tell: &mut Telling<'_, '_, '_>) {
        let Self { json, depth, tag, reading } = self;
        json.feed(bytes, &mut |event| match event {
            Event::Open(key) => {
                *depth += 1;
                match *depth {
                    1 => *reading = Some(tell.begin()),
                    2 => *tag = parse_tag(key),
                    _ => {}
                }
            }
            Event::Close => {
                *depth = depth.saturating_sub(1);
                if *depth == 0
                    && let Some(reading) = reading.take()
                {
                    tell.tell(reading);
                }
            }
            Event::Value(key, value) => {
                // A name has its letters one level deeper; other objects there are sequences.
                let place = matches!((*depth, key), (2, "Value") | (3, "Alphabetic"));
                if let (true, Some(tag), Some(reading)) = (place, *tag, reading.as_mut())
                    && let Some(text) = value.expose().text()
                {
                    reading.element(Element { tag, value: text.as_bytes() }, tell.context);
                }
            }
        });
    }
}

fn parse_tag(key: &str) -> Option<(u16, u16)> {
    let number = u32::from_str_radix(key, 16).ok().filter(|_| key.len() == 8)?;
    Some(((number >> 16) as u16, (number & 0xffff) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::driver;
    use crate::application::http::STREAM;
    use wardline_wire::Direction::{Backward, Forward};

    fn explicit(group: u16, number: u16, kind: &[u8], text: &[u8]) -> Vec<u8> {
        [&group.to_le_bytes()[..], &number.to_le_bytes(), kind, &(text.len() as u16).to_le_bytes(), text]
            .concat()
    }

    fn object(preamble: &[u8]) -> Vec<u8> {
        let mut front = preamble.to_vec();
        front.resize(128, 0);
        let meta = explicit(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0");
        let length = explicit(2, 0, b"UL", &(meta.len() as u32).to_le_bytes());
        let data = [
            explicit(8, 0x60, b"CS", b"CT"),
            explicit(8, 0x70, b"LO", b"Example "),
            explicit(0x10, 0x10, b"PN", b"Muster^Eva"),
            explicit(0x18, 0x1000, b"LO", b"SN12"),
        ];
        [&front[..], b"DICM", &length, &meta, &data.concat(), &[0; 40_000]].concat()
    }

    fn facts(pieces: &[(wardline_wire::Direction, &[u8])]) -> Vec<Fact> {
        let (whole, _) = driver::stream(&STREAM, pieces, usize::MAX);
        for size in [11, 1460] {
            assert_eq!(driver::stream(&STREAM, pieces, size).0, whole, "{size}");
        }
        whole
    }

    fn datasets(facts: &[Fact]) -> Vec<&wardline_model::fact::DicomDataset> {
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Dicom(dicom) => Some(dicom.as_ref()),
                _ => None,
            })
            .filter_map(
                |dicom| if let DicomFact::Dataset(dataset) = dicom { Some(dataset.as_ref()) } else { None },
            )
            .collect()
    }

    #[test]
    fn stored_objects_tell_their_equipment_and_a_program_in_front() {
        let body = [
            b"--b1\r\nContent-Type: application/dicom\r\n\r\n",
            &object(b"")[..],
            b"\r\n--b1\r\nContent-Type: application/dicom\r\n\r\n",
            &object(b"MZ\x90\0\x03\0\0\0"),
            b"\r\n--b1--",
        ]
        .concat();
        let head = format!(
            "POST /dicom-web/studies HTTP/1.1\r\nContent-Type: multipart/related; type=\"application/dicom\"; boundary=b1\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let facts = facts(&[(Forward, &[head.as_bytes(), &body].concat())]);
        assert!(
            facts
                .iter()
                .any(|fact| matches!(fact, Fact::RecordAccess(access) if access.verb == RecordVerb::Create))
        );
        let [one, two] = datasets(&facts)[..] else { panic!() };
        assert_eq!(
            (one.command, one.executable, two.executable),
            (Some(DicomCommandKind::CStore), false, true)
        );
        assert_eq!(one.modality, Some(Label::new("CT")));
        assert_eq!(one.device.serial, Some(Label::new("SN12")));
        assert!(facts.iter().any(|fact| matches!(fact, Fact::PatientData(data)
            if data.protocol == Protocol::Dicomweb)));
        assert!(!format!("{facts:?}").to_uppercase().contains("MUSTER"));
    }

    #[test]
    fn a_search_tells_whom_it_found_under_the_pseudonym_of_the_study() {
        let body = br#"[{"0020000D":{"vr":"UI","Value":["1.2.840.99"]},"00080060":{"vr":"CS","Value":["MR"]},
            "00100010":{"vr":"PN","Value":[{"Alphabetic":"Muster^Eva"}]},"00081090":{"vr":"LO","Value":["Scan 9"]}}]"#;
        let answer = [
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .as_bytes(),
            body,
        ]
        .concat();
        let request = b"GET /rs/studies/1.2.840.99/metadata HTTP/1.1\r\n\r\n";
        let facts = facts(&[(Forward, request), (Backward, &answer)]);
        let [found] = datasets(&facts)[..] else { panic!() };
        assert_eq!(found.device.model, Some(Label::new("Scan 9")));
        assert!(found.patient.as_ref().unwrap().name.is_some());
        let about = facts
            .iter()
            .find_map(|fact| if let Fact::RecordAccess(access) = fact { access.about } else { None });
        assert!(about.is_some() && about == found.study);
    }
}
