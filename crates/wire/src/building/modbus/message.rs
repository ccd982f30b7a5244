//! What a Modbus message says.

use crate::{Error, Layer, Reader};

/// Bytes in front of the unit: transaction, protocol, length.
const HEADER_LENGTH: usize = 6;
/// MODBUS Messaging on TCP/IP section 3.1.3: unit and a PDU of 253 bytes.
const LENGTH_MAX: usize = 254;

/// One request or answer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Links an answer with its request.
    pub transaction: u16,
    /// Device behind a gateway; 0 and 255 are the addressed station itself.
    pub unit: u8,
    /// Function code without the exception bit.
    pub function: u8,
    /// Exception code, section 7, where this is an answer that refuses.
    pub exception: Option<u8>,
    content: Reader<'a>,
}

/// Objects of function 43 / 14, section 6.21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum ObjectKind {
    VendorName,
    ProductCode,
    MajorMinorRevision,
    VendorUrl,
    ProductName,
    ModelName,
    UserApplicationName,
}

/// Length of the message at the front of a stream, header included; `None` where more bytes are needed.
pub fn frame_length(bytes: &[u8]) -> Option<Result<usize, Error>> {
    let mut reader = Reader::new(Layer::Modbus, bytes);
    reader.skip("transaction", 2).ok()?;
    let protocol = reader.u16_be("protocol").ok()?;
    let length = usize::from(reader.u16_be("length").ok()?);
    if protocol != 0 || !(2..=LENGTH_MAX).contains(&length) {
        return Some(Err(reader.malformed("length")));
    }
    Some(Ok(HEADER_LENGTH + length))
}

impl<'a> Message<'a> {
    /// Reads one message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Modbus, bytes);
        let transaction = reader.u16_be("transaction")?;
        if reader.u16_be("protocol")? != 0 {
            return Err(reader.malformed("protocol"));
        }
        let length = usize::from(reader.u16_be("length")?);
        let mut content = reader.sub("message", length)?;
        let unit = content.u8("unit")?;
        let function = content.u8("function")?;
        let exception = if function & 0x80 == 0 { None } else { Some(content.u8("exception code")?) };
        Ok(Self { transaction, unit, function: function & 0x7f, exception, content })
    }

    /// Whether this asks (`true`) or answers; `None` where both look alike.
    pub fn is_request(&self) -> Option<bool> {
        if self.exception.is_some() {
            return Some(false);
        }
        let content = self.content.rest();
        let counted = content.first().is_some_and(|count| usize::from(*count) + 1 == content.len());
        match self.function {
            1..=4 if content.len() == 4 => (!counted).then_some(true),
            1..=4 => Some(false),
            15 | 16 => Some(content.len() > 4),
            17 => Some(content.is_empty()),
            43 => Some(content.len() == 3),
            _ => None,
        }
    }

    /// First register or coil, and how many, of functions that have both. Numbers as sent, from 0.
    pub fn range(&self) -> Option<(u16, u16)> {
        let mut reader = self.content;
        let start = reader.u16_be("address").ok()?;
        match self.function {
            1..=4 | 15 | 16 | 23 => Some((start, reader.u16_be("quantity").ok()?)),
            5 | 6 | 22 => Some((start, 1)),
            _ => None,
        }
    }

    /// Sub-function of function 8 (diagnostics), section 6.8.
    pub fn diagnostic(&self) -> Option<u16> {
        let mut reader = self.content;
        (self.function == 8 && self.exception.is_none()).then(|| reader.u16_be("sub-function").ok())?
    }

    /// The objects of an answer of function 43 / 14.
    pub fn device_identification(&self) -> impl Iterator<Item = (ObjectKind, &'a [u8])> + use<'a> {
        let mut reader = self.content;
        let head = reader.array::<6>("device identification").ok();
        let count = match head {
            Some([14, 1..=4, _, _, _, count]) if self.function == 43 && self.exception.is_none() => count,
            _ => 0,
        };
        (0..count)
            .map_while(move |_| {
                let kind = reader.u8("object id").ok()?;
                let length = usize::from(reader.u8("object length").ok()?);
                Some((kind, reader.take("object value", length).ok()?))
            })
            .filter_map(|(kind, value)| Some((object_kind(kind)?, value)))
    }

    /// What function 17 (report server id) answers: bytes of the maker's choice, often text.
    pub fn server_id(&self) -> Option<&'a [u8]> {
        let mut reader = self.content;
        let length = usize::from(reader.u8("byte count").ok()?);
        (self.function == 17 && self.exception.is_none()).then(|| reader.take("server id", length).ok())?
    }

    /// Name of the function, section 6.
    pub const fn name(&self) -> &'static str {
        match self.function {
            1 => "Read Coils",
            2 => "Read Discrete Inputs",
            3 => "Read Holding Registers",
            4 => "Read Input Registers",
            5 => "Write Single Coil",
            6 => "Write Single Register",
            7 => "Read Exception Status",
            8 => "Diagnostics",
            11 => "Get Comm Event Counter",
            12 => "Get Comm Event Log",
            15 => "Write Multiple Coils",
            16 => "Write Multiple Registers",
            17 => "Report Server ID",
            20 => "Read File Record",
            21 => "Write File Record",
            22 => "Mask Write Register",
            23 => "Read/Write Multiple Registers",
            24 => "Read FIFO Queue",
            43 => "Encapsulated Interface Transport",
            // Schneider Electric's own function of programming, UMAS.
            90 => "Unity Programming",
            _ => "Function of the maker",
        }
    }
}

