//! First bytes over UDP.

use crate::{Error, Layer, Reader, Verdict};

/// Whether a reading function found what it looked for.
fn verdict(read: Result<Verdict, Error>) -> Verdict {
    read.unwrap_or(Verdict::NotMine)
}

const fn certain_if(condition: bool) -> Verdict {
    if condition { Verdict::Certain } else { Verdict::NotMine }
}

/// Kerberos: an application tag of RFC 4120 appendix A around a sequence that begins with version 5.
pub fn probe_kerberos(datagram: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Udp, datagram);
        let tag = reader.u8("tag")?;
        // AS-REQ, AS-REP, TGS-REQ, TGS-REP, AP-REQ, AP-REP, KRB-ERROR.
        if !matches!(tag, 0x6a..=0x6f | 0x7e) {
            return Ok(Verdict::NotMine);
        }
        let length = length(&mut reader)?;
        if length < reader.remaining() {
            return Ok(Verdict::NotMine);
        }
        let sequence = reader.u8("sequence")? == 0x30;
        self::length(&mut reader)?;
        let [context, long, integer, one, version] = reader.array("version")?;
        let known = matches!((context, long, integer, one, version), (0xa0 | 0xa1, 3, 2, 1, 5));
        Ok(certain_if(sequence && known))
    };
    verdict(read())
}

/// A length of BER.
pub(super) fn length(reader: &mut Reader<'_>) -> Result<usize, Error> {
    match reader.u8("length")? {
        short @ 0..=0x7f => Ok(usize::from(short)),
        0x81 => reader.u8("length").map(usize::from),
        0x82 => reader.u16_be("length").map(usize::from),
        0x83 => reader.u24_be("length").map(|length| length as usize),
        0x84 => reader.u32_be("length").map(|length| length as usize),
        _ => Err(reader.unsupported("length")),
    }
}

/// RADIUS: a known code, the length of the datagram, attributes that fill it.
pub fn probe_radius(datagram: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Udp, datagram);
        let code = reader.u8("code")?;
        reader.skip("identifier", 1)?;
        let length = usize::from(reader.u16_be("length")?);
        reader.skip("authenticator", 16)?;
        if !matches!(code, 1..=5 | 11..=13 | 40..=45) || length != datagram.len() {
            return Ok(Verdict::NotMine);
        }
        let mut attributes = 0;
        while !reader.is_empty() {
            let kind = reader.u8("attribute type")?;
            let length = usize::from(reader.u8("attribute length")?);
            let Some(content) = length.checked_sub(2).filter(|_| kind != 0) else {
                return Ok(Verdict::NotMine);
            };
            reader.skip("attribute", content)?;
            attributes += 1;
        }
        Ok(if attributes > 0 { Verdict::Certain } else { Verdict::Unsure })
    };
    verdict(read())
}

/// Syslog: a priority of at most 191 in angle brackets, then text.
pub fn probe_syslog(datagram: &[u8]) -> Verdict {
    let Some(rest) = datagram.strip_prefix(b"<") else { return Verdict::NotMine };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let priority =
        rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
    let Some(text) = rest.get(digits..).and_then(|rest| rest.strip_prefix(b">")) else {
        return Verdict::NotMine;
    };
    let opening = text.get(..text.len().min(64)).unwrap_or_default();
    let readable =
        opening.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace() || *byte == 0);
    certain_if(
        (1..=3).contains(&digits)
            && priority.is_some_and(|priority| priority <= 191)
            && !text.is_empty()
            && readable,
    )
}

/// TFTP: a request to read or write, with a name and a mode. Data blocks travel between other ports.
pub fn probe_tftp(datagram: &[u8]) -> Verdict {
    let [0, 1 | 2, rest @ ..] = datagram else { return Verdict::NotMine };
    let mut parts = rest.split(|byte| *byte == 0);
    let (name, mode) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let modes: [&[u8]; 3] = [b"octet", b"netascii", b"mail"];
    let named = !name.is_empty() && name.iter().all(|byte| !byte.is_ascii_control());
    certain_if(named && modes.iter().any(|known| mode.eq_ignore_ascii_case(known)))
}

/// BACnet/IP: BVLC type 0x81, a known function, the length of the datagram, and NPDU version 1.
pub fn probe_bacnet(datagram: &[u8]) -> Verdict {
    let [0x81, function, high, low, rest @ ..] = datagram else { return Verdict::NotMine };
    let fits = usize::from(u16::from_be_bytes([*high, *low])) == datagram.len();
    let network = match function {
        // Original unicast and broadcast, distribute broadcast.
        0x09..=0x0b => rest.first() == Some(&1),
        // Forwarded: the address of its origin first.
        0x04 => rest.get(6) == Some(&1),
        0x00..=0x0c => true,
        _ => false,
    };
    certain_if(fits && network)
}

