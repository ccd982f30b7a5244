//! `wardline training`: what staff should learn from what was seen.

use std::io::Write as _;

use anyhow::{Result, bail};
use wardline_exports::{SeenWeaknesses, TrainingList};
use wardline_store::{DeviceQuery, ExposureQuery, VulnerabilityQuery};

use crate::cli::Training;
use crate::feed::wall_clock;
use crate::{Outcome, place};

pub(crate) fn run(arguments: &Training) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!(
            "{}: holds no state yet; fill it with `wardline watch -i IFACE`, or name another with --state DIR",
            state.display()
        );
    }
    let store = place::store(&state)?;
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
    let list = TrainingList::new(arguments.role, &seen, time);
    let mut output = std::io::stdout().lock();
    if arguments.html {
        list.write_html(&mut output)?;
    } else if arguments.json {
        serde_json::to_writer_pretty(&mut output, &list)?;
        writeln!(output)?;
    } else {
        output.write_all(list.text().as_bytes())?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}
