//! Bytes to protocol messages.
//!
//! Pure: no I/O, no clock, no allocation on the packet path. Every protocol is one module of the same
//! shape, under `link`, `network`, `transport`, `building`, `clinical` or `enterprise`:
//!
//! * `mod.rs`: what it is, standard and section, how it is recognised, what we ignore and why;
//! * `view.rs`: bytes to borrowed fields, without judgement: oddities stay visible;
//! * `message.rs`: meaning; refuses nonsense with an [`Error`] that names protocol, field and offset;
//! * `session.rs`: only where messages do not stand alone.
//!
//! # Guarantees
//!
//! * Bytes are read only through the bounded [`Reader`]. No input makes a parser panic, loop or allocate
//!   more than a small multiple of the input.
//! * Recognition is by content: a `probe` answers [`Verdict`]; port numbers are at most a hint.
//! * A session gives the same messages however its stream is cut into pieces.
//! * Patient data comes out as [`Sensitive`], which cannot be printed, logged or serialised.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod error;
mod line;
mod reader;
mod sensitive;
mod stream;
mod verdict;

pub mod building;
pub mod clinical;
pub mod document;
pub mod enterprise;
pub mod link;
pub mod network;
pub mod radio;
pub mod transport;

pub use error::{Error, Fault, Layer};
pub use reader::Reader;
pub use sensitive::Sensitive;
pub use stream::{Consumed, StreamBuffer};
pub use verdict::{Direction, Verdict};
