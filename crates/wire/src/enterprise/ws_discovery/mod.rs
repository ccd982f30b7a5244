//! Web Services Dynamic Discovery: printers, cameras and medical devices that announce themselves.
//! OASIS WS-Discovery 1.1 (and the submission of 2005 that most devices speak), SOAP-over-UDP 1.1;
//! medical devices are told by the types of IEEE 11073-20702 (MDPWS).
//!
//! Recognised by a SOAP envelope with an action of WS-Discovery in its header.
//!
//! Ignored: message identifiers, application sequences, metadata versions, signatures.

mod message;

pub use message::{Kind, LIST_MAX, Message, probe};
