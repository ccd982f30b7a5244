//! What stands before every request: who may be asked for, and what a browser may do with the answer.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Shared;
use crate::people::permissions;
use crate::problem::Problem;

/// Sent with every answer. No inline script or style, nothing from elsewhere, no frame around the console.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types svelte-trusted-html",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// How the console is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    /// Whoever asks has to sign in.
    pub accounts: bool,
    /// Over TLS.
    pub encrypted: bool,
}

/// Where people sign in and out.
const SESSION: &str = "/api/v1/session";

/// Whether a request changes something, at an address where that can be.
fn changes(request: &Request) -> bool {
    let path = request.uri().path();
    match *request.method() {
        Method::DELETE => path == SESSION,
        Method::POST => {
            path == SESSION
                || path.strip_prefix("/api/v1").is_some_and(|path| permissions::CHANGES.contains(&path))
        }
        _ => false,
    }
}

/// Refuses what the console does not answer, and sets the headers of every answer.
pub(crate) async fn protect(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    let changes = guard.accounts && changes(&request);
    // With accounts the name does not matter: whoever points another name here has no cookie for it.
    let mut response = if !guard.accounts && !names_loopback(&request) {
        Problem::host().into_response()
    } else if !asks && !changes {
        Problem::method().into_response()
    } else if changes && !comes_from_here(request.headers()) {
        Problem::forbidden("The request comes from another site.").into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if guard.encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Records are not to stay in a browser's cache; assets whose name holds their digest set their own.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets through whoever may ask, and says to whom they are told who asks.
pub(crate) async fn admit(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let Some(doorkeeper) = &shared.doorkeeper else { return next.run(request).await };
    let path = match request.uri().path().strip_prefix("/api/v1") {
        // Pages hold no records, and bedside cards are for everybody at the bed.
        None => return next.run(request).await,
        Some("/session") => return next.run(request).await,
        Some(path) => path,
    };
    let Some(visitor) = doorkeeper.visitor(request.headers()) else {
        return Problem::nobody().into_response();
    };
    let Some(route) = permissions::route_of(path) else {
        return Problem::not_found(format!("The API has nothing at /api/v1{path}.")).into_response();
    };
    if !route.roles.contains(&visitor.role) || visitor.zone.is_some() && !route.by_zone {
        return Problem::forbidden(format!("This is not for the role {} of {}.", visitor.role, visitor.name))
            .into_response();
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// Whether a page of this console sent a request, as far as the browser says. A program says nothing.
fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    site.is_none_or(|site| site == "same-origin")
        && origin.is_none_or(|origin| Some(origin) == text(header::HOST))
}

/// Whether the request asks for this machine by a name that no name server can point here.
fn names_loopback(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let Some(Ok(host)) = hosts.next().map(HeaderValue::to_str) else { return false };
    // Two names leave open which one was meant.
    if hosts.next().is_some() || !is_loopback(host) {
        return false;
    }
    request.uri().authority().is_none_or(|authority| is_loopback(authority.as_str()))
}

fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, rest)) => match rest.strip_prefix(':') {
            Some(port) => (name, Some(port)),
            None => return false,
        },
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return false;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_names_are_answered() {
        for host in ["localhost", "LOCALHOST:8443", "127.0.0.1", "127.3.2.1:80", "[::1]", "[::1]:8443"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example.org:80",
            "10.0.0.1",
            "[::1",
            "[::1]x",
            "::1",
            "localhost:99999",
            "localhost:",
            "[2001:db8::1]:80",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
