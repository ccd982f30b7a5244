//! JA4: a fingerprint of TLS clients that survives the shuffling of extensions.
//!
//! From the public technical description of JA4 (TLS client), BSD 3-clause.

use std::fmt;

use sha2::{Digest, Sha256};

use super::ClientHello;
use super::message::{APPLICATION_PROTOCOLS, SERVER_NAME, SIGNATURE_ALGORITHMS, is_grease};
use super::view::U16List;

/// What carries the hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS over TCP.
    Stream,
    /// DTLS.
    Datagram,
    /// QUIC.
    Quic,
}

/// A fingerprint, printed as its 36 characters such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ja4 {
    transport: Transport,
    version: u16,
    server_name: bool,
    cipher_suites: usize,
    extensions: usize,
    protocol: [char; 2],
    cipher_hash: [u8; 6],
    extension_hash: [u8; 6],
}

impl Ja4 {
    /// The fingerprint of a hello.
    pub fn new(hello: &ClientHello<'_>, transport: Transport) -> Self {
        let mut suites: Vec<u16> = hello.suites().filter(|suite| !is_grease(*suite)).collect();
        suites.sort_unstable();
        let all: Vec<u16> =
            hello.extensions.iter().map(|(kind, _)| kind).filter(|kind| !is_grease(*kind)).collect();
        let mut hashed: Vec<u16> = all
            .iter()
            .copied()
            .filter(|kind| !matches!(*kind, SERVER_NAME | APPLICATION_PROTOCOLS))
            .collect();
        hashed.sort_unstable();
        let mut text = hexadecimal(hashed);
        let algorithms = hello.extensions.find(SIGNATURE_ALGORITHMS).and_then(|content| content.get(2..));
        let algorithms = U16List(algorithms.unwrap_or_default()).iter().filter(|value| !is_grease(*value));
        let algorithms = hexadecimal(algorithms);
        if !algorithms.is_empty() {
            text.push('_');
            text.push_str(&algorithms);
        }
        Self {
            transport,
            version: hello.version(),
            server_name: all.contains(&SERVER_NAME),
            cipher_suites: suites.len(),
            extensions: all.len(),
            protocol: hello.protocols().next().map_or(['0', '0'], ends),
            cipher_hash: hash(&hexadecimal(suites)),
            extension_hash: hash(&text),
        }
    }
}

/// First and last character of a protocol name; of their hexadecimal form where they are not alphanumeric.
fn ends(protocol: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0xf)]
}

fn hexadecimal(values: impl IntoIterator<Item = u16>) -> String {
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&format!("{value:04x}"));
    }
    text
}

/// The first six bytes of SHA-256; zeros where there is nothing to hash.
fn hash(text: &str) -> [u8; 6] {
    if text.is_empty() {
        return [0; 6];
    }
    Sha256::digest(text).first_chunk().copied().unwrap_or_default()
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Stream => 't',
            Transport::Datagram => 'd',
            Transport::Quic => 'q',
        };
        let version = match self.version {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            0xfeff => "d1",
            0xfefd => "d2",
            0xfefc => "d3",
            _ => "00",
        };
        let name = if self.server_name { 'd' } else { 'i' };
        let (suites, extensions) = (self.cipher_suites.min(99), self.extensions.min(99));
        let [first, last] = self.protocol;
        write!(f, "{transport}{version}{name}{suites:02}{extensions:02}{first}{last}")?;
        for hash in [self.cipher_hash, self.extension_hash] {
            f.write_str("_")?;
            for byte in hash {
                write!(f, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enterprise::tls::view::Extensions;

    fn list(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    /// The worked example of the description: Chrome, with GREASE.
    #[test]
    fn matches_the_published_example() {
        let suites = list(&[
            0x5a5a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ]);
        let algorithms = list(&[16, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
        let protocols = b"\0\x0c\x02h2\x08http/1.1";
        let versions = b"\x06\x7a\x7a\x03\x04\x03\x03";
        let mut extensions = Vec::new();
        for kind in [
            0x1b_u16, 0x00, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 0x05, 0x23, 0x12, 0x2b, 0xff01, 0x0b, 0x0a,
            0x15, 0x3a3a,
        ] {
            let content: &[u8] = match kind {
                0x0d => &algorithms,
                0x10 => protocols,
                0x2b => versions,
                _ => b"",
            };
            extensions.extend(kind.to_be_bytes());
            extensions.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            extensions.extend(content);
        }
        let hello = ClientHello {
            legacy_version: 0x0303,
            cipher_suites: U16List(&suites),
            extensions: Extensions(&extensions),
            ssl2_ciphers: &[],
        };
        assert_eq!(Ja4::new(&hello, Transport::Stream).to_string(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn protocols_of_odd_bytes_are_written_in_hexadecimal() {
        assert_eq!(ends(b"h2"), ['h', '2']);
        assert_eq!(ends(b"x"), ['x', 'x']);
        assert_eq!(ends(&[0xab]), ['a', 'b']);
        assert_eq!(ends(&[0x30, 0xab]), ['3', 'b']);
        assert_eq!(ends(&[0xab, 0x31, 0xcd]), ['a', 'd']);
    }

    #[test]
    fn a_bare_hello_has_zeros_for_hashes() {
        let hello = ClientHello {
            legacy_version: 0x0301,
            cipher_suites: U16List(&[]),
            extensions: Extensions(&[]),
            ssl2_ciphers: &[],
        };
        assert_eq!(Ja4::new(&hello, Transport::Stream).to_string(), "t10i000000_000000000000_000000000000");
    }
}
