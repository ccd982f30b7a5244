//! Real Time Streaming Protocol: cameras and who watches them. RFC 2326, RFC 7826.
//!
//! Recognised by a request or status line; see [`crate::enterprise::recognition::probe_rtsp`].
//!
//! Ignored: descriptions of media but for the software that made them, media interleaved with the messages.

mod message;

pub use message::{Head, Start, head};
