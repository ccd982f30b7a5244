//! Advisories, scores and exploitation: what others say about products, and what it means for a device here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Label, Plan, Timestamp};

/// What a publisher says about a product and a vulnerability (CSAF 2.0 section 3.2.3.9, OpenVEX, CVE 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductStatus {
    /// It has it.
    Affected,
    /// It does not have it.
    NotAffected,
    /// It had it and has it no more.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// A product as a publisher names it, and what he says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductStatement {
    /// Maker.
    pub vendor: Label,
    /// Product.
    pub product: Label,
    /// Versions, in the publisher's words.
    pub versions: String,
    /// What is said.
    pub status: ProductStatus,
    /// Why a product is not affected, in the publisher's words.
    pub justification: Option<Label>,
}

/// What kind of help an advisory offers (CSAF 2.0 section 3.2.3.12.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyKind {
    /// The maker's correction.
    Update,
    /// A setting or measure that lessens the danger.
    Mitigation,
    /// What the network can do, proposed by Wardline where the maker offers nothing.
    CompensatingControl,
}

/// Help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// What kind.
    pub kind: RemedyKind,
    /// In the publisher's words.
    pub text: String,
    /// Places in [`AdvisedVulnerability::products`]; empty is all of them.
    pub products: Vec<u32>,
}

/// A CVSS score as published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CvssScore {
    /// `3.0`, `3.1` or `4.0`.
    pub version: Label,
    /// Vector.
    pub vector: Label,
    /// Base score, 0 to 10.
    pub score: f32,
}

/// One vulnerability in an advisory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdvisedVulnerability {
    /// CVE identifier, or the publisher's own.
    pub cve: Label,
    /// Title.
    pub title: Option<Label>,
    /// Highest base score.
    pub cvss: Option<CvssScore>,
    /// Products.
    pub products: Vec<ProductStatement>,
    /// Help.
    pub remedies: Vec<Remedy>,
}

/// An advisory, a VEX document or a CVE record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// Identifier of its publisher.
    pub id: Label,
    /// Title.
    pub title: Label,
    /// Publisher.
    pub publisher: Label,
    /// Revision.
    pub revision: Label,
    /// Current release.
    pub released: Option<Timestamp>,
    /// Vulnerabilities.
    pub vulnerabilities: Vec<AdvisedVulnerability>,
}

/// A known exploited vulnerability (CISA KEV).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExploitedVulnerability {
    /// CVE identifier.
    pub cve: Label,
    /// Date of addition, as published.
    pub added: Label,
    /// Used for ransom.
    pub ransomware: bool,
}

/// A score of the Exploit Prediction Scoring System.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExploitPrediction {
    /// CVE identifier.
    pub cve: Label,
    /// Probability of exploitation within 30 days, 0 to 1.
    pub probability: f32,
    /// Share of all scores that are lower, 0 to 1.
    pub percentile: f32,
    /// Model.
    pub model: Label,
    /// Date of the score.
    pub date: Label,
}

/// How far exploitation is, in the words of SSVC 2.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Exploitation {
    /// Nothing is known.
    #[default]
    None,
    /// Somebody published how.
    ProofOfConcept,
    /// It is being done.
    Active,
}

/// What CISA's container of a CVE record says (SSVC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeholderFacts {
    /// CVE identifier.
    pub cve: Label,
    /// Exploitation.
    pub exploitation: Exploitation,
    /// Whether an attack can be done by a machine on many targets; `None` where nobody said.
    pub automatable: Option<bool>,
    /// Whether an attack takes all of the product, not a part; `None` where nobody said.
    #[serde(default)]
    pub total_impact: Option<bool>,
}

/// How a vulnerability was matched with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MatchKind {
    /// The very version is named.
    Exact,
    /// The version lies in a range that is named.
    Range,
    /// Every version of the product is named.
    Product,
    /// It may be: a person must look.
    Possible,
}

