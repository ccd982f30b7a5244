//! Indicators of compromise: read from files, kept in the state directory, and what is kept.
//!
//! Files are kept as they came, so that nothing is lost that a later version understands. A file that cannot be
//! read is named with its place, and keeps no other from being read.

mod hunt;
mod remote;

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use wardline_feeds::indicators::{self, FILE_BYTES_MAX, Intelligence};
use wardline_model::{Pattern, Record};

use crate::cli::{Access, HuntOptions, Intel, IntelVerb};
use crate::feed::wall_clock;
use crate::{Outcome, collection, complain, place};
use remote::Remote;

/// Where they are kept, below the state directory.
const FOLDER: &str = "intel";

pub(crate) fn run(arguments: &Intel) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    match &arguments.verb {
        IntelVerb::Import { paths, access, hunt, quiet } => {
            let outcome = import(&state, paths, access, *quiet)?;
            hunted(&state, hunt, (false, false), *quiet)?;
            Ok(outcome)
        }
        IntelVerb::Update { hunt, quiet } => {
            let outcome = update(&state, *quiet)?;
            hunted(&state, hunt, (false, false), *quiet)?;
            Ok(outcome)
        }
        IntelVerb::Hunt { hunt, json, quiet } => hunted(&state, hunt, (true, *json), *quiet),
        IntelVerb::Status { json } => status(&state, *json),
    }
}

/// Everything to look for: what is kept, and what these files and folders hold. What cannot be read is said.
pub(crate) fn gather(state: &Path, given: &[PathBuf]) -> Result<Intelligence> {
    let mut all = Intelligence::default();
    let kept = state.join(FOLDER);
    let mut files = Vec::new();
    if kept.is_dir() {
        collection::list(&kept, 0, &mut files)?;
    }
    for path in given {
        collection::list(path, 0, &mut files)?;
    }
    for file in files {
        match read(&file) {
            Ok((_, read)) => merge(&mut all, read),
            Err(error) => complain(&format!("{error:#}")),
        }
    }
    Ok(all)
}

fn merge(all: &mut Intelligence, read: Intelligence) {
    all.indicators.extend(read.indicators);
    all.warning_lists.extend(read.warning_lists);
    all.skipped += read.skipped;
    all.unreadable += read.unreadable;
}

