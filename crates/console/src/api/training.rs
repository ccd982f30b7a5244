//! `/training/{role}`: what one role of staff should learn from what was seen.

use axum::Json;
use axum::extract::State;
use wardline_exports::{SeenWeaknesses, StaffRole, TrainingList};
use wardline_store::{DeviceQuery, ExposureQuery, VulnerabilityQuery};

use super::parameters::Identifier;
use super::read;
use crate::Shared;
use crate::bedside::wall_clock;
use crate::problem::Problem;

pub(super) async fn list(
    State(shared): State<Shared>,
    Identifier(id): Identifier,
) -> Result<Json<TrainingList>, Problem> {
    let role: StaffRole =
        id.parse().map_err(|known| Problem::not_found(format!("No list is for {id}: {known}.")))?;
    let list = read(&shared, move |store| {
        let devices = store.devices(&DeviceQuery::default())?.items;
        let mut seen = SeenWeaknesses::new(&devices);
        seen.expose(&store.exposures(&ExposureQuery::default())?.items);
        seen.queue(&store.vulnerabilities(&VulnerabilityQuery::default())?.items);
        for device in &devices {
            if let Some(lifecycle) = store.lifecycle(&device.id)? {
                seen.life(&lifecycle);
            }
        }
        let time = store.overview()?.newest.unwrap_or_else(wall_clock);
        Ok(TrainingList::new(role, &seen, time))
    });
    list.await.map(Json)
}
