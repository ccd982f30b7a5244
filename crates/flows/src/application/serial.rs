//! What a serial line carries whose port a device server gives over the network: recognised by content like a stream of its
//! own. Who says something there is the device at the line; the station that sends it is only its gateway.

use wardline_model::fact::IdentitySubject;
use wardline_model::{Fact, Label, Observation, Protocol};
use wardline_wire::enterprise::telnet::{ComPort, Setting};
use wardline_wire::{Direction, Verdict};

use super::introduction::{attribute, introduction};
use super::{Context, Progress, Stream, StreamAdaptor, astm, hl7, phd, poct1a};

/// What is spoken over serial lines in hospitals.
const LINES: &[&Stream] = &[&astm::STREAM, &hl7::STREAM, &phd::STREAM, &poct1a::STREAM];

/// After how many bytes of a direction everybody is asked, so that it does not matter how they were cut; at the last
/// nobody is asked any more. Turns of both directions that are kept until then.
const ASKED_AT: [usize; 5] = [16, 32, 64, 128, 256];
const TURNS_MAX: usize = 32;

/// What is known of the line.
#[derive(Default)]
pub(super) struct Line {
    /// The side that has the port; unless it is told otherwise, the one that was called.
    gateway: Option<Direction>,
    state: State,
    /// By what the device at the line was named last.
    device: Option<Label>,
}

enum State {
    Opening { excluded: [bool; LINES.len()], pieces: Vec<(Direction, Vec<u8>)>, sides: [Vec<u8>; 2] },
    Read(Box<dyn StreamAdaptor>),
    Over,
}

impl Default for State {
    fn default() -> Self {
        Self::Opening { excluded: [false; LINES.len()], pieces: Vec::new(), sides: Default::default() }
    }
}

impl Line {
    /// Whether a serial port was seen, by its control or by what it carries.
    pub(super) const fn is_known(&self) -> bool {
        self.gateway.is_some() || matches!(self.state, State::Read(_))
    }

    /// A command of com port control travels in the direction of `context`.
    pub(super) fn control(&mut self, command: ComPort<'_>, context: &mut Context<'_>) {
        let says = context.direction;
        let gateway = if command.by_gateway { says } else { says.reverse() };
        self.gateway = Some(gateway);
        self.server("COM-PORT-OPTION", context);
        let Some(setting) = command.setting.filter(|_| command.by_gateway) else { return };
        let mut told = introduction(Protocol::SerialOverIp, "COM-PORT-OPTION");
        match setting {
            Setting::Signature(text) => told.description = Label::non_empty(text),
            Setting::BaudRate(0) | Setting::DataSize(0) | Setting::Parity(0) | Setting::StopSize(0) => return,
            Setting::BaudRate(rate) => number(&mut told, "baud rate", rate),
            Setting::DataSize(size) => number(&mut told, "data bits", u32::from(size)),
            Setting::Parity(kind) => {
                let name = ["none", "odd", "even", "mark", "space"].get(usize::from(kind) - 1);
                attribute(&mut told, "parity", name.map(|name| Label::new(name)));
            }
            Setting::StopSize(kind) => {
                let name = ["1", "2", "1.5"].get(usize::from(kind) - 1);
                attribute(&mut told, "stop bits", name.map(|name| Label::new(name)));
            }
        }
        let says_something = told.description.is_some() || !told.attributes.is_empty();
        if says_something && context.first_time(("serial", &told.description, &told.attributes)) {
            context.tell(Fact::Identity(Box::new(told)));
        }
    }

    /// The next bytes of the line.
    pub(super) fn data(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        let direction = context.direction;
        let State::Opening { excluded, pieces, sides } = &mut self.state else {
            self.read(direction, bytes, context);
            return;
        };
        let Some(side) = sides.get_mut(direction.index()) else { return };
        let full = pieces.len() >= TURNS_MAX;
        match pieces.last_mut() {
            Some((same, piece)) if *same == direction => piece.extend_from_slice(bytes),
            _ if full => {
                self.state = State::Over;
                return;
            }
            _ => pieces.push((direction, bytes.to_vec())),
        }
        let seen = side.len();
        let room = ASKED_AT.last().map_or(0, |last| last - seen.min(*last));
        side.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        let (mut found, mut over) = (None, false);
        for length in ASKED_AT.into_iter().filter(|length| (seen + 1..=side.len()).contains(length)) {
            let front = side.get(..length).unwrap_or_default();
            for (line, excluded) in LINES.iter().zip(excluded.iter_mut()).filter(|(_, excluded)| !**excluded)
            {
                match (line.probe)(direction, front) {
                    Verdict::Certain => found = found.or(Some(line)),
                    Verdict::Unsure => {}
                    Verdict::NotMine => *excluded = true,
                }
            }
            over = excluded.iter().all(|excluded| *excluded) || ASKED_AT.last() == Some(&length);
            if found.is_some() || over {
                break;
            }
        }
        if let Some(line) = found {
            let pieces = std::mem::take(pieces);
            self.state = State::Read((line.adaptor)());
            self.server("serial line", context);
            for (direction, piece) in pieces {
                context.direction = direction;
                self.read(direction, &piece, context);
            }
            context.direction = direction;
        } else if over {
            self.state = State::Over;
        }
    }