/// A file's bytes, unpacked, and what it holds.
fn read(path: &Path) -> Result<(Vec<u8>, Intelligence)> {
    let bytes = collection::read(path, FILE_BYTES_MAX)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = indicators::read(&name, &bytes).with_context(|| path.display().to_string())?;
    Ok((bytes, read))
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn import(state: &Path, paths: &[PathBuf], access: &Access, quiet: bool) -> Result<Outcome> {
    let folder = state.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| {
        format!("{}: cannot be made; give another place with --state DIR", folder.display())
    })?;
    let mut files = Vec::new();
    let (addresses, paths): (Vec<_>, Vec<_>) = paths.iter().partition(|path| remote::is_address(path));
    for path in paths {
        collection::list(path, 0, &mut files)?;
    }
    let addresses: Vec<_> =
        addresses.into_iter().map(|address| (address.display().to_string(), access.clone())).collect();
    let mut broken = if addresses.is_empty() { 0 } else { fetch(state, quiet, |_| addresses)? };
    for path in &files {
        match read(path) {
            Ok((bytes, read)) => {
                collection::keep(&folder, path, &bytes)?;
                let odd = match &read.first_unreadable {
                    Some(place) => format!("; {} could not be read, the first at {place}", read.unreadable),
                    None => String::new(),
                };
                println!(
                    "{}: {} indicators, {} warning lists, {} skipped{odd}",
                    path.display(),
                    read.indicators.len(),
                    read.warning_lists.len(),
                    read.skipped
                );
            }
            Err(error) => {
                complain(&format!("{error:#}"));
                broken += 1;
            }
        }
    }
    Ok(if broken > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// Asks again wherever `import` asked before.
fn update(state: &Path, quiet: bool) -> Result<Outcome> {
    let mut none = false;
    let broken = fetch(state, quiet, |remote| {
        let sources = remote.sources();
        none = sources.is_empty();
        sources
    })?;
    if none {
        complain("no address was imported so far; add one: wardline intel import https://...");
    }
    Ok(if broken > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// Looks through what is stored, and says what came of it.
#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn hunted(state: &Path, options: &HuntOptions, (asked, json): (bool, bool), quiet: bool) -> Result<Outcome> {
    if options.no_hunt {
        return Ok(Outcome::Done);
    }
    let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    });
    let hunted = hunt::hunt(state, options, bar.as_ref())?;
    drop(bar);
    let Some(hunted) = hunted else {
        if asked {
            complain(&format!(
                "{}: holds no conversations yet; fill it with `wardline watch -i IFACE`",
                state.display()
            ));
        }
        return Ok(Outcome::Done);
    };
    for finding in &hunted.findings {
        if json {
            println!("{}", serde_json::to_string(&Record::Finding(Box::new(finding.clone())))?);
        } else {
            println!("{}  {:8}  {}", finding.time, finding.severity.name(), finding.summary);
        }
    }
    if !json {
        println!(
            "{} stored conversations were looked through: {} new findings, {} known before",
            hunted.conversations,
            hunted.findings.len(),
            hunted.known
        );
    }
    Ok(Outcome::Done)
}

/// Fetches from servers. How many could not be asked, or answered with something else.
#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn fetch(state: &Path, quiet: bool, which: impl FnOnce(&Remote) -> Vec<(String, Access)>) -> Result<usize> {
    let mut remote = Remote::open(state, quiet)?;
    let mut broken = 0;
    for (address, access) in which(&remote) {
        match remote.fetch(&address, &access) {
            Ok(said) => said.iter().for_each(|line| println!("{line}")),
            Err(error) => {
                complain(&format!("{error:#}; what was kept of it stays"));
                broken += 1;
            }
        }
    }
    Ok(broken)
}

const fn kind(pattern: &Pattern) -> &'static str {
    match pattern {
        Pattern::Network(_) => "addresses and networks",
        Pattern::Domain(_) => "domains",
        Pattern::UrlHost(_) => "web addresses",
        Pattern::Ja4(_) => "JA4 fingerprints",
        Pattern::Certificate(_) => "certificates",
        Pattern::File(_) => "file hashes",
        Pattern::UserAgent(_) => "user agents",
    }
}

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
fn status(state: &Path, json: bool) -> Result<Outcome> {
    let folder = state.join(FOLDER);
    let mut files = Vec::new();
    if folder.is_dir() {
        collection::list(&folder, 0, &mut files)?;
    }
    let now = wall_clock();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut expired, mut lists, mut outcome) = (0_u64, 0_usize, Outcome::Done);
    for path in &files {
        match read(path) {
            Ok((_, read)) => {
                lists += read.warning_lists.len();
                for indicator in &read.indicators {
                    *kinds.entry(kind(&indicator.pattern)).or_default() += 1;
                    expired += u64::from(indicator.valid_until.is_some_and(|until| until <= now));
                }
            }
            Err(error) => {
                complain(&format!("{error:#}"));
                outcome = Outcome::Incomplete;
            }
        }
    }
    if json {
        let record = serde_json::json!({
            "files": files.len(), "indicators": kinds, "expired": expired, "warning_lists": lists,
        });
        println!("{record}");
    } else if files.is_empty() {
        println!(
            "No threat intelligence is kept in {}. Add some: wardline intel import FILE",
            folder.display()
        );
    } else {
        println!("{} files in {}", files.len(), folder.display());
        for (kind, count) in kinds {
            println!("{count:>9} {kind}");
        }
        println!("{expired:>9} of them have expired and are not looked for");
        println!("{lists:>9} warning lists");
    }
    Ok(outcome)
}
