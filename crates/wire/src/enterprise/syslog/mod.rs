//! Syslog: which host and which of its programs writes. RFC 5424 section 6, RFC 3164 section 4.
//!
//! Recognised by a priority in angle brackets; see [`crate::enterprise::recognition::probe_syslog`].
//!
//! Ignored: the words of the message. Nobody knows what they hold, and some hold people.

mod message;

pub use message::{Message, frame};
