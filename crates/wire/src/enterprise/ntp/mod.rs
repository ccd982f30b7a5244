//! Network Time Protocol: who keeps whose clock. RFC 5905 section 7.3 (versions 1 to 4 share the header).
//!
//! Recognised by a datagram of at least 48 bytes whose version is 1 to 4, whose mode is 1 to 5 and whose
//! stratum, poll interval and precision are within the ranges of the standard.
//!
//! Ignored: extension fields and authentication, which tell nothing about the device. Control (mode 6) and
//! private (mode 7) messages are not time keeping and are left to detection by their amplification.

mod message;
mod view;

pub use message::{Message, Mode, probe};
pub use view::View;
