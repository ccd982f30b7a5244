//! Transmission Control Protocol: RFC 9293 section 3.1.
//!
//! Recognised by IP protocol 6. The view is the fixed header; [`Segment`] adds the payload; options are read
//! only where they tell something, in a SYN ([`SynOptions`]).
//!
//! Ignored: the checksum (offloaded captures hold wrong ones), the urgent pointer (RFC 6093: its bytes are part
//! of the stream), timestamps and selective acknowledgments.

mod message;
mod view;

pub use message::{Segment, SynOptions, flags};
pub use view::View;
