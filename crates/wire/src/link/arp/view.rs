//! An ARP packet, field by field.

use crate::{Error, Layer, Reader};

/// Fields of an ARP packet for Ethernet and IPv4, RFC 826 "Packet format".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Hardware type; 1 is Ethernet.
    pub hardware: u16,
    /// Protocol type; 0x0800 is IPv4.
    pub protocol: u16,
    /// Length of a hardware address.
    pub hardware_length: u8,
    /// Length of a protocol address.
    pub protocol_length: u8,
    /// Operation.
    pub operation: u16,
    /// Sender hardware address.
    pub sender_hardware: [u8; 6],
    /// Sender protocol address.
    pub sender_protocol: [u8; 4],
    /// Target hardware address.
    pub target_hardware: [u8; 6],
    /// Target protocol address.
    pub target_protocol: [u8; 4],
}

impl View {
    /// Reads a packet.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Arp, bytes);
        let hardware = reader.u16_be("hardware type")?;
        let protocol = reader.u16_be("protocol type")?;
        let hardware_length = reader.u8("hardware length")?;
        let protocol_length = reader.u8("protocol length")?;
        let operation = reader.u16_be("operation")?;
        if (hardware_length, protocol_length) != (6, 4) {
            return Err(reader.unsupported("address lengths"));
        }
        Ok(Self {
            hardware,
            protocol,
            hardware_length,
            protocol_length,
            operation,
            sender_hardware: reader.array("sender hardware address")?,
            sender_protocol: reader.array("sender protocol address")?,
            target_hardware: reader.array("target hardware address")?,
            target_protocol: reader.array("target protocol address")?,
        })
    }
}
