//! FHIR: requests as accesses to records, resources as identities, measurements and kinds of patient data.

use wardline_model::fact::{
    DeviceIdentity, IdentityFact, IdentitySubject, MeasurementFact, PatientDataFact, PatientField,
    PatientFields, PatientReference, RecordAccessFact, RecordVerb,
};
use wardline_model::{Bounded, Fact, Label, Protocol, Pseudonym, Subject, Timestamp};
use wardline_wire::Sensitive;
use wardline_wire::clinical::fhir::{
    CapabilityStatement, Content, Device, Format, Interaction, Observation, Patient, Reader, Resource, Target,
};
use wardline_wire::clinical::hl7::time;
use wardline_wire::clinical::identity;
use wardline_wire::clinical::udi::Udi;
use wardline_wire::enterprise::http::Request;

use crate::application::Context;

/// Most facts that one body tells; a bundle has hundreds of resources, an export thousands.
const FACTS_MAX: u32 = 200;

/// What a request asks for.
pub(super) fn access(
    request: &Request<'_, '_>,
    authenticated: bool,
    context: &Context<'_>,
) -> Option<Box<RecordAccessFact>> {
    let target = Target::parse(request.method, request.target)?;
    let verb = match target.interaction {
        Interaction::Read | Interaction::History | Interaction::Capabilities => RecordVerb::Read,
        Interaction::Search => RecordVerb::Search,
        Interaction::Create if target.resource == "Subscription" => RecordVerb::Subscribe,
        Interaction::Create => RecordVerb::Create,
        Interaction::Update | Interaction::Patch => RecordVerb::Update,
        Interaction::Delete => RecordVerb::Delete,
        Interaction::Batch | Interaction::Operation => RecordVerb::Invoke,
        Interaction::Export => RecordVerb::Export,
    };
    let resource = match (target.resource, target.operation, target.interaction) {
        ("", _, Interaction::Capabilities) => Label::new("CapabilityStatement"),
        ("", None, _) => Label::new("Bundle"),
        (resource, Some(operation), _) => Label::new(&format!("{resource}${operation}")),
        (resource, None, _) => Label::new(resource),
    };
    let about = target.id.map(|id| reference(&format!("{}/{}", target.resource, id.expose()), context));
    Some(Box::new(RecordAccessFact {
        protocol: Protocol::Fhir,
        verb,
        resource,
        about,
        parameters: target.parameters.iter().map(|name| Label::new(name)).collect(),
        authenticated,
        status: None,
    }))
}

/// Pseudonym of a reference such as `Patient/4711`, absolute or not.
fn reference(text: &str, context: &Context<'_>) -> Pseudonym {
    let id = text.rsplit_once("Patient/").map(|(_, id)| id.split('/').next().unwrap_or_default());
    match id {
        Some(id) => context.pseudonym(Subject::PatientId, Sensitive::new(id.as_bytes())),
        None => context.pseudonym(Subject::Resource, Sensitive::new(text.as_bytes())),
    }
}

/// A body of resources.
pub(super) struct Resources {
    reader: Reader,
    fields: PatientFields,
    told: u32,
}

impl Resources {
    pub(super) fn new(format: Format) -> Self {
        Self { reader: Reader::new(format), fields: PatientFields::default(), told: 0 }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let (fields, told) = (&mut self.fields, &mut self.told);
        self.reader.feed(bytes, &mut |resource| tell(&resource, fields, told, context));
    }

    pub(super) fn finish(self, context: &mut Context<'_>) {
        let Self { reader, mut fields, mut told } = self;
        reader.finish(&mut |resource| tell(&resource, &mut fields, &mut told, context));
        if !fields.is_empty() {
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Fhir, fields })));
        }
    }
}

