//! A UDP datagram.

use crate::{Error, Fault, Layer, Reader};

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Length of the payload as sent, bytes.
    pub payload_length: u32,
    /// The payload as captured.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Length of the header, bytes.
    pub const HEADER_LENGTH: usize = 8;

    /// Reads a datagram of which `length` bytes were sent and `bytes` captured.
    #[inline]
    pub fn parse(bytes: &'a [u8], length: u32) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Udp, bytes);
        let [s0, s1, d0, d1, l0, l1, _, _] = reader.array("header")?;
        let stated = match u32::from(u16::from_be_bytes([l0, l1])) {
            0 => length,
            stated @ 8.. => stated.min(length),
            _ => {
                let fault = Fault::Malformed;
                return Err(Error { layer: Layer::Udp, field: "length", offset: 4, fault });
            }
        };
        let payload_length = stated.saturating_sub(8);
        let rest = reader.rest();
        Ok(Self {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            payload_length,
            payload: rest.get(..payload_length as usize).unwrap_or(rest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn its_own_length_bounds_the_payload() {
        let bytes = [0, 53, 0xc0, 0, 0, 10, 0, 0, 1, 2, 3];
        let datagram = Datagram::parse(&bytes, 11).unwrap();
        assert_eq!((datagram.source_port, datagram.destination_port), (53, 0xc000));
        assert_eq!(datagram.payload, [1, 2]);
        assert_eq!(Datagram::parse(&[0, 1, 0, 2, 0, 7, 0, 0], 8).unwrap_err().field, "length");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, length: u32) {
            let _ = Datagram::parse(&bytes, length);
        }
    }
}
