//! Both directions of a control connection, line by line.

use super::Message;
use crate::line::split_line;
use crate::{Consumed, Direction, StreamBuffer};

/// Longest line kept, bytes; a longer one ends the reading of its direction.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// A control connection.
#[derive(Clone, Debug)]
pub struct Session {
    directions: [StreamBuffer; 2],
}

impl Default for Session {
    fn default() -> Self {
        Self { directions: [StreamBuffer::new(LINE_BYTES_MAX), StreamBuffer::new(LINE_BYTES_MAX)] }
    }
}

impl Session {
    /// Feeds the next bytes of one direction; `tell` gets every message. False when a line is too long.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Message<'_>)) -> bool {
        let [forward, backward] = &mut self.directions;
        let buffer = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        buffer.feed(bytes, |unread| {
            let (line, length) = split_line(unread)?;
            if let Some(message) = Message::parse(direction, line) {
                tell(message);
            }
            Some(Consumed::exactly(length))
        })
    }

    /// Forgets an unfinished line: bytes are missing behind it.
    pub fn gap(&mut self, direction: Direction) {
        if let Some(buffer) = self.directions.get_mut(direction.index()) {
            buffer.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::enterprise::ftp::probe;
    use proptest::prelude::*;

    fn told(direction: Direction, pieces: &[&[u8]]) -> Vec<String> {
        let mut session = Session::default();
        let mut told = Vec::new();
        for piece in pieces {
            session.feed(direction, piece, |message| {
                told.push(match message {
                    Message::Command { verb, argument } => {
                        format!("{} {}", String::from_utf8_lossy(verb), argument.expose().len())
                    }
                    Message::Reply { code, continues, text } => format!("{code} {continues} {}", text.len()),
                });
            });
        }
        told
    }

    #[test]
    fn reads_a_log_in() {
        assert_eq!(
            told(Direction::Forward, &[b"USER ex", b"ample\r\nPASS secret\r\nRETR a.bin\r\n"]),
            ["USER 7", "PASS 6", "RETR 5"]
        );
        assert_eq!(
            told(Direction::Backward, &[b"220-hello\r\n more\r\n220 ready\r\n"]),
            ["220 true 5", "220 false 5"]
        );
    }

    #[test]
    fn tells_ftp_from_mail() {
        assert_eq!(probe(Direction::Backward, b"220 (vsFTPd 3.0.3)\r\n"), Verdict::Certain);
        assert_eq!(probe(Direction::Backward, b"220 mail.example ESMTP\r\n"), Verdict::NotMine);
        assert_eq!(probe(Direction::Backward, b"220 ready\r\n"), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"user anonymous\r\n"), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, b"GET / HTTP/1.1\r\n"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(text in "([A-Z]{2,5} [a-z]{0,9}\r?\n){0,9}", cut in 0usize..90) {
            let (one, two) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(told(Direction::Forward, &[text.as_bytes()]), told(Direction::Forward, &[one, two]));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = told(Direction::Forward, &[&bytes]);
            let _ = told(Direction::Backward, &[&bytes]);
            let _ = (probe(Direction::Forward, &bytes), probe(Direction::Backward, &bytes));
        }
    }
}
