//! Link Layer Discovery Protocol: what a switch, telephone or access point says of itself to its neighbour. IEEE
//! 802.1AB clause 8, LLDP-MED inventory ANSI/TIA-1057 section 10.2.6, MUD URL RFC 8520 section 11.
//!
//! Recognised by its EtherType.
//!
//! Ignored: power, link aggregation and other TLVs that say nothing of who the sender is.

mod message;

pub use message::{Identifier, Message};
