//! A bridge protocol data unit.

use crate::{Error, Layer, Reader};

/// A bridge identifier, clause 9.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Priority; the lowest becomes root. The lower 12 bits are often a VLAN.
    pub priority: u16,
    /// Link address.
    pub address: [u8; 6],
}

/// A configuration, or the notice that something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Clauses 9.3.1 and 9.3.3.
    Configuration {
        /// Whom the sender believes to be the root.
        root: Bridge,
        /// What the way there costs.
        cost: u32,
        /// The sender.
        bridge: Bridge,
        /// The tree is being built anew.
        changing: bool,
    },
    /// Clause 9.3.2.
    TopologyChange,
}

impl Message {
    /// Reads a unit, from its protocol identifier on.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Stp, bytes);
        if reader.u16_be("protocol identifier")? != 0 {
            return Err(reader.malformed("protocol identifier"));
        }
        reader.skip("version", 1)?;
        match reader.u8("type")? {
            0x80 => Ok(Self::TopologyChange),
            0 | 2 => {
                let flags = reader.u8("flags")?;
                let root = bridge(&mut reader, "root identifier")?;
                let cost = reader.u32_be("root path cost")?;
                let bridge = bridge(&mut reader, "bridge identifier")?;
                Ok(Self::Configuration { root, cost, bridge, changing: flags & 1 != 0 })
            }
            _ => Err(reader.unsupported("type")),
        }
    }
}

fn bridge(reader: &mut Reader<'_>, field: &'static str) -> Result<Bridge, Error> {
    Ok(Bridge { priority: reader.u16_be(field)?, address: reader.array(field)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_root_and_bridge() {
        let mut bytes = vec![0, 0, 2, 2, 0x3c];
        bytes.extend([0x80, 1, 0, 0x1c, 0x0e, 0x87, 0x78, 0]);
        bytes.extend([0, 0, 0, 4]);
        bytes.extend([0x80, 1, 0, 0x1c, 0x0e, 0x87, 0x85, 0]);
        bytes.extend([0x80, 4]);
        let Ok(Message::Configuration { root, cost, bridge, changing }) = Message::parse(&bytes) else {
            panic!()
        };
        assert_eq!((root.priority, cost, changing), (0x8001, 4, false));
        assert_eq!(bridge.address, [0, 0x1c, 0x0e, 0x87, 0x85, 0]);
        assert_eq!(Message::parse(&[0, 0, 0, 0x80]), Ok(Message::TopologyChange));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Message::parse(&bytes);
        }
    }
}
