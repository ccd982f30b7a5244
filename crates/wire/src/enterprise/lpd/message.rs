//! Commands of a client.

use crate::line::split_line;
use crate::{Direction, Verdict};

/// Longest name of a queue; RFC 1179 has no limit, spoolers have 31 or less.
const QUEUE_BYTES_MAX: usize = 64;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Take a job for this queue, section 5.2.
    Receive(&'a [u8]),
    /// The control file of this many bytes follows, section 6.2.
    ControlFile(usize),
    /// A document of this many bytes follows, section 6.3; 0 is until the stream ends.
    DataFile(u64),
    /// Anything else.
    Other,
}

/// The command at the front of a client's stream, and its length.
pub fn command(bytes: &[u8], within_job: bool) -> Option<(Command<'_>, usize)> {
    let (line, length) = split_line(bytes)?;
    let count =
        |text: &[u8]| std::str::from_utf8(text.split(|byte| *byte == b' ').next()?).ok()?.parse::<u64>().ok();
    let command = match (within_job, line) {
        (false, [2, queue @ ..]) => Command::Receive(queue),
        (true, [2, rest @ ..]) => count(rest).map_or(Command::Other, |count| {
            Command::ControlFile(usize::try_from(count).unwrap_or(usize::MAX))
        }),
        (true, [3, rest @ ..]) => count(rest).map_or(Command::Other, Command::DataFile),
        _ => Command::Other,
    };
    Some((command, length))
}

/// The host in a control file: the line that begins with H, section 7.2.
pub fn host(control_file: &[u8]) -> Option<&[u8]> {
    control_file
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"H"))
        .filter(|host| !host.is_empty())
}

/// Whether a client's stream begins with a job for a queue. A queue's name alone could be anything, so the server's
/// answer or the control file's command must follow.
pub fn probe(direction: Direction, opening: &[u8]) -> Verdict {
    if direction == Direction::Backward {
        // The server only ever acknowledges.
        return if matches!(opening, [] | [0]) { Verdict::Unsure } else { Verdict::NotMine };
    }
    let Some((2, rest)) = opening.split_first() else {
        return if opening.is_empty() { Verdict::Unsure } else { Verdict::NotMine };
    };
    let queue = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if queue.len() > QUEUE_BYTES_MAX || !queue.iter().all(u8::is_ascii_graphic) {
        return Verdict::NotMine;
    }
    match rest.get(queue.len() + 1..) {
        Some([2 | 3, count, ..]) if count.is_ascii_digit() && !queue.is_empty() => Verdict::Certain,
        None | Some([] | [2 | 3]) => Verdict::Unsure,
        Some(_) => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_job() {
        let stream = b"\x02ward3\n\x0218 cfA001host\nHws-1\nPtester\n";
        for end in 0..9 {
            assert_eq!(probe(Direction::Forward, &stream[..end]), Verdict::Unsure, "{end}");
        }
        assert_eq!(probe(Direction::Forward, stream), Verdict::Certain);
        let (first, length) = command(stream, false).unwrap();
        assert_eq!(first, Command::Receive(b"ward3"));
        let (second, further) = command(&stream[length..], true).unwrap();
        assert_eq!(second, Command::ControlFile(18));
        assert_eq!(host(&stream[length + further..]), Some(&b"ws-1"[..]));
        assert_eq!(probe(Direction::Forward, b"\x02\x03\x04"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, within: bool) {
            let _ = (command(&bytes, within), host(&bytes), probe(Direction::Forward, &bytes));
        }
    }
}
