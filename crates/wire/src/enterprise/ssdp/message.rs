//! What an SSDP message says.

use crate::line::split_line;
use crate::{Error, Fault, Layer, Verdict};

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `NOTIFY` with `ssdp:alive` or `ssdp:update`.
    Alive,
    /// `NOTIFY` with `ssdp:byebye`.
    ByeBye,
    /// `M-SEARCH`.
    Search,
    /// Answer to a search.
    Answer,
}

/// An SSDP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which message.
    pub kind: Kind,
    /// NT or ST: what is offered or looked for.
    pub target: Option<&'a [u8]>,
    /// USN.
    pub name: Option<&'a [u8]>,
    /// SERVER or USER-AGENT.
    pub server: Option<&'a [u8]>,
    /// LOCATION.
    pub location: Option<&'a [u8]>,
}

/// Most header fields read.
const FIELDS_MAX: usize = 64;

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let malformed = |field| Error { layer: Layer::Ssdp, field, offset: 0, fault: Fault::Malformed };
        let (start, length) = split_line(datagram).ok_or(malformed("start line"))?;
        let kind = match start {
            line if line.starts_with(b"NOTIFY * HTTP/1.") => Kind::Alive,
            line if line.starts_with(b"M-SEARCH * HTTP/1.") => Kind::Search,
            line if line.starts_with(b"HTTP/1.") && line.get(8..12) == Some(b" 200") => Kind::Answer,
            _ => return Err(malformed("start line")),
        };
        let mut message = Self { kind, target: None, name: None, server: None, location: None };
        let mut rest = datagram.get(length..).unwrap_or_default();
        for _ in 0..FIELDS_MAX {
            let (line, length) = split_line(rest).unwrap_or((rest, rest.len()));
            rest = rest.get(length..).unwrap_or_default();
            if line.is_empty() {
                break;
            }
            message.take(line);
        }
        if kind == Kind::Answer && (message.target.is_none() || message.name.is_none()) {
            return Err(malformed("search target"));
        }
        Ok(message)
    }

    fn take(&mut self, line: &'a [u8]) {
        let Some(colon) = memchr::memchr(b':', line) else { return };
        let name = line.get(..colon).unwrap_or_default().trim_ascii();
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let value = Some(value).filter(|value| !value.is_empty());
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("nt") || is("st") {
            self.target = self.target.or(value);
        } else if is("usn") {
            self.name = self.name.or(value);
        } else if is("server") || is("user-agent") {
            self.server = self.server.or(value);
        } else if is("location") {
            self.location = self.location.or(value);
        } else if is("nts") && self.kind == Kind::Alive && value == Some(b"ssdp:byebye") {
            self.kind = Kind::ByeBye;
        }
    }
}

/// Whether a datagram is an SSDP message.
pub fn probe(datagram: &[u8]) -> Verdict {
    match Message::parse(datagram) {
        Ok(_) => Verdict::Certain,
        Err(_) => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_announcements_searches_and_answers() {
        let alive = b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\n\
            NTS: ssdp:alive\r\nServer: Linux UPnP/1.0 Camera/2\r\nUSN: uuid:1::upnp:rootdevice\r\n\
            LOCATION: http://192.0.2.9/d.xml\r\n\r\n";
        let message = Message::parse(alive).unwrap();
        assert_eq!((message.kind, message.target), (Kind::Alive, Some(&b"upnp:rootdevice"[..])));
        assert_eq!(message.server, Some(&b"Linux UPnP/1.0 Camera/2"[..]));
        assert_eq!(message.location, Some(&b"http://192.0.2.9/d.xml"[..]));
        let bye = b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\n\r\n";
        assert_eq!(Message::parse(bye).unwrap().kind, Kind::ByeBye);
        let search = b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n";
        assert_eq!(Message::parse(search).unwrap().kind, Kind::Search);
        let answer = b"HTTP/1.1 200 OK\r\nST: a\r\nUSN: b\r\n\r\n";
        assert_eq!(Message::parse(answer).unwrap().kind, Kind::Answer);
        assert_eq!(probe(b"HTTP/1.1 200 OK\r\n\r\n"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = probe(&bytes);
            let _ = probe(&[b"NOTIFY * HTTP/1.1\r\n", &bytes[..]].concat());
        }
    }
}
