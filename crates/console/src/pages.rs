//! The pages, embedded in the program.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

/// What `npm run build` in `web/` made. Nothing where nobody has run it.
#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Assets;

/// Stands in where the pages were not built; the API works without them.
const NOT_BUILT: &str = include_str!("../assets/not-built.html");

/// The first part of every address that the pages know. Others are answered with the pages too, which then
/// say that there is nothing; only the status differs.
const PAGES: [&str; 9] =
    ["", "devices", "findings", "exposures", "patch", "training", "map", "segments", "conversations"];

/// Answers with an asset, or with the page that draws what the address names.
pub(crate) async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Assets::get(path).filter(|_| !path.is_empty()) {
        return asset(path, file);
    }
    // A name with an ending is a file, and there is no such file.
    let first = path.split('/').next().unwrap_or_default();
    let status = if PAGES.contains(&first) { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let html = Assets::get("index.html").map_or(Cow::Borrowed(NOT_BUILT.as_bytes()), |file| file.data);
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

fn asset(path: &str, file: EmbeddedFile) -> Response {
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    // The build writes a digest of the content into the name of everything under assets/.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The media type by the ending of the name; only what the build makes.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::PAGES;

    #[test]
    fn every_page_that_the_pages_know_is_answered_as_one() {
        let places = include_str!("../../../web/src/places.ts");
        let known: Vec<&str> = places.lines().filter_map(|line| line.trim().strip_prefix("case '")).collect();
        assert!(known.len() > 5, "{known:?}");
        for name in known {
            let name = name.trim_end_matches("':");
            assert!(PAGES.contains(&name), "{name} is drawn, and its address is answered as not found");
        }
    }
}
