//! `/enforcement`: what is in force, and putting it there: applied for a time, confirmed or undone by people.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use wardline_model::{ControlAnswer, ControlRequest, EnforcementStatus};

use super::segmentation::proposal;
use crate::Shared;
use crate::people::Visitor;
use crate::problem::Problem;

/// Seconds that restrictions outlive the keeper.
const LEASE_S: u64 = 30;
/// Seconds in which a change has to be confirmed.
const CONFIRM_WITHIN_S: u64 = 120;

/// What is in force, as far as somebody can say.
#[derive(Serialize)]
pub(super) struct Told {
    /// Whether an enforcer answers.
    reachable: bool,
    #[serde(flatten)]
    status: EnforcementStatus,
}

/// What shall be applied: the proposal that somebody looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    digest: String,
    /// Seconds to confirm; 120 where it is left out.
    #[serde(default)]
    confirm_within_s: Option<u64>,
}

pub(super) async fn status(State(shared): State<Shared>) -> Result<Json<Told>, Problem> {
    match ask(&shared, ControlRequest::Status).await {
        Ok(told) => Ok(told),
        Err(problem) if problem.is_unreachable() => {
            Ok(Json(Told { reachable: false, status: EnforcementStatus::default() }))
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn apply(
    State(shared): State<Shared>,
    visitor: Option<Extension<Visitor>>,
    asked: Result<Json<Apply>, JsonRejection>,
) -> Result<Json<Told>, Problem> {
    let by = who(visitor)?;
    let Json(asked) =
        asked.map_err(|_| Problem::parameter("JSON with the `digest` of a proposal is expected."))?;
    let proposed = proposal(&shared, None).await?;
    if proposed.digest != asked.digest {
        return Err(Problem::conflict(
            "More was learned since, and the proposal is another. Look at it again.",
        ));
    }
    let blocked = proposed.clinical_blocked;
    if blocked > 0 {
        return Err(Problem::conflict(format!(
            "{blocked} stored conversations between clinical devices would be blocked."
        )));
    }
    let request = ControlRequest::Apply {
        policy: Box::new(proposed.policy.clone()),
        confirm_within_s: asked.confirm_within_s.unwrap_or(CONFIRM_WITHIN_S),
        lease_s: LEASE_S,
        by,
    };
    ask(&shared, request).await
}

pub(super) async fn confirm(
    State(shared): State<Shared>,
    visitor: Option<Extension<Visitor>>,
) -> Result<Json<Told>, Problem> {
    ask(&shared, ControlRequest::Confirm { by: who(visitor)? }).await
}

pub(super) async fn rollback(
    State(shared): State<Shared>,
    visitor: Option<Extension<Visitor>>,
) -> Result<Json<Told>, Problem> {
    ask(&shared, ControlRequest::Rollback { by: who(visitor)? }).await
}

/// Who acts is written down: without accounts nobody can.
fn who(visitor: Option<Extension<Visitor>>) -> Result<String, Problem> {
    let nobody = || {
        Problem::forbidden("Who changes what is enforced must be signed in; this console has no accounts.")
    };
    visitor.map(|Extension(visitor)| visitor.name).ok_or_else(nobody)
}

async fn ask(shared: &Shared, request: ControlRequest) -> Result<Json<Told>, Problem> {
    let socket = shared.enforcer.clone().ok_or_else(Problem::no_enforcer)?;
    let answered = tokio::task::spawn_blocking(move || socket.ask(&request)).await;
    let answer = answered.map_err(|_| Problem::busy("The console is stopping."))?.map_err(|error| {
        tracing::warn!(%error, "the enforcer does not answer");
        Problem::no_enforcer()
    })?;
    match answer {
        ControlAnswer::Status(status) => Ok(Json(Told { reachable: true, status })),
        ControlAnswer::Refused { reason } => {
            Err(Problem::conflict(format!("The enforcer refuses: {reason}")))
        }
    }
}
