//! HTTP/1 (RFC 9112), FHIR included: methods and paths.
//!
//! The head of a request passes as it comes, and its last byte only when the request is allowed: a server does nothing
//! with a head that is not whole.

use std::sync::Arc;

use bytes::Bytes;
use wardline_model::{Label, Protocol};
use wardline_wire::Direction;
use wardline_wire::clinical::executable::begins_like_a_program;
use wardline_wire::enterprise::http::{Event, Session, State};

use super::guard::general;
use super::{Guard, List, Refused};
use crate::report::Notice;

const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 23\r\nConnection: close\r\n\r\nrefused by the shield.\n";

/// A connection.
#[derive(Debug)]
pub struct Http {
    guard: Arc<Guard>,
    session: Session,
    /// The beginnings of the bodies under way.
    bodies: [Vec<u8>; 2],
}

impl Http {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        Self { guard, session: Session::default(), bodies: Default::default() }
    }

    pub(super) fn pass(&mut self, direction: Direction, bytes: Bytes) -> Result<Bytes, Box<Refused>> {
        let Self { guard, session, bodies } = self;
        let Some(body) = bodies.get_mut(direction.index()) else { return Ok(bytes) };
        let mut refusal = None;
        let state = session.feed(direction, &bytes, |event| {
            let found = match event {
                Event::Request(request) => forbidden(guard, request.method, request.target),
                Event::Response(_) => None,
                Event::Body(piece) => {
                    body.extend_from_slice(piece);
                    program(body)
                }
                Event::BodyEnd | Event::BodyRest(_) | Event::BodyWhole => {
                    *body = Vec::new();
                    None
                }
            };
            if refusal.is_none() {
                refusal = found;
            }
        });
        if refusal.is_none() {
            refusal = match state {
                State::Open => None,
                State::Switched => {
                    Some((Notice::Forbidden, "upgrade", "a change to another protocol".to_owned()))
                }
                State::Lost => Some((Notice::NotTheProtocol, "head", "not a message of HTTP/1".to_owned())),
            };
        }
        let Some((notice, field, value)) = refusal else { return Ok(bytes) };
        // A client is answered; a server is not.
        let answer =
            if direction == Direction::Forward { Bytes::from_static(FORBIDDEN) } else { Bytes::new() };
        Err(Box::new(Refused {
            notice,
            protocol: Protocol::Http,
            field,
            value,
            answer,
            farewell: Bytes::new(),
        }))
    }
}

fn forbidden(guard: &Guard, method: &str, target: &str) -> Option<(Notice, &'static str, String)> {
    // A target of absolute form (RFC 9112 section 3.2.2) is for a proxy; the path is what is listed.
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let method = Label::from_bytes(method.as_bytes());
    let shown = format!("{method} {}", general(path, "*"));
    // Encoded slashes and dots mean to one server what they do not to another.
    let climbs = path.split('/').any(|part| part == "..") || path.contains('%') && has_hidden_separator(path);
    if climbs {
        return Some((Notice::Forbidden, "target", "a path that leads elsewhere than it says".to_owned()));
    }
    (!guard.allows(List::Request, &format!("{method} {path}"), &shown)).then_some((
        Notice::Forbidden,
        "target",
        shown,
    ))
}

fn has_hidden_separator(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%00"].iter().any(|hidden| path.contains(hidden))
}

/// A DICOM file in the body, alone or as a part of several (DICOMweb, PS3.18), with a program in its preamble.
fn program(body: &[u8]) -> Option<(Notice, &'static str, String)> {
    body.windows(4).enumerate().filter(|(_, four)| *four == b"DICM").find_map(|(at, _)| {
        let preamble = body.get(at.checked_sub(128)?..at)?;
        begins_like_a_program(preamble)
            .then(|| (Notice::Program, "body", "a DICOM file that begins like a program".to_owned()))
    })
}
