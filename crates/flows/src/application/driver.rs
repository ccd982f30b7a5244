//! Shows adaptors bytes without the machinery around them: for tests, and for the fuzz targets through
//! [`crate::trial`].

#[cfg(test)]
use wardline_model::Fact;
use wardline_model::{DigestAlgorithms, Observation, PseudonymKey, Sighting, Station, Timestamp, Transport};
use wardline_wire::Direction;

use super::Context;
use super::context::ConversationLabels;
#[cfg(test)]
use super::{Datagram, Progress, Stream};

/// One conversation whose facts are collected.
pub(crate) struct Driver {
    pub(crate) initiator: Station,
    pub(crate) responder: Station,
    pub(crate) transport: Transport,
    pub(crate) time: Timestamp,
    pub(crate) labels: ConversationLabels,
    pub(crate) observations: Vec<Observation>,
    pub(crate) digests: DigestAlgorithms,
    key: PseudonymKey,
}

impl Driver {
    pub(crate) fn new() -> Self {
        let station =
            |last, port| Station { mac: None, ip: Some([192, 0, 2, last].into()), port, radio: None };
        Self {
            initiator: station(1, 40_000),
            responder: station(2, 40_001),
            transport: Transport::TCP,
            time: Timestamp::default(),
            labels: ConversationLabels::default(),
            observations: Vec::new(),
            digests: DigestAlgorithms { md5: true, sha1: true, sha256: true, sha512: true },
            key: PseudonymKey::new([7; 32]),
        }
    }

    /// Gives `action` the context of bytes that travel in `direction`.
    pub(crate) fn with<T>(&mut self, direction: Direction, action: impl FnOnce(&mut Context<'_>) -> T) -> T {
        action(&mut Context {
            sighting: Sighting { time: self.time, ..Sighting::default() },
            initiator: self.initiator,
            responder: self.responder,
            transport: self.transport,
            vlan: None,
            direction,
            digests: self.digests,
            key: &self.key,
            out: &mut self.observations,
            labels: &mut self.labels,
        })
    }

    /// The facts told so far.
    #[cfg(test)]
    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.observations.iter().map(|observation| observation.fact.clone()).collect()
    }
}

/// The facts that a datagram gives.
#[cfg(test)]
pub(crate) fn datagram(protocol: &Datagram, bytes: &[u8]) -> Vec<Fact> {
    let mut driver = Driver::new();
    driver.transport = Transport::UDP;
    driver.with(Direction::Forward, |context| (protocol.read)(bytes, context));
    driver.facts()
}

/// The facts that a conversation gives whose pieces are cut into `size` bytes at most, and how it ended.
#[cfg(test)]
pub(crate) fn stream(protocol: &Stream, pieces: &[(Direction, &[u8])], size: usize) -> (Vec<Fact>, Progress) {
    let mut driver = Driver::new();
    let mut adaptor = (protocol.adaptor)();
    for (direction, bytes) in pieces {
        for piece in bytes.chunks(size.max(1)) {
            let progress = driver.with(*direction, |context| adaptor.data(*direction, piece, context));
            if progress != Progress::Continue {
                return (driver.facts(), progress);
            }
        }
    }
    driver.with(Direction::Forward, |context| adaptor.end(context));
    (driver.facts(), Progress::Continue)
}
