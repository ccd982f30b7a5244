//! Modbus over TCP: registers and coils of controllers, meters and chillers. Modbus Application Protocol
//! 1.1b3, Modbus Messaging on TCP/IP 1.0b.
//!
//! Recognised by its header (protocol 0, a length that fits) and a public function code; see
//! [`crate::enterprise::recognition::probe_modbus`].
//!
//! Ignored: the values of registers (they need the maker's map to mean anything), files and queues, the
//! serial line's diagnostics.

mod message;

pub use message::{Message, ObjectKind, frame_length};
