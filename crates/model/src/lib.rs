//! The shared vocabulary of Wardline: what a device, an observation, a finding or an exposure is.
//!
//! Types and serialisation only. This crate knows no protocol bytes, no clock, no disk and no network.
//! Two families live here:
//!
//! * **Observations** ([`Observation`], [`Fact`]): what the wire said, made by `flows` and read by `assess`.
//!   They hold enums, numbers, addresses and bounded identifiers. There is no field that could carry a
//!   payload, and patient data appears only as a keyed [`Pseudonym`].
//! * **Records** ([`Device`], [`Finding`], [`Exposure`], [`FlowRecord`], [`Summary`]): what other programs
//!   rely on. Their JSON form is a public contract; `wardline schema` prints it.
#![forbid(unsafe_code)]

mod address;
mod advisory;
mod bill;
mod bounds;
mod control;
mod device;
mod documented;
mod edge;
mod evidence;
mod exposure;
pub mod fact;
mod finding;
mod flow;
mod indicator;
mod label;
mod lifecycle;
mod observation;
mod plan;
mod policy;
mod protocol;
mod pseudonym;
mod record;
mod site;
mod summary;
mod time;
mod verdict;

pub use address::{CommunityId, MacAddress, RadioAddress, Station, Transport};
pub use advisory::{
    AdvisedVulnerability, Advisory, Basis, CvssScore, Epss, ExploitPrediction, Exploitation,
    ExploitedVulnerability, Fix, HumanImpact, Match, MatchKind, Priority, ProductStatement, ProductStatus,
    Reach, Remedy, RemedyKind, RubricScore, StakeholderFacts, Vulnerability,
};
pub use bill::{BillOfMaterials, Component};
pub use bounds::Bounded;
pub use control::{
    CONTROL_BYTES_MAX, ControlAnswer, ControlRequest, EnforcedPolicy, EnforcedQuarantine, EnforcementAct,
    EnforcementStatus,
};
pub use device::{Category, Claim, Criticality, Device, DeviceField, DeviceId, Mismatch, MismatchKind};
pub use documented::{Documented, DocumentedPeer, DocumentedUse};
pub use edge::Edge;
pub use evidence::{DeviceReference, Evidence};
pub use exposure::{Exposure, ExposureKind, Hearing};
pub use fact::Fact;
pub use finding::{Attack, Finding, Severity};
pub use flow::{FlowRecord, TcpOutcome};
pub use indicator::{DigestAlgorithms, Indicator, Pattern, TrafficLight, WarningList, is_below};
pub use label::Label;
pub use lifecycle::{
    DeviceClass, DeviceRecall, Disclosed, DisclosedAnswer, DisclosedProperty, Disclosure, Lifecycle,
    LifecycleAnswer, LifecycleQuestion, LifecycleState, Recall, SupportPeriod,
};
pub use observation::{CaptureId, Observation, Sighting};
pub use plan::{PatchException, PatchStatus, PatchWindow, Plan, PlanAction, PlanEvent};
pub use policy::{
    Action, Group, MEMBERS_MAX, Member, POLICY_VERSION, Policy, PolicyError, PortRange,
    ProtectedConversation, RULES_MAX, Rule, RuleEvidence, Standing, Zone, has_ports,
};
pub use protocol::Protocol;
pub use pseudonym::{Pseudonym, PseudonymKey, Subject};
pub use record::Record;
pub use site::{KnownDevice, MaintenanceWindow, Network, ServerRole, Site, SiteError, SiteServer, WeekDay};
pub use summary::{InventoryComparison, Summary};
pub use time::Timestamp;
pub use verdict::{Judge, LINK_SCOPE, LINK_SCOPE_RECEIVERS, Party, Verdict, is_link_scope};
