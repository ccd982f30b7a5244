//! What resources say.

use super::reader::Frame;
use crate::Sensitive;

/// Parts of an observation that are told.
const QUANTITIES_MAX: usize = 24;

/// A resource.
pub struct Resource {
    /// Its type.
    pub kind: String,
    /// What is read of it.
    pub content: Content,
    /// Whom it is about: `Patient/…`, where it says so.
    pub patient: Option<Sensitive<String>>,
}

/// What is read of a resource.
pub enum Content {
    /// A device, <https://hl7.org/fhir/R5/device.html>; also a DeviceDefinition.
    Device(Box<Device>),
    /// A metric of a device, `devicemetric.html`: type, unit and source.
    Metric {
        /// Code of the quantity.
        code: Option<String>,
        /// Unit.
        unit: Option<String>,
        /// Reference to the device.
        device: Option<String>,
    },
    /// A measurement, `observation.html`.
    Observation(Box<Observation>),
    /// What a server is, `capabilitystatement.html`.
    Capability(Box<CapabilityStatement>),
    /// A patient, `patient.html`.
    Patient(Box<Patient>),
    /// Anything else.
    Other,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct Device {
    pub id: Option<String>,
    pub identifier: Option<String>,
    pub udi_device_identifier: Option<String>,
    pub udi_carrier: Option<String>,
    pub manufacturer: Option<String>,
    pub model_name: Option<String>,
    pub model_number: Option<String>,
    pub part_number: Option<String>,
    pub serial_number: Option<String>,
    pub lot_number: Option<String>,
    pub manufacture_date: Option<String>,
    pub expiration_date: Option<String>,
    pub name: Option<String>,
    pub status: Option<String>,
    /// Code of its type, and the words for it.
    pub kind: Option<String>,
    pub kind_text: Option<String>,
    /// Kind of version where it is told, and version.
    pub versions: Vec<(String, String)>,
    pub location: Option<String>,
    pub gateway: Option<String>,
}

/// A code and its number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantity {
    /// Code.
    pub code: String,
    /// Coding system, a URI.
    pub system: Option<String>,
    /// The number.
    pub value: Option<f64>,
    /// Unit: its code where there is one.
    pub unit: Option<String>,
}

/// A measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// The observation itself, then its components.
    pub quantities: Vec<Quantity>,
    /// Reference to the device, or what is shown for it.
    pub device: Option<String>,
    /// When, as written.
    pub time: Option<String>,
}

/// What a server is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub struct CapabilityStatement {
    pub software_name: Option<String>,
    pub software_version: Option<String>,
    pub release_date: Option<String>,
    pub implementation: Option<String>,
    pub publisher: Option<String>,
    pub fhir_version: Option<String>,
    /// Codes of the security services that it asks for.
    pub security: Vec<String>,
}

/// Who a patient is.
#[derive(Default)]
pub struct Patient {
    /// Logical identifier on the server.
    pub id: Option<Sensitive<String>>,
    /// First identifier.
    pub identifier: Option<Sensitive<String>>,
    /// Family name.
    pub family: Option<Sensitive<String>>,
    /// Given name.
    pub given: Option<Sensitive<String>>,
    /// Birth date.
    pub birth_date: Option<Sensitive<String>>,
    /// Names of the outermost elements that are present.
    pub elements: Vec<String>,
}

impl Resource {
    pub(super) fn read(frame: &Frame) -> Self {
        let fields = Fields(&frame.fields);
        let content = match frame.kind.as_str() {
            "Device" | "DeviceDefinition" => Content::Device(Box::new(device(fields))),
            "DeviceMetric" => Content::Metric {
                code: fields.first(&["type.coding.code"]),
                unit: fields.first(&["unit.coding.code", "unit.text"]),
                device: fields.first(&["device.reference", "source.reference", "parent.reference"]),
            },
            "Observation" => Content::Observation(Box::new(observation(fields))),
            "CapabilityStatement" => Content::Capability(Box::new(capability(fields))),
            "Patient" => Content::Patient(Box::new(patient(fields))),
            _ => Content::Other,
        };
        let about = ["subject.reference", "patient.reference", "for.reference", "beneficiary.reference"];
        let patient = fields
            .first(&about)
            .filter(|reference| reference.contains("Patient/") || reference.starts_with("urn:"))
            .map(Sensitive::new);
        Self { kind: frame.kind.clone(), content, patient }
    }
}

#[derive(Clone, Copy)]
struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    /// Value of the first of these paths that is present.
    fn first(self, paths: &[&str]) -> Option<String> {
        paths.iter().find_map(|path| self.all(path).next().map(str::to_owned))
    }

    fn all(self, path: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, value)| name == path && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The parts of a list of objects, each with paths as they are.
    fn parts(self, path: &str) -> Vec<Self> {
        let starts: Vec<_> = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, (name, value))| name == path && value.is_empty())
            .map(|(place, _)| place)
            .collect();
        let ends = starts.iter().skip(1).copied().chain([self.0.len()]);
        starts.iter().zip(ends).filter_map(|(start, end)| self.0.get(*start..end)).map(Self).collect()
    }
}

