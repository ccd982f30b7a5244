//! Secure Shell: what both ends say before they encrypt. RFC 4253 section 4.2 (identification) and section 7.1 (key
//! exchange), and HASSH, a fingerprint of either end by the algorithms that it offers, from its public description
//! (BSD 3-clause).
//!
//! Recognised by the identification line; see [`crate::enterprise::banner::probe_ssh`].
//!
//! Ignored: the key exchange itself and all that it hides; SSH 1, of which only the line is read.

mod message;

pub use message::{Hassh, KeyExchange, Opening};
