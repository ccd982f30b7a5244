//! Fuzz targets of Wardline: every parser that reads bytes of strangers, and what must hold for each of them.
//!
//! 1. Nothing panics.
//! 2. Time is linear in the input: steps are counted, not seconds.
//! 3. Memory is bounded: what stays, and what is held at one moment.
//! 4. A stream tells the same however it is cut.
//!
//! `cargo xtask fuzz` lists the targets and runs one; `docs/fuzzing.md` tells the rest.

pub mod corpus;
pub mod dialogue;
pub mod meters;
pub mod mutation;
pub mod oracle;
pub mod targets;
