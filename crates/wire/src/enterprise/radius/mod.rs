//! RADIUS: which switch or access point asks who may join the network. RFC 2865, RFC 2866, RFC 3579.
//!
//! Recognised by a known code, its length and attributes that fill it; see
//! [`crate::enterprise::recognition::probe_radius`].
//!
//! Ignored: EAP inside, accounting counters, attributes of makers, and RADIUS over TLS.

mod message;

pub use message::{Attribute, Message};