fn device(fields: Fields<'_>) -> Device {
    // R4: `deviceName` with a name and its kind; R5: `name` with a value and its kind.
    let mut names = Vec::new();
    for (list, value) in [("deviceName", "deviceName.name"), ("name", "name.value")] {
        let kind = format!("{list}.type");
        for part in fields.parts(list) {
            names.extend(part.first(&[value]).map(|name| (part.first(&[kind.as_str()]), name)));
        }
    }
    let named = |kinds: &[&str]| {
        names
            .iter()
            .find(|(kind, _)| kind.as_deref().is_some_and(|kind| kinds.contains(&kind)))
            .map(|(_, name)| name.clone())
    };
    let versions = fields
        .parts("version")
        .iter()
        .chain(&fields.parts("deviceVersion"))
        .filter_map(|part| {
            let kind =
                part.first(&["version.type.text", "version.type.coding.display", "version.type.coding.code"]);
            Some((kind.unwrap_or_default(), part.first(&["version.value", "deviceVersion.value"])?))
        })
        .take(8)
        .collect();
    Device {
        id: fields.first(&["id"]),
        identifier: fields.first(&["identifier.value"]),
        udi_device_identifier: fields.first(&[
            "udiCarrier.deviceIdentifier",
            "udiDeviceIdentifier.deviceIdentifier",
            "udi.deviceIdentifier",
        ]),
        udi_carrier: fields.first(&["udiCarrier.carrierHRF", "udiCarrier.carrierAIDC", "udi.carrierHRF"]),
        manufacturer: fields
            .first(&["manufacturer", "manufacturerString", "manufacturer.display"])
            .or_else(|| named(&["manufacturer-name"])),
        model_name: named(&["model-name", "registered-name"]).or_else(|| fields.first(&["model"])),
        model_number: fields.first(&["modelNumber"]),
        part_number: fields.first(&["partNumber"]),
        serial_number: fields.first(&["serialNumber"]),
        lot_number: fields.first(&["lotNumber"]),
        manufacture_date: fields.first(&["manufactureDate"]),
        expiration_date: fields.first(&["expirationDate"]),
        name: named(&["user-friendly-name", "patient-reported-name"])
            .or_else(|| fields.first(&["displayName"])),
        status: fields.first(&["status"]),
        kind: fields.first(&["type.coding.code"]),
        kind_text: fields.first(&["type.text", "type.coding.display"]),
        versions,
        location: fields.first(&["location.display", "location.reference"]),
        gateway: fields.first(&["gateway.reference.reference", "gateway.reference"]),
    }
}

