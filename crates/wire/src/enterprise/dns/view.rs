//! The header of a DNS message, field by field.

use crate::{Error, Layer, Reader};

/// Fields of a header, RFC 1035 section 4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Identifier of the query.
    pub id: u16,
    /// QR, opcode, AA, TC, RD, RA, Z, RCODE.
    pub flags: u16,
    /// Number of questions.
    pub questions: u16,
    /// Number of answer records.
    pub answers: u16,
    /// Number of authority records.
    pub authorities: u16,
    /// Number of additional records.
    pub additionals: u16,
}

impl View {
    /// Length of the header, bytes.
    pub const LENGTH: usize = 12;

    /// Reads the header at the front of a message.
    pub fn new(message: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Dns, message);
        Ok(Self {
            id: reader.u16_be("id")?,
            flags: reader.u16_be("flags")?,
            questions: reader.u16_be("question count")?,
            answers: reader.u16_be("answer count")?,
            authorities: reader.u16_be("authority count")?,
            additionals: reader.u16_be("additional count")?,
        })
    }

    /// QR: answer rather than question.
    pub const fn response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Opcode.
    pub const fn opcode(self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    /// Response code.
    pub const fn response_code(self) -> u8 {
        (self.flags & 0xf) as u8
    }

    /// TC: the message was cut to fit a datagram.
    pub const fn truncated(self) -> bool {
        self.flags & 0x0200 != 0
    }
}
