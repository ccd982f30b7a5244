//! `/session`: who is signed in, signing in, and signing out.

use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use wardline_model::Label;

use crate::people::{Role, SignIn, Visitor};
use crate::problem::Problem;
use crate::{Peer, Shared};

/// Who is signed in.
#[derive(Serialize)]
struct Told {
    /// Whether anybody has to sign in here.
    accounts: bool,
    name: Option<String>,
    role: Option<Role>,
    zone: Option<Label>,
}

impl From<Visitor> for Told {
    fn from(visitor: Visitor) -> Self {
        Self { accounts: true, name: Some(visitor.name), role: Some(visitor.role), zone: visitor.zone }
    }
}

pub(super) async fn who(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let Some(doorkeeper) = &shared.doorkeeper else {
        return Json(Told { accounts: false, name: None, role: None, zone: None }).into_response();
    };
    match doorkeeper.visitor(&headers) {
        Some(visitor) => Json(Told::from(visitor)).into_response(),
        None => Problem::nobody().into_response(),
    }
}

pub(super) async fn sign_in(
    State(shared): State<Shared>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    asked: Result<Json<SignIn>, JsonRejection>,
) -> Result<Response, Problem> {
    let doorkeeper = shared.doorkeeper.as_ref().ok_or_else(Problem::method)?;
    let Json(asked) = asked.map_err(|_| {
        Problem::parameter(
            "JSON with `name`, `password` and, where there is a second factor, `code` is expected.",
        )
    })?;
    let from = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    let (visitor, cookie) = doorkeeper.sign_in(from, asked).await.map_err(Problem::refused)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(Told::from(visitor))).into_response())
}

pub(super) async fn sign_out(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let doorkeeper = shared.doorkeeper.as_ref().ok_or_else(Problem::method)?;
    let cookie = doorkeeper.sign_out(&headers);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
