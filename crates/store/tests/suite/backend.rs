//! Where a test keeps its state: a directory, or a database of a server that all tests share.

use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use wardline_store::{PostgresStore, SqliteStore, Store, StoreError};

use crate::server::Server;

/// One server for all tests; it ends with the process.
static SERVER: LazyLock<Option<Mutex<Server>>> = LazyLock::new(|| Server::start().map(Mutex::new));

pub(crate) enum Backend {
    Directory(tempfile::TempDir),
    Database { name: String, address: String },
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        Self::Directory(tempfile::tempdir().unwrap())
    }

    /// A new database, where PostgreSQL is installed.
    pub(crate) fn postgresql(name: &str) -> Option<Self> {
        let server = SERVER.as_ref()?.lock().unwrap();
        Some(Self::Database { name: name.to_owned(), address: server.database(name) })
    }

    /// What `--store` would say.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::Directory(directory) => directory.path().to_str().unwrap(),
            Self::Database { address, .. } => address,
        }
    }

    pub(crate) fn open(&self, file_flows: u64) -> Box<dyn Store> {
        open(self.place(), file_flows)
    }

    pub(crate) fn try_open(&self) -> Result<(), StoreError> {
        match self {
            Self::Directory(directory) => SqliteStore::open(directory.path()).map(drop),
            Self::Database { address, .. } => PostgresStore::open(address).map(drop),
        }
    }

    /// Flips a bit in the record of a device, as a failing disk would.
    pub(crate) fn flip_a_bit(&self, device: &str) {
        match self {
            Self::Directory(directory) => {
                let connection = rusqlite::Connection::open(directory.path().join("wardline.db")).unwrap();
                let mut record: Vec<u8> = connection
                    .query_row("SELECT record FROM device WHERE id = ?1", [device], |row| row.get(0))
                    .unwrap();
                let middle = record.len() / 2;
                record[middle] ^= 1;
                connection
                    .execute("UPDATE device SET record = ?1 WHERE id = ?2", rusqlite::params![record, device])
                    .unwrap();
            }
            Self::Database { name, .. } => {
                let text = format!(
                    "UPDATE device SET record = set_byte(record, length(record) / 2,
                     get_byte(record, length(record) / 2) # 1) WHERE id = '{device}'"
                );
                SERVER.as_ref().unwrap().lock().unwrap().sql(name, &text);
            }
        }
    }

    /// Says that a newer program changed the schema.
    pub(crate) fn make_newer(&self) {
        match self {
            Self::Directory(directory) => {
                let connection = rusqlite::Connection::open(directory.path().join("wardline.db")).unwrap();
                connection.pragma_update(None, "user_version", 999).unwrap();
            }
            Self::Database { name, .. } => {
                SERVER.as_ref().unwrap().lock().unwrap().sql(name, "UPDATE schema SET steps = 999");
            }
        }
    }
}

pub(crate) fn open(place: &str, file_flows: u64) -> Box<dyn Store> {
    if place.starts_with("postgres://") {
        Box::new(PostgresStore::open_with(place, file_flows, Duration::from_secs(60)).unwrap())
    } else {
        Box::new(SqliteStore::open_with(Path::new(place), file_flows).unwrap())
    }
}
