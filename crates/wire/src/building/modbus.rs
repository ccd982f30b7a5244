//! Modbus over TCP: registers and coils of controllers. MODBUS Application Protocol 1.1b3 and Messaging on TCP/IP 1.0b.
//!
//! Recognised by the header: protocol 0, a length that fits, a public function. Read are the function, the range that it
//! acts on, exceptions, and the device identification (function 43/14). Values are ignored.

use crate::{Consumed, Direction, Error, Layer, Reader, StreamBuffer};

/// Longest message, section 4.1 of the application protocol with the header of TCP, bytes.
const MESSAGE_BYTES_MAX: usize = 260;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// 1 to 4, 7, 11, 12, 17, 20, 24: reads.
    Read,
    /// 5, 6, 15, 16, 21, 22, 23: writes.
    Write,
    /// 8 with sub-function 1: restarts communication.
    Restart,
    /// 8 with sub-function 4: stops answering.
    ListenOnly,
    /// 8 with another sub-function.
    Diagnose,
    /// 43 with 14: asks who the device is.
    Identify,
    /// A function of a maker's own.
    Own,
}

/// An object of the device identification, section 6.21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identification<'a> {
    /// 0 vendor name, 1 product code, 2 revision, 4 product name, 5 model name.
    pub object: u8,
    /// Its text.
    pub text: &'a [u8],
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// From the client.
    Request {
        /// Function code.
        code: u8,
        /// What it does.
        function: Function,
        /// First address of the range, where there is one.
        address: Option<u16>,
        /// Length of the range.
        count: u16,
    },
    /// From the server: what was asked was done, or the code of the exception.
    Answer {
        /// Function code.
        code: u8,
        /// Exception code.
        exception: Option<u8>,
    },
    /// An object of a device identification.
    Identification(Identification<'a>),
}

/// The usual name of a function.
pub const fn name(code: u8) -> &'static str {
    match code {
        1 => "Read Coils",
        2 => "Read Discrete Inputs",
        3 => "Read Holding Registers",
        4 => "Read Input Registers",
        5 => "Write Single Coil",
        6 => "Write Single Register",
        8 => "Diagnostics",
        15 => "Write Multiple Coils",
        16 => "Write Multiple Registers",
        21 => "Write File Record",
        22 => "Mask Write Register",
        23 => "Read/Write Multiple Registers",
        43 => "Read Device Identification",
        90 => "Function 90 (programming)",
        _ => "another function",
    }
}

/// Both directions of a conversation.
#[derive(Clone, Debug)]
pub struct Session {
    directions: [StreamBuffer; 2],
}

impl Default for Session {
    fn default() -> Self {
        let buffer = || StreamBuffer::new(MESSAGE_BYTES_MAX + 8);
        Self { directions: [buffer(), buffer()] }
    }
}

impl Session {
    /// Feeds the next bytes of one direction; requests go forward. False when it is no Modbus after all.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Message<'_>)) -> bool {
        let [forward, backward] = &mut self.directions;
        let buffer = if direction == Direction::Forward { forward } else { backward };
        let mut right = true;
        let fits = buffer.feed(bytes, |unread| {
            if !right {
                return Some(Consumed::exactly(unread.len()));
            }
            let mut reader = Reader::new(Layer::Tcp, unread);
            let (Ok(_), Ok(protocol), Ok(length)) =
                (reader.u16_be("transaction"), reader.u16_be("protocol"), reader.u16_be("length"))
            else {
                return None;
            };
            if protocol != 0 || !(2..=254).contains(&length) {
                right = false;
                return Some(Consumed::exactly(unread.len()));
            }
            let message = reader.take("message", usize::from(length)).ok()?;
            // A message that its sender broke tells nothing; the next one begins where it ends.
            let _ = parse(direction, message, &mut tell);
            Some(Consumed::exactly(6 + usize::from(length)))
        });
        fits && right
    }

    /// Forgets an unfinished message: bytes are missing behind it.
    pub fn gap(&mut self, direction: Direction) {
        if let Some(buffer) = self.directions.get_mut(direction.index()) {
            buffer.clear();
        }
    }
}

