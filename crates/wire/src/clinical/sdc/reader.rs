//! Messages out of a SOAP envelope that arrives in pieces.

use std::collections::BTreeMap;

use super::message::{
    Action, Alarm, Component, Event, Header, Location, Model, Patient, Request, System, Value,
};
use crate::Sensitive;
use crate::document::xml;

/// Descriptors remembered of one conversation; a monitor has some hundreds.
const DESCRIPTORS_MAX: usize = 512;
/// Longest text kept of a message, and longest handle and code remembered behind it, bytes.
const NAME_BYTES_MAX: usize = 128;
const REMEMBERED_BYTES_MAX: usize = 48;
/// Most subsystems, specifications and services told of one device.
const LIST_MAX: usize = 8;

/// What the descriptors of a conversation say, by handle.
#[derive(Clone, Debug, Default)]
pub struct Descriptors(BTreeMap<String, Component>);

impl Descriptors {
    fn learn(&mut self, handle: String, component: Component) {
        let Component { code, unit, kind, priority } = &component;
        let longest =
            [code, unit, kind, priority].into_iter().flatten().chain([&handle]).map(String::len).max();
        let short = longest.is_none_or(|length| length <= REMEMBERED_BYTES_MAX);
        if short && (self.0.len() < DESCRIPTORS_MAX || self.0.contains_key(&handle)) {
            self.0.insert(handle, component);
        }
    }

    fn of(&self, handle: &str) -> Component {
        self.0.get(handle).cloned().unwrap_or_default()
    }
}

/// Reads one envelope.
#[derive(Default)]
pub struct Reader {
    xml: xml::Reader,
    walk: Walk,
}

/// Something with a handle whose elements are being read.
struct Open {
    depth: usize,
    what: What,
}

enum What {
    System(Box<System>),
    /// Subsystem, channel, metric, alarm condition: handle and what is known.
    Part(String, Component),
    /// State of a metric.
    Metric {
        handle: String,
        value: Option<f64>,
        validity: Option<String>,
        time_ms: Option<u64>,
    },
    Patient(Box<Patient>),
    /// State of an alarm, and which of its limits are monitored.
    Alarm(Box<Alarm>, [bool; 2]),
}

#[derive(Default)]
struct Walk {
    descriptors: Descriptors,
    header: Header,
    model: Option<Box<Model>>,
    open: Vec<Open>,
    specification: Option<String>,
    request: Option<Request>,
}

impl Reader {
    /// A reader that knows what the conversation told before.
    pub fn new(descriptors: Descriptors) -> Self {
        Self { xml: xml::Reader::default(), walk: Walk { descriptors, ..Walk::default() } }
    }

    /// Feeds the next piece.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Event)) {
        let walk = &mut self.walk;
        self.xml.feed(bytes, &mut |path, event| match event {
            xml::Event::Open(name, attributes) => walk.begin(path, name, attributes, tell),
            xml::Event::Close(name, text) => walk.end(path, name, text, tell),
        });
    }

    /// The envelope is over: what the conversation told.
    pub fn finish(self) -> Descriptors {
        self.walk.descriptors
    }
}

fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default().to_owned()
}

