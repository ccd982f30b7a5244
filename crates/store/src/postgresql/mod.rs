//! The store of many machines: PostgreSQL, every commit flushed before it is acknowledged.
//!
//! What lies on one machine's disk beside SQLite, the files of conversations, lies in a table here: whichever process
//! takes over has them at once, and a backup of the database is whole.

mod address;
mod flows;
mod migrations;
mod read;
mod transfer;
mod write;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postgres::Client;
use r2d2::{CustomizeConnection, Pool, PooledConnection};
use r2d2_postgres::PostgresConnectionManager;
use tokio_postgres_rustls::MakeRustlsConnect;
use wardline_model::{
    Device, DeviceId, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Timestamp, Vulnerability,
};

use crate::record::Unsound;
use crate::{
    Acknowledged, Batch, Charge, DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, FlowQuery, Heard, Item,
    Overview, Page, Store, StoreError, VulnerabilityQuery,
};
use address::Address;

type Manager = PostgresConnectionManager<MakeRustlsConnect>;
type Connection = PooledConnection<Manager>;

/// Connections of one process: a console asks a few questions at a time.
const CONNECTIONS_MAX: u32 = 6;

/// State in a PostgreSQL database.
pub struct PostgresStore {
    shown: String,
    pool: Pool<Manager>,
    /// One batch at a time, as on one machine.
    writing: Mutex<()>,
    /// How many conversations wait before they become a file.
    file_flows: u64,
    /// How long a server that restarts is waited for.
    patience: Duration,
}

