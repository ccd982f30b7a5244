//! Constrained Application Protocol: what small devices serve, and what is asked of them. RFC 7252 (messages), RFC 7641
//! (observing), RFC 6690 (link format), RFC 8428 (SenML). Options are taken apart by
//! `coap-lite`.
//!
//! Recognised by version, a known code, and options that are known and end where the datagram or its payload begins.
//!
//! Ignored: tokens and message identifiers, retransmission, blocks behind the first of a long payload, proxying, OSCORE.

mod message;

pub use message::{Link, Message, Method, links};
