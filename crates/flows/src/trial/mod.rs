//! Every registered protocol by name, shown bytes without the machinery around it.
//!
//! For the fuzz targets in `fuzz/` and for the property tests of this crate; no part of what this crate promises. A
//! protocol is here as soon as it stands in one of the two lists of [`crate::application`].

pub mod openings;

use wardline_model::{Label, Observation, Protocol, Transport};
use wardline_wire::{Direction, Verdict};

use crate::application::driver::Driver;
use crate::application::{self, DATAGRAMS, Progress, STREAMS, StreamAdaptor};

/// A protocol over TCP.
#[derive(Clone, Copy)]
pub struct Stream(&'static application::Stream);

impl Stream {
    /// All of them, in the order in which they are asked.
    pub fn all() -> impl Iterator<Item = Self> {
        STREAMS.iter().map(Self)
    }

    /// Its name.
    pub const fn protocol(self) -> Protocol {
        self.0.protocol
    }

    /// What it says of the opening bytes of one direction.
    pub fn probe(self, direction: Direction, bytes: &[u8]) -> Verdict {
        (self.0.probe)(direction, bytes)
    }

    /// A conversation that this protocol reads, whatever is said in it.
    pub fn begin(self) -> Conversation {
        Conversation { adaptor: (self.0.adaptor)(), driver: Driver::new(), listens: true }
    }
}

/// A conversation over TCP between two invented stations.
pub struct Conversation {
    adaptor: Box<dyn StreamAdaptor>,
    driver: Driver,
    listens: bool,
}

/// What a conversation will be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// A more exact name than the one by which it was recognised.
    pub application: Option<Protocol>,
    /// TLS server name.
    pub server_name: Option<Label>,
    /// JA4.
    pub ja4: Option<Label>,
    /// Whether the content is encrypted.
    pub encrypted: Option<bool>,
}

impl Conversation {
    /// The next bytes of one direction. They are not shown once the protocol wants no more.
    pub fn data(&mut self, direction: Direction, bytes: &[u8]) {
        if self.listens {
            let Self { adaptor, driver, .. } = self;
            let progress = driver.with(direction, |context| adaptor.data(direction, bytes, context));
            self.listens = progress == Progress::Continue;
        }
    }

    /// `length` bytes of one direction are missing.
    pub fn gap(&mut self, direction: Direction, length: u64) {
        if self.listens {
            let Self { adaptor, driver, .. } = self;
            let progress = driver.with(direction, |context| adaptor.gap(direction, length, context));
            self.listens = progress == Progress::Continue;
        }
    }

    /// The conversation is over.
    pub fn end(&mut self) {
        if self.listens {
            let Self { adaptor, driver, .. } = self;
            driver.with(Direction::Forward, |context| adaptor.end(context));
            self.listens = false;
        }
    }

    /// Whether the protocol wants more bytes.
    pub const fn listens(&self) -> bool {
        self.listens
    }

    /// What was told so far. It may be taken away.
    pub const fn told(&mut self) -> &mut Vec<Observation> {
        &mut self.driver.observations
    }

    /// What the conversation is called by now.
    pub fn named(&self) -> Named {
        let labels = &self.driver.labels;
        Named {
            application: labels.application,
            server_name: labels.server_name.clone(),
            ja4: labels.ja4.clone(),
            encrypted: self.adaptor.encrypted(),
        }
    }
}

/// A protocol over UDP.
#[derive(Clone, Copy)]
pub struct Datagram(&'static application::Datagram);

impl Datagram {
    /// All of them, in the order in which they are asked.
    pub fn all() -> impl Iterator<Item = Self> {
        DATAGRAMS.iter().map(Self)
    }

    /// Its name.
    pub const fn protocol(self) -> Protocol {
        self.0.protocol
    }

    /// What it says of a datagram.
    pub fn probe(self, bytes: &[u8]) -> Verdict {
        (self.0.probe)(bytes)
    }

    /// Adds to `told` what it reads from a datagram.
    pub fn read(self, bytes: &[u8], told: &mut Vec<Observation>) {
        let mut driver = Driver::new();
        driver.transport = Transport::UDP;
        std::mem::swap(&mut driver.observations, told);
        driver.with(Direction::Forward, |context| (self.0.read)(bytes, context));
        std::mem::swap(&mut driver.observations, told);
    }
}

/// What a conversation tells whose pieces are cut again, each time into as many bytes as `cut` says, and what it is
/// called.
pub fn told_in_pieces(
    stream: Stream,
    pieces: &[(Direction, &[u8])],
    mut cut: impl FnMut() -> usize,
) -> (Vec<Observation>, Named) {
    let mut conversation = stream.begin();
    for (direction, bytes) in pieces {
        let mut rest = *bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut().clamp(1, rest.len()));
            conversation.data(*direction, piece);
            rest = after;
        }
    }
    conversation.end();
    (std::mem::take(conversation.told()), conversation.named())
}
