//! Protocols that carry clinical data.

pub mod dicom;
pub mod executable;
pub mod hl7;
pub mod identity;
pub mod mdc;
pub mod udi;
