//! EtherNet/IP: what a controller or drive says it is, and who resets, stops and writes it.

use wardline_model::fact::{ControlFact, ControlOperation};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::building::ethernet_ip::{Identity, Message, Service, probe, probe_datagram};
use wardline_wire::{Consumed, Direction, StreamBuffer, Verdict};

use super::introduction::{attribute, introduction};
use super::{Context, Datagram, FirstBytes, Progress, Stream, StreamAdaptor};

/// Header and data of a message.
const MESSAGE_BYTES_MAX: usize = 24 + 16_384;

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::EthernetIp,
    ports: &[44818],
    first: FirstBytes::of(&[0x04..=0x04, 0x63..=0x64]),
    probe: probe_datagram,
    read,
    encrypted: false,
};

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::EthernetIp,
    ports: &[44818],
    probe: |_: Direction, opening: &[u8]| -> Verdict { probe(opening) },
    adaptor: || {
        let buffer = || StreamBuffer::new(2 * MESSAGE_BYTES_MAX);
        Box::new(Adaptor { sides: [buffer(), buffer()], changing: None })
    },
};

struct Adaptor {
    sides: [StreamBuffer; 2],
    /// The change that was asked for last.
    changing: Option<u8>,
}

impl StreamAdaptor for Adaptor {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Some(side) = self.sides.get_mut(direction.index()) else { return Progress::Done };
        let changing = &mut self.changing;
        let mut lost = false;
        for piece in bytes.chunks(MESSAGE_BYTES_MAX) {
            let fits = side.feed(piece, |unread| match Message::parse(unread) {
                Ok((message, length)) => {
                    tell(&message, changing, context);
                    Some(Consumed::exactly(length))
                }
                Err(error) => {
                    lost |= !error.is_truncated();
                    None
                }
            });
            if !fits || lost {
                return Progress::Done;
            }
        }
        Progress::Continue
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }
}

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let Ok((message, _)) = Message::parse(datagram) else { return Progress::Lost };
    tell(&message, &mut None, context);
    Progress::Continue
}

fn tell(message: &Message<'_>, changing: &mut Option<u8>, context: &mut Context<'_>) {
    match message {
        Message::Identity(identity) => tell_identity(identity, context),
        Message::Service(service) => tell_service(*service, changing, context),
        Message::Other(_) => {}
    }
}

fn tell_identity(identity: &Identity<'_>, context: &mut Context<'_>) {
    if !context.first_time(("identity", identity.vendor, identity.serial)) {
        return;
    }
    let mut told = introduction(Protocol::EthernetIp, "List Identity");
    told.device.manufacturer = vendor(identity.vendor).map(Label::new);
    told.device.model = Label::non_empty(identity.product);
    told.device.serial = Some(Label::new(&format!("{:08X}", identity.serial)));
    let [major, minor] = identity.revision;
    told.device.firmware = Some(Label::new(&format!("{major}.{minor}")));
    told.role = Some(Label::new("ethernet/ip adapter"));
    for (name, number) in [
        ("vendor identifier", identity.vendor),
        ("device type", identity.device_type),
        ("product code", identity.product_code),
    ] {
        attribute(&mut told, name, Some(Label::new(&number.to_string())));
    }
    context.tell(Fact::Identity(Box::new(told)));
}

/// Makers by the numbers that ODVA gave them; only those that are beyond doubt.
const fn vendor(number: u16) -> Option<&'static str> {
    Some(match number {
        1 | 5 => "Rockwell Automation",
        26 => "Festo",
        40 => "WAGO",
        47 => "OMRON",
        90 => "HMS Industrial Networks",
        108 => "Beckhoff",
        243 => "Schneider Electric",
        283 => "Hilscher",
        _ => return None,
    })
}

