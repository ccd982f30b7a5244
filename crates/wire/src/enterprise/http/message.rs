//! The heads of requests and responses.

use httparse::{Header, Status};

use crate::{Direction, Error, Fault, Layer, Verdict};

/// Longest head read, bytes.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Longest method by which a request is recognised, bytes; that of WebDAV's is 16.
const METHOD_BYTES_MAX: usize = 24;

/// Most header fields read.
pub(super) const FIELDS_MAX: usize = 128;

/// Header fields of a message.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h, 'b>(&'h [Header<'b>]);

impl<'b> Head<'_, 'b> {
    /// Value of the first field of a name, trimmed; names are compared without case.
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    /// Values of all fields of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.trim_ascii())
    }

    /// Content-Length; `None` where it is missing or no number.
    pub fn content_length(&self) -> Option<u64> {
        std::str::from_utf8(self.get("content-length")?).ok()?.parse().ok()
    }

    /// Whether the body comes in chunks.
    pub fn is_chunked(&self) -> bool {
        self.all("transfer-encoding").last().is_some_and(|value| ends_with_word(value, b"chunked"))
    }
}

fn ends_with_word(value: &[u8], word: &[u8]) -> bool {
    let start = value.len().checked_sub(word.len());
    start.and_then(|start| value.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// A request head.
#[derive(Clone, Copy, Debug)]
pub struct Request<'h, 'b> {
    /// Method.
    pub method: &'b str,
    /// Request target as sent. It may name a person: see [`super::path_shape`].
    pub target: &'b str,
    /// Header fields.
    pub head: Head<'h, 'b>,
}

/// A response head.
#[derive(Clone, Copy, Debug)]
pub struct Response<'h, 'b> {
    /// Status code.
    pub status: u16,
    /// Header fields.
    pub head: Head<'h, 'b>,
}

/// Reads a request head; with it the number of its bytes, or `None` when it is not whole.
pub(super) fn parse_request<'h, 'b>(
    bytes: &'b [u8],
    fields: &'h mut [Header<'b>],
) -> Result<Option<(Request<'h, 'b>, usize)>, Error> {
    let mut request = httparse::Request::new(fields);
    match request.parse(bytes) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            let method = request.method.unwrap_or_default();
            let target = request.path.unwrap_or_default();
            let head = Head(request.headers);
            Ok(Some((Request { method, target, head }, length)))
        }
        Err(error) => Err(read_error("request", error)),
    }
}

/// Reads a response head; with it the number of its bytes, or `None` when it is not whole.
pub(super) fn parse_response<'h, 'b>(
    bytes: &'b [u8],
    fields: &'h mut [Header<'b>],
) -> Result<Option<(Response<'h, 'b>, usize)>, Error> {
    let mut response = httparse::Response::new(fields);
    // Devices fold their headers and put spaces where none belong.
    let mut config = httparse::ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    match config.parse_response(&mut response, bytes) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            let status = response.code.unwrap_or_default();
            let head = Head(response.headers);
            Ok(Some((Response { status, head }, length)))
        }
        Err(error) => Err(read_error("response", error)),
    }
}

fn read_error(field: &'static str, error: httparse::Error) -> Error {
    let fault = match error {
        httparse::Error::TooManyHeaders => Fault::OverLimit { limit: FIELDS_MAX },
        _ => Fault::Malformed,
    };
    Error { layer: Layer::Http, field, offset: 0, fault }
}

/// Whether a stream is HTTP/1.
pub fn probe(_: Direction, opening: &[u8]) -> Verdict {
    // Some clients send line ends too many after a body (RFC 9112 section 2.2).
    let opening = opening.trim_ascii_start();
    if opening.is_empty() {
        return Verdict::Unsure;
    }
    let status = b"HTTP/1.";
    if opening.starts_with(status) {
        return Verdict::Certain;
    }
    if status.starts_with(opening) {
        return Verdict::Unsure;
    }
    let line_end = memchr::memchr(b'\n', opening);
    let line = opening.get(..line_end.unwrap_or(opening.len())).unwrap_or_default();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    // Any token may be a method (RFC 9110 section 9.1); those in use are short words in capitals.
    let plausible = method.len() <= METHOD_BYTES_MAX
        && method.first().is_some_and(u8::is_ascii_uppercase)
        && method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'));
    if !plausible {
        return Verdict::NotMine;
    }
    if method.len() < line.len() && memchr::memmem::find(line, b" HTTP/1.").is_some() {
        Verdict::Certain
    } else if line_end.is_none() && line.len() < HEAD_BYTES_MAX {
        Verdict::Unsure
    } else {
        Verdict::NotMine
    }
}
