//! Lists of devices that other systems keep: a maintenance system's CSV, FHIR `Device` resources, the XML of nmap.
//!
//! What a list is, is decided by its content. Every device remembers the list and the line that named it.

mod csv;
mod fhir;
mod nmap;

use thiserror::Error;
use wardline_model::{KnownDevice, Label};

/// Devices in one list, at most: three times the largest hospital.
const DEVICES_MAX: usize = 200_000;

/// A list could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InventoryError {
    /// It is none of the forms that are read.
    #[error("neither CSV with a header, nor JSON of FHIR, nor XML of nmap; see docs/inventory.md")]
    Unknown,
    /// A header names no column by which a device can be found.
    #[error("line 1: no column named mac, ip, serial or name; see docs/inventory.md")]
    NoColumn,
    /// A cell that cannot be understood.
    #[error("line {line}, column {column}: {problem}")]
    Cell {
        /// Line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What is wrong, in words.
        problem: String,
    },
    /// A place that is not well formed.
    #[error("line {line}: {problem}")]
    Line {
        /// Line, from 1.
        line: u64,
        /// What is wrong, in words.
        problem: String,
    },
    /// More devices than are read.
    #[error("more than {0} devices; split the list")]
    TooMany(usize),
}

/// Reads a list. `name` is how its devices will say where they are from.
pub fn read(name: &str, bytes: &[u8]) -> Result<Vec<KnownDevice>, InventoryError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let devices = match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => fhir::read(name, bytes),
        Some(b'<') => nmap::read(name, bytes),
        Some(_) => csv::read(name, bytes),
        None => Err(InventoryError::Unknown),
    }?;
    if devices.len() > DEVICES_MAX { Err(InventoryError::TooMany(DEVICES_MAX)) } else { Ok(devices) }
}

/// Where a device is listed.
fn listed(name: &str, place: impl std::fmt::Display) -> Option<Label> {
    Some(Label::new(&format!("{name}, {place}")))
}

fn label(text: &str) -> Option<Label> {
    Some(Label::new(text)).filter(|label| !label.is_empty())
}
