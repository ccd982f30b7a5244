//! First bytes over TCP.

use super::datagrams::{length, probe_kerberos, probe_syslog};
use crate::line::split_line;
use crate::{Error, Layer, Reader, Verdict};

/// What a function that ran out of bytes says.
fn verdict(read: Result<bool, Error>) -> Verdict {
    match read {
        Ok(true) => Verdict::Certain,
        Ok(false) => Verdict::NotMine,
        Err(error) if error.is_truncated() => Verdict::Unsure,
        Err(_) => Verdict::NotMine,
    }
}

/// Kerberos: the length of the message in front of it.
pub fn probe_kerberos_stream(opening: &[u8]) -> Verdict {
    let Some((length, message)) = opening.split_first_chunk() else { return Verdict::Unsure };
    // The top bit is reserved, and no ticket is longer than a few times 64 KiB.
    if u32::from_be_bytes(*length) > 0x0010_0000 || message.first().is_some_and(|tag| tag & 0xe0 != 0x60) {
        return Verdict::NotMine;
    }
    if message.len() < 16 { Verdict::Unsure } else { probe_kerberos(message) }
}

/// LDAP: a sequence of a message identifier and a known operation.
pub fn probe_ldap(opening: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Tcp, opening);
        if reader.u8("message")? != 0x30 {
            return Ok(false);
        }
        length(&mut reader)?;
        if reader.u8("message id")? != 2 {
            return Ok(false);
        }
        let identifier = length(&mut reader)?;
        if !(1..=4).contains(&identifier) {
            return Ok(false);
        }
        reader.skip("message id", identifier)?;
        // Bind, unbind, search, modify, add, delete, rename, compare, abandon, extended.
        Ok(
            matches!(reader.u8("operation")?, 0x60 | 0x61 | 0x42 | 0x63..=0x6f | 0x4a | 0x50 | 0x73 | 0x77..=0x79),
        )
    };
    verdict(read())
}

/// Modbus: protocol 0, a length that fits the segment, a function of the public ones.
pub fn probe_modbus(opening: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Tcp, opening);
        let mut messages = 0;
        // Several requests may come in one segment.
        while !reader.is_empty() && messages < 4 {
            reader.skip("transaction", 2)?;
            let protocol = reader.u16_be("protocol")?;
            let length = usize::from(reader.u16_be("length")?);
            if protocol != 0 || !(2..=254).contains(&length) {
                return Ok(false);
            }
            let mut message = reader.sub("message", length)?;
            message.skip("unit", 1)?;
            let function = message.u8("function")?;
            if !matches!(function & 0x7f, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 90) {
                return Ok(false);
            }
            messages += 1;
        }
        Ok(messages > 0)
    };
    verdict(read())
}

/// S7: within a TPKT and a data TPDU the protocol identifier 0x32 (or 0x72 of newer controllers).
pub fn probe_s7(opening: &[u8]) -> Verdict {
    let read = || {
        let mut reader = Reader::new(Layer::Tcp, opening);
        loop {
            let version = reader.u16_be("tpkt version")?;
            let length = usize::from(reader.u16_be("tpkt length")?);
            let Some(length) = length.checked_sub(4).filter(|_| version == 0x0300) else { return Ok(false) };
            let mut packet = reader.sub("tpkt", length)?;
            let header = packet.u8("header length")?;
            match packet.u8("tpdu code")? {
                // A connection is only asked for: what follows tells what for.
                0xe0 | 0xd0 => {}
                0xf0 if header == 2 => {
                    packet.skip("tpdu number", 1)?;
                    return Ok(matches!(packet.u8("protocol id")?, 0x32 | 0x72));
                }
                _ => return Ok(false),
            }
        }
    };
    verdict(read())
}

/// RTSP: a request or status line with its version.
pub fn probe_rtsp(opening: &[u8]) -> Verdict {
    let status = b"RTSP/1.";
    if opening.starts_with(status) {
        return Verdict::Certain;
    }
    if status.starts_with(opening) {
        return Verdict::Unsure;
    }
    let methods: [&[u8]; 11] = [
        b"OPTIONS",
        b"DESCRIBE",
        b"ANNOUNCE",
        b"SETUP",
        b"PLAY",
        b"PAUSE",
        b"TEARDOWN",
        b"GET_PARAMETER",
        b"SET_PARAMETER",
        b"REDIRECT",
        b"RECORD",
    ];
    let line = split_line(opening).map(|(line, _)| line);
    let method = opening.split(|byte| *byte == b' ').next().unwrap_or_default();
    let begun = methods.iter().any(|known| known.starts_with(method) && !method.is_empty());
    match line {
        _ if !begun => Verdict::NotMine,
        None => Verdict::Unsure,
        Some(line) if memchr::memmem::find(line, b" RTSP/").is_some() => Verdict::Certain,
        Some(_) => Verdict::NotMine,
    }
}

/// Syslog: a priority, or the length of the message in front of it (RFC 6587 section 3.4.1).
pub fn probe_syslog_stream(opening: &[u8]) -> Verdict {
    let digits = opening.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let message = match digits {
        0 => opening,
        1..=5 => match opening.get(digits..) {
            Some([b' ', message @ ..]) => message,
            Some([]) => return Verdict::Unsure,
            _ => return Verdict::NotMine,
        },
        _ => return Verdict::NotMine,
    };
    if message.len() < 8 && (message.is_empty() || message.first() == Some(&b'<')) {
        Verdict::Unsure
    } else {
        probe_syslog(message)
    }
}

/// HTTP/2 with prior knowledge: the client's preface.
pub fn probe_http2(opening: &[u8]) -> Verdict {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if opening.starts_with(preface) {
        Verdict::Certain
    } else if preface.starts_with(opening) {
        Verdict::Unsure
    } else {
        Verdict::NotMine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Probe = fn(&[u8]) -> Verdict;

    const ALL: [Probe; 7] = [
        probe_kerberos_stream,
        probe_ldap,
        probe_modbus,
        probe_s7,
        probe_rtsp,
        probe_syslog_stream,
        probe_http2,
    ];

    #[test]
    fn each_knows_its_own_and_no_other() {
        let samples: [&[u8]; 7] = [
            &[0, 0, 0, 16, 0x6a, 14, 0x30, 12, 0xa1, 3, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0],
            &[0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0],
            &[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10],
            &[3, 0, 0, 25, 2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 0, 0, 8, 0, 0, 0xf0, 0, 0, 1, 0, 1, 1, 0xe0],
            b"DESCRIBE rtsp://192.0.2.4/ RTSP/1.0\r\nCSeq: 2\r\n\r\n",
            b"<13>Oct 11 22:14:15 mymachine su: failed\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        ];
        for (place, sample) in samples.iter().enumerate() {
            for (other, probe) in ALL.iter().enumerate() {
                let expected = if place == other { Verdict::Certain } else { Verdict::NotMine };
                assert_eq!(probe(sample), expected, "sample {place} probe {other}");
            }
            let begun = sample.get(..3).unwrap_or_default();
            assert_ne!(ALL.get(place).map(|probe| probe(begun)), Some(Verdict::NotMine), "{place}");
        }
    }

    #[test]
    fn a_connection_over_iso_is_not_yet_s7() {
        let request = [3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];
        assert_eq!(probe_s7(&request), Verdict::Unsure);
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
