//! `/flows`: conversations, the newest first.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use wardline_model::{DeviceId, FlowRecord, Timestamp};
use wardline_store::{FlowQuery, Page};

use super::parameters::{Parameters, page_limit, time};
use super::read;
use crate::Shared;
use crate::problem::Problem;

/// Which conversations.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
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
) -> Result<Json<Page<FlowRecord>>, Problem> {
    let query = FlowQuery {
        device: asked.device,
        since: asked.since,
        until: asked.until,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    read(&shared, move |store| store.flows(&query)).await.map(Json)
}
