//! Health and counters, for Prometheus and for a watchdog: HTTP on loopback.
//!
//! `/metrics` is the text format of Prometheus 0.0.4. `/ready` answers 200 while the link is up and 503 while it is not; a
//! process that hangs answers neither.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::ShieldError;
use crate::end::{End, listen};

/// Questions at once, longest question, and how long one may take.
const CONNECTIONS_MAX: usize = 8;
const REQUEST_BYTES_MAX: usize = 4 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers until the end stops, where the settings say an address.
pub(crate) fn serve(end: &Arc<End>) -> Result<(), ShieldError> {
    let Some(address) = &end.settings.health else { return Ok(()) };
    let listener = listen(*address.get_ref())?;
    let end = Arc::clone(end);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::spawn(async move {
        let mut stop = end.stop.clone();
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let Ok((connection, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let end = Arc::clone(&end);
            tokio::spawn(async move {
                let _place = place;
                // Whoever asks too slowly gets no answer.
                let _ = tokio::time::timeout(REQUEST_TIMEOUT, answer(connection, &end)).await;
            });
        }
    });
    Ok(())
}

async fn answer(mut connection: TcpStream, end: &End) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        if head.len() >= REQUEST_BYTES_MAX || connection.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let path = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        b"/metrics" => {
            let mut text = String::new();
            end.counters.write(&mut text);
            ("200 OK", text)
        }
        b"/ready" if end.counters.links_up.load(Ordering::Relaxed) > 0 => ("200 OK", "ready\n".to_owned()),
        b"/ready" => ("503 Service Unavailable", "no link\n".to_owned()),
        _ => ("404 Not Found", "ask for /metrics or /ready\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    connection.shutdown().await
}
