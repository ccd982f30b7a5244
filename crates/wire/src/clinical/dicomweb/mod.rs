//! DICOMweb: images and their descriptions over HTTP. PS3.18 sections 8 to 10 (WADO-URI, QIDO-RS, WADO-RS, STOW-RS).
//!
//! Recognised by the paths of section 10.3 (`studies/UID/series/UID/instances/UID`), by `requestType=WADO`, and by the
//! media types `application/dicom` and `application/dicom+json`.
//!
//! Ignored: pictures and whatever follows the head of a data set, rendered frames, bulk data, work items.

mod multipart;
mod part10;
mod target;

pub use multipart::{Multipart, Part, boundary};
pub use part10::{HEAD_BYTES_READ, Part10};
pub use target::{Service, Target};
