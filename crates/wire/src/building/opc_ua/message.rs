//! A chunk, and the services that say who speaks.

use crate::{Error, Layer, Reader, Verdict};

/// Longest chunk that is read; a sender may agree on more, but what is told here is short.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Longest text.
const TEXT_BYTES_MAX: i32 = 4096;

/// Languages of a client that are passed over.
const LANGUAGES_MAX: i32 = 32;

/// What an application says it is: OPC 10000-4 section 7.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Application<'a> {
    /// Unique name of the instance.
    pub uri: &'a [u8],
    /// Name of the product.
    pub product: &'a [u8],
    /// Name for people.
    pub name: &'a [u8],
}

/// A service of a conversation that is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service<'a> {
    /// The client opens a session and says who it is.
    CreateSession(Application<'a>),
    /// The server says who it is, asked for its endpoints.
    Endpoints(Application<'a>),
    /// The client says in whose name it works; anonymous, or as somebody.
    ActivateSession {
        /// As nobody.
        anonymous: bool,
    },
    /// The client writes values.
    Write,
    /// The client calls a method.
    Call,
    /// Another, by the number of its encoding.
    Other(u32),
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The client asks for this endpoint.
    Hello {
        /// URL of the endpoint.
        endpoint: &'a [u8],
    },
    /// The server agrees.
    Acknowledge,
    /// Either side gives up.
    Error(u32),
    /// A secure channel is opened under this policy.
    Open {
        /// URI of the policy; it ends in `#None` where nothing is protected.
        policy: &'a [u8],
    },
    /// A service. `None` where it cannot be read: encrypted, or a chunk of a longer one.
    Service(Option<Service<'a>>),
    /// The channel is closed, or the server calls back.
    Other,
}

impl<'a> Message<'a> {
    /// Reads the chunk at the front of a stream; gives its length as well. `secured` says that services are hidden.
    pub fn parse(bytes: &'a [u8], secured: bool) -> Result<(Self, usize), Error> {
        let mut reader = Reader::new(Layer::OpcUa, bytes);
        let kind: [u8; 3] = reader.array("message type")?;
        let chunk = reader.u8("chunk type")?;
        let size = usize::try_from(reader.u32_le("message size")?).unwrap_or(usize::MAX);
        let plain = matches!(&kind, b"HEL" | b"ACK" | b"ERR" | b"RHE" | b"OPN" | b"CLO") && chunk == b'F';
        let carries_service = &kind == b"MSG" && matches!(chunk, b'F' | b'C' | b'A');
        if !(plain || carries_service) || !(8..=CHUNK_BYTES_MAX).contains(&size) {
            return Err(reader.malformed("message type and size"));
        }
        let mut body = reader.sub("message", size - 8)?;
        let message = match &kind {
            b"HEL" => {
                body.skip("version and buffer sizes", 20)?;
                Self::Hello { endpoint: text(&mut body)? }
            }
            b"ACK" => Self::Acknowledge,
            b"ERR" => Self::Error(body.u32_le("error")?),
            b"OPN" => {
                body.skip("secure channel id", 4)?;
                Self::Open { policy: text(&mut body)? }
            }
            // What cannot be read of a service is no fault of the transport.
            b"MSG" if chunk == b'F' && !secured => Self::Service(service(body).ok()),
            b"MSG" => Self::Service(None),
            _ => Self::Other,
        };
        Ok((message, size))
    }
}

fn service<'a>(mut body: Reader<'a>) -> Result<Service<'a>, Error> {
    body.skip("channel, token, sequence and request", 16)?;
    let number = node(&mut body)?;
    Ok(match number {
        461 => {
            request_header(&mut body)?;
            Service::CreateSession(application(&mut body)?)
        }
        // Get Endpoints: the first one, which names the server.
        431 => {
            response_header(&mut body)?;
            body.skip("number of endpoints", 4)?;
            text(&mut body)?;
            Service::Endpoints(application(&mut body)?)
        }
        425 => {
            response_header(&mut body)?;
            body.skip("number of servers", 4)?;
            Service::Endpoints(application(&mut body)?)
        }
        467 => {
            request_header(&mut body)?;
            Service::ActivateSession { anonymous: activation(&mut body)? }
        }
        673 => Service::Write,
        712 => Service::Call,
        other => Service::Other(other),
    })
}

/// Whether a session is activated in nobody's name: OPC 10000-4 section 5.6.3.
fn activation(body: &mut Reader<'_>) -> Result<bool, Error> {
    // The signature, then certificates, which nobody sends, then languages.
    text(body)?;
    text(body)?;
    if i32::from_le_bytes(body.array("certificates")?) > 0 {
        return Err(body.unsupported("certificates"));
    }
    for _ in 0..i32::from_le_bytes(body.array("languages")?).min(LANGUAGES_MAX) {
        text(body)?;
    }
    // Anonymous identity token, or none at all.
    Ok(matches!(node(body)?, 0 | 321))
}

