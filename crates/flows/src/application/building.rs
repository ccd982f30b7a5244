//! Modbus, BACnet and S7: who the device is, and what it is told to do.

use wardline_model::fact::{ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Bounded, Fact, Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::building::{bacnet, modbus, s7};
use wardline_wire::enterprise::recognition as known;

use super::{Context, Datagram, Progress, Stream, StreamAdaptor};

pub(super) const MODBUS: Stream = Stream {
    protocol: Protocol::Modbus,
    ports: &[502],
    probe: |_, opening| known::probe_modbus(opening),
    adaptor: || Box::<Modbus>::default(),
};
pub(super) const S7: Stream = Stream {
    protocol: Protocol::S7,
    ports: &[102],
    probe: |_, opening| known::probe_s7(opening),
    adaptor: || Box::<S7Adaptor>::default(),
};
pub(super) const BACNET: Datagram = Datagram {
    protocol: Protocol::Bacnet,
    ports: &[47808],
    probe: known::probe_bacnet,
    read: read_bacnet,
    encrypted: false,
};

/// Tells a command.
fn command(
    context: &mut Context<'_>,
    protocol: Protocol,
    operation: ControlOperation,
    name: &str,
    object: Option<String>,
    objects: u32,
) {
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol,
        operation,
        command: Label::new(name),
        object: object.map(|object| Label::new(&object)),
        objects,
        authenticated: false,
        accepted: None,
    })));
}

fn identity(
    context: &mut Context<'_>,
    protocol: Protocol,
    device: DeviceIdentity,
    fill: impl FnOnce(&mut IdentityFact),
) {
    let mut fact = IdentityFact {
        protocol,
        subject: IdentitySubject::Sender,
        device,
        name: None,
        description: None,
        role: None,
        attributes: Bounded::default(),
    };
    fill(&mut fact);
    context.tell(Fact::Identity(Box::new(fact)));
}

#[derive(Default)]
struct Modbus {
    session: modbus::Session,
    read_told: bool,
}

impl StreamAdaptor for Modbus {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, read_told } = self;
        let mut device =
            DeviceIdentity { field: Label::new("Read Device Identification"), ..DeviceIdentity::default() };
        let mut named = false;
        let right = session.feed(direction, bytes, |message| match message {
            modbus::Message::Request { code, function, address, count } => {
                let operation = match function {
                    // Polling is told once: what matters is that it is done.
                    modbus::Function::Read | modbus::Function::Diagnose | modbus::Function::Identify => {
                        if std::mem::replace(read_told, true) {
                            return;
                        }
                        ControlOperation::Read
                    }
                    modbus::Function::Write => ControlOperation::Write,
                    modbus::Function::Restart => ControlOperation::Restart,
                    modbus::Function::ListenOnly => ControlOperation::Stop,
                    modbus::Function::Own => ControlOperation::Invoke,
                };
                let object = address.map(|address| format!("address {address}"));
                command(context, Protocol::Modbus, operation, modbus::name(code), object, u32::from(count));
            }
            modbus::Message::Identification(object) => {
                named = true;
                let text = Label::non_empty(object.text);
                match object.object {
                    0 => device.manufacturer = text,
                    2 => device.firmware = text,
                    5 => device.model = text,
                    1 | 4 if device.model.is_none() => device.model = text,
                    _ => {}
                }
            }
            modbus::Message::Answer { .. } => {}
        });
        if named {
            identity(context, Protocol::Modbus, device, |fact| fact.role = Some(Label::new("modbus server")));
        }
        if right { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        self.session.gap(direction);
        Progress::Continue
    }
}

#[derive(Default)]
struct S7Adaptor {
    session: s7::Session,
    read_told: bool,
}

