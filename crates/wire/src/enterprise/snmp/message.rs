//! What an SNMP message says.

use std::net::Ipv4Addr;

use super::view::{Element, ObjectIdentifier, integer, unsigned};
use crate::{Error, Layer, Reader, Sensitive, Verdict};

const OCTET_STRING: u8 = 4;
const SEQUENCE: u8 = 0x30;

/// What is asked: RFC 3416 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Operation {
    Get,
    GetNext,
    Response,
    Set,
    TrapV1,
    GetBulk,
    Inform,
    Trap,
    Report,
    /// Encrypted, so the operation is hidden.
    Encrypted,
}

/// How a message is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// A community in clear.
    Community,
    /// Version 3 without authentication.
    NoAuthentication,
    /// Version 3 authenticated.
    Authenticated,
    /// Version 3 authenticated and encrypted.
    Encrypted,
}

/// An SNMP message.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Version: 1, 2 (for 2c) or 3.
    pub version: u8,
    /// How it is protected.
    pub security: Security,
    /// The community of version 1 and 2c.
    pub community: Option<Sensitive<&'a [u8]>>,
    /// The authoritative engine of version 3.
    pub engine: &'a [u8],
    /// What is asked.
    pub operation: Operation,
    /// Error status; 0 where there is none.
    pub error: u8,
    /// Objects.
    pub bindings: Bindings<'a>,
}

/// The variable bindings.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a>(Reader<'a>);

/// An object and its value.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The object.
    pub object: ObjectIdentifier<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// A value, RFC 2578 section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integer, counter, gauge or time ticks.
    Number(i64),
    /// Octets.
    Octets(&'a [u8]),
    /// Object identifier.
    Object(ObjectIdentifier<'a>),
    /// Address.
    Address(Ipv4Addr),
    /// Another type: its length in bytes.
    Other(usize),
    /// Null, no such object, no such instance, end of view.
    Empty,
}

impl<'a> Bindings<'a> {
    const EMPTY: Self = Self(Reader::new(Layer::Snmp, &[]));

    /// The bindings in order. Ends where they are not well formed.
    pub fn iter(self) -> impl Iterator<Item = Binding<'a>> {
        let mut reader = self.0;
        std::iter::from_fn(move || read_binding(&mut reader).ok())
    }
}

fn read_binding<'a>(reader: &mut Reader<'a>) -> Result<Binding<'a>, Error> {
    let mut binding = Element::expect(reader, SEQUENCE, "variable binding")?;
    let object = ObjectIdentifier(Element::expect(&mut binding, 6, "object name")?.rest());
    let value = Element::read(&mut binding, "object value")?;
    let content = value.content.rest();
    let address = || <[u8; 4]>::try_from(content).map(Ipv4Addr::from);
    let value = match value.tag {
        2 => integer(content).map_or(Value::Other(content.len()), Value::Number),
        0x41..=0x43 | 0x46 | 0x47 => unsigned(content).map_or(Value::Empty, Value::Number),
        OCTET_STRING => Value::Octets(content),
        6 => Value::Object(ObjectIdentifier(content)),
        0x40 => address().map_or(Value::Other(content.len()), Value::Address),
        5 | 0x80..=0x82 => Value::Empty,
        _ => Value::Other(content.len()),
    };
    Ok(Binding { object, value })
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Snmp, datagram);
        let mut message = Element::expect(&mut reader, SEQUENCE, "message")?;
        let version = Element::integer(&mut message, "version")?;
        match version {
            0 | 1 => {
                let community = Element::expect(&mut message, OCTET_STRING, "community")?.rest();
                let pdu = read_pdu(&mut message)?;
                Ok(Self {
                    version: if version == 0 { 1 } else { 2 },
                    security: Security::Community,
                    community: Some(Sensitive::new(community)),
                    engine: &[],
                    operation: pdu.operation,
                    error: pdu.error,
                    bindings: pdu.bindings,
                })
            }
            3 => read_version3(&mut message),
            _ => Err(message.unsupported("version")),
        }
    }
}

struct Pdu<'a> {
    operation: Operation,
    error: u8,
    bindings: Bindings<'a>,
}

fn read_pdu<'a>(reader: &mut Reader<'a>) -> Result<Pdu<'a>, Error> {
    let before = *reader;
    let Element { tag, mut content } = Element::read(reader, "operation")?;
    let operation = match tag {
        0xa0 => Operation::Get,
        0xa1 => Operation::GetNext,
        0xa2 => Operation::Response,
        0xa3 => Operation::Set,
        0xa4 => Operation::TrapV1,
        0xa5 => Operation::GetBulk,
        0xa6 => Operation::Inform,
        0xa7 => Operation::Trap,
        0xa8 => Operation::Report,
        _ => return Err(before.malformed("operation")),
    };
    let mut error = 0;
    if operation == Operation::TrapV1 {
        Element::expect(&mut content, 6, "enterprise")?;
        Element::expect(&mut content, 0x40, "agent address")?;
        Element::integer(&mut content, "generic trap")?;
        Element::integer(&mut content, "specific trap")?;
        Element::expect(&mut content, 0x43, "time stamp")?;
    } else {
        Element::integer(&mut content, "request id")?;
        let status = Element::integer(&mut content, "error status")?;
        Element::integer(&mut content, "error index")?;
        // In GetBulk the field holds the number of non-repeaters.
        if operation != Operation::GetBulk {
            error = u8::try_from(status).unwrap_or(u8::MAX);
        }
    }
    let bindings = Bindings(Element::expect(&mut content, SEQUENCE, "variable bindings")?);
    Ok(Pdu { operation, error, bindings })
}

