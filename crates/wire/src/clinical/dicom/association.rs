//! A-ASSOCIATE-RQ and -AC: who, what for, with which software.

use super::Encoding;
use crate::{Error, Layer, Reader, Sensitive};

/// Most presentation contexts: identifiers are odd numbers of one byte.
const CONTEXTS_MAX: usize = 128;
/// Most sub-items of one item that are read.
const ITEMS_MAX: usize = 256;

/// A presentation context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Identifier.
    pub id: u8,
    /// Result of an acceptance: 0 is accepted. 0 in a request.
    pub result: u8,
    /// Abstract syntax; empty in an acceptance.
    pub abstract_syntax: &'a [u8],
    /// The (first) transfer syntax.
    pub encoding: Encoding,
}

/// A user identity, PS3.7 D.3.3.7.1.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JWT.
    pub kind: u8,
    /// User name or token.
    pub primary: Sensitive<&'a [u8]>,
    /// Passcode.
    pub secondary: Sensitive<&'a [u8]>,
}

/// An association request or acceptance.
#[derive(Clone, Default)]
pub struct Association<'a> {
    /// Called application entity.
    pub called: &'a [u8],
    /// Calling application entity.
    pub calling: &'a [u8],
    /// Contexts.
    pub contexts: Vec<Context<'a>>,
    /// Greatest length of a P-DATA PDU, bytes.
    pub length_max: u32,
    /// Implementation class UID.
    pub implementation_class: &'a [u8],
    /// Implementation version name.
    pub implementation_version: &'a [u8],
    /// User identity.
    pub identity: Option<Identity<'a>>,
}

impl<'a> Association<'a> {
    /// Reads the body of the PDU, behind its header.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Dicom, body);
        if reader.u16_be("protocol version")? & 1 == 0 {
            return Err(reader.unsupported("protocol version"));
        }
        reader.skip("reserved", 2)?;
        let called = reader.take("called AE title", 16)?;
        let calling = reader.take("calling AE title", 16)?;
        reader.skip("reserved", 32)?;
        let mut association = Self { called, calling, ..Self::default() };
        for _ in 0..ITEMS_MAX {
            if reader.is_empty() {
                break;
            }
            let (kind, item) = item(&mut reader)?;
            match kind {
                0x20 | 0x21 if association.contexts.len() < CONTEXTS_MAX => {
                    association.contexts.push(context(item)?);
                }
                0x50 => association.user(item)?,
                _ => {}
            }
        }
        Ok(association)
    }

    fn user(&mut self, mut reader: Reader<'a>) -> Result<(), Error> {
        for _ in 0..ITEMS_MAX {
            if reader.is_empty() {
                break;
            }
            let (kind, mut item) = item(&mut reader)?;
            match kind {
                0x51 => self.length_max = item.u32_be("maximum length")?,
                0x52 => self.implementation_class = item.take_rest(),
                0x55 => self.implementation_version = item.take_rest(),
                // PS3.7 D.3.3.7.1.
                0x58 => {
                    let kind = item.u8("user identity type")?;
                    item.skip("positive response requested", 1)?;
                    let length = usize::from(item.u16_be("primary field length")?);
                    let primary = item.take("primary field", length)?;
                    let length = usize::from(item.u16_be("secondary field length")?);
                    let secondary = item.take("secondary field", length)?;
                    self.identity = Some(Identity {
                        kind,
                        primary: Sensitive::new(primary),
                        secondary: Sensitive::new(secondary),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn item<'a>(reader: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Error> {
    let kind = reader.u8("item type")?;
    reader.skip("reserved", 1)?;
    let length = reader.u16_be("item length")?;
    Ok((kind, reader.sub("item", usize::from(length))?))
}

fn context(mut reader: Reader<'_>) -> Result<Context<'_>, Error> {
    let id = reader.u8("presentation context id")?;
    reader.skip("reserved", 1)?;
    let result = reader.u8("result")?;
    reader.skip("reserved", 1)?;
    let mut context = Context { id, result, abstract_syntax: &[], encoding: Encoding::Unknown };
    for _ in 0..ITEMS_MAX {
        if reader.is_empty() {
            break;
        }
        let (kind, mut item) = item(&mut reader)?;
        match kind {
            0x30 => context.abstract_syntax = item.take_rest(),
            0x40 if context.encoding == Encoding::Unknown => {
                context.encoding = Encoding::of(item.take_rest())
            }
            _ => {}
        }
    }
    Ok(context)
}
