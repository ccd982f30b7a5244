//! What a BACnet message says.

use super::view::{Content, Tag, text, unsigned};
use crate::{Error, Layer, Reader};

/// Properties read from one answer.
const PROPERTIES_MAX: usize = 64;

/// An object: its type and number, clause 20.2.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectIdentifier {
    /// Type; 8 is the device itself.
    pub kind: u16,
    /// Number, 22 bits.
    pub instance: u32,
}

impl ObjectIdentifier {
    /// The type of the device object.
    pub const DEVICE: u16 = 8;

    fn read(value: Reader<'_>) -> Option<Self> {
        let number = <[u8; 4]>::try_from(value.rest()).map(u32::from_be_bytes).ok()?;
        Some(Self { kind: u16::try_from(number >> 22).ok()?, instance: number & 0x003f_ffff })
    }
}

/// What kind of message it is, clause 20.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks for a service and an answer.
    Request,
    /// Tells, expects no answer.
    Unconfirmed,
    /// Did it.
    SimpleAck,
    /// Did it, and answers.
    ComplexAck,
    /// Did not do it: error, reject, abort.
    Refused,
}

/// A message of the application layer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// It came through a router: the sender stands behind the station that sent the packet.
    pub routed: bool,
    /// What kind.
    pub kind: Kind,
    /// Service choice, of the confirmed or of the unconfirmed ones; `None` for a reject or abort.
    pub service: Option<u8>,
    content: Reader<'a>,
}

/// A property and its value as far as it is text or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'a> {
    /// Whose.
    pub object: ObjectIdentifier,
    /// Which, clause 21.
    pub property: u32,
    /// Characters.
    pub text: Option<&'a [u8]>,
    /// Unsigned number.
    pub number: Option<u32>,
}

/// The properties of an answer, in order.
#[derive(Clone, Debug)]
pub struct Properties<'a> {
    reader: Reader<'a>,
    object: Option<ObjectIdentifier>,
    property: Option<u32>,
    value_tag: u8,
    property_tag: u8,
}

impl<'a> Message<'a> {
    /// Reads a datagram. `None` where it holds no message of the application layer.
    pub fn parse(datagram: &'a [u8]) -> Result<Option<Self>, Error> {
        let mut reader = Reader::new(Layer::Bacnet, datagram);
        if reader.u8("BVLC type")? != 0x81 {
            return Err(reader.malformed("BVLC type"));
        }
        let function = reader.u8("BVLC function")?;
        let length = usize::from(reader.u16_be("BVLC length")?);
        let Some(length) = length.checked_sub(4) else { return Err(reader.malformed("BVLC length")) };
        let mut packet = reader.sub("NPDU", length)?;
        let forwarded = function == 4;
        match function {
            4 => packet.skip("originating address", 6)?,
            9..=11 => {}
            _ => return Ok(None),
        }
        if packet.u8("NPDU version")? != 1 {
            return Err(packet.malformed("NPDU version"));
        }
        let control = packet.u8("NPDU control")?;
        if control & 0x20 != 0 {
            address(&mut packet)?;
        }
        let routed = forwarded || control & 0x08 != 0;
        if control & 0x08 != 0 {
            address(&mut packet)?;
        }
        if control & 0x20 != 0 {
            packet.skip("hop count", 1)?;
        }
        // Messages between routers.
        if control & 0x80 != 0 {
            return Ok(None);
        }
        read_apdu(packet, routed).map(Some)
    }

    /// Identifier and maker of an I-Am.
    pub fn i_am(&self) -> Option<(ObjectIdentifier, u32)> {
        if (self.kind, self.service) != (Kind::Unconfirmed, Some(0)) {
            return None;
        }
        let mut reader = self.content;
        let object = ObjectIdentifier::read(Tag::read(&mut reader).ok()?.value(false, 12)?)?;
        Tag::read(&mut reader).ok()?.value(false, 2)?;
        Tag::read(&mut reader).ok()?.value(false, 9)?;
        Some((object, unsigned(Tag::read(&mut reader).ok()?.value(false, 2)?)?))
    }

    /// Properties of a ReadProperty or ReadPropertyMultiple answer; nothing for others.
    pub fn properties(&self) -> impl Iterator<Item = Property<'a>> + use<'a> {
        let (property_tag, value_tag, reader) = match (self.kind, self.service) {
            (Kind::ComplexAck, Some(12)) => (1, 3, self.content),
            (Kind::ComplexAck, Some(14)) => (2, 4, self.content),
            _ => (1, 3, Reader::new(Layer::Bacnet, &[])),
        };
        Properties { reader, object: None, property: None, value_tag, property_tag }.take(PROPERTIES_MAX)
    }

    /// Object and property that a request names first.
    pub fn target(&self) -> (Option<ObjectIdentifier>, Option<u32>) {
        let mut reader = self.content;
        let object =
            Tag::read(&mut reader).ok().and_then(|tag| tag.value(true, 0)).and_then(ObjectIdentifier::read);
        let property = Tag::read(&mut reader).ok().and_then(|tag| tag.value(true, 1)).and_then(unsigned);
        (object, property)
    }

    /// Whether a DeviceCommunicationControl turns communication off, clause 16.1.
    pub fn disables_communication(&self) -> bool {
        let mut reader = self.content;
        while let Ok(tag) = Tag::read(&mut reader) {
            if let Some(state) = tag.value(true, 1).and_then(unsigned) {
                return state != 0;
            }
        }
        false
    }
}