/// RFC 3412 section 6, RFC 3414 section 2.4.
fn read_version3<'a>(message: &mut Reader<'a>) -> Result<Message<'a>, Error> {
    let mut global = Element::expect(message, SEQUENCE, "global data")?;
    Element::integer(&mut global, "message id")?;
    Element::integer(&mut global, "maximum size")?;
    let flags = Element::expect(&mut global, OCTET_STRING, "flags")?.u8("flags")?;
    Element::integer(&mut global, "security model")?;
    let mut parameters = Element::expect(message, OCTET_STRING, "security parameters")?;
    let mut engine: &[u8] = &[];
    if let Ok(mut user) = Element::expect(&mut parameters, SEQUENCE, "user security") {
        engine = Element::expect(&mut user, OCTET_STRING, "engine id")?.rest();
    }
    let security = match flags & 3 {
        0 => Security::NoAuthentication,
        1 => Security::Authenticated,
        _ => Security::Encrypted,
    };
    let data = Element::read(message, "scoped pdu")?;
    let pdu = match data.tag {
        OCTET_STRING => Pdu { operation: Operation::Encrypted, error: 0, bindings: Bindings::EMPTY },
        SEQUENCE => {
            let mut scoped = data.content;
            Element::expect(&mut scoped, OCTET_STRING, "context engine id")?;
            Element::expect(&mut scoped, OCTET_STRING, "context name")?;
            read_pdu(&mut scoped)?
        }
        _ => return Err(message.malformed("scoped pdu")),
    };
    Ok(Message {
        version: 3,
        security,
        community: None,
        engine,
        operation: pdu.operation,
        error: pdu.error,
        bindings: pdu.bindings,
    })
}

/// Whether a datagram is an SNMP message.
pub fn probe(datagram: &[u8]) -> Verdict {
    match Message::parse(datagram) {
        Ok(_) => Verdict::Certain,
        Err(_) => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()][..], &content].concat()
    }

    /// sysDescr.0 of version 2c.
    fn response() -> Vec<u8> {
        let name = element(6, &[&[0x2b, 6, 1, 2, 1, 1, 1, 0]]);
        let binding = element(0x30, &[&name, &element(4, &[b"Infusion gateway"])]);
        let pdu = element(0xa2, &[&[2, 1, 9], &[2, 1, 0], &[2, 1, 0], &element(0x30, &[&binding])]);
        element(0x30, &[&[2, 1, 1], &element(4, &[b"public"]), &pdu])
    }

    #[test]
    fn reads_a_response_of_version_2c() {
        let bytes = response();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.version, message.operation, message.error), (2, Operation::Response, 0));
        assert_eq!(message.community.unwrap().expose(), b"public");
        let bindings: Vec<_> = message.bindings.iter().collect();
        assert_eq!(bindings.len(), 1);
        assert_eq!(bindings[0].object.to_string(), "1.3.6.1.2.1.1.1.0");
        assert_eq!(bindings[0].value, Value::Octets(b"Infusion gateway"));
        assert_eq!(probe(&bytes), Verdict::Certain);
    }

    #[test]
    fn reads_version_3_with_and_without_encryption() {
        let user = element(
            0x30,
            &[&element(4, &[&[0x80, 0, 0x1f, 0x88, 4]]), &[2, 1, 0, 2, 1, 0, 4, 0, 4, 0, 4, 0]],
        );
        for (flags, data, operation, security) in [
            (3, element(4, &[&[7; 24]]), Operation::Encrypted, Security::Encrypted),
            (
                4,
                element(0x30, &[&[4, 0, 4, 0], &element(0xa0, &[&[2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 0]])]),
                Operation::Get,
                Security::NoAuthentication,
            ),
        ] {
            let global = element(0x30, &[&[2, 1, 5, 2, 2, 5, 0xdc, 4, 1, flags, 2, 1, 3]]);
            let bytes = element(0x30, &[&[2, 1, 3], &global, &element(4, &[&user]), &data]);
            let message = Message::parse(&bytes).unwrap();
            assert_eq!((message.operation, message.security), (operation, security));
            assert_eq!(message.engine, [0x80, 0, 0x1f, 0x88, 4]);
        }
    }

    #[test]
    fn prints_identifiers_and_numbers() {
        assert_eq!(ObjectIdentifier(&[0x2b, 6, 1, 4, 1, 0x82, 0x37]).to_string(), "1.3.6.1.4.1.311");
        assert_eq!(ObjectIdentifier(&[0x88, 0x37]).to_string(), "2.999");
        assert_eq!(integer(&[0xff, 0xfe]), Some(-2));
        assert_eq!(unsigned(&[0xff, 0xff, 0xff, 0xff]), Some(0xffff_ffff));
        assert_eq!(unsigned(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some(i64::MAX));
    }

    #[test]
    fn an_error_names_its_field() {
        let mut bytes = response();
        bytes[4] = 2;
        assert_eq!(Message::parse(&bytes).map(|_| ()).unwrap_err().field, "version");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, place in 0usize..40, byte: u8) {
            let _ = probe(&bytes);
            let mut bytes = response();
            let length = bytes.len();
            bytes[place % length] = byte;
            if let Ok(message) = Message::parse(&bytes) {
                for binding in message.bindings.iter() {
                    let _ = binding.object.to_string();
                }
            }
        }
    }
}
