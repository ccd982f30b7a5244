//! Philips IntelliVue Data Export: which monitor shows whose vital signs, and who polls it.

use wardline_model::fact::{
    AlarmFact, ControlFact, ControlOperation, IdentityFact, MeasurementFact, PatientDataFact, PatientField,
    PatientFields,
};
use wardline_model::{Fact, Label, Protocol, Timestamp};
use wardline_wire::Sensitive;
use wardline_wire::clinical::intellivue::{
    Alarm, AlarmKind, Body, Demographics, Message, Monitor, Numeric, Operation, Polled, Port, alarms,
    demographics, monitor, numerics, probe,
};
use wardline_wire::clinical::mder::{self, Specification};

use super::introduction::{attribute, introduction};
use super::patient::Patient;
use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::IntellivueDataExport,
    ports: &[24_105, 24_005],
    probe,
    read,
    encrypted: false,
    // A nomenclature version, the headers of a session, a session identifier.
    first: FirstBytes::of(&[0..=0, 0x09..=0x0a, 0x0d..=0x0e, 0x19..=0x19, 0xe1..=0xe1]),
};

/// Role of the monitor, and of the computer that asks it.
const MONITOR: &str = "intellivue data export";
const CLIENT: &str = "intellivue client";

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    // What only looks like a message of its own tells nothing, but the next may.
    let Ok(message) = Message::parse(datagram) else { return Progress::Continue };
    match message {
        Message::ConnectIndication(mut attributes) => {
            system(&monitor(&mut attributes), "connect indication", context)
        }
        Message::AssociationRequest => role(CLIENT, "association request", context),
        Message::AssociationResponse | Message::Refuse => role(MONITOR, "association response", context),
        Message::Release => {}
        Message::Abort => command(ControlOperation::Stop, "Association Abort", None, context),
        Message::Export(operation) => export(operation, context),
    }
    Progress::Continue
}

fn export(operation: Operation<'_>, context: &mut Context<'_>) {
    match operation {
        Operation::Create(mut attributes) => system(&monitor(&mut attributes), "MDS create event", context),
        Operation::Poll(class) => {
            // It is repeated each second.
            if context.first_time(("poll", class)) {
                let object = match Polled::of(class) {
                    Polled::System => "system",
                    Polled::Numerics => "numerics",
                    Polled::Alarms => "alarms",
                    Polled::Demographics => "patient demographics",
                    Polled::Other => "waves and others",
                };
                command(ControlOperation::Read, "Poll", Some(object), context);
            }
        }
        Operation::Set => command(ControlOperation::Configure, "Set", None, context),
        Operation::Polled(body) => polled(&body, context),
        Operation::Get | Operation::Other => {}
    }
}

fn command(operation: ControlOperation, name: &str, object: Option<&str>, context: &mut Context<'_>) {
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::IntellivueDataExport,
        operation,
        command: Label::new(name),
        object: object.map(Label::new),
        objects: 1,
        // The protocol has no log-in.
        authenticated: false,
        accepted: None,
    })));
}

/// What an end is by what it sent, once.
fn role(role: &str, field: &str, context: &mut Context<'_>) {
    if context.first_time(role) {
        let mut told = introduction(Protocol::IntellivueDataExport, field);
        told.role = Some(Label::new(role));
        context.tell(Fact::Identity(Box::new(told)));
    }
}

fn system(monitor: &Monitor<'_>, field: &str, context: &mut Context<'_>) {
    let told = identity(monitor, field);
    // A connect indication is sent again and again.
    if context.first_time((
        "system",
        field,
        &told.device.serial,
        &told.device.model,
        &monitor.bed,
        monitor.mode,
    )) {
        context.tell(Fact::Identity(Box::new(told)));
    }
}

