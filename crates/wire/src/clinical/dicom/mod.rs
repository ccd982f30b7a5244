//! DICOM: associations, commands, and the heads of the data sets that they carry. PS3.8 section 9.3 (upper layer), PS3.7
//! annex E (command sets), PS3.5 section 7 (data elements).
//!
//! Recognised by an association PDU with its protocol version, or by a P-DATA PDU whose value lengths agree, for a
//! conversation that began before the capture.
//!
//! Ignored: pictures, and every element of a data set behind the head that is kept ([`DATASET_BYTES_READ`]); sequences,
//! which hold nothing that tells who the equipment or the patient is.

mod association;
mod dataset;
mod session;

pub use association::{Association, Context, Identity};
pub use dataset::{Element, Encoding, commands, elements};
pub use session::{DATASET_BYTES_READ, Event, Session, probe};
