//! `/devices` and `/devices/{id}`.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use wardline_model::{Category, Criticality, Device, DeviceId, Label, Lifecycle};
use wardline_store::{DeviceQuery, DeviceSort, Page};

use super::parameters::{Identifier, Parameters, page_limit};
use super::read;
use crate::Shared;
use crate::people::{Role, Visitor};
use crate::problem::Problem;
use crate::rows::DeviceRow;

/// Which devices. `zone=` (empty) asks for those whose zone is not known.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    text: Option<String>,
    category: Option<Category>,
    zone: Option<String>,
    criticality: Option<Criticality>,
    sort: DeviceSort,
    descending: bool,
    offset: u64,
    limit: Option<u64>,
}

pub(super) async fn list(
    State(shared): State<Shared>,
    visitor: Option<Extension<Visitor>>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Page<DeviceRow>>, Problem> {
    // Whoever sees one zone sees no other, whatever is asked for.
    let own = visitor.and_then(|Extension(visitor)| visitor.zone);
    let query = DeviceQuery {
        text: asked.text.filter(|text| !text.trim().is_empty()),
        category: asked.category,
        zone: own.map(|zone| zone.to_string()).or(asked.zone),
        criticality: asked.criticality,
        sort: asked.sort,
        descending: asked.descending,
        offset: asked.offset,
        limit: page_limit(asked.limit)?,
    };
    let page = read(&shared, move |store| {
        let page = store.devices(&query)?;
        let rows = page.items.into_iter().map(|device| DeviceRow::new(device, store));
        Ok(Page { items: rows.collect::<Result<_, _>>()?, total: page.total, next: page.next })
    });
    page.await.map(Json)
}

/// A device with the name that people would call it.
#[derive(serde::Serialize)]
pub(super) struct Named {
    #[serde(flatten)]
    device: Device,
    name: Label,
    /// What is known of its life; absent where it was not computed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
}

pub(super) async fn one(
    State(shared): State<Shared>,
    visitor: Option<Extension<Visitor>>,
    Identifier(id): Identifier,
) -> Result<Json<Named>, Problem> {
    let wanted = DeviceId::from(id.as_str());
    let found = read(&shared, move |store| {
        let Some(device) = store.device(&wanted)? else { return Ok(None) };
        Ok(Some((store.lifecycle(&wanted)?, device)))
    });
    let found = found.await?;
    // What is late and recalled is for those who see vulnerabilities.
    let of_ward = visitor.as_ref().is_some_and(|Extension(visitor)| visitor.role == Role::Ward);
    let own = visitor.and_then(|Extension(visitor)| visitor.zone);
    // A device of another zone is as if there were none: not even that it exists is told.
    let found = found.filter(|(_, device)| own.is_none() || device.zone == own);
    let (lifecycle, device) =
        found.ok_or_else(|| Problem::not_found(format!("No device has the identifier {id}.")))?;
    let lifecycle = lifecycle.filter(|_| !of_ward && own.is_none());
    Ok(Json(Named { name: device.display_name(), device, lifecycle }))
}