/// How urgent it is: the outcomes of CISA's SSVC guide, into which those of the deployer tree are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Priority {
    /// Defer.
    #[serde(rename = "track")]
    Track,
    /// Scheduled.
    #[serde(rename = "track*")]
    TrackClosely,
    /// Out of cycle.
    #[serde(rename = "attend")]
    Attend,
    /// Immediate.
    #[serde(rename = "act")]
    Act,
}

impl Priority {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::TrackClosely => "track*",
            Self::Attend => "attend",
            Self::Act => "act",
        }
    }
}

/// A match and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Match {
    /// How sure.
    pub kind: MatchKind,
    /// Which words of the advisory met which of the device.
    pub reason: String,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// What kind.
    pub kind: RemedyKind,
    /// What to do.
    pub text: String,
    /// The maker must approve it before a medical device is touched.
    pub needs_vendor_approval: bool,
}

/// Prediction of exploitation with its model and date: scores of different models cannot be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Epss {
    /// Probability within 30 days, 0 to 1.
    pub probability: f32,
    /// Share of all scores that are lower, 0 to 1.
    pub percentile: f32,
    /// Model.
    pub model: Label,
    /// Date.
    pub date: Label,
}

/// How far a device can be reached (SSVC exposure 1.0.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// By touch only.
    Small,
    /// Others of the hospital reach it.
    Controlled,
    /// The internet reaches it.
    Open,
}

/// What an attack may do to people (SSVC human impact 2.0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HumanImpact {
    /// Nobody is harmed.
    Low,
    /// Care is disturbed.
    Medium,
    /// A therapy fails or harms.
    High,
    /// A life depends on it.
    VeryHigh,
}

impl HumanImpact {
    /// In the words of the tree.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very high",
        }
    }
}

/// What decides a place in the queue beside match, score and prediction, and when its sources said so. The place follows
/// from the record alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// How far exploitation is.
    pub exploitation: Exploitation,
    /// Since when CISA lists it as exploited.
    pub exploited_since: Option<Label>,
    /// How far the device can be reached.
    pub reach: Reach,
    /// How many other zones were heard to begin conversations with the device.
    pub zones: u32,
    /// Whether an attack can be done by a machine on many targets.
    pub automatable: bool,
    /// What an attack may do to people.
    pub human_impact: HumanImpact,
    /// Revision of the advisory.
    pub revision: Label,
    /// When that revision was released.
    pub released: Option<Timestamp>,
    /// Support of the device or its operating system has ended, so that nobody will correct it.
    #[serde(default)]
    pub unsupported: bool,
}

/// A score by the impact questions of MITRE's rubric for medical devices (version 0.12.04, for CVSS 3.0), answered as far as the
/// device is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RubricScore {
    /// The published vector with the impacts that follow from the answers, and the answers (`XCP:L`, `XIT:H`, ...).
    pub vector: Label,
    /// Base score of that vector, 0 to 10.
    pub score: f32,
    /// Why it differs from the published one; empty where it does not.
    pub reasons: Vec<String>,
}

/// A vulnerability of a device. Record `vulnerability` of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vulnerability {
    /// Which device.
    pub device: DeviceId,
    /// What it is called.
    pub device_name: Label,
    /// CVE identifier.
    pub cve: Label,
    /// Advisory.
    pub advisory: Label,
    /// How it was matched, and why.
    #[serde(rename = "match")]
    pub matched: Match,
    /// Score, where one was published.
    pub cvss: Option<CvssScore>,
    /// The same for this device, by MITRE's rubric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric: Option<RubricScore>,
    /// Prediction, where there is one.
    pub epss: Option<Epss>,
    /// Known to be exploited (CISA KEV).
    pub kev: bool,
    /// How urgent.
    pub priority: Priority,
    /// Place in the queue, from 1.
    pub rank: u32,
    /// What decided the place.
    pub basis: Basis,
    /// What to do.
    pub fix: Fix,
    /// Why it stands where it stands, and what would change that.
    pub why: Vec<String>,
    /// What was decided about it, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}
