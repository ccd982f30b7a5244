//! QUIC: who is called, as TLS tells it.

use wardline_model::Protocol;
use wardline_wire::enterprise::quic::Outcome;
use wardline_wire::enterprise::recognition::probe_quic;
use wardline_wire::enterprise::tls::Transport;

use super::{Context, Datagram, FirstBytes, Progress, tls};

pub(super) const DATAGRAM: Datagram = Datagram {
    protocol: Protocol::Quic,
    ports: &[443],
    first: FirstBytes::of(&[0x80..=0xff]),
    probe: probe_quic,
    read,
    encrypted: true,
};

fn read(datagram: &[u8], context: &mut Context<'_>) -> Progress {
    let mut session = context.labels.quic.take().unwrap_or_default();
    match session.datagram(datagram, |hello| tls::tell_hello(hello, Transport::Quic, context)) {
        Outcome::Waiting => {
            context.labels.quic = Some(session);
            Progress::Continue
        }
        Outcome::Told | Outcome::Over => Progress::Done,
    }
}
