//! A terminal session until somebody is logged in.

use crate::{Direction, Sensitive, Verdict};

/// Interpret as command.
const IAC: u8 = 0xff;
/// Begin and end of a subnegotiation.
const SB: u8 = 0xfa;
const SE: u8 = 0xf0;

/// Com port control, RFC 2217.
const COM_PORT: u8 = 44;
/// Longest subnegotiation kept, bytes: a signature is a line of text.
const SUBNEGOTIATION_BYTES_MAX: usize = 128;

/// Longest line kept, bytes; what is longer is cut, since a prompt or a name never is.
const LINE_BYTES_MAX: usize = 256;

/// What the session shows.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// The first line of text that the server shows.
    Banner(&'a [u8]),
    /// What was typed at a prompt for a name.
    Account(Sensitive<&'a [u8]>),
    /// What was typed at a prompt for a password.
    Password(Sensitive<&'a [u8]>),
    /// The server refused.
    Refused,
    /// One side controls, or tells of, a serial port behind the server.
    ComPort(ComPort<'a>),
    /// The next text of the direction, without commands: what a serial line carries, if there is one.
    Text(&'a [u8]),
}

/// A command of com port control, RFC 2217 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComPort<'a> {
    /// The side that has the port says it; otherwise the side that uses it.
    pub by_gateway: bool,
    /// What is told of the port.
    pub setting: Option<Setting<'a>>,
}

/// What is told of a serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<'a> {
    /// What the sender is, in its own words.
    Signature(&'a [u8]),
    /// Bits per second; 0 asks.
    BaudRate(u32),
    /// Bits of a character; 0 asks.
    DataSize(u8),
    /// 1 none, 2 odd, 3 even, 4 mark, 5 space; 0 asks.
    Parity(u8),
    /// 1 one, 2 two, 3 one and a half; 0 asks.
    StopSize(u8),
}

impl<'a> ComPort<'a> {
    /// Reads a subnegotiation behind its option. Commands of the side that has the port begin at 100.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (command, value) = bytes.split_first()?;
        let by_gateway = *command >= 100;
        let setting = match (command % 100, value) {
            (0, text) if !text.is_empty() => Some(Setting::Signature(text)),
            (1, [a, b, c, d]) => Some(Setting::BaudRate(u32::from_be_bytes([*a, *b, *c, *d]))),
            (2, [size]) => Some(Setting::DataSize(*size)),
            (3, [parity]) => Some(Setting::Parity(*parity)),
            (4, [size]) => Some(Setting::StopSize(*size)),
            (0..=12, _) => None,
            _ => return None,
        };
        Some(Self { by_gateway, setting })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Account,
    Password,
}

/// State of the option negotiation within one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Command {
    #[default]
    Text,
    Iac,
    Option,
    Subnegotiation,
    SubnegotiationIac,
}

#[derive(Clone, Debug, Default)]
struct Side {
    command: Command,
    line: Vec<u8>,
    subnegotiation: Vec<u8>,
}

/// What a byte was.
enum Read {
    Text(u8),
    /// The end of a subnegotiation.
    Negotiated,
    Command,
}

/// A Telnet session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    client: Side,
    server: Side,
    asked: Asked,
    banner_told: bool,
}

impl Session {
    /// Feeds the next bytes of one direction; `tell` gets what they show.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Event<'_>)) {
        // What stands before an event is told before it, however the stream is cut.
        let mut text = Vec::new();
        for byte in bytes {
            let side = match direction {
                Direction::Forward => &mut self.client,
                Direction::Backward => &mut self.server,
            };
            let read = side.read(*byte);
            let mut tell = |event: Event<'_>| {
                if !text.is_empty() {
                    tell(Event::Text(&text));
                    text.clear();
                }
                tell(event);
            };
            match read {
                Read::Command => {}
                Read::Negotiated => {
                    let bytes = std::mem::take(&mut side.subnegotiation);
                    if let Some((&COM_PORT, rest)) = bytes.split_first()
                        && let Some(command) = ComPort::parse(rest)
                    {
                        tell(Event::ComPort(command));
                    }
                }
                Read::Text(byte) => match direction {
                    Direction::Forward => self.typed(byte, &mut tell),
                    Direction::Backward => self.shown(byte, &mut tell),
                },
            }
            if let Read::Text(byte) = read {
                text.push(byte);
            }
        }
        if !text.is_empty() {
            tell(Event::Text(&text));
        }
    }

    /// Forgets unfinished lines: bytes are missing.
    pub fn gap(&mut self) {
        self.client = Side::default();
        self.server = Side::default();
        self.asked = Asked::Nothing;
    }

    fn typed(&mut self, byte: u8, tell: &mut impl FnMut(Event<'_>)) {
        match byte {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.client.line);
                if !line.is_empty() {
                    let typed = Sensitive::new(line.as_slice());
                    match std::mem::take(&mut self.asked) {
                        Asked::Account => tell(Event::Account(typed)),
                        Asked::Password => tell(Event::Password(typed)),
                        Asked::Nothing => {}
                    }
                }
            }
            0x08 | 0x7f => {
                self.client.line.pop();
            }
            0 => {}
            _ => self.client.push(byte),
        }
    }

    fn shown(&mut self, byte: u8, tell: &mut impl FnMut(Event<'_>)) {
        match byte {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.server.line);
                let text = line.trim_ascii();
                if !self.banner_told && text.len() > 2 {
                    self.banner_told = true;
                    tell(Event::Banner(text));
                }
                if ends_with_any(text, &[b"incorrect", b"denied", b"failed", b"invalid"]) {
                    tell(Event::Refused);
                }
            }
            0 => {}
            _ => {
                self.server.push(byte);
                self.prompt();
            }
        }
    }

    /// A prompt stands at the end of an unfinished line.
    fn prompt(&mut self) {
        let line = self.server.line.trim_ascii_end();
        if !line.ends_with(b":") {
            return;
        }
        let words = line.strip_suffix(b":").unwrap_or(line);
        if ends_with_any(words, &[b"password", b"passwort", b"mot de passe", b"passcode"]) {
            self.asked = Asked::Password;
        } else if ends_with_any(
            words,
            &[b"login", b"username", b"user name", b"user", b"account", b"benutzer"],
        ) {
            self.asked = Asked::Account;
        }
    }
}

