//! Segments, fields, repetitions, components and sub-components, without judgement.

use std::borrow::Cow;

/// The characters that separate, from MSH-1 and MSH-2. HL7 v2.5.1 section 2.5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields, usually `|`.
    pub field: u8,
    /// Between components, usually `^`.
    pub component: u8,
    /// Between repetitions, usually `~`.
    pub repetition: u8,
    /// Around escape sequences, usually `\`.
    pub escape: u8,
    /// Between sub-components, usually `&`.
    pub subcomponent: u8,
}

impl Delimiters {
    /// The recommended ones.
    pub const USUAL: Self =
        Self { field: b'|', component: b'^', repetition: b'~', escape: b'\\', subcomponent: b'&' };

    /// Reads them from the front of a header segment (MSH, FHS or BHS). Characters left out at the end of
    /// MSH-2 are the recommended ones.
    pub fn from_header(segment: &[u8]) -> Option<Self> {
        let field = *segment.get(3).filter(|byte| byte.is_ascii_punctuation())?;
        let encoding = segment.get(4..)?.split(|byte| *byte == field).next()?;
        let distinct = encoding.iter().enumerate().all(|(at, byte)| {
            byte.is_ascii_punctuation() && !encoding.iter().take(at).any(|earlier| earlier == byte)
        });
        // Four characters; a fifth, the truncation character, since v2.7.
        if encoding.len() > 5 || !distinct {
            return None;
        }
        let at = |place: usize, usual: u8| encoding.get(place).copied().unwrap_or(usual);
        Some(Self {
            field,
            component: at(0, Self::USUAL.component),
            repetition: at(1, Self::USUAL.repetition),
            escape: at(2, Self::USUAL.escape),
            subcomponent: at(3, Self::USUAL.subcomponent),
        })
    }

    /// Takes escape sequences away: what stood for a delimiter or was written in hexadecimal becomes the
    /// byte, formatting commands become a space, sequences that nobody defined stay. Section 2.7.
    pub fn unescape<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if memchr::memchr(self.escape, bytes).is_none() {
            return Cow::Borrowed(bytes);
        }
        let mut plain = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(self.escape, rest) {
            let (before, from) = rest.split_at(at);
            plain.extend_from_slice(before);
            let after = from.get(1..).unwrap_or_default();
            let body = memchr::memchr(self.escape, after).and_then(|end| after.get(..end));
            match body.filter(|body| self.replace(body, &mut plain)) {
                Some(body) => rest = after.get(body.len() + 1..).unwrap_or_default(),
                None => {
                    plain.push(self.escape);
                    rest = after;
                }
            }
        }
        plain.extend_from_slice(rest);
        Cow::Owned(plain)
    }

    /// Appends what an escape sequence stands for. False where it stands for nothing.
    fn replace(&self, sequence: &[u8], plain: &mut Vec<u8>) -> bool {
        match sequence {
            b"F" => plain.push(self.field),
            b"S" => plain.push(self.component),
            b"T" => plain.push(self.subcomponent),
            b"R" => plain.push(self.repetition),
            b"E" => plain.push(self.escape),
            b"P" => plain.push(b'#'),
            b"H" | b"N" => {}
            [b'X', digits @ ..] => match hexadecimal(digits) {
                Some(bytes) => plain.extend(bytes),
                None => return false,
            },
            [b'.', _, ..] => plain.push(b' '),
            [b'C' | b'M' | b'Z', digits @ ..] if hexadecimal(digits).is_some() => {}
            _ => return false,
        }
        true
    }
}

fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()).collect()
}

/// A segment, as far as it was kept.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
    elisions: &'a [Elision],
}

/// A part of a long field that was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elision {
    /// Index of the field among those that the field separator makes; 0 is the name.
    pub field: usize,
    /// Bytes passed over.
    pub bytes: u64,
}

impl<'a> Segment<'a> {
    /// A segment without its terminator, of which `elisions` were left out.
    pub const fn new(bytes: &'a [u8], delimiters: Delimiters, elisions: &'a [Elision]) -> Self {
        Self { bytes, delimiters, elisions }
    }

    /// Its name, such as `PID`.
    pub fn name(&self) -> &'a [u8] {
        self.bytes.get(..3).unwrap_or(self.bytes)
    }

    /// Whether it is a name of a capital letter and two capital letters or digits, alone or before a field.
    pub fn is_well_formed(&self) -> bool {
        let letter = |byte: &u8| byte.is_ascii_uppercase();
        let either = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        matches!(self.name(), [a, b, c] if letter(a) && either(b) && either(c))
            && self.bytes.get(3).is_none_or(|byte| *byte == self.delimiters.field)
    }

    /// The field with this number, counted as the standard does: MSH-1 is the field separator itself.
    pub fn field(&self, number: usize) -> Field<'a> {
        let index = if self.is_header() { number.saturating_sub(1) } else { number };
        let bytes = nth(self.bytes, self.delimiters.field, index);
        let elided = self.elisions.iter().filter(|elision| elision.field == index);
        Field {
            bytes,
            delimiters: self.delimiters,
            length: elided.fold(bytes.len() as u64, |sum, elision| sum.saturating_add(elision.bytes)),
        }
    }

    fn is_header(&self) -> bool {
        matches!(self.name(), b"MSH" | b"FHS" | b"BHS")
    }
}

