//! Facts of radio links.

use serde::{Deserialize, Serialize};

use crate::Protocol;

/// What happened to a connection over a radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RadioLinkEvent {
    /// It began.
    Connected {
        /// Time between two moments at which both ends must be awake, microseconds.
        interval_us: u32,
    },
    /// Both ends agreed on a key.
    Paired {
        /// Nobody who listened, or stood between the two, can know the key.
        sound: bool,
    },
    /// What follows on the air is encrypted.
    Encrypted,
    /// It ended.
    Ended,
}

/// A connection over a radio; `from` of the observation is who began it, `to` is whom it woke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioLinkFact {
    /// Which radio.
    pub protocol: Protocol,
    /// What happened.
    pub event: RadioLinkEvent,
}
