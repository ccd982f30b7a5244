//! S7 communication: controllers of Siemens, within ISO transport (RFC 1006, TPKT and COTP class 0).
//!
//! No public standard of the maker exists; the functions are those that Wireshark's documentation and the published
//! descriptions of the protocol agree upon. Read are the function and, of a program service, its name. Recognised by the
//! protocol identifier 0x32 within a data TPDU. The protocol of newer controllers (0x72) is recognised and not read.

use crate::{Consumed, Direction, Layer, Reader, StreamBuffer};

/// Longest packet kept, bytes; TPKT allows 65,535.
const PACKET_BYTES_MAX: usize = 8 * 1024;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// 0x04, and upload (0x1d to 0x1f): out of the device.
    Read,
    /// 0x05.
    Write,
    /// 0x1a to 0x1c: a block goes into the device.
    Download,
    /// 0x28 with `P_PROGRAM`: starts.
    Start,
    /// 0x28 with `_DELE`: deletes blocks.
    Delete,
    /// 0x28 with another service.
    Invoke,
    /// 0x29.
    Stop,
    /// 0xf0 and others: the conversation itself.
    Other,
}

/// A job that a client asks for; `code` is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Number of the function.
    pub code: u8,
    /// What it does.
    pub function: Function,
    /// How many items it acts on.
    pub items: u8,
}

/// The usual name of a function.
pub const fn name(code: u8) -> &'static str {
    match code {
        0x04 => "Read Var",
        0x05 => "Write Var",
        0x1a => "Request Download",
        0x1b => "Download Block",
        0x1c => "Download Ended",
        0x1d => "Start Upload",
        0x1e => "Upload",
        0x1f => "End Upload",
        0x28 => "PI Service",
        0x29 => "PLC Stop",
        0xf0 => "Setup Communication",
        _ => "another function",
    }
}

/// The client's side of a conversation.
#[derive(Clone, Debug)]
pub struct Session {
    requests: StreamBuffer,
}

impl Default for Session {
    fn default() -> Self {
        Self { requests: StreamBuffer::new(PACKET_BYTES_MAX) }
    }
}

impl Session {
    /// Feeds the next bytes; `tell` gets every job. False when it is no S7 after all.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Job)) -> bool {
        if direction == Direction::Backward {
            return true;
        }
        let mut right = true;
        let fits = self.requests.feed(bytes, |unread| {
            let mut reader = Reader::new(Layer::Tcp, unread);
            let version = reader.u16_be("tpkt version").ok()?;
            let length = usize::from(reader.u16_be("tpkt length").ok()?);
            if version != 0x0300 || length < 5 {
                right = false;
                return Some(Consumed::exactly(unread.len()));
            }
            let kept = length.min(PACKET_BYTES_MAX - 4) - 4;
            let packet = reader.take("tpkt", kept).ok()?;
            if let Some(job) = job(packet) {
                tell(job);
            }
            Some(Consumed { bytes: 4 + kept, skip: (length - 4 - kept) as u64 })
        });
        fits && right
    }

    /// Forgets an unfinished packet: bytes are missing behind it.
    pub fn gap(&mut self) {
        self.requests.clear();
    }
}

fn job(packet: &[u8]) -> Option<Job> {
    // COTP: header length 2, data TPDU, number; then S7: identifier, kind 1 is a job.
    let [2, 0xf0, _, 0x32, 1, rest @ ..] = packet else { return None };
    // Redundancy, reference, length of parameters and of data.
    let parameters = rest.get(8..)?;
    let code = *parameters.first()?;
    let holds = |text: &[u8]| parameters.windows(text.len()).any(|part| part == text);
    let function = match code {
        0x04 | 0x1d..=0x1f => Function::Read,
        0x05 => Function::Write,
        0x1a..=0x1c => Function::Download,
        0x28 if holds(b"P_PROGRAM") => Function::Start,
        0x28 if holds(b"_DELE") => Function::Delete,
        0x28 => Function::Invoke,
        0x29 => Function::Stop,
        _ => Function::Other,
    };
    let items = if matches!(code, 4 | 5) { parameters.get(1).copied().unwrap_or(1) } else { 1 };
    Some(Job { code, function, items })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(parameters: &[u8]) -> Vec<u8> {
        let length = (4 + 3 + 10 + parameters.len()) as u16;
        let mut packet = vec![3, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([2, 0xf0, 0x80, 0x32, 1, 0, 0, 0, 1]);
        packet.extend((parameters.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(parameters);
        packet
    }

    fn told(pieces: &[&[u8]]) -> Vec<Job> {
        let mut session = Session::default();
        let mut jobs = Vec::new();
        for piece in pieces {
            session.feed(Direction::Forward, piece, |job| jobs.push(job));
        }
        jobs
    }

    #[test]
    fn jobs_say_what_they_do() {
        let stop = packet(&[0x29, 0, 0, 0, 0, 0, 9, b'P', b'_', b'P', b'R', b'O', b'G', b'R', b'A', b'M']);
        assert_eq!(told(&[&stop])[0].function, Function::Stop);
        let write = packet(&[5, 2, 0x12, 0x0a, 0x10]);
        assert_eq!(told(&[&write]), [Job { code: 5, function: Function::Write, items: 2 }]);
        let start = packet(&[
            0x28, 0, 0, 0, 0, 0, 0, 0xfd, 0, 0, 9, b'P', b'_', b'P', b'R', b'O', b'G', b'R', b'A', b'M',
        ]);
        assert_eq!(told(&[&start])[0].function, Function::Start);
    }

    proptest! {
        #[test]
        fn same_jobs_however_cut(cut in 0_usize..60) {
            let stream = [packet(&[5, 1]), packet(&[4, 3])].concat();
            let (one, two) = stream.split_at(cut.min(stream.len()));
            prop_assert_eq!(told(&[&stream]), told(&[one, two]));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = told(&[&bytes]);
        }
    }
}
