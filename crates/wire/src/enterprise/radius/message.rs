//! What a RADIUS message says.

use crate::{Error, Layer, Reader};

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Code, RFC 2865 section 4: 1 request, 2 accept, 3 reject, 4 and 5 accounting, 11 challenge.
    pub code: u8,
    attributes: Reader<'a>,
}

/// An attribute, RFC 2865 section 5. User name and password are only for pseudonyms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Type.
    pub kind: u8,
    /// Value.
    pub value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Radius, datagram);
        let code = reader.u8("code")?;
        reader.skip("identifier", 1)?;
        let length = usize::from(reader.u16_be("length")?);
        let Some(length) = length.checked_sub(20) else { return Err(reader.malformed("length")) };
        reader.skip("authenticator", 16)?;
        Ok(Self { code, attributes: reader.sub("attributes", length)? })
    }

    /// Attributes in order. Ends where they are not well formed.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut reader = self.attributes;
        std::iter::from_fn(move || {
            let kind = reader.u8("attribute type").ok()?;
            let length = usize::from(reader.u8("attribute length").ok()?).checked_sub(2)?;
            Some(Attribute { kind, value: reader.take("attribute", length).ok()? })
        })
    }

    /// Whether a client asks, rather than a server answers.
    pub const fn is_request(&self) -> bool {
        matches!(self.code, 1 | 4)
    }

    /// Whether a server answers a request of its client.
    pub const fn is_answer(&self) -> bool {
        matches!(self.code, 2 | 3 | 5 | 11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_request() {
        let mut bytes = vec![1, 7, 0, 30];
        bytes.extend([0; 16]);
        bytes.extend(b"\x20\x0aswitch-3");
        let message = Message::parse(&bytes).unwrap();
        assert!(message.is_request() && !message.is_answer());
        let attributes: Vec<_> = message.attributes().collect();
        assert_eq!(attributes, [Attribute { kind: 32, value: b"switch-3" }]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            if let Ok(message) = Message::parse(&bytes) {
                prop_assert!(message.attributes().count() <= bytes.len());
            }
        }
    }
}