impl Side {
    /// Tells text from commands.
    fn read(&mut self, byte: u8) -> Read {
        let (next, read) = match (self.command, byte) {
            (Command::Text, IAC) => (Command::Iac, Read::Command),
            (Command::Text, _) => (Command::Text, Read::Text(byte)),
            (Command::Iac, IAC) => (Command::Text, Read::Text(IAC)),
            (Command::Iac, SB) => {
                self.subnegotiation.clear();
                (Command::Subnegotiation, Read::Command)
            }
            (Command::Iac, 0xfb..=0xfe) => (Command::Option, Read::Command),
            (Command::Iac | Command::Option, _) => (Command::Text, Read::Command),
            (Command::Subnegotiation, IAC) => (Command::SubnegotiationIac, Read::Command),
            (Command::SubnegotiationIac, SE) => (Command::Text, Read::Negotiated),
            (Command::Subnegotiation | Command::SubnegotiationIac, _) => {
                if self.subnegotiation.len() < SUBNEGOTIATION_BYTES_MAX {
                    self.subnegotiation.push(byte);
                }
                (Command::Subnegotiation, Read::Command)
            }
        };
        self.command = next;
        read
    }

    fn push(&mut self, byte: u8) {
        if self.line.len() >= LINE_BYTES_MAX {
            self.line.clear();
        }
        self.line.push(byte);
    }
}

fn ends_with_any(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| {
        let start = text.len().checked_sub(word.len());
        start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
    })
}

