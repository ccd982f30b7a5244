//! Trivial File Transfer Protocol: requests to read or write a file. RFC 1350 section 5, options of RFC 2347.
//!
//! Recognised by a request; see [`crate::enterprise::recognition::probe_tftp`].
//!
//! Ignored: data blocks, which travel between other ports.

mod message;

pub use message::Request;
