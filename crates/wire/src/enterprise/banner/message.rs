//! First lines of servers.

use crate::line::{is_text, split_line};
use crate::{Direction, Verdict};

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Secure Shell.
    Ssh,
    /// Simple Mail Transfer Protocol.
    Smtp,
    /// Remote Desktop Protocol.
    Rdp,
}

/// The words of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Banner<'a> {
    /// Which protocol.
    pub kind: Kind,
    /// First line, without its end. For RDP the security protocols asked for or chosen, as one byte.
    pub text: &'a [u8],
}

/// Longest first line, RFC 4253 section 4.2.
const LINE_BYTES_MAX: usize = 255;

/// The first line of one side, once it is whole.
pub fn parse(kind: Kind, bytes: &[u8]) -> Option<Banner<'_>> {
    let text = match kind {
        Kind::Ssh | Kind::Smtp => {
            split_line(bytes).map(|(line, _)| line).filter(|line| line.len() <= LINE_BYTES_MAX)?
        }
        // The negotiation stands at the end of the X.224 header: type, flags, length, protocols.
        Kind::Rdp => {
            let length = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
            let negotiation = bytes.get(length.checked_sub(8)?..length)?;
            match negotiation {
                [1 | 2, _, 8, 0, protocols @ .., _, _, _] => protocols,
                // The server refuses what the client asked for.
                [3, _, 8, 0, ..] => return None,
                _ => &[],
            }
        }
    };
    Some(Banner { kind, text })
}

fn begins(bytes: &[u8], word: &[u8]) -> Verdict {
    if bytes.starts_with(word) {
        Verdict::Certain
    } else if word.starts_with(bytes) {
        Verdict::Unsure
    } else {
        Verdict::NotMine
    }
}

/// Secure Shell.
pub fn probe_ssh(_direction: Direction, bytes: &[u8]) -> Verdict {
    begins(bytes, b"SSH-")
}

/// Remote Framebuffer.
pub fn probe_vnc(_direction: Direction, bytes: &[u8]) -> Verdict {
    begins(bytes, b"RFB 00")
}

/// Mail. The greeting alone may be of FTP as well.
pub fn probe_smtp(direction: Direction, bytes: &[u8]) -> Verdict {
    let opening = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    match direction {
        Direction::Forward => {
            let verb = opening.get(..5).map(|verb| verb.to_ascii_uppercase());
            match verb.as_deref() {
                Some(b"EHLO " | b"HELO ") => Verdict::Certain,
                Some(_) => Verdict::NotMine,
                None => Verdict::Unsure,
            }
        }
        Direction::Backward if begins(opening, b"220") == Verdict::NotMine || !is_text(opening) => {
            Verdict::NotMine
        }
        Direction::Backward if opening.windows(4).any(|word| word.eq_ignore_ascii_case(b"smtp")) => {
            Verdict::Certain
        }
        Direction::Backward => Verdict::Unsure,
    }
}

/// Remote Desktop: TPKT version 3, X.224 connection request (0xe0) or confirm (0xd0), and within it a cookie
/// or a negotiation; ISO-on-TCP of other protocols has neither.
pub fn probe_rdp(_direction: Direction, bytes: &[u8]) -> Verdict {
    match bytes {
        [3, 0, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match rest {
                [indicator, 0xe0 | 0xd0, 0, 0, _, _, 0, variable @ ..]
                    if usize::from(*indicator) + 5 == length =>
                {
                    let cookie = variable.starts_with(b"Cookie: ");
                    let negotiation = matches!(variable, [1..=3, _, 8, 0, ..]);
                    if cookie || negotiation { Verdict::Certain } else { Verdict::NotMine }
                }
                [_, 0xe0 | 0xd0, ..] | [] | [_] if rest.len() < 8 => Verdict::Unsure,
                _ => Verdict::NotMine,
            }
        }
        [] | [3] | [3, 0] | [3, 0, _] => Verdict::Unsure,
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recognises_each_by_its_first_words() {
        assert_eq!(probe_ssh(Direction::Backward, b"SSH-2.0-OpenSSH_9.2\r\n"), Verdict::Certain);
        assert_eq!(parse(Kind::Ssh, b"SSH-2.0-OpenSSH_9.2\r\n").unwrap().text, b"SSH-2.0-OpenSSH_9.2");
        assert_eq!(probe_vnc(Direction::Backward, b"RFB 003.008\n"), Verdict::Certain);
        assert_eq!(probe_smtp(Direction::Backward, b"220 a.example ESMTP\r\n"), Verdict::Certain);
        assert_eq!(probe_smtp(Direction::Forward, b"EHLO b.example\r\n"), Verdict::Certain);
    }

    #[test]
    fn recognises_remote_desktop_but_not_other_iso_on_tcp() {
        let request = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
        assert_eq!(probe_rdp(Direction::Forward, &request), Verdict::Certain);
        assert_eq!(parse(Kind::Rdp, &request).unwrap().text, [3]);
        // S7 over ISO-on-TCP: TPDU size and TSAP parameters.
        let s7 = [3, 0, 0, 22, 17, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];
        assert_eq!(probe_rdp(Direction::Forward, &s7), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            for kind in [Kind::Ssh, Kind::Smtp, Kind::Rdp] {
                let _ = parse(kind, &bytes);
            }
            for probe in [probe_ssh, probe_vnc, probe_smtp, probe_rdp] {
                let _ = (probe(Direction::Forward, &bytes), probe(Direction::Backward, &bytes));
            }
        }
    }
}
