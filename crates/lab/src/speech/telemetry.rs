//! MQTT 3.1.1 and SNMP version 2c (RFC 3416): telemetry and management.

fn string(text: &[u8]) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text);
    bytes
}

/// A control packet: first byte, and the rest behind its length (section 2.2.3).
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// CONNECT, with an account where there is one.
pub(crate) fn connect(client: &str, keep_alive_s: u16, account: Option<(&str, &str)>) -> Vec<u8> {
    let mut body = string(b"MQTT");
    body.extend([4, if account.is_some() { 0xc2 } else { 2 }]);
    body.extend(keep_alive_s.to_be_bytes());
    body.extend(string(client.as_bytes()));
    if let Some((name, secret)) = account {
        body.extend(string(name.as_bytes()));
        body.extend(string(secret.as_bytes()));
    }
    packet(0x10, &body)
}

/// CONNACK: 0 accepted, 4 bad account, 5 not authorised.
pub(crate) fn connected(reason: u8) -> Vec<u8> {
    packet(0x20, &[0, reason])
}

/// PUBLISH of quality 0.
pub(crate) fn publish(topic: &str, payload: &[u8], retained: bool) -> Vec<u8> {
    packet(if retained { 0x31 } else { 0x30 }, &[string(topic.as_bytes()), payload.to_vec()].concat())
}

/// SUBSCRIBE to one filter.
pub(crate) fn subscribe(filter: &str) -> Vec<u8> {
    packet(0x82, &[&[0, 1][..], &string(filter.as_bytes()), &[0]].concat())
}

/// SUBACK.
pub(crate) fn subscribed() -> Vec<u8> {
    packet(0x90, &[0, 1, 0])
}

/// DISCONNECT.
pub(crate) fn goodbye() -> Vec<u8> {
    packet(0xe0, &[])
}

/// An element of BER: tag, length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..128 => bytes.push(length as u8),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(content);
    bytes
}

/// An object identifier of small arcs, as all of management information are.
fn object(arcs: &[u32]) -> Vec<u8> {
    let mut content = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let mut groups = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            groups.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        content.extend(groups.iter().rev());
    }
    element(6, &content)
}

/// What is asked of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Get,
    Next,
    Set,
    Response,
}

/// A message about one object, with a text where there is one.
pub(crate) fn snmp(
    community: &str,
    request: Request,
    number: u16,
    arcs: &[u32],
    text: Option<&str>,
) -> Vec<u8> {
    let value = text.map_or_else(|| element(5, &[]), |text| element(4, text.as_bytes()));
    let binding = element(0x30, &[object(arcs), value].concat());
    let kind = match request {
        Request::Get => 0xa0,
        Request::Next => 0xa1,
        Request::Response => 0xa2,
        Request::Set => 0xa3,
    };
    let number = [0, (number >> 8) as u8 & 0x7f, number as u8];
    let body = [element(2, &number), element(2, &[0]), element(2, &[0]), element(0x30, &binding)].concat();
    element(0x30, &[element(2, &[1]), element(4, community.as_bytes()), element(kind, &body)].concat())
}
