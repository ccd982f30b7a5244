//! Protocols of the transport layer.

pub mod tcp;
pub mod udp;
