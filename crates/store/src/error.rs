//! What can go wrong with a store.

use std::path::PathBuf;

use thiserror::Error;

/// A store failed. Nothing of the batch at hand was stored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database refused.
    #[error("{path}: {cause}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: rusqlite::Error,
    },
    /// The state directory was written by a newer program.
    #[error(
        "{path}: written by a newer Wardline (schema {found}, this program knows {known}); use that program, or another --state directory"
    )]
    TooNew {
        /// Which file.
        path: PathBuf,
        /// Schema found.
        found: u32,
        /// Newest schema known here.
        known: u32,
    },
    /// A record changed on disk.
    #[error(
        "{table} record {id}: its bytes changed on disk; the disk may be failing: copy the state directory to another disk and restore from a backup"
    )]
    Damaged {
        /// Table.
        table: &'static str,
        /// Record.
        id: String,
    },
    /// A record could not be written or read as JSON.
    #[error("{table} record: {cause}")]
    Record {
        /// Table.
        table: &'static str,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A file of conversations is damaged.
    #[error("{path}: {cause}; move it out of the state directory to go on without it")]
    FlowFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: parquet::errors::ParquetError,
    },
}
