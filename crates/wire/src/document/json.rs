//! JSON, and newline-delimited JSON. RFC 8259.
//!
//! Ignored: whether commas and colons stand where they must; duplicate keys.

use super::{DEPTH_MAX, Event, Scalar, TEXT_BYTES_MAX};
use crate::Sensitive;

/// Longest number or word, bytes.
const WORD_BYTES_MAX: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Text,
    Escape,
    /// Within `\uXXXX`: digits seen, and their value.
    Unicode(u8, u32),
    Word,
    /// It makes no sense.
    Lost,
}

#[derive(Clone, Debug)]
struct Frame {
    object: bool,
    key: String,
    /// The next text of an object is a key.
    key_next: bool,
}

/// Reads documents in pieces.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    state: State,
    stack: Vec<Frame>,
    key: String,
    text: Vec<u8>,
}

impl Reader {
    /// Whether it fell silent.
    pub fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Feeds the next piece.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) {
        for byte in bytes {
            match self.state {
                State::Lost => return,
                State::Between => self.between(*byte, tell),
                State::Text => match byte {
                    b'"' => self.end_text(tell),
                    b'\\' => self.state = State::Escape,
                    _ => self.keep(*byte),
                },
                State::Escape => self.escape(*byte),
                State::Unicode(digits, value) => self.unicode(*byte, digits, value),
                State::Word => match byte {
                    b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' => {
                        self.end_word(tell);
                        self.between(*byte, tell);
                    }
                    _ if self.text.len() < WORD_BYTES_MAX => self.text.push(*byte),
                    _ => self.state = State::Lost,
                },
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < TEXT_BYTES_MAX {
            self.text.push(byte);
        }
    }

    fn between(&mut self, byte: u8, tell: &mut dyn FnMut(Event<'_>)) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b':' => {}
            b',' => {
                if let Some(frame) = self.stack.last_mut() {
                    frame.key_next = frame.object;
                }
            }
            b'{' | b'[' => self.open(byte == b'{', tell),
            b'}' | b']' => match self.stack.pop() {
                Some(frame) if frame.object == (byte == b'}') => {
                    if frame.object {
                        tell(Event::Close);
                    }
                }
                _ => self.state = State::Lost,
            },
            b'"' => {
                self.text.clear();
                self.state = State::Text;
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                self.text.clear();
                self.text.push(byte);
                self.state = State::Word;
            }
            // A mark of the byte order, in front of everything.
            0xef | 0xbb | 0xbf if self.stack.is_empty() => {}
            _ => self.state = State::Lost,
        }
    }

    fn open(&mut self, object: bool, tell: &mut dyn FnMut(Event<'_>)) {
        if self.stack.len() >= DEPTH_MAX {
            self.state = State::Lost;
            return;
        }
        let key = self.current_key().to_owned();
        if object {
            tell(Event::Open(&key));
        }
        self.stack.push(Frame { object, key, key_next: object });
    }

    /// Under which key the next value stands.
    fn current_key(&self) -> &str {
        match self.stack.last() {
            Some(frame) if frame.object => &self.key,
            Some(frame) => &frame.key,
            None => "",
        }
    }

    fn escape(&mut self, byte: u8) {
        self.state = State::Text;
        match byte {
            b'n' => self.keep(b'\n'),
            b'r' => self.keep(b'\r'),
            b't' => self.keep(b'\t'),
            b'b' | b'f' => self.keep(b' '),
            b'u' => self.state = State::Unicode(0, 0),
            other => self.keep(other),
        }
    }

    fn unicode(&mut self, byte: u8, digits: u8, value: u32) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.state = State::Lost;
            return;
        };
        let value = value << 4 | digit;
        if digits < 3 {
            self.state = State::Unicode(digits + 1, value);
            return;
        }
        // Halves of a surrogate pair are replaced: no name of a device needs them.
        let letter = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut room = [0; 4];
        letter.encode_utf8(&mut room).bytes().for_each(|byte| self.keep(byte));
        self.state = State::Text;
    }

    fn end_text(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.state = State::Between;
        let text = String::from_utf8_lossy(&self.text);
        match self.stack.last_mut() {
            Some(frame) if frame.key_next => {
                frame.key_next = false;
                self.key = text.into_owned();
            }
            _ => tell(Event::Value(self.current_key(), Sensitive::new(Scalar::Text(&text)))),
        }
    }

    fn end_word(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        self.state = State::Between;
        let word = std::str::from_utf8(&self.text).unwrap_or_default();
        let value = match word {
            "true" => Scalar::Truth(true),
            "false" => Scalar::Truth(false),
            word => match word.parse::<f64>() {
                Ok(number) if number.is_finite() => Scalar::Number(number),
                _ => Scalar::Nothing,
            },
        };
        tell(Event::Value(self.current_key(), Sensitive::new(value)));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Events as text.
    pub(crate) fn write(event: Event<'_>, all: &mut Vec<String>) {
        all.push(match event {
            Event::Open(key) => format!("{key}("),
            Event::Close => ")".to_owned(),
            Event::Value(key, value) => match value.expose() {
                Scalar::Text(text) => format!("{key}={text}"),
                Scalar::Number(number) => format!("{key}={number}"),
                Scalar::Truth(truth) => format!("{key}={truth}"),
                Scalar::Bytes(bytes) => format!("{key}={bytes:?}"),
                Scalar::Nothing => format!("{key}=-"),
            },
        });
    }

    fn read(bytes: &[u8], size: usize) -> Vec<String> {
        let mut reader = Reader::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            reader.feed(piece, &mut |event| write(event, &mut all));
        }
        all
    }

    #[test]
    fn tells_fields_and_lists() {
        let told = read(br#"{"a":[1,-2.5e1,{"b":"x\"\u00e9\n"}],"c":null,"d":{},"e":[[true]]}"#, 3);
        assert_eq!(told, ["(", "a=1", "a=-25", "a(", "b=x\"é\n", ")", "c=-", "d(", ")", "e=true", ")"]);
    }

    #[test]
    fn reads_line_after_line_and_what_is_cut() {
        assert_eq!(read(b"{\"a\":1}\n{\"a\":2}\n{\"a\":\"x", 1), ["(", "a=1", ")", "(", "a=2", ")", "("]);
        assert_eq!(read(b"{\"a\":1]{\"b\":2}", 1), ["(", "a=1"]);
    }

    proptest! {
        #[test]
        fn same_events_however_cut(text in "[{}\\[\\],:\"a0. \\\\u-]{0,80}", size in 1usize..20) {
            prop_assert_eq!(read(text.as_bytes(), 1000), read(text.as_bytes(), size));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            prop_assert!(read(&bytes, 7).len() <= bytes.len() + 1);
        }
    }
}
