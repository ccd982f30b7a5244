//! Frames to begin with: one of each way in which a packet is carried.

use wardline_flows::trial::openings;
use wardline_wire::Direction;

use super::frames::{on_ethernet, written};
use super::wire_format::{Ipv4, tcp_segment, udp_datagram};
use crate::corpus::Talk;

const IPV4: u16 = 0x0800;
const PORTS: [u16; 2] = [40_000, 53];

/// Inputs for whole frames.
pub(super) fn frames() -> Vec<Vec<u8>> {
    let question = openings::DATAGRAMS.first().copied().unwrap_or_default();
    let datagram = udp_datagram(PORTS, question);
    let packet = Ipv4::new(17, Direction::Forward).packet(&datagram);
    let ethernet = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], packet.as_slice()].concat();
    let mut seeds = vec![
        written(0, &[&[2, 0, 0, 0], packet.as_slice()].concat()),
        written(101, &packet),
        written(113, &[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], packet.as_slice()].concat()),
        written(
            276,
            &[&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], packet.as_slice()].concat(),
        ),
        on_ethernet(IPV4, &packet),
        // 802.1Q within 802.1ad.
        on_ethernet(0x88a8, &[&[0, 7, 0x81, 0, 0, 8, 8, 0], packet.as_slice()].concat()),
        // MPLS, one label, bottom of the stack.
        on_ethernet(0x8847, &[&[0, 1, 1, 64], packet.as_slice()].concat()),
        // PPPoE session.
        on_ethernet(
            0x8864,
            &[&[0x11, 0, 0, 1, 0, packet.len() as u8 + 2, 0, 0x21], packet.as_slice()].concat(),
        ),
        on_ethernet(
            0x0806,
            &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2],
        ),
        // LLDP: chassis, port, time to live, system name, end.
        on_ethernet(
            0x88cc,
            b"\x02\x07\x04\x02\x00\x00\x00\x00\x02\x04\x02\x05\x31\x06\x02\x00\x78\x0a\x02sw\x00\x00",
        ),
        // LLC with SNAP, and CDP within.
        on_ethernet(0x0015, b"\xaa\xaa\x03\x00\x00\x0c\x20\x00\x02\xb4\x00\x00\x00\x01\x00\x06sw"),
        // GRE with ERSPAN type II, and Ethernet within.
        on_ethernet(
            IPV4,
            &Ipv4::new(47, Direction::Forward).packet(
                &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0], ethernet.as_slice()]
                    .concat(),
            ),
        ),
        // VXLAN, and Ethernet within.
        on_ethernet(
            IPV4,
            &Ipv4::new(17, Direction::Forward).packet(&udp_datagram(
                [50_000, 4789],
                &[&[8, 0, 0, 0, 0, 0, 1, 0], ethernet.as_slice()].concat(),
            )),
        ),
        // An echo request.
        on_ethernet(IPV4, &Ipv4::new(1, Direction::Forward).packet(&[8, 0, 0, 0, 0, 1, 0, 1])),
        ipv6(),
        fragmented(&datagram),
    ];
    for opening in openings::STREAMS {
        seeds.push(stream(opening));
    }
    for message in openings::DATAGRAMS {
        let packet = Ipv4::new(17, Direction::Forward).packet(&udp_datagram(PORTS, message));
        seeds.push(on_ethernet(IPV4, &packet));
    }
    seeds
}

/// A neighbour solicitation behind a hop-by-hop header, RFC 4861 section 4.3.
fn ipv6() -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 32, 0, 255];
    packet.extend_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend_from_slice(&[58, 0, 1, 4, 0, 0, 0, 0, 135, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    on_ethernet(0x86dd, &packet)
}

/// A datagram in two fragments, the later one first.
fn fragmented(datagram: &[u8]) -> Vec<u8> {
    let ip = Ipv4::new(17, Direction::Forward);
    let (one, two) = datagram.split_at(16.min(datagram.len()));
    [on_ethernet(IPV4, &ip.fragment(16, false, two)), on_ethernet(IPV4, &ip.fragment(0, true, one))].concat()
}

/// A conversation over TCP from its SYN on.
fn stream(pieces: &[(Direction, &[u8])]) -> Vec<u8> {
    let mut sequences = [1_u32, 1];
    let mut segment = |direction: Direction, flags: u8, payload: &[u8]| {
        let ports = if direction == Direction::Forward { [40_000, 40_001] } else { [40_001, 40_000] };
        let sequence = &mut sequences[direction.index()];
        let packet = tcp_segment(ports, *sequence, flags, payload);
        *sequence += payload.len() as u32 + u32::from(flags & 3 != 0);
        on_ethernet(IPV4, &Ipv4::new(6, direction).packet(&packet))
    };
    let mut frames =
        [segment(Direction::Forward, 0x02, b""), segment(Direction::Backward, 0x12, b"")].concat();
    for (direction, payload) in pieces {
        frames.extend(segment(*direction, 0x18, payload));
    }
    frames.extend(segment(Direction::Forward, 0x11, b""));
    frames
}

/// A conversation of a capture on frames of its own.
pub(super) fn of_talk(talk: &Talk) -> Option<Vec<u8>> {
    let pieces: Vec<_> =
        talk.pieces.iter().map(|(direction, piece)| (*direction, piece.as_slice())).collect();
    if talk.tcp {
        return Some(stream(&pieces));
    }
    let frames = pieces.iter().map(|(direction, piece)| {
        let ports = if *direction == Direction::Forward { PORTS } else { [PORTS[1], PORTS[0]] };
        on_ethernet(IPV4, &Ipv4::new(17, *direction).packet(&udp_datagram(ports, piece)))
    });
    Some(frames.collect::<Vec<_>>().concat())
}

/// How content is taken apart: see `Plan` in `frames.rs`.
fn plan(content: &[u8]) -> Vec<u8> {
    let steps = [4, 3, 0, 1, 2, 3, 4, 0x3f, 0, 3, 0, 0x3f];
    [&[0x9c, 0x40, 0, 53, steps.len() as u8 / 2], steps.as_slice(), content].concat()
}

/// The first words of a conversation, taken apart.
pub(super) fn plan_of_talk(talk: &Talk) -> Option<Vec<u8>> {
    talk.pieces.first().map(|(_, piece)| plan(piece))
}

/// Inputs that are taken apart.
pub(super) fn plans() -> Vec<Vec<u8>> {
    let first = openings::STREAMS.iter().map(|pieces| pieces[0].1);
    openings::DATAGRAMS.iter().copied().chain(first).map(plan).collect()
}
