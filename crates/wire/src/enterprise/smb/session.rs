//! A stream of SMB packets.

use super::Message;
use super::view::Header;
use crate::{Consumed, Direction, Sensitive, StreamBuffer, Verdict};

/// Bytes of a packet that are read; commands and names stand in front, data behind.
pub const MESSAGE_BYTES_READ: usize = 16 * 1024;
/// Bytes that are fed at once, so that what is kept stays within a packet's front and one step.
const STEP_BYTES: usize = 1024;
/// Most commands of one packet that are read.
const COMPOUND_MAX: usize = 64;

/// What a packet holds.
#[derive(Clone, Copy)]
pub enum Packet<'a> {
    /// A command of SMB 2 or 3.
    Command(Message<'a>),
    /// More data of the last command of this direction, behind what is read of a packet: only where
    /// [`Session::show_data`] was asked for.
    MoreData(Sensitive<&'a [u8]>),
    /// Encrypted.
    Encrypted,
    /// A negotiation answer of SMB 1 that chooses SMB 1.
    Smb1,
}

/// Both directions of a conversation.
#[derive(Clone, Debug)]
pub struct Session {
    directions: [StreamBuffer; 2],
    /// Bytes left of the present packet of each direction that are data.
    left: [u64; 2],
    show_data: bool,
}

impl Default for Session {
    fn default() -> Self {
        let buffer = || StreamBuffer::new(MESSAGE_BYTES_READ + 4 + STEP_BYTES);
        Self { directions: [buffer(), buffer()], left: [0; 2], show_data: false }
    }
}

impl Session {
    /// Shows what is written and read to its last byte.
    pub const fn show_data(&mut self) {
        self.show_data = true;
    }

    /// Feeds the next bytes of one direction. False when they are not of SMB.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], mut tell: impl FnMut(Packet<'_>)) -> bool {
        let ([forward, backward], [forward_left, backward_left]) = (&mut self.directions, &mut self.left);
        let (buffer, left) = match direction {
            Direction::Forward => (forward, forward_left),
            Direction::Backward => (backward, backward_left),
        };
        let show_data = self.show_data;
        let mut ours = true;
        for piece in bytes.chunks(STEP_BYTES) {
            let fits = buffer.feed(piece, |unread| {
                if *left > 0 {
                    let within = usize::try_from(*left).unwrap_or(usize::MAX).min(unread.len());
                    tell(Packet::MoreData(Sensitive::new(unread.get(..within).unwrap_or_default())));
                    *left -= within as u64;
                    return Some(Consumed::exactly(within));
                }
                let [kind, length @ ..] = *unread.first_chunk::<4>()?;
                let [high, middle, low] = length;
                let length =
                    usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
                let read = length.min(MESSAGE_BYTES_READ);
                match kind {
                    // Session message; keep-alive and the answers to a session request carry nothing.
                    0 => {}
                    0x81..=0x85 if length <= 128 => {
                        return (unread.len() >= 4 + length).then(|| Consumed::exactly(4 + length));
                    }
                    _ => {
                        ours = false;
                        return None;
                    }
                }
                let packet = unread.get(4..4 + read)?;
                ours &= commands(packet, &mut tell);
                let rest = (length - read) as u64;
                if show_data {
                    *left = rest;
                    return Some(Consumed::exactly(4 + read));
                }
                Some(Consumed { bytes: 4 + read, skip: rest })
            });
            if !fits || !ours {
                buffer.clear();
                return false;
            }
        }
        true
    }
}

