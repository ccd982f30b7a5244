//! Both directions of a conversation, packet by packet.

use super::message::{Packet, parse, variable_length};
use crate::{Consumed, Direction, Layer, Reader, StreamBuffer, Verdict};

/// Longest packet kept, bytes; of a longer one only the beginning is read.
const PACKET_BYTES_MAX: usize = 64 * 1024;

/// A conversation of a client with a broker.
#[derive(Clone, Debug)]
pub struct Session {
    directions: [StreamBuffer; 2],
    level: Option<u8>,
}

impl Default for Session {
    fn default() -> Self {
        let buffer = || StreamBuffer::new(PACKET_BYTES_MAX + 8);
        Self { directions: [buffer(), buffer()], level: None }
    }
}

impl Session {
    /// Feeds the next bytes of one direction; `tell` gets every packet. False when it is no MQTT after all.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Packet<'_>)) -> bool {
        let [forward, backward] = &mut self.directions;
        let buffer = match direction {
            Direction::Forward => forward,
            Direction::Backward => backward,
        };
        let level = &mut self.level;
        let mut right = true;
        let fits = buffer.feed(bytes, |unread| {
            if !right {
                return Some(Consumed::exactly(unread.len()));
            }
            let mut reader = Reader::new(Layer::Mqtt, unread);
            let first = reader.u8("packet type").ok()?;
            let length = match variable_length(&mut reader) {
                Ok(length) => length,
                Err(error) if error.is_truncated() => return None,
                Err(_) => {
                    right = false;
                    return Some(Consumed::exactly(unread.len()));
                }
            };
            let header = reader.offset();
            let wanted = length.min(PACKET_BYTES_MAX);
            let body = reader.take("packet", wanted).ok()?;
            let whole = parse(first, body, *level, |packet| {
                if let Packet::Connect(connect) = &packet {
                    *level = Some(connect.level);
                }
                tell(packet);
            });
            right = whole.is_ok() || length > wanted;
            Some(Consumed { bytes: header + wanted, skip: (length - wanted) as u64 })
        });
        fits && right
    }

    /// Bytes are missing: within the rest of a packet that nobody needs they do not matter. False when the begin of
    /// the next packet cannot be known.
    pub fn gap(&mut self, direction: Direction, length: u64) -> bool {
        self.directions
            .get_mut(direction.index())
            .is_some_and(|buffer| buffer.pending() == 0 && buffer.pass_over(length))
    }
}

/// Judges the opening bytes of one direction.
pub fn probe(_: Direction, bytes: &[u8]) -> Verdict {
    match bytes.first() {
        None => return Verdict::Unsure,
        Some(0x10) => {}
        // CONNACK has two bytes, or properties behind them; alone it could be anything.
        Some(0x20 | 0x30..=0x3d | 0x40 | 0x82 | 0xc0 | 0xd0) => return middle(bytes),
        Some(_) => return Verdict::NotMine,
    }
    let mut reader = Reader::new(Layer::Mqtt, bytes);
    let Ok(_) = reader.u8("packet type") else { return Verdict::Unsure };
    match variable_length(&mut reader) {
        Ok(length) if length >= 12 => {}
        Ok(_) => return Verdict::NotMine,
        Err(error) if error.is_truncated() => return Verdict::Unsure,
        Err(_) => return Verdict::NotMine,
    }
    let rest = reader.rest();
    let names: [&[u8]; 2] = [b"\x00\x04MQTT", b"\x00\x06MQIsdp"];
    if names.iter().any(|name| rest.starts_with(name)) {
        Verdict::Certain
    } else if names.iter().any(|name| name.starts_with(rest)) {
        Verdict::Unsure
    } else {
        Verdict::NotMine
    }
}

