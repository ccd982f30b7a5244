//! A request.

use crate::{Error, Layer, Reader};

/// A request for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The client writes the file rather than reads it.
    pub write: bool,
    /// Name of the file as sent.
    pub file: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a datagram. `None` for a message that is no request.
    pub fn parse(datagram: &'a [u8]) -> Result<Option<Self>, Error> {
        let mut reader = Reader::new(Layer::Tftp, datagram);
        let operation = reader.u16_be("opcode")?;
        if !matches!(operation, 1 | 2) {
            return if matches!(operation, 3..=6) { Ok(None) } else { Err(reader.malformed("opcode")) };
        }
        let file = reader.rest().split(|byte| *byte == 0).next().unwrap_or_default();
        if file.is_empty() {
            return Err(reader.malformed("file name"));
        }
        Ok(Some(Self { write: operation == 2, file }))
    }

    /// The name of the file without its folders.
    pub fn name(&self) -> &'a [u8] {
        self.file.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default()
    }

    /// What stands behind the last dot of the name.
    pub fn extension(&self) -> Option<&'a [u8]> {
        let dot = self.name().iter().rposition(|byte| *byte == b'.')?;
        self.name().get(dot + 1..).filter(|extension| !extension.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_request() {
        let request = Request::parse(b"\0\x02cfg/startup-config.txt\0octet\0").unwrap().unwrap();
        assert!(request.write);
        assert_eq!((request.name(), request.extension()), (&b"startup-config.txt"[..], Some(&b"txt"[..])));
        assert_eq!(Request::parse(b"\0\x03\0\x01data"), Ok(None));
        assert!(Request::parse(b"\0\x01\0octet\0").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Request::parse(&bytes).map(|request| request.map(|request| request.extension()));
        }
    }
}
