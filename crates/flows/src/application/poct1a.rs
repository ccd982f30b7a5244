//! POCT1-A: which point-of-care device sends whose results, and what its host tells it to do.

use wardline_model::fact::{
    ControlFact, ControlOperation, CredentialFact, CredentialKind, IdentityFact, IdentitySubject,
    MeasurementFact, PatientField, PatientFields, PatientLocation,
};
use wardline_model::{Fact, Label, Protocol, Subject, Timestamp};
use wardline_wire::clinical::poct1a::{self, Device, Event, Operator, Reader, probe};
use wardline_wire::{Direction, Sensitive};

use super::introduction::{attribute, introduction};
use super::patient::Patient;
use super::{Context, Progress, Stream, StreamAdaptor};

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Poct1a, ports: &[], probe, adaptor: || Box::<Poct1a>::default() };

/// Further devices behind one end that are told apart in one conversation.
const DEVICES_MAX: usize = 16;

#[derive(Default)]
struct Poct1a {
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    reader: Reader,
    message: Message,
}

/// What one end said.
#[derive(Default)]
struct Message {
    /// Devices that said hello, the first being the station itself, and which speaks now.
    devices: Vec<Label>,
    behind: Option<Label>,
    fields: PatientFields,
}

impl StreamAdaptor for Poct1a {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(Side { reader, message }) = self.sides.get_mut(direction.index()) else {
            return Progress::Lost;
        };
        let ours = reader.feed(bytes, &mut |event| message.take(event, context));
        if ours { Progress::Continue } else { Progress::Done }
    }

    /// The next document is one from its begin.
    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.reader = Reader::default();
        }
        Progress::Continue
    }
}

impl Message {
    fn take(&mut self, event: Event, context: &mut Context<'_>) {
        match event {
            Event::Hello(device) => self.hello(&device, context),
            Event::Condition(code) => {
                if context.first_time(("condition", &code)) {
                    let mut told = introduction(Protocol::Poct1a, "DST");
                    told.subject = self.subject();
                    told.device.identifier.clone_from(&self.behind);
                    attribute(&mut told, "condition", Some(Label::new(&code)));
                    self.tell(told, "poct1-a sender", context);
                }
            }
            Event::Patient(patient) => {
                let patient = patient_of(&patient, context);
                self.fields.merge(patient.fields);
            }
            Event::Result(result) => self.result(*result, context),
            Event::Operator(operator) => self.operator(*operator, context),
            Event::Directive(name) => directive(&name, context),
            Event::End(kind) => {
                Patient::tell(std::mem::take(&mut self.fields), Protocol::Poct1a, context);
                // Lists and directives come from the host alone.
                if matches!(kind.as_str(), "DTV" | "OPL" | "PTL") && context.first_time("host") {
                    self.tell(introduction(Protocol::Poct1a, "message type"), "poct1-a host", context);
                }
            }
        }
    }

    fn subject(&self) -> IdentitySubject {
        if self.behind.is_some() { IdentitySubject::Behind } else { IdentitySubject::Sender }
    }

    fn tell(&self, mut told: IdentityFact, role: &str, context: &mut Context<'_>) {
        told.role = Some(Label::new(role));
        context.tell(Fact::Identity(Box::new(told)));
    }

    fn hello(&mut self, device: &Device, context: &mut Context<'_>) {
        let label = |text: &Option<String>| text.as_deref().map(Label::new).filter(|label| !label.is_empty());
        let mut told = introduction(Protocol::Poct1a, "HEL DEV");
        let identity = &mut told.device;
        identity.identifier = label(&device.device_id);
        identity.manufacturer = label(&device.manufacturer_name).or_else(|| label(&device.vendor_id));
        identity.model = label(&device.model_id).or_else(|| label(&device.device_name));
        identity.serial = label(&device.serial_id);
        identity.firmware = label(&device.sw_version);
        // Another device than the first of a conversation came through the same dock or host.
        let name = identity.identifier.clone().or_else(|| identity.serial.clone()).unwrap_or_default();
        let place = self.devices.iter().position(|known| *known == name);
        if place.is_none() && self.devices.len() < DEVICES_MAX {
            self.devices.push(name.clone());
        }
        self.behind = Some(name).filter(|_| place.unwrap_or(self.devices.len().saturating_sub(1)) > 0);
        told.subject = self.subject();
        attribute(&mut told, "device name", label(&device.device_name));
        attribute(&mut told, "vendor id", label(&device.vendor_id));
        attribute(&mut told, "hardware version", label(&device.hw_version));
        attribute(&mut told, "connection profile", label(&device.connection_profile));
        let listed = |list: &[String]| Some(Label::new(&list.join(" ")));
        attribute(&mut told, "topics", listed(&device.topics));
        attribute(&mut told, "directives", listed(&device.directives));
        self.tell(told, "poct1-a sender", context);
    }

