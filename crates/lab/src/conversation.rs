//! A TCP conversation from its first SYN to its last acknowledgment.

use crate::frames::{End, Tcp, tcp};

const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;
/// Bytes of a segment's payload.
const SEGMENT_BYTES: usize = 1_448;

/// Who says what, in order: `true` is the client.
pub(crate) type Said = (bool, Vec<u8>);

/// The frames of a conversation, with their times. `step_ns` passes from one frame to the next.
pub(crate) fn conversation(
    client: End,
    server: End,
    (start_ns, step_ns): (i64, i64),
    sequence: u32,
    said: &[Said],
) -> Vec<(i64, Vec<u8>)> {
    let mut talk = Talk {
        ends: [client, server],
        next: [sequence, sequence.rotate_left(7) ^ 0x5bd1_e995],
        identification: sequence as u16,
        time_ns: start_ns,
        step_ns,
        frames: Vec::new(),
    };
    talk.send(0, SYN, &[]);
    talk.send(1, SYN | ACK, &[]);
    talk.send(0, ACK, &[]);
    for (by_client, bytes) in said {
        let side = usize::from(!by_client);
        for piece in bytes.chunks(SEGMENT_BYTES) {
            talk.send(side, PSH | ACK, piece);
        }
        talk.send(1 - side, ACK, &[]);
    }
    talk.send(0, FIN | ACK, &[]);
    talk.send(1, FIN | ACK, &[]);
    talk.send(0, ACK, &[]);
    talk.frames
}

struct Talk {
    ends: [End; 2],
    next: [u32; 2],
    identification: u16,
    time_ns: i64,
    step_ns: i64,
    frames: Vec<(i64, Vec<u8>)>,
}

impl Talk {
    fn send(&mut self, side: usize, flags: u8, payload: &[u8]) {
        let first = flags & (SYN | ACK) == SYN;
        let segment = Tcp {
            sequence: self.next[side],
            acknowledgment: if first { 0 } else { self.next[1 - side] },
            flags,
            window: 64_240,
        };
        let frame = tcp(self.ends[side], self.ends[1 - side], self.identification, segment, payload);
        self.frames.push((self.time_ns, frame));
        self.time_ns += self.step_ns;
        self.identification = self.identification.wrapping_add(1);
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = self.next[side].wrapping_add(counted);
    }
}
