//! Data elements.

use crate::{Layer, Reader};

/// Most elements of one set that are read.
const ELEMENTS_MAX: usize = 4_096;
/// Deepest nesting of sequences that is followed.
const DEPTH_MAX: u32 = 16;
/// A length that is told by a delimiter instead.
const UNDEFINED: u32 = 0xffff_ffff;

/// How elements are written: PS3.5 annex A.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not known: the first element tells.
    #[default]
    Unknown,
    /// Implicit VR, little endian.
    Implicit,
    /// Explicit VR, little endian; pictures may be compressed.
    Explicit,
    /// Explicit VR, big endian.
    ExplicitBig,
    /// Deflated: nothing can be read.
    Deflated,
}

impl Encoding {
    /// By transfer syntax UID.
    pub fn of(uid: &[u8]) -> Self {
        match uid.trim_ascii_end() {
            b"1.2.840.10008.1.2" => Self::Implicit,
            b"1.2.840.10008.1.2.2" => Self::ExplicitBig,
            b"1.2.840.10008.1.2.1.99" => Self::Deflated,
            uid if uid.starts_with(b"1.2.840.10008.1.2.") => Self::Explicit,
            _ => Self::Unknown,
        }
    }

    /// By the first element.
    fn guess(self, bytes: &[u8]) -> Self {
        match (self, bytes) {
            (Self::Unknown, [0, _, _, _, a, b, ..]) if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
                Self::ExplicitBig
            }
            (Self::Unknown, [_, _, _, _, a, b, ..]) if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
                Self::Explicit
            }
            (Self::Unknown, _) => Self::Implicit,
            (known, _) => known,
        }
    }
}

/// An element of the outermost level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Group and element number.
    pub tag: (u16, u16),
    /// Value without its padding; the kept head may hold only its front.
    pub value: &'a [u8],
}

/// The elements of a command set, which is always implicit VR, little endian.
pub fn commands(bytes: &[u8], tell: &mut dyn FnMut(Element<'_>)) {
    elements(Encoding::Implicit, bytes, tell);
}

/// Gives the elements of the outermost level to `tell`, in order, as far as the bytes go and make sense.
pub fn elements(encoding: Encoding, bytes: &[u8], tell: &mut dyn FnMut(Element<'_>)) {
    let encoding = encoding.guess(bytes);
    if encoding == Encoding::Deflated {
        return;
    }
    let mut reader = Reader::new(Layer::Dicom, bytes);
    let mut depth = 0_u32;
    for _ in 0..ELEMENTS_MAX {
        let Some((tag, length)) = head(&mut reader, encoding) else { return };
        match (tag, length) {
            ((0xfffe, 0xe0dd), _) => depth = depth.saturating_sub(1),
            // Items are walked through; their elements are of an inner level.
            ((0xfffe, _), UNDEFINED | 0) => {}
            ((0xfffe, 0xe000), _) if depth > 0 => {}
            (_, UNDEFINED) if depth < DEPTH_MAX => depth += 1,
            (_, UNDEFINED) => return,
            (tag, length) => {
                let value = reader.take_lax(usize::try_from(length).unwrap_or(usize::MAX));
                if depth == 0 {
                    let value = value.trim_ascii_end();
                    let value = value.strip_suffix(b"\0").unwrap_or(value);
                    tell(Element { tag, value });
                }
            }
        }
    }
}

/// Tag and length of the next element.
fn head(reader: &mut Reader<'_>, encoding: Encoding) -> Option<((u16, u16), u32)> {
    let big = encoding == Encoding::ExplicitBig;
    let two = |reader: &mut Reader<'_>| if big { reader.u16_be("tag") } else { reader.u16_le("tag") }.ok();
    let four =
        |reader: &mut Reader<'_>| if big { reader.u32_be("length") } else { reader.u32_le("length") }.ok();
    let tag = (two(reader)?, two(reader)?);
    if encoding == Encoding::Implicit || tag.0 == 0xfffe {
        return Some((tag, four(reader)?));
    }
    let representation = reader.array::<2>("value representation").ok()?;
    if !representation.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    // PS3.5 section 7.1.2: these have two reserved bytes and a long length.
    let long = matches!(
        &representation,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV"
    );
    if long {
        reader.skip("reserved", 2).ok()?;
        return Some((tag, four(reader)?));
    }
    Some((tag, u32::from(two(reader)?)))
}
