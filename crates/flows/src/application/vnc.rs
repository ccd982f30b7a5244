//! VNC until the log-in begins.

use wardline_model::fact::{BannerFact, Protection, ProtectionFact};
use wardline_model::{Fact, Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::enterprise::banner::probe_vnc;
use wardline_wire::enterprise::vnc::{Security, chosen_security};

use super::{Context, Progress, Stream, StreamAdaptor};

/// Bytes of each side in which the handshake ends.
const HANDSHAKE_BYTES_MAX: usize = 64;
/// Bytes of the version without its line feed.
const VERSION_LENGTH: usize = 11;

pub(super) const STREAM: Stream =
    Stream { protocol: Protocol::Vnc, ports: &[5900], probe: probe_vnc, adaptor: || Box::<Vnc>::default() };

#[derive(Default)]
struct Vnc {
    /// What each side said.
    sides: [Vec<u8>; 2],
    told: [bool; 2],
    encrypted: Option<bool>,
}

impl StreamAdaptor for Vnc {
    fn data(&mut self, direction: Direction, bytes: &[u8], context: &mut Context<'_>) -> Progress {
        let (Some(side), Some(told)) =
            (self.sides.get_mut(direction.index()), self.told.get_mut(direction.index()))
        else {
            return Progress::Done;
        };
        let room = HANDSHAKE_BYTES_MAX.saturating_sub(side.len());
        side.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        if let Some(version) = side.get(..VERSION_LENGTH)
            && !std::mem::replace(told, true)
        {
            let banner = BannerFact { protocol: Protocol::Vnc, text: Label::from_bytes(version) };
            context.tell(Fact::Banner(Box::new(banner)));
        }
        let [client, server] = &self.sides;
        let Some(security) = chosen_security(server, client) else {
            let full = self.sides.iter().any(|side| side.len() >= HANDSHAKE_BYTES_MAX);
            return if full { Progress::Done } else { Progress::Continue };
        };
        let (scheme, strength) = match security {
            Security::Unprotected => ("VNC without log-in", Protection::Absent),
            Security::VncAuthentication => ("VNC authentication with DES", Protection::Weak),
            Security::Other(_) => return Progress::Done,
        };
        self.encrypted = Some(false);
        // The server is weak, whichever side completed the handshake.
        let before = std::mem::replace(&mut context.direction, Direction::Backward);
        let scheme = Label::new(scheme);
        context.tell(Fact::Protection(Box::new(ProtectionFact {
            protocol: Protocol::Vnc,
            scheme,
            strength,
        })));
        context.direction = before;
        Progress::Done
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }

    fn encrypted(&self) -> Option<bool> {
        self.encrypted
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    #[test]
    fn a_screen_without_log_in_is_told() {
        let pieces: [(Direction, &[u8]); 4] = [
            (Direction::Backward, b"RFB 003.008\n"),
            (Direction::Forward, b"RFB 003.008\n"),
            (Direction::Backward, b"\x02\x01\x02"),
            (Direction::Forward, b"\x01"),
        ];
        for size in [1, 5, 20] {
            let (facts, progress) = driver::stream(&STREAM, &pieces, size);
            assert_eq!(progress, Progress::Done);
            let [Fact::Banner(_), Fact::Banner(_), Fact::Protection(told)] = &facts[..] else {
                panic!("{facts:?}")
            };
            assert_eq!(told.strength, Protection::Absent);
        }
    }
}
