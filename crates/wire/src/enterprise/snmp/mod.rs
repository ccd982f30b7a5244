//! Simple Network Management Protocol: what a device says about itself, who asks it and who changes it.
//! RFC 1157 (version 1), RFC 1901 and RFC 3416 (2c), RFC 3412 and RFC 3414 (3).
//!
//! Recognised by its BER sequence: a known version, a community or the version 3 header, a known operation.
//!
//! Ignored: request identifiers, authentication parameters, context names, the generic fields of a
//! version 1 trap.

mod message;
mod view;

pub use message::{Binding, Bindings, Message, Operation, Security, Value, probe};
pub use view::{Element, ObjectIdentifier};
