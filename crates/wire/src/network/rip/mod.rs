//! Routing Information Protocol: who tells routes. RFC 1058, RFC 2453 section 3.1 (version 2), RFC 2080 (for IPv6).
//!
//! Recognised by command, version, zeros and entries whose families and metrics fit.
//!
//! Ignored: the routes themselves, but for their number and whether one is the default.

mod message;

pub use message::{Message, probe};
