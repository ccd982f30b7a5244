//! Records as lists show them: whole but for their evidence, which is counted.

use std::collections::HashMap;

use serde::Serialize;
use wardline_model::{Device, DeviceId, Exposure, Finding, FlowRecord, Label, Severity};
use wardline_store::{ExposureQuery, FindingQuery, Store, StoreError};

/// Findings of one device that are looked at for the worst of them.
const FINDINGS_PER_DEVICE: u64 = 50;

/// A device in a list.
#[derive(Serialize)]
pub(crate) struct DeviceRow {
    #[serde(flatten)]
    device: Device,
    /// What people would call it.
    name: Label,
    /// How many claims support what is said.
    evidence_count: usize,
    /// Findings in which it suffers or acts.
    findings: u64,
    /// The worst of them.
    worst: Option<Severity>,
    /// Exposures at its end of a conversation.
    exposures: u64,
}

impl DeviceRow {
    pub(crate) fn new(mut device: Device, store: &dyn Store) -> Result<Self, StoreError> {
        let (findings, worst) = findings_of(&device.id, store)?;
        let exposures = store
            .exposures(&ExposureQuery { device: Some(device.id.clone()), limit: 1, ..Default::default() })?
            .total;
        let evidence_count = std::mem::take(&mut device.evidence).len();
        Ok(Self { name: device.display_name(), evidence_count, findings, worst, exposures, device })
    }
}

/// How many findings name a device, and the worst of the newest.
pub(crate) fn findings_of(id: &DeviceId, store: &dyn Store) -> Result<(u64, Option<Severity>), StoreError> {
    let query = FindingQuery { device: Some(id.clone()), limit: FINDINGS_PER_DEVICE, ..Default::default() };
    let page = store.findings(&query)?;
    Ok((page.total, page.items.iter().map(|finding| finding.severity).max()))
}

/// A finding in a list.
#[derive(Serialize)]
pub(crate) struct FindingRow {
    #[serde(flatten)]
    finding: Finding,
    evidence_count: usize,
}

impl From<Finding> for FindingRow {
    fn from(mut finding: Finding) -> Self {
        let evidence_count = std::mem::take(&mut finding.evidence).len();
        Self { finding, evidence_count }
    }
}

/// An exposure in a list.
#[derive(Serialize)]
pub(crate) struct ExposureRow {
    #[serde(flatten)]
    exposure: Exposure,
    evidence_count: usize,
}

impl From<Exposure> for ExposureRow {
    fn from(mut exposure: Exposure) -> Self {
        // Exposures have no page of their own: a few items of evidence stay.
        let evidence_count = exposure.evidence.len();
        exposure.evidence.truncate(5);
        Self { exposure, evidence_count }
    }
}

/// A conversation in a list, with the names of its ends.
#[derive(Serialize)]
pub(crate) struct FlowRow {
    #[serde(flatten)]
    flow: FlowRecord,
    src_name: Option<Label>,
    dst_name: Option<Label>,
}

impl FlowRow {
    /// Rows of one page; each device is looked up once.
    pub(crate) fn page(flows: Vec<FlowRecord>, store: &dyn Store) -> Result<Vec<Self>, StoreError> {
        let mut names: HashMap<DeviceId, Option<Label>> = HashMap::new();
        let mut name = |id: Option<&DeviceId>| -> Result<Option<Label>, StoreError> {
            let Some(id) = id else { return Ok(None) };
            if let Some(known) = names.get(id) {
                return Ok(known.clone());
            }
            let found = store.device(id)?.map(|device| device.display_name());
            names.insert(id.clone(), found.clone());
            Ok(found)
        };
        let rows = flows.into_iter().map(|flow| {
            let src_name = name(flow.src_device.as_ref())?;
            let dst_name = name(flow.dst_device.as_ref())?;
            Ok(Self { flow, src_name, dst_name })
        });
        rows.collect()
    }
}
