//! `/health`: whether the console can answer, and how far the store has come.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::read;
use crate::problem::Problem;
use crate::{SensorStatus, Shared};

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: &'static str,
    sequence: u64,
    sensor: SensorStatus,
}

pub(super) async fn health(State(shared): State<Shared>) -> Result<Json<Health>, Problem> {
    let overview = read(&shared, |store| store.overview()).await?;
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        sequence: overview.sequence,
        sensor: shared.live.sensor(),
    }))
}
