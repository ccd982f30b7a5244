//! BACnet/IP: ventilation, heating, light, doors. ANSI/ASHRAE 135 clauses 5, 6, 20 and annex J.
//!
//! Recognised by its virtual link header; see [`crate::enterprise::recognition::probe_bacnet`].
//!
//! Ignored: values of points (temperatures, positions), alarms, schedules, segments after the first, and
//! BACnet/SC, which is TLS.

mod message;
mod view;

pub use message::{Kind, Message, ObjectIdentifier, Properties, Property};