/// CoAP: version 1, a known code, options that are known and end at a payload marker or the datagram's end.
pub fn probe_coap(datagram: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Udp, datagram);
        let first = reader.u8("version")?;
        let code = reader.u8("code")?;
        reader.skip("message id", 2)?;
        let token = usize::from(first & 0x0f);
        let known_code = matches!(code, 1..=7 | 0x41..=0x45 | 0x5f | 0x80..=0x9f | 0xa0..=0xa5);
        if first >> 6 != 1 || token > 8 || !known_code {
            return Ok(Verdict::NotMine);
        }
        reader.skip("token", token)?;
        let mut number = 0_u32;
        let mut telling = false;
        while !reader.is_empty() {
            let byte = reader.u8("option")?;
            if byte == 0xff {
                return Ok(if reader.is_empty() { Verdict::NotMine } else { sure(telling) });
            }
            let delta = extended(&mut reader, byte >> 4)?;
            let length = extended(&mut reader, byte & 0x0f)?;
            number = number.saturating_add(delta);
            // RFC 7252 section 12.2, observe (6), block-wise (23, 27, 28), size (60), no response (258).
            if !matches!(number, 1 | 3..=8 | 11 | 12 | 14 | 15 | 17 | 20 | 23 | 27 | 28 | 35 | 39 | 60 | 258)
            {
                return Ok(Verdict::NotMine);
            }
            telling |= matches!(number, 11 | 12) && length <= 255;
            reader.skip("option value", length as usize)?;
        }
        Ok(sure(telling))
    };
    verdict(read())
}

const fn sure(telling: bool) -> Verdict {
    if telling { Verdict::Certain } else { Verdict::Unsure }
}

fn extended(reader: &mut Reader<'_>, nibble: u8) -> Result<u32, Error> {
    match nibble {
        13 => reader.u8("extended").map(|value| u32::from(value) + 13),
        14 => reader.u16_be("extended").map(|value| u32::from(value) + 269),
        15 => Err(reader.malformed("extended")),
        plain => Ok(u32::from(plain)),
    }
}

/// STUN: two zero bits, a length that fits, the magic cookie.
pub fn probe_stun(datagram: &[u8]) -> Verdict {
    let [kind, _, high, low, 0x21, 0x12, 0xa4, 0x42, rest @ ..] = datagram else { return Verdict::NotMine };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    certain_if(kind & 0xc0 == 0 && length.is_multiple_of(4) && rest.len() == length + 12)
}

/// QUIC: a long header of a known version, with connection identifiers of at most 20 bytes.
pub fn probe_quic(datagram: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Quic, datagram);
        let first = reader.u8("first byte")?;
        let version = reader.u32_be("version")?;
        // Version 1, version 2, the drafts, and Google's before them.
        let known =
            matches!(version, 1 | 0x6b33_43cf | 0xff00_0000..=0xff00_00ff | 0x5130_3330..=0x5130_3539);
        if first & 0x80 == 0 || !known {
            return Ok(Verdict::NotMine);
        }
        for field in ["destination connection id", "source connection id"] {
            let length = usize::from(reader.u8(field)?);
            // Google's versions have both lengths in one byte.
            if length > 20 && version >> 16 != 0x5130 {
                return Ok(Verdict::NotMine);
            }
            reader.take_lax(length);
        }
        Ok(Verdict::Certain)
    };
    verdict(read())
}

/// DHCPv6: a known message type and options that fill the datagram, one of them naming a client or server.
pub fn probe_dhcpv6(datagram: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Dhcp, datagram);
        match reader.u8("msg-type")? {
            1..=11 => reader.skip("transaction-id", 3)?,
            12 | 13 => reader.skip("hop-count, link-address, peer-address", 33)?,
            _ => return Ok(Verdict::NotMine),
        }
        let mut telling = false;
        while !reader.is_empty() {
            let code = reader.u16_be("option-code")?;
            let length = usize::from(reader.u16_be("option-len")?);
            let content = reader.take("option", length)?;
            if code == 0 || code > 200 {
                return Ok(Verdict::NotMine);
            }
            // Client identifier, server identifier, relayed message.
            telling |= match code {
                1 | 2 => matches!(content, [0, 1..=4, ..]),
                9 => !content.is_empty(),
                _ => false,
            };
        }
        Ok(certain_if(telling))
    };
    verdict(read())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Probe = fn(&[u8]) -> Verdict;

    const ALL: [Probe; 9] = [
        probe_kerberos,
        probe_radius,
        probe_syslog,
        probe_tftp,
        probe_bacnet,
        probe_coap,
        probe_stun,
        probe_quic,
        probe_dhcpv6,
    ];

    #[test]
    fn each_knows_its_own_and_no_other() {
        let radius = [&[1, 7, 0, 27][..], &[9; 16], &[1, 7, b'a', b'l', b'i', b'c', b'e']].concat();
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[5; 12]].concat();
        let kerberos = [&[0x6a, 9, 0x30, 7, 0xa1, 3, 2, 1, 5][..], &[0, 0]].concat();
        let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[1; 8], &[0, 0, 0x40], &[7; 100]].concat();
        let dhcpv6 = [1, 0, 0, 7, 0, 1, 0, 10, 0, 3, 0, 1, 0, 9, 0xfb, 1, 2, 3];
        let samples: [&[u8]; 9] = [
            &kerberos,
            &radius,
            b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - failed",
            b"\0\x01boot.cfg\0octet\0",
            &[0x81, 0x0b, 0, 12, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8],
            // GET coap://server/temperature, RFC 7252 figure 16.
            b"\x40\x01\x7d\x34\xbbtemperature",
            &stun,
            &quic,
            &dhcpv6,
        ];
        for (place, sample) in samples.iter().enumerate() {
            for (other, probe) in ALL.iter().enumerate() {
                let expected = if place == other { Verdict::Certain } else { Verdict::NotMine };
                assert_eq!(probe(sample), expected, "sample {place} probe {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            for probe in ALL {
                let _ = probe(&bytes);
            }
        }
    }
}
