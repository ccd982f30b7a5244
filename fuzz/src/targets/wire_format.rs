//! Packets made by hand, for the inputs that are made of parts. Checksums are left at zero: nobody here reads them.

use wardline_wire::Direction;

use super::frames::STATIONS;

/// IP version 4, RFC 791 section 3.1.
pub(super) struct Ipv4 {
    protocol: u8,
    direction: Direction,
}

impl Ipv4 {
    pub(super) const fn new(protocol: u8, direction: Direction) -> Self {
        Self { protocol, direction }
    }

    pub(super) fn packet(&self, payload: &[u8]) -> Vec<u8> {
        self.with_flags(0x4000, payload)
    }

    /// `offset` is in bytes, and a multiple of eight.
    pub(super) fn fragment(&self, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
        self.with_flags((offset / 8) as u16 | if more { 0x2000 } else { 0 }, payload)
    }

    fn with_flags(&self, flags: u16, payload: &[u8]) -> Vec<u8> {
        let [one, two] = STATIONS;
        let (source, destination) =
            if self.direction == Direction::Forward { (one, two) } else { (two, one) };
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[0x12, 0x34]);
        packet.extend_from_slice(&flags.to_be_bytes());
        packet.extend_from_slice(&[64, self.protocol, 0, 0]);
        packet.extend_from_slice(&source.octets());
        packet.extend_from_slice(&destination.octets());
        packet.extend_from_slice(payload);
        packet
    }
}

/// UDP, RFC 768.
pub(super) fn udp_datagram(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports.map(u16::to_be_bytes).concat();
    datagram.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(payload);
    datagram
}

/// TCP without options, RFC 9293 section 3.1.
pub(super) fn tcp_segment(ports: [u16; 2], sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports.map(u16::to_be_bytes).concat();
    segment.extend_from_slice(&sequence.to_be_bytes());
    segment.extend_from_slice(&[0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    segment
}