fn parse<'a>(direction: Direction, bytes: &'a [u8], tell: &mut impl FnMut(Message<'a>)) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Tcp, bytes);
    reader.skip("unit", 1)?;
    let code = reader.u8("function")?;
    if direction == Direction::Backward {
        if code & 0x80 != 0 {
            let exception = reader.u8("exception code")?;
            tell(Message::Answer { code: code & 0x7f, exception: Some(exception) });
            return Ok(());
        }
        if code == 43 && reader.u8("mei type")? == 14 {
            identification(&mut reader, tell)?;
            return Ok(());
        }
        tell(Message::Answer { code, exception: None });
        return Ok(());
    }
    let (mut address, mut count) = (None, 1);
    let function = match code {
        1..=4 => {
            address = Some(reader.u16_be("address")?);
            count = reader.u16_be("quantity")?;
            Function::Read
        }
        5 | 6 | 22 => {
            address = Some(reader.u16_be("address")?);
            Function::Write
        }
        15 | 16 => {
            address = Some(reader.u16_be("address")?);
            count = reader.u16_be("quantity")?;
            Function::Write
        }
        23 => {
            reader.skip("read range", 4)?;
            address = Some(reader.u16_be("write address")?);
            count = reader.u16_be("write quantity")?;
            Function::Write
        }
        21 => Function::Write,
        7 | 11 | 12 | 17 | 20 | 24 => Function::Read,
        8 => match reader.u16_be("sub-function")? {
            1 => Function::Restart,
            4 => Function::ListenOnly,
            _ => Function::Diagnose,
        },
        43 => Function::Identify,
        _ => Function::Own,
    };
    tell(Message::Request { code, function, address, count });
    Ok(())
}

fn identification<'a>(reader: &mut Reader<'a>, tell: &mut impl FnMut(Message<'a>)) -> Result<(), Error> {
    // Read code, conformity level, more follows, next object.
    reader.skip("identification header", 4)?;
    let objects = reader.u8("number of objects")?;
    for _ in 0..objects {
        let object = reader.u8("object")?;
        let length = reader.u8("object length")?;
        let text = reader.take("object value", usize::from(length))?;
        tell(Message::Identification(Identification { object, text }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(direction: Direction, pieces: &[&[u8]]) -> Vec<String> {
        let mut session = Session::default();
        let mut messages = Vec::new();
        for piece in pieces {
            session.feed(direction, piece, |message| messages.push(format!("{message:?}")));
        }
        messages
    }

    /// Write 2 registers from address 1, as in section 6.12 of the application protocol.
    const WRITE: &[u8] = &[0, 1, 0, 0, 0, 11, 1, 16, 0, 1, 0, 2, 4, 0, 10, 1, 2];

    #[test]
    fn requests_say_what_they_act_on() {
        let messages = told(Direction::Forward, &[WRITE]);
        assert_eq!(messages, ["Request { code: 16, function: Write, address: Some(1), count: 2 }"]);
        let exception = told(Direction::Backward, &[&[0, 1, 0, 0, 0, 3, 1, 0x90, 2]]);
        assert_eq!(exception, ["Answer { code: 16, exception: Some(2) }"]);
    }

    #[test]
    fn a_device_says_who_it_is() {
        let answer = b"\x00\x01\x00\x00\x00\x11\x01\x2b\x0e\x01\x01\x00\x00\x02\x00\x03ABC\x02\x02V2";
        let messages = told(Direction::Backward, &[answer]);
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("object: 0, text: [65, 66, 67]"), "{messages:?}");
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(cut in 0_usize..40, more in 1_usize..4) {
            let stream = WRITE.repeat(more);
            let (one, two) = stream.split_at(cut.min(stream.len()));
            prop_assert_eq!(told(Direction::Forward, &[&stream]), told(Direction::Forward, &[one, two]));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (told(Direction::Forward, &[&bytes]), told(Direction::Backward, &[&bytes]));
        }
    }
}
