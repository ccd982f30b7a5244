//! The fields of a body, without building a tree of it.

use crate::Sensitive;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// JSON, RFC 8259.
    Json,
    /// XML 1.0 or HTML.
    Xml,
    /// `application/x-www-form-urlencoded`.
    Form,
}

impl BodyFormat {
    /// The format that a Content-Type names, if it is one of these.
    pub fn from_content_type(value: &[u8]) -> Option<Self> {
        let value = value.split(|byte| *byte == b';').next().unwrap_or_default();
        let value = value.trim_ascii().to_ascii_lowercase();
        let ends = |suffix: &[u8]| value.ends_with(suffix);
        if ends(b"/json") || ends(b"+json") {
            Some(Self::Json)
        } else if ends(b"/xml") || ends(b"+xml") || ends(b"/html") {
            Some(Self::Xml)
        } else {
            ends(b"/x-www-form-urlencoded").then_some(Self::Form)
        }
    }
}

/// A field of a body: its key as written, and its value where that is a plain text.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Key, element name without its prefix, or form field.
    pub key: &'a [u8],
    /// Value as written; for an element that of its `value` attribute, as FHIR writes it.
    pub value: Option<Sensitive<&'a [u8]>>,
}

/// Tells every field of a body, or of its beginning. Never looks at a byte more than a few times.
pub fn fields<'a>(format: BodyFormat, body: &'a [u8], mut each: impl FnMut(Field<'a>)) {
    match format {
        BodyFormat::Json => json(body, &mut each),
        BodyFormat::Xml => xml(body, &mut each),
        BodyFormat::Form => {
            for pair in body.split(|byte| *byte == b'&') {
                let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
                let key = pair.get(..equals).unwrap_or_default();
                let value = pair.get(equals + 1..).map(Sensitive::new);
                each(Field { key, value });
            }
        }
    }
}

fn json<'a>(body: &'a [u8], each: &mut impl FnMut(Field<'a>)) {
    let mut rest = body;
    while let Some((key, after)) = next_string(rest) {
        rest = after;
        let Some(value) = after.trim_ascii_start().strip_prefix(b":") else { continue };
        let value = value.trim_ascii_start();
        let value = value.first().filter(|first| **first == b'"').and_then(|_| next_string(value));
        each(Field { key, value: value.map(|(text, _)| Sensitive::new(text)) });
        if let Some((_, after)) = value {
            rest = after;
        }
    }
}

/// The content of the next string, escapes left as they are, and what follows it.
fn next_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = memchr::memchr(b'"', bytes)? + 1;
    let inner = bytes.get(start..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', inner.get(end..)?)?;
        if inner.get(end) == Some(&b'"') {
            return Some((inner.get(..end)?, inner.get(end + 1..)?));
        }
        end += 2;
    }
}

fn xml<'a>(body: &'a [u8], each: &mut impl FnMut(Field<'a>)) {
    let mut rest = body;
    while let Some(start) = memchr::memchr(b'<', rest) {
        rest = rest.get(start + 1..).unwrap_or_default();
        let end = memchr::memchr2(b'>', b'<', rest).unwrap_or(rest.len());
        let tag = rest.get(..end).unwrap_or_default();
        if !tag.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let name_end = tag.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/');
        let name = tag.get(..name_end.unwrap_or(tag.len())).unwrap_or_default();
        let local = name.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        // In a page of HTML it is the name of an input that tells what is asked for.
        let is_input = local.eq_ignore_ascii_case(b"input");
        let key = if is_input { attribute(tag, b"name").unwrap_or(local) } else { local };
        each(Field { key, value: attribute(tag, b"value").map(Sensitive::new) });
        rest = rest.get(end..).unwrap_or_default();
    }
}

fn attribute<'a>(tag: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut from = 0;
    loop {
        let start = from + memchr::memmem::find(tag.get(from..)?, name)?;
        from = start + name.len();
        let before = tag.get(start.checked_sub(1)?)?;
        let rest = tag.get(from..)?.trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=").filter(|_| before.is_ascii_whitespace()) else { continue };
        let (quote, text) = value.trim_ascii_start().split_first()?;
        let end = memchr::memchr(*quote, text).filter(|_| matches!(quote, b'"' | b'\''))?;
        return text.get(..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(format: BodyFormat, body: &[u8]) -> Vec<(String, Option<String>)> {
        let mut all = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields(format, body, |field| {
            all.push((text(field.key), field.value.map(|value| text(value.expose()))));
        });
        all
    }

    fn field(key: &str, value: Option<&str>) -> (String, Option<String>) {
        (key.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn reads_json_even_if_it_is_cut() {
        let body = br#"{"resourceType": "Patient", "name":[{"family":"Ex\"ample"}], "n": 3, "cut": "abc"#;
        assert_eq!(
            read(BodyFormat::Json, body),
            [
                field("resourceType", Some("Patient")),
                field("name", None),
                field("family", Some("Ex\\\"ample")),
                field("n", None),
                field("cut", None),
            ]
        );
    }

    #[test]
    fn reads_elements_and_inputs() {
        let body = b"<?xml version='1.0'?><f:Patient><birthDate value=\"x\"/></f:Patient><input name='user'>";
        assert_eq!(
            read(BodyFormat::Xml, body),
            [field("Patient", None), field("birthDate", Some("x")), field("user", None)]
        );
    }

    #[test]
    fn reads_forms() {
        assert_eq!(read(BodyFormat::Form, b"a=1&b"), [field("a", Some("1")), field("b", None)]);
        assert_eq!(
            BodyFormat::from_content_type(b"application/fhir+json; charset=utf-8"),
            Some(BodyFormat::Json)
        );
        assert_eq!(BodyFormat::from_content_type(b"image/png"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(body: Vec<u8>) {
            for format in [BodyFormat::Json, BodyFormat::Xml, BodyFormat::Form] {
                prop_assert!(read(format, &body).len() <= body.len() + 1);
            }
        }

        #[test]
        fn any_text_is_walked_to_an_end(body in "[<>=\"'a: \\\\{},&n/]{0,200}") {
            for format in [BodyFormat::Json, BodyFormat::Xml, BodyFormat::Form] {
                prop_assert!(read(format, body.as_bytes()).len() <= body.len() + 1);
            }
        }
    }
}
