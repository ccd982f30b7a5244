//! Frames of every kind that a filter can tell apart, from few addresses and ports so that filters hit.

/// A small seeded generator: the same frames on every machine.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

const ADDRESSES: [[u8; 4]; 6] =
    [[192, 0, 2, 1], [192, 0, 2, 77], [10, 1, 0, 5], [10, 2, 3, 4], [224, 0, 0, 251], [255, 255, 255, 255]];
const PORTS: [u16; 8] = [80, 443, 53, 104, 2575, 6000, 6005, 65535];
const MACS: [[u8; 6]; 4] =
    [[0, 0x11, 0x22, 0x33, 0x44, 0x55], [2, 0, 0, 0, 0, 1], [0xff; 6], [1, 0, 0x5e, 0, 0, 0xfb]];

/// A frame as it would be on an Ethernet.
pub(crate) fn ethernet(chance: &mut Chance) -> Vec<u8> {
    let mut frame = [chance.pick(&MACS), chance.pick(&MACS)].concat();
    for _ in 0..chance.pick(&[0, 0, 0, 1, 1, 2]) {
        frame.extend(chance.pick(&[0x8100_u16, 0x88a8, 0x9100]).to_be_bytes());
        frame.extend((chance.pick(&[5_u16, 100, 4095]) | chance.pick(&[0, 0xe000])).to_be_bytes());
    }
    let (protocol, payload) = payload(chance);
    frame.extend(protocol.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A frame of another link type.
pub(crate) fn on_link(link: u16, chance: &mut Chance) -> Vec<u8> {
    let (protocol, payload) = payload(chance);
    let mut frame = match link {
        113 => {
            let mut header = [0, chance.pick(&[0, 4]), 0, 1, 0, 6].to_vec();
            header.extend(chance.pick(&MACS));
            header.extend([0, 0]);
            let protocol = if protocol < 1536 { 4 } else { protocol };
            header.extend(protocol.to_be_bytes());
            header
        }
        276 => {
            let protocol = if protocol < 1536 { 4 } else { protocol };
            let mut header = protocol.to_be_bytes().to_vec();
            header.extend([0, 0, 0, 0, 0, 3, 0, 1, chance.pick(&[0, 4]), 6]);
            header.extend(chance.pick(&MACS));
            header.extend([0, 0]);
            header
        }
        0 | 108 => {
            let family: u32 = match protocol {
                0x0800 => 2,
                0x86dd => chance.pick(&[24, 28, 30]),
                _ => 7,
            };
            if link == 0 { family.to_le_bytes().to_vec() } else { family.to_be_bytes().to_vec() }
        }
        9 => {
            let protocol: u16 = match protocol {
                0x0800 => 0x21,
                0x86dd => 0x57,
                0x8847 => 0x281,
                other => other,
            };
            [vec![0xff, 3], protocol.to_be_bytes().to_vec()].concat()
        }
        _ => Vec::new(),
    };
    frame.extend(payload);
    frame
}

/// An EtherType (or a length) and what it stands before.
fn payload(chance: &mut Chance) -> (u16, Vec<u8>) {
    match chance.below(20) {
        0..8 => (0x0800, ipv4(chance)),
        8..12 => (0x86dd, ipv6(chance)),
        12 | 13 => (chance.pick(&[0x0806, 0x8035]), arp(chance)),
        14 => (0x8847, mpls(chance)),
        15 => pppoe(chance),
        16 | 17 => llc(chance),
        18 => (chance.pick(&[0x88cc, 0x809b, 0x80f3, 0x8137, 0x6003, 0x6004, 0x9000]), chance.bytes(30)),
        _ => (chance.next() as u16, chance.bytes(40)),
    }
}

fn ipv4(chance: &mut Chance) -> Vec<u8> {
    let protocol = chance.pick(&[6_u8, 6, 6, 17, 17, 132, 1, 2, 9, 47, 50, 51, 103, 112]);
    let options = chance.pick(&[0_usize, 0, 0, 4, 40]);
    let fragment: u16 = chance.pick(&[0, 0, 0, 0x4000, 0x2000, 0x00b9, 0x20b9]);
    let segment = segment(protocol, chance);
    let mut packet = vec![0x45 + (options / 4) as u8, chance.next() as u8];
    packet.extend((20 + options as u16 + segment.len() as u16).to_be_bytes());
    packet.extend(chance.bytes(2));
    packet.extend(fragment.to_be_bytes());
    packet.extend([chance.pick(&[1, 64, 255]), protocol, 0, 0]);
    packet.extend(chance.pick(&ADDRESSES));
    packet.extend(chance.pick(&ADDRESSES));
    packet.extend(vec![1; options]);
    packet.extend(segment);
    packet
}

fn ipv6(chance: &mut Chance) -> Vec<u8> {
    let protocol = chance.pick(&[6_u8, 6, 17, 17, 132, 58, 58, 50, 0]);
    let fragmented = chance.one_in(4);
    let mut segment = segment(protocol, chance);
    if fragmented {
        segment = [vec![protocol, 0, 0, 1, 0, 0, 0, 9], segment].concat();
    }
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((segment.len() as u16).to_be_bytes());
    packet.extend([if fragmented { 44 } else { protocol }, 64]);
    for _ in 0..2 {
        let mut address = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, chance.pick(&[0, 1]), 0, 0, 0, 0, 0, 0, 0, 0];
        address[15] = chance.pick(&[1, 2, 77]);
        if chance.one_in(6) {
            address[0] = 0xff;
        }
        packet.extend(address);
    }
    packet.extend(segment);
    packet
}

fn segment(protocol: u8, chance: &mut Chance) -> Vec<u8> {
    match protocol {
        6 => {
            let mut segment = ports(chance);
            segment.extend(chance.bytes(8));
            segment.extend([0x50, chance.pick(&[0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0xc2, 0x20])]);
            segment.extend(chance.bytes(6));
            let length = chance.pick(&[0, 20, 700]);
            segment.extend(chance.bytes(length));
            segment
        }
        17 | 132 => [ports(chance), chance.bytes(30)].concat(),
        1 => [vec![chance.pick(&[0, 3, 8, 11]), chance.pick(&[0, 1, 3])], chance.bytes(20)].concat(),
        58 => [vec![chance.pick(&[1, 128, 129, 134, 135]), 0], chance.bytes(20)].concat(),
        _ => chance.bytes(24),
    }
}

fn ports(chance: &mut Chance) -> Vec<u8> {
    [chance.pick(&PORTS).to_be_bytes(), chance.pick(&PORTS).to_be_bytes()].concat()
}

fn arp(chance: &mut Chance) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, chance.pick(&[1, 2])];
    packet.extend(chance.pick(&MACS));
    packet.extend(chance.pick(&ADDRESSES));
    packet.extend(chance.pick(&MACS));
    packet.extend(chance.pick(&ADDRESSES));
    packet
}

