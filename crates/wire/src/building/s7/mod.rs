//! S7 communication of Siemens controllers over ISO-on-TCP: RFC 1006, ISO 8073 class 0; the layer above is
//! not published, its fields are named as Wireshark's documentation names them.
//!
//! Recognised by TPKT, a data TPDU and the protocol identifier; see
//! [`crate::enterprise::recognition::probe_s7`].
//!
//! Ignored: values of variables, TPDUs in several parts, parts after the first of a long system state list,
//! and S7comm-plus (0x72) of newer controllers, whose content is not documented.

mod message;

pub use message::{Kind, Message, SystemState, packet_length};