/// Network number and address of a station on another network.
fn address(packet: &mut Reader<'_>) -> Result<(), Error> {
    packet.skip("network", 2)?;
    let length = usize::from(packet.u8("address length")?);
    packet.skip("address", length)
}

fn read_apdu(mut packet: Reader<'_>, routed: bool) -> Result<Message<'_>, Error> {
    let first = packet.u8("APDU type")?;
    let segmented = first & 8 != 0;
    let (kind, before_service) = match first >> 4 {
        0 => (Kind::Request, if segmented { 4 } else { 2 }),
        1 => (Kind::Unconfirmed, 0),
        2 => (Kind::SimpleAck, 1),
        3 => (Kind::ComplexAck, if segmented { 3 } else { 1 }),
        5 => (Kind::Refused, 1),
        6 | 7 => {
            packet.skip("invoke id", 1)?;
            return Ok(Message { routed, kind: Kind::Refused, service: None, content: packet });
        }
        _ => return Err(packet.unsupported("APDU type")),
    };
    packet.skip("invoke id", before_service)?;
    let service = Some(packet.u8("service")?);
    Ok(Message { routed, kind, service, content: packet })
}

impl<'a> Iterator for Properties<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        // Every turn reads at least a byte.
        loop {
            let tag = Tag::read(&mut self.reader).ok()?;
            if let Some(value) = tag.value(true, 0) {
                self.object = ObjectIdentifier::read(value);
            } else if let Some(value) = tag.value(true, self.property_tag) {
                self.property = unsigned(value);
            } else if tag.opens(self.value_tag) {
                let (value, closed) = first_value(&mut self.reader, self.value_tag)?;
                if let (Some(object), Some(property), true) = (self.object, self.property, closed) {
                    let text = value.and_then(|tag| text(tag.value(false, 7)?));
                    let number = value.and_then(|tag| unsigned(tag.value(false, 2)?));
                    return Some(Property { object, property, text, number });
                }
            }
        }
    }
}

/// The first value up to the closing tag; whether there was one.
fn first_value<'a>(reader: &mut Reader<'a>, number: u8) -> Option<(Option<Tag<'a>>, bool)> {
    let mut first = None;
    let mut depth = 0_u32;
    loop {
        let tag = Tag::read(reader).ok()?;
        match tag.content {
            Content::Closing if depth == 0 => return Some((first, tag.closes(number))),
            Content::Closing => depth -= 1,
            Content::Opening => depth += 1,
            Content::Value(_) => first = first.or(Some(tag)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(function: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 4).unwrap().to_be_bytes();
        [&[0x81, function, length[0], length[1]], content].concat()
    }

    /// Annex F.4.1: I-Am of device 1.
    #[test]
    fn reads_i_am() {
        let content = [1, 0, 0x10, 0, 0xc4, 2, 0, 0, 1, 0x22, 1, 0xe0, 0x91, 3, 0x21, 99];
        let bytes = packet(11, &content);
        let message = Message::parse(&bytes).unwrap().unwrap();
        assert_eq!(message.i_am(), Some((ObjectIdentifier { kind: 8, instance: 1 }, 99)));
        assert!(!message.routed);
    }

    #[test]
    fn reads_a_property_and_several() {
        let mut content = vec![1, 0, 0x30, 1, 12, 0x0c, 2, 0, 0, 1, 0x19, 77, 0x3e, 0x75, 5, 0];
        content.extend(b"AHU1");
        content.push(0x3f);
        let bytes = packet(10, &content);
        let message = Message::parse(&bytes).unwrap().unwrap();
        let object = ObjectIdentifier { kind: 8, instance: 1 };
        let expected = Property { object, property: 77, text: Some(b"AHU1"), number: None };
        assert_eq!(message.properties().collect::<Vec<_>>(), [expected]);

        let mut content = vec![1, 0, 0x30, 1, 14, 0x0c, 2, 0, 0, 1, 0x1e];
        content.extend([0x29, 120, 0x4e, 0x21, 99, 0x4f, 0x29, 77, 0x4e, 0x75, 5, 0]);
        content.extend(b"AHU1\x4f\x1f");
        let bytes = packet(10, &content);
        let message = Message::parse(&bytes).unwrap().unwrap();
        let number = Property { object, property: 120, text: None, number: Some(99) };
        assert_eq!(message.properties().collect::<Vec<_>>(), [number, expected]);
    }

    #[test]
    fn reads_what_a_request_wants() {
        let content = [1, 4, 0, 5, 1, 15, 0x0c, 0, 0x80, 0, 3, 0x19, 85, 0x3e, 0x44, 0, 0, 0, 0, 0x3f];
        let bytes = packet(10, &content);
        let message = Message::parse(&bytes).unwrap().unwrap();
        assert_eq!((message.kind, message.service), (Kind::Request, Some(15)));
        assert_eq!(message.target(), (Some(ObjectIdentifier { kind: 2, instance: 3 }), Some(85)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, control: u8) {
            let framed = packet(10, &[&[1, control & 0x7f], &bytes[..]].concat());
            for bytes in [&bytes, &framed] {
                if let Ok(Some(message)) = Message::parse(bytes) {
                    let _ = (message.i_am(), message.target(), message.disables_communication());
                    prop_assert!(message.properties().count() <= PROPERTIES_MAX);
                }
            }
        }
    }
}