fn observation(fields: Fields<'_>) -> Observation {
    let mut quantities = Vec::new();
    let mut add = |part: Fields<'_>, front: &str| {
        let path = |end: &str| format!("{front}{end}");
        let first = |end: &str| part.first(&[path(end).as_str()]);
        let code = first("code.coding.code").or_else(|| first("code.text"));
        if let Some(code) = code.filter(|_| quantities.len() < QUANTITIES_MAX) {
            quantities.push(Quantity {
                code,
                system: first("code.coding.system"),
                value: first("valueQuantity.value").and_then(|value| value.parse().ok()),
                unit: first("valueQuantity.code").or_else(|| first("valueQuantity.unit")),
            });
        }
    };
    add(fields, "");
    fields.parts("component").into_iter().for_each(|part| add(part, "component."));
    Observation {
        quantities,
        device: fields.first(&["device.reference", "device.display", "device.identifier.value"]),
        time: fields.first(&["effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "issued"]),
    }
}

fn capability(fields: Fields<'_>) -> CapabilityStatement {
    CapabilityStatement {
        software_name: fields.first(&["software.name"]),
        software_version: fields.first(&["software.version"]),
        release_date: fields.first(&["software.releaseDate"]),
        implementation: fields.first(&["implementation.description"]),
        publisher: fields.first(&["publisher"]),
        fhir_version: fields.first(&["fhirVersion"]),
        security: fields.all("rest.security.service.coding.code").take(4).map(str::to_owned).collect(),
    }
}

fn patient(fields: Fields<'_>) -> Patient {
    let secret = |paths: &[&str]| fields.first(paths).map(Sensitive::new);
    let mut elements: Vec<String> = Vec::new();
    for (path, value) in fields.0 {
        let outermost = path.split('.').next().unwrap_or_default();
        let marks_a_part = path.is_empty() && value.is_empty();
        if !marks_a_part && !elements.iter().any(|known| known == outermost) {
            elements.push(outermost.to_owned());
        }
    }
    Patient {
        id: secret(&["id"]),
        identifier: secret(&["identifier.value"]),
        family: secret(&["name.family"]),
        given: secret(&["name.given"]),
        birth_date: secret(&["birthDate"]),
        elements,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Reader};
    use super::*;

    fn read(format: Format, body: &[u8], size: usize) -> Vec<Resource> {
        let mut reader = Reader::new(format);
        let mut all = Vec::new();
        body.chunks(size).for_each(|piece| reader.feed(piece, &mut |resource| all.push(resource)));
        reader.finish(&mut |resource| all.push(resource));
        all
    }

    const JSON: &[u8] = br#"{"entry":[{"resource":{"id":"d1","udiCarrier":[{"deviceIdentifier":"09506000134352",
        "carrierHRF":"(01)09506000134352(21)77"}],"manufacturer":"Example Medical","serialNumber":"77",
        "deviceName":[{"name":"Bed 4 pump","type":"user-friendly-name"},{"type":"model-name","name":"Pump X"}],
        "modelNumber":"PX-1","type":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"69985"}],"text":"Pump"},
        "version":[{"type":{"text":"firmware"},"value":"3.1"},{"value":"9"}],"resourceType":"Device"}}],
        "resourceType":"Bundle","type":"searchset"}"#;

    const XML: &[u8] = b"<?xml version='1.0'?><Device xmlns='http://hl7.org/fhir'><id value='d1'/><text><div><p>x</p></div></text>\
        <udiCarrier><deviceIdentifier value='09506000134352'/><carrierHRF value='(01)09506000134352(21)77'/></udiCarrier>\
        <manufacturer value='Example Medical'/><serialNumber value='77'/>\
        <deviceName><name value='Bed 4 pump'/><type value='user-friendly-name'/></deviceName>\
        <deviceName><name value='Pump X'/><type value='model-name'/></deviceName><modelNumber value='PX-1'/>\
        <type><coding><code value='69985'/></coding><text value='Pump'/></type>\
        <version><type><text value='firmware'/></type><value value='3.1'/></version><version><value value='9'/></version></Device>";

    #[test]
    fn a_device_is_the_same_in_both_writings() {
        for size in [1, 7, 4096] {
            let [json, bundle] = &read(Format::Json, JSON, size)[..] else { panic!() };
            let [xml] = &read(Format::Xml, XML, size)[..] else { panic!() };
            let (Content::Device(json), Content::Device(xml)) = (&json.content, &xml.content) else {
                panic!()
            };
            assert_eq!(json, xml);
            assert_eq!(bundle.kind, "Bundle");
            assert_eq!(json.model_name.as_deref(), Some("Pump X"));
            assert_eq!(json.name.as_deref(), Some("Bed 4 pump"));
            assert_eq!((json.kind.as_deref(), json.kind_text.as_deref()), (Some("69985"), Some("Pump")));
            assert_eq!(
                json.versions,
                [("firmware".to_owned(), "3.1".to_owned()), (String::new(), "9".to_owned())]
            );
        }
    }

    #[test]
    fn an_observation_tells_itself_and_its_components() {
        let body = br#"{"resourceType":"Observation","subject":{"reference":"Patient/0047"},"device":{"reference":"Device/d1"},
            "effectiveDateTime":"2026-03-02T06:00:00Z","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
            "component":[{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mmHg","code":"mm[Hg]"}},
            {"code":{"coding":[{"code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mmHg"}}]}"#;
        let all = read(Format::Json, body, 9);
        let Content::Observation(told) = &all[0].content else { panic!() };
        let values: Vec<_> = told
            .quantities
            .iter()
            .map(|quantity| (quantity.code.as_str(), quantity.value, quantity.unit.as_deref()))
            .collect();
        assert_eq!(
            values,
            [
                ("85354-9", None, None),
                ("8480-6", Some(120.0), Some("mm[Hg]")),
                ("8462-4", Some(80.0), Some("mmHg"))
            ]
        );
        assert_eq!(told.device.as_deref(), Some("Device/d1"));
        assert!(all[0].patient.clone().map(Sensitive::expose).as_deref() == Some("Patient/0047"));
    }

    #[test]
    fn a_server_says_what_it_is_and_lines_are_resources() {
        let body = br#"{"resourceType":"CapabilityStatement","fhirVersion":"5.0.0","software":{"name":"Example FHIR","version":"7.2"},
            "rest":[{"mode":"server","security":{"service":[{"coding":[{"code":"SMART-on-FHIR"}]}]}}]}"#;
        let Content::Capability(told) = &read(Format::Json, body, 5)[0].content else { panic!() };
        assert_eq!(told.software_name.as_deref(), Some("Example FHIR"));
        assert_eq!(told.security, ["SMART-on-FHIR"]);
        let lines = b"{\"resourceType\":\"Patient\",\"id\":\"1\",\"birthDate\":\"1970-02-28\"}\n{\"resourceType\":\"Patient\",\"id\":\"2\"}\n";
        let all = read(Format::Json, lines, 11);
        assert_eq!(all.len(), 2);
        let Content::Patient(first) = &all[0].content else { panic!() };
        assert_eq!(first.elements, ["id", "birthDate"]);
    }
}
