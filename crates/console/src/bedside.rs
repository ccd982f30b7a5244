//! `/bedside/{id}`: the card of a device, as a page that needs no script.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use wardline_exports::bedside::{Card, Deck, Language, STYLE};
use wardline_model::{DeviceId, Timestamp};
use wardline_store::FindingQuery;

use crate::api::{Identifier, Parameters, read};
use crate::problem::Problem;
use crate::{SensorState, Shared};

/// Where the style of cards is found: the pages may hold no inline style.
pub(crate) const STYLE_ADDRESS: &str = "/bedside/style.css";

/// In which language.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    language: Language,
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

pub(crate) async fn card(
    State(shared): State<Shared>,
    Identifier(id): Identifier,
    Parameters(asked): Parameters<Asked>,
) -> Result<Html<String>, Problem> {
    let wanted = DeviceId::from(id.as_str());
    // What was replayed or simulated is judged by its own time; everything else by the clock, so that a sensor that
    // died makes every device unknown.
    let past = matches!(shared.live.sensor().state, SensorState::Replay | SensorState::Simulation);
    let question = move |store: &dyn wardline_store::Store| {
        let newest = if past { store.overview()?.newest } else { None };
        let findings =
            store.findings(&FindingQuery { device: Some(wanted.clone()), ..FindingQuery::default() })?.items;
        Ok((store.device(&wanted)?, findings, newest))
    };
    let (device, findings, newest) = read(&shared, question).await?;
    let device = device.ok_or_else(|| Problem::not_found(format!("No device has the identifier {id}.")))?;
    let deck = Deck::shipped(asked.language).map_err(|error| Problem::words(&error))?;
    let mut card = Card::new(&deck, &device, &findings, newest.unwrap_or_else(wall_clock), None);
    card.style_address = Some(STYLE_ADDRESS.to_owned());
    let mut page = Vec::new();
    card.write_html(&mut page).map_err(|error| Problem::words(&error))?;
    Ok(Html(String::from_utf8_lossy(&page).into_owned()))
}

pub(crate) fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}
