//! What an NTP packet means.

use super::View;
use crate::{Error, Fault, Layer, Verdict};

/// Association mode, RFC 5905 figure 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Mode {
    SymmetricActive,
    SymmetricPassive,
    Client,
    Server,
    Broadcast,
}

/// A time-keeping packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Version, 1 to 4.
    pub version: u8,
    /// Mode.
    pub mode: Mode,
    /// Stratum: 0 unspecified, 1 reference clock, 2 to 15 synchronised, 16 not.
    pub stratum: u8,
}

impl Message {
    /// Reads a datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let view = View::new(datagram)?;
        let malformed = |field, offset| Error { layer: Layer::Ntp, field, offset, fault: Fault::Malformed };
        let mode = match view.mode {
            1 => Mode::SymmetricActive,
            2 => Mode::SymmetricPassive,
            3 => Mode::Client,
            4 => Mode::Server,
            5 => Mode::Broadcast,
            _ => return Err(malformed("mode", 0)),
        };
        if !(1..=4).contains(&view.version) {
            return Err(malformed("version", 0));
        }
        if view.stratum > 16 {
            return Err(malformed("stratum", 1));
        }
        Ok(Self { version: view.version, mode, stratum: view.stratum })
    }
}

/// Whether a datagram is an NTP packet.
pub fn probe(datagram: &[u8]) -> Verdict {
    let Ok(view) = View::new(datagram) else { return Verdict::NotMine };
    if Message::parse(datagram).is_err() || view.poll > 17 || view.poll < 0 || view.precision > 0 {
        return Verdict::NotMine;
    }
    // Only a length of the bare header, with or without a digest, is typical enough to be certain.
    if matches!(datagram.len(), 48 | 52 | 68 | 72) { Verdict::Certain } else { Verdict::Unsure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client() -> [u8; 48] {
        let mut packet = [0; 48];
        packet[0] = 0x23;
        packet[2] = 6;
        packet[3] = 0xec;
        packet[47] = 1;
        packet
    }

    #[test]
    fn reads_a_client_request() {
        let message = Message::parse(&client()).unwrap();
        assert_eq!(message, Message { version: 4, mode: Mode::Client, stratum: 0 });
        assert_eq!(probe(&client()), Verdict::Certain);
    }

    #[test]
    fn refuses_a_stratum_beyond_the_standard() {
        let mut packet = client();
        packet[1] = 17;
        let error = Message::parse(&packet).unwrap_err();
        assert_eq!((error.field, error.offset, error.fault), ("stratum", 1, Fault::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = probe(&bytes);
            if let Err(error) = Message::parse(&bytes) {
                prop_assert!(error.offset <= bytes.len());
            }
        }
    }
}