/// A conversation seen from its middle: several packets in a row must fit, one of them with a topic in plain text.
fn middle(bytes: &[u8]) -> Verdict {
    const PACKETS: usize = 3;
    let mut reader = Reader::new(Layer::Mqtt, bytes);
    let mut topics = 0;
    for number in 0..PACKETS {
        if reader.is_empty() {
            return if number == 0 { Verdict::NotMine } else { Verdict::Unsure };
        }
        let Ok(first) = reader.u8("packet type") else { return Verdict::Unsure };
        let flags_fit = match first >> 4 {
            3 => first & 0x06 != 0x06,
            6 | 8 | 10 => first & 0x0f == 2,
            2 | 4 | 5 | 7 | 9 | 11..=13 => first & 0x0f == 0,
            _ => false,
        };
        if !flags_fit {
            return Verdict::NotMine;
        }
        let length = match variable_length(&mut reader) {
            Ok(length) => length,
            Err(error) if error.is_truncated() => return Verdict::Unsure,
            Err(_) => return Verdict::NotMine,
        };
        let lengths_fit = match first >> 4 {
            4..=7 | 11 => (2..=64).contains(&length),
            12 | 13 => length == 0,
            2 => (2..=512).contains(&length),
            _ => length >= 3,
        };
        if !lengths_fit {
            return Verdict::NotMine;
        }
        let body = reader.take_lax(length);
        if first >> 4 == 3 {
            let Some(([high, low], rest)) = body.split_first_chunk::<2>() else { return Verdict::Unsure };
            let topic = rest.get(..usize::from(u16::from_be_bytes([*high, *low]))).unwrap_or_default();
            let plain = !topic.is_empty() && topic.iter().all(|byte| (0x20..0x7f).contains(byte));
            if !plain {
                return Verdict::NotMine;
            }
            topics += 1;
        }
    }
    if topics > 0 { Verdict::Certain } else { Verdict::NotMine }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// CONNECT of version 3.1.1, section 3.1.2.10 figure 3.6, with client `pump-7`, user and password.
    const CONNECT: &[u8] = b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06pump-7\x00\x01u\x00\x05secre";
    /// PUBLISH of `ward/7/hr` with quality 0.
    const PUBLISH: &[u8] = b"\x30\x0d\x00\x09ward/7/hr72";

    fn told(pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut session = Session::default();
        let mut packets = Vec::new();
        let right = pieces.iter().all(|piece| {
            session.feed(Direction::Forward, piece, |packet| {
                packets.push(match packet {
                    Packet::Connect(connect) => format!(
                        "connect {} {} {}",
                        connect.level,
                        String::from_utf8_lossy(connect.client),
                        connect.secret.is_some()
                    ),
                    Packet::Publish(publish) => format!(
                        "publish {} {}",
                        String::from_utf8_lossy(publish.topic),
                        publish.payload.expose().len()
                    ),
                    Packet::Subscribe(filter) => {
                        format!("subscribe {}", String::from_utf8_lossy(filter.filter))
                    }
                    Packet::Connected(reason) => format!("connected {reason}"),
                    Packet::Disconnect(reason) => format!("disconnect {reason}"),
                    Packet::Other(kind) => format!("other {kind}"),
                });
            })
        });
        (packets, right)
    }

    #[test]
    fn a_client_connects_and_publishes() {
        let (packets, right) = told(&[CONNECT, PUBLISH, b"\xc0\x00\xe0\x00"]);
        assert!(right);
        assert_eq!(packets, ["connect 4 pump-7 true", "publish ward/7/hr 2", "other 12", "disconnect 0"]);
    }

    #[test]
    fn version_five_has_properties() {
        let connect = b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x01c";
        let publish = b"\x32\x0c\x00\x03a/b\x00\x01\x02\x01\x01hi";
        let subscribe = b"\x82\x10\x00\x02\x00\x00\x0a$share/g/#\x01";
        let (packets, right) = told(&[connect, publish, subscribe]);
        assert_eq!(packets, ["connect 5 c false", "publish a/b 2", "subscribe #"]);
        assert!(right);
    }

    #[test]
    fn recognised_from_its_begin_and_from_its_middle() {
        assert_eq!(probe(Direction::Forward, CONNECT), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &CONNECT[..5]), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"\x10\x1c\x00\x04HTTP"), Verdict::NotMine);
        let three = [PUBLISH, PUBLISH, PUBLISH].concat();
        assert_eq!(probe(Direction::Forward, &three), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, PUBLISH), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"0123456789abcdef"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn same_packets_however_cut(cut in 0_usize..60, more in 0_usize..4) {
            let stream = [CONNECT, &PUBLISH.repeat(more)].concat();
            let (one, two) = stream.split_at(cut.min(stream.len()));
            prop_assert_eq!(told(&[&stream]), told(&[one, two]));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = told(&[&bytes]);
            let _ = probe(Direction::Forward, &bytes);
        }
    }
}