/// A field: repetitions of a value.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
    length: u64,
}

impl<'a> Field<'a> {
    /// Its length on the wire, bytes, with what was passed over.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Whether nothing is in it: no text, delimiters only, or the null of two quotation marks.
    pub fn is_empty(&self) -> bool {
        let d = self.delimiters;
        self.bytes
            .iter()
            .all(|byte| [d.component, d.repetition, d.subcomponent, b'"', b' ', b'\t'].contains(byte))
    }

    /// Its repetitions; one where there is no repetition separator.
    pub fn repetitions(&self) -> impl Iterator<Item = Repetition<'a>> + use<'a> {
        let delimiters = self.delimiters;
        self.bytes
            .split(move |byte| *byte == delimiters.repetition)
            .map(move |bytes| Repetition { bytes, delimiters })
    }

    /// The first repetition.
    pub fn first(&self) -> Repetition<'a> {
        Repetition { bytes: nth(self.bytes, self.delimiters.repetition, 0), delimiters: self.delimiters }
    }

    /// The whole field as it is on the wire, of which the end may have been passed over.
    pub const fn raw(&self) -> &'a [u8] {
        self.bytes
    }
}

/// One value of a field.
#[derive(Clone, Copy)]
pub struct Repetition<'a> {
    bytes: &'a [u8],
    delimiters: Delimiters,
}

impl<'a> Repetition<'a> {
    /// A component, counted from 1, unescaped; empty where it is missing or null.
    pub fn component(&self, number: usize) -> Cow<'a, [u8]> {
        self.delimiters.unescape(present(self.raw_component(number)))
    }

    /// A sub-component, both counted from 1, unescaped; empty where it is missing or null.
    pub fn subcomponent(&self, component: usize, number: usize) -> Cow<'a, [u8]> {
        let bytes =
            nth(self.raw_component(component), self.delimiters.subcomponent, number.saturating_sub(1));
        self.delimiters.unescape(present(bytes))
    }

    fn raw_component(&self, number: usize) -> &'a [u8] {
        nth(self.bytes, self.delimiters.component, number.saturating_sub(1))
    }
}

fn nth(bytes: &[u8], delimiter: u8, index: usize) -> &[u8] {
    bytes.split(|byte| *byte == delimiter).nth(index).unwrap_or_default()
}

/// The null value, two quotation marks, means "delete what you know". Section 2.5.3.
fn present(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii();
    if bytes == b"\"\"" { &[] } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment::new(bytes, Delimiters::USUAL, &[])
    }

    #[test]
    fn reads_unusual_delimiters() {
        let delimiters = Delimiters::from_header(b"MSH#*@!%#APP").unwrap();
        assert_eq!(
            delimiters,
            Delimiters { field: b'#', component: b'*', repetition: b'@', escape: b'!', subcomponent: b'%' }
        );
        assert_eq!(Delimiters::from_header(b"MSH|^~\\&#|"), Some(Delimiters::USUAL));
        assert_eq!(Delimiters::from_header(b"MSH||APP"), Some(Delimiters::USUAL));
        assert_eq!(Delimiters::from_header(b"MSHX^~\\&X"), None);
        assert_eq!(Delimiters::from_header(b"MSH|^^\\&|"), None);
        assert_eq!(Delimiters::from_header(b"MSH"), None);
    }

    #[test]
    fn counts_as_the_standard_does() {
        let header = segment(b"MSH|^~\\&|APP|FAC");
        assert_eq!(header.field(3).raw(), b"APP");
        let patient = segment(b"PID|1||0047^^^HOSP&1.2&ISO~77^^^SSA||\"\"");
        let field = patient.field(3);
        assert_eq!(field.repetitions().count(), 2);
        assert_eq!(&*field.first().subcomponent(4, 2), b"1.2");
        assert_eq!(&*field.first().component(1), b"0047");
        assert!(patient.field(5).is_empty());
        assert!(patient.field(99).is_empty());
        assert!(!segment(b"pid|1").is_well_formed());
    }

    #[test]
    fn takes_escapes_away() {
        let of = |bytes: &'static [u8]| Delimiters::USUAL.unescape(bytes).into_owned();
        assert_eq!(of(b"a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f"), b"a|b^c&d~e\\f");
        assert_eq!(of(b"\\X4D5A9000\\"), b"MZ\x90\0");
        assert_eq!(of(b"one\\.br\\two"), b"one two");
        assert_eq!(of(b"C:\\Q\\x \\X4\\"), b"C:\\Q\\x \\X4\\");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, number in 0usize..70) {
            let segment = segment(&bytes);
            let field = segment.field(number);
            for repetition in field.repetitions() {
                let _ = (repetition.component(number), repetition.subcomponent(1, number));
            }
            let _ = Delimiters::from_header(&bytes);
            prop_assert!(Delimiters::USUAL.unescape(&bytes).len() <= bytes.len());
        }
    }
}
