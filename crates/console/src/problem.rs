//! What went wrong, for programs and people: `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wardline_store::StoreError;

use crate::people::Refusal;

/// A problem: what is wrong, why, and what to do next.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: Kind,
    detail: String,
    /// Seconds after which to ask again.
    wait_s: Option<u64>,
}

/// The kinds of problem; the name is the last part of the problem's type.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Parameter,
    NotFound,
    Method,
    Host,
    Busy,
    Store,
    SignIn,
    Wrong,
    Code,
    Forbidden,
    Wait,
    Enforcer,
    Conflict,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::NotFound => "not-found",
            Self::Method => "method",
            Self::Host => "host",
            Self::Busy => "busy",
            Self::Store => "store",
            Self::SignIn => "sign-in",
            Self::Wrong => "wrong",
            Self::Code => "code",
            Self::Forbidden => "forbidden",
            Self::Wait => "wait",
            Self::Enforcer => "enforcer",
            Self::Conflict => "conflict",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Parameter => "A parameter of the request cannot be used",
            Self::NotFound => "There is no such thing here",
            Self::Method => "The API only reads",
            Self::Host => "The request names another host",
            Self::Busy => "Too many at once",
            Self::Store => "The stored records cannot be read",
            Self::SignIn => "Nobody is signed in",
            Self::Wrong => "You are not signed in",
            Self::Code => "A code is asked for as well",
            Self::Forbidden => "This is not for you",
            Self::Wait => "Too many attempts failed",
            Self::Enforcer => "Nobody enforces here",
            Self::Conflict => "It was not done",
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::Parameter => "Correct the parameter and ask again.",
            Self::NotFound => "Go to the list it should be in; it may have been merged into another.",
            Self::Method => "Ask with GET.",
            Self::Host => "Open the console by its loopback address, such as http://127.0.0.1 with its port.",
            Self::Busy => "Close other windows of the console, or ask again in a few seconds.",
            Self::SignIn => "Sign in.",
            Self::Wrong => "Try again; an administrator can set a new password.",
            Self::Code => "Give the six digits that your second factor shows.",
            Self::Forbidden => "Ask an administrator whether your account should have another role.",
            Self::Wait => "Wait as long as it says, and try again.",
            Self::Enforcer => {
                "Start `wardline segment serve`, and the console with --enforcer and its socket; or use the command line."
            }
            Self::Conflict => "Look at what is in force and what is proposed, and decide again.",
            Self::Store => "Check the disk of the state directory; the log of the program names the file.",
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    next_step: &'a str,
}

impl Problem {
    /// A parameter that cannot be used; `detail` names it.
    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: Kind::Parameter, detail: detail.into(), wait_s: None }
    }

    /// Nothing at this address.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, kind: Kind::NotFound, detail: detail.into(), wait_s: None }
    }

    /// Another method than GET or HEAD.
    pub(crate) fn method() -> Self {
        let detail = "Only GET and HEAD are answered.".to_owned();
        Self { status: StatusCode::METHOD_NOT_ALLOWED, kind: Kind::Method, detail, wait_s: None }
    }

    /// Another host than loopback.
    pub(crate) fn host() -> Self {
        let detail =
            "Only loopback names are answered, so that no other site can read this console.".to_owned();
        Self { status: StatusCode::MISDIRECTED_REQUEST, kind: Kind::Host, detail, wait_s: None }
    }

    /// A limit was reached.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: Kind::Busy,
            detail: detail.into(),
            wait_s: Some(5),
        }
    }

    /// Whoever asks did not say who they are.
    pub(crate) fn nobody() -> Self {
        let detail = "Records are told to whoever is signed in.".to_owned();
        Self { status: StatusCode::UNAUTHORIZED, kind: Kind::SignIn, detail, wait_s: None }
    }

    /// Whoever asks may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, kind: Kind::Forbidden, detail: detail.into(), wait_s: None }
    }

    /// No enforcer answers.
    pub(crate) fn no_enforcer() -> Self {
        let detail = "No enforcer answers this console.".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, kind: Kind::Enforcer, detail, wait_s: None }
    }

    /// Whether it is that no enforcer answers.
    pub(crate) const fn is_unreachable(&self) -> bool {
        matches!(self.kind, Kind::Enforcer)
    }

    /// What is asked for does not fit what there is.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, kind: Kind::Conflict, detail: detail.into(), wait_s: None }
    }

    /// Signing in did not succeed.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let unauthorized = |kind, detail: &str| Self {
            status: StatusCode::UNAUTHORIZED,
            kind,
            detail: detail.to_owned(),
            wait_s: None,
        };
        match refusal {
            Refusal::Wrong => unauthorized(Kind::Wrong, "Name, password or code is wrong."),
            Refusal::CodeMissing => unauthorized(Kind::Code, "The account has a second factor."),
            Refusal::Busy => Self::busy("Too many sign in at once."),
            Refusal::Wait(wait) => {
                let seconds = wait.as_secs() + 1;
                Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    kind: Kind::Wait,
                    detail: format!("The next attempt is taken in {seconds} seconds."),
                    wait_s: Some(seconds),
                }
            }
        }
    }

    /// The words of a bedside card could not be used.
    pub(crate) fn words(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a bedside card could not be made");
        let detail = "The words of the bedside cards could not be read.".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, kind: Kind::Store, detail, wait_s: None }
    }

    /// The store failed. Its message is for the log; it may name paths.
    pub(crate) fn store(error: &StoreError) -> Self {
        tracing::error!(%error, "the store did not answer");
        let detail = match error {
            StoreError::Damaged { .. } => "A record changed on disk and is not shown.",
            StoreError::TooNew { .. } => "The state directory was written by a newer program.",
            _ => "The state directory could not be read.",
        };
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: Kind::Store,
            detail: detail.to_owned(),
            wait_s: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("urn:wardline:problem:{}", self.kind.name()),
            title: self.kind.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            next_step: self.kind.next_step(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.kind, Kind::Method) {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(wait_s) = self.wait_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}
