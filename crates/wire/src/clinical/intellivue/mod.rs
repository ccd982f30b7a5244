//! Philips IntelliVue Data Export over UDP: a bedside monitor announces itself, associates with a computer, and answers its
//! polls with vital signs, alarms and the demographics of its patient. Philips *IntelliVue Patient Monitor, X2, MP, MX
//! series: Data Export Interface Programming Guide* (public part numbers 4535 642 59271 and M8000-9305G), chapters "Protocol
//! Commands", "Association Control Protocol" and "Attribute Data Types and Constants Used".
//!
//! Recognised by a connect indication (nomenclature version, an event of that kind), or by a data export message (session
//! identifier, a remote operation whose length is that of the rest), or by an association message whose header carries the
//! fixed session data; each datagram stands alone.
//!
//! Ignored: waves and enumerations, labels and colours of the display, notes about patients but for their presence; what
//! the association negotiates; the same protocol over the serial MIB/RS-232 port, unless a device server wraps it in UDP.

mod message;
#[cfg(test)]
mod tests;
mod view;

pub use message::{
    Alarm, AlarmKind, Demographics, Monitor, Numeric, Polled, Port, alarms, demographics, monitor, numerics,
};
pub use view::{Body, Message, Operation, probe};
