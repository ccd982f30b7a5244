//! NTP: who keeps whose clock.

use wardline_model::fact::NtpFact;
use wardline_model::{Fact, Protocol};
use wardline_wire::enterprise::ntp::{Message, Mode, probe};

use super::{Context, Datagram, FirstBytes, Progress};

/// Modes 1 to 5 of versions 1 to 4, with any leap indicator.
const FIRST_BYTES: FirstBytes = FirstBytes::of(&[0x08..=0x27, 0x48..=0x67, 0x88..=0xa7, 0xc8..=0xe7]);

pub(super) const DATAGRAM: Datagram =
    Datagram { protocol: Protocol::Ntp, ports: &[123], first: FIRST_BYTES, probe, read, encrypted: false };

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    match Message::parse(datagram) {
        Ok(message) => {
            let mode = match message.mode {
                Mode::SymmetricActive => 1,
                Mode::SymmetricPassive => 2,
                Mode::Client => 3,
                Mode::Server => 4,
                Mode::Broadcast => 5,
            };
            context.tell(Fact::Ntp(NtpFact { version: message.version, mode, stratum: message.stratum }));
            Progress::Continue
        }
        Err(_) => Progress::Lost,
    }
}
