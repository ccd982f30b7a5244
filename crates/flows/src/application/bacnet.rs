//! BACnet/IP: who a controller says it is, and who writes, restarts and silences it.

use wardline_model::fact::{ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::building::bacnet::{Kind, Message, ObjectIdentifier};
use wardline_wire::enterprise::recognition::probe_bacnet;

use super::{Context, Datagram, FirstBytes, Progress};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Bacnet,
    ports: &[47808],
    first: FirstBytes::of(&[0x81..=0x81]),
    probe: probe_bacnet,
    read,
    encrypted: false,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    match Message::parse(datagram) {
        Ok(Some(message)) => {
            identity(&message, context);
            control(&message, context);
            Progress::Continue
        }
        Ok(None) => Progress::Continue,
        Err(_) => Progress::Lost,
    }
}

fn identity(message: &Message<'_>, context: &mut Context<'_>) {
    let mut device =
        DeviceIdentity { field: Label::new("BACnet device object"), ..DeviceIdentity::default() };
    let (mut name, mut description, mut attributes) = (None, None, Vec::new());
    let mut found = false;
    if let Some((object, vendor)) = message.i_am() {
        found = true;
        device.identifier = Some(Label::new(&format!("device {}", object.instance)));
        device.manufacturer = vendor_name(vendor).map(Label::new);
        attributes.push((Label::new("vendor identifier"), Label::new(&vendor.to_string())));
    }
    for property in message.properties().filter(|told| told.object.kind == ObjectIdentifier::DEVICE) {
        let text = property.text.and_then(Label::non_empty);
        found |= text.is_some();
        match property.property {
            12 => attributes.extend(named("application software version", text)),
            28 => description = text,
            44 => device.firmware = text,
            58 => attributes.extend(named("location", text)),
            70 => device.model = text,
            77 => name = text,
            121 => device.manufacturer = text,
            372 => device.serial = text,
            _ => {}
        }
        device.identifier = Some(Label::new(&format!("device {}", property.object.instance)));
    }
    if !found {
        return;
    }
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::Bacnet,
        subject: if message.routed { IdentitySubject::Behind } else { IdentitySubject::Sender },
        device,
        name,
        description,
        role: Some(Label::new("bacnet station")),
        attributes: attributes.into_iter().collect(),
    })));
}

fn named(name: &str, value: Option<Label>) -> Option<(Label, Label)> {
    Some((Label::new(name), value?))
}

/// Makers by the identifiers that ASHRAE assigns; those of equipment often found in hospitals.
const fn vendor_name(identifier: u32) -> Option<&'static str> {
    Some(match identifier {
        2 => "Trane",
        3 => "Daikin Applied",
        5 => "Johnson Controls",
        7 | 9 | 22 => "Siemens",
        8 => "Delta Controls",
        10 | 11 | 19 => "Schneider Electric",
        16 => "Carrier",
        17 | 18 => "Honeywell",
        24 => "Automated Logic",
        26 => "Phoenix Controls",
        28 => "KMC Controls",
        35 => "Reliable Controls",
        36 => "Tridium",
        39 => "Kieback & Peter",
        _ => return None,
    })
}

/// Services of clause 21. Of reading only the question is told.
fn control(message: &Message<'_>, context: &mut Context<'_>) {
    use ControlOperation::{
        Configure, Erase, Invoke, Program, Read, Restart, SilenceAlarm, Start, Stop, Write,
    };
    let Some(service) = message.service else { return };
    let asks = message.kind == Kind::Request;
    let (operation, command) = match (message.kind == Kind::Unconfirmed, service) {
        (false, 0) => (SilenceAlarm, "AcknowledgeAlarm"),
        (false, 5) if asks => (Read, "SubscribeCOV"),
        (false, 6) if asks => (Read, "AtomicReadFile"),
        (false, 12) if asks => (Read, "ReadProperty"),
        (false, 14) if asks => (Read, "ReadPropertyMultiple"),
        (false, 26) if asks => (Read, "ReadRange"),
        (false, 7) => (Program, "AtomicWriteFile"),
        (false, 8) => (Write, "AddListElement"),
        (false, 9) => (Write, "RemoveListElement"),
        (false, 10) => (Configure, "CreateObject"),
        (false, 11) => (Erase, "DeleteObject"),
        (false, 15) => (Write, "WriteProperty"),
        (false, 16) => (Write, "WritePropertyMultiple"),
        (false, 17) if asks && !message.disables_communication() => (Start, "DeviceCommunicationControl"),
        (false, 17) => (Stop, "DeviceCommunicationControl"),
        (false, 20) => (Restart, "ReinitializeDevice"),
        (false, 27) => (Invoke, "LifeSafetyOperation"),
        (true, 6) => (Configure, "TimeSynchronization"),
        (true, 9) => (Configure, "UTCTimeSynchronization"),
        (true, 10) => (Write, "WriteGroup"),
        _ => return,
    };
    let accepted = match message.kind {
        Kind::Request | Kind::Unconfirmed => None,
        Kind::SimpleAck | Kind::ComplexAck => Some(true),
        Kind::Refused => Some(false),
    };
    let object = accepted.is_none().then(|| message.target()).and_then(|(object, property)| {
        let object = object?;
        let name = format!("object {} {}", object.kind, object.instance);
        Some(property.map_or_else(|| name.clone(), |property| format!("{name} property {property}")))
    });
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Bacnet,
        operation,
        command: Label::new(command),
        object: object.as_deref().map(Label::new),
        objects: 1,
        authenticated: false,
        accepted,
    })));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_controller_introduces_itself() {
        let mut bytes =
            vec![0x81, 10, 0, 0, 1, 0, 0x30, 1, 14, 0x0c, 2, 0, 0, 1, 0x1e, 0x29, 77, 0x4e, 0x75, 5, 0];
        bytes.extend(b"AHU1\x4f\x29\x46\x4e\x75\x05\0XM-9\x4f\x1f");
        bytes[3] = u8::try_from(bytes.len()).unwrap();
        let facts = driver::datagram(&DATAGRAM, &bytes);
        let Some(Fact::Identity(told)) = facts.first() else { panic!("{facts:?}") };
        assert_eq!(told.name, Some(Label::new("AHU1")));
        assert_eq!(told.device.model, Some(Label::new("XM-9")));
        assert_eq!(told.device.identifier, Some(Label::new("device 1")));
    }

    #[test]
    fn restart_and_write_are_commands() {
        let restart = [0x81, 10, 0, 12, 1, 4, 0, 5, 1, 20, 0x09, 0];
        let write =
            [0x81, 10, 0, 24, 1, 4, 0, 5, 1, 15, 0x0c, 0, 0x80, 0, 3, 0x19, 85, 0x3e, 0x44, 0, 0, 0, 0, 0x3f];
        let refused = [0x81, 10, 0, 13, 1, 0, 0x50, 1, 15, 0x91, 2, 0x91, 40];
        for (bytes, operation, accepted) in [
            (&restart[..], ControlOperation::Restart, None),
            (&write, ControlOperation::Write, None),
            (&refused, ControlOperation::Write, Some(false)),
        ] {
            let facts = driver::datagram(&DATAGRAM, bytes);
            let Some(Fact::Control(control)) = facts.first() else { panic!("{facts:?}") };
            assert_eq!((control.operation, control.accepted), (operation, accepted));
        }
    }
}
