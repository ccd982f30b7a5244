//! MQTT 3.1, 3.1.1 and 5: clients and topics.

use std::sync::Arc;

use bytes::Bytes;
use wardline_model::{Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::enterprise::mqtt::{Packet, Session};

use super::guard::general;
use super::{Cut, Guard, List, MESSAGE_BYTES_MAX, Pending, Refused};
use crate::report::Notice;

/// Not authorized: OASIS MQTT 3.1.1 table 3.1, MQTT 5 section 2.4.
const REFUSED_3: u8 = 5;
const REFUSED_5: u8 = 0x87;

/// A connection.
#[derive(Debug)]
pub struct Mqtt {
    guard: Arc<Guard>,
    session: Session,
    pending: [Pending; 2],
    /// Protocol level, once the client has said it.
    level: Option<u8>,
}

impl Mqtt {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        let pending = Pending::both(&guard);
        Self { guard, session: Session::default(), pending, level: None }
    }

    pub(super) fn pass(&mut self, direction: Direction, bytes: &[u8]) -> Result<Bytes, Box<Refused>> {
        let Self { guard, session, pending, level } = self;
        let Some(pending) = pending.get_mut(direction.index()) else { return Ok(Bytes::new()) };
        let other =
            || refused(Notice::NotTheProtocol, "packet", "not a packet of MQTT".to_owned(), Bytes::new());
        pending.each(bytes, cut, other, |packet| judge(guard, session, level, direction, packet))
    }
}

/// A packet: type, remaining length of one to four bytes (section 2.2.3).
fn cut(unread: &[u8], _: usize) -> Cut {
    let mut length = 0_usize;
    for place in 0..4 {
        let Some(byte) = unread.get(1 + place) else { return Cut::More };
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let whole = 2 + place + length;
            return match whole {
                _ if whole > MESSAGE_BYTES_MAX => Cut::Never,
                _ if whole <= unread.len() => Cut::At(whole),
                _ => Cut::More,
            };
        }
    }
    Cut::Never
}

fn refused(notice: Notice, field: &'static str, value: String, answer: Bytes) -> Box<Refused> {
    // The broker sees the connection end without DISCONNECT, and publishes the will if there is one: the client is gone.
    Box::new(Refused { notice, protocol: Protocol::Mqtt, field, value, answer, farewell: Bytes::new() })
}

fn judge(
    guard: &Guard,
    session: &mut Session,
    level: &mut Option<u8>,
    direction: Direction,
    packet: &[u8],
) -> Result<(), Box<Refused>> {
    let mut refusal = None;
    let kind = packet.first().map_or(0, |first| first >> 4);
    let known = *level;
    let mut understood = false;
    let ours = session.feed(direction, packet, |packet| {
        understood = true;
        if let Packet::Connect(connect) = &packet {
            *level = Some(connect.level);
        }
        if direction == Direction::Forward && refusal.is_none() {
            refusal = forbidden(guard, &packet);
        }
    });
    if let Some((field, value)) = refusal {
        return Err(refused(Notice::Forbidden, field, value, goodbye(kind == 1, *level)));
    }
    // The client speaks first, and says hello once.
    let in_turn = (kind == 1) == known.is_none() || direction == Direction::Backward;
    // Empty SUBSCRIBE packets tell nothing and are none (section 3.8.3); AUTH and the like are told as Other.
    if ours && in_turn && understood {
        return Ok(());
    }
    let what = format!("a packet of type {kind} that makes no sense here");
    Err(refused(Notice::NotTheProtocol, "packet", what, goodbye(false, *level)))
}

fn forbidden(guard: &Guard, packet: &Packet<'_>) -> Option<(&'static str, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let publishes = |topic: &[u8]| {
        let topic = text(topic);
        let shown = general(&topic, "+");
        (!guard.allows(List::Publish, &topic, &shown)).then(|| ("topic", format!("publishing to {shown}")))
    };
    match packet {
        Packet::Connect(connect) => {
            let client = Label::from_bytes(connect.client).to_string();
            if !guard.allows(List::Client, &client, &client) {
                return Some(("client identifier", format!("client {client}")));
            }
            connect.will_topic.and_then(publishes)
        }
        // An alias (version 5) stands for a topic that was judged when it was set.
        Packet::Publish(publish) if publish.topic.is_empty() => None,
        Packet::Publish(publish) => publishes(publish.topic),
        Packet::Subscribe(filter) => {
            let filter = text(filter.filter);
            let shown = general(&filter, "+");
            (!guard.allows(List::Subscribe, &filter, &shown))
                .then(|| ("topic filter", format!("subscribing to {shown}")))
        }
        Packet::Connected(_) | Packet::Disconnect(_) | Packet::Other(_) => None,
    }
}

/// How the client is told: CONNACK in answer to CONNECT, else DISCONNECT, which only version 5 has from a server.
fn goodbye(to_connect: bool, level: Option<u8>) -> Bytes {
    match (to_connect, level) {
        (true, Some(5)) => Bytes::copy_from_slice(&[0x20, 3, 0, REFUSED_5, 0]),
        (true, _) => Bytes::copy_from_slice(&[0x20, 2, 0, REFUSED_3]),
        (false, Some(5)) => Bytes::copy_from_slice(&[0xe0, 2, REFUSED_5, 0]),
        (false, _) => Bytes::new(),
    }
}