    /// `length` bytes of the conversation are missing.
    pub(super) fn gap(&mut self, direction: Direction, length: u64, context: &mut Context<'_>) {
        match &mut self.state {
            State::Read(adaptor) => {
                let before = context.out.len();
                if adaptor.gap(direction, length, context) != Progress::Continue {
                    self.state = State::Over;
                }
                self.behind(before, context);
            }
            // What comes behind a hole is asked about anew.
            State::Opening { pieces, sides, .. } => {
                pieces.clear();
                *sides = Default::default();
            }
            State::Over => {}
        }
    }

    /// The conversation ended.
    pub(super) fn end(&mut self, context: &mut Context<'_>) {
        let before = context.out.len();
        if let State::Read(adaptor) = &mut self.state {
            adaptor.end(context);
        }
        self.behind(before, context);
    }

    fn read(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) {
        let before = context.out.len();
        if let State::Read(adaptor) = &mut self.state
            && adaptor.data(direction, bytes, context) != Progress::Continue
        {
            self.state = State::Over;
        }
        self.behind(before, context);
    }

    /// Which side has the port, and that it has one, once.
    fn server(&mut self, field: &str, context: &mut Context<'_>) {
        context.labels.application = Some(Protocol::SerialOverIp);
        if context.first_time("serial device server") {
            let says = std::mem::replace(&mut context.direction, self.gateway.unwrap_or(Direction::Backward));
            let mut told = introduction(Protocol::SerialOverIp, field);
            told.role = Some(Label::new("serial device server"));
            context.tell(Fact::Identity(Box::new(told)));
            context.direction = says;
        }
    }

    /// What was told since as said by the gateway was said by the device at its line.
    fn behind(&mut self, since: usize, context: &mut Context<'_>) {
        let gateway = match self.gateway.unwrap_or(Direction::Backward) {
            Direction::Forward => context.initiator,
            Direction::Backward => context.responder,
        };
        for Observation { from, fact, .. } in context.out.iter_mut().skip(since) {
            if *from != gateway {
                continue;
            }
            match fact {
                Fact::Identity(told) if told.subject == IdentitySubject::Sender => {
                    told.subject = IdentitySubject::Behind;
                    let device = &told.device;
                    let name =
                        device.identifier.as_ref().or(device.serial.as_ref()).or(device.model.as_ref());
                    self.device = name.cloned().or_else(|| self.device.take());
                }
                Fact::Measurement(told) if told.device.is_none() => told.device.clone_from(&self.device),
                Fact::Alarm(told) if told.device.is_none() => told.device.clone_from(&self.device),
                Fact::Hl7(told) => told.behind = true,
                _ => {}
            }
        }
    }
}

fn number(told: &mut wardline_model::fact::IdentityFact, name: &str, value: u32) {
    attribute(told, name, Some(Label::new(&value.to_string())));
}

#[cfg(test)]
mod tests {
    use super::super::{driver, telnet};
    use super::*;
    use Direction::{Backward, Forward};

