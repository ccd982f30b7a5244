//! A SIP message.

use std::net::IpAddr;

use crate::line::split_line;
use crate::{Error, Fault, Layer, Sensitive, Verdict};

/// Most header fields that are read.
const FIELDS_MAX: usize = 128;

/// First line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// Method of a request.
    Request(&'a str),
    /// Status code of an answer.
    Response(u16),
}

/// What is read of a message.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// First line.
    pub start: Start<'a>,
    /// `User-Agent` of a client, `Server` of a server.
    pub agent: Option<&'a [u8]>,
    /// `Call-ID`.
    pub call: Option<Sensitive<&'a [u8]>>,
    /// Where the sender wants to receive audio: connection address and port of the first `m=audio`.
    pub media: Option<(IpAddr, u16)>,
}

fn start(line: &[u8]) -> Option<Start<'_>> {
    let text = std::str::from_utf8(line).ok()?;
    if let Some(rest) = text.strip_prefix("SIP/2.0 ") {
        let code = rest.get(..3)?.parse().ok()?;
        return (100..700).contains(&code).then_some(Start::Response(code));
    }
    let (method, rest) = text.split_once(' ')?;
    let plausible = rest.ends_with(" SIP/2.0")
        && (3..=16).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase());
    plausible.then_some(Start::Request(method))
}

/// Reads a datagram, or as much of a stream as holds one message.
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Error> {
    let malformed = |field, offset| Error { layer: Layer::Sip, field, offset, fault: Fault::Malformed };
    let (line, mut offset) = split_line(bytes).ok_or_else(|| malformed("start line", 0))?;
    let start = start(line).ok_or_else(|| malformed("start line", 0))?;
    let mut message = Message { start, agent: None, call: None, media: None };
    let mut described = false;
    for _ in 0..FIELDS_MAX {
        let Some((line, length)) = bytes.get(offset..).and_then(split_line) else { return Ok(message) };
        offset += length;
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (
            line.get(..colon).unwrap_or_default().trim_ascii(),
            line.get(colon + 1..).unwrap_or_default().trim_ascii(),
        );
        match name.to_ascii_lowercase().as_slice() {
            b"user-agent" | b"server" => message.agent = Some(value),
            b"call-id" | b"i" => message.call = Some(Sensitive::new(value)),
            b"content-type" | b"c" => described = value.to_ascii_lowercase().starts_with(b"application/sdp"),
            _ => {}
        }
    }
    if described {
        message.media = media(bytes.get(offset..).unwrap_or_default());
    }
    Ok(message)
}

/// The address and port of the first audio stream of a session description.
fn media(mut body: &[u8]) -> Option<(IpAddr, u16)> {
    let mut address = None;
    let mut port = None;
    for _ in 0..FIELDS_MAX {
        let (line, length) = split_line(body).unwrap_or((body, body.len()));
        if length == 0 {
            break;
        }
        body = body.get(length..)?;
        let text = std::str::from_utf8(line).ok()?;
        let mut words = text.split_ascii_whitespace();
        match words.next() {
            // The address of the audio stream itself, where there is one, comes after its m= line.
            Some("c=IN") if address.is_none() || port.is_some() => {
                address =
                    words.nth(1).and_then(|word| word.split('/').next()).and_then(|word| word.parse().ok());
            }
            Some("m=audio") if port.is_none() => port = words.next().and_then(|word| word.parse().ok()),
            Some(other) if other.starts_with("m=") && port.is_some() => break,
            _ => {}
        }
    }
    Some((address?, port.filter(|port| *port != 0)?))
}

/// Whether bytes are the begin of a SIP message.
pub fn probe(bytes: &[u8]) -> Verdict {
    let opening = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    match split_line(opening) {
        Some((line, _)) => {
            match start(line).filter(|_| line.iter().all(|byte| matches!(byte, 0x20..=0x7e))) {
                Some(_) => Verdict::Certain,
                None => Verdict::NotMine,
            }
        }
        // The stream may be cut between the two characters of a line end.
        None if opening.len() < 1024
            && opening
                .strip_suffix(b"\r")
                .unwrap_or(opening)
                .iter()
                .all(|byte| matches!(byte, 0x20..=0x7e)) =>
        {
            Verdict::Unsure
        }
        None => Verdict::NotMine,
    }
}

/// Whether a datagram is a SIP message: it is whole, so one whose first line does not end is none.
pub fn probe_datagram(bytes: &[u8]) -> Verdict {
    match probe(bytes) {
        // Clients keep their path open with line ends alone.
        Verdict::Unsure if !bytes.trim_ascii().is_empty() => Verdict::NotMine,
        told => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVITE: &[u8] = b"INVITE sip:ward@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.5\r\ni: a84b4c76e66710\r\n\
        User-Agent: ExamplePhone/1.2\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.5\r\n\
        c=IN IP4 192.0.2.6\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8\r\nc=IN IP4 192.0.2.7/127\r\nm=video 50000 RTP/AVP 31\r\nc=IN IP4 192.0.2.8\r\n";

    #[test]
    fn reads_an_invitation_and_where_its_audio_goes() {
        let message = parse(INVITE).unwrap();
        assert_eq!(message.start, Start::Request("INVITE"));
        assert_eq!(message.agent, Some(&b"ExamplePhone/1.2"[..]));
        assert!(message.call.is_some_and(|call| call.expose() == b"a84b4c76e66710"));
        assert_eq!(message.media, Some(("192.0.2.7".parse().unwrap(), 40000)));
        assert_eq!(probe(INVITE), Verdict::Certain);
        assert_eq!(probe(b"SIP/2.0 200 OK\r\n"), Verdict::Certain);
        assert_eq!(probe(b"GET / HTTP/1.1\r\n"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..400, byte: u8) {
            let _ = (probe(&bytes), parse(&bytes).is_ok());
            let mut bent = INVITE.to_vec();
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = parse(&bent).is_ok();
        }
    }
}
