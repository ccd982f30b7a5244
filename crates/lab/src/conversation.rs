//! TCP conversations, from the first SYN to the last acknowledgment or as they stand in the middle of a capture.

use crate::frames::{End, Tcp, tcp};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
/// Bytes of a segment's payload.
const SEGMENT_BYTES: usize = 1_448;

/// Who says what, in order: `true` is the client.
pub(crate) type Said = (bool, Vec<u8>);

/// A frame and its time.
pub(crate) type Timed = (i64, Vec<u8>);

/// The frames of a whole conversation, with their times. `step_ns` passes from one frame to the next.
pub(crate) fn conversation(
    client: End,
    server: End,
    (start_ns, step_ns): (i64, i64),
    sequence: u32,
    said: &[Said],
) -> Vec<Timed> {
    let mut connection = Connection::new(client, server, sequence, step_ns);
    let mut frames = connection.open(start_ns);
    frames.extend(connection.say(connection.time_ns, said));
    frames.extend(connection.close(connection.time_ns));
    frames
}

/// A connection that is or will be open.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Client and server.
    pub ends: [End; 2],
    /// What each side will send next.
    pub next: [u32; 2],
    identification: u16,
    time_ns: i64,
    step_ns: i64,
}

impl Connection {
    pub(crate) fn new(client: End, server: End, sequence: u32, step_ns: i64) -> Self {
        Self {
            ends: [client, server],
            next: [sequence, sequence.rotate_left(7) ^ 0x5bd1_e995],
            identification: sequence as u16,
            time_ns: 0,
            step_ns,
        }
    }

    /// The handshake.
    pub(crate) fn open(&mut self, now: i64) -> Vec<Timed> {
        self.time_ns = now;
        vec![self.send(0, SYN, &[]), self.send(1, SYN | ACK, &[]), self.send(0, ACK, &[])]
    }

    /// Messages, each acknowledged by its receiver.
    pub(crate) fn say(&mut self, now: i64, said: &[Said]) -> Vec<Timed> {
        self.time_ns = now;
        let mut frames = Vec::new();
        for (by_client, bytes) in said {
            let side = usize::from(!by_client);
            for piece in bytes.chunks(SEGMENT_BYTES) {
                frames.push(self.send(side, PSH | ACK, piece));
            }
            frames.push(self.send(1 - side, ACK, &[]));
        }
        frames
    }

    /// A message that nobody acknowledges.
    pub(crate) fn say_unheard(&mut self, now: i64, by_client: bool, bytes: &[u8]) -> Timed {
        self.time_ns = now;
        self.send(usize::from(!by_client), PSH | ACK, bytes)
    }

    /// The end that both sides agree to.
    pub(crate) fn close(&mut self, now: i64) -> Vec<Timed> {
        self.time_ns = now;
        vec![self.send(0, FIN | ACK, &[]), self.send(1, FIN | ACK, &[]), self.send(0, ACK, &[])]
    }

    /// A reset in the name of one side, as whoever knows the numbers can send it.
    pub(crate) fn reset(&mut self, now: i64, by_client: bool) -> Timed {
        self.time_ns = now;
        self.send(usize::from(!by_client), RST | ACK, &[])
    }

    fn send(&mut self, side: usize, flags: u8, payload: &[u8]) -> Timed {
        let first = flags & (SYN | ACK) == SYN;
        let segment = Tcp {
            sequence: self.next[side],
            acknowledgment: if first { 0 } else { self.next[1 - side] },
            flags,
            window: 64_240,
        };
        let frame = tcp(self.ends[side], self.ends[1 - side], self.identification, segment, payload);
        let timed = (self.time_ns, frame);
        self.time_ns += self.step_ns;
        self.identification = self.identification.wrapping_add(1);
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = self.next[side].wrapping_add(counted);
        timed
    }
}
