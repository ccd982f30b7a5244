//! What devices say: one file per protocol, written from its standard.

pub(crate) mod dicom;
pub(crate) mod hl7;
pub(crate) mod names;
