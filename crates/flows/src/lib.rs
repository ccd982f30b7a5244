//! Frames to conversations to observations.
//!
//! The last room that sees bytes. It decapsulates, defragments, reassembles, tracks conversations, identifies
//! what is spoken by content, and tells what it saw as [`wardline_model::Observation`]s, which hold no payload.
//!
//! A frame goes through the *front*, in order: taken apart to its innermost IP packet, fragments put together. Its
//! conversation then lives in one of a fixed number of *shards*, chosen by a hash of its addresses.
//!
//! # Guarantees
//!
//! * All memory is bounded by [`Limits`]; what is refused is counted.
//! * The same frames give the same observations, byte for byte, for any number of workers.
//! * Time is that of the frames; nothing here asks a clock.
#![forbid(unsafe_code)]

mod advertisement;
mod application;
mod batch;
mod conversation;
mod counters;
mod decode;
mod fragments;
mod frame;
mod front;
mod index;
mod limits;
mod pipeline;
mod radio;
mod reassembly;
mod replicas;
mod shard;
mod spoken;
mod talks;
#[doc(hidden)]
pub mod trial;

pub use application::{CatalogueEntry, CatalogueFamily, catalogue, catalogue_page};
pub use counters::Counters;
pub use decode::{holds_ip, reads_link_type};
pub use frame::Frame;
pub use limits::Limits;
pub use pipeline::{Pipeline, Settings};
