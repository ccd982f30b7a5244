//! User Datagram Protocol: RFC 768.
//!
//! Recognised by IP protocol 17. A length of 0 means "as long as the packet" (RFC 2675 section 4, and
//! offloaded captures).
//!
//! Ignored: the checksum.

mod message;

pub use message::Datagram;
