//! Real-time Transport Protocol: sound on its way. RFC 3550 section 5.1, payload types RFC 3551.
//!
//! One datagram never makes it certain: its first byte is too common. A stream is recognised by several
//! datagrams of one direction with the same source and payload type, sequence numbers that step by one and
//! timestamps that step evenly.
//!
//! Ignored: the sound.

mod session;
mod view;

pub use session::{Recognised, Session};
pub use view::View;