const fn object_kind(kind: u8) -> Option<ObjectKind> {
    Some(match kind {
        0 => ObjectKind::VendorName,
        1 => ObjectKind::ProductCode,
        2 => ObjectKind::MajorMinorRevision,
        3 => ObjectKind::VendorUrl,
        4 => ObjectKind::ProductName,
        5 => ObjectKind::ModelName,
        6 => ObjectKind::UserApplicationName,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_questions_from_answers() {
        let read = [0, 1, 0, 0, 0, 6, 1, 3, 0, 16, 0, 10];
        let message = Message::parse(&read).unwrap();
        assert_eq!((message.is_request(), message.range()), (Some(true), Some((16, 10))));
        let answer = [0, 1, 0, 0, 0, 7, 1, 3, 4, 0, 0, 0, 10];
        assert_eq!(Message::parse(&answer).unwrap().is_request(), Some(false));
        let refusal = Message::parse(&[0, 1, 0, 0, 0, 3, 1, 0x90, 2]).unwrap();
        assert_eq!((refusal.function, refusal.exception), (16, Some(2)));
        assert_eq!(frame_length(&read).unwrap(), Ok(12));
        assert_eq!(frame_length(&read[..5]), None);
        assert!(frame_length(&[0, 1, 0, 1, 0, 6]).unwrap().is_err());
    }

    /// Section 6.21, the example of a basic identification.
    #[test]
    fn reads_a_device_identification() {
        let mut bytes = vec![0, 1, 0, 0, 0, 0, 1, 43, 14, 1, 1, 0, 0, 2, 0, 4];
        bytes.extend(b"Acme");
        bytes.extend([2, 4]);
        bytes.extend(b"V2.1");
        bytes[5] = u8::try_from(bytes.len() - 6).unwrap();
        let message = Message::parse(&bytes).unwrap();
        let objects: Vec<_> = message.device_identification().collect();
        let expected: [(_, &[u8]); 2] =
            [(ObjectKind::VendorName, b"Acme"), (ObjectKind::MajorMinorRevision, b"V2.1")];
        assert_eq!(objects, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, function: u8) {
            let mut framed = vec![0, 1, 0, 0, 0, u8::try_from(bytes.len().min(250)).unwrap() + 2, 1, function];
            framed.extend(&bytes);
            for bytes in [&bytes, &framed] {
                let _ = frame_length(bytes);
                if let Ok(message) = Message::parse(bytes) {
                    let _ = (message.is_request(), message.range(), message.server_id());
                    prop_assert!(message.device_identification().count() <= 255);
                }
            }
        }
    }
}
