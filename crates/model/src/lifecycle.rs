//! How long a device is supported, how it is updated, what was recalled, and what it is made of: what makers and
//! authorities publish about products, and what follows for a device here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Label, Match};

/// What a maker answers in his disclosure statement (MDS2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Disclosed {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Does not apply.
    NotApplicable,
    /// A note says it.
    SeeNote,
}

/// An answer with the words beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosedAnswer {
    /// What is answered.
    pub said: Disclosed,
    /// Words beside it, where there are any.
    pub note: Option<Label>,
}

/// A manufacturer disclosure statement for medical device security (HIMSS/NEMA HN 1-2013, ANSI/NEMA HN 1-2019): answers by
/// the question's identifier. The questions themselves are the publisher's and are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Maker.
    pub vendor: Label,
    /// Model.
    pub product: Label,
    /// Year of the form's edition: 2013 or 2019.
    pub edition: u16,
    /// When it was released, in the maker's words.
    pub released: Option<Label>,
    /// By identifier, such as `CSUP-2.2`.
    pub answers: BTreeMap<Label, DisclosedAnswer>,
}

/// A recall of medical devices (openFDA `device/enforcement` and `device/recall`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Number, such as `Z-0123-2024`.
    pub number: Label,
    /// 1 is the most dangerous class, 3 the least. `None` where the authority has not said.
    pub class: Option<u8>,
    /// Who recalls.
    pub firm: Label,
    /// Products, in the firm's words, cut.
    pub product: String,
    /// Lots, models and versions, in the firm's words, cut.
    pub codes: String,
    /// Why, in the authority's words, cut.
    pub reason: Label,
    /// FDA product code.
    pub product_code: Option<Label>,
    /// First day, as 2024-01-31.
    pub begun: Label,
    /// Last day, where it has ended.
    pub ended: Option<Label>,
}

/// What FDA says about a kind of device (openFDA `device/classification`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceClass {
    /// Product code, three letters.
    pub code: Label,
    /// Name.
    pub name: Label,
    /// 1 to 3, 3 being under the strictest control; `None` where there is none.
    pub class: Option<u8>,
    /// It supports or sustains life.
    pub life_sustaining: bool,
}

/// How long a line of versions of a product is supported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportPeriod {
    /// Maker; empty where the source does not say.
    pub vendor: Label,
    /// Names of the product, the best first.
    pub products: Vec<Label>,
    /// Line of versions, such as `22.04`; empty is all of them.
    pub cycle: Label,
    /// Last day of general support, as 2025-10-14.
    pub ends: Option<Label>,
    /// Last day of security corrections.
    pub security_ends: Option<Label>,
    /// The newest version of the line.
    pub latest: Option<Label>,
    /// When that came out.
    pub latest_released: Option<Label>,
    /// Who says so.
    pub source: Label,
}

/// A question that a hospital asks about each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LifecycleQuestion {
    /// When does support end?
    SupportEnd,
    /// Are security updates promised?
    SecurityUpdates,
    /// How late are updates here?
    UpdateLateness,
    /// Is it recalled?
    Recalls,
    /// Is it known what it is made of?
    BillOfMaterials,
}

/// How the answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LifecycleState {
    /// As it should be.
    Good,
    /// Somebody should do something.
    Bad,
    /// A person must look.
    Doubtful,
    /// Nobody said.
    Unknown,
}

/// An answer to such a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LifecycleAnswer {
    /// Which question.
    pub question: LifecycleQuestion,
    /// How it stands.
    pub state: LifecycleState,
    /// The answer, in one or two sentences.
    pub answer: String,
    /// Who says so; empty where nobody does.
    pub sources: Vec<Label>,
}

/// A recall that names a device here, or may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRecall {
    /// Number.
    pub number: Label,
    /// 1 is the most dangerous class, 3 the least.
    pub class: Option<u8>,
    /// Who recalls.
    pub firm: Label,
    /// Why.
    pub reason: Label,
    /// First day.
    pub begun: Label,
    /// Last day, where it has ended.
    pub ended: Option<Label>,
    /// How it was matched, and why.
    #[serde(rename = "match")]
    pub matched: Match,
}

/// What a maker disclosed about one property of a device (MDS2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisclosedProperty {
    /// Which property, such as `anti-malware`.
    pub property: Label,
    /// Identifier of the question.
    pub question: Label,
    /// The answer.
    pub said: Disclosed,
    /// Words beside it.
    pub note: Option<Label>,
}

/// What is known of a device's life: field `lifecycle` of the record `device`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lifecycle {
    /// Which device.
    pub device: DeviceId,
    /// The day of which it speaks, as 2026-01-31.
    pub day: Label,
    /// One answer to each question, in the order of [`LifecycleQuestion`].
    pub answers: Vec<LifecycleAnswer>,
    /// Last day of support, of whatever ends first: the product or its operating system.
    pub support_end: Option<Label>,
    /// Days since a correction for it was first offered that is not installed, or since a newer version came out.
    pub late_days: Option<u32>,
    /// Recalls that name it or may, the surest and most dangerous first.
    pub recalls: Vec<DeviceRecall>,
    /// What FDA says about its kind; several where the kind is not told more closely.
    pub classes: Vec<DeviceClass>,
    /// What its maker disclosed.
    pub disclosed: Vec<DisclosedProperty>,
}
