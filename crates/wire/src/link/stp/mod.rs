//! Spanning Tree Protocol: which bridge believes which other to be the root. IEEE 802.1D-2004 clause 9, also in the
//! form that Cisco sends per VLAN.
//!
//! Recognised by its LLC access points, or by SNAP with Cisco's number 0x010b.
//!
//! Ignored: timers, and the instances of multiple spanning trees.

mod message;

pub use message::{Bridge, Message};
