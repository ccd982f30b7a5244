//! Protocols of which only the name is told.

use wardline_model::Protocol;
use wardline_wire::enterprise::recognition as known;
use wardline_wire::{Direction, Verdict};

use super::{Context, Datagram, Progress, Stream, StreamAdaptor};

/// Reads nothing.
struct Named;

impl StreamAdaptor for Named {
    fn data(&mut self, _: Direction, _: &[u8], _: &mut Context<'_>) -> Progress {
        Progress::Done
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Context<'_>) -> Progress {
        Progress::Done
    }
}

const fn stream(protocol: Protocol, ports: &'static [u16], probe: fn(Direction, &[u8]) -> Verdict) -> Stream {
    Stream { protocol, ports, probe, adaptor: || Box::new(Named) }
}

const fn datagram(
    protocol: Protocol,
    ports: &'static [u16],
    probe: fn(&[u8]) -> Verdict,
    encrypted: bool,
) -> Datagram {
    Datagram { protocol, ports, probe, read: |_, _| Progress::Done, encrypted }
}

pub(super) const HTTP2: Stream = stream(Protocol::Http2, &[], |_, opening| known::probe_http2(opening));

pub(super) const COAP: Datagram = datagram(Protocol::Coap, &[5683], known::probe_coap, false);
