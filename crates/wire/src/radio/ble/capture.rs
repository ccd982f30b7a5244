//! What sniffers put in front of a link layer packet: LINKTYPE 251, 256, 272, and PPI (192) around them.

use super::link::{ADVERTISING, crc};
use crate::{Direction, Error, Layer, Reader};

/// A link layer packet as a sniffer hands it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// Access address, header and payload, and checksum where there is one.
    pub packet: &'a [u8],
    /// Whether the sniffer found the checksum right; `None` where it did not say.
    pub sound: Option<bool>,
    /// Which way a packet of a connection went; forward is from the central.
    pub direction: Option<Direction>,
    /// The sniffer knew the key and has taken the encryption off.
    pub decrypted: bool,
}

impl<'a> Captured<'a> {
    /// Reads a frame of a link type; those of other link types are unsupported.
    pub fn parse(link_type: u16, bytes: &'a [u8]) -> Result<Self, Error> {
        let reader = Reader::new(Layer::Ble, bytes);
        match link_type {
            251 => Ok(Self { packet: bytes, sound: None, direction: None, decrypted: false }),
            256 => Self::with_header(reader),
            272 => Self::nordic(reader),
            192 => Self::ppi(reader),
            _ => Err(reader.unsupported("link type")),
        }
    }

    /// LINKTYPE_BLUETOOTH_LE_LL_WITH_PHDR.
    fn with_header(mut reader: Reader<'a>) -> Result<Self, Error> {
        reader.skip("channel and power", 8)?;
        let flags = reader.u16_le("flags")?;
        let sound = (flags & 0x0400 != 0).then_some(flags & 0x0800 != 0);
        // Bits 7 to 9: kind of the PDU; 2 and 3 are of connections.
        let direction = match flags >> 7 & 7 {
            2 => Some(Direction::Forward),
            3 => Some(Direction::Backward),
            _ => None,
        };
        Ok(Self { packet: reader.take_rest(), sound, direction, decrypted: flags & 0x0008 != 0 })
    }

    /// nRF Sniffer: UART packet with protocol version 1 to 3 behind the number of the board.
    fn nordic(mut reader: Reader<'a>) -> Result<Self, Error> {
        /// `EVENT_PACKET_ADVERTISING` and `EVENT_PACKET_DATA`.
        const PACKETS: [u8; 2] = [0x02, 0x06];
        reader.skip("board", 1)?;
        // Version 1: header length, payload length, version; from version 2: payload length of two bytes, version.
        let [first, _, version] = reader.array("header")?;
        if version == 0 || version > 3 || version == 1 && first != 6 {
            return Err(reader.unsupported("protocol version"));
        }
        reader.skip("packet counter", 2)?;
        let kind = reader.u8("packet identifier")?;
        if !PACKETS.contains(&kind) {
            return Err(reader.unsupported("packet identifier"));
        }
        let length = usize::from(reader.u8("header length")?);
        let mut header = reader.sub("header", length.saturating_sub(1))?;
        let flags = header.u8("flags")?;
        let packet = reader.take_rest();
        // In version 3 a packet of a connection says so itself; before, the access address does.
        let data = packet.first_chunk().is_some_and(|address| u32::from_le_bytes(*address) != ADVERTISING);
        let direction =
            data.then_some(if flags & 0x02 != 0 { Direction::Forward } else { Direction::Backward });
        let decrypted = data && flags & 0x0c == 0x0c;
        Ok(Self { packet, sound: Some(flags & 0x01 != 0), direction, decrypted })
    }

    /// Per-Packet Information 1.0.7, as Ubertooth writes it, with the packet as LINKTYPE 251 or a user's number.
    fn ppi(mut reader: Reader<'a>) -> Result<Self, Error> {
        reader.skip("version and flags", 2)?;
        let length = usize::from(reader.u16_le("length")?);
        let inner = reader.u32_le("link type")?;
        reader.skip("fields", length.saturating_sub(8))?;
        let packet = reader.take_rest();
        match inner {
            251 => Ok(Self { packet, sound: None, direction: None, decrypted: false }),
            // A user's number means what the packet shows.
            147..=162 if packet.len() >= 9 => {
                Ok(Self { packet, sound: None, direction: None, decrypted: false })
            }
            _ => Err(reader.unsupported("link type within")),
        }
    }
}

/// Whether the checksum at the end of a packet is right, given the value with which the connection begins it.
pub fn is_sound(packet: &[u8], begin: u32) -> bool {
    let Some((body, sent)) = packet.split_last_chunk::<3>() else { return false };
    let body = body.get(4..).unwrap_or_default();
    let [a, b, c] = *sent;
    crc(body, begin) == u32::from_le_bytes([a, b, c, 0])
}