impl Walk {
    fn begin(
        &mut self,
        path: &[String],
        name: &str,
        attributes: &[(String, String)],
        tell: &mut dyn FnMut(Event),
    ) {
        let of = |name| attribute(attributes, name).map(short);
        if path.len() == 2 && path.get(1).is_some_and(|parent| parent == "Body") {
            self.body(name);
        }
        if let Some(version) = of("MdibVersion").and_then(|version| version.parse().ok()) {
            self.header.mdib_version.get_or_insert(version);
            self.header.sequence = self.header.sequence.take().or_else(|| of("SequenceId"));
        }
        let depth = path.len();
        let kind = of("type");
        let kind = kind.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default();
        if let Some(handle) = of("Handle") {
            self.descriptor(depth, name, handle, attributes);
        }
        if let Some(handle) = of("DescriptorHandle") {
            self.state(depth, kind, handle, attributes);
        }
        match name {
            "Type" | "Unit" => self.coded(depth, name, of("Code")),
            "SpecType" => self.specification = of("Code"),
            "MetricValue" => {
                if let Some(Open { what: What::Metric { value, time_ms, .. }, .. }) = self.open.last_mut() {
                    *value = of("Value")
                        .and_then(|text| text.parse().ok())
                        .filter(|value: &f64| value.is_finite());
                    *time_ms = of("DeterminationTime").and_then(|text| text.parse().ok());
                }
            }
            "MetricQuality" => {
                if let Some(Open { what: What::Metric { validity, .. }, .. }) = self.open.last_mut() {
                    *validity = of("Validity");
                }
            }
            "Identification" => {
                if let Some(Open { what: What::Patient(patient), .. }) = self.open.last_mut()
                    && patient.identifier.is_none()
                {
                    patient.identifier = of("Extension").map(Sensitive::new);
                    patient.root = of("Root");
                }
            }
            "Limits" => {
                if let Some(Open { what: What::Alarm(alarm, [lower, upper]), .. }) = self.open.last_mut() {
                    let limit = |name, monitored: bool| {
                        of(name).filter(|_| monitored)?.parse().ok().filter(|limit: &f64| limit.is_finite())
                    };
                    alarm.limits = Some([limit("Lower", *lower), limit("Upper", *upper)]);
                }
            }
            "LocationDetail" => tell(Event::Location(Location {
                point_of_care: of("PoC"),
                room: of("Room"),
                bed: of("Bed"),
                facility: of("Facility"),
            })),
            "ThisModel" | "ThisDevice" | "Hosted" => {
                self.model.get_or_insert_default();
            }
            "ProposedAlertState" => {
                let off = [of("ActivationState"), of("Presence")];
                let silent =
                    off.iter().flatten().any(|state| matches!(state.as_str(), "Off" | "Psd" | "Ack"));
                if let Some(request) = &mut self.request {
                    request.silences |= silent;
                }
            }
            _ => {}
        }
    }

    /// The first element of the body tells what the message is.
    fn body(&mut self, name: &str) {
        if self.header.action.is_empty() {
            self.header.action = short(name);
        }
        if let Some(action) = Action::of(name) {
            self.request = Some(Request { action, operation: String::new(), silences: false });
        }
    }

    fn descriptor(&mut self, depth: usize, name: &str, handle: String, attributes: &[(String, String)]) {
        let of = |name| attribute(attributes, name).map(short);
        if name == "Mds" {
            let system = System { handle, ..System::default() };
            self.open.push(Open { depth, what: What::System(Box::new(system)) });
            return;
        }
        let system = self.open.iter_mut().find_map(|open| match &mut open.what {
            What::System(system) => Some(system),
            _ => None,
        });
        if let Some(system) = system {
            let count = match name {
                "Channel" => &mut system.channels,
                "Metric" => &mut system.metrics,
                "AlertCondition" => &mut system.alarms,
                "Operation" => &mut system.operations,
                _ => &mut 0,
            };
            *count = count.saturating_add(1);
        }
        if matches!(name, "Vmd" | "Channel" | "Metric" | "AlertCondition" | "AlertSignal") {
            let component = Component { kind: of("Kind"), priority: of("Priority"), ..Component::default() };
            self.open.push(Open { depth, what: What::Part(handle, component) });
        }
    }

    fn state(&mut self, depth: usize, kind: &str, handle: String, attributes: &[(String, String)]) {
        let of = |name| attribute(attributes, name).map(short);
        match kind {
            "NumericMetricState" => self.open.push(Open {
                depth,
                what: What::Metric { handle, value: None, validity: None, time_ms: None },
            }),
            "PatientContextState" => self.open.push(Open { depth, what: What::Patient(Box::default()) }),
            "AlertSystemState" | "AlertConditionState" | "LimitAlertConditionState" | "AlertSignalState" => {
                // A condition that is not there is the ordinary case, and told where it is said.
                let presence = of("Presence").unwrap_or_else(|| "false".to_owned());
                let component = self.descriptors.of(&handle);
                let activation = of("ActivationState");
                let limits = None;
                let alarm = Box::new(Alarm { handle, component, presence, activation, limits });
                let monitored = match of("MonitoredAlertLimits").as_deref() {
                    Some("None") => [false; 2],
                    Some("LoOff") => [false, true],
                    Some("HiOff") => [true, false],
                    _ => [true; 2],
                };
                self.open.push(Open { depth, what: What::Alarm(alarm, monitored) });
            }
            _ => {}
        }
    }

