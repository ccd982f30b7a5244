//! `wardline store`: from one database to another, into a file and back, each with proof.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wardline_store::{Copied, back_up, copy, proof, restore};

use crate::cli::StoreVerb;
use crate::{Outcome, place};

pub(crate) fn run(verb: &StoreVerb) -> Result<Outcome> {
    match verb {
        StoreVerb::Move { from, to, keep } => {
            if !place::is_server(from) && !Path::new(from).join("wardline.db").exists() {
                bail!("{from}: holds no state; name the directory that `--state` names, or a server");
            }
            let (source, target) = (place::open_store(from)?, place::open_store(to)?);
            let shown = without_password(to);
            let copied = copy(source.as_ref(), target.as_ref(), (!keep).then_some(shown.as_str()))?;
            say(&copied, &format!("{} to {shown}", if *keep { "copied" } else { "moved" }))
        }
        StoreVerb::Backup { output, state } => {
            let state = place::state(state.as_deref())?;
            if !place::holds_state(&state) {
                bail!("{}: holds no state to back up; name another with --state or --store", state.display());
            }
            let store = place::store(&state)?;
            let at = || format!("{}: the backup cannot be written", output.display());
            // It appears under its name only when it is whole and on disk.
            let mut unfinished = output.clone().into_os_string();
            unfinished.push(".unfinished");
            let file = File::create(&unfinished).with_context(at)?;
            let mut writer = BufWriter::new(file);
            let copied = back_up(store.as_ref(), &mut writer)?;
            writer.into_inner().map_err(|error| error.into_error()).with_context(at)?.sync_all()?;
            std::fs::rename(&unfinished, output).with_context(at)?;
            say(&copied, &format!("backed up to {}", output.display()))
        }
        StoreVerb::Restore { file, state } => {
            let store = place::store(&place::state(state.as_deref())?)?;
            let input = File::open(file).with_context(|| format!("{}: cannot be read", file.display()))?;
            let copied = restore(BufReader::new(input), store.as_ref())
                .with_context(|| format!("{}", file.display()))?;
            say(&copied, &format!("restored from {}", file.display()))
        }
        StoreVerb::Verify { state } => {
            let state = place::state(state.as_deref())?;
            if !place::holds_state(&state) {
                bail!("{}: holds no state; name another with --state or --store", state.display());
            }
            let store = place::store(&state)?;
            store.verify()?;
            say(&proof(store.as_ref())?, "sound")
        }
    }
}

fn say(copied: &Copied, what: &str) -> Result<Outcome> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{what}: {} records, BLAKE3 {}", copied.items, copied.digest)?;
    Ok(Outcome::Done)
}

/// An address as it may be shown and kept.
fn without_password(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
            format!("{scheme}://{}", rest.split('?').next().unwrap_or_default())
        }
        None => address.to_owned(),
    }
}
