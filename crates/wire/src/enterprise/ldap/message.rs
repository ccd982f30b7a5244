//! What an LDAP message says.

use crate::enterprise::snmp::Element;
use crate::{Error, Layer, Reader, Sensitive};

/// An operation, RFC 4511 section 4.
#[derive(Clone, Copy)]
pub enum Operation<'a> {
    /// Log-in with name and password. Both are empty for nobody in particular.
    SimpleBind {
        /// Distinguished name.
        name: Sensitive<&'a [u8]>,
        /// Password.
        password: Sensitive<&'a [u8]>,
    },
    /// Log-in by another mechanism, such as `GSS-SPNEGO`.
    SaslBind(&'a [u8]),
    /// How a log-in ended.
    BindResponse(u8),
    /// The attributes of the entry without name, which describes the server.
    RootEntry(Attributes<'a>),
    /// An extended request: its object identifier.
    Extended(&'a [u8]),
    /// How an extended request ended.
    ExtendedResponse(u8),
    /// Anything else.
    Other,
}

/// Attributes of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(Reader<'a>);

/// A message.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Links answers with their request.
    pub identifier: i64,
    /// What it is.
    pub operation: Operation<'a>,
}

/// Length of the BER element at the front of a stream, head included; `None` where more bytes are needed.
pub fn element_length(bytes: &[u8]) -> Option<Result<usize, Error>> {
    let mut reader = Reader::new(Layer::Ldap, bytes);
    if reader.u8("message").ok()? != 0x30 {
        return Some(Err(reader.malformed("message")));
    }
    let content = match reader.u8("length").ok()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(reader.u8("length").ok()?),
        0x82 => usize::from(reader.u16_be("length").ok()?),
        0x83 => usize::try_from(reader.u24_be("length").ok()?).ok()?,
        0x84 => usize::try_from(reader.u32_be("length").ok()?).ok()?,
        _ => return Some(Err(reader.unsupported("length"))),
    };
    Some(Ok(reader.offset().saturating_add(content)))
}

impl<'a> Attributes<'a> {
    /// Name and first value of each.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut reader = self.0;
        std::iter::from_fn(move || {
            let mut attribute = Element::expect(&mut reader, 0x30, "attribute").ok()?;
            let name = Element::expect(&mut attribute, 4, "attribute name").ok()?.rest();
            let mut values = Element::expect(&mut attribute, 0x31, "attribute values").ok()?;
            let value = Element::expect(&mut values, 4, "value").map_or(&[][..], |value| value.rest());
            Some((name, value))
        })
    }
}

impl<'a> Message<'a> {
    /// Reads one whole message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ldap, bytes);
        let mut message = Element::expect(&mut reader, 0x30, "message")?;
        let identifier = Element::integer(&mut message, "message id")?;
        let Element { tag, mut content } = Element::read(&mut message, "operation")?;
        let operation = match tag {
            0x60 => bind(content)?,
            0x61 => Operation::BindResponse(Element::expect(&mut content, 10, "result code")?.u8("result")?),
            0x64 => {
                let name = Element::expect(&mut content, 4, "object name")?;
                let attributes = Element::expect(&mut content, 0x30, "attributes")?;
                if name.is_empty() { Operation::RootEntry(Attributes(attributes)) } else { Operation::Other }
            }
            0x77 => Operation::Extended(Element::expect(&mut content, 0x80, "request name")?.rest()),
            0x78 => {
                Operation::ExtendedResponse(Element::expect(&mut content, 10, "result code")?.u8("result")?)
            }
            _ => Operation::Other,
        };
        Ok(Self { identifier, operation })
    }
}

fn bind(mut content: Reader<'_>) -> Result<Operation<'_>, Error> {
    Element::integer(&mut content, "version")?;
    let name = Element::expect(&mut content, 4, "name")?.rest();
    let mut authentication = Element::read(&mut content, "authentication")?;
    Ok(match authentication.tag {
        0x80 => Operation::SimpleBind {
            name: Sensitive::new(name),
            password: Sensitive::new(authentication.content.rest()),
        },
        0xa3 => Operation::SaslBind(Element::expect(&mut authentication.content, 4, "mechanism")?.rest()),
        _ => Operation::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()][..], &content].concat()
    }

    #[test]
    fn reads_a_simple_bind() {
        let bind = element(0x60, &[&[2, 1, 3], &element(4, &[b"cn=probe"]), &element(0x80, &[b"hush"])]);
        let bytes = element(0x30, &[&[2, 1, 1], &bind]);
        assert_eq!(element_length(&bytes).unwrap(), Ok(bytes.len()));
        let Operation::SimpleBind { name, password } = Message::parse(&bytes).unwrap().operation else {
            panic!("not a bind")
        };
        assert_eq!((name.expose(), password.expose()), (&b"cn=probe"[..], &b"hush"[..]));
    }

    #[test]
    fn reads_the_root_entry() {
        let vendor =
            element(0x30, &[&element(4, &[b"vendorName"]), &element(0x31, &[&element(4, &[b"Acme"])])]);
        let entry = element(0x64, &[&[4, 0], &element(0x30, &[&vendor])]);
        let bytes = element(0x30, &[&[2, 1, 2], &entry]);
        let Operation::RootEntry(attributes) = Message::parse(&bytes).unwrap().operation else {
            panic!("not the root")
        };
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [(&b"vendorName"[..], &b"Acme"[..])]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, tag: u8) {
            let framed = element(0x30, &[&[2, 1, 1], &element(tag, &[bytes.get(..bytes.len().min(90)).unwrap()])]);
            for bytes in [&bytes, &framed] {
                let _ = element_length(bytes);
                if let Ok(Message { operation: Operation::RootEntry(attributes), .. }) = Message::parse(bytes) {
                    let _ = attributes.iter().count();
                }
            }
        }
    }
}
