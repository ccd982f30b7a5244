//! HL7 version 2: admissions, orders, results, in segments of fields. HL7 v2.5.1 chapter 2; framing MLLP, HL7
//! transport specification release 1.
//!
//! Recognised by a header segment (`MSH`, `FHS`, `BHS`) whose delimiters make sense, behind the start byte of MLLP or
//! without it; and, in a stream that began before the capture, by such a header further on.
//!
//! Ignored: what segments other than those of identity, place, order and observation say; the end of a segment longer
//! than [`SEGMENT_BYTES_MAX`], which is a document and not a field.

mod session;
pub mod time;
mod view;

pub use session::{Event, SEGMENT_BYTES_MAX, Session, probe};
pub use view::{Delimiters, Elision, Field, Repetition, Segment};
