//! `/vulnerabilities`: the patch queue with what was decided, and the quiet hours of a device.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use wardline_assess::{plan, windows};
use wardline_model::{DeviceId, PatchWindow, PlanEvent, Priority, Timestamp, Vulnerability};
use wardline_store::{EdgeQuery, Page, Store, StoreError, VulnerabilityQuery};

use super::parameters::{Identifier, Parameters, page_limit};
use super::read;
use crate::Shared;
use crate::bedside::wall_clock;
use crate::problem::Problem;

/// Which vulnerabilities; `priority` is the least one.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    text: Option<String>,
    priority: Option<Priority>,
    device: Option<DeviceId>,
    offset: u64,
    limit: Option<u64>,
}

pub(super) async fn list(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<Vulnerability>>, Problem> {
    let query = VulnerabilityQuery {
        text: asked.text.filter(|text| !text.trim().is_empty()),
        priority_min: asked.priority,
        device: asked.device,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    let today: String = wall_clock().to_string().chars().take(10).collect();
    let page = read(&shared, move |store| {
        let mut page = store.vulnerabilities(&query)?;
        let decided = decisions(store, query.device.as_ref())?;
        for vulnerability in &mut page.items {
            let subject = (vulnerability.device.clone(), vulnerability.cve.to_string());
            vulnerability.plan = decided.get(&subject).map(|events| plan(vulnerability, events, &today));
        }
        Ok(page)
    });
    Ok(Json(page.await?))
}

/// Decisions by device and vulnerability.
fn decisions(
    store: &dyn Store,
    device: Option<&DeviceId>,
) -> Result<BTreeMap<(DeviceId, String), Vec<PlanEvent>>, StoreError> {
    let mut decided: BTreeMap<_, Vec<PlanEvent>> = BTreeMap::new();
    for event in store.plan_events(device)? {
        decided.entry((event.device.clone(), event.cve.to_string())).or_default().push(event);
    }
    Ok(decided)
}

/// How far back conversations tell when a device has time.
const HEARD_NANOSECONDS: i64 = 28 * 86_400_000_000_000;
/// Sums of conversations that are looked at.
const EDGES_MAX: u64 = 50_000;

#[derive(Serialize)]
pub(super) struct Windows {
    /// `null` where the device was watched for less than a week.
    windows: Option<Vec<PatchWindow>>,
}

pub(super) async fn quiet_hours(
    State(shared): State<Shared>,
    Identifier(id): Identifier,
) -> Result<Json<Windows>, Problem> {
    let asked = DeviceId::from(id.as_str());
    let found = read(&shared, move |store| {
        let Some(device) = store.device(&asked)? else { return Ok(None) };
        let heard =
            Timestamp::from_nanoseconds(device.last_seen.nanoseconds().saturating_sub(HEARD_NANOSECONDS));
        let since = device.first_seen.max(heard);
        let query =
            EdgeQuery { device: Some(asked), since: Some(since), limit: EDGES_MAX, ..EdgeQuery::default() };
        Ok(Some(Windows { windows: windows(&store.edges(&query)?.items, since, device.last_seen) }))
    });
    let found = found.await?;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("No device is known as {id}.")))
}
