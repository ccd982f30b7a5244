//! Records as fields, repeats and components: LIS02-A2 section 5.4. Without judgement.

use std::borrow::Cow;

/// The delimiters that a header defines: section 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: u8,
    /// Between repeats of a field.
    pub repeat: u8,
    /// Between components.
    pub component: u8,
    /// Around escapes.
    pub escape: u8,
}

impl Delimiters {
    /// Those that a header record defines, if it is one: `H`, then four different signs, then the first again.
    pub fn from_header(record: &[u8]) -> Option<Self> {
        let [b'H', field, repeat, component, escape, rest @ ..] = record else { return None };
        let signs = [*field, *repeat, *component, *escape];
        let differ = (0..4).all(|one| (0..one).all(|other| signs.get(one) != signs.get(other)));
        let ends =
            rest.first().is_none_or(|next| next == field || matches!(next, b'\r' | b'\n' | 0x03 | 0x17));
        (signs.iter().all(u8::is_ascii_punctuation) && differ && ends).then_some(Self {
            field: *field,
            repeat: *repeat,
            component: *component,
            escape: *escape,
        })
    }

    /// Those of nearly every sender, for a stream that began before the capture: section 5.4.1.
    pub const USUAL: Self = Self { field: b'|', repeat: b'\\', component: b'^', escape: b'&' };
}

/// One record.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
}

impl<'a> Record<'a> {
    /// A record without its end.
    pub const fn new(bytes: &'a [u8], delimiters: Delimiters) -> Self {
        Self { bytes, delimiters }
    }

    /// Its kind, upper case: `H`, `P`, `O`, `R`, `C`, `Q`, `L`, `S`, `M`.
    pub fn kind(&self) -> u8 {
        self.bytes.first().map_or(0, u8::to_ascii_uppercase)
    }

    /// Whether it begins like a record: a letter, then the delimiter or nothing.
    pub fn is_well_formed(&self) -> bool {
        self.kind().is_ascii_alphabetic()
            && self.bytes.get(1).is_none_or(|sign| *sign == self.delimiters.field)
    }

    /// A field by the number that the standard gives it: the kind is 1.
    pub fn field(&self, number: usize) -> Field<'a> {
        let mut fields = self.bytes.split(|byte| *byte == self.delimiters.field);
        let bytes = number.checked_sub(1).and_then(|place| fields.nth(place)).unwrap_or_default();
        Field { bytes, delimiters: self.delimiters }
    }
}

/// One field, or one repeat of it.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
}

impl<'a> Field<'a> {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let signs = [self.delimiters.component, self.delimiters.repeat, b'"'];
        self.bytes.iter().all(|byte| byte.is_ascii_whitespace() || signs.contains(byte))
    }

    /// The bytes as sent.
    pub const fn raw(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its repeats; a field that does not repeat has one.
    pub fn repeats(&self) -> impl Iterator<Item = Field<'a>> {
        let delimiters = self.delimiters;
        self.bytes.split(move |byte| *byte == delimiters.repeat).map(move |bytes| Field { bytes, delimiters })
    }

    /// Components of its first repeat, without escapes and surrounding white space.
    pub fn components(&self) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let delimiters = self.delimiters;
        let first = self.bytes.split(|byte| *byte == delimiters.repeat).next().unwrap_or_default();
        first
            .split(move |byte| *byte == delimiters.component)
            .map(move |part| unescape(part.trim_ascii(), delimiters))
    }

    /// A component of its first repeat by number, from 1; empty where there is none.
    pub fn component(&self, number: usize) -> Cow<'a, [u8]> {
        number.checked_sub(1).and_then(|place| self.components().nth(place)).unwrap_or_default()
    }
}

/// Takes escapes off: section 5.4.6. What is no known escape stays as it is.
fn unescape(text: &[u8], delimiters: Delimiters) -> Cow<'_, [u8]> {
    if !text.contains(&delimiters.escape) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| *byte == delimiters.escape) {
        let (before, from) = rest.split_at(start);
        plain.extend_from_slice(before);
        let after = from.get(1..).unwrap_or_default();
        let end = after.iter().position(|byte| *byte == delimiters.escape);
        let escape = end.and_then(|end| after.get(..end)).unwrap_or_default();
        let sign = match escape {
            b"F" => Some(delimiters.field),
            b"S" => Some(delimiters.component),
            b"R" => Some(delimiters.repeat),
            b"E" => Some(delimiters.escape),
            [b'X', high, low] => char::from(*high)
                .to_digit(16)
                .zip(char::from(*low).to_digit(16))
                .map(|(high, low)| (high << 4 | low) as u8),
            _ => None,
        };
        match (sign, end) {
            (Some(sign), Some(end)) => {
                plain.push(sign);
                rest = after.get(end + 1..).unwrap_or_default();
            }
            _ => {
                plain.push(delimiters.escape);
                rest = after;
            }
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_defines_four_different_signs() {
        assert_eq!(Delimiters::from_header(b"H|\\^&|||x"), Some(Delimiters::USUAL));
        assert_eq!(Delimiters::from_header(b"H|@^\\|x").map(|signs| signs.repeat), Some(b'@'));
        for text in [&b"H|\\^^|"[..], b"H|\\^&x", b"HELLO|", b"H||||", b"H|\\^"] {
            assert_eq!(Delimiters::from_header(text), None);
        }
    }

    #[test]
    fn fields_are_numbered_as_in_the_standard() {
        let record = Record::new(b"R|1|^^^GLU^1|5&S&6 |mmol/L", Delimiters::USUAL);
        assert_eq!(record.kind(), b'R');
        assert_eq!(record.field(3).component(4).as_ref(), b"GLU");
        assert_eq!(record.field(4).component(1).as_ref(), b"5^6");
        assert_eq!(record.field(5).raw(), b"mmol/L");
        assert!(record.field(6).is_empty() && record.field(0).is_empty() && record.field(99).is_empty());
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(unescape(b"a&b", Delimiters::USUAL).as_ref(), b"a&b");
        assert_eq!(unescape(b"&X41&&Z&&E&", Delimiters::USUAL).as_ref(), b"A&Z&&");
    }
}
