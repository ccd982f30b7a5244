//! EtherNet/IP: controllers, drives and their identity, and who changes them. ODVA, The EtherNet/IP Adaptation of CIP
//! (volume 2) chapter 2 (encapsulation), The CIP Networks Library volume 1 appendix A (services) and chapter 5
//! (identity object).
//!
//! Recognised by a known command, a length that fits, a status and options of zero.
//!
//! Ignored: implicit messages (their meaning is in the configuration of both ends), and values.

mod message;

pub use message::{Identity, Message, Service, probe, probe_datagram};
