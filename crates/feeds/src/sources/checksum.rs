//! Checksums beside a document (CSAF 2.0 section 7.1.18): `DOCUMENT.sha512` or `DOCUMENT.sha256`, as `sha512sum` writes them.

use std::io::{self, Read};

use sha2::{Digest, Sha256, Sha512};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-512.
    Sha512,
    /// SHA-256.
    Sha256,
}

impl Checksum {
    /// Both, the stronger first.
    pub const ALL: [Self; 2] = [Self::Sha512, Self::Sha256];

    /// What is added to the document's address.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Sha512 => ".sha512",
            Self::Sha256 => ".sha256",
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Sha512 => 64,
            Self::Sha256 => 32,
        }
    }

    /// The sum in a sidecar: its first word. `None` where it is none of this function.
    pub fn expected(self, sidecar: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(sidecar).ok()?;
        let word = text.split_whitespace().next()?.trim_start_matches('\\').as_bytes();
        if word.len() != self.bytes() * 2 {
            return None;
        }
        let digit = |letter: &u8| char::from(*letter).to_digit(16).map(|value| value as u8);
        word.chunks_exact(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.last()?)?)).collect()
    }

    /// The sum of a document of any length.
    pub fn of(self, document: impl Read) -> io::Result<Vec<u8>> {
        match self {
            Self::Sha512 => sum(Sha512::new(), document),
            Self::Sha256 => sum(Sha256::new(), document),
        }
    }
}

fn sum(mut state: impl Digest, mut document: impl Read) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match document.read(&mut buffer)? {
            0 => return Ok(state.finalize().to_vec()),
            count => state.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_the_tools_write_them() {
        let sum = Checksum::Sha256.of(&b"abc"[..]).unwrap();
        // FIPS 180-4, example of SHA-256.
        let text = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD  abc.json\n";
        assert_eq!(Checksum::Sha256.expected(text.as_bytes()), Some(sum));
        assert_eq!(Checksum::Sha512.expected(text.as_bytes()), None);
        assert_eq!(Checksum::Sha256.expected(b"<html>not found</html>"), None);
        assert_eq!(Checksum::Sha512.of(&b""[..]).unwrap().len(), 64);
    }
}
