//! The store of one machine: SQLite, WAL, every commit synced.

mod migrations;
mod read;
mod rotate;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::de::DeserializeOwned;
use wardline_model::{
    Device, DeviceId, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Vulnerability,
};

use crate::{
    Acknowledged, Batch, DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, FlowQuery, Overview, Page,
    Store, StoreError, VulnerabilityQuery,
};

/// State directory of one machine: `wardline.db` and `flows/*.parquet`.
pub struct SqliteStore {
    path: PathBuf,
    flows: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// How many conversations wait before they become a file.
    file_flows: u64,
}

impl SqliteStore {
    /// Conversations in a file of the default size.
    pub const FILE_FLOWS: u64 = 100_000;

    /// Opens, and where necessary makes, the state directory.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, Self::FILE_FLOWS)
    }

    /// Opens the state directory with files of `file_flows` conversations.
    pub fn open_with(directory: &Path, file_flows: u64) -> Result<Self, StoreError> {
        let flows = directory.join("flows");
        std::fs::create_dir_all(&flows).map_err(|cause| StoreError::File { path: flows.clone(), cause })?;
        let path = directory.join("wardline.db");
        let database = |cause| StoreError::Database { path: path.clone(), cause };
        let mut writer = Connection::open(&path).map_err(database)?;
        prepare(&writer).map_err(database)?;
        let found = migrations::version(&writer).map_err(database)?;
        if found > migrations::NEWEST {
            return Err(StoreError::TooNew { path, found, known: migrations::NEWEST });
        }
        migrations::migrate(&mut writer).map_err(database)?;
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&path, read_only).map_err(database)?;
        reader.busy_timeout(Duration::from_secs(10)).map_err(database)?;
        let store = Self {
            path,
            flows,
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            file_flows: file_flows.max(1),
        };
        store.remove_remnants()?;
        Ok(store)
    }

    /// Checks the whole database: pages, indexes, and the digest of every record.
    ///
    /// Returns how many records were checked.
    pub fn verify(&self) -> Result<u64, StoreError> {
        let connection = self.reader();
        let verdict: String = connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|cause| self.database(cause))?;
        if verdict != "ok" {
            return Err(StoreError::Damaged { table: "database", id: verdict });
        }
        read::verify_digests(&connection).map_err(|error| error.at(&self.path))
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic while writing rolled its transaction back, so the connection is still sound.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self, cause: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.path.clone(), cause }
    }
}

impl Store for SqliteStore {
    fn append(&self, batch: &Batch) -> Result<Acknowledged, StoreError> {
        let mut connection = self.writer();
        let acknowledged = write::append(&mut connection, batch).map_err(|error| error.at(&self.path))?;
        self.rotate(&mut connection)?;
        Ok(acknowledged)
    }

    fn devices(&self, query: &DeviceQuery) -> Result<Page<Device>, StoreError> {
        read::devices(&self.reader(), query).map_err(|error| error.at(&self.path))
    }

    fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        read::one(&self.reader(), "device", &id.to_string()).map_err(|error| error.at(&self.path))
    }

    fn findings(&self, query: &FindingQuery) -> Result<Page<Finding>, StoreError> {
        read::findings(&self.reader(), query).map_err(|error| error.at(&self.path))
    }

    fn finding(&self, id: &str) -> Result<Option<Finding>, StoreError> {
        read::one(&self.reader(), "finding", id).map_err(|error| error.at(&self.path))
    }

    fn exposures(&self, query: &ExposureQuery) -> Result<Page<Exposure>, StoreError> {
        read::exposures(&self.reader(), query).map_err(|error| error.at(&self.path))
    }

    fn flows(&self, query: &FlowQuery) -> Result<Page<FlowRecord>, StoreError> {
        self.read_flows(query)
    }

    fn visit_flows(&self, visit: &mut dyn FnMut(FlowRecord)) -> Result<(), StoreError> {
        self.visit_all_flows(visit)
    }

    fn edges(&self, query: &EdgeQuery) -> Result<Page<Edge>, StoreError> {
        read::edges(&self.reader(), query).map_err(|error| error.at(&self.path))
    }

    fn replace_vulnerabilities(&self, queue: &[Vulnerability]) -> Result<(), StoreError> {
        write::replace_vulnerabilities(&mut self.writer(), queue).map_err(|error| error.at(&self.path))
    }

    fn vulnerabilities(&self, query: &VulnerabilityQuery) -> Result<Page<Vulnerability>, StoreError> {
        read::vulnerabilities(&self.reader(), query).map_err(|error| error.at(&self.path))
    }

    fn replace_lifecycles(&self, lifecycles: &[Lifecycle]) -> Result<(), StoreError> {
        write::replace_lifecycles(&mut self.writer(), lifecycles).map_err(|error| error.at(&self.path))
    }

    fn lifecycle(&self, device: &DeviceId) -> Result<Option<Lifecycle>, StoreError> {
        read::one(&self.reader(), "lifecycle", &device.to_string()).map_err(|error| error.at(&self.path))
    }

    fn add_plan_event(&self, event: &PlanEvent) -> Result<(), StoreError> {
        write::add_plan_event(&self.writer(), event).map_err(|error| error.at(&self.path))
    }

    fn plan_events(&self, device: Option<&DeviceId>) -> Result<Vec<PlanEvent>, StoreError> {
        read::plan_events(&self.reader(), device).map_err(|error| error.at(&self.path))
    }

    fn overview(&self) -> Result<Overview, StoreError> {
        read::overview(&self.reader()).map_err(|error| error.at(&self.path))
    }
}

/// Durability first: WAL, and a sync of the log at every commit.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(())
}

/// A failure before it is known in which file.
enum Failure {
    Database(rusqlite::Error),
    Damaged { table: &'static str, id: String },
    Record { table: &'static str, cause: serde_json::Error },
}

impl Failure {
    fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Database(cause) => StoreError::Database { path: path.to_owned(), cause },
            Self::Damaged { table, id } => StoreError::Damaged { table, id },
            Self::Record { table, cause } => StoreError::Record { table, cause },
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Database(cause)
    }
}

/// The digest stored beside a record: 128 bits of BLAKE3 over table, identifier and bytes.
fn digest(table: &str, id: &str, record: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(table.as_bytes()).update(&[0]).update(id.as_bytes()).update(&[0]).update(record);
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// A record read back, if its bytes are those that were written.
fn undigest<T: DeserializeOwned>(
    table: &'static str,
    id: &str,
    record: &[u8],
    stored: &[u8],
) -> Result<T, Failure> {
    if digest(table, id, record) != stored {
        return Err(Failure::Damaged { table, id: id.to_owned() });
    }
    serde_json::from_slice(record).map_err(|cause| Failure::Record { table, cause })
}
