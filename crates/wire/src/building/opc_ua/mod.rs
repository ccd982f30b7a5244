//! OPC Unified Architecture over its own binary transport: who serves values, how it is protected, who writes. IEC
//! 62541-6 (OPC 10000-6) sections 5.2 (encoding), 6.7 (secure conversation) and 7.1 (transport).
//!
//! Recognised by a message type, `F`, `C` or `A`, and a size that fits.
//!
//! Ignored: values and names of nodes, messages in several chunks, what is encrypted, OPC UA over HTTPS.

mod message;

pub use message::{Application, Message, Service, probe};
