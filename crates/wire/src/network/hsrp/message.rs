//! A message about one group.

use std::net::{IpAddr, Ipv4Addr};

use crate::{Error, Layer, Reader, Verdict};

/// What the sender does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is there.
    Hello,
    /// It wants to become active.
    Coup,
    /// It no longer wants to be active.
    Resign,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Version, 1 or 2.
    pub version: u8,
    /// What the sender does.
    pub operation: Operation,
    /// The sender forwards for the virtual address.
    pub active: bool,
    /// Group.
    pub group: u16,
    /// Priority; the highest becomes active.
    pub priority: u32,
    /// Virtual address.
    pub address: Option<IpAddr>,
    /// It is protected by more than a password that anybody can read.
    pub authenticated: bool,
}

impl Message {
    /// Reads a datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Hsrp, datagram);
        if datagram.first() == Some(&1) {
            return second(&mut reader);
        }
        if reader.u8("version")? != 0 {
            return Err(reader.unsupported("version"));
        }
        let operation = operation(&reader, reader.rest().first().copied())?;
        reader.skip("operation", 1)?;
        let state = reader.u8("state")?;
        if !matches!(state, 0 | 1 | 2 | 4 | 8 | 16) {
            return Err(reader.malformed("state"));
        }
        reader.skip("times", 2)?;
        let priority = u32::from(reader.u8("priority")?);
        let group = u16::from(reader.u8("group")?);
        if reader.u8("reserved")? != 0 {
            return Err(reader.malformed("reserved"));
        }
        reader.skip("authentication", 8)?;
        let address = Ipv4Addr::from_bits(reader.u32_be("virtual address")?);
        let address = Some(IpAddr::V4(address)).filter(|address| !address.is_unspecified());
        // MD5 stands in a TLV of type 4 behind the message.
        let authenticated = reader.rest().first() == Some(&4);
        Ok(Self { version: 1, operation, active: state == 16, group, priority, address, authenticated })
    }
}

fn operation(reader: &Reader<'_>, code: Option<u8>) -> Result<Operation, Error> {
    match code {
        Some(0) => Ok(Operation::Hello),
        Some(1) => Ok(Operation::Coup),
        Some(2) => Ok(Operation::Resign),
        _ => Err(reader.unsupported("operation")),
    }
}

/// Version 2: a TLV of type 1 and 40 bytes.
fn second(reader: &mut Reader<'_>) -> Result<Message, Error> {
    if reader.array::<3>("group state")? != [1, 40, 2] {
        return Err(reader.malformed("group state"));
    }
    let operation = operation(reader, reader.rest().first().copied())?;
    reader.skip("operation", 1)?;
    let state = reader.u8("state")?;
    let family = reader.u8("ip version")?;
    let group = reader.u16_be("group")?;
    reader.skip("identifier", 6)?;
    let priority = reader.u32_be("priority")?;
    reader.skip("times", 8)?;
    let address: [u8; 16] = reader.array("virtual address")?;
    let address = match family {
        4 => address.first_chunk::<4>().map(|address| IpAddr::from(*address)),
        6 => Some(IpAddr::from(address)),
        _ => return Err(reader.malformed("ip version")),
    };
    Ok(Message {
        version: 2,
        operation,
        active: state == 6,
        group,
        priority,
        address: address.filter(|address| !address.is_unspecified()),
        authenticated: reader.rest().first() == Some(&4),
    })
}

/// Whether a datagram is one. Version 1 has no mark, so that its length and its fields must all fit.
pub fn probe(datagram: &[u8]) -> Verdict {
    let sized = match datagram.first() {
        // Alone, or with MD5 behind it.
        Some(0) => matches!(datagram.len(), 20 | 50),
        Some(1) => matches!(datagram.len(), 42 | 52 | 72),
        _ => false,
    };
    match Message::parse(datagram) {
        Ok(message) if sized && message.version == 2 => Verdict::Certain,
        Ok(message) if sized && message.address.is_some() => {
            let password = datagram.get(8..16).unwrap_or_default();
            if password == b"cisco\0\0\0" { Verdict::Certain } else { Verdict::Unsure }
        }
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_versions() {
        let mut one = vec![0, 1, 16, 3, 10, 120, 7, 0];
        one.extend(b"cisco\0\0\0");
        one.extend([192, 0, 2, 254]);
        let read = Message::parse(&one).unwrap();
        assert_eq!((read.operation, read.active, read.priority), (Operation::Coup, true, 120));
        assert_eq!(probe(&one), Verdict::Certain);
        let mut two = vec![1, 40, 2, 0, 6, 4, 0, 9, 0, 9, 0xfb, 0, 0, 1, 0, 0, 0, 100];
        two.extend([0; 8]);
        two.extend([192, 0, 2, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let read = Message::parse(&two).unwrap();
        assert_eq!((read.group, read.active, read.address), (9, true, Some("192.0.2.254".parse().unwrap())));
        assert_eq!(probe(&two), Verdict::Certain);
        assert_eq!(probe(&[0; 20]), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (Message::parse(&bytes), probe(&bytes));
        }
    }
}
