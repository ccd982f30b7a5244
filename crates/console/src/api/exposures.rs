//! `/exposures`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use wardline_model::{DeviceId, ExposureKind, Severity};
use wardline_store::{ExposureQuery, Page};

use super::parameters::{Parameters, page_limit};
use super::read;
use crate::Shared;
use crate::problem::Problem;
use crate::rows::ExposureRow;

/// Which exposures; `severity` is the least one.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    kind: Option<ExposureKind>,
    severity: Option<Severity>,
    device: Option<DeviceId>,
    offset: u64,
    limit: Option<u64>,
}

pub(super) async fn list(
    State(shared): State<Shared>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<ExposureRow>>, Problem> {
    let query = ExposureQuery {
        kind: asked.kind,
        severity_min: asked.severity,
        device: asked.device,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    let page = read(&shared, move |store| store.exposures(&query)).await?;
    let items = page.items.into_iter().map(ExposureRow::from).collect();
    Ok(Json(Page { items, total: page.total, next: page.next }))
}