fn identity(monitor: &Monitor<'_>, field: &str) -> IdentityFact {
    let mut told = introduction(Protocol::IntellivueDataExport, field);
    told.role = Some(Label::new(MONITOR));
    // A text ends at a zero, whatever stands behind it; dashes stand for what a monitor does not have.
    let label = |bytes: Option<&[u8]>| {
        let text = bytes?.split(|byte| *byte == 0).next()?;
        text.iter().any(u8::is_ascii_alphanumeric).then(|| Label::non_empty(text))?
    };
    let hexadecimal = |bytes: &[u8]| {
        let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Label::new(&parts.join(":"))
    };
    told.device.manufacturer = label(monitor.manufacturer);
    told.device.model = label(monitor.model);
    told.device.serial = label(monitor.specified(Specification::Serial));
    let software = label(monitor.specified(Specification::Software));
    told.device.firmware = software.or_else(|| label(monitor.specified(Specification::Firmware)));
    told.device.identifier = monitor.system_id.filter(|id| !id.is_empty() && id.len() <= 8).map(hexadecimal);
    attribute(&mut told, "location", monitor.bed.as_deref().map(Label::new));
    attribute(&mut told, "operating mode", monitor.mode.map(operating_mode));
    for (name, kind) in [
        ("part number", Specification::Part),
        ("hardware revision", Specification::Hardware),
        ("firmware revision", Specification::Firmware),
        ("protocol revision", Specification::Protocol),
    ] {
        attribute(&mut told, name, label(monitor.specified(kind)));
    }
    if let Some((mac, ip)) = monitor.address {
        attribute(&mut told, "link address", Some(hexadecimal(&mac)));
        let [a, b, c, d] = ip;
        attribute(&mut told, "network address", Some(Label::new(&format!("{a}.{b}.{c}.{d}"))));
    }
    for Port { application, transport, port } in &monitor.ports {
        let service = match application {
            1 => "association",
            5 => "data export",
            _ => continue,
        };
        let transport = if *transport == 1 { "udp" } else { "tcp" };
        attribute(&mut told, "service", Some(Label::new(&format!("{service} {transport} {port}"))));
    }
    told
}

/// Chapter "Attribute Data Types", operating mode.
fn operating_mode(mode: u16) -> Label {
    Label::new(match mode {
        mode if mode & 0x2000 != 0 => "demonstration",
        mode if mode & 0x1000 != 0 => "service",
        mode if mode & 0x0002 != 0 => "standby",
        mode if mode & 0x0001 != 0 => "configuration",
        mode if mode & 0x4000 != 0 => "monitoring",
        _ => "unspecified",
    })
}

fn polled(body: &Body<'_>, context: &mut Context<'_>) {
    role(MONITOR, "poll result", context);
    let time = mder::absolute_time(body.time).map(Timestamp::from_nanoseconds);
    // What is wrong in an answer is left out, what was whole before it is told.
    match Polled::of(body.class) {
        Polled::Numerics => {
            let _ = numerics(body, &mut |number| numeric(number, time, context));
        }
        Polled::Alarms => {
            let _ = alarms(body, &mut |alarm| tell_alarm(alarm, time, context));
        }
        Polled::Demographics => {
            if let Ok(patient) = demographics(body) {
                admitted(&patient, context);
            }
        }
        Polled::System => {
            let mut found = Vec::new();
            let _ = body.objects(&mut |_, attributes| {
                found.push(identity(&monitor(attributes), "system object"));
                // One system to a context, and one context to a monitor.
                Err(attributes.unsupported("further system object"))
            });
            for told in found {
                if context.first_time(("polled system", &told.device.serial, &told.attributes)) {
                    context.tell(Fact::Identity(Box::new(told)));
                }
            }
        }
        Polled::Other => {}
    }
}

fn tell_kinds(fields: PatientFields, context: &mut Context<'_>) {
    let protocol = Protocol::IntellivueDataExport;
    if !fields.is_empty() && context.first_time(("kinds", fields)) {
        context.tell(Fact::PatientData(Box::new(PatientDataFact { protocol, fields })));
    }
}

fn numeric(number: Numeric, time: Option<Timestamp>, context: &mut Context<'_>) {
    let patient = context.labels.monitored.as_deref().cloned();
    context.tell(Fact::Measurement(Box::new(MeasurementFact {
        protocol: Protocol::IntellivueDataExport,
        code: Label::new(&number.code.to_string()),
        system: Some(Label::new("MDC")),
        value: number.value,
        unit: Some(Label::new(&number.unit)),
        time,
        patient,
        location: None,
        device: None,
    })));
    let mut fields = PatientFields::default();
    fields.insert(PatientField::Result);
    tell_kinds(fields, context);
}