fn application<'a>(reader: &mut Reader<'a>) -> Result<Application<'a>, Error> {
    let uri = text(reader)?;
    let product = text(reader)?;
    let mask = reader.u8("localized text")?;
    if mask & 1 != 0 {
        text(reader)?;
    }
    let name = if mask & 2 != 0 { text(reader)? } else { &[] };
    Ok(Application { uri, product, name })
}

fn request_header(reader: &mut Reader<'_>) -> Result<(), Error> {
    node(reader)?;
    reader.skip("timestamp, handle, diagnostics", 16)?;
    text(reader)?;
    reader.skip("timeout", 4)?;
    node(reader)?;
    extension(reader)
}

fn response_header(reader: &mut Reader<'_>) -> Result<(), Error> {
    reader.skip("timestamp, handle, result", 16)?;
    if reader.u8("diagnostics")? != 0 {
        return Err(reader.unsupported("diagnostics"));
    }
    let strings = reader.u32_le("string table")?;
    if strings != u32::MAX && strings != 0 {
        return Err(reader.unsupported("string table"));
    }
    node(reader)?;
    extension(reader)
}

/// The body of an additional header, which nobody sends.
fn extension(reader: &mut Reader<'_>) -> Result<(), Error> {
    match reader.u8("extension object")? {
        0 => Ok(()),
        _ => text(reader).map(|_| ()),
    }
}

/// The number of a node identifier, section 5.2.2.9; 0 where it is no number.
fn node(reader: &mut Reader<'_>) -> Result<u32, Error> {
    match reader.u8("node id")? {
        0 => reader.u8("identifier").map(u32::from),
        1 => {
            reader.skip("namespace", 1)?;
            reader.u16_le("identifier").map(u32::from)
        }
        2 => {
            reader.skip("namespace", 2)?;
            reader.u32_le("identifier")
        }
        3 | 5 => {
            reader.skip("namespace", 2)?;
            text(reader).map(|_| 0)
        }
        4 => reader.skip("namespace and identifier", 18).map(|()| 0),
        _ => Err(reader.unsupported("node id")),
    }
}

/// A text or byte string; a length of -1 is none.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let length = reader.array("length").map(i32::from_le_bytes)?;
    match usize::try_from(length) {
        Ok(bytes) if length <= TEXT_BYTES_MAX => reader.take("text", bytes),
        Ok(_) => Err(reader.malformed("length")),
        Err(_) => Ok(&[]),
    }
}

/// Whether a stream begins with a chunk.
pub fn probe(opening: &[u8]) -> Verdict {
    const TYPES: [&[u8; 4]; 7] = [b"HELF", b"ACKF", b"ERRF", b"RHEF", b"OPNF", b"MSGF", b"MSGC"];
    if !TYPES.iter().any(|kind| kind.starts_with(opening) || opening.starts_with(*kind)) {
        return Verdict::NotMine;
    }
    let Some(size) = opening.get(4..).and_then(<[u8]>::first_chunk) else { return Verdict::Unsure };
    let fits =
        (8..=CHUNK_BYTES_MAX).contains(&usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX));
    if fits { Verdict::Certain } else { Verdict::NotMine }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as i32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend((body.len() as u32 + 8).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn session() -> Vec<u8> {
        let mut body = vec![0; 16];
        body.extend([1, 0, 0xcd, 1]);
        body.extend([0, 0]);
        body.extend([0; 16]);
        body.extend([255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0]);
        put(&mut body, "urn:test:client");
        put(&mut body, "urn:test:product");
        body.push(2);
        put(&mut body, "Tester");
        chunk(b"MSGF", &body)
    }

    #[test]
    fn reads_hello_policy_and_client() {
        let mut body = vec![0; 20];
        put(&mut body, "opc.tcp://192.0.2.1:4840/x");
        let hello = chunk(b"HELF", &body);
        let (message, length) = Message::parse(&hello, false).unwrap();
        assert_eq!(message, Message::Hello { endpoint: b"opc.tcp://192.0.2.1:4840/x" });
        assert_eq!(length, hello.len());
        let mut body = vec![0; 4];
        put(&mut body, "http://opcfoundation.org/UA/SecurityPolicy#None");
        let open = chunk(b"OPNF", &body);
        let Ok((Message::Open { policy }, _)) = Message::parse(&open, false) else { panic!() };
        assert!(policy.ends_with(b"#None"));
        let bytes = session();
        let (Message::Service(Some(Service::CreateSession(told))), _) =
            Message::parse(&bytes, false).unwrap()
        else {
            panic!("{:?}", Message::parse(&bytes, false))
        };
        assert_eq!((told.uri, told.name), (&b"urn:test:client"[..], &b"Tester"[..]));
        assert_eq!(Message::parse(&bytes, true).unwrap().0, Message::Service(None));
        assert_eq!(
            (probe(&hello), probe(&hello[..3]), probe(b"HELO x\r\n")),
            (Verdict::Certain, Verdict::Unsure, Verdict::NotMine)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..120, byte: u8) {
            let _ = (probe(&bytes), Message::parse(&bytes, false));
            let mut bent = session();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Message::parse(&bent, false);
        }
    }
}
