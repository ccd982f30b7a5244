//! Indicators that came late, looked for in what is stored.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use anyhow::Result;
use indicatif::ProgressBar;
use wardline_assess::RetroHunt;
use wardline_model::{Attack, Finding};
use wardline_store::{Batch, DeviceQuery, FindingQuery};

use super::gather;
use crate::cli::HuntOptions;
use crate::{complain, site_file};

/// What a hunt came to.
pub(super) struct Hunted {
    /// Conversations looked at.
    pub conversations: u64,
    /// Findings that are new, and stored.
    pub findings: Vec<Finding>,
    /// Hits that were told before.
    pub known: usize,
}

/// Looks for everything that is kept. `None` where nothing is stored yet.
pub(super) fn hunt(state: &Path, options: &HuntOptions, bar: Option<&ProgressBar>) -> Result<Option<Hunted>> {
    if !crate::place::holds_state(state) {
        return Ok(None);
    }
    let intelligence = gather(state, &[])?;
    if intelligence.indicators.is_empty() {
        complain("no indicator is kept; add some: wardline intel import FILE");
    }
    let store = crate::place::store(state)?;
    let devices = store.devices(&DeviceQuery::default())?.items;
    let site = site_file::read(options.site.as_deref())?;
    let mut hunt = RetroHunt::new(site, &devices, intelligence.indicators, &intelligence.warning_lists);
    store.visit_flows(&mut |flow| {
        hunt.see(&flow);
        if let Some(bar) = bar.filter(|_| hunt.seen().is_multiple_of(10_000)) {
            bar.set_message(format!("{} conversations", hunt.seen()));
        }
    })?;
    let conversations = hunt.seen();
    let told: BTreeSet<_> = store
        .findings(&FindingQuery { attack: Some(Attack::ThreatIntel), ..FindingQuery::default() })?
        .items
        .iter()
        .flat_map(hits)
        .collect();
    let (findings, known): (Vec<_>, Vec<_>) =
        hunt.finish().into_iter().partition(|finding| hits(finding).iter().any(|hit| !told.contains(hit)));
    if !findings.is_empty() {
        store.append(&Batch { findings: findings.clone(), ..Batch::default() })?;
    }
    Ok(Some(Hunted { conversations, findings, known: known.len() }))
}

/// Who met which indicator.
fn hits(finding: &Finding) -> Vec<(Option<IpAddr>, String)> {
    let device = finding.device.as_ref().and_then(|device| device.ip);
    let indicators = finding.evidence.iter().filter(|seen| seen.field.as_str() == "indicator");
    indicators.map(|seen| (device, seen.value.to_string())).collect()
}
