//! Ethernet, ARP, IPv4, UDP and TCP, byte by byte: IEEE 802.3, RFC 826, 791, 768, 9293.

use std::net::{Ipv4Addr, Ipv6Addr};

use wardline_model::MacAddress;

/// One end of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub mac: MacAddress,
    pub ip: Ipv4Addr,
    /// Two ends that both have one speak IPv6.
    pub ip6: Option<Ipv6Addr>,
    pub port: u16,
    /// Initial time to live of its stack.
    pub time_to_live: u8,
}

impl End {
    pub(crate) const fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same end where IPv4 is spoken.
    pub(crate) const fn over_ipv4(self) -> Self {
        Self { ip6: None, ..self }
    }
}

/// An Ethernet frame, padded to its least length.
pub(crate) fn ethernet(destination: MacAddress, source: MacAddress, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(14 + payload.len());
    frame.extend(destination.0);
    frame.extend(source.0);
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// An ARP packet: 1 request, 2 reply.
pub(crate) fn arp(
    operation: u16,
    sender: (MacAddress, Ipv4Addr),
    target: (MacAddress, Ipv4Addr),
    to: MacAddress,
) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4];
    packet.extend(operation.to_be_bytes());
    packet.extend(sender.0.0);
    packet.extend(sender.1.octets());
    packet.extend(target.0.0);
    packet.extend(target.1.octets());
    ethernet(to, sender.0, 0x0806, &packet)
}

