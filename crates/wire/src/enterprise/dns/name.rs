//! Domain names.

use std::fmt;

use crate::{Error, Fault, Layer, Reader};

/// A name as text without its final dot: labels as they are on the wire, joined by dots.
///
/// Held in place, so that reading a name allocates nothing. Bytes are not judged: a label may hold anything.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; Self::LENGTH_MAX],
    length: u8,
}

impl Name {
    /// The longest name, RFC 1035 section 2.3.4, bytes.
    pub const LENGTH_MAX: usize = 255;

    const EMPTY: Self = Self { bytes: [0; Self::LENGTH_MAX], length: 0 };

    /// Reads the name at the reader's place; `message` is the whole message, for compression pointers.
    pub(super) fn read(message: &[u8], reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut name = Self::EMPTY;
        let start = reader.offset();
        let Some(mut pointer) = name.append_labels(reader, Layer::Dns)? else { return Ok(name) };
        let mut before = start;
        loop {
            // Only backwards: every pointer goes to an earlier place than the last, so the walk ends.
            let error = |fault| Error { layer: Layer::Dns, field: "name pointer", offset: before, fault };
            if pointer >= before {
                return Err(error(Fault::Malformed));
            }
            let rest = message.get(pointer..).ok_or(error(Fault::Malformed))?;
            let mut labels = Reader::new(Layer::Dns, rest);
            before = pointer;
            match name.append_labels(&mut labels, Layer::Dns)? {
                Some(next) => pointer = next,
                None => return Ok(name),
            }
        }
    }

    /// Reads uncompressed labels that may lack their final root label, as other protocols carry them.
    pub fn lax(bytes: &[u8]) -> Option<Self> {
        let mut name = Self::EMPTY;
        let mut reader = Reader::new(Layer::Dns, bytes);
        match name.append_labels(&mut reader, Layer::Dns) {
            Ok(Some(_)) => None,
            Ok(None) => Some(name).filter(|name| name.length != 0),
            Err(error) if error.is_truncated() && reader.is_empty() => {
                Some(name).filter(|name| name.length != 0)
            }
            Err(_) => None,
        }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether it is the root.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Reads labels up to the root or to a compression pointer, whose target is returned.
    fn append_labels(&mut self, reader: &mut Reader<'_>, layer: Layer) -> Result<Option<usize>, Error> {
        loop {
            let offset = reader.offset();
            let malformed = |field| Error { layer, field, offset, fault: Fault::Malformed };
            match reader.u8("label length")? {
                0 => return Ok(None),
                length @ 1..=63 => {
                    let label = reader.take("label", usize::from(length))?;
                    if !self.append(label) {
                        return Err(malformed("name"));
                    }
                }
                high @ 0xc0.. => {
                    let low = reader.u8("name pointer")?;
                    return Ok(Some(usize::from(u16::from_be_bytes([high & 0x3f, low]))));
                }
                _ => return Err(malformed("label type")),
            }
        }
    }

    fn append(&mut self, label: &[u8]) -> bool {
        let start = usize::from(self.length);
        let gap = usize::from(start != 0);
        let end = start + gap + label.len();
        // The wire form is two bytes longer than the text.
        if end + 2 > Self::LENGTH_MAX {
            return false;
        }
        if let Some(dot) = self.bytes.get_mut(start).filter(|_| gap == 1) {
            *dot = b'.';
        }
        if let Some(place) = self.bytes.get_mut(start + gap..end) {
            place.copy_from_slice(label);
        }
        self.length = u8::try_from(end).unwrap_or(u8::MAX);
        true
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.as_bytes().escape_ascii())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}
