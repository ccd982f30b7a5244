//! A request or a response.

use crate::{Error, Layer, Reader, Verdict};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender tells routes rather than asks for them.
    pub response: bool,
    /// Version.
    pub version: u8,
    /// How many routes it names.
    pub routes: u16,
    /// One of them is the way to everywhere.
    pub default_route: bool,
    /// It is protected by a keyed digest.
    pub authenticated: bool,
}

impl Message {
    /// Reads a datagram of RIP for IPv4.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Rip, datagram);
        let command = reader.u8("command")?;
        let version = reader.u8("version")?;
        if !matches!(command, 1 | 2) || !matches!(version, 1 | 2) || reader.u16_be("zero")? != 0 {
            return Err(reader.malformed("command, version, zero"));
        }
        let mut message =
            Self { response: command == 2, version, routes: 0, default_route: false, authenticated: false };
        while reader.remaining() >= 20 {
            let family = reader.u16_be("address family")?;
            let tag = reader.u16_be("route tag")?;
            let address = reader.u32_be("address")?;
            reader.skip("mask and next hop", 8)?;
            let metric = reader.u32_be("metric")?;
            match family {
                // A password (2) or, at either end, a digest (1, 3), RFC 4822.
                0xffff => message.authenticated |= matches!(tag, 1 | 3),
                0 | 2 if metric <= 16 => {
                    message.routes += 1;
                    message.default_route |= family == 2 && address == 0 && metric < 16;
                }
                _ => return Err(reader.malformed("address family or metric")),
            }
        }
        Ok(message)
    }
}

/// Whether a datagram is one: 1 to 25 entries and nothing behind them, but for the digest of RFC 4822.
pub fn probe(datagram: &[u8]) -> Verdict {
    let entries = datagram.len().saturating_sub(4);
    match Message::parse(datagram) {
        Ok(message)
            if message.routes > 0
                && (entries.is_multiple_of(20) || message.authenticated)
                && entries <= 540 =>
        {
            Verdict::Certain
        }
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_routes() {
        let mut bytes = vec![2, 2, 0, 0];
        bytes.extend([0, 2, 0, 0, 10, 1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
        let read = Message::parse(&bytes).unwrap();
        assert_eq!((read.routes, read.default_route, read.authenticated), (2, true, false));
        assert_eq!(probe(&bytes), Verdict::Certain);
        bytes.push(0);
        assert_eq!(probe(&bytes), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (Message::parse(&bytes), probe(&bytes));
        }
    }
}
