//! A line of the control connection.

use crate::line::{is_text, split_line};
use crate::{Direction, Sensitive, Verdict};

/// A command or a reply.
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// Client to server.
    Command {
        /// Verb as sent, letters only.
        verb: &'a [u8],
        /// Rest of the line: names, passwords, paths.
        argument: Sensitive<&'a [u8]>,
    },
    /// Server to client.
    Reply {
        /// Reply code, 100 to 659.
        code: u16,
        /// More lines of the same reply follow.
        continues: bool,
        /// Text for people.
        text: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Reads a line without its end. `None` for text inside a reply of several lines, and for anything else.
    pub fn parse(direction: Direction, line: &'a [u8]) -> Option<Self> {
        match direction {
            Direction::Forward => Self::command(line),
            Direction::Backward => Self::reply(line),
        }
    }

    fn command(line: &'a [u8]) -> Option<Self> {
        let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (verb, argument) = line.split_at_checked(end)?;
        let plausible = (3..=4).contains(&verb.len()) && verb.iter().all(u8::is_ascii_alphabetic);
        plausible.then(|| Self::Command { verb, argument: Sensitive::new(argument.trim_ascii()) })
    }

    fn reply(line: &'a [u8]) -> Option<Self> {
        let (digits, rest) = line.split_first_chunk::<3>()?;
        let [hundreds @ b'1'..=b'6', tens @ b'0'..=b'5', ones @ b'0'..=b'9'] = *digits else { return None };
        let (separator, text) = rest.split_first().unwrap_or((&b' ', &[]));
        if !matches!(separator, b' ' | b'-') {
            return None;
        }
        let digit = |byte: u8| u16::from(byte - b'0');
        let code = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
        Some(Self::Reply { code, continues: *separator == b'-', text })
    }
}

/// Whether the opening bytes of one direction are of an FTP control connection.
pub fn probe(direction: Direction, bytes: &[u8]) -> Verdict {
    let opening = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    if opening.is_empty() {
        return Verdict::Unsure;
    }
    if !is_text(opening) {
        return Verdict::NotMine;
    }
    match direction {
        Direction::Forward => {
            let starts = |verb: &[u8]| {
                opening.len() >= verb.len()
                    && opening.get(..verb.len()).is_some_and(|word| word.eq_ignore_ascii_case(verb))
            };
            if starts(b"USER ") {
                Verdict::Certain
            } else if starts(b"AUTH TLS")
                || starts(b"AUTH SSL")
                || starts(b"FEAT\r\n")
                || starts(b"SYST\r\n")
                || opening.len() < 5
            {
                Verdict::Unsure
            } else {
                Verdict::NotMine
            }
        }
        Direction::Backward => {
            if !opening.starts_with(b"220") {
                return if opening.len() < 3 && b"220".starts_with(opening) {
                    Verdict::Unsure
                } else {
                    Verdict::NotMine
                };
            }
            let names_ftp = opening.windows(3).any(|word| word.eq_ignore_ascii_case(b"ftp"));
            let names_mail = opening.windows(4).any(|word| word.eq_ignore_ascii_case(b"smtp"));
            match (names_ftp, names_mail, split_line(opening)) {
                (true, false, _) => Verdict::Certain,
                (false, true, _) => Verdict::NotMine,
                _ => Verdict::Unsure,
            }
        }
    }
}
