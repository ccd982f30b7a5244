//! Durable state and history.
//!
//! One trait, [`Store`], so that a hospital can begin with SQLite on one machine and a group can move to
//! PostgreSQL later ([`copy`] takes everything along, either way). Current records (devices, findings, exposures) and the history of who talked to whom
//! (edges by hour) live in the database; raw conversations live in Parquet files that any engine reads.
//!
//! # Guarantees
//!
//! * When [`Store::append`] returns, everything in the batch survives the death of the process and of the
//!   machine: it is synced to disk before it is acknowledged.
//! * A batch is stored whole or not at all.
//! * Every record carries a digest; a record whose bytes changed on disk is reported, never served.
#![forbid(unsafe_code)]

mod batch;
mod conditions;
mod copy;
mod error;
mod flow_files;
mod postgresql;
mod query;
mod record;
mod sqlite;

pub use batch::{Acknowledged, Batch, Charge, Heard, Progress};
pub use copy::{Copied, Item, Proof, Totals, back_up, copy, proof, restore};
pub use error::StoreError;
pub use flow_files::{FlowFileWriter, read_flow_file};
pub use postgresql::PostgresStore;
pub use query::{
    DeviceQuery, DeviceSort, EdgeQuery, ExposureQuery, FindingQuery, FlowQuery, Overview, Page,
    VulnerabilityQuery,
};
pub use sqlite::SqliteStore;

use wardline_model::{
    Device, DeviceId, Edge, Exposure, Finding, FlowRecord, Lifecycle, PlanEvent, Timestamp, Vulnerability,
};

/// Where state is kept. Implementations may be shared between threads.
pub trait Store: Send + Sync {
    /// Stores a batch whole and durably. What is acknowledged survives kill -9 and power loss.
    fn append(&self, batch: &Batch) -> Result<Acknowledged, StoreError>;

    /// Devices, a page of them.
    fn devices(&self, query: &DeviceQuery) -> Result<Page<Device>, StoreError>;

    /// One device.
    fn device(&self, id: &DeviceId) -> Result<Option<Device>, StoreError>;

    /// Findings, the newest first.
    fn findings(&self, query: &FindingQuery) -> Result<Page<Finding>, StoreError>;

    /// One finding.
    fn finding(&self, id: &str) -> Result<Option<Finding>, StoreError>;

    /// Exposures, the worst first.
    fn exposures(&self, query: &ExposureQuery) -> Result<Page<Exposure>, StoreError>;

    /// Conversations, the newest first.
    fn flows(&self, query: &FlowQuery) -> Result<Page<FlowRecord>, StoreError>;

    /// Gives every conversation to `visit`, the oldest first, without holding all of them. One that is moved meanwhile
    /// may be seen twice.
    fn visit_flows(&self, visit: &mut dyn FnMut(FlowRecord)) -> Result<(), StoreError>;

    /// Who talked to whom, by hour.
    fn edges(&self, query: &EdgeQuery) -> Result<Page<Edge>, StoreError>;

    /// Replaces the patch queue by another, whole or not at all.
    fn replace_vulnerabilities(&self, queue: &[Vulnerability]) -> Result<(), StoreError>;

    /// The patch queue, the most urgent first.
    fn vulnerabilities(&self, query: &VulnerabilityQuery) -> Result<Page<Vulnerability>, StoreError>;

    /// Replaces what is known of devices' lives, whole or not at all.
    fn replace_lifecycles(&self, lifecycles: &[Lifecycle]) -> Result<(), StoreError>;

    /// What is known of one device's life, where it was computed.
    fn lifecycle(&self, device: &DeviceId) -> Result<Option<Lifecycle>, StoreError>;

    /// Keeps what somebody decided. Nothing takes it away again.
    fn add_plan_event(&self, event: &PlanEvent) -> Result<(), StoreError>;

    /// What was decided about one device, or about all, the oldest first.
    fn plan_events(&self, device: Option<&DeviceId>) -> Result<Vec<PlanEvent>, StoreError>;

    /// Counts for the first page.
    fn overview(&self) -> Result<Overview, StoreError>;

    /// Checks the digest of every record, and whatever else this store can check. Returns how many records were checked.
    fn verify(&self) -> Result<u64, StoreError>;

    /// How far each sensor was heard.
    fn heard(&self) -> Result<Vec<Heard>, StoreError>;

    /// Takes or renews the charge of writing until `until`, for a process that calls itself `holder`. `None` while
    /// another has it: its time must have passed before `now`. With `until` at `now` it is given back.
    fn take_charge(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Charge>, StoreError>;

    /// Gives everything to `visit`, as of one moment, in an order that depends on nothing but what is held: see [`Item`].
    fn export(&self, visit: &mut dyn FnMut(Item) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// Takes over what another store exported, into one that is empty. Whole or not at all.
    fn import(&self, items: &mut dyn Iterator<Item = Result<Item, StoreError>>) -> Result<(), StoreError>;

    /// Keeps everybody from writing while `work` runs; reading goes on. Where `work` says why, nobody may write here ever
    /// again.
    fn while_still(
        &self,
        work: &mut dyn FnMut() -> Result<Option<String>, StoreError>,
    ) -> Result<(), StoreError>;
}
