//! Linux "cooked" framing, made where a capture spans interfaces. tcpdump.org LINKTYPE_LINUX_SLL (113) and
//! LINKTYPE_LINUX_SLL2 (276).

use super::ethernet::Carried;
use crate::{Error, Layer, Reader};

/// A cooked header. It knows the sender's address only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooked {
    /// Link-layer address of the sender, where it is an Ethernet address.
    pub source: Option<[u8; 6]>,
    /// What follows.
    pub carried: Carried,
}

impl Cooked {
    /// Reads a version 1 header; gives what follows as well.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::LinuxCooked, bytes);
        reader.skip("packet type", 2)?;
        let hardware = reader.u16_be("hardware type")?;
        let length = reader.u16_be("address length")?;
        let address = reader.array::<8>("address")?;
        let protocol = reader.u16_be("protocol")?;
        Self::new(&reader, hardware, length, address, protocol)
    }

    /// Reads a version 2 header; gives what follows as well.
    pub fn parse_v2(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut reader = Reader::new(Layer::LinuxCooked, bytes);
        let protocol = reader.u16_be("protocol")?;
        reader.skip("reserved and interface index", 6)?;
        let hardware = reader.u16_be("hardware type")?;
        reader.skip("packet type", 1)?;
        let length = u16::from(reader.u8("address length")?);
        let address = reader.array::<8>("address")?;
        Self::new(&reader, hardware, length, address, protocol)
    }

    fn new<'a>(
        reader: &Reader<'a>,
        hardware: u16,
        length: u16,
        [a, b, c, d, e, f, ..]: [u8; 8],
        protocol: u16,
    ) -> Result<(Self, &'a [u8]), Error> {
        let carried = match (hardware, protocol) {
            // ARPHRD_IPGRE: the number is GRE's, which is an EtherType as well.
            (778, _) => Carried::Type(protocol),
            // ARPHRD_NETLINK, ARPHRD_IEEE80211 and its radiotap form are no Ethernet.
            (824 | 801..=803, _) => return Err(reader.unsupported("hardware type")),
            (_, 4) => Carried::Llc,
            // LINUX_SLL_P_802_3 (raw IPX) and the other small numbers have no EtherType.
            (_, 0..1536) => return Err(reader.unsupported("protocol")),
            _ => Carried::Type(protocol),
        };
        let source = (length == 6).then_some([a, b, c, d, e, f]);
        Ok((Self { source, carried }, reader.rest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_versions() {
        let one = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0, 0x45];
        let (cooked, rest) = Cooked::parse(&one).unwrap();
        assert_eq!(cooked.source, Some([2, 0, 0, 0, 0, 9]));
        assert_eq!((cooked.carried, rest), (Carried::Type(0x0800), &[0x45][..]));
        let two = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x60];
        let (cooked, rest) = Cooked::parse_v2(&two).unwrap();
        assert_eq!(cooked.source, Some([2, 0, 0, 0, 0, 9]));
        assert_eq!((cooked.carried, rest), (Carried::Type(0x86dd), &[0x60][..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = Cooked::parse(&bytes);
            let _ = Cooked::parse_v2(&bytes);
        }
    }
}
