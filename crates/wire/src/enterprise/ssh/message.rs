//! Identification and key exchange of one side.

use std::fmt;

use md5::{Digest, Md5};

use crate::line::split_line;
use crate::{Error, Layer, Reader};

/// Longest packet that an implementation must take, RFC 4253 section 6.1.
const PACKET_BYTES_MAX: usize = 35_000;
/// Lines that a server may send before its identification, RFC 4253 section 4.2.
const LINES_MAX: usize = 16;
/// SSH_MSG_KEXINIT.
const KEY_EXCHANGE_INIT: u8 = 20;

/// What one side says in the clear.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// Its identification, such as `SSH-2.0-OpenSSH_9.6`.
    pub identification: &'a [u8],
    /// Its offer, once its packet is whole. `None` for SSH 1.
    pub key_exchange: Option<KeyExchange<'a>>,
}

impl<'a> Opening<'a> {
    /// The identification alone, once its line is whole.
    pub fn identification(bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = bytes;
        for _ in 0..LINES_MAX {
            let (line, length) = split_line(rest)?;
            if line.starts_with(b"SSH-") {
                return Some(line);
            }
            rest = rest.get(length..)?;
        }
        None
    }

    /// Reads the begin of one side's stream. `None` where more bytes are needed.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Error> {
        let mut reader = Reader::new(Layer::Ssh, bytes);
        for _ in 0..LINES_MAX {
            let Some((line, length)) = split_line(reader.rest()) else { return Ok(None) };
            reader.skip("line", length)?;
            if !line.starts_with(b"SSH-") {
                continue;
            }
            if !line.starts_with(b"SSH-2.") && !line.starts_with(b"SSH-1.99") {
                return Ok(Some(Self { identification: line, key_exchange: None }));
            }
            let Ok(length) = reader.u32_be("packet length") else { return Ok(None) };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > PACKET_BYTES_MAX {
                return Err(reader.malformed("packet length"));
            }
            let Ok(packet) = reader.sub("packet", length) else { return Ok(None) };
            let key_exchange = Some(KeyExchange::parse(packet)?);
            return Ok(Some(Self { identification: line, key_exchange }));
        }
        Err(reader.malformed("identification"))
    }
}

/// Algorithms that one side offers, the best first, each list as sent with commas between names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyExchange<'a> {
    /// Ways to agree on keys.
    pub key_agreement: &'a [u8],
    /// Keys by which the server proves who it is.
    pub host_keys: &'a [u8],
    /// Ciphers from client to server, and from server to client.
    pub ciphers: [&'a [u8]; 2],
    /// Authentication codes, likewise.
    pub codes: [&'a [u8]; 2],
    /// Compression, likewise.
    pub compression: [&'a [u8]; 2],
}

impl<'a> KeyExchange<'a> {
    fn parse(mut packet: Reader<'a>) -> Result<Self, Error> {
        let padding = usize::from(packet.u8("padding length")?);
        if packet.u8("message number")? != KEY_EXCHANGE_INIT {
            return Err(packet.unsupported("message number"));
        }
        packet.skip("cookie", 16)?;
        let mut lists = [&[][..]; 8];
        for list in &mut lists {
            let length = packet.u32_be("name-list length")?;
            *list = packet.take("name-list", usize::try_from(length).unwrap_or(usize::MAX))?;
        }
        // Two lists of languages, a flag and four reserved bytes stand before the padding.
        if packet.remaining() < padding.saturating_add(13) {
            return Err(packet.malformed("padding length"));
        }
        let [key_agreement, host_keys, c1, c2, m1, m2, z1, z2] = lists;
        Ok(Self { key_agreement, host_keys, ciphers: [c1, c2], codes: [m1, m2], compression: [z1, z2] })
    }

    /// The fingerprint of the side that sent it.
    pub fn hassh(&self, server: bool) -> Hassh {
        let sent = |[by_client, by_server]: [&'a [u8]; 2]| if server { by_server } else { by_client };
        let [c, m, z] = [self.ciphers, self.codes, self.compression].map(sent);
        let mut hash = Md5::new();
        for (place, list) in [self.key_agreement, c, m, z].into_iter().enumerate() {
            if place > 0 {
                hash.update(b";");
            }
            hash.update(list);
        }
        Hassh(hash.finalize().into())
    }

    /// Names in a list.
    pub fn names(list: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        list.split(|byte| *byte == b',').filter(|name| !name.is_empty())
    }
}

/// A fingerprint, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hassh([u8; 16]);

impl fmt::Display for Hassh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn opening(lists: [&str; 10]) -> Vec<u8> {
        let mut packet = vec![4, KEY_EXCHANGE_INIT];
        packet.extend([7; 16]);
        for list in lists {
            packet.extend((list.len() as u32).to_be_bytes());
            packet.extend(list.as_bytes());
        }
        packet.extend([0; 5]);
        packet.extend([0; 4]);
        let mut bytes = b"Welcome\r\nSSH-2.0-Example_1.0 on test\r\n".to_vec();
        bytes.extend((packet.len() as u32).to_be_bytes());
        bytes.extend(packet);
        bytes
    }

    #[test]
    fn reads_line_and_offer() {
        let lists = ["kex-a,kex-b", "ssh-rsa", "c1", "c2", "m1", "m2", "none", "zlib", "", ""];
        let bytes = opening(lists);
        let read = Opening::parse(&bytes).unwrap().unwrap();
        assert_eq!(read.identification, b"SSH-2.0-Example_1.0 on test");
        let offer = read.key_exchange.unwrap();
        assert_eq!(KeyExchange::names(offer.key_agreement).collect::<Vec<_>>(), [b"kex-a", b"kex-b"]);
        // echo -n 'kex-a,kex-b;c1;m1;none' | md5sum
        assert_eq!(offer.hassh(false).to_string(), HASSH_CLIENT);
        assert_ne!(offer.hassh(true), offer.hassh(false));
        for end in 0..bytes.len() {
            assert!(Opening::parse(&bytes[..end]).unwrap().is_none(), "{end}");
        }
    }

    const HASSH_CLIENT: &str = "7fe919820ec91e292e3ab269da188d98";

    #[test]
    fn the_first_version_has_only_its_line() {
        let read = Opening::parse(b"SSH-1.5-Old\n").unwrap().unwrap();
        assert!(read.key_exchange.is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..200, byte: u8) {
            let _ = Opening::parse(&bytes);
            let mut bent = opening(["a", "b", "c", "d", "e", "f", "g", "h", "", ""]);
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = Opening::parse(&bent);
        }
    }
}
