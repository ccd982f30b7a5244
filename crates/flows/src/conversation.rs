//! One conversation: who, how much, how far.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wardline_model::fact::{Conversation, StackTraits};
use wardline_model::{CaptureId, MacAddress, Station, TcpOutcome, Timestamp, Transport};
use wardline_wire::Direction;

use crate::application::ConversationLabels;
use crate::index::KeyHash;
use crate::reassembly::Half;
use crate::shard::Packet;
use crate::spoken::Spoken;

const SECOND: i64 = 1_000_000_000;

/// Both ends and the transport, whichever way a packet went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Key {
    /// Bits of the addresses in this processor's order, as of numbers of 128 bits: bytes, because a number would take
    /// room for its alignment.
    low: [u8; 16],
    high: [u8; 16],
    low_port: u16,
    high_port: u16,
    protocol: u8,
    v4: bool,
}

impl Key {
    /// The key, and whether the packet went from its low to its high end.
    #[inline]
    pub(crate) fn new(source: (IpAddr, u16), destination: (IpAddr, u16), protocol: u8) -> (Self, bool) {
        let one = (bits(source.0), source.1);
        let two = (bits(destination.0), destination.1);
        let upward = one <= two;
        let (low, high) = if upward { (one, two) } else { (two, one) };
        let v4 = source.0.is_ipv4();
        let (low_port, high_port) = (low.1, high.1);
        let (low, high) = (low.0.to_ne_bytes(), high.0.to_ne_bytes());
        (Self { low, high, low_port, high_port, protocol, v4 }, upward)
    }

    pub(crate) const fn transport(&self) -> Transport {
        Transport(self.protocol)
    }

    /// Address and port of the low or the high end.
    pub(crate) fn end(&self, low: bool) -> (IpAddr, u16) {
        let (bytes, port) = if low { (self.low, self.low_port) } else { (self.high, self.high_port) };
        let bits = u128::from_ne_bytes(bytes);
        let ip =
            if self.v4 { IpAddr::V4(Ipv4Addr::from(bits as u32)) } else { IpAddr::V6(Ipv6Addr::from(bits)) };
        (ip, port)
    }
}

/// In as few steps as there are words: this is done for every packet.
impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.v4 {
            let [low, high] = [self.low, self.high].map(u128::from_ne_bytes);
            state.write_u64((low as u64) << 32 | high as u64);
        } else {
            state.write_u128(u128::from_ne_bytes(self.low));
            state.write_u128(u128::from_ne_bytes(self.high));
        }
        let ports = u64::from(self.low_port) << 16 | u64::from(self.high_port);
        state.write_u64(ports << 16 | u64::from(self.protocol) << 1 | u64::from(self.v4));
    }
}

#[inline]
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// How far a TCP conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not TCP.
    Datagrams,
    /// SYN seen.
    Asked,
    /// SYN-ACK seen.
    Answered,
    /// Handshake complete.
    Open,
    /// Began before the capture.
    MidStream,
    /// FIN from both.
    Closed,
    /// RST to the SYN.
    Refused,
    /// RST later.
    Reset,
}

/// What happened within the running second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    pub packets: [u32; 2],
    pub bytes: [u32; 2],
    /// Sums of the squares of packet lengths. Where they do not fit, nobody speaks.
    pub squares: [u32; 2],
    /// Its number, less what 16 bits do not hold: no conversation is silent for so long and still the same.
    pub begin: u16,
    pub told: bool,
}

impl Second {
    /// The side that spoke at the pace of a voice within this second, and the time between its packets in ms.
    ///
    /// Voice codecs send a frame every 20, 30, 40 or 60 ms and no more than 400 bytes with all headers; those that
    /// save bandwidth change its size with the voice. Waveforms of monitors keep their size, and are none, unless the
    /// packets are known to be sound.
    pub(crate) fn voice(&self, is_sound: bool) -> Option<(usize, u16)> {
        const BYTES: std::ops::RangeInclusive<u64> = 60..=400;
        let side = usize::from(self.bytes[1] > self.bytes[0]);
        let (packets, bytes) = (u64::from(self.packets[side]), u64::from(self.bytes[side]));
        let interval_ms = match packets {
            49..=51 => 20,
            32..=34 => 30,
            25 => 40,
            16 | 17 => 60,
            // Twice as fast, or seen before and behind a router.
            98..=102 if is_sound => 20,
            64..=68 if is_sound => 30,
            _ => return None,
        };
        let mean = bytes / packets;
        let variance = (u64::from(self.squares[side]) / packets).saturating_sub(mean * mean);
        // A spread of at least a twentieth of the size.
        let changes = variance * 400 >= mean * mean;
        let one_speaks = u64::from(self.bytes[1 - side]) * 3 < bytes;
        (BYTES.contains(&mean) && (changes || is_sound) && one_speaks).then_some((side, interval_ms))
    }
}

