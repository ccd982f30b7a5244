//! Internet Protocol version 4: RFC 791 section 3.1.
//!
//! Recognised by its EtherType and a version of 4. The total length bounds the payload, so Ethernet padding
//! never reaches the layers above. A total length of 0 means "as long as the frame": captures taken before
//! segmentation offload show it.
//!
//! Ignored: options, which are passed over (source routing is gone from the field), and the header checksum:
//! captures on the sending machine hold wrong ones, and a receiver's view cannot be known from the middle.

mod message;
mod view;

pub use message::{Fragment, Packet};
pub use view::View;
