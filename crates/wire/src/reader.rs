//! The one way to read bytes.

use crate::{Error, Fault, Layer};

/// Reads a message front to back and never beyond its end.
///
/// Every read names its field, so that an error says what was being read and where.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Offset of `bytes` within the message that the outermost reader began with.
    offset: usize,
    layer: Layer,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` as a message of `layer`.
    pub const fn new(layer: Layer, bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, layer }
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Offset of the next byte from the start of the message.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The bytes not yet read, without reading them.
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next `length` bytes.
    #[inline]
    pub fn take(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], Error> {
        match self.bytes.split_at_checked(length) {
            Some((taken, rest)) => {
                self.bytes = rest;
                self.offset = self.offset.saturating_add(length);
                Ok(taken)
            }
            None => {
                let missing = length.saturating_sub(self.bytes.len());
                Err(self.error(field, Fault::Truncated { missing }))
            }
        }
    }

    /// As many of the next `length` bytes as there are.
    #[inline]
    pub fn take_lax(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at_checked(length).unwrap_or((self.bytes, &[]));
        self.bytes = rest;
        self.offset = self.offset.saturating_add(taken.len());
        taken
    }

    /// Everything that is left.
    pub const fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.bytes;
        self.offset = self.offset.saturating_add(rest.len());
        self.bytes = &[];
        rest
    }

    /// Leaves out `length` bytes.
    #[inline]
    pub fn skip(&mut self, field: &'static str, length: usize) -> Result<(), Error> {
        self.take(field, length).map(|_| ())
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        match self.bytes.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.bytes = rest;
                self.offset = self.offset.saturating_add(N);
                Ok(*taken)
            }
            None => {
                let missing = N.saturating_sub(self.bytes.len());
                Err(self.error(field, Fault::Truncated { missing }))
            }
        }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// Two bytes, most significant first.
    #[inline]
    pub fn u16_be(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Two bytes, least significant first.
    #[inline]
    pub fn u16_le(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Three bytes, most significant first.
    #[inline]
    pub fn u24_be(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, most significant first.
    #[inline]
    pub fn u32_be(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Four bytes, least significant first.
    #[inline]
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Eight bytes, most significant first.
    #[inline]
    pub fn u64_be(&mut self, field: &'static str) -> Result<u64, Error> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// Eight bytes, least significant first.
    #[inline]
    pub fn u64_le(&mut self, field: &'static str) -> Result<u64, Error> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A reader of the next `length` bytes only, as for a field that carries its own length.
    #[inline]
    pub fn sub(&mut self, field: &'static str, length: usize) -> Result<Self, Error> {
        let offset = self.offset;
        let bytes = self.take(field, length)?;
        Ok(Self { bytes, offset, layer: self.layer })
    }

    /// The same bytes read as another protocol, with offsets that begin anew.
    pub const fn nested(&self, layer: Layer) -> Self {
        Self { bytes: self.bytes, offset: 0, layer }
    }

    /// An error at the place reached.
    #[cold]
    pub const fn error(&self, field: &'static str, fault: Fault) -> Error {
        Error { layer: self.layer, field, offset: self.offset, fault }
    }

    /// The sender broke the standard at the place reached.
    #[cold]
    pub const fn malformed(&self, field: &'static str) -> Error {
        self.error(field, Fault::Malformed)
    }

    /// The standard allows what stands at the place reached, but we do not read it.
    #[cold]
    pub const fn unsupported(&self, field: &'static str) -> Error {
        self.error(field, Fault::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_error_names_field_and_offset() {
        let mut reader = Reader::new(Layer::Udp, &[1, 2, 3]);
        assert_eq!(reader.u16_be("source port"), Ok(0x0102));
        let error = reader.u16_be("destination port").unwrap_err();
        assert_eq!(error.offset, 2);
        assert_eq!(error.fault, Fault::Truncated { missing: 1 });
        assert_eq!(error.to_string(), "Udp: destination port at byte 2: Truncated { missing: 1 }");
    }

    proptest! {
        #[test]
        fn never_reads_beyond_a_sub_reader(bytes: Vec<u8>, length in 0usize..64, inner in 0usize..64) {
            let mut reader = Reader::new(Layer::Udp, &bytes);
            if let Ok(mut sub) = reader.sub("body", length) {
                prop_assert_eq!(sub.remaining(), length);
                let taken = sub.take("inner", inner).map(<[u8]>::len).unwrap_or(0);
                prop_assert!(taken <= length);
                prop_assert_eq!(reader.offset() + reader.remaining(), bytes.len());
            }
        }
    }
}