/// A conversation.
///
/// The fields stand in the order in which they are needed: with very many conversations each line of the cache (64 bytes)
/// that a packet needs is fetched from memory. A packet that nobody reads needs the first two.
#[repr(C, align(64))]
pub(crate) struct Talk {
    // First line: which conversation it is, and whether it still goes on.
    pub key: Key,
    /// The initiator is the low end of the key.
    pub from_low: bool,
    pub state: State,
    pub end: Timestamp,
    pub hash: KeyHash,
    /// [`NO_MAC`] where none was seen.
    pub macs: [MacAddress; 2],
    // Second line: what is counted, and what decides about the third.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    pub second: Second,
    /// Seconds at the pace of speech, less those that were not; 255 when it was told.
    pub voice_seconds: u8,
    /// Which sides sent their last: a bit each.
    pub finished: u8,
    /// Whether somebody still wants bytes: [`Spoken::listens`], to know it without a look at the third line.
    pub listens: bool,
    /// Whether a conversation is here at all: see [`crate::talks::Talks`].
    pub taken: bool,
    // Third line: who reads, and what is told at the end.
    pub spoken: Spoken,
    pub halves: Option<Box<[Half; 2]>>,
    pub labels: Option<Box<ConversationLabels>>,
    pub start: Timestamp,
    pub first_packet: u64,
    pub capture: CaptureId,
    /// [`NO_VLAN`] where there is none.
    pub vlan: u16,
    pub time_to_live: [u8; 2],
}

/// No VLAN has this number: they have twelve bits.
const NO_VLAN: u16 = u16::MAX;

/// No station has it: some captures have it where there is no link.
pub(crate) const NO_MAC: MacAddress = MacAddress([0; 6]);

/// A place for a conversation.
impl Default for Talk {
    fn default() -> Self {
        Self { taken: false, ..Self::new(&Packet::default(), true, State::Datagrams) }
    }
}

impl Talk {
    /// A conversation that begins with a packet: nothing is counted yet.
    pub(crate) fn new(packet: &Packet, from_low: bool, state: State) -> Self {
        Self {
            key: packet.key,
            from_low,
            state,
            end: packet.sighting.time,
            hash: packet.hash,
            macs: [NO_MAC; 2],
            packets: [0; 2],
            bytes: [0; 2],
            second: Second::default(),
            voice_seconds: 0,
            finished: 0,
            listens: true,
            taken: true,
            spoken: Spoken::default(),
            halves: None,
            labels: None,
            start: packet.sighting.time,
            first_packet: packet.sighting.packet,
            capture: packet.sighting.capture,
            vlan: packet.link.vlan.unwrap_or(NO_VLAN),
            time_to_live: [0; 2],
        }
    }

    pub(crate) fn vlan(&self) -> Option<u16> {
        (self.vlan != NO_VLAN).then_some(self.vlan)
    }

    /// Which way a packet goes that went from the low to the high end of the key, or not.
    pub(crate) const fn direction(&self, upward: bool) -> Direction {
        if upward == self.from_low { Direction::Forward } else { Direction::Backward }
    }

    fn station(&self, side: usize) -> Station {
        let (ip, port) = self.key.end(self.from_low == (side == 0));
        let mac = self.macs.get(side).copied().filter(|mac| *mac != NO_MAC);
        Station { mac, ip: Some(ip), port, radio: None }
    }

    pub(crate) fn initiator(&self) -> Station {
        self.station(0)
    }