    fn result(&mut self, result: poct1a::Result, context: &mut Context<'_>) {
        self.fields.insert(PatientField::Result);
        for (there, kind) in [(result.operator, PatientField::Clinician), (result.order, PatientField::Order)]
        {
            if there {
                self.fields.insert(kind);
            }
        }
        let patient = patient_of(&result.patient, context);
        context.tell(Fact::Measurement(Box::new(MeasurementFact {
            protocol: Protocol::Poct1a,
            code: Label::new(&result.code),
            system: result.system.as_deref().map(Label::new),
            value: result.value,
            unit: result.unit.as_deref().map(Label::new),
            time: result.time.map(Timestamp::from_nanoseconds),
            patient: patient.reference(),
            location: result.patient.location.as_deref().and_then(location),
            device: self.behind.clone(),
        })));
    }

    fn operator(&mut self, operator: Operator, context: &mut Context<'_>) {
        self.fields.insert(PatientField::Clinician);
        let Some(password) = operator.password.map(Sensitive::expose) else { return };
        let account = operator.identifier.map(Sensitive::expose);
        let account =
            account.map(|name| context.pseudonym(Subject::Account, Sensitive::new(name.as_bytes())));
        let secret = context.pseudonym(Subject::Secret, Sensitive::new(password.as_bytes()));
        context.tell(Fact::Credential(Box::new(CredentialFact {
            protocol: Protocol::Poct1a,
            kind: CredentialKind::Password,
            field: Label::new("ACC.password"),
            account,
            secret: Some(secret),
        })));
    }
}

fn patient_of(told: &poct1a::Patient, context: &Context<'_>) -> Patient {
    let mut patient = Patient::default();
    if let Some(id) = &told.identifier {
        patient.identifier(Sensitive::new(id.clone().expose().as_bytes()), context);
    }
    if let Some(name) = &told.name {
        // One text: the family name before a comma, or HL7's separator.
        let name = name.clone().expose();
        let (family, given) = name.split_once([',', '^']).unwrap_or((&name, ""));
        let given = given.split('^').next().unwrap_or_default();
        patient.name(Sensitive::new(family.as_bytes()), Sensitive::new(given.as_bytes()), context);
    }
    if let Some(date) = &told.birth_date {
        patient.birth_date(Sensitive::new(date.clone().expose().as_bytes()), context);
    }
    if told.sex {
        patient.fields.insert(PatientField::Sex);
    }
    if told.location.is_some() {
        patient.fields.insert(PatientField::Location);
    }
    patient
}

/// Unit, room and bed as HL7 parts them.
fn location(text: &str) -> Option<PatientLocation> {
    let mut parts = text.split('^').map(|part| Some(Label::new(part)).filter(|part| !part.is_empty()));
    let mut part = || parts.next().flatten();
    let location = PatientLocation { unit: part(), room: part(), bed: part(), facility: part() };
    Some(location).filter(|location| *location != PatientLocation::default())
}

