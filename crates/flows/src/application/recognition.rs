//! Protocols of which only the name is told.

use wardline_model::Protocol;
use wardline_wire::enterprise::recognition as known;
use wardline_wire::{Direction, Verdict};

use super::{Context, Progress, Stream, StreamAdaptor};

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

pub(super) const HTTP2: Stream = stream(Protocol::Http2, &[], |_, opening| known::probe_http2(opening));
