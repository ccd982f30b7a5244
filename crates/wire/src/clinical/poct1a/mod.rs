//! Point-of-care connectivity, CLSI POCT1-A2: a glucose meter, blood gas analyser or its docking station tells an
//! observation reviewer what it is, how it is, and what it measured; the reviewer sends directives and lists of patients and
//! operators. Annex B (device messaging layer): XML documents without an envelope, one behind the other, over TCP.
//!
//! Recognised by the name of the outermost element: three letters of a message type and a release, such as `HEL.R01`.
//!
//! Ignored: results of quality control and calibration, reagents, notes, device events, qualitative results, keep-alives and
//! acknowledgments; vendors' own directives but for their name.

mod message;
mod reader;

pub use message::{Device, Event, Operator, Patient, Result};
pub use reader::{Reader, probe};
