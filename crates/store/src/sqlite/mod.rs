//! The store of one machine: SQLite, WAL, every commit synced.

mod migrations;
mod read;
mod rotate;
mod transfer;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use wardline_model::{
    Device, DeviceId, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Timestamp, Vulnerability,
};

use crate::record::Unsound;
use crate::{
    Acknowledged, Batch, Charge, DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, FlowQuery, Heard, Item,
    Overview, Page, Store, StoreError, VulnerabilityQuery,
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
        let reader = open_reader(&path).map_err(database)?;
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

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic while writing rolled its transaction back, so the connection is still sound.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_reader(&self) -> Result<Connection, StoreError> {
        open_reader(&self.path).map_err(|cause| self.database(cause))
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

    /// Checks pages and indexes as well.
    fn verify(&self) -> Result<u64, StoreError> {
        let connection = self.reader();
        let verdict: String = connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|cause| self.database(cause))?;
        if verdict != "ok" {
            return Err(StoreError::Damaged { table: "database", id: verdict });
        }
        read::verify_digests(&connection).map_err(|error| error.at(&self.path))
    }

    fn heard(&self) -> Result<Vec<Heard>, StoreError> {
        transfer::heard(&self.reader()).map_err(|error| error.at(&self.path))
    }

    fn take_charge(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Charge>, StoreError> {
        transfer::take_charge(&mut self.writer(), holder, now, until).map_err(|error| error.at(&self.path))
    }

    fn export(&self, visit: &mut dyn FnMut(Item) -> Result<(), StoreError>) -> Result<(), StoreError> {
        // A connection of its own: pages are answered meanwhile.
        let mut connection = self.open_reader()?;
        let transaction = connection.transaction().map_err(|cause| self.database(cause))?;
        transfer::export_records(&transaction, visit).map_err(|error| error.at(&self.path))?;
        self.export_files(&transaction, visit)?;
        transfer::export_waiting(&transaction, visit).map_err(|error| error.at(&self.path))?;
        transfer::export_counts(&transaction, visit).map_err(|error| error.at(&self.path))
    }

    fn import(&self, items: &mut dyn Iterator<Item = Result<Item, StoreError>>) -> Result<(), StoreError> {
        let mut connection = self.writer();
        transfer::import(&mut connection, items).map_err(|error| error.at(&self.path))?;
        self.rotate(&mut connection)
    }

    fn while_still(
        &self,
        work: &mut dyn FnMut() -> Result<Option<String>, StoreError>,
    ) -> Result<(), StoreError> {
        transfer::while_still(&mut self.writer(), work).map_err(|error| error.at(&self.path))
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, read_only)?;
    reader.busy_timeout(Duration::from_secs(10))?;
    Ok(reader)
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
    Unsound(Unsound),
    Superseded,
    Moved(String),
    NotEmpty,
    Other(StoreError),
}

impl Failure {
    fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Database(cause) => StoreError::Database { path: path.to_owned(), cause },
            Self::Unsound(unsound) => unsound.into(),
            Self::Superseded => StoreError::Superseded,
            Self::Moved(to) => StoreError::Moved { place: path.display().to_string(), to },
            Self::NotEmpty => StoreError::NotEmpty { place: path.display().to_string() },
            Self::Other(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Database(cause)
    }
}

impl From<Unsound> for Failure {
    fn from(unsound: Unsound) -> Self {
        Self::Unsound(unsound)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error)
    }
}