fn tell(resource: &Resource, fields: &mut PatientFields, told: &mut u32, context: &mut Context<'_>) {
    fields.merge(kinds(resource));
    if *told >= FACTS_MAX {
        return;
    }
    match &resource.content {
        Content::Device(device) => {
            *told += 1;
            context.tell(Fact::Identity(Box::new(device_identity(device))));
        }
        Content::Capability(capability) => {
            *told += 1;
            context.tell(Fact::Identity(Box::new(server_identity(capability))));
        }
        Content::Observation(observation) => {
            let patient = resource.patient.as_ref().map(|patient| PatientReference {
                identifier: Some(reference(&patient.clone().expose(), context)),
                ..PatientReference::default()
            });
            measure(observation, patient.as_ref(), told, context);
        }
        Content::Metric { code, unit, device } => {
            *told += 1;
            let metric = metric_identity(code.as_ref(), unit.as_ref(), device.as_ref());
            context.tell(Fact::Identity(Box::new(metric)));
        }
        Content::Patient(_) | Content::Other => {}
    }
}

/// Which kinds of patient data a resource holds.
fn kinds(resource: &Resource) -> PatientFields {
    let mut fields = PatientFields::default();
    if resource.patient.is_some() {
        fields.insert(PatientField::Identifier);
    }
    let field = match resource.kind.as_str() {
        "Observation" | "DiagnosticReport" => Some(PatientField::Result),
        "Condition" | "AllergyIntolerance" => Some(PatientField::Diagnosis),
        "MedicationRequest"
        | "MedicationAdministration"
        | "MedicationStatement"
        | "ServiceRequest"
        | "Procedure"
        | "DeviceRequest" => Some(PatientField::Order),
        "Encounter" | "Appointment" | "EpisodeOfCare" => Some(PatientField::Visit),
        "ImagingStudy" | "Media" => Some(PatientField::Image),
        "Coverage" | "Claim" | "ExplanationOfBenefit" => Some(PatientField::Insurance),
        "RelatedPerson" => Some(PatientField::Kin),
        _ => None,
    };
    field.into_iter().for_each(|field| fields.insert(field));
    if let Content::Patient(patient) = &resource.content {
        of_patient(patient, &mut fields);
    }
    fields
}

fn of_patient(patient: &Patient, fields: &mut PatientFields) {
    for element in &patient.elements {
        let field = match element.as_str() {
            "id" | "identifier" => PatientField::Identifier,
            "name" => PatientField::Name,
            "birthDate" => PatientField::BirthDate,
            "gender" => PatientField::Sex,
            "address" => PatientField::Address,
            "telecom" => PatientField::Telephone,
            "contact" => PatientField::Kin,
            "photo" => PatientField::Image,
            "generalPractitioner" => PatientField::Clinician,
            _ => continue,
        };
        fields.insert(field);
    }
}

fn label(text: Option<&String>) -> Option<Label> {
    text.map(|text| Label::new(text)).filter(|label| !label.is_empty())
}

/// A record about a device is told by whoever keeps it; the device is behind him.
fn device_identity(device: &Device) -> IdentityFact {
    let carrier = device.udi_carrier.as_deref().and_then(Udi::parse);
    let of_carrier =
        |take: fn(&Udi) -> Option<&String>| carrier.as_ref().and_then(take).map(|text| Label::new(text));
    let firmware = device
        .versions
        .iter()
        .find(|(kind, _)| kind.to_ascii_lowercase().contains("firmware"))
        .or_else(|| device.versions.first())
        .map(|(_, version)| Label::new(version));
    let mut attributes = Bounded::new();
    let mut add = |name: &str, value: Option<Label>| {
        value.into_iter().for_each(|value| attributes.push((Label::new(name), value)));
    };
    add("model number", label(device.model_number.as_ref()).filter(|_| device.model_name.is_some()));
    add("part number", label(device.part_number.as_ref()));
    add("lot", label(device.lot_number.as_ref()).or_else(|| of_carrier(|udi| udi.lot.as_ref())));
    add(
        "manufactured",
        label(device.manufacture_date.as_ref()).or_else(|| of_carrier(|udi| udi.manufactured.as_ref())),
    );
    add("expires", label(device.expiration_date.as_ref()).or_else(|| of_carrier(|udi| udi.expires.as_ref())));
    add("status", label(device.status.as_ref()));
    add("location", label(device.location.as_ref()));
    add("gateway", label(device.gateway.as_ref()));
    add("device type", label(device.kind.as_ref()));
    for (kind, version) in device.versions.iter().filter(|(kind, _)| !kind.is_empty()) {
        add(&format!("{kind} version"), Some(Label::new(version)));
    }
    IdentityFact {
        protocol: Protocol::Fhir,
        subject: IdentitySubject::Behind,
        device: DeviceIdentity {
            identifier: label(device.identifier.as_ref()).or_else(|| label(device.id.as_ref())),
            udi: label(device.udi_device_identifier.as_ref())
                .or_else(|| carrier.as_ref().map(|udi| Label::new(&udi.device))),
            manufacturer: label(device.manufacturer.as_ref()),
            model: label(device.model_name.as_ref()).or_else(|| label(device.model_number.as_ref())),
            serial: label(device.serial_number.as_ref()).or_else(|| of_carrier(|udi| udi.serial.as_ref())),
            firmware,
            field: Label::new("Device"),
        },
        name: label(device.name.as_ref()),
        description: label(device.kind_text.as_ref()).or_else(|| label(device.kind.as_ref())),
        role: None,
        attributes,
    }
}

