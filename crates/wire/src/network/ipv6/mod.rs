//! Internet Protocol version 6: RFC 8200 sections 3 and 4.
//!
//! Recognised by its EtherType and a version of 6. Extension headers are followed to the transport, at most
//! [`EXTENSIONS_MAX`] of them; what is encrypted (ESP) or unknown ends the walk and is the payload's protocol.
//! A payload length of 0 means "as long as the frame" (jumbograms and offloaded captures).
//!
//! Ignored: the content of hop-by-hop and destination options and of routing headers.

mod message;
mod view;

pub use message::{EXTENSIONS_MAX, Fragment, Packet};
pub use view::View;
