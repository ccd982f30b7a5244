//! `wardline bedside`: what is said at the bed.

use std::fs;
use std::io::Write;

use anyhow::{Context as _, Result, bail};
use wardline_exports::bedside::{Card, Deck, DowntimePack};
use wardline_model::Device;
use wardline_store::{DeviceQuery, FindingQuery, Store};

use crate::cli::Bedside;
use crate::{Outcome, place};

pub(crate) fn run(arguments: &Bedside) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!(
            "{}: holds no state yet; fill it with `wardline watch -i IFACE`, or name another with --state DIR",
            state.display()
        );
    }
    let deck = match &arguments.words {
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("{}: cannot be read as text", path.display()))?;
            Deck::read(&text).with_context(|| path.display().to_string())?
        }
        None => Deck::shipped(arguments.language)?,
    };
    let store = place::store(&state)?;
    let now = match store.overview()?.newest {
        Some(newest) if arguments.as_of_records => newest,
        _ => crate::feed::wall_clock(),
    };
    let mut output = std::io::stdout().lock();
    if let Some(wanted) = &arguments.device {
        let device = find(store.as_ref(), wanted)?;
        let findings = store
            .findings(&FindingQuery { device: Some(device.id.clone()), ..FindingQuery::default() })?
            .items;
        let card = Card::new(&deck, &device, &findings, now, arguments.hotline.as_deref());
        if arguments.html {
            card.write_html(&mut output)?;
        } else if arguments.json {
            serde_json::to_writer_pretty(&mut output, &card).map_err(std::io::Error::from)?;
            writeln!(output)?;
        } else {
            output.write_all(card.text().as_bytes())?;
        }
    } else {
        let devices = store.devices(&DeviceQuery::default())?.items;
        let pack = DowntimePack::new(&deck, &devices, now, arguments.hotline.as_deref());
        if arguments.json {
            serde_json::to_writer_pretty(&mut output, &pack).map_err(std::io::Error::from)?;
            writeln!(output)?;
        } else {
            pack.write_html(&mut output)?;
        }
    }
    Ok(Outcome::Done)
}

/// The one device that is called so.
fn find(store: &dyn Store, wanted: &str) -> Result<Device> {
    let devices = store.devices(&DeviceQuery::default())?.items;
    let same = |text: &str| text.eq_ignore_ascii_case(wanted);
    let called = |device: &&Device| {
        same(&device.id.to_string())
            || device.hostnames.iter().any(|name| same(name.as_str()))
            || device.ips.iter().any(|ip| same(&ip.to_string()))
            || device.macs.iter().any(|mac| same(&mac.to_string()))
    };
    let mut found = devices.iter().filter(called);
    match (found.next(), found.next()) {
        (Some(device), None) => Ok(device.clone()),
        (None, _) => bail!(
            "{wanted}: no device is called so; `wardline devices --text {wanted}` searches, `wardline devices` lists them"
        ),
        (Some(one), Some(other)) => {
            bail!("{wanted}: more than one device is called so; name one of {} and {}", one.id, other.id)
        }
    }
}
