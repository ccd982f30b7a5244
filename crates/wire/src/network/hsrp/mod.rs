//! Hot Standby Router Protocol: who answers for a gateway's address, in Cisco's way. RFC 2281 section 5 (version 1) and
//! the TLVs of version 2, as Cisco describes them.
//!
//! Recognised by the fields of a hello of version 1 whose length is 20, or by the TLV of a group state of version 2.
//!
//! Ignored: timers, and the password of version 1, of which only is told whether it is the usual one.

mod message;

pub use message::{Message, Operation, probe};
