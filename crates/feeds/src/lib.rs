//! Outside knowledge from bytes.
//!
//! Whoever calls has the bytes already: nothing here asks the disk, the network or the clock. What a file is, is
//! decided by its content, never by its name. A broken file is told with its place, and harms no other.

#![forbid(unsafe_code)]

pub mod advisories;
pub mod documents;
pub mod indicators;
pub mod inventory;
pub mod sources;
