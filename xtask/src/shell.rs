//! Running other programs, and talking to whoever started us.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// A line for people.
#[expect(clippy::print_stdout, reason = "this is where xtask speaks to its user")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        || ["/usr/sbin", "/sbin"].iter().any(|directory| Path::new(directory).join(program).is_file())
}

/// Runs a command in the root of the checkout, its output to ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("{shown}: cannot be started"))?;
    if status.success() { Ok(()) } else { bail!("{shown}: {status}") }
}

/// A command in a directory of the checkout.
pub(crate) fn command(program: &str, arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    command
}

/// Cargo, as it runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), arguments, &root())
}

/// The directory into which cargo builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) if Path::new(&directory).is_absolute() => PathBuf::from(directory),
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}
