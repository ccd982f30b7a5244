//! Long headers and frames of Initial packets.

use crate::{Error, Layer, Reader};

/// Longest connection identifier, RFC 9000 section 17.2.
const IDENTIFIER_BYTES_MAX: usize = 20;

/// Versions whose Initial packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// RFC 9000, and the drafts 33 and 34.
    One,
    /// RFC 9369.
    Two,
    /// Drafts 29 to 32.
    Draft29,
}

/// An Initial packet of which the header protection is still on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: Version,
    pub(super) destination: &'a [u8],
    /// The packet from its first byte to its end.
    pub(super) bytes: &'a [u8],
    /// Where the packet number begins.
    pub(super) number_at: usize,
}

/// The packets of a datagram: the Initial ones, `None` for another.
pub(super) fn next<'a>(reader: &mut Reader<'a>) -> Result<Option<Initial<'a>>, Error> {
    let whole = reader.rest();
    let before = reader.offset();
    let first = reader.u8("first byte")?;
    if first & 0x80 == 0 {
        return Err(reader.unsupported("short header"));
    }
    let version = match reader.u32_be("version")? {
        1 | 0xff00_0021 | 0xff00_0022 => Version::One,
        0x6b33_43cf => Version::Two,
        0xff00_001d..=0xff00_0020 => Version::Draft29,
        _ => return Err(reader.unsupported("version")),
    };
    let mut identifier = |field| {
        let length = usize::from(reader.u8(field)?);
        if length > IDENTIFIER_BYTES_MAX {
            return Err(reader.malformed(field));
        }
        reader.take(field, length)
    };
    let destination = identifier("destination connection id")?;
    identifier("source connection id")?;
    // Version 2 numbers the types anew, RFC 9369 section 3.2.
    let kind = match (version, first >> 4 & 3) {
        (Version::Two, kind) => (kind + 3) % 4,
        (_, kind) => kind,
    };
    match kind {
        0 => {
            let token = variable(reader)?;
            reader.skip("token", token)?;
        }
        1 | 2 => {}
        // A retry packet fills its datagram.
        _ => {
            reader.take_rest();
            return Ok(None);
        }
    }
    let length = variable(reader)?;
    let number_at = reader.offset().saturating_sub(before);
    reader.skip("packet", length)?;
    let bytes = whole.get(..number_at.saturating_add(length)).unwrap_or_default();
    Ok((kind == 0).then_some(Initial { version, destination, bytes, number_at }))
}

/// An integer of variable length, RFC 9000 section 16.
fn variable(reader: &mut Reader<'_>) -> Result<usize, Error> {
    let first = reader.u8("variable-length integer")?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1_u8 << (first >> 6) {
        value = value << 8 | u64::from(reader.u8("variable-length integer")?);
    }
    usize::try_from(value).map_err(|_| reader.malformed("variable-length integer"))
}

/// Gives offset and content of every CRYPTO frame to `tell`.
pub(super) fn frames(payload: &[u8], mut tell: impl FnMut(usize, &[u8])) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Quic, payload);
    while !reader.is_empty() {
        match variable(&mut reader)? {
            // Padding, ping.
            0 | 1 => {}
            kind @ (2 | 3) => {
                for _ in 0..2 {
                    variable(&mut reader)?;
                }
                let ranges = variable(&mut reader)?;
                variable(&mut reader)?;
                // Each range and each count takes at least a byte, so this ends with the payload.
                for _ in 0..ranges.saturating_mul(2) {
                    variable(&mut reader)?;
                }
                for _ in 0..if kind == 3 { 3 } else { 0 } {
                    variable(&mut reader)?;
                }
            }
            6 => {
                let offset = variable(&mut reader)?;
                let length = variable(&mut reader)?;
                tell(offset, reader.take("crypto data", length)?);
            }
            // Connection close: nothing comes after it.
            _ => return Ok(()),
        }
    }
    Ok(())
}