/// An alarm in the words of IHE PCD-04.
fn tell_alarm(alarm: Alarm, time: Option<Timestamp>, context: &mut Context<'_>) {
    if alarm.state & Alarm::NO_PATIENT != 0 {
        return;
    }
    let is = |bit: u16| alarm.state & bit != 0;
    // Technical in the low byte, physiological in the high one.
    let priority = match alarm.priority >> 8 | alarm.priority & 0xff {
        priority if priority & 4 != 0 => Some("PH"),
        priority if priority & 2 != 0 => Some("PM"),
        priority if priority & 1 != 0 => Some("PL"),
        _ => None,
    };
    let inactivation = if is(Alarm::INHIBITED) {
        "alarm-off"
    } else if is(Alarm::SUSPENDED) {
        "alarm-paused"
    } else if is(Alarm::SILENCED) {
        "alert-acknowledged"
    } else {
        "enabled"
    };
    let patient = context.labels.monitored.as_deref().cloned();
    context.tell(Fact::Alarm(Box::new(AlarmFact {
        protocol: Protocol::IntellivueDataExport,
        event: Label::new(&alarm.code.to_string()),
        name: None,
        source: Some(Label::new(&alarm.source.to_string())),
        phase: None,
        state: Some(Label::new(if is(Alarm::LATCHED) { "latched" } else { "active" })),
        inactivation: Some(Label::new(inactivation)),
        priority: priority.map(Label::new),
        kind: Some(Label::new(match alarm.kind {
            AlarmKind::Patient => "SP",
            AlarmKind::Technical => "ST",
        })),
        time,
        patient,
        location: None,
        device: None,
        limits: None,
    })));
}

/// Whom the monitor watches from now on. Of a discharged patient the data is still there, but nobody lies there.
fn admitted(told: &Demographics, context: &mut Context<'_>) {
    let mut patient = Patient::default();
    let bytes = |text: &Option<Sensitive<String>>| text.clone().map(Sensitive::expose).unwrap_or_default();
    patient.identifier(Sensitive::new(bytes(&told.identifier).as_bytes()), context);
    let (family, given) = (bytes(&told.family), bytes(&told.given));
    patient.name(Sensitive::new(family.as_bytes()), Sensitive::new(given.as_bytes()), context);
    patient.birth_date(Sensitive::new(bytes(&told.birth_date).as_bytes()), context);
    if told.sex {
        patient.fields.insert(PatientField::Sex);
    }
    // Two free lines of the ward.
    if told.notes {
        patient.fields.insert(PatientField::Diagnosis);
    }
    tell_kinds(patient.fields, context);
    let assigned = told.state.is_none_or(|state| matches!(state, 1 | 2));
    context.labels.monitored = patient.reference().filter(|_| assigned).map(Box::new);
}

#[cfg(test)]
mod tests {
    use super::super::driver::Driver;
    use super::*;
    use wardline_wire::Direction;

    /// A connect indication of an invented monitor: its model and its serial number, software and ports.
    const INDICATION: &[u8] = b"\x00\x00\x01\x00\x00\x01\x00\x74\x00\x00\x00\x00\x00\x6e\x00\x23\x00\x00\x00\x00\x00\xd6\xd4\x00\x0d\x17\
        \x00\x60\x00\x03\x00\x5c\x09\x28\x00\x12\x00\x08Philips\0\x00\x06M8007A\xf1\x01\x00\x14\x00\x02\x00\x10\x00\x01\x00\x01\
        \x5e\x29\x00\x00\x00\x05\x00\x01\x5e\x29\x00\x00\x09\x2d\x00\x2a\x00\x02\x00\x26\x00\x01\x00\x08\x00\x0eDE00000047\0\0\0\0\
        \x00\x04\x00\x58\x00\x0cG.01.78\0\0\0\0\0";

