//! Control packets, section 2 and 3.

use crate::{Error, Layer, Reader, Sensitive};

/// CONNECT, section 3.1.
#[derive(Clone, Copy)]
pub struct Connect<'a> {
    /// Protocol level: 3 for 3.1, 4 for 3.1.1, 5.
    pub level: u8,
    /// Client identifier.
    pub client: &'a [u8],
    /// Keep alive, seconds.
    pub keep_alive_s: u16,
    /// Clean session or clean start.
    pub clean: bool,
    /// Topic of the will.
    pub will_topic: Option<&'a [u8]>,
    /// User name.
    pub account: Option<Sensitive<&'a [u8]>>,
    /// Password.
    pub secret: Option<Sensitive<&'a [u8]>>,
}

/// PUBLISH, section 3.3.
#[derive(Clone, Copy)]
pub struct Publish<'a> {
    /// Sent before.
    pub duplicate: bool,
    /// Quality of service, 0 to 2.
    pub quality: u8,
    /// Kept by the broker.
    pub retained: bool,
    /// Topic; empty in version 5 where an alias stands for it.
    pub topic: &'a [u8],
    /// The message.
    pub payload: Sensitive<&'a [u8]>,
}

/// A topic filter of SUBSCRIBE, section 3.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// The filter, without `$share/name/` (version 5, section 4.8.2).
    pub filter: &'a [u8],
}

/// A control packet that tells something.
#[derive(Clone, Copy)]
pub enum Packet<'a> {
    /// Client to broker.
    Connect(Connect<'a>),
    /// Broker to client: reason code, 0 is accepted.
    Connected(u8),
    /// Either way.
    Publish(Publish<'a>),
    /// One filter of a SUBSCRIBE.
    Subscribe(Filter<'a>),
    /// Reason code; 0 is normal.
    Disconnect(u8),
    /// Acknowledgements, pings and the like.
    Other(u8),
}

fn text<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], Error> {
    let length = reader.u16_be(field)?;
    reader.take(field, usize::from(length))
}

/// Properties of version 5, section 2.2.2: passed over.
fn properties(reader: &mut Reader<'_>) -> Result<(), Error> {
    let length = variable_length(reader)?;
    reader.skip("properties", length)
}

/// A variable byte integer, section 1.5.5.
pub(super) fn variable_length(reader: &mut Reader<'_>) -> Result<usize, Error> {
    let mut length = 0_usize;
    for place in 0..4 {
        let byte = reader.u8("length")?;
        length |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(reader.malformed("length"))
}

/// Reads one control packet; `tell` gets it, or each filter of a SUBSCRIBE. `level` is that of the CONNECT, if it
/// was seen.
pub(super) fn parse<'a>(
    first: u8,
    body: &'a [u8],
    level: Option<u8>,
    mut tell: impl FnMut(Packet<'a>),
) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Mqtt, body);
    let five = level == Some(5);
    match first >> 4 {
        1 => tell(Packet::Connect(connect(&mut reader)?)),
        2 => {
            reader.skip("connect acknowledge flags", 1)?;
            tell(Packet::Connected(reader.u8("connect reason code")?));
        }
        3 => {
            let quality = first >> 1 & 3;
            if quality == 3 {
                return Err(reader.malformed("quality of service"));
            }
            let topic = text(&mut reader, "topic")?;
            if topic.iter().any(|byte| matches!(byte, b'#' | b'+' | 0)) {
                return Err(reader.malformed("topic"));
            }
            if quality > 0 {
                reader.skip("packet identifier", 2)?;
            }
            if five {
                properties(&mut reader)?;
            }
            tell(Packet::Publish(Publish {
                duplicate: first & 8 != 0,
                quality,
                retained: first & 1 != 0,
                topic,
                payload: Sensitive::new(reader.take_rest()),
            }));
        }
        8 => {
            reader.skip("packet identifier", 2)?;
            if five {
                properties(&mut reader)?;
            }
            while !reader.is_empty() {
                let filter = text(&mut reader, "topic filter")?;
                reader.skip("subscription options", 1)?;
                tell(Packet::Subscribe(Filter { filter: unshared(filter) }));
            }
        }
        14 => tell(Packet::Disconnect(reader.u8("disconnect reason code").unwrap_or(0))),
        kind @ (4..=7 | 9..=13 | 15) => tell(Packet::Other(kind)),
        _ => return Err(reader.malformed("packet type")),
    }
    Ok(())
}

fn connect<'a>(reader: &mut Reader<'a>) -> Result<Connect<'a>, Error> {
    let name = text(reader, "protocol name")?;
    if !matches!(name, b"MQTT" | b"MQIsdp") {
        return Err(reader.malformed("protocol name"));
    }
    // The highest bit marks a bridge of one broker to another (an agreement of brokers, not of the standard).
    let level = reader.u8("protocol level")? & 0x7f;
    if !matches!(level, 3..=5) {
        return Err(reader.unsupported("protocol level"));
    }
    let flags = reader.u8("connect flags")?;
    let keep_alive_s = reader.u16_be("keep alive")?;
    if level == 5 {
        properties(reader)?;
    }
    let client = text(reader, "client identifier")?;
    let mut will_topic = None;
    if flags & 0x04 != 0 {
        if level == 5 {
            properties(reader)?;
        }
        will_topic = Some(text(reader, "will topic")?);
        text(reader, "will message")?;
    }
    let account = if flags & 0x80 != 0 { Some(Sensitive::new(text(reader, "user name")?)) } else { None };
    let secret = if flags & 0x40 != 0 { Some(Sensitive::new(text(reader, "password")?)) } else { None };
    Ok(Connect { level, client, keep_alive_s, clean: flags & 2 != 0, will_topic, account, secret })
}

/// The filter of a shared subscription.
fn unshared(filter: &[u8]) -> &[u8] {
    match filter.strip_prefix(b"$share/") {
        Some(rest) => rest
            .iter()
            .position(|byte| *byte == b'/')
            .and_then(|slash| rest.get(slash + 1..))
            .unwrap_or(filter),
        None => filter,
    }
}
