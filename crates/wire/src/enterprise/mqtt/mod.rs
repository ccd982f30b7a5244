//! MQTT 3.1, 3.1.1 and 5 over TCP: telemetry through a broker. OASIS MQTT 3.1.1 and 5.0.
//!
//! Recognised by CONNECT (section 3.1: packet type 1, protocol name `MQTT` or `MQIsdp`) or its answer; from the middle
//! of a conversation by two control packets in a row whose lengths and contents fit.
//!
//! Ignored: properties of version 5 other than reason codes (they are passed over), authentication exchanges beyond
//! CONNECT, and the content of messages, which whoever asks is shown as patient data may be in it.

mod message;
mod session;

pub use message::{Connect, Filter, Packet, Publish};
pub use session::{Session, probe};
