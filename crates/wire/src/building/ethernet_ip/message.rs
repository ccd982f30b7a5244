//! An encapsulated message.

use crate::{Error, Layer, Reader, Verdict};

/// Items in the list of a message that are looked at.
const ITEMS_MAX: u16 = 8;
/// Length of the header.
const HEADER_BYTES: usize = 24;
/// Longest data of a message, so that a stream that is none is given up soon.
const DATA_BYTES_MAX: u16 = 16_384;

const LIST_IDENTITY: u16 = 0x63;
const SEND_RR_DATA: u16 = 0x6f;
const SEND_UNIT_DATA: u16 = 0x70;
/// Unconnected send, of the connection manager.
const UNCONNECTED_SEND: u8 = 0x52;

/// What a device says it is: identity object, attributes 1 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Number of the maker.
    pub vendor: u16,
    /// Device type.
    pub device_type: u16,
    /// Product code of the maker.
    pub product_code: u16,
    /// Major and minor revision.
    pub revision: [u8; 2],
    /// Serial number.
    pub serial: u32,
    /// Name of the product.
    pub product: &'a [u8],
}

/// A service that is asked of a device, or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Service code, without the bit of an answer.
    pub code: u8,
    /// It is an answer.
    pub answer: bool,
    /// Class of the object, where the path begins with one.
    pub class: Option<u16>,
    /// General status of an answer; 0 is success.
    pub status: u8,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// An answer to List Identity.
    Identity(Identity<'a>),
    /// An explicit message.
    Service(Service),
    /// Anything else.
    Other(u16),
}

impl<'a> Message<'a> {
    /// Reads the message at the front of `bytes`; gives its length as well. Truncated where more bytes are needed.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, usize), Error> {
        let mut reader = Reader::new(Layer::EthernetIp, bytes);
        let command = reader.u16_le("command")?;
        let length = reader.u16_le("length")?;
        if !known(command) || length > DATA_BYTES_MAX {
            return Err(reader.malformed("command and length"));
        }
        reader.skip("session handle", 4)?;
        let status = reader.u32_le("status")?;
        reader.skip("sender context", 8)?;
        if status > 0x6a || reader.u32_le("options")? != 0 {
            return Err(reader.malformed("status and options"));
        }
        let mut data = reader.sub("data", usize::from(length))?;
        let message = match command {
            LIST_IDENTITY if length > 0 => {
                items(&mut data, |kind, item| (kind == 0x0c).then(|| identity(item).map(Message::Identity)))
            }
            SEND_RR_DATA | SEND_UNIT_DATA if length > 0 => {
                data.skip("interface handle and timeout", 6)?;
                items(&mut data, |kind, mut item| match kind {
                    0xb2 => Some(service(item).map(Message::Service)),
                    // Connected messages are numbered.
                    0xb1 => Some(
                        item.skip("sequence count", 2).and_then(|()| service(item)).map(Message::Service),
                    ),
                    _ => None,
                })
            }
            _ => Ok(None),
        };
        Ok((message?.unwrap_or(Message::Other(command)), HEADER_BYTES + usize::from(length)))
    }
}

const fn known(command: u16) -> bool {
    matches!(command, 0x01 | 0x04 | 0x63..=0x66 | 0x6f | 0x70 | 0x72 | 0x73)
}

/// The first item that `take` knows.
fn items<'a, T>(
    reader: &mut Reader<'a>,
    mut take: impl FnMut(u16, Reader<'a>) -> Option<Result<T, Error>>,
) -> Result<Option<T>, Error> {
    let count = reader.u16_le("item count")?;
    for _ in 0..count.min(ITEMS_MAX) {
        let kind = reader.u16_le("item type")?;
        let length = usize::from(reader.u16_le("item length")?);
        if let Some(taken) = take(kind, reader.sub("item", length)?) {
            return taken.map(Some);
        }
    }
    Ok(None)
}