/// Whether the opening bytes of one direction are of a Telnet session.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    match bytes {
        [IAC, 0xfb..=0xfe, 0..=50, ..] | [IAC, SB, 0..=50, ..] => Verdict::Certain,
        [] | [IAC] | [IAC, 0xfa..=0xfe] => Verdict::Unsure,
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(pieces: &[(Direction, &[u8])]) -> Vec<String> {
        let mut session = Session::default();
        let mut told = Vec::new();
        for (direction, bytes) in pieces {
            session.feed(*direction, bytes, |event| {
                told.push(match event {
                    Event::Banner(text) => format!("banner {}", String::from_utf8_lossy(text)),
                    Event::Account(text) => format!("account {}", String::from_utf8_lossy(text.expose())),
                    Event::Password(text) => format!("password {}", String::from_utf8_lossy(text.expose())),
                    Event::Refused => "refused".to_owned(),
                    Event::ComPort(command) => format!("{command:?}"),
                    // Its pieces are those of the stream.
                    Event::Text(_) => return,
                });
            });
        }
        told
    }

    #[test]
    fn reads_a_log_in_typed_key_by_key() {
        use Direction::{Backward, Forward};
        let events = told(&[
            (Backward, b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0Example OS 1\r\n\r\nbed7 login: "),
            (Forward, b"\xff\xfb\x18ro"),
            (Backward, b"ro"),
            (Forward, b"ox\x08t\r\0"),
            (Backward, b"ot\r\nPassword: "),
            (Forward, b"12345\r\n"),
            (Backward, b"\r\nLogin incorrect\r\n"),
        ]);
        assert_eq!(events, ["banner Example OS 1", "account root", "password 12345", "refused"]);
    }

    /// RFC 2217 section 3: a client asks for the signature and sets 9600 bit/s, the server answers. A byte 255 is sent twice.
    #[test]
    fn com_port_control_tells_of_a_port_behind_the_server() {
        use Direction::{Backward, Forward};
        let events = told(&[
            (Forward, b"\xff\xfb\x2c\xff\xfa\x2c\x00\xff\xf0\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0"),
            (
                Backward,
                b"\xff\xfd\x2c\xff\xfa\x2c\x64ser2net\xff\xf0\xff\xfa\x2c\x65\x00\xff\xff\x00\x01\xff\xf0",
            ),
            (Backward, b"\xff\xfa\x2c\x6b\xff\xff\xff\xf0\xff\xfa\x18\x00vt100\xff\xf0"),
        ]);
        let expected = [
            ComPort { by_gateway: false, setting: None },
            ComPort { by_gateway: false, setting: Some(Setting::BaudRate(9_600)) },
            ComPort { by_gateway: true, setting: Some(Setting::Signature(b"ser2net")) },
            ComPort { by_gateway: true, setting: Some(Setting::BaudRate(0x00ff_0001)) },
            ComPort { by_gateway: true, setting: None },
        ];
        assert_eq!(events, expected.map(|command| format!("{command:?}")));
    }

    #[test]
    fn text_is_told_without_commands_in_the_order_of_the_events() {
        let mut session = Session::default();
        let mut told = Vec::new();
        session.feed(Direction::Backward, b"a\xff\xff\xff\xfb\x01b\xff\xfa\x2c\x66\x08\xff\xf0c", |event| {
            match event {
                Event::Text(text) => told.push(text.to_vec()),
                Event::ComPort(_) => told.push(b"port".to_vec()),
                _ => {}
            }
        });
        assert_eq!(told, [&b"a\xffb"[..], b"port", b"c"]);
    }

    #[test]
    fn is_recognised_by_negotiation_only() {
        assert_eq!(probe(Direction::Backward, b"\xff\xfd\x18"), Verdict::Certain);
        assert_eq!(probe(Direction::Backward, b"\xff"), Verdict::Unsure);
        assert_eq!(probe(Direction::Backward, b"login: "), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_events_however_cut(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let (one, two) = bytes.split_at(cut.min(bytes.len()));
            let prompt: (Direction, &[u8]) = (Direction::Backward, b"login: ");
            let whole = told(&[prompt, (Direction::Forward, &bytes)]);
            let cut = told(&[prompt, (Direction::Forward, one), (Direction::Forward, two)]);
            prop_assert_eq!(whole, cut);
        }
    }
}