    /// A poll result with one object of a class.
    fn result(class: u8, attribute: u16, value: &[u8]) -> Vec<u8> {
        let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let list = [&attribute.to_be_bytes()[..], &sized(value)].concat();
        let object = [b"\x00\x50\x00\x01", &sized(&list)[..]].concat();
        let context = [b"\x00\x00\x00\x01", &sized(&object)[..]].concat();
        let head = b"\x00\x07\x00\xd6\xd4\x00\x20\x26\x03\x02\x06\x07\x08\x00\x00\x01\x00";
        let reply = [&head[..], &[class, 0, 0, 0, 1], &sized(&context)].concat();
        let action = [b"\x00\x21\x00\x00\x00\x00\x0c\x16", &sized(&reply)[..]].concat();
        let operation = [b"\x00\x07\x00\x07", &sized(&action)[..]].concat();
        [b"\xe1\x00\x00\x02\x00\x02", &sized(&operation)[..]].concat()
    }

    fn told(datagrams: &[(Direction, &[u8])]) -> Vec<Fact> {
        let mut driver = Driver::new();
        for (direction, datagram) in datagrams {
            driver.with(*direction, |context| read(datagram, context));
        }
        driver.facts()
    }

    #[test]
    fn a_monitor_announces_itself_once() {
        let facts = told(&[(Direction::Forward, INDICATION), (Direction::Forward, INDICATION)]);
        let [Fact::Identity(monitor)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(monitor.device.manufacturer, Some(Label::new("Philips")));
        assert_eq!(monitor.device.model, Some(Label::new("M8007A")));
        assert_eq!(monitor.device.serial, Some(Label::new("DE00000047")));
        assert_eq!(monitor.device.firmware, Some(Label::new("G.01.78")));
        assert_eq!(monitor.role, Some(Label::new(MONITOR)));
        assert!(monitor.attributes.contains(&(Label::new("service"), Label::new("data export udp 24105"))));
    }

    #[test]
    fn values_and_alarms_are_of_the_admitted_patient() {
        let rate = result(6, 0x0950, b"\x41\x82\x00\x00\x0a\xa0\x00\x00\x00\x48");
        let patient = result(42, 0x095a, b"\x00\x0a\x00X\x000\x004\x007\x00\x00");
        let alarm = result(
            54,
            0x0902,
            b"\x00\x01\x00\x12\x41\x82\x00\x02\x04\x00\x20\x00\x00\x36\x00\x00\x00\x01\x02\x04\x00\x00",
        );
        let facts = told(&[
            (Direction::Backward, &rate),
            (Direction::Backward, &patient),
            (Direction::Backward, &rate),
            (Direction::Backward, &alarm),
        ]);
        let values: Vec<_> = facts
            .iter()
            .filter_map(|fact| if let Fact::Measurement(told) = fact { Some(told) } else { None })
            .collect();
        assert_eq!((values[0].code.as_str(), values[0].value), ("147842", 72.0));
        assert_eq!(values[0].unit, Some(Label::new("/min")));
        assert!(values[0].patient.is_none() && values[1].patient.as_ref().unwrap().identifier.is_some());
        let Some(Fact::Alarm(alarm)) = facts.last() else { panic!("{facts:?}") };
        assert_eq!(alarm.priority, Some(Label::new("PH")));
        assert_eq!(
            (alarm.state.clone(), alarm.kind.clone()),
            (Some(Label::new("latched")), Some(Label::new("SP")))
        );
        assert!(alarm.patient.is_some());
        let kinds = facts.iter().filter(|fact| matches!(fact, Fact::PatientData(_))).count();
        assert_eq!(kinds, 2);
        assert!(!format!("{facts:?}").contains("X047"));
    }

    #[test]
    fn who_polls_is_told_once() {
        let poll = b"\xe1\x00\x00\x02\x00\x01\x00\x1c\x03\xea\x00\x07\x00\x16\x00\x21\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x16\x00\x08\
            \x00\x08\x00\x01\x00\x2a\x08\x07";
        let facts = told(&[(Direction::Forward, poll), (Direction::Forward, poll)]);
        let [Fact::Control(control)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(control.object, Some(Label::new("patient demographics")));
        assert_eq!(control.operation, ControlOperation::Read);
    }
}
