//! Session Traversal Utilities for NAT: which software asks how it is seen from outside. RFC 8489 sections 5 and 14.
//!
//! Recognised by its magic cookie; see [`crate::enterprise::recognition::probe_stun`].
//!
//! Ignored: relays (RFC 8656) but for what they share with STUN, and integrity.

mod message;

pub use message::Message;
