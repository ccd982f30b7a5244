//! `/flows`: conversations, the newest first.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use wardline_model::{DeviceId, Timestamp};
use wardline_store::{FlowQuery, Page};

use super::parameters::{Parameters, page_limit, time};
use super::read;
use crate::Shared;
use crate::problem::Problem;
use crate::rows::FlowRow;

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
) -> Result<Json<Page<FlowRow>>, Problem> {
    let query = FlowQuery {
        device: asked.device,
        since: asked.since,
        until: asked.until,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    let page = read(&shared, move |store| {
        let page = store.flows(&query)?;
        Ok(Page { items: FlowRow::page(page.items, store)?, total: page.total, next: page.next })
    });
    page.await.map(Json)
}