    /// An invented meter speaks LIS01 over the serial port of a server of pyserial 3.5 (PyPI), whose client takes the
    /// results: RFC 2217, recorded on loopback.
    const PYSERIAL: &[(Direction, &[u8])] = &[
        (Forward, b"\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03\xff\xfd,\xff\xfb,"),
        (Backward, b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x00\xff\xfb,"),
        (Forward, b"\xff\xfb\x00"),
        (Backward, b"\xff\xfd\x03\xff\xfa,k\xff\xff\xff\xf0\xff\xfd,\xff\xfa,k\xf0\xff\xf0"),
        (Forward, b"\xff\xfa,\x01\x00\x00%\x80\xff\xf0"),
        (Backward, b"\xff\xfa,e\x00\x00%\x80\xff\xf0"),
        (Forward, b"\xff\xfa,\x02\x08\xff\xf0"),
        (Backward, b"\xff\xfa,f\x08\xff\xf0"),
        (Forward, b"\xff\xfa,\x03\x01\xff\xf0"),
        (Backward, b"\xff\xfa,g\x01\xff\xf0"),
        (Forward, b"\xff\xfa,\x04\x01\xff\xf0"),
        (Backward, b"\xff\xfa,h\x01\xff\xf0"),
        (Forward, b"\xff\xfa,\x05\x01\xff\xf0"),
        (Backward, b"\xff\xfa,i\x01\xff\xf0"),
        (Forward, b"\xff\xfa,\x05\x08\xff\xf0"),
        (Backward, b"\xff\xfa,i\x08\xff\xf0"),
        (Forward, b"\xff\xfa,\x05\x0b\xff\xf0"),
        (Backward, b"\xff\xfa,i\x0b\xff\xf0"),
        (Forward, b"\xff\xfa,\x0c\x01\xff\xf0"),
        (Backward, b"\xff\xfa,p\x01\xff\xf0"),
        (Forward, b"\xff\xfa,\x0c\x02\xff\xf0"),
        (Backward, b"\xff\xfa,p\x02\xff\xf0\x05"),
        (Forward, b"\x06"),
        (Backward, b"\x021H|\\^&|||BG-1^2.3^SN004711|||||||P|1|20260302060000\r\x03EF\r\n"),
        (Forward, b"\x06"),
        (Backward, b"\x022P|1||0047|||Muster^Eva\r\x0370\r\n"),
        (Forward, b"\x06"),
        (Backward, b"\x023O|1|S1\r\x033F\r\n"),
        (Forward, b"\x06"),
        (Backward, b"\x024R|1|2339-0|5.5|mmol/L\r\x03AD\r\n"),
        (Forward, b"\x06"),
        (Backward, b"\x025L|1|N\r\x0308\r\n"),
        (Forward, b"\x06"),
        (Backward, b"\x04"),
    ];

    fn facts(pieces: &[(Direction, &[u8])], size: usize) -> Vec<Fact> {
        driver::stream(&telnet::STREAM, pieces, size).0
    }

    fn identities(facts: &[Fact]) -> Vec<&wardline_model::fact::IdentityFact> {
        facts
            .iter()
            .filter_map(|fact| if let Fact::Identity(told) = fact { Some(&**told) } else { None })
            .collect()
    }

    #[test]
    fn a_meter_at_a_port_of_pyserial_is_behind_its_gateway() {
        let facts = facts(PYSERIAL, usize::MAX);
        let told = identities(&facts);
        assert_eq!(told[0].role, Some(Label::new("serial device server")));
        assert_eq!((told[0].protocol, told[0].subject), (Protocol::SerialOverIp, IdentitySubject::Sender));
        let settings: Vec<_> = told
            .iter()
            .flat_map(|told| told.attributes.iter())
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        for setting in [("baud rate", "9600"), ("data bits", "8"), ("parity", "none"), ("stop bits", "1")] {
            assert!(settings.contains(&setting), "{setting:?} is not in {settings:?}");
        }
        let meter = told.iter().find(|told| told.protocol == Protocol::Astm).unwrap();
        assert_eq!(meter.subject, IdentitySubject::Behind);
        assert_eq!(meter.device.serial, Some(Label::new("SN004711")));
        let value =
            facts.iter().find_map(|fact| if let Fact::Measurement(told) = fact { Some(told) } else { None });
        assert_eq!(value.unwrap().value, 5.5);
        assert!(!format!("{facts:?}").contains("Muster"));
    }

    #[test]
    fn it_is_the_same_byte_by_byte() {
        assert_eq!(facts(PYSERIAL, 1), facts(PYSERIAL, usize::MAX));
    }

    #[test]
    fn a_terminal_server_without_port_control_is_a_gateway_as_well() {
        let pieces = [
            (Backward, &b"\xff\xfb\x01\xff\xfb\x03"[..]),
            (Forward, b"\xff\xfd\x01"),
            (Backward, b"H|\\^&|||BG-1^2.3^SN004711\rP|1\rO|1|S\rR|1|^^^GLU|5.5|mmol/L\rL|1|N\r"),
        ];
        let facts = facts(&pieces, usize::MAX);
        let told = identities(&facts);
        assert_eq!(told[0].role, Some(Label::new("serial device server")));
        assert_eq!((told[1].protocol, told[1].subject), (Protocol::Astm, IdentitySubject::Behind));
    }

    /// Its front is that of HL7, and what follows is not: whoever sees the front alone must not say so.
    #[test]
    fn a_front_that_deceives_tells_the_same_however_it_is_cut() {
        let pieces = [(Forward, &b"\x0bMSH|^~\\.<A|B|C|D|20260101||ORU^R01|1|P|2.5\rPID|||1\r\x1c\r"[..])];
        assert_eq!(facts(&pieces, 1), facts(&pieces, usize::MAX));
    }

    #[test]
    fn a_log_in_is_no_serial_line() {
        let pieces =
            [(Backward, &b"\xff\xfd\x18login: "[..]), (Forward, b"root\r\n"), (Backward, b"Password: ")];
        assert!(identities(&facts(&pieces, usize::MAX)).is_empty());
    }
}
