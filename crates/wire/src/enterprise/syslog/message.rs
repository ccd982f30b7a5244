//! The head of a message.

use crate::line::split_line;
use crate::{Error, Layer, Reader};

/// Longest name of a program in the old form, RFC 3164 section 4.1.3.
const TAG_BYTES_MAX: usize = 32;

/// Who writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Facility times eight plus severity.
    pub priority: u8,
    /// Name or address of the host.
    pub host: Option<&'a [u8]>,
    /// Name of the program.
    pub program: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Reads a message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Syslog, bytes);
        let malformed = reader.malformed("priority");
        let (priority, rest) = priority(bytes).ok_or(malformed)?;
        reader.take_rest();
        let (host, program) = match rest.strip_prefix(b"1 ") {
            Some(rest) => recent(rest),
            None => old(rest),
        };
        Ok(Self { priority, host, program })
    }
}

fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let number = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok().filter(|number| *number <= 191)?;
    Some((number, rest.get(end + 1..)?))
}

/// RFC 5424: time, host, program; a dash stands for nothing.
fn recent(rest: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let mut words = rest.splitn(4, |byte| *byte == b' ').skip(1);
    let mut word = || words.next().filter(|word| !matches!(*word, b"-" | b"") && word.len() <= 255);
    (word(), word())
}

/// RFC 3164: `Mmm dd hh:mm:ss host program[17]: `; many leave out the time and the host.
fn old(rest: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let Some(rest) = after_time(rest) else { return (None, tag(rest)) };
    let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let (host, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    // A word with a colon is the program already.
    if host.last() == Some(&b':') || host.contains(&b'[') {
        return (None, tag(rest));
    }
    (Some(host).filter(|host| !host.is_empty()), tag(after.trim_ascii_start()))
}

fn after_time(bytes: &[u8]) -> Option<&[u8]> {
    let (time, rest) = bytes.split_at_checked(16)?;
    let [m, o, n, b' ', d, e, b' ', h, i, b':', k, l, b':', s, t, b' '] = time else { return None };
    let letters = [m, o, n].iter().all(|byte| byte.is_ascii_alphabetic());
    let digits = [e, h, i, k, l, s, t].iter().all(|byte| byte.is_ascii_digit());
    (letters && digits && (d.is_ascii_digit() || *d == b' ')).then_some(rest)
}

/// The name of a program: letters, digits and the like, up to a bracket or colon.
fn tag(bytes: &[u8]) -> Option<&[u8]> {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let end = bytes.iter().position(|byte| !named(byte))?;
    let ends = matches!(bytes.get(end), Some(b'[' | b':'));
    bytes.get(..end).filter(|tag| ends && !tag.is_empty() && tag.len() <= TAG_BYTES_MAX)
}

/// The message at the front of a stream, and its length with what frames it: a count in front (RFC 6587 section
/// 3.4.1) or a line end behind. `None` where more bytes are needed.
pub fn frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let digits = bytes.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 && bytes.get(digits) == Some(&b' ') {
        let length: usize = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()?;
        let begin = digits + 1;
        let end = begin.checked_add(length)?;
        return bytes.get(begin..end).map(|message| (message, end));
    }
    split_line(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_forms() {
        let read = |text: &'static [u8]| {
            let message = Message::parse(text).unwrap();
            let words = [message.host, message.program];
            words.map(|word| word.map(|word| std::str::from_utf8(word).unwrap()))
        };
        let recent = b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 - said";
        assert_eq!(read(recent), [Some("mymachine.example.com"), Some("evntslog")]);
        assert_eq!(
            read(b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed"),
            [Some("mymachine"), Some("su")]
        );
        assert_eq!(read(b"<34>Oct  1 22:14:15 gw sshd[17]: words"), [Some("gw"), Some("sshd")]);
        assert_eq!(read(b"<13>Oct 11 22:14:15 crond[9]: words"), [None, Some("crond")]);
        assert_eq!(read(b"<189>29: *Mar 1 00:00:01: words"), [None, Some("29")]);
        assert_eq!(read(b"<13>plain words"), [None, None]);
        assert!(Message::parse(b"<192>x").is_err());
    }

    #[test]
    fn frames_by_count_and_by_line() {
        assert_eq!(frame(b"8 <13>a: b<13>"), Some((&b"<13>a: b"[..], 10)));
        assert_eq!(frame(b"<13>a: b\n<13>"), Some((&b"<13>a: b"[..], 9)));
        assert_eq!(frame(b"80 <13>a: b"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = (Message::parse(&bytes), frame(&bytes));
        }
    }
}
