//! Modbus over TCP: who reads and writes registers, and who the device says it is.

use wardline_model::fact::{ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Bounded, Fact, Label, Protocol};
use wardline_wire::building::modbus::{Message, ObjectKind, frame_length};
use wardline_wire::enterprise::recognition::probe_modbus;
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::{Context, Progress, Stream, StreamAdaptor};

/// Many messages may come in one piece.
const UNREAD_BYTES_MAX: usize = 64 * 1024;

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::Modbus,
    ports: &[502],
    probe: |_, opening| probe_modbus(opening),
    adaptor: || Box::new(Modbus::new()),
};

struct Modbus {
    sides: [StreamBuffer; 2],
    /// Which way questions go, once it is certain.
    questions: Option<Direction>,
    /// Functions that only read are told once: they are repeated all day.
    read: u128,
}

impl Modbus {
    const fn new() -> Self {
        let buffer = StreamBuffer::new(UNREAD_BYTES_MAX);
        Self { sides: [buffer, StreamBuffer::new(UNREAD_BYTES_MAX)], questions: None, read: 0 }
    }
}

fn message(
    message: &Message<'_>,
    questions: &mut Option<Direction>,
    read: &mut u128,
    context: &mut Context<'_>,
) {
    if questions.is_none() {
        let direction = context.direction;
        *questions = message.is_request().map(|asks| if asks { direction } else { direction.reverse() });
    }
    let asks = questions.unwrap_or(Direction::Forward) == context.direction;
    let operation = operation(message);
    if !asks {
        identity(message, context);
    }
    if !operation.changes() {
        let bit = 1 << message.function;
        if message.exception.is_none() && (!asks || *read & bit != 0) {
            return;
        }
        *read |= if asks { bit } else { 0 };
    }
    let (start, objects) = message.range().unzip();
    let kind = match message.function {
        1 | 5 | 15 => "coil",
        2 => "discrete input",
        4 => "input register",
        _ => "holding register",
    };
    let object = start.map(|start| format!("unit {} {kind} {start}", message.unit));
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::Modbus,
        operation,
        command: Label::new(message.name()),
        object: object.as_deref().map(Label::new),
        objects: objects.map_or(1, u32::from),
        authenticated: false,
        accepted: (!asks).then_some(message.exception.is_none()),
    })));
}

fn operation(message: &Message<'_>) -> ControlOperation {
    match message.function {
        5 | 6 | 15 | 16 | 21..=23 => ControlOperation::Write,
        // Restart Communications Option, Force Listen Only Mode; the others count and clear.
        8 => match message.diagnostic() {
            Some(1) => ControlOperation::Restart,
            Some(4) => ControlOperation::Stop,
            _ => ControlOperation::Read,
        },
        90 => ControlOperation::Program,
        1..=4 | 7 | 11 | 12 | 17 | 20 | 24 | 43 => ControlOperation::Read,
        _ => ControlOperation::Invoke,
    }
}

fn identity(message: &Message<'_>, context: &mut Context<'_>) {
    let mut device =
        DeviceIdentity { field: Label::new("modbus.object_str_value"), ..DeviceIdentity::default() };
    let mut attributes = Bounded::new();
    let mut name = None;
    for (kind, value) in message.device_identification() {
        let value = Label::non_empty(value);
        match kind {
            ObjectKind::VendorName => device.manufacturer = value,
            // The name is that of the product; some devices fill only the code, or the name of the model.
            ObjectKind::ModelName => device.model = value.or(device.model),
            ObjectKind::ProductName => device.model = device.model.or(value),
            ObjectKind::ProductCode => device.identifier = value,
            ObjectKind::MajorMinorRevision => device.firmware = value,
            ObjectKind::VendorUrl => {
                value.into_iter().for_each(|value| attributes.push((Label::new("vendor url"), value)));
            }
            ObjectKind::UserApplicationName => name = value,
        }
    }
    device.model = device.model.or_else(|| device.identifier.clone());
    let server_id = message.server_id().and_then(|bytes| {
        let text = bytes.get(1..).unwrap_or_default();
        let text = text.strip_suffix(&[0xff]).or_else(|| text.strip_suffix(&[0])).unwrap_or(text);
        let printable = text.len() > 3 && text.iter().all(|byte| matches!(byte, 0x20..=0x7e));
        Label::non_empty(text).filter(|_| printable)
    });
    if device.manufacturer.is_none() && device.model.is_none() && server_id.is_none() {
        return;
    }
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::Modbus,
        // Units 1 to 247 may be on a serial line behind a gateway, but most devices answer to any number.
        subject: IdentitySubject::Sender,
        device,
        name,
        description: server_id,
        role: Some(Label::new("modbus server")),
        attributes,
    })));
}

impl StreamAdaptor for Modbus {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { sides, questions, read } = self;
        let Some(side) = sides.get_mut(direction.index()) else { return Progress::Done };
        let mut lost = false;
        let fits = side.feed(bytes, |unread| {
            let length = match frame_length(unread)? {
                Ok(length) => length,
                Err(_) => {
                    lost = true;
                    return Some(Consumed::exactly(unread.len()));
                }
            };
            let whole = unread.get(..length)?;
            if let Ok(parsed) = Message::parse(whole) {
                message(&parsed, questions, read, context);
            }
            Some(Consumed::exactly(length))
        });
        if lost || !fits { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        // Segments mostly begin with a message; where one does not, the header says so.
        self.sides.get_mut(direction.index()).into_iter().for_each(StreamBuffer::clear);
        Progress::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn writes_are_told_each_time_and_reads_once() {
        let read: &[u8] = &[0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 10];
        let write: &[u8] = &[0, 2, 0, 0, 0, 9, 1, 16, 0, 16, 0, 1, 2, 0, 7];
        let refused: &[u8] = &[0, 2, 0, 0, 0, 3, 1, 0x90, 2];
        let pieces = [
            (Direction::Forward, read),
            (Direction::Forward, read),
            (Direction::Forward, write),
            (Direction::Backward, refused),
        ];
        for size in [1, 7, 300] {
            let (facts, _) = driver::stream(&STREAM, &pieces, size);
            let told: Vec<_> = facts
                .iter()
                .map(|fact| match fact {
                    Fact::Control(control) => (control.operation, control.accepted),
                    other => panic!("{other:?}"),
                })
                .collect();
            let expected = [
                (ControlOperation::Read, None),
                (ControlOperation::Write, None),
                (ControlOperation::Write, Some(false)),
            ];
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_device_introduces_itself() {
        let mut answer = vec![0, 1, 0, 0, 0, 0, 1, 43, 14, 1, 1, 0, 0, 2, 0, 4];
        answer.extend(b"Acme\x05\x05AHU-7");
        answer[5] = u8::try_from(answer.len() - 6).unwrap();
        let (facts, _) = driver::stream(&STREAM, &[(Direction::Backward, &answer)], 5);
        let Some(Fact::Identity(told)) = facts.first() else { panic!("{facts:?}") };
        assert_eq!(told.device.manufacturer, Some(Label::new("Acme")));
        assert_eq!(told.device.model, Some(Label::new("AHU-7")));
    }
}