fn commands(packet: &[u8], tell: &mut impl FnMut(Packet<'_>)) -> bool {
    match packet.get(..4) {
        Some(b"\xfdSMB") => {
            tell(Packet::Encrypted);
            return true;
        }
        Some(b"\xffSMB") => {
            // Command 0x72 (negotiate), answer flag, and a dialect index other than "none".
            let negotiate = packet.get(4) == Some(&0x72);
            let answer = packet.get(9).is_some_and(|flags| flags & 0x80 != 0);
            let chosen = packet.get(33..35).is_some_and(|index| index != [0xff, 0xff]);
            if negotiate && answer && chosen && packet.get(32) != Some(&0) {
                tell(Packet::Smb1);
            }
            return true;
        }
        Some(b"\xfeSMB") => {}
        // Empty packets and compressed ones (\xfcSMB) are of SMB, too.
        Some(b"\xfcSMB") | None => return true,
        Some(_) => return false,
    }
    let mut rest = packet;
    for _ in 0..COMPOUND_MAX {
        let next =
            Header::new(&mut crate::Reader::new(super::view::LAYER, rest)).map_or(0, |header| header.next);
        let command = rest.get(..next).filter(|_| next >= Header::LENGTH).unwrap_or(rest);
        if let Ok(message) = Message::parse(command) {
            tell(Packet::Command(message));
        }
        match rest.get(next..).filter(|_| next >= Header::LENGTH) {
            Some(following) => rest = following,
            None => break,
        }
    }
    true
}

/// Whether the opening bytes of one direction are of SMB.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    match bytes {
        [0, _, _, _, 0xfc..=0xff, b'S', b'M', b'B', ..] => Verdict::Certain,
        // A NetBIOS session request comes first on port 139.
        [0x81, 0, 0, 68, 32, ..] => Verdict::Unsure,
        [0x82, 0, 0, 0] => Verdict::Unsure,
        _ if bytes.len() < 8
            && matches!(
                bytes,
                [] | [0] | [0, _] | [0, _, _] | [0, _, _, _] | [0, _, _, _, 0xfc..=0xff, ..]
            ) =>
        {
            Verdict::Unsure
        }
        _ => Verdict::NotMine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enterprise::smb::{Body, entropy_centibits};
    use proptest::prelude::*;

    fn header(command: u16, response: bool, next: u32) -> Vec<u8> {
        let mut bytes = b"\xfeSMB\x40\0\0\0".to_vec();
        bytes.extend([0; 4]);
        bytes.extend(command.to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(u32::from(response).to_le_bytes());
        bytes.extend(next.to_le_bytes());
        bytes.extend(7u64.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(9u64.to_le_bytes());
        bytes.extend([0; 16]);
        bytes
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[..], body].concat()
    }

    /// CREATE of `a.bin`, and behind it in the same packet a WRITE of `data`.
    fn create_and_write(data: &[u8]) -> Vec<u8> {
        let name: Vec<u8> = "a.bin".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut create = header(5, false, 136);
        create.extend([57, 0]);
        create.extend([0; 38]);
        create.extend(0x1000u32.to_le_bytes());
        create.extend(120u16.to_le_bytes());
        create.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        create.extend([0; 8]);
        create.extend(&name);
        create.resize(136, 0);
        let mut write = header(9, false, 0);
        write.extend([49, 0]);
        write.extend(112u16.to_le_bytes());
        write.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        write.extend([0; 8]);
        write.extend([0xff; 16]);
        write.resize(112, 0);
        write.extend(data);
        framed(&[create, write].concat())
    }

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let mut session = Session::default();
        let mut told = Vec::new();
        for piece in pieces {
            session.feed(Direction::Forward, piece, |packet| {
                told.push(match packet {
                    Packet::Command(message) => match message.body {
                        Body::Create { name, delete_on_close } => {
                            format!("create {} {delete_on_close}", name.expose().len())
                        }
                        Body::Write { length, data, .. } => {
                            format!("write {length} {:?}", entropy_centibits(data.expose()))
                        }
                        _ => format!("{:?}", message.header.command),
                    },
                    Packet::Encrypted => "encrypted".to_owned(),
                    Packet::Smb1 => "smb1".to_owned(),
                    Packet::MoreData(data) => format!("{} more", data.expose().len()),
                });
            });
        }
        told
    }

    #[test]
    fn reads_commands_that_share_a_packet_and_passes_over_their_data() {
        let even: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
        let stream =
            [create_and_write(&even), framed(b"\xfdSMB and the rest"), create_and_write(b"short")].concat();
        let expected =
            ["create 10 true", "write 100000 Some(800)", "encrypted", "create 10 true", "write 5 None"];
        assert_eq!(told(&[&stream]), expected);
        for cut in [1, 4, 5, 70, 200, 20_000, stream.len() - 1] {
            let (one, two) = stream.split_at(cut);
            assert_eq!(told(&[one, two]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn is_recognised_behind_the_session_header() {
        assert_eq!(probe(Direction::Forward, &create_and_write(b"x")), Verdict::Certain);
        assert_eq!(probe(Direction::Forward, &[0, 0]), Verdict::Unsure);
        assert_eq!(probe(Direction::Forward, b"\0\0\0\x20HTTP"), Verdict::NotMine);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>, at in 0usize..300, byte: u8) {
            let _ = (told(&[&bytes]), probe(Direction::Forward, &bytes));
            let mut bent = create_and_write(&[7; 40]);
            if let Some(place) = bent.get_mut(at) { *place = byte; }
            let _ = told(&[&bent]);
        }
    }
}
