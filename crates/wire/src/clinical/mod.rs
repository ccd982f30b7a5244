//! Protocols that carry clinical data.

pub mod astm;
pub mod dicom;
pub mod dicomweb;
pub mod executable;
pub mod fhir;
pub mod hl7;
pub mod identity;
pub mod intellivue;
pub mod mdc;
pub mod mder;
pub mod phd;
pub mod poct1a;
pub mod sdc;
pub mod udi;
