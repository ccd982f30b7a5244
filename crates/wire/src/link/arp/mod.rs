//! Address Resolution Protocol: which MAC address answers for an IPv4 address. RFC 826, RFC 5227.
//!
//! Recognised by its EtherType, hardware type 1 and protocol type 0x0800 with lengths 6 and 4.
//!
//! Ignored: RARP and InARP operations, and hardware other than Ethernet: unsupported, not an error of the
//! sender.

mod message;
mod view;

pub use message::{Message, Operation};
pub use view::View;
