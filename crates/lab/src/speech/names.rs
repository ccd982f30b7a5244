//! DHCP (RFC 2131), DNS (RFC 1035), NTP (RFC 5905), SNMP (RFC 1157).

use std::net::Ipv4Addr;

use wardline_model::MacAddress;

/// A DHCP message: 1 discover, 2 offer, 3 request, 5 acknowledge.
pub(crate) fn dhcp(
    kind: u8,
    mac: MacAddress,
    transaction: u32,
    your: Ipv4Addr,
    options: &[(u8, Vec<u8>)],
) -> Vec<u8> {
    let by_server = matches!(kind, 2 | 5);
    let mut message = vec![if by_server { 2 } else { 1 }, 1, 6, 0];
    message.extend(transaction.to_be_bytes());
    message.extend([0; 8]);
    message.extend(your.octets());
    message.extend([0; 8]);
    message.extend(mac.0);
    message.resize(236, 0);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
    for (code, value) in options {
        message.push(*code);
        message.push(value.len() as u8);
        message.extend(value);
    }
    message.push(255);
    message.resize(message.len().max(300), 0);
    message
}

fn dns_name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A question for an address.
pub(crate) fn dns_question(id: u16, host: &str) -> Vec<u8> {
    dns_question_of(id, host, 1)
}

/// A question for a record of some type: 12 is the name of an address.
pub(crate) fn dns_question_of(id: u16, host: &str, kind: u8) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(dns_name(host));
    message.extend([0, kind, 0, 1]);
    message
}

/// Its answer.
pub(crate) fn dns_answer(id: u16, host: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    message.extend(dns_name(host));
    message.extend([0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
    message.extend(ip.octets());
    message
}

/// A packet of a client (mode 3) or server (mode 4).
pub(crate) fn ntp(mode: u8, seconds: u32) -> Vec<u8> {
    let mut packet = vec![0x20 | mode, if mode == 4 { 2 } else { 0 }, 6, 0xec];
    packet.resize(40, 0);
    packet.extend(seconds.to_be_bytes());
    packet.extend([0x80, 0, 0, 0]);
    packet
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..128 => bytes.push(length as u8),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(content);
    bytes
}

/// An SNMP version 2c message about sysDescr.0: a question without text, an answer with it.
pub(crate) fn snmp(request: u8, description: Option<&str>) -> Vec<u8> {
    const SYS_DESCR: [u8; 8] = [0x2b, 6, 1, 2, 1, 1, 1, 0];
    let value = description.map_or_else(|| element(5, &[]), |text| element(4, text.as_bytes()));
    let binding = element(0x30, &[element(6, &SYS_DESCR), value].concat());
    let kind = if description.is_some() { 0xa2 } else { 0xa0 };
    let body =
        [element(2, &[request & 0x7f]), element(2, &[0]), element(2, &[0]), element(0x30, &binding)].concat();
    element(0x30, &[element(2, &[1]), element(4, b"public"), element(kind, &body)].concat())
}
