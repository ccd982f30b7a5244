//! One written form for each thing that tells who a patient is, whatever protocol said it.
//!
//! Two sightings can only be compared by their pseudonyms, so what is pseudonymised must be the same text:
//!
//! | thing | HL7 version 2 | DICOM | canonical form |
//! | --- | --- | --- | --- |
//! | identifier | CX.1 and CX.4 (namespace, else universal identifier) | – | `ID^^^AUTHORITY` |
//! | identifier alone | CX.1 | (0010,0020) | `ID` |
//! | name | XPN.1.1 and XPN.2 | first two components of the first group of PN | `FAMILY^GIVEN` |
//! | birth date | first eight digits of DTM | DA, with or without dots | `YYYYMMDD` |
//!
//! An identifier keeps its case and leading zeros, loses surrounding white space, and everything but the
//! authority (check digit, type code, facility, validity) is left out, since senders of one hospital differ
//! in how much of it they fill in. The authority and the name are upper case; white space within a name
//! counts once.

use std::borrow::Cow;

use crate::Sensitive;

/// Bytes as text: UTF-8 where they are that, otherwise ISO 8859-1, which every byte is.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// An identifier in its canonical form; `None` where it is empty.
pub fn identifier(id: Sensitive<&[u8]>, authority: Option<&[u8]>) -> Option<Sensitive<String>> {
    let id = decode(id.expose().trim_ascii());
    let authority = authority.map(|bytes| decode(bytes.trim_ascii())).filter(|text| !text.is_empty());
    if id.is_empty() {
        return None;
    }
    Some(Sensitive::new(match authority {
        Some(authority) => format!("{id}^^^{}", authority.to_uppercase()),
        None => id.into_owned(),
    }))
}

/// A name in its canonical form; `None` where it is empty.
pub fn name(family: Sensitive<&[u8]>, given: Sensitive<&[u8]>) -> Option<Sensitive<String>> {
    let (family, given) = (name_part(family.expose()), name_part(given.expose()));
    if family.is_empty() && given.is_empty() {
        return None;
    }
    Some(Sensitive::new(format!("{family}^{given}")))
}

/// A birth date in its canonical form; `None` where there is not even a year.
pub fn birth_date(text: Sensitive<&[u8]>) -> Option<Sensitive<String>> {
    let digits: String = text
        .expose()
        .iter()
        .filter(|byte| !matches!(byte, b'.' | b'-' | b'/' | b' '))
        .take_while(|byte| byte.is_ascii_digit())
        .take(8)
        .map(|byte| char::from(*byte))
        .collect();
    (digits.len() >= 4).then_some(Sensitive::new(digits))
}

fn name_part(bytes: &[u8]) -> String {
    let text = decode(bytes).to_uppercase();
    let mut part = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !part.is_empty() {
            part.push(' ');
        }
        part.push_str(word);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: Option<Sensitive<String>>) -> Option<String> {
        text.map(Sensitive::expose)
    }

    #[test]
    fn an_identifier_keeps_zeros_and_takes_only_its_authority() {
        let id = Sensitive::new(&b" 000471 "[..]);
        assert_eq!(shown(identifier(id, Some(b"hosp"))).as_deref(), Some("000471^^^HOSP"));
        assert_eq!(shown(identifier(id, Some(b" "))).as_deref(), Some("000471"));
        assert_eq!(shown(identifier(Sensitive::new(b"  "), Some(b"HOSP"))), None);
    }

    #[test]
    fn names_agree_in_either_encoding() {
        let utf8 = name(Sensitive::new("Müller".as_bytes()), Sensitive::new(b" eva  maria"));
        let latin1 = name(Sensitive::new(b"M\xfcller"), Sensitive::new(b"Eva Maria"));
        assert_eq!(shown(utf8).as_deref(), Some("MÜLLER^EVA MARIA"));
        assert_eq!(shown(latin1).as_deref(), Some("MÜLLER^EVA MARIA"));
        assert_eq!(shown(name(Sensitive::new(b""), Sensitive::new(b" "))), None);
    }

    #[test]
    fn birth_dates_agree_with_and_without_time() {
        let of = |text: &'static [u8]| shown(birth_date(Sensitive::new(text)));
        assert_eq!(of(b"19700230113000").as_deref(), Some("19700230"));
        assert_eq!(of(b"1970.02.30").as_deref(), Some("19700230"));
        assert_eq!(of(b"unknown"), None);
    }
}
