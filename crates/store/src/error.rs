//! What can go wrong with a store.

use std::path::PathBuf;

use thiserror::Error;

use crate::record::Unsound;

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
    /// The database server refused, or cannot be reached.
    #[error("{place}: {cause}")]
    Server {
        /// Which server and database.
        place: String,
        /// Why.
        #[source]
        cause: postgres::Error,
    },
    /// The database server cannot be reached.
    #[error(
        "{place}: no connection within {seconds} s ({cause}); is PostgreSQL running there, and may this machine and user connect?"
    )]
    Unreachable {
        /// Which server and database.
        place: String,
        /// How long was tried.
        seconds: u64,
        /// What the last attempt said.
        cause: String,
    },
    /// The address of a store cannot be used.
    #[error("--store {place}: {problem}; write postgres://USER:PASSWORD@HOST/DATABASE, or a directory")]
    Address {
        /// As given, without its password.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server is set so that it forgets what it acknowledged.
    #[error("{place}: {setting}; what is acknowledged would not survive a power loss: set it to on")]
    Forgetful {
        /// Which server and database.
        place: String,
        /// The setting.
        setting: String,
    },
    /// Another process writes by now.
    #[error("another process has taken over; this one may write no more")]
    Superseded,
    /// The store was moved.
    #[error("{place}: moved to {to}; start again with --store naming that")]
    Moved {
        /// Which store.
        place: String,
        /// Where it is now.
        to: String,
    },
    /// What should be filled already holds something.
    #[error("{place}: holds records already; name an empty store")]
    NotEmpty {
        /// Which store.
        place: String,
    },
    /// A backup could not be written or read.
    #[error("backup: {cause}")]
    Backup {
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Two stores that should hold the same do not.
    #[error("the copy differs from its source ({expected} became {found}); the source was left as it was")]
    Differs {
        /// Digest of the source.
        expected: String,
        /// Digest of the copy.
        found: String,
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

impl From<Unsound> for StoreError {
    fn from(unsound: Unsound) -> Self {
        match unsound {
            Unsound::Damaged { table, id } => Self::Damaged { table, id },
            Unsound::Json { table, cause } => Self::Record { table, cause },
        }
    }
}
