//! SDC: envelopes as identities, measurements, alarms and commands.

use wardline_model::fact::{
    AlarmFact, AlarmLimits, ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject,
    MeasurementFact, PatientDataFact, PatientField, PatientFields, PatientLocation, PatientReference,
    SdcFact,
};
use wardline_model::{Bounded, Fact, Label, Protocol, Subject, Timestamp};
use wardline_wire::Sensitive;
use wardline_wire::clinical::identity;
use wardline_wire::clinical::sdc::{
    Action, Alarm, Descriptors, Event, Header, Location, Model, Patient, Reader, Request, System, Value,
};
use wardline_wire::clinical::udi::Udi;

use crate::application::Context;

/// Most facts that one envelope tells.
const FACTS_MAX: u32 = 400;

/// One envelope, and what it leaves for the next of its conversation.
pub(super) struct Envelope {
    reader: Reader,
    state: State,
}

/// What a conversation of SDC remembers.
#[derive(Default)]
pub(super) struct Memory {
    descriptors: Descriptors,
}

#[derive(Default)]
struct State {
    location: Option<PatientLocation>,
    patient: Option<PatientReference>,
    fields: PatientFields,
    told: u32,
    ours: bool,
}

impl Envelope {
    pub(super) fn new(memory: &mut Memory) -> Self {
        Self { reader: Reader::new(std::mem::take(&mut memory.descriptors)), state: State::default() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let state = &mut self.state;
        self.reader.feed(bytes, &mut |event| state.take(event, context));
    }

    /// The envelope is over; what it told of descriptors is for those behind it.
    pub(super) fn finish(self, memory: &mut Memory, context: &mut Context<'_>) {
        memory.descriptors = self.reader.finish();
        let fields = if self.state.ours { self.state.fields } else { PatientFields::default() };
        if !fields.is_empty() {
            context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol: Protocol::Sdc, fields })));
        }
    }
}

impl State {
    fn take(&mut self, event: Event, context: &mut Context<'_>) {
        if self.told >= FACTS_MAX && !matches!(event, Event::Header(_)) {
            return;
        }
        self.told += 1;
        match event {
            Event::Model(model) => context.tell(Fact::Identity(Box::new(of_model(&model)))),
            Event::System(system) => context.tell(Fact::Identity(Box::new(of_system(&system)))),
            Event::Value(value) => {
                self.fields.insert(PatientField::Result);
                context.tell(Fact::Measurement(Box::new(self.measurement(&value))));
            }
            Event::Alarm(alarm) => context.tell(Fact::Alarm(Box::new(self.alarm(&alarm)))),
            Event::Patient(patient) => self.patient(&patient, context),
            Event::Location(location) => self.location(&location),
            Event::Request(request) => context.tell(Fact::Control(Box::new(of_request(&request)))),
            Event::Invocation(state) => invocation(&state, context),
            Event::Header(header) => self.header(&header, context),
        }
    }

    fn header(&mut self, header: &Header, context: &mut Context<'_>) {
        if !header.ours && header.mdib_version.is_none() {
            return;
        }
        self.ours = true;
        context.labels.application = Some(Protocol::Sdc);
        context.tell(Fact::Sdc(Box::new(SdcFact {
            action: Label::new(&header.action),
            mdib_version: header.mdib_version,
            sequence: header.sequence.as_deref().map(Label::new),
        })));
    }

    fn measurement(&self, value: &Value) -> MeasurementFact {
        // Without its descriptor a value is known by its handle alone.
        let system = if value.component.code.is_some() { "MDC" } else { "handle" };
        MeasurementFact {
            protocol: Protocol::Sdc,
            code: Label::new(value.component.code.as_deref().unwrap_or(&value.handle)),
            system: Some(Label::new(system)),
            value: value.value,
            unit: value.component.unit.as_deref().map(Label::new),
            time: time(value.time_ms),
            patient: self.patient.clone(),
            location: self.location.clone(),
            device: None,
        }
    }

    fn alarm(&self, alarm: &Alarm) -> AlarmFact {
        let component = &alarm.component;
        AlarmFact {
            protocol: Protocol::Sdc,
            event: Label::new(component.code.as_deref().unwrap_or(&alarm.handle)),
            name: Some(Label::new(&alarm.handle)),
            source: None,
            phase: None,
            state: Some(Label::new(&alarm.presence)),
            inactivation: alarm.activation.as_deref().map(Label::new),
            priority: component.priority.as_deref().map(Label::new),
            kind: component.kind.as_deref().map(Label::new),
            time: None,
            patient: self.patient.clone(),
            location: self.location.clone(),
            device: None,
            limits: alarm.limits.map(|[lower, upper]| AlarmLimits { lower, upper }),
        }
    }

