//! What a Kerberos message says.

use crate::enterprise::snmp::Element;
use crate::{Error, Layer, Reader, Sensitive};

/// Encryption types read from a request.
const ENCRYPTION_TYPES_MAX: usize = 16;

/// Message types, RFC 4120 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Kind {
    AsRequest,
    AsReply,
    TgsRequest,
    TgsReply,
    Error,
}

/// A message between a client and the key distribution centre.
#[derive(Clone)]
pub struct Message<'a> {
    /// Which.
    pub kind: Kind,
    /// Realm, which is the name of the domain in capital letters.
    pub realm: Option<&'a [u8]>,
    /// Client name. It names a person, or a computer where it ends in `$`.
    pub client: Option<Sensitive<&'a [u8]>>,
    /// First two components of the service's name, such as `cifs` and a host name.
    pub service: [Option<&'a [u8]>; 2],
    /// Encryption types that a request accepts, in its order.
    pub encryption_types: Vec<i64>,
    /// Encryption type of the ticket of a reply.
    pub ticket_encryption: Option<i64>,
    /// Error code of an error.
    pub error: Option<i64>,
}

impl<'a> Message<'a> {
    /// Reads a message without the length that TCP puts in front. Tickets may be cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Kerberos, bytes);
        let outer = Element::read(&mut reader, "message")?;
        let kind = match outer.tag {
            0x6a => Kind::AsRequest,
            0x6b => Kind::AsReply,
            0x6c => Kind::TgsRequest,
            0x6d => Kind::TgsReply,
            0x7e => Kind::Error,
            _ => return Err(reader.unsupported("message")),
        };
        let mut outer = outer.content;
        let mut fields = Element::expect(&mut outer, 0x30, "message")?;
        let mut message = Self {
            kind,
            realm: None,
            client: None,
            service: [None; 2],
            encryption_types: Vec::new(),
            ticket_encryption: None,
            error: None,
        };
        while !fields.is_empty() {
            let field = Element::read(&mut fields, "field")?;
            match kind {
                Kind::AsRequest | Kind::TgsRequest if field.tag == 0xa4 => message.body(field.content)?,
                Kind::AsReply | Kind::TgsReply => message.reply(field)?,
                Kind::Error => message.error(field)?,
                _ => {}
            }
        }
        Ok(message)
    }

    /// KDC-REQ-BODY, section 5.4.1.
    fn body(&mut self, mut reader: Reader<'a>) -> Result<(), Error> {
        let mut fields = Element::expect(&mut reader, 0x30, "request body")?;
        while !fields.is_empty() {
            let mut field = Element::read(&mut fields, "request field")?;
            match field.tag {
                0xa1 => self.client = names(field.content)?[0].map(Sensitive::new),
                0xa2 => self.realm = Some(text(&mut field.content)?),
                0xa3 => self.service = names(field.content)?,
                0xa8 => {
                    let mut list = Element::expect(&mut field.content, 0x30, "encryption types")?;
                    while !list.is_empty() && self.encryption_types.len() < ENCRYPTION_TYPES_MAX {
                        self.encryption_types.push(Element::integer(&mut list, "encryption type")?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// KDC-REP, section 5.4.2.
    fn reply(&mut self, mut field: Element<'a>) -> Result<(), Error> {
        match field.tag {
            0xa3 => self.realm = Some(text(&mut field.content)?),
            0xa4 => self.client = names(field.content)?[0].map(Sensitive::new),
            // Ticket, section 5.3.
            0xa5 => {
                let mut ticket = Element::expect(&mut field.content, 0x61, "ticket")?;
                let mut parts = Element::expect(&mut ticket, 0x30, "ticket")?;
                while !parts.is_empty() {
                    let mut part = Element::read(&mut parts, "ticket field")?;
                    match part.tag {
                        0xa2 => self.service = names(part.content)?,
                        0xa3 => {
                            let mut data = Element::expect(&mut part.content, 0x30, "encrypted data")?;
                            let mut kind = Element::expect(&mut data, 0xa0, "encryption type")?;
                            self.ticket_encryption = Some(Element::integer(&mut kind, "encryption type")?);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// KRB-ERROR, section 5.9.1.
    fn error(&mut self, mut field: Element<'a>) -> Result<(), Error> {
        match field.tag {
            0xa6 => self.error = Some(Element::integer(&mut field.content, "error code")?),
            0xa9 => self.realm = Some(text(&mut field.content)?),
            0xaa => self.service = names(field.content)?,
            _ => {}
        }
        Ok(())
    }
}

/// A string, whatever its type.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    Element::read(reader, "string").map(|element| element.content.rest())
}

/// First components of a PrincipalName, section 5.2.2.
fn names<'a>(mut reader: Reader<'a>) -> Result<[Option<&'a [u8]>; 2], Error> {
    let mut name = Element::expect(&mut reader, 0x30, "principal name")?;
    Element::expect(&mut name, 0xa0, "name type")?;
    let mut list = Element::expect(&mut name, 0xa1, "name string")?;
    let mut list = Element::expect(&mut list, 0x30, "name string")?;
    let mut next = || if list.is_empty() { None } else { text(&mut list).ok() };
    Ok([next(), next()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = content.len();
        let length =
            if length < 128 { vec![length as u8] } else { vec![0x82, (length >> 8) as u8, length as u8] };
        [&[tag][..], &length, &content].concat()
    }

    fn name(parts: &[&[u8]]) -> Vec<u8> {
        let strings: Vec<_> = parts.iter().map(|part| element(0x1b, &[part])).collect();
        let strings: Vec<_> = strings.iter().map(Vec::as_slice).collect();
        element(0x30, &[&[0xa0, 3, 2, 1, 1], &element(0xa1, &[&element(0x30, &strings)])])
    }

    fn request() -> Vec<u8> {
        let body = element(
            0x30,
            &[
                &[0xa0, 7, 3, 5, 0, 0x40, 0, 0, 0],
                &element(0xa1, &[&name(&[b"WARD-PC$"])]),
                &element(0xa2, &[&element(0x1b, &[b"CLINIC.EXAMPLE"])]),
                &element(0xa3, &[&name(&[b"krbtgt", b"CLINIC.EXAMPLE"])]),
                &element(0xa8, &[&element(0x30, &[&[2, 1, 18, 2, 1, 23, 2, 2, 0xff, 0x79]])]),
            ],
        );
        let fields = element(0x30, &[&[0xa1, 3, 2, 1, 5, 0xa2, 3, 2, 1, 10], &element(0xa4, &[&body])]);
        element(0x6a, &[&fields])
    }

    #[test]
    fn reads_a_request() {
        let bytes = request();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.kind, Kind::AsRequest);
        assert_eq!(message.realm, Some(&b"CLINIC.EXAMPLE"[..]));
        assert_eq!(message.client.unwrap().expose(), b"WARD-PC$");
        assert_eq!(message.service[0], Some(&b"krbtgt"[..]));
        assert_eq!(message.encryption_types, [18, 23, -135]);
    }

    #[test]
    fn reads_the_encryption_of_a_ticket() {
        let data = element(0x30, &[&[0xa0, 3, 2, 1, 23], &element(0xa2, &[&element(4, &[&[7; 60]])])]);
        let ticket = element(
            0x61,
            &[&element(
                0x30,
                &[
                    &[0xa0, 3, 2, 1, 5],
                    &element(0xa1, &[&element(0x1b, &[b"CLINIC.EXAMPLE"])]),
                    &element(0xa2, &[&name(&[b"cifs", b"files.clinic.example"])]),
                    &element(0xa3, &[&data]),
                ],
            )],
        );
        let fields = element(0x30, &[&[0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 13], &element(0xa5, &[&ticket])]);
        let bytes = element(0x6d, &[&fields]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.kind, message.ticket_encryption), (Kind::TgsReply, Some(23)));
        assert_eq!(message.service[1], Some(&b"files.clinic.example"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, place in 0usize..120, byte: u8) {
            let _ = Message::parse(&bytes);
            let mut bytes = request();
            let length = bytes.len();
            bytes[place % length] = byte;
            let _ = Message::parse(&bytes);
        }
    }
}
