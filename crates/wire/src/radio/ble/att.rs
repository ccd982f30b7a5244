//! Attribute protocol: volume 3 part F section 3.4.

use crate::{Error, Layer, Reader};

/// A UUID: section 3.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// The Bluetooth base UUID: volume 3 part B section 2.5.1.
    const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;

    /// An assigned number of 16 bits.
    pub const fn short(number: u16) -> Self {
        Self(Self::BASE | (number as u128) << 96)
    }

    /// The assigned number, if it is one of 16 bits.
    pub fn assigned(self) -> Option<u16> {
        u16::try_from(self.0 >> 96).ok().filter(|number| Self::short(*number) == self)
    }

    /// A UUID of 2, 4 or 16 bytes, least significant first.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [a, b] => Some(Self::short(u16::from_le_bytes([*a, *b]))),
            [a, b, c, d] => Some(Self(Self::BASE | u128::from(u32::from_le_bytes([*a, *b, *c, *d])) << 96)),
            _ => bytes.try_into().ok().map(|bytes| Self(u128::from_le_bytes(bytes))),
        }
    }
}

/// A message of the attribute protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Exchange MTU, request or response.
    ExchangeMtu(u16),
    /// Error Response: opcode of the request, handle, error.
    Error(u8, u16, u8),
    /// Find Information Response: handles and their types.
    Information(&'a [u8], usize),
    /// Find By Type Value Request: type and value.
    FindByValue(Uuid, &'a [u8]),
    /// Find By Type Value Response: ranges of handles.
    Found(&'a [u8]),
    /// Read By Type Request: the type.
    ReadByType(Uuid),
    /// Read By Type Response: entries of this length.
    Typed(usize, &'a [u8]),
    /// Read Request.
    Read(u16),
    /// Read Blob Request: handle and offset.
    ReadBlob(u16, u16),
    /// Read Response.
    Value(&'a [u8]),
    /// Read Blob Response.
    Blob(&'a [u8]),
    /// Read By Group Type Request.
    ReadByGroup(Uuid),
    /// Read By Group Type Response: entries of this length.
    Grouped(usize, &'a [u8]),
    /// Write Request, Write Command or Signed Write Command: handle and value.
    Write(u16, &'a [u8]),
    /// Handle Value Notification or Indication.
    Notify(u16, &'a [u8]),
    /// Anything else.
    Other(u8),
}

impl<'a> Message<'a> {
    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ble, bytes);
        let opcode = reader.u8("opcode")?;
        Ok(match opcode {
            0x01 => Self::Error(reader.u8("request")?, reader.u16_le("handle")?, reader.u8("error")?),
            0x02 | 0x03 => Self::ExchangeMtu(reader.u16_le("MTU")?),
            0x05 => {
                let width = if reader.u8("format")? == 1 { 2 } else { 16 };
                Self::Information(reader.take_rest(), width)
            }
            0x06 => {
                reader.skip("handles", 4)?;
                let kind = Uuid::short(reader.u16_le("type")?);
                Self::FindByValue(kind, reader.take_rest())
            }
            0x07 => Self::Found(reader.take_rest()),
            0x08 | 0x10 => {
                reader.skip("handles", 4)?;
                let kind = Uuid::parse(reader.take_rest()).ok_or_else(|| reader.malformed("type"))?;
                if opcode == 0x08 { Self::ReadByType(kind) } else { Self::ReadByGroup(kind) }
            }
            0x09 => Self::Typed(usize::from(reader.u8("length")?), reader.take_rest()),
            0x0a => Self::Read(reader.u16_le("handle")?),
            0x0b => Self::Value(reader.take_rest()),
            0x0c => Self::ReadBlob(reader.u16_le("handle")?, reader.u16_le("offset")?),
            0x0d => Self::Blob(reader.take_rest()),
            0x11 => Self::Grouped(usize::from(reader.u8("length")?), reader.take_rest()),
            0x12 | 0x52 => Self::Write(reader.u16_le("handle")?, reader.take_rest()),
            0xd2 => {
                let handle = reader.u16_le("handle")?;
                let value = reader.take_rest();
                Self::Write(handle, value.get(..value.len().saturating_sub(12)).unwrap_or_default())
            }
            0x1b | 0x1d => Self::Notify(reader.u16_le("handle")?, reader.take_rest()),
            _ => Self::Other(opcode),
        })
    }

    /// Whether a client sends it to a server; `None` where both may.
    pub const fn by_client(&self) -> Option<bool> {
        match self {
            Self::FindByValue(..)
            | Self::ReadByType(_)
            | Self::Read(_)
            | Self::ReadBlob(..)
            | Self::ReadByGroup(_)
            | Self::Write(..) => Some(true),
            Self::Error(..)
            | Self::Information(..)
            | Self::Found(_)
            | Self::Typed(..)
            | Self::Value(_)
            | Self::Blob(_)
            | Self::Grouped(..)
            | Self::Notify(..) => Some(false),
            Self::ExchangeMtu(_) | Self::Other(_) => None,
        }
    }
}
