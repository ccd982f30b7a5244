//! `/overview`: what needs attention first, and what is there.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use wardline_model::{Finding, Severity};
use wardline_store::{FindingQuery, Overview, Store, StoreError};

use super::read;
use crate::problem::Problem;
use crate::rows::FindingRow;
use crate::{SensorStatus, Shared};

/// Findings on the first page.
const ATTENTION: usize = 6;

#[derive(Serialize)]
pub(super) struct Body {
    version: &'static str,
    /// Where packets come from now.
    sensor: SensorStatus,
    #[serde(flatten)]
    counts: Overview,
    /// All devices.
    device_total: u64,
    /// Medical devices and the systems that clinical work runs on.
    device_medical: u64,
    /// Findings, the most severe first, of these the newest first.
    attention: Vec<FindingRow>,
}

pub(super) async fn overview(State(shared): State<Shared>) -> Result<Json<Body>, Problem> {
    let answers = read(&shared, |store| Ok((store.overview()?, attention(store)?))).await?;
    let (counts, attention) = answers;
    let device_total = counts.devices.values().sum();
    let medical = counts.devices.iter().filter(|(category, _)| category.is_medical());
    let device_medical = medical.map(|(_, count)| count).sum();
    Ok(Json(Body {
        version: env!("CARGO_PKG_VERSION"),
        sensor: shared.live.sensor(),
        counts,
        device_total,
        device_medical,
        attention: attention.into_iter().map(FindingRow::from).collect(),
    }))
}

/// The findings to look at first. The store orders by time, so each severity is asked for in turn.
fn attention(store: &dyn Store) -> Result<Vec<Finding>, StoreError> {
    let mut first: Vec<Finding> = Vec::new();
    for severity in Severity::ALL.iter().rev() {
        // Those of greater severity come again, so the page must have room for them beside the new ones.
        let query =
            FindingQuery { severity_min: Some(*severity), limit: 2 * ATTENTION as u64, ..Default::default() };
        let page = store.findings(&query)?.items.into_iter();
        first.extend(page.filter(|finding| finding.severity == *severity));
        if first.len() >= ATTENTION {
            break;
        }
    }
    first.truncate(ATTENTION);
    Ok(first)
}
