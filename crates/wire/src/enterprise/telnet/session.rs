//! A terminal session until somebody is logged in.

use crate::{Direction, Sensitive, Verdict};

/// Interpret as command.
const IAC: u8 = 0xff;
/// Begin and end of a subnegotiation.
const SB: u8 = 0xfa;
const SE: u8 = 0xf0;

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
        for byte in bytes {
            match direction {
                Direction::Forward => {
                    if let Some(text) = self.client.text(*byte) {
                        self.typed(text, &mut tell);
                    }
                }
                Direction::Backward => {
                    if let Some(text) = self.server.text(*byte) {
                        self.shown(text, &mut tell);
                    }
                }
            }
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
    /// The byte, if it is text rather than part of a command.
    fn text(&mut self, byte: u8) -> Option<u8> {
        let (next, text) = match (self.command, byte) {
            (Command::Text, IAC) => (Command::Iac, None),
            (Command::Text, _) => (Command::Text, Some(byte)),
            (Command::Iac, IAC) => (Command::Text, Some(IAC)),
            (Command::Iac, SB) => (Command::Subnegotiation, None),
            (Command::Iac, 0xfb..=0xfe) => (Command::Option, None),
            (Command::Iac | Command::Option, _) => (Command::Text, None),
            (Command::Subnegotiation, IAC) => (Command::SubnegotiationIac, None),
            (Command::SubnegotiationIac, SE) => (Command::Text, None),
            (Command::Subnegotiation | Command::SubnegotiationIac, _) => (Command::Subnegotiation, None),
        };
        self.command = next;
        text
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
