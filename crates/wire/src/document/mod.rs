//! Structured documents, read as they arrive: JSON (RFC 8259), XML 1.0, CBOR (RFC 8949).
//!
//! Bodies of clinical services are longer than anybody wants to keep. A reader is fed pieces and tells fields as they are
//! over, keeps a path and a text of bounded length, and gives the same fields however the pieces are cut. It never fails:
//! at the first thing that makes no sense it falls silent.

pub mod cbor;
pub mod json;
pub mod xml;

use crate::Sensitive;

/// Deepest nesting that is followed; a document that is deeper is not read on.
pub const DEPTH_MAX: usize = 48;
/// Longest text of which all is kept, bytes; of a longer one the front is.
pub const TEXT_BYTES_MAX: usize = 1024;

/// What a document holds. Lists vanish: their items are told under the key of the list, one after the other.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// An object begins under this key; of the outermost it is empty.
    Open(&'a str),
    /// A field.
    Value(&'a str, Sensitive<Scalar<'a>>),
    /// The newest object is over.
    Close,
}

/// A value without fields.
#[derive(Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// Text; its front where it is long.
    Text(&'a str),
    /// Number.
    Number(f64),
    /// True or false.
    Truth(bool),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Null and whatever has no meaning here.
    Nothing,
}

impl<'a> Scalar<'a> {
    /// The text, if it is one.
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, also where it was sent as text.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) if text.len() <= 32 => {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
            }
            _ => None,
        }
    }
}