/// Services of CIP volume 1 appendix A-3, and those of Logix controllers (publication 1756-PM020).
fn operation(code: u8) -> (ControlOperation, &'static str) {
    match code {
        0x01 | 0x03 | 0x0e | 0x4c | 0x52 | 0x55 => (ControlOperation::Read, "read"),
        0x02 => (ControlOperation::Configure, "Set Attributes All"),
        0x04 => (ControlOperation::Write, "Set Attribute List"),
        0x05 => (ControlOperation::Restart, "Reset"),
        0x06 => (ControlOperation::Start, "Start"),
        0x07 => (ControlOperation::Stop, "Stop"),
        0x08 => (ControlOperation::Configure, "Create"),
        0x09 => (ControlOperation::Erase, "Delete"),
        0x10 => (ControlOperation::Write, "Set Attribute Single"),
        0x15 => (ControlOperation::Configure, "Restore"),
        0x4d => (ControlOperation::Write, "Write Tag"),
        0x4e => (ControlOperation::Write, "Read Modify Write Tag"),
        0x53 => (ControlOperation::Write, "Write Tag Fragmented"),
        _ => (ControlOperation::Read, "other"),
    }
}

fn tell_service(service: Service, changing: &mut Option<u8>, context: &mut Context<'_>) {
    let (operation, command) = operation(service.code);
    let accepted = service.answer.then_some(service.status == 0);
    if service.answer {
        // An answer to an unconnected send has the code of the letter within.
        if changing.take() != Some(service.code) {
            return;
        }
    } else if operation.changes() {
        *changing = Some(service.code);
    } else {
        if context.first_time("reads") {
            context.tell(Fact::Control(Box::new(control(operation, "read", None, None))));
        }
        return;
    }
    let object = service.class.map(|class| Label::new(&format!("class {class:#04x}")));
    context.tell(Fact::Control(Box::new(control(operation, command, object, accepted))));
}

fn control(
    operation: ControlOperation,
    command: &str,
    object: Option<Label>,
    accepted: Option<bool>,
) -> ControlFact {
    ControlFact {
        protocol: Protocol::EthernetIp,
        operation,
        command: Label::new(command),
        object,
        objects: 1,
        authenticated: false,
        accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    fn wrap(command: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = command.to_le_bytes().to_vec();
        bytes.extend((data.len() as u16).to_le_bytes());
        bytes.extend([7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
        bytes.extend(data);
        bytes
    }

    fn letter(cip: &[u8]) -> Vec<u8> {
        let mut data = vec![0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0, cip.len() as u8, 0];
        data.extend(cip);
        wrap(0x6f, &data)
    }

    #[test]
    fn a_reset_and_its_answer_are_told() {
        let asked = [wrap(0x65, &[1, 0, 0, 0]), letter(&[5, 2, 0x20, 1, 0x24, 1])].concat();
        let answer = letter(&[0x85, 0, 0, 0]);
        let pieces = [(Direction::Forward, &asked[..]), (Direction::Backward, &answer[..])];
        let (whole, _) = driver::stream(&STREAM, &pieces, usize::MAX);
        let [Fact::Control(request), Fact::Control(done)] = &whole[..] else { panic!("{whole:?}") };
        assert_eq!((request.operation, request.accepted), (ControlOperation::Restart, None));
        assert_eq!(done.accepted, Some(true));
        for size in [1, 9] {
            assert_eq!(driver::stream(&STREAM, &pieces, size).0, whole, "{size}");
        }
    }

    #[test]
    fn a_listed_device_is_told() {
        let mut item = vec![1, 0];
        item.extend([0; 16]);
        item.extend([1, 0, 14, 0, 54, 0, 20, 11, 0x30, 0, 0x78, 0x56, 0x34, 0x12, 4]);
        item.extend(b"L61X\x03");
        let mut data = vec![1, 0, 0x0c, 0, item.len() as u8, 0];
        data.extend(item);
        let facts = driver::datagram(&DATAGRAM, &wrap(0x63, &data));
        let [Fact::Identity(told)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(told.device.manufacturer, Some(Label::new("Rockwell Automation")));
        assert_eq!(told.device.serial, Some(Label::new("12345678")));
    }
}