/// The checksum of RFC 1071 over these parts, each of even length but the last.
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IP packet in its frame: IPv6 where both ends speak it.
pub(crate) fn ip(from: End, to: End, protocol: u8, identification: u16, payload: &[u8]) -> Vec<u8> {
    match (from.ip6, to.ip6) {
        (Some(source), Some(destination)) => {
            let mut packet = vec![0x60, 0, 0, 0];
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([protocol, from.time_to_live]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            packet.extend(payload);
            ethernet(to.mac, from.mac, 0x86dd, &packet)
        }
        _ => ipv4(from, to, protocol, identification, payload),
    }
}

fn ipv4(from: End, to: End, protocol: u8, identification: u16, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut header = vec![0x45, 0];
    header.extend(length.to_be_bytes());
    header.extend(identification.to_be_bytes());
    header.extend([0x40, 0, from.time_to_live, protocol, 0, 0]);
    header.extend(from.ip.octets());
    header.extend(to.ip.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    ethernet(to.mac, from.mac, 0x0800, &header)
}

fn pseudo_header(from: End, to: End, protocol: u8, length: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(40);
    if let (Some(source), Some(destination)) = (from.ip6, to.ip6) {
        header.extend(source.octets());
        header.extend(destination.octets());
        header.extend((length as u32).to_be_bytes());
        header.extend([0, 0, 0, protocol]);
        return header;
    }
    header.extend(from.ip.octets());
    header.extend(to.ip.octets());
    header.extend([0, protocol]);
    header.extend((length as u16).to_be_bytes());
    header
}

/// A UDP datagram in its frame.
pub(crate) fn udp(from: End, to: End, identification: u16, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len();
    let mut datagram = Vec::with_capacity(length);
    datagram.extend(from.port.to_be_bytes());
    datagram.extend(to.port.to_be_bytes());
    datagram.extend((length as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let sum = match checksum(&[&pseudo_header(from, to, 17, length), &datagram]) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    ip(from, to, 17, identification, &datagram)
}

/// What a TCP segment says besides its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub sequence: u32,
    pub acknowledgment: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16.
    pub flags: u8,
    pub window: u16,
}

/// A TCP segment in its frame. A SYN carries the options that the stack is known by.
pub(crate) fn tcp(from: End, to: End, identification: u16, tcp: Tcp, payload: &[u8]) -> Vec<u8> {
    const SYN: u8 = 2;
    let options: &[u8] = match (tcp.flags & SYN != 0, from.time_to_live) {
        (false, _) => &[],
        // Windows: maximum segment size, window scale, selective acknowledgment.
        (true, 128) => &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
        // Linux: the same in another order, with timestamps.
        (true, 64) => &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
        // Small stacks of devices.
        (true, _) => &[2, 4, 5, 0xb4],
    };
    let length = 20 + options.len() + payload.len();
    let mut segment = Vec::with_capacity(length);
    segment.extend(from.port.to_be_bytes());
    segment.extend(to.port.to_be_bytes());
    segment.extend(tcp.sequence.to_be_bytes());
    segment.extend(tcp.acknowledgment.to_be_bytes());
    segment.push((((20 + options.len()) / 4) << 4) as u8);
    segment.push(tcp.flags);
    segment.extend(tcp.window.to_be_bytes());
    segment.extend([0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    let sum = checksum(&[&pseudo_header(from, to, 6, length), &segment]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    ip(from, to, 6, identification, &segment)
}

/// An ICMP message (RFC 792) with its checksum.
pub(crate) fn icmp(from: End, to: End, identification: u16, (kind, code): (u8, u8), body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(body);
    let sum = checksum(&[&message]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(from, to, 1, identification, &message)
}

/// Where the IP packet of an untagged frame begins.
const PACKET: usize = 14;

/// Both link addresses of a frame: to, from.
pub(crate) fn link_addresses(frame: &[u8]) -> (MacAddress, MacAddress) {
    let address = |at: usize| {
        let mut octets = [0; 6];
        octets.copy_from_slice(&frame[at..at + 6]);
        MacAddress(octets)
    };
    (address(0), address(6))
}

/// The same frame between other stations.
pub(crate) fn between(frame: &[u8], to: MacAddress, from: MacAddress) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[0..6].copy_from_slice(&to.0);
    frame[6..12].copy_from_slice(&from.0);
    frame
}

/// The same packet after some routers: its time to live is smaller, and the checksum says so.
pub(crate) fn after_hops(frame: &[u8], hops: u8) -> Vec<u8> {
    let mut frame = frame.to_vec();
    match frame[12..14] {
        [0x08, 0x00] => {
            let packet = &mut frame[PACKET..PACKET + 20];
            packet[8] = packet[8].saturating_sub(hops);
            packet[10..12].copy_from_slice(&[0, 0]);
            let sum = checksum(&[packet]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        [0x86, 0xdd] => frame[PACKET + 7] = frame[PACKET + 7].saturating_sub(hops),
        _ => {}
    }
    frame
}

/// The same frame with a tag of IEEE 802.1Q.
pub(crate) fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    tagged.extend([0x81, 0x00]);
    tagged.extend(vlan.to_be_bytes());
    tagged.extend(&frame[12..]);
    tagged
}

/// The same TCP segment over IPv4 with another payload of the same length, and checksums that agree; none where
/// `change` changes nothing.
pub(crate) fn rewritten(frame: &[u8], change: impl FnOnce(&mut [u8]) -> bool) -> Option<Vec<u8>> {
    let mut frame = frame.to_vec();
    if frame.get(12..15)? != [0x08, 0x00, 0x45] || *frame.get(23)? != 6 {
        return None;
    }
    let end = PACKET + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    let tcp = PACKET + 20;
    let payload = tcp + usize::from(frame[tcp + 12] >> 4) * 4;
    if payload >= end || !change(&mut frame[payload..end]) {
        return None;
    }
    frame[tcp + 16..tcp + 18].copy_from_slice(&[0, 0]);
    let mut pseudo = frame[PACKET + 12..PACKET + 20].to_vec();
    pseudo.extend([0, 6]);
    pseudo.extend(((end - tcp) as u16).to_be_bytes());
    let sum = checksum(&[&pseudo, &frame[tcp..end]]);
    frame[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
    Some(frame)
}