fn mpls(chance: &mut Chance) -> Vec<u8> {
    let mut packet = Vec::new();
    let labels = chance.pick(&[1, 1, 2]);
    for index in 0..labels {
        let label = chance.pick(&[5_u32, 1000, 0xf_ffff]) << 12;
        let bottom = u32::from(index + 1 == labels) << 8;
        packet.extend((label | bottom | 64).to_be_bytes());
    }
    let inner = if chance.one_in(3) { ipv6(chance) } else { ipv4(chance) };
    [packet, inner].concat()
}

fn pppoe(chance: &mut Chance) -> (u16, Vec<u8>) {
    if chance.one_in(3) {
        return (0x8863, [vec![0x11, 9], chance.bytes(24)].concat());
    }
    let session = chance.pick(&[1_u16, 39]).to_be_bytes();
    let mut packet = vec![0x11, 0, session[0], session[1], 0, 50];
    if chance.one_in(3) {
        packet.extend([0, 0x57]);
        packet.extend(ipv6(chance));
    } else {
        packet.extend([0, 0x21]);
        packet.extend(ipv4(chance));
    }
    (0x8864, packet)
}

fn llc(chance: &mut Chance) -> (u16, Vec<u8>) {
    let header: &[u8] = chance.pick(&[
        &[0x42, 0x42, 3],
        &[0xfe, 0xfe, 3],
        &[0xf0, 0xf0, 3],
        &[0xe0, 0xe0, 3],
        &[0xff, 0xff, 0],
        &[0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b],
        &[0xaa, 0xaa, 3, 0, 0, 0, 0x80, 0xf3],
        &[0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0x37],
        &[0xaa, 0xaa, 3, 0, 0, 12, 0x20, 0],
        &[0xfe, 0x42, 3],
    ]);
    let payload = [header.to_vec(), chance.bytes(35)].concat();
    (payload.len() as u16, payload)
}