/// What a device measures, told of the device.
fn metric_identity(code: Option<&String>, unit: Option<&String>, device: Option<&String>) -> IdentityFact {
    let pairs = [("metric", label(code)), ("metric unit", label(unit))];
    IdentityFact {
        protocol: Protocol::Fhir,
        subject: IdentitySubject::Behind,
        device: DeviceIdentity {
            identifier: label(device),
            field: Label::new("DeviceMetric"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: None,
        role: None,
        attributes: pairs.into_iter().filter_map(|(name, value)| Some((Label::new(name), value?))).collect(),
    }
}

fn server_identity(capability: &CapabilityStatement) -> IdentityFact {
    let pairs = [
        ("FHIR version", label(capability.fhir_version.as_ref())),
        ("publisher", label(capability.publisher.as_ref())),
        ("software release", label(capability.release_date.as_ref())),
        ("security service", label(capability.security.first())),
    ];
    IdentityFact {
        protocol: Protocol::Fhir,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity {
            model: label(capability.software_name.as_ref()),
            firmware: label(capability.software_version.as_ref()),
            field: Label::new("CapabilityStatement.software"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: label(capability.implementation.as_ref()),
        role: Some(Label::new("fhir server")),
        attributes: pairs.into_iter().filter_map(|(name, value)| Some((Label::new(name), value?))).collect(),
    }
}

fn measure(
    observation: &Observation,
    patient: Option<&PatientReference>,
    told: &mut u32,
    context: &mut Context<'_>,
) {
    let time = observation.time.as_deref().and_then(timestamp);
    for quantity in &observation.quantities {
        let Some(value) = quantity.value.filter(|value| value.is_finite() && *told < FACTS_MAX) else {
            continue;
        };
        *told += 1;
        let system = quantity.system.as_deref().map(|system| match system {
            "http://loinc.org" => "LN",
            "urn:iso:std:iso:11073:10101" => "MDC",
            "http://snomed.info/sct" => "SCT",
            other => other,
        });
        context.tell(Fact::Measurement(Box::new(MeasurementFact {
            protocol: Protocol::Fhir,
            code: Label::new(&quantity.code),
            system: system.map(Label::new),
            value,
            unit: label(quantity.unit.as_ref()),
            time,
            patient: patient.cloned(),
            location: None,
            device: label(observation.device.as_ref()),
        })));
    }
}

/// `2026-03-02T06:00:00.5+01:00`, of which HL7 version 2 writes the same digits.
fn timestamp(text: &str) -> Option<Timestamp> {
    let digits = match text.strip_suffix('Z') {
        Some(text) => format!("{}+0000", text.replace(['-', ':', 'T'], "")),
        None => {
            let (date, clock) = text.split_once('T').unwrap_or((text, ""));
            format!("{}{}", date.replace('-', ""), clock.replace(':', ""))
        }
    };
    time::parse(identity::decode(digits.as_bytes()).as_bytes()).map(Timestamp::from_nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::driver;
    use crate::application::http::STREAM;
    use wardline_wire::Direction::{Backward, Forward};

    fn response(content_type: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn facts(request: &str, answer: &[u8]) -> Vec<Fact> {
        let pieces = [(Forward, request.as_bytes()), (Backward, answer)];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        for size in [1, 13, 500] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
        whole
    }

    #[test]
    fn a_search_for_observations_tells_values_under_a_pseudonym() {
        let body = br#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation",
            "subject":{"reference":"Patient/MUSTER-0047"},"device":{"reference":"Device/d1"},
            "effectiveDateTime":"2026-03-02T07:00:00.5+01:00",
            "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"valueQuantity":{"value":72,"code":"/min"}}}]}"#;
        let request =
            "GET /r4/Observation?patient=MUSTER-0047 HTTP/1.1\r\nAccept: application/fhir+json\r\n\r\n";
        let facts = facts(request, &response("application/json", body));
        let access = facts
            .iter()
            .find_map(|fact| if let Fact::RecordAccess(access) = fact { Some(access) } else { None });
        let access = access.unwrap();
        assert_eq!((access.verb, access.resource.as_str()), (RecordVerb::Search, "Observation"));
        assert_eq!(&*access.parameters, [Label::new("patient")]);
        let value = facts
            .iter()
            .find_map(|fact| if let Fact::Measurement(value) = fact { Some(value) } else { None });
        let value = value.unwrap();
        assert_eq!((value.code.as_str(), value.value), ("8867-4", 72.0));
        assert_eq!(value.system, Some(Label::new("LN")));
        assert_eq!(value.time.unwrap().to_string(), "2026-03-02T06:00:00.500000Z");
        assert!(value.patient.as_ref().unwrap().identifier.is_some());
        let Some(Fact::PatientData(data)) = facts.last() else { panic!() };
        assert!(data.fields.contains(PatientField::Result) && data.fields.contains(PatientField::Identifier));
        assert!(!format!("{facts:?}").contains("MUSTER"));
    }

    #[test]
    fn an_export_and_its_lines_are_told() {
        let lines = b"{\"resourceType\":\"Patient\",\"id\":\"MUSTER\",\"birthDate\":\"1970-02-28\"}\n{\"resourceType\":\"Patient\",\"gender\":\"female\"}\n";
        let request = "GET /fhir/Patient/$export HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n";
        let facts = facts(request, &response("application/fhir+ndjson", lines));
        assert!(facts.iter().any(|fact| matches!(fact, Fact::RecordAccess(access)
            if access.verb == RecordVerb::Export && access.resource.as_str() == "Patient$export" && access.authenticated)));
        let Some(Fact::PatientData(data)) = facts.last() else { panic!() };
        for field in [PatientField::BirthDate, PatientField::Sex, PatientField::Identifier] {
            assert!(data.fields.contains(field));
        }
    }

    #[test]
    fn a_device_and_a_server_say_what_they_are() {
        let body = br#"{"resourceType":"Device","udiCarrier":[{"carrierHRF":"(01)09506000134352(21)77"}],
            "manufacturer":"Example Medical","modelNumber":"PX-1","version":[{"value":"3.1"}]}"#;
        let facts_of = facts("GET /fhir/Device/1 HTTP/1.1\r\n\r\n", &response("application/fhir+json", body));
        let told =
            facts_of.iter().find_map(|fact| if let Fact::Identity(told) = fact { Some(told) } else { None });
        let told = told.unwrap();
        assert_eq!(told.subject, IdentitySubject::Behind);
        assert_eq!(told.device.udi, Some(Label::new("09506000134352")));
        assert_eq!(told.device.serial, Some(Label::new("77")));
        assert_eq!(told.device.model, Some(Label::new("PX-1")));
        let body =
            br#"{"resourceType":"CapabilityStatement","software":{"name":"Example FHIR","version":"7.2"}}"#;
        // Without any word of FHIR in the heads it is known by its body.
        let facts_of = facts("GET /r4/metadata HTTP/1.1\r\n\r\n", &response("application/json", body));
        assert!(facts_of.iter().any(|fact| matches!(fact, Fact::Identity(told)
            if told.role == Some(Label::new("fhir server")) && told.device.firmware == Some(Label::new("7.2")))));
    }
}
