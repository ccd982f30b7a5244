//! BACnet/IP: building automation. ASHRAE 135 clauses 5, 6 (network layer), 20 (application) and annex J.
//!
//! Recognised by type 0x81 of the virtual link, a known function, a length that is that of the datagram, and version 1
//! of the network layer. Read are I-Am, the answers to ReadProperty of a device object, and which service is asked
//! for. Values, segmented messages and property lists of ReadPropertyMultiple are ignored.

use crate::{Error, Layer, Reader};

/// The device object, clause 21.
const OBJECT_DEVICE: u32 = 8;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A device announces itself, clause 16.10.2.
    IAm {
        /// Instance of its device object.
        instance: u32,
        /// Registered maker.
        vendor: u16,
    },
    /// A confirmed service is asked for, clause 20.2.
    Request {
        /// Service choice.
        service: u8,
        /// Object that it acts on: type and instance.
        object: Option<(u16, u32)>,
    },
    /// A device told a property of itself in text.
    Property {
        /// Property identifier: 77 name, 121 vendor, 70 model, 44 firmware, 12 application, 58 location, 28 description.
        property: u32,
        /// Its text.
        text: &'a [u8],
    },
    /// A service was refused or failed.
    Refused {
        /// Service choice; of a reject or abort it is not said.
        service: Option<u8>,
    },
}

/// The usual name of a confirmed service, clause 21.
pub const fn service_name(service: u8) -> &'static str {
    match service {
        0 => "AcknowledgeAlarm",
        5 => "SubscribeCOV",
        6 => "AtomicReadFile",
        7 => "AtomicWriteFile",
        8 => "AddListElement",
        9 => "RemoveListElement",
        10 => "CreateObject",
        11 => "DeleteObject",
        12 => "ReadProperty",
        14 => "ReadPropertyMultiple",
        15 => "WriteProperty",
        16 => "WritePropertyMultiple",
        17 => "DeviceCommunicationControl",
        18 => "ConfirmedPrivateTransfer",
        20 => "ReinitializeDevice",
        26 => "ReadRange",
        27 => "LifeSafetyOperation",
        _ => "another service",
    }
}

/// Reads a datagram; `None` where it holds nothing of interest.
pub fn parse(datagram: &[u8]) -> Result<Option<Message<'_>>, Error> {
    let mut reader = Reader::new(Layer::Udp, datagram);
    reader.skip("bvlc type", 1)?;
    match reader.u8("bvlc function")? {
        0x09..=0x0b => reader.skip("bvlc length", 2)?,
        0x04 => reader.skip("bvlc length and origin", 8)?,
        _ => return Ok(None),
    }
    if reader.u8("npdu version")? != 1 {
        return Err(reader.malformed("npdu version"));
    }
    let control = reader.u8("npdu control")?;
    // A message of the network layer itself.
    if control & 0x80 != 0 {
        return Ok(None);
    }
    // Destination, then source.
    for bit in [0x20, 0x08] {
        if control & bit != 0 {
            reader.skip("network", 2)?;
            let length = reader.u8("address length")?;
            reader.skip("address", usize::from(length))?;
        }
    }
    if control & 0x20 != 0 {
        reader.skip("hop count", 1)?;
    }
    application(&mut reader)
}

fn application<'a>(reader: &mut Reader<'a>) -> Result<Option<Message<'a>>, Error> {
    let kind = reader.u8("apdu type")?;
    match kind >> 4 {
        0 => {
            reader.skip("maximum sizes and invoke id", 2)?;
            if kind & 0x08 != 0 {
                reader.skip("segment", 2)?;
            }
            let service = reader.u8("service")?;
            Ok(Some(Message::Request { service, object: object(reader.rest()) }))
        }
        1 if reader.u8("service")? == 0 => {
            let instance = match tagged(reader)? {
                (12, bytes) => number(bytes) & 0x003f_ffff,
                _ => return Ok(None),
            };
            tagged(reader)?;
            tagged(reader)?;
            let (_, vendor) = tagged(reader)?;
            Ok(Some(Message::IAm { instance, vendor: u16::try_from(number(vendor)).unwrap_or(0) }))
        }
        3 => {
            reader.skip("invoke id", 1)?;
            if kind & 0x08 != 0 {
                return Ok(None);
            }
            if reader.u8("service")? != 12 {
                return Ok(None);
            }
            property(reader)
        }
        5 => {
            reader.skip("invoke id", 1)?;
            Ok(Some(Message::Refused { service: Some(reader.u8("service")?) }))
        }
        6 | 7 => Ok(Some(Message::Refused { service: None })),
        _ => Ok(None),
    }
}