    fn patient(&mut self, patient: &Patient, context: &Context<'_>) {
        let Patient { identifier, root, given, family, birth_date, sex } = patient;
        for (present, field) in [
            (identifier.is_some(), PatientField::Identifier),
            (given.is_some() || family.is_some(), PatientField::Name),
            (birth_date.is_some(), PatientField::BirthDate),
            (*sex, PatientField::Sex),
        ] {
            if present {
                self.fields.insert(field);
            }
        }
        let text =
            |secret: &Option<Sensitive<String>>| secret.clone().map(Sensitive::expose).unwrap_or_default();
        let pseudonym = |subject, secret: Sensitive<String>| {
            context.pseudonym(subject, Sensitive::new(secret.expose().as_bytes()))
        };
        let id = text(identifier);
        let with = |root: Option<&[u8]>| {
            identity::identifier(Sensitive::new(id.as_bytes()), root)
                .map(|id| pseudonym(Subject::PatientId, id))
        };
        let (family, given, birth_date) = (text(family), text(given), text(birth_date));
        self.patient = Some(PatientReference {
            identifier: with(root.as_deref().map(str::as_bytes)),
            other_identifiers: with(None).filter(|_| root.is_some()).into_iter().collect(),
            name: identity::name(Sensitive::new(family.as_bytes()), Sensitive::new(given.as_bytes()))
                .map(|name| pseudonym(Subject::PatientName, name)),
            birth_date: identity::birth_date(Sensitive::new(birth_date.as_bytes()))
                .map(|date| pseudonym(Subject::BirthDate, date)),
            visit: None,
        });
    }

    fn location(&mut self, location: &Location) {
        let label = |text: &Option<String>| text.as_deref().map(Label::new);
        self.fields.insert(PatientField::Location);
        self.location = Some(PatientLocation {
            unit: label(&location.point_of_care),
            room: label(&location.room),
            bed: label(&location.bed),
            facility: label(&location.facility),
        });
    }
}

/// The device says whether it did what it was told to: `Fin` is done, `Fail` and `Cnclld` are not.
fn invocation(state: &str, context: &mut Context<'_>) {
    let accepted = match state {
        "Fin" | "FinMod" => true,
        "Fail" | "Cnclld" | "CnclldMan" => false,
        _ => return,
    };
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Sdc,
        operation: ControlOperation::Invoke,
        command: Label::new("InvocationState"),
        object: None,
        objects: 1,
        authenticated: false,
        accepted: Some(accepted),
    })));
}

fn time(milliseconds: Option<u64>) -> Option<Timestamp> {
    let nanoseconds = i64::try_from(milliseconds?).ok()?.checked_mul(1_000_000)?;
    Some(Timestamp::from_nanoseconds(nanoseconds))
}

fn of_request(request: &Request) -> ControlFact {
    let operation = match request.action {
        Action::SetValue | Action::SetString => ControlOperation::Write,
        Action::SetAlertState if request.silences => ControlOperation::SilenceAlarm,
        Action::SetMetricState
        | Action::SetComponentState
        | Action::SetContextState
        | Action::SetAlertState => ControlOperation::Configure,
        Action::Activate => ControlOperation::Invoke,
    };
    ControlFact {
        protocol: Protocol::Sdc,
        operation,
        command: Label::new(request.action.name()),
        object: Some(Label::new(&request.operation)).filter(|handle| !handle.is_empty()),
        objects: 1,
        // In clear nobody proved who he is: SDC knows its participants by their certificates alone.
        authenticated: false,
        accepted: None,
    }
}

fn label(text: Option<&String>) -> Option<Label> {
    text.map(|text| Label::new(text)).filter(|label| !label.is_empty())
}

fn pairs<const N: usize>(pairs: [(&str, Option<Label>); N]) -> Bounded<(Label, Label), 12> {
    pairs.into_iter().filter_map(|(name, value)| Some((Label::new(name), value?))).collect()
}

