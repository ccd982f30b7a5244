//! Frames to conversations to observations.
//!
//! The last room that sees bytes. It decapsulates, defragments, reassembles, tracks conversations, identifies
//! what is spoken by content, and tells what it saw as [`wardline_model::Observation`]s, which hold no payload.
//!
//! # Guarantees
//!
//! * All memory is bounded by [`Limits`]; what is refused is counted.
//! * The same frames give the same observations, byte for byte, for any number of workers.
//! * Time is that of the frames; nothing here asks a clock.
#![forbid(unsafe_code)]

mod application;