/// A tag and its content, clause 20.2.1; the number of the tag whatever its class.
fn tagged<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Error> {
    let tag = reader.u8("tag")?;
    let mut length = usize::from(tag & 0x07);
    if length == 5 {
        length = usize::from(reader.u8("extended length")?);
        if length == 254 {
            length = usize::from(reader.u16_be("extended length")?);
        }
    }
    Ok((tag >> 4, reader.take("value", length)?))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The object that most services name first, in context tag 0.
fn object(bytes: &[u8]) -> Option<(u16, u32)> {
    let mut reader = Reader::new(Layer::Udp, bytes);
    if bytes.first() != Some(&0x0c) {
        return None;
    }
    let (_, value) = tagged(&mut reader).ok()?;
    let identifier = number(value);
    Some((u16::try_from(identifier >> 22).ok()?, identifier & 0x003f_ffff))
}

/// The answer to ReadProperty, clause 15.5.
fn property<'a>(reader: &mut Reader<'a>) -> Result<Option<Message<'a>>, Error> {
    let (_, object) = tagged(reader)?;
    if number(object) >> 22 != OBJECT_DEVICE {
        return Ok(None);
    }
    let (_, property) = tagged(reader)?;
    let property = number(property);
    // An index of an array, then the opening tag 3.
    if reader.rest().first().is_some_and(|tag| tag >> 4 == 2) {
        tagged(reader)?;
    }
    if reader.u8("opening tag")? != 0x3e {
        return Ok(None);
    }
    let tag = reader.rest().first().copied().unwrap_or_default();
    // Application tag 7: a character string, whose first byte is its encoding.
    if tag >> 4 != 7 || tag & 0x08 != 0 {
        return Ok(None);
    }
    let (_, text) = tagged(reader)?;
    Ok(text
        .split_first()
        .filter(|(encoding, _)| **encoding == 0)
        .map(|(_, text)| Message::Property { property, text }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_device_announces_itself() {
        // I-Am of device 1234, maximum 1476, no segmentation, vendor 260; annex F.4.10 has the same form.
        let datagram = b"\x81\x0b\x00\x19\x01\x20\xff\xff\x00\xff\x10\x00\xc4\x02\x00\x04\xd2\x22\x05\xc4\x91\x03\x22\x01\x04";
        assert_eq!(parse(datagram), Ok(Some(Message::IAm { instance: 1234, vendor: 260 })));
    }

    #[test]
    fn a_device_tells_its_model_and_is_told_to_restart() {
        let answer =
            b"\x81\x0a\x00\x1a\x01\x00\x30\x01\x0c\x0c\x02\x00\x00\x01\x19\x46\x3e\x75\x05\x00AHU7\x3f";
        assert_eq!(parse(answer), Ok(Some(Message::Property { property: 70, text: b"AHU7" })));
        let restart = b"\x81\x0a\x00\x0c\x01\x04\x00\x05\x01\x14\x09\x00";
        assert_eq!(parse(restart), Ok(Some(Message::Request { service: 20, object: None })));
        let write = b"\x81\x0a\x00\x17\x01\x04\x00\x05\x02\x0f\x0c\x00\x80\x00\x01\x19\x55\x3e\x44\x42\x90\x00\x00\x3f";
        assert_eq!(parse(write), Ok(Some(Message::Request { service: 15, object: Some((2, 1)) })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let mut framed = b"\x81\x0a\x00\x00\x01\x00".to_vec();
            framed.extend(bytes);
            let _ = parse(&framed);
        }
    }
}
