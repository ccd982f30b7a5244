//! `/api/v1`: the records of the contract, and what is enforced. Only the latter can be changed.

mod devices;
mod enforcement;
mod events;
mod exposures;
mod findings;
mod flows;
mod health;
mod map;
mod overview;
mod parameters;
mod segmentation;
mod session;
mod training;
mod vulnerabilities;

pub(crate) use parameters::{Identifier, Parameters};
pub(crate) use segmentation::Proposed;

use axum::Router;
use axum::http::Uri;
use axum::routing::{get, post};
use wardline_store::{Store, StoreError};

use crate::Shared;
use crate::problem::Problem;

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/health", get(health::health))
        .route("/overview", get(overview::overview))
        .route("/devices", get(devices::list))
        .route("/devices/{id}", get(devices::one))
        .route("/devices/{id}/windows", get(vulnerabilities::quiet_hours))
        .route("/findings", get(findings::list))
        .route("/findings/{id}", get(findings::one))
        .route("/exposures", get(exposures::list))
        .route("/vulnerabilities", get(vulnerabilities::list))
        .route("/training/{id}", get(training::list))
        .route("/flows", get(flows::list))
        .route("/map", get(map::map))
        .route("/segmentation", get(segmentation::zones))
        .route("/segmentation/policy", get(segmentation::policy))
        .route("/segmentation/simulation", get(segmentation::simulation))
        .route("/enforcement", get(enforcement::status))
        .route("/enforcement/apply", post(enforcement::apply))
        .route("/enforcement/confirm", post(enforcement::confirm))
        .route("/enforcement/rollback", post(enforcement::rollback))
        .route("/events", get(events::events))
        .route("/session", get(session::who).post(session::sign_in).delete(session::sign_out))
        .fallback(nothing)
}

async fn nothing(uri: Uri) -> Problem {
    Problem::not_found(format!("The API has nothing at {}.", uri.path()))
}

/// Asks the store on a thread that may block, with a limit on how many do so at once.
pub(crate) async fn read<T: Send + 'static>(
    shared: &Shared,
    question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let stopped = || Problem::busy("The console is stopping.");
    let permit = shared.reads.clone().acquire_owned().await.map_err(|_| stopped())?;
    let store = shared.store.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        question(store.as_ref())
    });
    answer.await.map_err(|_| stopped())?.map_err(|error| Problem::store(&error))
}
