//! Virtual Router Redundancy Protocol: who answers for a gateway's address. RFC 3768 (version 2), RFC 9568 (version 3).
//!
//! Recognised by IP protocol 112 with version 2 or 3 and type 1.
//!
//! Ignored: intervals, checksums, and the authentication that RFC 3768 took back.

mod message;

pub use message::Message;
