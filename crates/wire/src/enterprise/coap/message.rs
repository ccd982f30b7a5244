//! A message.

use coap_lite::link_format::LinkFormatParser;
use coap_lite::{CoapOption, Packet};

use crate::{Error, Fault, Layer, Reader, Sensitive};

/// Longest path kept, bytes, and most links and attributes of a list.
const PATH_BYTES_MAX: usize = 255;
const LINKS_MAX: usize = 16;
const ATTRIBUTES_MAX: usize = 8;
/// Most options of a message: requests have some ten, and each costs many times its bytes to hold.
const OPTIONS_MAX: usize = 64;

/// A method, RFC 7252 section 5.8 and RFC 8132.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
    Fetch,
    Patch,
}

impl Method {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Fetch => "FETCH",
            Self::Patch => "PATCH",
        }
    }
}

/// A message.
#[derive(Clone)]
pub struct Message {
    /// What is asked; `None` for an answer or an empty message.
    pub method: Option<Method>,
    /// Class and detail of an answer: (2, 5) is 2.05 Content.
    pub answer: Option<(u8, u8)>,
    /// Path as sent, with a slash in front. It may name a person.
    pub path: String,
    /// Asks to be told about changes, or tells one (RFC 7641).
    pub observe: bool,
    /// Content-Format, RFC 7252 section 12.3.
    pub content_format: Option<u16>,
    /// Payload.
    pub payload: Sensitive<Vec<u8>>,
}

impl Message {
    /// Reads a datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let error = |field| Error { layer: Layer::Coap, field, offset: 0, fault: Fault::Malformed };
        if options(datagram)? > OPTIONS_MAX {
            return Err(Error { fault: Fault::OverLimit { limit: OPTIONS_MAX }, ..error("options") });
        }
        let packet = Packet::from_bytes(datagram).map_err(|_| error("options"))?;
        let code = *datagram.get(1).ok_or(error("code"))?;
        let method = match code {
            1 => Some(Method::Get),
            2 => Some(Method::Post),
            3 => Some(Method::Put),
            4 => Some(Method::Delete),
            5 => Some(Method::Fetch),
            6 | 7 => Some(Method::Patch),
            _ => None,
        };
        let mut path = String::new();
        for segment in packet.get_option(CoapOption::UriPath).into_iter().flatten() {
            path.push('/');
            path.push_str(&String::from_utf8_lossy(segment));
        }
        path.truncate(path.floor_char_boundary(PATH_BYTES_MAX));
        let content_format = packet.get_first_option(CoapOption::ContentFormat).and_then(|bytes| {
            bytes.iter().try_fold(0_u16, |sum, byte| sum.checked_mul(256)?.checked_add(u16::from(*byte)))
        });
        Ok(Self {
            method,
            answer: (code >= 64).then_some((code >> 5, code & 0x1f)),
            path,
            observe: packet.get_option(CoapOption::Observe).is_some(),
            content_format,
            payload: Sensitive::new(packet.payload),
        })
    }
}

/// How many options a message has, RFC 7252 section 3.1.
fn options(datagram: &[u8]) -> Result<usize, Error> {
    let mut reader = Reader::new(Layer::Coap, datagram);
    let token = usize::from(reader.u8("version")? & 0x0f);
    reader.skip("header", 3)?;
    reader.skip("token", token)?;
    let mut count = 0;
    while !reader.is_empty() {
        let first = reader.u8("option")?;
        if first == 0xff {
            break;
        }
        let mut extended = |nibble: u8| match nibble {
            13 => Ok(usize::from(reader.u8("option")?) + 13),
            14 => Ok(usize::from(reader.u16_be("option")?) + 269),
            short => Ok(usize::from(short)),
        };
        extended(first >> 4)?;
        let length = extended(first & 0x0f)?;
        reader.skip("option", length)?;
        count += 1;
    }
    Ok(count)
}

/// A resource that a device serves, RFC 6690.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it is.
    pub target: String,
    /// Attributes such as `rt` (its type) and `if` (how it is used).
    pub attributes: Vec<(String, String)>,
}

/// The links of a payload in link format.
pub fn links(payload: &[u8]) -> Vec<Link> {
    let Ok(text) = std::str::from_utf8(payload) else { return Vec::new() };
    LinkFormatParser::new(text)
        .take(LINKS_MAX)
        .map_while(Result::ok)
        .map(|(target, attributes)| Link {
            target: target.to_owned(),
            attributes: attributes
                .take(ATTRIBUTES_MAX)
                // Character by character: `to_cow` believes that what opens a quotation also closes it.
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn more_options_than_any_request_has_are_refused() {
        // A confirmable GET without token, then Uri-Path "a" (option 11) and the same option again and again.
        let message = |paths: usize| {
            let mut bytes = vec![0x40, 1, 0, 1, 0xb1, b'a'];
            bytes.extend([0x01, b'a'].repeat(paths - 1));
            bytes
        };
        assert_eq!(Message::parse(&message(3)).map(|message| message.path), Ok("/a/a/a".to_owned()));
        // A length of two bytes, RFC 7252 section 3.1.
        let mut long = vec![0x40, 1, 0, 1, 0xbd, 2];
        long.extend([b'b'; 15]);
        assert_eq!(Message::parse(&long).map(|message| message.path), Ok(format!("/{}", "b".repeat(15))));
        let refused = Message::parse(&message(65)).err().map(|error| error.fault);
        assert_eq!(refused, Some(Fault::OverLimit { limit: OPTIONS_MAX }));
    }

    #[test]
    fn a_quotation_that_is_never_closed_is_read_as_far_as_it_goes() {
        let title = |text: &str| links(format!("</a>;title={text}").as_bytes()).pop().unwrap().attributes;
        for (text, expected) in
            [("\"", ""), ("\"\u{e9}", "\u{e9}"), ("\"\\", ""), ("\"a b\"", "a b"), ("c", "c")]
        {
            assert_eq!(title(text), [("title".to_owned(), expected.to_owned())], "{text}");
        }
    }

    #[test]
    fn reads_a_request_and_an_answer() {
        // GET /vitals/hr with observe 0, and 2.05 with content format 50.
        let request = Message::parse(b"\x41\x01\x00\x01\x07\x60\x56vitals\x02hr").unwrap();
        assert_eq!((request.method, request.path.as_str()), (Some(Method::Get), "/vitals/hr"));
        assert!(request.observe && request.answer.is_none());
        let answer = Message::parse(b"\x61\x45\x00\x01\x07\x61\x02\x61\x32\xff{\"hr\":72}").unwrap();
        assert_eq!((answer.answer, answer.content_format), (Some((2, 5)), Some(50)));
        assert_eq!(answer.payload.expose(), b"{\"hr\":72}");
    }

    #[test]
    fn reads_the_example_of_rfc_6690() {
        let read = links(
            b"</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c\";if=\"sensor\"",
        );
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].target, "/sensors/temp");
        assert_eq!(read[1].attributes[0], ("rt".to_owned(), "temperature-c".to_owned()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Message::parse(&bytes);
            let _ = links(&bytes);
        }
    }
}
