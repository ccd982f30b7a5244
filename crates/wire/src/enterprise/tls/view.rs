//! Records, and the lists inside a handshake message.

use crate::{Error, Layer, Reader};

/// A record, RFC 8446 section 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// 20 change cipher spec, 21 alert, 22 handshake, 23 application data, 24 heartbeat.
    pub content_type: u8,
    /// Version, wire number.
    pub version: u16,
    /// The fragment; what is encrypted is not known here.
    pub fragment: &'a [u8],
}

impl<'a> Record<'a> {
    /// Length of a record header, bytes.
    pub const HEADER_BYTES: usize = 5;
    /// Longest fragment, with the room for expansion that TLS 1.2 allows, bytes.
    pub const FRAGMENT_BYTES_MAX: usize = 16_384 + 2_048;

    /// Reads a record header: content type, version and length of the fragment.
    pub fn header(bytes: &[u8]) -> Result<(u8, u16, usize), Error> {
        let mut reader = Reader::new(Layer::Tls, bytes);
        let content_type = reader.u8("content type")?;
        if !matches!(content_type, 20..=24) {
            return Err(reader.malformed("content type"));
        }
        let version = reader.u16_be("record version")?;
        if version >> 8 != 3 || version & 0xff > 4 {
            return Err(reader.malformed("record version"));
        }
        let length = usize::from(reader.u16_be("record length")?);
        if length > Self::FRAGMENT_BYTES_MAX {
            return Err(reader.malformed("record length"));
        }
        Ok((content_type, version, length))
    }

    /// Reads a whole record at the front of a stream.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let (content_type, version, length) = Self::header(bytes)?;
        let mut reader = Reader::new(Layer::Tls, bytes);
        reader.skip("record header", Self::HEADER_BYTES)?;
        Ok(Self { content_type, version, fragment: reader.take("fragment", length)? })
    }
}

/// A list of numbers of 16 bits, such as cipher suites.
#[derive(Clone, Copy, Debug, Default)]
pub struct U16List<'a>(pub(super) &'a [u8]);

impl<'a> U16List<'a> {
    /// The numbers in wire order.
    pub fn iter(self) -> impl Iterator<Item = u16> + 'a {
        self.0.as_chunks::<2>().0.iter().map(|bytes| u16::from_be_bytes(*bytes))
    }
}

/// The extensions of a hello.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'a>(pub(super) &'a [u8]);

impl<'a> Extensions<'a> {
    /// Type and content of each, in wire order. Ends where they are not well formed.
    pub fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut reader = Reader::new(Layer::Tls, self.0);
        std::iter::from_fn(move || {
            let kind = reader.u16_be("extension type").ok()?;
            let length = reader.u16_be("extension length").ok()?;
            Some((kind, reader.take("extension", usize::from(length)).ok()?))
        })
    }

    /// Content of the first extension of a type.
    pub fn find(self, wanted: u16) -> Option<&'a [u8]> {
        self.iter().find_map(|(kind, content)| (kind == wanted).then_some(content))
    }
}
