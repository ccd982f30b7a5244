//! Cisco Discovery Protocol: what a Cisco device, or a telephone that speaks its language, says of itself. Not a public
//! standard; the layout is the one that Cisco has published and that others implement.
//!
//! Recognised by SNAP organisation 00-00-0C, protocol 0x2000.
//!
//! Ignored: checksum, power, VTP and other TLVs that say nothing of who the sender is.

mod message;

pub use message::Message;
