//! `/events`: server-sent events, so that an open page knows when to read again.
//!
//! `device`, `finding`, `exposure` name a record that was stored; `overview` says that counts changed;
//! `sensor` that its state changed; `missed` that events were lost and everything must be read again. A
//! browser that comes back with `Last-Event-ID` is told what it missed, if that is still at hand.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;

use crate::Shared;
use crate::live::{Listener, Told};
use crate::problem::Problem;

/// A comment is sent after this long without an event, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn events(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seat = shared
        .listeners
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::busy("Too many pages listen for events at the same time."))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let listener = shared.live.listen(last);
    let stopping = shared.stopping.clone();
    let stream = unfold((listener, stopping, seat), |(mut listener, mut stopping, seat)| async move {
        let told = tokio::select! {
            told = next(&mut listener) => told,
            // An error says that the server is gone.
            _ = stopping.wait_for(|stop| *stop) => None,
        }?;
        Some((Ok(told), (listener, stopping, seat)))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

async fn next(listener: &mut Listener) -> Option<Event> {
    let event = match listener.next().await? {
        Told::Missed(id) => Event::default().id(id).event("missed").data("{}"),
        Told::Event(id, event) => {
            let data = Event::default().id(id).event(event.name()).json_data(&event);
            // Identifiers, enums and numbers always have a JSON form.
            data.unwrap_or_else(|_| Event::default().event("missed").data("{}"))
        }
    };
    Some(event)
}