impl StreamAdaptor for S7Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { session, read_told } = self;
        let right = session.feed(direction, bytes, |job| {
            let operation = match job.function {
                s7::Function::Read => {
                    if std::mem::replace(read_told, true) {
                        return;
                    }
                    ControlOperation::Read
                }
                s7::Function::Write => ControlOperation::Write,
                s7::Function::Download => ControlOperation::Program,
                s7::Function::Start => ControlOperation::Start,
                s7::Function::Delete => ControlOperation::Erase,
                s7::Function::Invoke => ControlOperation::Invoke,
                s7::Function::Stop => ControlOperation::Stop,
                s7::Function::Other => return,
            };
            command(context, Protocol::S7, operation, s7::name(job.code), None, u32::from(job.items));
        });
        if right { Progress::Continue } else { Progress::Lost }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        self.session.gap();
        Progress::Continue
    }
}

fn read_bacnet(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    match bacnet::parse(datagram) {
        Ok(Some(bacnet::Message::Request { service, object })) => {
            let operation = match service {
                5 | 6 | 12 | 14 | 26 => ControlOperation::Read,
                15 | 16 | 8 | 9 => ControlOperation::Write,
                7 => ControlOperation::Program,
                10 => ControlOperation::Configure,
                11 => ControlOperation::Erase,
                0 | 27 => ControlOperation::SilenceAlarm,
                17 => ControlOperation::Stop,
                20 => ControlOperation::Restart,
                _ => ControlOperation::Invoke,
            };
            let object = object.map(|(kind, instance)| format!("object type {kind} instance {instance}"));
            command(context, Protocol::Bacnet, operation, bacnet::service_name(service), object, 1);
        }
        Ok(Some(bacnet::Message::IAm { instance, vendor })) => {
            let device = DeviceIdentity { field: Label::new("I-Am"), ..DeviceIdentity::default() };
            identity(context, Protocol::Bacnet, device, |fact| {
                fact.role = Some(Label::new("bacnet station"));
                fact.attributes = [
                    (Label::new("device instance"), Label::new(&instance.to_string())),
                    (Label::new("vendor identifier"), Label::new(&vendor.to_string())),
                ]
                .into_iter()
                .collect();
            });
        }
        Ok(Some(bacnet::Message::Property { property, text })) => told_property(property, text, context),
        Ok(Some(bacnet::Message::Refused { .. }) | None) | Err(_) => {}
    }
    Progress::Continue
}

fn told_property(property: u32, text: &[u8], context: &mut Context<'_>) {
    let Some(text) = Label::non_empty(text) else { return };
    let mut device = DeviceIdentity { field: Label::new("ReadProperty"), ..DeviceIdentity::default() };
    let mut name = None;
    let mut description = None;
    let mut attribute = None;
    match property {
        121 => device.manufacturer = Some(text),
        70 => device.model = Some(text),
        44 => device.firmware = Some(text),
        77 => name = Some(text),
        28 => description = Some(text),
        12 => attribute = Some(("application software version", text)),
        58 => attribute = Some(("location", text)),
        _ => return,
    }
    identity(context, Protocol::Bacnet, device, |fact| {
        fact.name = name;
        fact.description = description;
        fact.role = Some(Label::new("bacnet station"));
        fact.attributes = attribute.map(|(name, text)| (Label::new(name), text)).into_iter().collect();
    });
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn writes_are_told_each_and_polling_once() {
        let read = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2];
        let write = [0, 2, 0, 0, 0, 6, 1, 6, 0, 7, 0, 1];
        let stream = [read, read, write, write].concat();
        let (facts, _) = driver::stream(&MODBUS, &[(Direction::Forward, &stream)], 5);
        let told: Vec<_> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Control(control) => Some(control.operation),
                _ => None,
            })
            .collect();
        assert_eq!(told, [ControlOperation::Read, ControlOperation::Write, ControlOperation::Write]);
    }

    #[test]
    fn a_building_device_tells_its_model() {
        let answer =
            b"\x81\x0a\x00\x1a\x01\x00\x30\x01\x0c\x0c\x02\x00\x00\x01\x19\x46\x3e\x75\x05\x00AHU7\x3f";
        let facts = driver::datagram(&BACNET, answer);
        let [Fact::Identity(identity)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(identity.device.model.as_ref().unwrap().as_str(), "AHU7");
    }
}
