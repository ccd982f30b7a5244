//! QUIC: the client's hello. RFC 9000 (version 1) sections 17.2.2 and 19.6, RFC 9001 section 5 (protection of Initial
//! packets), RFC 9369 (version 2), and the drafts 29 to 34.
//!
//! The first packets are encrypted under keys that follow from public values, so that whoever sees the first packet
//! can read them: server name, application protocols and the JA4 fingerprint are those of TLS.
//!
//! Recognised by a long header of a known version; see [`crate::enterprise::recognition::probe_quic`].
//!
//! Ignored: Google's versions, the server's side (its part of interest is under the keys of the handshake), 0-RTT,
//! and all that follows.

mod packet;
mod protection;
mod session;

pub use session::{Outcome, Session};