fn identity(mut item: Reader<'_>) -> Result<Identity<'_>, Error> {
    item.skip("protocol version and socket address", 18)?;
    let vendor = item.u16_le("vendor id")?;
    let device_type = item.u16_le("device type")?;
    let product_code = item.u16_le("product code")?;
    let revision = item.array("revision")?;
    item.skip("status", 2)?;
    let serial = item.u32_le("serial number")?;
    let length = usize::from(item.u8("product name length")?);
    let product = item.take("product name", length)?;
    Ok(Identity { vendor, device_type, product_code, revision, serial, product })
}

fn service(mut item: Reader<'_>) -> Result<Service, Error> {
    let code = item.u8("service")?;
    if code & 0x80 != 0 {
        item.skip("reserved", 1)?;
        let status = item.u8("general status")?;
        return Ok(Service { code: code & 0x7f, answer: true, class: None, status });
    }
    let words = usize::from(item.u8("path size")?);
    let mut path = item.sub("path", words * 2)?;
    let class = match path.u8("segment").unwrap_or_default() {
        0x20 => path.u8("class").ok().map(u16::from),
        0x21 => path.skip("pad", 1).and_then(|()| path.u16_le("class")).ok(),
        _ => None,
    };
    if code == UNCONNECTED_SEND && class == Some(6) {
        // A letter within a letter: only the inner one says what is wanted.
        item.skip("priority and ticks", 2)?;
        let length = usize::from(item.u16_le("message size")?);
        let inner = item.sub("message", length)?;
        if inner.rest().first() != Some(&UNCONNECTED_SEND) {
            return service(inner);
        }
    }
    Ok(Service { code, answer: false, class, status: 0 })
}

/// Whether a stream begins with a message.
pub fn probe(opening: &[u8]) -> Verdict {
    match Message::parse(opening) {
        // A session begins by being registered; from its middle an explicit message tells as much.
        Ok((Message::Other(0x65), 28) | (Message::Identity(_) | Message::Service(_), _)) => Verdict::Certain,
        Ok((Message::Other(_), length)) if length == HEADER_BYTES && opening.len() == HEADER_BYTES => {
            // List requests have no data and are made of zeros: the command alone must do.
            let zeros = opening.get(2..).unwrap_or_default().iter().all(|byte| *byte == 0);
            if zeros { Verdict::Unsure } else { Verdict::Certain }
        }
        Ok(_) => Verdict::Unsure,
        Err(error) if error.is_truncated() && opening.len() < HEADER_BYTES + usize::from(DATA_BYTES_MAX) => {
            Verdict::Unsure
        }
        Err(_) => Verdict::NotMine,
    }
}

/// Whether a datagram is a message, and no more.
pub fn probe_datagram(datagram: &[u8]) -> Verdict {
    match Message::parse(datagram) {
        Ok((Message::Identity(_), length)) if length == datagram.len() => Verdict::Certain,
        Ok((Message::Other(LIST_IDENTITY | 0x04 | 0x64), HEADER_BYTES)) if datagram.len() == HEADER_BYTES => {
            Verdict::Certain
        }
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrap(command: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = command.to_le_bytes().to_vec();
        bytes.extend((data.len() as u16).to_le_bytes());
        bytes.extend([7, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
        bytes.extend(data);
        bytes
    }

    fn listed() -> Vec<u8> {
        let mut item = vec![1, 0];
        item.extend([0; 16]);
        item.extend([1, 0, 14, 0, 54, 0, 20, 11, 0x30, 0, 0x78, 0x56, 0x34, 0x12, 8]);
        item.extend(b"1756-L61\x03");
        let mut data = vec![1, 0, 0x0c, 0];
        data.extend((item.len() as u16).to_le_bytes());
        data.extend(item);
        wrap(LIST_IDENTITY, &data)
    }

    fn asked() -> Vec<u8> {
        // Reset of the identity object, inside of an unconnected send.
        let inner = [5, 2, 0x20, 1, 0x24, 1];
        let mut letter = vec![UNCONNECTED_SEND, 2, 0x20, 6, 0x24, 1, 5, 0x9d, inner.len() as u8, 0];
        letter.extend(inner);
        letter.extend([1, 0, 1, 0]);
        let mut data = vec![0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0];
        data.extend((letter.len() as u16).to_le_bytes());
        data.extend(letter);
        wrap(SEND_RR_DATA, &data)
    }

    #[test]
    fn reads_identity_and_the_inner_service() {
        let bytes = listed();
        let (Message::Identity(told), length) = Message::parse(&bytes).unwrap() else { panic!() };
        assert_eq!(
            (told.vendor, told.revision, told.serial, length),
            (1, [20, 11], 0x1234_5678, bytes.len())
        );
        assert_eq!(told.product, b"1756-L61");
        assert_eq!(probe_datagram(&bytes), Verdict::Certain);
        let (Message::Service(service), _) = Message::parse(&asked()).unwrap() else { panic!() };
        assert_eq!((service.code, service.class, service.answer), (5, Some(1), false));
    }

    #[test]
    fn a_stream_is_unsure_until_it_is_whole() {
        let bytes = asked();
        for end in 0..bytes.len() {
            assert_eq!(probe(&bytes[..end]), Verdict::Unsure, "{end}");
        }
        assert_eq!(probe(&bytes), Verdict::Certain);
        assert_eq!(probe(b"GET / HTTP/1.1\r\n\r\n------"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..90, byte: u8) {
            let _ = (probe(&bytes), probe_datagram(&bytes));
            for mut bent in [listed(), asked()] {
                if let Some(place) = bent.get_mut(at) { *place = byte; }
                let _ = Message::parse(&bent);
            }
        }
    }
}