impl PostgresStore {
    /// How long a server that restarts is waited for, unless told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// Opens, and where necessary fills with empty tables, a database:
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&sslrootcert=FILE`.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        Self::open_with(address, crate::SqliteStore::FILE_FLOWS, Self::PATIENCE)
    }

    /// Opens a database with files of `file_flows` conversations, and waits up to `patience` whenever the server is not
    /// there.
    pub fn open_with(address: &str, file_flows: u64, patience: Duration) -> Result<Self, StoreError> {
        let Address { config, tls, shown } = Address::read(address)?;
        let pool = Pool::builder()
            .max_size(CONNECTIONS_MAX)
            .min_idle(Some(0))
            .connection_timeout(patience)
            .connection_customizer(Box::new(Durable))
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(Manager::new(config, tls));
        let store = Self { shown, pool, writing: Mutex::new(()), file_flows: file_flows.max(1), patience };
        store.prepare()?;
        Ok(store)
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let mut client = self.client()?;
        let at = |cause| StoreError::Server { place: self.shown.clone(), cause };
        let found = migrations::migrate(&mut client).map_err(at)?;
        if found > migrations::NEWEST {
            return Err(StoreError::TooNew {
                path: self.shown.clone().into(),
                found,
                known: migrations::NEWEST,
            });
        }
        let row = client
            .query_one("SELECT current_setting('fsync'), current_setting('synchronous_commit')", &[])
            .map_err(at)?;
        let [sync, commit]: [String; 2] = [row.get(0), row.get(1)];
        let forgetful = |setting: String| StoreError::Forgetful { place: self.shown.clone(), setting };
        if sync != "on" {
            return Err(forgetful(format!("fsync is {sync}")));
        }
        if !matches!(commit.as_str(), "on" | "remote_apply") {
            return Err(forgetful(format!("synchronous_commit is {commit}")));
        }
        Ok(())
    }

    fn client(&self) -> Result<Connection, StoreError> {
        self.pool.get().map_err(|error| StoreError::Unreachable {
            place: self.shown.clone(),
            seconds: self.patience.as_secs(),
            cause: error.to_string().replace('\n', " "),
        })
    }

    /// Asks a question. A connection that breaks meanwhile, as when the server restarts, is replaced and asked again.
    fn ask<T>(&self, mut question: impl FnMut(&mut Client) -> Result<T, Failure>) -> Result<T, StoreError> {
        let began = Instant::now();
        loop {
            let mut client = self.client()?;
            match question(&mut client) {
                Err(Failure::Database(cause))
                    if is_broken(&client, &cause) && began.elapsed() < self.patience =>
                {
                    std::thread::sleep(RETRY_PAUSE);
                }
                answer => return answer.map_err(|failure| self.at(failure)),
            }
        }
    }

    fn at(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Database(cause) => StoreError::Server { place: self.shown.clone(), cause },
            Failure::Unsound(unsound) => unsound.into(),
            Failure::Superseded => StoreError::Superseded,
            Failure::Moved(to) => StoreError::Moved { place: self.shown.clone(), to },
            Failure::NotEmpty => StoreError::NotEmpty { place: self.shown.clone() },
            Failure::Other(error) => error,
        }
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        // A panic while writing rolled its transaction back.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a batch once, however often the server goes away: what a broken connection left open is asked for.
    fn append_once(&self, batch: &Batch) -> Result<Acknowledged, StoreError> {
        let began = Instant::now();
        // The name of a batch whose commit was not answered.
        let mut unanswered: Option<String> = None;
        loop {
            let mut client = self.client()?;
            let tried = write::append(&mut client, batch, &mut unanswered);
            match tried {
                Err(Failure::Database(cause))
                    if is_broken(&client, &cause) && began.elapsed() < self.patience =>
                {
                    std::thread::sleep(RETRY_PAUSE);
                }
                answer => return answer.map_err(|failure| self.at(failure)),
            }
        }
    }
}

/// Between two attempts at a server that is not there.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Whether a failure is of the connection, or of a server that is going down or coming up, and not of the question.
fn is_broken(client: &Client, cause: &postgres::Error) -> bool {
    client.is_closed()
        || cause.is_closed()
        || cause.as_db_error().is_some_and(|error| error.code().code().starts_with("57P"))
}

/// Sees to it that a commit is flushed before it is acknowledged, whatever the default of server, database or user.
#[derive(Debug)]
struct Durable;

impl CustomizeConnection<Client, postgres::Error> for Durable {
    fn on_acquire(&self, client: &mut Client) -> Result<(), postgres::Error> {
        client.batch_execute(
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
        )
    }
}

/// A failure before it is known of which server.
enum Failure {
    Database(postgres::Error),
    Unsound(Unsound),
    Superseded,
    Moved(String),
    NotEmpty,
    Other(StoreError),
}

impl From<postgres::Error> for Failure {
    fn from(cause: postgres::Error) -> Self {
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

impl Store for PostgresStore {
    fn append(&self, batch: &Batch) -> Result<Acknowledged, StoreError> {
        let _writing = self.writing();
        let acknowledged = self.append_once(batch)?;
        self.rotate()?;
        Ok(acknowledged)
    }

    fn devices(&self, query: &DeviceQuery) -> Result<Page<Device>, StoreError> {
        self.ask(|client| read::devices(client, query))
    }

    fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError> {
        self.ask(|client| read::one(client, "device", &id.to_string()))
    }

    fn findings(&self, query: &FindingQuery) -> Result<Page<Finding>, StoreError> {
        self.ask(|client| read::findings(client, query))
    }

    fn finding(&self, id: &str) -> Result<Option<Finding>, StoreError> {
        self.ask(|client| read::one(client, "finding", id))
    }

    fn exposures(&self, query: &ExposureQuery) -> Result<Page<Exposure>, StoreError> {
        self.ask(|client| read::exposures(client, query))
    }

    fn flows(&self, query: &FlowQuery) -> Result<Page<FlowRecord>, StoreError> {
        self.read_flows(query)
    }

    fn visit_flows(&self, visit: &mut dyn FnMut(FlowRecord)) -> Result<(), StoreError> {
        self.visit_all_flows(visit)
    }

    fn edges(&self, query: &EdgeQuery) -> Result<Page<Edge>, StoreError> {
        self.ask(|client| read::edges(client, query))
    }

    fn replace_vulnerabilities(&self, queue: &[Vulnerability]) -> Result<(), StoreError> {
        self.ask(|client| write::replace_vulnerabilities(client, queue))
    }

    fn vulnerabilities(&self, query: &VulnerabilityQuery) -> Result<Page<Vulnerability>, StoreError> {
        self.ask(|client| read::vulnerabilities(client, query))
    }

    fn replace_lifecycles(&self, lifecycles: &[Lifecycle]) -> Result<(), StoreError> {
        self.ask(|client| write::replace_lifecycles(client, lifecycles))
    }

    fn lifecycle(&self, device: &DeviceId) -> Result<Option<Lifecycle>, StoreError> {
        self.ask(|client| read::one(client, "lifecycle", &device.to_string()))
    }

    fn add_plan_event(&self, event: &PlanEvent) -> Result<(), StoreError> {
        // Never asked twice: a decision whose answer was lost must not be there twice.
        let mut client = self.client()?;
        write::add_plan_event(&mut *client, event).map_err(|failure| self.at(failure))
    }

    fn plan_events(&self, device: Option<&DeviceId>) -> Result<Vec<PlanEvent>, StoreError> {
        self.ask(|client| read::plan_events(client, device))
    }

    fn overview(&self) -> Result<Overview, StoreError> {
        self.ask(read::overview)
    }

    fn verify(&self) -> Result<u64, StoreError> {
        self.ask(read::verify_digests)
    }

    fn heard(&self) -> Result<Vec<Heard>, StoreError> {
        self.ask(read::heard)
    }

    fn take_charge(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Charge>, StoreError> {
        self.ask(|client| write::take_charge(client, holder, now, until))
    }

    fn export(&self, visit: &mut dyn FnMut(Item) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut client = self.client()?;
        transfer::export(&mut client, visit).map_err(|failure| self.at(failure))
    }

    fn import(&self, items: &mut dyn Iterator<Item = Result<Item, StoreError>>) -> Result<(), StoreError> {
        let _writing = self.writing();
        let mut client = self.client()?;
        transfer::import(&mut client, items).map_err(|failure| self.at(failure))?;
        self.rotate()
    }

    fn while_still(
        &self,
        work: &mut dyn FnMut() -> Result<Option<String>, StoreError>,
    ) -> Result<(), StoreError> {
        let _writing = self.writing();
        let mut client = self.client()?;
        transfer::while_still(&mut client, work).map_err(|failure| self.at(failure))
    }
}