fn directive(name: &str, context: &mut Context<'_>) {
    let operation = match name {
        "SET_TIME" => ControlOperation::Configure,
        "LOCK" => ControlOperation::Stop,
        "UNLOCK" | "START_CONTINUOUS" => ControlOperation::Start,
        _ => ControlOperation::Invoke,
    };
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Poct1a,
        operation,
        command: Label::new(name),
        object: None,
        objects: 1,
        // The standard has no log-in.
        authenticated: false,
        accepted: None,
    })));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    const DEVICE: &[u8] = b"<HEL.R01><DEV><DEV.device_id V=\"D1\"/><DEV.vendor_id V=\"INV\"/><DEV.model_id V=\"BG-1\"/>\
        <DEV.serial_id V=\"SN0047\"/><DEV.sw_version V=\"2.3.1\"/></DEV></HEL.R01><OBS.R01><SVC><SVC.role_cd V=\"OBS\"/><PT>\
        <PT.patient_id V=\"4711\"/><PT.location V=\"ICU^R4^2\"/><OBS><OBS.observation_id V=\"2341-6\" SN=\"LN\"/>\
        <OBS.value V=\"145\" U=\"mg/dL\"/></OBS></PT><OPR><OPR.operator_id V=\"anna\"/></OPR></SVC></OBS.R01>";
    const HOST: &[u8] = b"<DTV.R01><DTV><DTV.command_cd V=\"LOCK\"/></DTV></DTV.R01><OPL.R01><OPR>\
        <OPR.operator_id V=\"anna\"/><ACC><ACC.password V=\"hunter2\"/></ACC></OPR></OPL.R01>\
        <PTL.R01><PT><PT.patient_id V=\"4711\"/><PT.name V=\"Muster, Eva\"/><PT.birth_date V=\"1970-02-20\"/></PT></PTL.R01>";

    #[test]
    fn a_meter_its_results_and_its_host() {
        let (facts, _) =
            driver::stream(&STREAM, &[(Direction::Forward, DEVICE), (Direction::Backward, HOST)], 40);
        let Fact::Identity(meter) = &facts[0] else { panic!("{facts:?}") };
        assert_eq!(meter.role, Some(Label::new("poct1-a sender")));
        assert_eq!(meter.device.serial, Some(Label::new("SN0047")));
        assert_eq!(meter.device.firmware, Some(Label::new("2.3.1")));
        let Fact::Measurement(glucose) = &facts[1] else { panic!("{facts:?}") };
        assert_eq!((glucose.code.as_str(), glucose.value), ("2341-6", 145.0));
        assert_eq!(glucose.location.as_ref().unwrap().bed, Some(Label::new("2")));
        let Fact::PatientData(data) = &facts[2] else { panic!("{facts:?}") };
        for kind in
            [PatientField::Result, PatientField::Identifier, PatientField::Clinician, PatientField::Location]
        {
            assert!(data.fields.contains(kind), "{kind:?}");
        }
        let locked = facts.iter().any(
            |fact| matches!(fact, Fact::Control(control) if control.operation == ControlOperation::Stop),
        );
        assert!(locked, "{facts:?}");
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Credential(told) if told.account.is_some())));
        let text = format!("{facts:?}");
        for secret in ["4711", "Muster", "MUSTER", "1970", "hunter2", "anna"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }

    #[test]
    fn one_patient_is_the_same_in_results_and_lists() {
        let list = b"<PTL.R01><PT><PT.patient_id V=\"4711\"/></PT></PTL.R01>";
        let (facts, _) =
            driver::stream(&STREAM, &[(Direction::Forward, DEVICE), (Direction::Backward, list)], 64);
        let patient = facts
            .iter()
            .find_map(|fact| if let Fact::Measurement(told) = fact { told.patient.clone() } else { None });
        assert!(patient.unwrap().identifier.is_some());
    }

    #[test]
    fn a_second_meter_is_behind_the_same_dock() {
        let second = String::from_utf8_lossy(DEVICE).replace("\"D1\"", "\"D2\"");
        let pieces = [(Direction::Forward, DEVICE), (Direction::Forward, second.as_bytes())];
        let (facts, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let behind: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Identity(told) => Some(told.subject == IdentitySubject::Behind),
                Fact::Measurement(told) => Some(told.device == Some(Label::new("D2"))),
                _ => None,
            })
            .collect();
        assert_eq!(behind, [false, false, true, true]);
    }
}
