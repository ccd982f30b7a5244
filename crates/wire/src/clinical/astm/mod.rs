//! Results and orders of laboratory and point-of-care analysers. Framing: CLSI LIS01-A2 (ASTM E1381-02); records: CLSI
//! LIS02-A2 (ASTM E1394-97).
//!
//! Recognised by a header record (`H`, four delimiters that differ, the first of them again), within a frame or without
//! one, as many device servers send it; and, in a stream that began before the capture, by such a header further on or by
//! a frame whose checksum is right and whose text begins like a record.
//!
//! Ignored: comments, scientific and manufacturer's records (`C`, `S`, `M`) but for their place; the end of a record
//! longer than [`RECORD_BYTES_MAX`]; the time-outs of section 6.5, which a listener cannot tell from a slow line.

mod frame;
mod order;
mod session;
mod view;

pub use frame::{Check, FRAME_BYTES_MAX, Frame, Sequence};
pub use order::{Level, Order};
pub use session::{Event, RECORD_BYTES_MAX, Session, probe};
pub use view::{Delimiters, Field, Record};
