//! Link layer packets: volume 6 part B sections 2.1 to 2.4, and the checksum of section 3.1.1.

use crate::{Error, Layer, Reader};

/// Access address of the primary advertising channels: section 2.1.2.
pub const ADVERTISING: u32 = 0x8e89_bed6;
/// With which the checksum of advertising begins: section 3.1.1.
pub const ADVERTISING_CRC: u32 = 0x55_5555;

/// A device address, most significant byte first, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The six bytes.
    pub bytes: [u8; 6],
    /// Whether it is random rather than public.
    pub random: bool,
}

impl Address {
    /// An address as it stands in a packet: least significant byte first.
    pub fn from_wire(mut bytes: [u8; 6], random: bool) -> Self {
        bytes.reverse();
        Self { bytes, random }
    }

    /// Whether it is a random static address: section 1.3.2.1.
    pub const fn is_static(self) -> bool {
        self.random && self.bytes[0] & 0xc0 == 0xc0
    }

    /// Whether it is a private address, resolvable or not: section 1.3.2.2.
    pub const fn is_private(self) -> bool {
        self.random && self.bytes[0] & 0x80 == 0
    }

    /// Of what kind it is, in the standard's words.
    pub const fn kind(self) -> &'static str {
        match (self.random, self.bytes[0] >> 6) {
            (false, _) => "public",
            (true, 3) => "random static",
            (true, 1) => "resolvable private",
            (true, 0) => "non-resolvable private",
            (true, _) => "reserved",
        }
    }
}

/// A packet: access address, and what follows up to the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Access address: who listens.
    pub access_address: u32,
    /// First byte of the header.
    pub header: u8,
    /// Payload of the length that the header says.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a packet apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ble, bytes);
        let access_address = reader.u32_le("access address")?;
        let header = reader.u8("header")?;
        let length = usize::from(reader.u8("length")?);
        let payload = reader.take("payload", length)?;
        Ok(Self { access_address, header, payload })
    }
}

/// What is told on the advertising channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advertising<'a> {
    /// Somebody offers itself (ADV_IND, ADV_NONCONN_IND, ADV_SCAN_IND, SCAN_RSP), with its advertising data.
    Offer {
        /// Who.
        advertiser: Address,
        /// Advertising data.
        data: &'a [u8],
        /// Whether it can be connected to.
        connectable: bool,
    },
    /// Somebody calls one device (ADV_DIRECT_IND).
    Directed {
        /// Who.
        advertiser: Address,
        /// Whom.
        target: Address,
    },
    /// Somebody asks an advertiser for more (SCAN_REQ).
    Question {
        /// Who.
        scanner: Address,
        /// Whom.
        advertiser: Address,
    },
    /// A connection begins (CONNECT_IND).
    Connect {
        /// The central.
        initiator: Address,
        /// The peripheral.
        advertiser: Address,
        /// Access address of the connection.
        access_address: u32,
        /// With which its checksums begin.
        crc_begin: u32,
        /// Time between two events, in steps of 1.25 ms.
        interval: u16,
    },
    /// Anything else.
    Other,
}

impl<'a> Advertising<'a> {
    /// Reads a packet of the advertising channels: section 2.3.
    pub fn parse(packet: &Packet<'a>) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Ble, packet.payload);
        let sender_random = packet.header & 0x40 != 0;
        let receiver_random = packet.header & 0x80 != 0;
        let kind = packet.header & 0x0f;
        let mut address = |field, random| reader.array(field).map(|bytes| Address::from_wire(bytes, random));
        Ok(match kind {
            0 | 2 | 4 | 6 => {
                let advertiser = address("AdvA", sender_random)?;
                Self::Offer { advertiser, data: reader.take_rest(), connectable: kind == 0 }
            }
            1 => Self::Directed {
                advertiser: address("AdvA", sender_random)?,
                target: address("TargetA", receiver_random)?,
            },
            3 => Self::Question {
                scanner: address("ScanA", sender_random)?,
                advertiser: address("AdvA", receiver_random)?,
            },
            5 => {
                let initiator = address("InitA", sender_random)?;
                let advertiser = address("AdvA", receiver_random)?;
                let access_address = reader.u32_le("access address")?;
                let [a, b, c] = reader.array("CRCInit")?;
                reader.skip("window", 3)?;
                let interval = reader.u16_le("interval")?;
                reader.skip("latency, time-out, channels, hop", 10)?;
                let crc_begin = u32::from_le_bytes([a, b, c, 0]);
                Self::Connect { initiator, advertiser, access_address, crc_begin, interval }
            }
            _ => Self::Other,
        })
    }
}

