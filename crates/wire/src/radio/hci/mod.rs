//! What a Bluetooth controller and its host tell each other: UART transport (H4), LINKTYPE 187 and, with a direction in
//! front, 201. Bluetooth Core Specification 5.4, volume 4 part A section 2 and part E.
//!
//! It is seen above the encryption of the radio: what is readable here need not be so on the air.
//!
//! Ignored: BR/EDR but for its links' end; commands other than those that tell the controller's own address.

use crate::radio::ble::link::Address;
use crate::{Error, Layer, Reader};

/// What a packet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Data of a connection: its handle, whether it begins an L2CAP message, and the bytes.
    Data {
        /// Connection handle.
        handle: u16,
        /// Whether a message begins.
        begins: bool,
        /// L2CAP.
        bytes: &'a [u8],
    },
    /// The controller's own public address (Read BD_ADDR).
    Own(Address),
    /// LE Connection Complete, successful.
    Connected {
        /// Connection handle.
        handle: u16,
        /// Whether the host's controller is the central.
        central: bool,
        /// The other end.
        peer: Address,
        /// Time between two events, in steps of 1.25 ms.
        interval: u16,
    },
    /// Disconnection Complete.
    Disconnected(u16),
    /// Encryption Change: handle, and whether it is on.
    Encryption(u16, bool),
    /// LE Advertising Report or LE Extended Advertising Report: its reports follow each other.
    Reports(&'a [u8], bool),
    /// Anything else.
    Other,
}

/// Takes the direction off the front of LINKTYPE 201: whether the host received it.
pub fn direction(bytes: &[u8]) -> Result<(bool, &[u8]), Error> {
    let mut reader = Reader::new(Layer::Hci, bytes);
    let received = reader.u32_be("direction")? & 1 != 0;
    Ok((received, reader.take_rest()))
}

impl<'a> Packet<'a> {
    /// Reads a packet behind its type byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Hci, bytes);
        match reader.u8("packet type")? {
            2 => {
                let flags = reader.u16_le("handle")?;
                let length = usize::from(reader.u16_le("length")?);
                let bytes = reader.take("data", length)?;
                Ok(Self::Data { handle: flags & 0x0fff, begins: flags >> 12 & 3 != 1, bytes })
            }
            4 => {
                let code = reader.u8("event")?;
                let length = usize::from(reader.u8("length")?);
                Self::event(code, reader.sub("parameters", length)?)
            }
            _ => Ok(Self::Other),
        }
    }

    fn event(code: u8, mut reader: Reader<'a>) -> Result<Self, Error> {
        Ok(match code {
            0x05 => {
                reader.skip("status", 1)?;
                Self::Disconnected(reader.u16_le("handle")? & 0x0fff)
            }
            0x08 | 0x59 => {
                let status = reader.u8("status")?;
                let handle = reader.u16_le("handle")? & 0x0fff;
                Self::Encryption(handle, status == 0 && reader.u8("enabled")? != 0)
            }
            0x0e => {
                reader.skip("packets", 1)?;
                let command = reader.u16_le("opcode")?;
                if command == 0x1009 && reader.u8("status")? == 0 {
                    Self::Own(Address::from_wire(reader.array("BD_ADDR")?, false))
                } else {
                    Self::Other
                }
            }
            0x3e => match reader.u8("subevent")? {
                kind @ (0x01 | 0x0a | 0x29) => {
                    let status = reader.u8("status")?;
                    let handle = reader.u16_le("handle")? & 0x0fff;
                    let central = reader.u8("role")? == 0;
                    let random = reader.u8("address type")? & 1 != 0;
                    let peer = Address::from_wire(reader.array("address")?, random);
                    if kind != 0x01 {
                        reader.skip("private addresses", 12)?;
                    }
                    let interval = reader.u16_le("interval")?;
                    if status == 0 {
                        Self::Connected { handle, central, peer, interval }
                    } else {
                        Self::Other
                    }
                }
                0x02 => Self::Reports(reader.take_rest(), false),
                0x0d => Self::Reports(reader.take_rest(), true),
                _ => Self::Other,
            },
            _ => Self::Other,
        })
    }
}

/// The reports of an advertising event: who, whether it can be connected to, and its advertising data.
pub fn reports<'a>(
    bytes: &'a [u8],
    extended: bool,
    mut tell: impl FnMut(Address, bool, &'a [u8]),
) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Hci, bytes);
    let count = reader.u8("reports")?;
    for _ in 0..count {
        let connectable = if extended {
            reader.u16_le("event type")? & 1 != 0
        } else {
            matches!(reader.u8("event type")?, 0 | 1)
        };
        let random = reader.u8("address type")? & 1 != 0;
        let address = Address::from_wire(reader.array("address")?, random);
        if extended {
            reader.skip("PHYs, SID, power, RSSI, interval, direct address", 14)?;
        }
        let length = usize::from(reader.u8("length")?);
        let data = reader.take("data", length)?;
        if !extended {
            reader.skip("RSSI", 1)?;
        }
        tell(address, connectable, data);
    }
    Ok(())
}