    /// Type or unit of what stands directly around it.
    fn coded(&mut self, depth: usize, name: &str, code: Option<String>) {
        let Some(open) = self.open.last_mut().filter(|open| open.depth + 1 == depth) else { return };
        match (&mut open.what, name) {
            (What::System(system), "Type") => system.code = code,
            (What::Part(_, component), "Type") => component.code = code,
            (What::Part(_, component), "Unit") => component.unit = code,
            _ => {}
        }
    }

    fn end(&mut self, path: &[String], name: &str, text: &str, tell: &mut dyn FnMut(Event)) {
        if !text.is_empty() {
            self.text(path, name, text, tell);
        }
        let depth = path.len();
        if let Some(open) = self.open.pop_if(|open| open.depth == depth) {
            self.close(name, open.what, tell);
        }
        if path.len() == 2
            && let Some(request) = self.request.take_if(|request| request.action.name() == name)
        {
            tell(Event::Request(request));
        }
        if path.is_empty() {
            if let Some(model) = self.model.take() {
                tell(Event::Model(model));
            }
            tell(Event::Header(std::mem::take(&mut self.header)));
        }
    }

    fn close(&mut self, name: &str, what: What, tell: &mut dyn FnMut(Event)) {
        match what {
            What::System(system) => {
                self.descriptors.learn(
                    system.handle.clone(),
                    Component { code: system.code.clone(), ..Component::default() },
                );
                tell(Event::System(system));
            }
            What::Part(handle, component) => {
                if name == "Vmd"
                    && let Some(Open { what: What::System(system), .. }) = self.open.last_mut()
                    && let Some(code) = component.code.clone().filter(|_| system.subsystems.len() < LIST_MAX)
                {
                    system.subsystems.push(code);
                }
                self.descriptors.learn(handle, component);
            }
            What::Metric { handle, value: Some(value), validity, time_ms } => {
                let component = self.descriptors.of(&handle);
                tell(Event::Value(Box::new(Value { handle, component, value, validity, time_ms })));
            }
            What::Metric { value: None, .. } => {}
            What::Patient(patient) => tell(Event::Patient(patient)),
            What::Alarm(alarm, _) => tell(Event::Alarm(alarm)),
        }
    }

    fn text(&mut self, path: &[String], name: &str, text: &str, tell: &mut dyn FnMut(Event)) {
        let parent = path.last().map_or("", String::as_str);
        let value = || Some(short(text));
        match (parent, name) {
            ("Header", "Action") => {
                self.header.ours = ["11073", "devprof", "ws-dd", "eventing", "/transfer/", "mex"]
                    .iter()
                    .any(|standard| text.contains(standard));
                self.header.action = short(text.rsplit('/').next().unwrap_or_default());
            }
            ("ThisModel" | "ThisDevice" | "Hosted", _) => {
                if let Some(model) = &mut self.model {
                    model_text(model, name, text);
                }
            }
            (_, "OperationHandleRef") => {
                if let Some(request) = &mut self.request {
                    request.operation = short(text);
                }
            }
            (_, "InvocationState") => tell(Event::Invocation(short(text))),
            ("ProductionSpecification", "ProductionSpec") => {
                if let Some(Open { what: What::System(system), .. }) = self.open.last_mut()
                    && system.specifications.len() < LIST_MAX
                {
                    let kind = self.specification.take().unwrap_or_default();
                    system.specifications.push((kind, short(text)));
                }
            }
            ("Udi" | "MetaData", _) => {
                if let Some(Open { what: What::System(system), .. }) = self.open.last_mut() {
                    meta_text(system, name, text);
                }
            }
            (_, "Givenname" | "Familyname" | "DateOfBirth" | "Sex") => {
                if let Some(Open { what: What::Patient(patient), .. }) = self.open.last_mut() {
                    let secret = value().map(Sensitive::new);
                    match name {
                        "Givenname" => patient.given = secret,
                        "Familyname" => patient.family = secret,
                        "DateOfBirth" => patient.birth_date = secret,
                        _ => patient.sex = true,
                    }
                }
            }
            _ => {}
        }
    }
}

fn model_text(model: &mut Model, name: &str, text: &str) {
    let place = match name {
        "Manufacturer" => &mut model.manufacturer,
        "ManufacturerUrl" => &mut model.manufacturer_url,
        "ModelName" => &mut model.model_name,
        "ModelNumber" => &mut model.model_number,
        "ModelUrl" => &mut model.model_url,
        "PresentationUrl" => &mut model.presentation_url,
        "FriendlyName" => &mut model.friendly_name,
        "FirmwareVersion" => &mut model.firmware_version,
        "SerialNumber" => &mut model.serial_number,
        "Types" => {
            for kind in text.split_ascii_whitespace() {
                let kind = short(kind.rsplit(':').next().unwrap_or_default());
                if model.services.len() < LIST_MAX && !model.services.contains(&kind) {
                    model.services.push(kind);
                }
            }
            return;
        }
        _ => return,
    };
    // The same is told in several languages; the first will do.
    place.get_or_insert_with(|| short(text));
}

