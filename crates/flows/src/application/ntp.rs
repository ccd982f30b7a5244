//! NTP: who keeps whose clock.

use wardline_model::fact::NtpFact;
use wardline_model::{Fact, Protocol};
use wardline_wire::enterprise::ntp::{Message, Mode, probe};

use super::{Context, Datagram, Progress};

pub(super) const DATAGRAM: Datagram =
    Datagram { protocol: Protocol::Ntp, ports: &[123], probe, read, encrypted: false };

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
