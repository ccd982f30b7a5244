//! Python software that Debian does not have: from PyPI, each at the version that is named, in an environment of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::network::checked;
use super::plan::Plan;
use crate::shell::{root, say};

/// Where the environment is. It stays, so that it is filled once.
fn place() -> PathBuf {
    root().join("target/record-python")
}

/// Its interpreter.
pub(super) fn interpreter() -> String {
    place().join("bin/python").display().to_string()
}

/// The release of a package that a requirement such as `fhirpy==2.3.1` names.
pub(super) fn release(requirement: &str) -> (&str, &str) {
    requirement.split_once("==").unwrap_or((requirement, ""))
}

/// Installs what these recordings need. PyPI is asked through pip alone.
pub(super) fn packages(plans: &[&Plan]) -> Result<()> {
    let mut wanted: Vec<&str> =
        plans.iter().flat_map(|plan| plan.stations).flat_map(|station| station.python).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(());
    }
    if !place().join("bin/pip").exists() {
        checked(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(place()))
            .context("an environment for Python software")?;
    }
    say(&format!("from PyPI: {}", wanted.join(", ")));
    let mut pip = Command::new(interpreter());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(wanted);
    checked(&mut pip).map(drop)
}
