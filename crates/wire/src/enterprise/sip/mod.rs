//! Session Initiation Protocol: who calls whom, and where the audio will flow. RFC 3261 sections 7 and 20,
//! session description RFC 8866.
//!
//! Recognised by a request line that ends in `SIP/2.0` or a status line that begins with it.
//!
//! Ignored: addresses of people (From, To, Contact), which may name a patient's room or telephone; bodies other
//! than session descriptions.

mod message;

pub use message::{Message, Start, parse, probe, probe_datagram};
