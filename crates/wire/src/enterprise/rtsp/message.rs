//! Heads of messages.

use crate::line::split_line;

/// Header fields that are read of one head.
const FIELDS_MAX: usize = 64;

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A method.
    Request(&'a [u8]),
    /// A status code.
    Response(u16),
}

/// A head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The first line.
    pub start: Start<'a>,
    fields: &'a [u8],
    /// Bytes of the body behind it.
    pub body_bytes: u64,
}

/// What stands at the front of a stream.
#[derive(Clone, Copy, Debug)]
enum Front {
    /// A packet of media of this many bytes, RFC 2326 section 10.12.
    Media(u64),
    Message,
}

/// The head at the front of a stream with its length, `None` within for media between messages, whose length is to be
/// passed over. `None` where more bytes are needed.
pub fn head(bytes: &[u8]) -> Option<(Option<Head<'_>>, usize, u64)> {
    match front(bytes)? {
        Front::Media(length) => Some((None, 4, length)),
        Front::Message => {
            let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
            let (line, length) = split_line(bytes)?;
            let start = if let Some(rest) = line.strip_prefix(b"RTSP/") {
                let code = rest.split(|byte| *byte == b' ').nth(1)?;
                Start::Response(std::str::from_utf8(code).ok()?.parse().ok()?)
            } else {
                Start::Request(line.split(|byte| *byte == b' ').next().unwrap_or_default())
            };
            let mut head = Head { start, fields: bytes.get(length..end).unwrap_or_default(), body_bytes: 0 };
            head.body_bytes = head
                .get(b"content-length")
                .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())
                .unwrap_or(0);
            Some((Some(head), end, head.body_bytes))
        }
    }
}

fn front(bytes: &[u8]) -> Option<Front> {
    match bytes {
        [b'$', _, high, low, ..] => Some(Front::Media(u64::from(u16::from_be_bytes([*high, *low])))),
        [b'$', ..] | [] => None,
        _ => Some(Front::Message),
    }
}

impl<'a> Head<'a> {
    /// The value of a header field; `name` in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.fields;
        for _ in 0..FIELDS_MAX {
            let (line, length) = split_line(rest)?;
            rest = rest.get(length..)?;
            let colon = memchr::memchr(b':', line)?;
            let (found, value) = line.split_at_checked(colon)?;
            if found.eq_ignore_ascii_case(name) {
                return value.get(1..).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_heads_and_passes_over_media() {
        let answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Example Cam/2\r\nContent-Length: 3\r\n\r\nv=0";
        let (Some(read), length, body) = head(answer).unwrap() else { panic!() };
        assert_eq!((read.start, length, body), (Start::Response(200), answer.len() - 3, 3));
        assert_eq!(read.get(b"server"), Some(&b"Example Cam/2"[..]));
        let (Some(read), ..) = head(b"DESCRIBE rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 2\r\n\r\n").unwrap()
        else {
            panic!()
        };
        assert_eq!(read.start, Start::Request(b"DESCRIBE"));
        let (None, 4, 9) = head(b"$\0\0\x09abc").unwrap() else { panic!() };
        assert!(head(b"DESCRIBE rtsp").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            if let Some((Some(head), ..)) = head(&bytes) {
                let _ = head.get(b"server");
            }
        }
    }
}
