//! S7 communication: who the controller says it is, and who writes, stops and programs it.

use wardline_model::fact::{ControlFact, ControlOperation, DeviceIdentity, IdentityFact, IdentitySubject};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::building::s7::{Kind, Message, SystemState, packet_length};
use wardline_wire::enterprise::recognition::probe_s7;
use wardline_wire::{Consumed, Direction, StreamBuffer};

use super::{Context, Progress, Stream, StreamAdaptor};

/// Longest TPKT, bytes.
const UNREAD_BYTES_MAX: usize = 64 * 1024;

pub(super) const STREAM: Stream = Stream {
    protocol: Protocol::S7,
    ports: &[102],
    probe: |_, opening| probe_s7(opening),
    adaptor: || {
        let buffer = || StreamBuffer::new(UNREAD_BYTES_MAX);
        Box::new(S7 { sides: [buffer(), buffer()], read: false })
    },
};

struct S7 {
    sides: [StreamBuffer; 2],
    /// Reading is told once: it is repeated all day.
    read: bool,
}

impl StreamAdaptor for S7 {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let Self { sides, read } = self;
        let Some(side) = sides.get_mut(direction.index()) else { return Progress::Done };
        let mut lost = false;
        let fits = side.feed(bytes, |unread| {
            let Ok(length) = packet_length(unread)? else {
                lost = true;
                return Some(Consumed::exactly(unread.len()));
            };
            if let Ok(Some(message)) = Message::parse(unread.get(..length)?) {
                identity(&message, context);
                control(&message, read, context);
            }
            Some(Consumed::exactly(length))
        });
        if lost || !fits { Progress::Done } else { Progress::Continue }
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        self.sides.get_mut(direction.index()).into_iter().for_each(StreamBuffer::clear);
        Progress::Continue
    }
}

fn identity(message: &Message<'_>, context: &mut Context<'_>) {
    let mut device =
        DeviceIdentity { field: Label::new("S7 system state list"), ..DeviceIdentity::default() };
    let (mut name, mut attributes, mut found) = (None, Vec::new(), false);
    for state in message.system_state() {
        found = true;
        let mut further = |name: &str, value| {
            attributes.extend(Label::non_empty(value).map(|value| (Label::new(name), value)))
        };
        match state {
            SystemState::OrderNumber(value) => {
                further("order number", value);
                device.model = device.model.or_else(|| Label::non_empty(value));
            }
            SystemState::Hardware(value) => further("basic hardware", value),
            SystemState::Firmware(major, minor, patch) => {
                device.firmware = Some(Label::new(&format!("{major}.{minor}.{patch}")));
            }
            SystemState::SystemName(value) => name = Label::non_empty(value),
            SystemState::ModuleName(value) => further("module name", value),
            SystemState::Plant(value) => further("plant", value),
            SystemState::SerialNumber(value) => device.serial = Label::non_empty(value),
            SystemState::ModuleType(value) => device.model = Label::non_empty(value),
            SystemState::Location(value) => further("location", value),
        }
    }
    if !found {
        return;
    }
    // Other makers speak the protocol too, but only Siemens numbers its orders so.
    if attributes.iter().any(|(_, value): &(Label, Label)| {
        value.as_str().starts_with("6ES7") || value.as_str().starts_with("6GK")
    }) {
        device.manufacturer = Some(Label::new("Siemens"));
    }
    context.tell(Fact::Identity(Box::new(IdentityFact {
        protocol: Protocol::S7,
        subject: IdentitySubject::Sender,
        device,
        name,
        description: None,
        role: Some(Label::new("s7 server")),
        attributes: attributes.into_iter().collect(),
    })));
}

fn control(message: &Message<'_>, read: &mut bool, context: &mut Context<'_>) {
    use ControlOperation::{Configure, Erase, Invoke, Program, Read, Start, Stop, Write};
    let (operation, command) = match (message.kind, message.function) {
        (Kind::Job, Some(4)) => (Read, "Read Var"),
        (Kind::Job | Kind::Answer(_), Some(5)) => (Write, "Write Var"),
        (Kind::Job | Kind::Answer(_), Some(0x1a)) => (Program, "Request Download"),
        (Kind::Job, Some(0x1d)) => (Program, "Start Upload"),
        (Kind::Job, Some(0x28)) if message.service() == Some(b"P_PROGRAM") => (Start, "PI Service P_PROGRAM"),
        (Kind::Job, Some(0x28)) if message.service() == Some(b"_INSE") => (Program, "PI Service _INSE"),
        (Kind::Job, Some(0x28)) if message.service() == Some(b"_DELE") => (Erase, "PI Service _DELE"),
        (Kind::Job, Some(0x28)) => (Invoke, "PI Service"),
        (Kind::Job | Kind::Answer(_), Some(0x29)) => (Stop, "PLC Stop"),
        // Group 7 is the clock; its function 2 sets it.
        (Kind::SystemRequest(7, 2), _) => (Configure, "Set Clock"),
        _ => return,
    };
    if operation == Read && std::mem::replace(read, true) {
        return;
    }
    context.tell(Fact::Control(Box::new(ControlFact {
        protocol: Protocol::S7,
        operation,
        command: Label::new(command),
        object: None,
        objects: message.items().map_or(1, u32::from),
        authenticated: false,
        accepted: match message.kind {
            Kind::Answer(class) => Some(class == 0),
            _ => None,
        },
    })));
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_stop_is_a_command() {
        let mut stop =
            vec![3, 0, 0, 33, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 1, 0, 16, 0, 0, 0x29, 0, 0, 0, 0, 0, 9];
        stop.extend(b"P_PROGRAM");
        let done = [3, 0, 0, 20, 2, 0xf0, 0x80, 0x32, 3, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0x29];
        for size in [1, 6, 100] {
            let pieces = [(Direction::Forward, &stop[..]), (Direction::Backward, &done)];
            let (facts, _) = driver::stream(&STREAM, &pieces, size);
            let told: Vec<_> = facts
                .iter()
                .map(|fact| match fact {
                    Fact::Control(control) => (control.operation, control.accepted),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(told, [(ControlOperation::Stop, None), (ControlOperation::Stop, Some(true))]);
        }
    }
}
