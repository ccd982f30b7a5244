//! What devices say: one file per family of protocols, written from their standards.

pub(crate) mod control;
pub(crate) mod dialect;
pub(crate) mod dicom;
pub(crate) mod files;
pub(crate) mod hl7;
pub(crate) mod names;
pub(crate) mod sound;
pub(crate) mod telemetry;