/// What is told within a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data<'a> {
    /// The begin of an L2CAP message, or all of it.
    Begin(&'a [u8]),
    /// More of it; often nothing.
    More(&'a [u8]),
    /// Link layer control: opcode and parameters.
    Control(u8, &'a [u8]),
    /// Reserved.
    Other,
}

impl<'a> Data<'a> {
    /// Reads a packet of a connection: section 2.4.
    pub fn parse(packet: &Packet<'a>) -> Self {
        match (packet.header & 3, packet.payload) {
            (1, rest) => Self::More(rest),
            (2, rest) => Self::Begin(rest),
            (3, [opcode, rest @ ..]) => Self::Control(*opcode, rest),
            _ => Self::Other,
        }
    }
}

/// Control opcodes: section 2.4.2.
pub mod control {
    /// LL_TERMINATE_IND.
    pub const TERMINATE: u8 = 0x02;
    /// LL_ENC_REQ: the central wants encryption.
    pub const ENCRYPT: u8 = 0x03;
    /// LL_START_ENC_REQ: what follows is encrypted.
    pub const START_ENCRYPTION: u8 = 0x05;
    /// LL_PAUSE_ENC_RSP: what follows is readable, until it is started again.
    pub const PAUSED_ENCRYPTION: u8 = 0x0b;
    /// LL_VERSION_IND: version, company, subversion of the controller.
    pub const VERSION: u8 = 0x0c;
}

/// The checksum of 24 bits over header and payload, as it stands in a packet read as a little-endian number.
///
/// Section 3.1.1: polynomial x^24 + x^10 + x^9 + x^6 + x^4 + x^3 + x + 1, least significant bit of each byte first.
pub fn crc(bytes: &[u8], begin: u32) -> u32 {
    // The register is kept with its bits the other way round, so that it can be compared with what was sent.
    let mut register = begin.reverse_bits() >> 8;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = register & 1 != 0;
            register >>= 1;
            if carry {
                register ^= 0xda_6000;
            }
        }
    }
    register
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::ble::advertisement::{Element, elements};
    use crate::radio::ble::capture::is_sound;
    use proptest::prelude::*;

    /// An ADV_IND of an invented device; its checksum was computed bit by bit after figure 3.4 of the specification.
    const OFFER: &[u8] = b"\xd6\xbe\x89\x8e\x40\x0f\x01\0\0\0\0\xc1\x02\x01\x06\x05\x09Ward\xa4\xa3\xba";

    #[test]
    fn reads_an_offer_whose_checksum_was_computed_elsewhere() {
        assert!(is_sound(OFFER, ADVERTISING_CRC) && !is_sound(OFFER, 1));
        let packet = Packet::parse(OFFER).unwrap();
        let Ok(Advertising::Offer { advertiser, data, connectable }) = Advertising::parse(&packet) else {
            panic!("an offer")
        };
        assert!(advertiser.is_static() && connectable && advertiser.kind() == "random static");
        let mut names = Vec::new();
        elements(data, |element| {
            if let Element::Name(name, whole) = element {
                names.push((name.to_vec(), whole));
            }
        });
        assert_eq!(names, [(b"Ward".to_vec(), true)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            if let Ok(packet) = Packet::parse(&bytes) {
                let _ = (Advertising::parse(&packet), Data::parse(&packet));
            }
            elements(&bytes, |_| {});
            let _ = is_sound(&bytes, 0);
        }
    }
}
