//! NetBIOS names: RFC 1001 section 14.1 (encoding), RFC 1002 section 4.2.18 (node status).

use super::Name;
use crate::{Layer, Reader};

/// Decodes an encoded NetBIOS name: name without its padding, suffix byte, and scope if any.
///
/// The first label of such a name is 32 letters `A` to `P`, each half a byte of the 16-byte name.
pub fn node_name(name: &Name) -> Option<([u8; 15], u8, &[u8])> {
    let (encoded, rest) = name.as_bytes().split_at_checked(32)?;
    let scope = match rest.split_first() {
        None => rest,
        Some((b'.', scope)) => scope,
        Some(_) => return None,
    };
    let mut decoded = [0; 16];
    for (byte, &[high, low]) in decoded.iter_mut().zip(encoded.as_chunks::<2>().0) {
        if !(b'A'..=b'P').contains(&high) || !(b'A'..=b'P').contains(&low) {
            return None;
        }
        *byte = high.wrapping_sub(b'A') << 4 | low.wrapping_sub(b'A');
    }
    let (text, suffix) = decoded.split_first_chunk::<15>().map(|(text, suffix)| (*text, suffix))?;
    Some((text, suffix.first().copied().unwrap_or(0), scope))
}

/// The names in a node status response.
#[derive(Clone, Copy, Debug)]
pub struct NodeNames<'a>(pub(super) &'a [u8]);

impl<'a> NodeNames<'a> {
    /// Name of 15 bytes with padding, suffix, and flags (0x8000 is a group).
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], u8, u16)> {
        let mut reader = Reader::new(Layer::Nbns, self.0);
        let count = reader.u8("number of names").unwrap_or(0);
        (0..count).map_while(move |_| {
            let name = reader.take("name", 15).ok()?;
            Some((name, reader.u8("suffix").ok()?, reader.u16_be("name flags").ok()?))
        })
    }
}