fn of_model(model: &Model) -> IdentityFact {
    let mut attributes = pairs([
        ("model number", label(model.model_number.as_ref()).filter(|_| model.model_name.is_some())),
        ("manufacturer URL", label(model.manufacturer_url.as_ref())),
        ("model URL", label(model.model_url.as_ref())),
        ("presentation URL", label(model.presentation_url.as_ref())),
    ]);
    for service in &model.services {
        attributes.push((Label::new("service"), Label::new(service)));
    }
    IdentityFact {
        protocol: Protocol::Sdc,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity {
            manufacturer: label(model.manufacturer.as_ref()),
            model: label(model.model_name.as_ref()).or_else(|| label(model.model_number.as_ref())),
            serial: label(model.serial_number.as_ref()),
            firmware: label(model.firmware_version.as_ref()),
            field: Label::new("ThisModel, ThisDevice"),
            ..DeviceIdentity::default()
        },
        name: None,
        description: label(model.friendly_name.as_ref()),
        role: None,
        attributes,
    }
}

fn of_system(system: &System) -> IdentityFact {
    let carrier = system.udi_carrier.as_deref().and_then(Udi::parse);
    let specified = |code: &str| {
        system.specifications.iter().find(|(kind, _)| kind == code).map(|(_, value)| Label::new(value))
    };
    let counted = |count: u32| (count > 0).then(|| Label::new(&count.to_string()));
    let mut attributes = pairs([
        ("model number", label(system.model_number.as_ref())),
        ("lot", label(system.lot_number.as_ref())),
        ("manufactured", label(system.manufacture_date.as_ref())),
        ("expires", label(system.expiration_date.as_ref())),
        ("hardware revision", specified("531974")),
        ("software revision", specified("531975")),
        ("metrics", counted(system.metrics)),
        ("alarm conditions", counted(system.alarms)),
        ("operations", counted(system.operations)),
    ]);
    for code in &system.subsystems {
        attributes.push((Label::new("subsystem"), Label::new(&format!("MDC {code}"))));
    }
    IdentityFact {
        protocol: Protocol::Sdc,
        subject: IdentitySubject::Sender,
        device: DeviceIdentity {
            identifier: None,
            udi: label(system.udi_device_identifier.as_ref())
                .or_else(|| carrier.as_ref().map(|udi| Label::new(&udi.device))),
            manufacturer: label(system.manufacturer.as_ref()),
            model: label(system.model_name.as_ref()),
            serial: label(system.serial_number.as_ref())
                .or_else(|| specified("531972"))
                .or_else(|| carrier.as_ref().and_then(|udi| udi.serial.as_deref()).map(Label::new)),
            firmware: specified("531976"),
            field: Label::new("MdsDescriptor"),
        },
        name: None,
        description: system.code.as_ref().map(|code| Label::new(&format!("MDC {code}"))),
        role: Some(Label::new("sdc provider")),
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::application::driver;
    use crate::application::http::STREAM;
    use wardline_wire::Direction::{Backward, Forward};

    fn envelope(action: &str, body: &str) -> String {
        format!(
            "<s:Envelope><s:Header><a:Action>http://standards.ieee.org/downloads/11073/11073-20701-2018/{action}</a:Action>\
             </s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    const DESCRIPTION: &str = "<m:GetMdibResponse MdibVersion='3' SequenceId='urn:uuid:5'><m:Mdib><p:MdDescription><p:Mds Handle='m'>\
        <p:Type Code='69985'/><p:MetaData><p:Manufacturer>Example Medical</p:Manufacturer><p:SerialNumber>77</p:SerialNumber></p:MetaData>\
        <p:Vmd Handle='v'><p:Channel Handle='c'><p:Metric Handle='rate' xsi:type='p:NumericMetricDescriptor'><p:Type Code='157784'/>\
        <p:Unit Code='265266'/></p:Metric></p:Channel></p:Vmd></p:Mds></p:MdDescription><p:MdState>\
        <p:State DescriptorHandle='l' xsi:type='p:LocationContextState'><p:LocationDetail PoC='ICU' Bed='4'/></p:State>\
        <p:State DescriptorHandle='pc' xsi:type='p:PatientContextState'><p:Identification Root='HOSP' Extension='0047'/><p:CoreData>\
        <p:Familyname>Muster</p:Familyname></p:CoreData></p:State><p:State DescriptorHandle='rate' xsi:type='p:NumericMetricState'>\
        <p:MetricValue Value='12.5'/></p:State></p:MdState></m:Mdib></m:GetMdibResponse>";

    /// In chunks and compressed, as `sdc11073` and other stacks answer.
    fn answer(text: &str) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let mut bytes =
            b"HTTP/1.1 200 Ok\r\nContent-Type: application/soap+xml\r\nContent-Encoding: gzip\r\n\
            Transfer-Encoding: chunked\r\n\r\n"
                .to_vec();
        for chunk in packed.chunks(100) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    fn post(text: &str) -> Vec<u8> {
        format!(
            "POST /x HTTP/1.1\r\nContent-Type: application/soap+xml\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
        .into_bytes()
    }

    fn facts(pieces: &[(wardline_wire::Direction, &[u8])]) -> Vec<Fact> {
        let (whole, _) = driver::stream(&STREAM, pieces, usize::MAX);
        for size in [1, 7, 400] {
            assert_eq!(driver::stream(&STREAM, pieces, size).0, whole, "{size}");
        }
        whole
    }

    #[test]
    fn a_description_tells_device_value_patient_and_bed() {
        let get = post(&envelope("GetService/GetMdib", "<m:GetMdib/>"));
        let facts = facts(&[
            (Forward, &get),
            (Backward, &answer(&envelope("GetService/GetMdibResponse", DESCRIPTION))),
        ]);
        let told =
            facts.iter().find_map(|fact| if let Fact::Identity(told) = fact { Some(told) } else { None });
        let told = told.unwrap();
        assert_eq!(told.device.manufacturer, Some(Label::new("Example Medical")));
        assert_eq!(told.description, Some(Label::new("MDC 69985")));
        let value = facts
            .iter()
            .find_map(|fact| if let Fact::Measurement(value) = fact { Some(value) } else { None });
        let value = value.unwrap();
        assert_eq!(
            (value.code.as_str(), value.value, &value.unit),
            ("157784", 12.5, &Some(Label::new("265266")))
        );
        assert_eq!(value.location.as_ref().unwrap().bed, Some(Label::new("4")));
        assert!(value.patient.as_ref().unwrap().identifier.is_some());
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Sdc(sdc) if sdc.mdib_version == Some(3))));
        let Some(Fact::PatientData(data)) = facts.last() else { panic!() };
        assert!(data.fields.contains(PatientField::Name) && data.fields.contains(PatientField::Identifier));
        assert!(!format!("{facts:?}").contains("Muster") && !format!("{facts:?}").contains("0047"));
    }

    #[test]
    fn a_value_of_a_later_message_is_known_by_the_description() {
        let report = envelope(
            "StateEventService/EpisodicMetricReport",
            "<m:EpisodicMetricReport MdibVersion='4'><m:ReportPart><m:MetricState DescriptorHandle='rate' \
             xsi:type='p:NumericMetricState'><p:MetricValue Value='13'/></m:MetricState></m:ReportPart></m:EpisodicMetricReport>",
        );
        let described = envelope("GetService/GetMdibResponse", DESCRIPTION);
        let facts = facts(&[(Forward, &[post(&described), post(&report)].concat())]);
        let codes: Vec<_> = facts
            .iter()
            .filter_map(
                |fact| if let Fact::Measurement(value) = fact { Some(value.code.as_str()) } else { None },
            )
            .collect();
        assert_eq!(codes, ["157784", "157784"]);
    }

    #[test]
    fn commands_tell_what_they_do_and_what_became_of_them() {
        let set = envelope(
            "SetService/SetAlertState",
            "<m:SetAlertState><m:OperationHandleRef>op7</m:OperationHandleRef><m:ProposedAlertState \
             xsi:type='p:AlertSignalState' ActivationState='Psd'/></m:SetAlertState>",
        );
        let done = envelope(
            "SetService/SetAlertStateResponse",
            "<m:SetAlertStateResponse><m:InvocationInfo><m:InvocationState>Fin</m:InvocationState></m:InvocationInfo>\
             </m:SetAlertStateResponse>",
        );
        let facts = facts(&[(Forward, &post(&set)), (Backward, &answer(&done))]);
        let told: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Control(control) => Some((control.operation, control.object.clone(), control.accepted)),
                _ => None,
            })
            .collect();
        assert_eq!(
            told,
            [
                (ControlOperation::SilenceAlarm, Some(Label::new("op7")), None),
                (ControlOperation::Invoke, None, Some(true)),
            ]
        );
    }
}
