//! What an ARP packet means.

use std::net::Ipv4Addr;

use super::View;
use crate::{Error, Fault, Layer};

/// What is asked or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has this address?
    Request,
    /// This address is mine.
    Reply,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Request or reply.
    pub operation: Operation,
    /// Who claims to speak.
    pub sender_mac: [u8; 6],
    /// The address that it claims; unspecified in a probe.
    pub sender_ip: Ipv4Addr,
    /// Zero in a request.
    pub target_mac: [u8; 6],
    /// The address asked for or answered to.
    pub target_ip: Ipv4Addr,
}

impl Message {
    /// Reads a packet.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let view = View::new(bytes)?;
        let unsupported =
            |field, offset| Error { layer: Layer::Arp, field, offset, fault: Fault::Unsupported };
        // Hardware type 6 (IEEE 802) is Ethernet by another name.
        if !matches!(view.hardware, 1 | 6) {
            return Err(unsupported("hardware type", 0));
        }
        if view.protocol != 0x0800 {
            return Err(unsupported("protocol type", 2));
        }
        let operation = match view.operation {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return Err(unsupported("operation", 6)),
        };
        Ok(Self {
            operation,
            sender_mac: view.sender_hardware,
            sender_ip: view.sender_protocol.into(),
            target_mac: view.target_hardware,
            target_ip: view.target_protocol.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPLY: [u8; 28] =
        [0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0, 0, 0, 0, 2, 192, 0, 2, 2];

    #[test]
    fn reads_a_reply() {
        let message = Message::parse(&REPLY).unwrap();
        assert_eq!(message.operation, Operation::Reply);
        assert_eq!(message.sender_mac, [2, 0, 0, 0, 0, 1]);
        assert_eq!(message.sender_ip, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(message.target_ip, Ipv4Addr::new(192, 0, 2, 2));
    }

    #[test]
    fn says_what_it_does_not_read() {
        let mut other = REPLY;
        other[7] = 9;
        let error = Message::parse(&other).unwrap_err();
        assert_eq!((error.field, error.fault), ("operation", Fault::Unsupported));
        assert!(Message::parse(&REPLY[..27]).unwrap_err().is_truncated());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Message::parse(&bytes);
        }
    }
}
