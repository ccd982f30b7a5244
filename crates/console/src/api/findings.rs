//! `/findings` and `/findings/{id}`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use wardline_model::{Attack, DeviceId, Finding, Severity, Timestamp};
use wardline_store::{FindingQuery, Page};

use super::parameters::{Identifier, Parameters, page_limit, time};
use super::read;
use crate::Shared;
use crate::problem::Problem;
use crate::rows::FindingRow;

/// Which findings; `severity` is the least one.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    severity: Option<Severity>,
    attack: Option<Attack>,
    device: Option<DeviceId>,
    #[serde(deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    until: Option<Timestamp>,
    offset: u64,
    limit: Option<u64>,
}

pub(super) async fn list(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<FindingRow>>, Problem> {
    let query = FindingQuery {
        severity_min: asked.severity,
        attack: asked.attack,
        device: asked.device,
        since: asked.since,
        until: asked.until,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    let page = read(&shared, move |store| store.findings(&query)).await?;
    let items = page.items.into_iter().map(FindingRow::from).collect();
    Ok(Json(Page { items, total: page.total, next: page.next }))
}

pub(super) async fn one(
    State(shared): State<Shared>,
    Identifier(id): Identifier,
) -> Result<Json<Finding>, Problem> {
    let wanted = id.clone();
    let found = read(&shared, move |store| store.finding(&wanted)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("No finding has the identifier {id}.")))
}
