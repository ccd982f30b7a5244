//! What makers document about the conversations of their devices: MUD files (RFC 8520), and lists of ports as manuals have them.
//!
//! What a document is, is decided by its content.

mod mud;
mod ports;

use thiserror::Error;
use wardline_model::Documented;

/// Documented conversations in one file, at most; manuals list some dozens.
const USES_MAX: usize = 10_000;

/// A document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It is neither form.
    #[error("neither JSON of MUD (RFC 8520) nor CSV with a header; see docs/enforcement.md")]
    Unknown,
    /// A place that is not as it must be.
    #[error("{place}: {problem}")]
    Place {
        /// Line, or path in the document.
        place: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// Nobody could tell which devices it is about.
    #[error(
        "the file names neither mfg-name nor model-name: add one, so that its devices can be found in the inventory"
    )]
    AboutNobody,
    /// More than is read.
    #[error("more than {USES_MAX} conversations; split the list")]
    TooMany,
}

/// What documents say, and how many of their entries cannot be said as a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// By kind of device.
    pub documented: Vec<Documented>,
    /// Entries without a transport, or that deny: they ask for no rule.
    pub not_rules: u64,
}

/// Reads a document. `name` is how its rules will say where they are from.
pub fn read(name: &str, bytes: &[u8]) -> Result<Read, DocumentError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let read = match bytes.trim_ascii_start().first() {
        Some(b'{') => mud::read(name, bytes)?,
        Some(_) => ports::read(name, bytes)?,
        None => return Err(DocumentError::Unknown),
    };
    let uses: usize = read.documented.iter().map(|one| one.uses.len()).sum();
    if uses > USES_MAX { Err(DocumentError::TooMany) } else { Ok(read) }
}

fn wrong(place: impl ToString, problem: impl ToString) -> DocumentError {
    DocumentError::Place { place: place.to_string(), problem: problem.to_string() }
}
