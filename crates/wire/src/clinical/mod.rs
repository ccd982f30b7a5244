//! Protocols that carry clinical data.

pub mod executable;
pub mod hl7;
pub mod identity;