fn meta_text(system: &mut System, name: &str, text: &str) {
    let place = match name {
        "DeviceIdentifier" => &mut system.udi_device_identifier,
        "HumanReadableForm" => &mut system.udi_carrier,
        "Manufacturer" => &mut system.manufacturer,
        "ModelName" => &mut system.model_name,
        "ModelNumber" => &mut system.model_number,
        "SerialNumber" => &mut system.serial_number,
        "LotNumber" => &mut system.lot_number,
        "ManufactureDate" => &mut system.manufacture_date,
        "ExpirationDate" => &mut system.expiration_date,
        _ => return,
    };
    place.get_or_insert_with(|| short(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn envelope(action: &str, body: &str) -> String {
        format!(
            "<?xml version='1.0' encoding='UTF-8'?><s12:Envelope xmlns:s12='http://www.w3.org/2003/05/soap-envelope' \
             xmlns:wsa='http://www.w3.org/2005/08/addressing'><s12:Header><wsa:Action>{action}</wsa:Action></s12:Header>\
             <s12:Body>{body}</s12:Body></s12:Envelope>"
        )
    }

    fn read(text: &str, size: usize) -> Vec<String> {
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            reader.feed(piece, &mut |event| {
                all.push(match event {
                    Event::Model(model) => format!("{model:?}"),
                    Event::System(system) => format!("{system:?}"),
                    Event::Value(value) => format!("{value:?}"),
                    Event::Alarm(alarm) => format!("{alarm:?}"),
                    Event::Patient(patient) => format!("patient {}", patient.identifier.is_some()),
                    Event::Location(location) => format!("{location:?}"),
                    Event::Request(request) => format!("{request:?}"),
                    Event::Invocation(state) => state,
                    Event::Header(header) => format!("{header:?}"),
                });
            });
        }
        all
    }

    /// After IEEE 11073-10207 annex B, with an invented device and an invented person.
    fn mdib() -> String {
        envelope(
            "http://standards.ieee.org/downloads/11073/11073-20701-2018/GetService/GetMdibResponse",
            "<msg:GetMdibResponse MdibVersion='7' SequenceId='urn:uuid:1'><msg:Mdib MdibVersion='7' SequenceId='urn:uuid:1'>\
             <pm:MdDescription><pm:Mds Handle='mds0'><pm:Type Code='69965'/><pm:ProductionSpecification>\
             <pm:SpecType Code='531976'/><pm:ProductionSpec>2.5</pm:ProductionSpec></pm:ProductionSpecification>\
             <pm:MetaData><pm:Udi><pm:DeviceIdentifier>09506000134352</pm:DeviceIdentifier>\
             <pm:HumanReadableForm>(01)09506000134352(21)77</pm:HumanReadableForm></pm:Udi>\
             <pm:Manufacturer>Example Medical</pm:Manufacturer><pm:ModelName>Monitor</pm:ModelName>\
             <pm:SerialNumber>77</pm:SerialNumber></pm:MetaData>\
             <pm:Vmd Handle='vmd0'><pm:Type Code='69642'/><pm:Channel Handle='ch0'><pm:Type Code='69643'/>\
             <pm:Metric xsi:type='pm:NumericMetricDescriptor' Handle='spo2'><pm:Type Code='150456'/><pm:Unit Code='262688'/></pm:Metric>\
             </pm:Channel></pm:Vmd></pm:Mds></pm:MdDescription><pm:MdState>\
             <pm:State xsi:type='pm:NumericMetricState' DescriptorHandle='spo2'><pm:MetricValue Value='97' DeterminationTime='1772430000000'>\
             <pm:MetricQuality Validity='Vld'/></pm:MetricValue></pm:State>\
             <pm:State xsi:type='pm:PatientContextState' DescriptorHandle='pc'><pm:Identification Root='urn:h' Extension='0047'/>\
             <pm:CoreData><pm:Givenname>Eva</pm:Givenname><pm:Familyname>Muster</pm:Familyname></pm:CoreData></pm:State>\
             </pm:MdState></msg:Mdib></msg:GetMdibResponse>",
        )
    }

    #[test]
    fn an_alarm_tells_its_limits_as_far_as_they_are_monitored() {
        let text = envelope(
            "http://standards.ieee.org/downloads/11073/11073-20701-2018/StateEventService/EpisodicAlertReport",
            "<msg:EpisodicAlertReport MdibVersion='9' SequenceId='urn:uuid:1'><msg:ReportPart>\
             <msg:AlertState xsi:type='pm:LimitAlertConditionState' DescriptorHandle='rate.limit' ActivationState='On' \
             MonitoredAlertLimits='HiOff'><pm:Limits Lower='50' Upper='120'/></msg:AlertState>\
             <msg:AlertState xsi:type='pm:AlertSystemState' DescriptorHandle='alarms' ActivationState='Off'/>\
             </msg:ReportPart></msg:EpisodicAlertReport>",
        );
        let told = read(&text, 7);
        assert!(told[0].contains("activation: Some(\"On\"), limits: Some([Some(50.0), None])"), "{told:?}");
        assert!(told[1].contains("activation: Some(\"Off\"), limits: None"), "{told:?}");
    }

    #[test]
    fn a_description_tells_the_device_and_names_its_values() {
        let told = read(&mdib(), 4096);
        assert_eq!(told.len(), 4, "{told:#?}");
        for part in [
            "mds0",
            "Some(\"69965\")",
            "Example Medical",
            "09506000134352",
            "(\"531976\", \"2.5\")",
            "[\"69642\"]",
            "channels: 1, metrics: 1",
        ] {
            assert!(told[0].contains(part), "{part}: {}", told[0]);
        }
        for part in ["150456", "262688", "value: 97.0", "Vld", "1772430000000"] {
            assert!(told[1].contains(part), "{part}: {}", told[1]);
        }
        assert_eq!(told[2], "patient true");
        for part in ["GetMdibResponse", "ours: true", "Some(7)", "urn:uuid:1"] {
            assert!(told[3].contains(part), "{part}: {}", told[3]);
        }
    }

    #[test]
    fn metadata_and_requests_are_told() {
        let metadata = envelope(
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse",
            "<wsx:Metadata><wsx:MetadataSection><dpws:ThisModel><dpws:Manufacturer xml:lang='en'>Example Medical</dpws:Manufacturer>\
             <dpws:Manufacturer xml:lang='de'>Beispiel</dpws:Manufacturer><dpws:ModelName>Monitor</dpws:ModelName>\
             <dpws:ModelNumber>M1</dpws:ModelNumber></dpws:ThisModel></wsx:MetadataSection><wsx:MetadataSection><dpws:ThisDevice>\
             <dpws:FriendlyName>Bed 4</dpws:FriendlyName><dpws:FirmwareVersion>1.2</dpws:FirmwareVersion>\
             <dpws:SerialNumber>77</dpws:SerialNumber></dpws:ThisDevice></wsx:MetadataSection></wsx:Metadata>",
        );
        let told = read(&metadata, 4096);
        for part in ["Example Medical", "Monitor", "M1", "Bed 4", "1.2", "77"] {
            assert!(told[0].contains(part), "{part}: {}", told[0]);
        }
        let request = envelope(
            "http://standards.ieee.org/downloads/11073/11073-20701-2018/SetService/SetAlertState",
            "<msg:SetAlertState><msg:OperationHandleRef>op7</msg:OperationHandleRef>\
             <msg:ProposedAlertState xsi:type='pm:AlertSignalState' Presence='Off' ActivationState='Psd'/></msg:SetAlertState>",
        );
        let told = read(&request, 4096);
        assert_eq!(told[0], "Request { action: SetAlertState, operation: \"op7\", silences: true }");
    }

    proptest! {
        #[test]
        fn same_events_however_cut(size in 1usize..200) {
            let text = mdib();
            prop_assert_eq!(read(&text, 1 << 16), read(&text, size));
        }

        #[test]
        fn a_cut_or_bent_message_does_no_harm(at in 0usize..2000, byte: u8) {
            let mut bytes = mdib().into_bytes();
            if let Some(place) = bytes.get_mut(at) { *place = byte; }
            let mut reader = Reader::default();
            reader.feed(&bytes, &mut |_| {});
            let _ = reader.finish();
        }
    }
}