    pub(crate) fn responder(&self) -> Station {
        self.station(1)
    }

    /// How long it may be silent before it counts as ended, nanoseconds.
    pub(crate) const fn patience(&self) -> i64 {
        match self.state {
            State::Datagrams if matches!(self.key.protocol, 1 | 58) => 30 * SECOND,
            State::Datagrams => 120 * SECOND,
            State::Asked => 30 * SECOND,
            State::Answered => 60 * SECOND,
            State::Open | State::MidStream => 3_600 * SECOND,
            State::Closed | State::Refused | State::Reset => 5 * SECOND,
        }
    }

    /// How dear it is when room must be made: the smaller, the sooner it goes.
    pub(crate) fn worth(&self, protected: bool) -> (bool, u8, Timestamp) {
        let state = match self.state {
            State::Refused | State::Closed | State::Reset | State::Asked => 0,
            State::Answered => 1,
            State::Datagrams if self.packets.contains(&0) => 1,
            State::Datagrams | State::MidStream => 2,
            State::Open => 3,
        };
        (protected, state, self.end)
    }

    /// The whole conversation, for the fact that ends it.
    pub(crate) fn summary(&self) -> Conversation {
        let (protocol, encrypted) = self.spoken.label();
        let labels = self.labels.as_deref();
        let halves = self.halves.as_deref();
        Conversation {
            start: self.start,
            end: self.end,
            first_packet: self.first_packet,
            packets: self.packets,
            bytes: self.bytes,
            application: labels.and_then(|labels| labels.application).or(protocol),
            encrypted,
            tcp: match self.state {
                State::Datagrams => None,
                State::Asked => Some(TcpOutcome::Unanswered),
                State::Answered => Some(TcpOutcome::HalfOpen),
                State::Open => Some(TcpOutcome::Open),
                State::MidStream => Some(TcpOutcome::MidStream),
                State::Closed => Some(TcpOutcome::Closed),
                State::Refused => Some(TcpOutcome::Refused),
                State::Reset => Some(TcpOutcome::Reset),
            },
            server_name: labels.and_then(|labels| labels.server_name.clone()),
            ja4: labels.and_then(|labels| labels.ja4.clone()),
            missing_bytes: labels.map_or(0, |labels| labels.missing_bytes)
                + halves.map_or(0, |halves| halves.iter().map(Half::missing).sum()),
        }
    }
}

/// What the first packet of a station tells of its stack.
pub(crate) const fn traits(time_to_live: u8, dont_fragment: bool) -> StackTraits {
    StackTraits {
        time_to_live,
        syn: false,
        dont_fragment,
        window: 0,
        segment_size_max: 0,
        window_scale: 255,
        options: [0; 8],
    }
}

#[cfg(test)]
mod tests {
    use super::Second;

    #[test]
    fn a_voice_keeps_its_pace() {
        let second = |packets: u32, lengths: [u32; 2], answers: u32| {
            let (bytes, squares) = (0..packets).fold((0, 0), |(bytes, squares), number| {
                let length = lengths[(number % 2) as usize];
                (bytes + length, squares + length * length)
            });
            Second {
                packets: [packets, answers],
                bytes: [bytes, answers * 200],
                squares: [squares, answers * 40_000],
                ..Second::default()
            }
        };
        assert_eq!(second(50, [90, 140], 0).voice(false), Some((0, 20)));
        assert_eq!(second(17, [90, 140], 1).voice(false), Some((0, 60)));
        // A waveform keeps its size; so does a codec of constant rate, whose packets are known to be sound.
        assert_eq!(second(50, [200, 200], 0).voice(false), None);
        assert_eq!(second(50, [200, 200], 0).voice(true), Some((0, 20)));
        // Seen before and behind a router.
        assert_eq!(second(100, [200, 200], 0).voice(true), Some((0, 20)));
        // Both speak; images.
        assert_eq!(second(50, [200, 200], 50).voice(true), None);
        assert_eq!(second(50, [1_400, 900], 0).voice(false), None);
    }

    #[test]
    fn a_conversation_is_small() {
        // A million of them is what a flood brings.
        let size = size_of::<super::Talk>();
        assert!(size <= 192, "{size}");
    }
}
