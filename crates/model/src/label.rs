//! Short printable text from the wire.

use std::borrow::Borrow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An identifier read from the wire: at most [`Label::LENGTH_MAX`] bytes of printable text.
///
/// Host names, AE titles, product names. Control characters are dropped, so that a label can be printed,
/// logged and shown without escaping surprises. Patient data never becomes a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Label(Box<str>);

impl Label {
    /// The longest label in bytes; longer text is cut at a character boundary.
    pub const LENGTH_MAX: usize = 255;

    /// Makes a label of `text`, trimmed, without control characters, cut to [`Self::LENGTH_MAX`].
    pub fn new(text: &str) -> Self {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        let end = text.floor_char_boundary(Self::LENGTH_MAX);
        let cut = text.get(..end).unwrap_or_default();
        if cut.chars().any(unprintable) {
            Self(cut.chars().filter(|c| !unprintable(*c)).collect())
        } else {
            Self(cut.into())
        }
    }

    /// Makes a label of bytes that should be UTF-8 or ASCII; other bytes become the replacement character.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.len().min(Self::LENGTH_MAX * 4);
        Self::new(&String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()))
    }

    /// A label, or `None` where nothing printable is left.
    pub fn non_empty(bytes: &[u8]) -> Option<Self> {
        Some(Self::from_bytes(bytes)).filter(|label| !label.0.is_empty())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Control characters, and the bidirectional overrides with which a name could disguise itself on a page.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Label {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_a_character_and_drops_controls() {
        assert_eq!(Label::new(" CT\u{1b}[31m-1\r\n").as_str(), "CT[31m-1");
        assert!(Label::new(&"é".repeat(400)).as_str().len() <= Label::LENGTH_MAX);
        assert_eq!(Label::non_empty(b" \0\0"), None);
        assert_eq!(Label::new("a\u{202e}b").as_str(), "ab");
    }
}
