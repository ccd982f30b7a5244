//! Messages that are kept until the far end has them.
//!
//! For HL7 services that are `durable`. The device end ends MLLP: it takes a message, writes it to a journal, and only then
//! acknowledges it. Messages go through the link in the order of their numbers and are written to a journal of the clinic
//! end before they go to their receiver, one after the other.
//!
//! | `acknowledge` | the sender is told | when |
//! | --- | --- | --- |
//! | `receiver` | the receiver's own answer | the receiver gave it |
//! | `far` | AA by the shield | the clinic end has the message on disk |
//! | `near` | AA by the shield | the device end has the message on disk |
//!
//! A message of the same bytes as a recent one is a repeat: it is answered as the first one was, and not delivered again.
//! That holds through a restart of either end.
//!
//! One thing no box can know: whether a receiver took a message, when the box or the receiver stops between the sending and
//! the answer. `in_doubt` says what then happens: `resend` sends it again, under its own number in MSH-10, by which a
//! receiver knows a repeat; `hold` does not, and reports it for a person to look at.

mod front;
mod incoming;
mod journal;
mod outgoing;
mod talk;

pub(crate) use front::{Noticed, front};
pub(crate) use incoming::{Incoming, Trouble};
pub(crate) use outgoing::{NotTaken, Outgoing};
use serde::Deserialize;

/// When a sender is told that its message was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// When the receiver answered.
    #[default]
    Receiver,
    /// When it is on the clinic end's disk.
    Far,
    /// When it is on the device end's disk.
    Near,
}

/// What happens to a message of which nobody knows whether its receiver took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// It is sent again.
    #[default]
    Resend,
    /// It is held, and reported.
    Hold,
}
