//! `wardline segment apply`, `confirm`, `rollback`, `quarantine`: what restricts traffic, and the keeper that it hangs on.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use wardline_assess::segmentation::refreshed;
use wardline_enforce::quarantine::{Quarantine, Request, Step};
use wardline_enforce::{Ended, Enforcer, audit, keep as keep_lease, listen};
use wardline_store::DeviceQuery;

use crate::cli::{
    LadderStep, SegmentApply, SegmentKeep, SegmentPerson, SegmentQuarantine, SegmentRefresh, SegmentServe,
    SegmentStatus,
};
use crate::segment::read_policy;
use crate::{Outcome, complain, place};

/// Where the enforcer keeps what it must, below the state directory.
pub(crate) const FOLDER: &str = "enforce";

pub(crate) fn open(place: &SegmentStatus) -> Result<(Enforcer, std::path::PathBuf)> {
    let directory = place::state(place.state.as_deref())?;
    Ok((Enforcer::open(&directory.join(FOLDER))?, directory))
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Starts the keeper, beyond the life of this program and its terminal. One that is at work already goes on alone.
fn start_keeper(state: &std::path::Path, adopt: Option<u64>) -> Result<()> {
    let generation = adopt.map(|generation| generation.to_string());
    let adopted = generation.iter().flat_map(|generation| ["--adopt", generation.as_str()]);
    start_beside(&[&["keep"][..], &adopted.collect::<Vec<_>>()].concat(), state)
}

/// Starts a verb of `segment` beyond the life of this program and its terminal.
pub(crate) fn start_beside(arguments: &[&str], state: &std::path::Path) -> Result<()> {
    let program = std::env::current_exe().context("this program does not find itself")?;
    let mut command = Command::new(program);
    command.arg("segment").args(arguments).arg("--state").arg(state);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut keeper =
        command.spawn().context("the keeper cannot be started; the restrictions end with the lease")?;
    // Whoever lives longer than the keeper has to take note of its end.
    std::thread::spawn(move || keeper.wait());
    Ok(())
}

pub(crate) fn apply(arguments: &SegmentApply) -> Result<Outcome> {
    let policy = read_policy(&arguments.policy)?;
    let (enforcer, state) = open(&arguments.person.place)?;
    let (within_s, lease_s) = (arguments.confirm_within, arguments.lease);
    let applied = enforcer.apply(&policy, within_s, lease_s, &arguments.person.by, now_s())?;
    start_keeper(&state, Some(applied.generation))?;
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "Applied. {} life-sustaining conversations are accepted before everything else.\n\
         Look whether care goes on, then within {within_s} s: wardline segment confirm --by PERSON\n\
         Otherwise it is undone. At once: wardline segment rollback --by PERSON",
        applied.protected
    )?;
    Ok(Outcome::Done)
}

pub(crate) fn confirm(arguments: &SegmentPerson) -> Result<Outcome> {
    open(&arguments.place)?.0.confirm(&arguments.by, now_s())?;
    writeln!(std::io::stdout().lock(), "Confirmed. The keeper renews the lease until somebody rolls back.")?;
    Ok(Outcome::Done)
}

pub(crate) fn refresh(arguments: &SegmentRefresh) -> Result<Outcome> {
    let (enforcer, state) = open(&arguments.person.place)?;
    let inventory = arguments.inventory_state.clone().unwrap_or(state);
    if !place::holds_state(&inventory) {
        bail!("{}: holds no inventory; name another with --inventory-state DIR", inventory.display());
    }
    let devices = place::store(&inventory)?.devices(&DeviceQuery::default())?.items;
    let (policy, _) = refreshed(&enforcer.confirmed()?, &devices);
    let added = enforcer.refresh(&policy, &arguments.person.by, now_s())?;
    writeln!(std::io::stdout().lock(), "{added} addresses more. Nothing else changed.")?;
    Ok(Outcome::Done)
}

pub(crate) fn serve(arguments: &SegmentServe) -> Result<Outcome> {
    let (enforcer, state) = open(&arguments.place)?;
    let owner = arguments.allow.as_deref().map(user).transpose()?;
    writeln!(
        std::io::stdout().lock(),
        "Enforcer: {}  (Ctrl-C ends; what is in force stays)",
        arguments.socket.display()
    )?;
    // A change is kept by a process of its own, so that it does not hang on this one.
    let applied = |generation| {
        if let Err(error) = start_keeper(&state, Some(generation)) {
            complain(&format!("{error:#}"));
        }
    };
    listen(&enforcer, &arguments.socket, owner, applied, |error| complain(&error.to_string()))?;
    Ok(Outcome::Done)
}

/// Number of a user.
fn user(name: &str) -> Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let users =
        std::fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read; give a number")?;
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines
        .find_map(|fields| match fields.as_slice() {
            [known, _, number, ..] if *known == name => number.parse().ok(),
            _ => None,
        })
        .with_context(|| format!("no user '{name}' in /etc/passwd; give a number"))
}

pub(crate) fn rollback(arguments: &SegmentPerson) -> Result<Outcome> {
    let rolled = open(&arguments.place)?.0.rollback(&arguments.by, now_s())?;
    let text = if rolled.identical {
        "Rolled back. The rules of this machine are byte for byte what they were before."
    } else {
        "Rolled back. The rules of this machine differ from before: somebody else changed them, or a quarantine did."
    };
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(Outcome::Done)
}

pub(crate) fn status(arguments: &SegmentStatus) -> Result<Outcome> {
    let status = open(arguments)?.0.status()?;
    let mut output = std::io::stdout().lock();
    let state = &status.state;
    match (&state.pending, state.confirmed) {
        (Some(pending), _) => writeln!(
            output,
            "Generation {} waits for confirmation, {} s from when it was applied.",
            pending.generation, pending.confirm_within_s
        )?,
        (None, Some(generation)) => writeln!(output, "Generation {generation} is confirmed.")?,
        (None, None) => writeln!(output, "No policy is enforced.")?,
    }
    let now = now_s();
    let held: Vec<_> = state.quarantines.iter().filter(|one| one.expires_s > now).collect();
    writeln!(output, "{} devices in quarantine.", held.len())?;
    if state.is_empty() {
        return Ok(Outcome::Done);
    }
    if status.leased {
        writeln!(output, "The lease lives: the kernel restricts.")?;
        return Ok(Outcome::Done);
    }
    writeln!(
        output,
        "THE LEASE HAS ENDED: nothing is restricted. The keeper died; start it: wardline segment keep"
    )?;
    Ok(Outcome::Incomplete)
}

pub(crate) fn quarantine(arguments: &SegmentQuarantine) -> Result<Outcome> {
    let (enforcer, state) = open(&arguments.place)?;
    let (Some(device), Some(by)) = (&arguments.device, &arguments.by) else {
        return list(&enforcer);
    };
    if arguments.release {
        enforcer.release(device, by, now_s())?;
        writeln!(std::io::stdout().lock(), "Released {device}.")?;
        return Ok(Outcome::Done);
    }
    let step = match arguments.step {
        LadderStep::Watch => Step::Watch,
        LadderStep::Alert => Step::Alert,
        LadderStep::RateLimit => Step::RateLimit,
        LadderStep::CareOnly => Step::CareOnly,
        LadderStep::Isolate => Step::Isolate,
    };
    let request = Request {
        device: device.clone(),
        step,
        duration_s: arguments.duration,
        reason: arguments.reason.clone().unwrap_or_default(),
        by: by.clone(),
        second: arguments.second.clone(),
    };
    let knowledge = arguments.policy.as_deref().map(read_policy).transpose()?;
    let held = enforcer.quarantine(&request, knowledge.as_ref(), now_s())?;
    let adopt = enforcer.status()?.state.pending.map(|pending| pending.generation);
    start_keeper(&state, adopt)?;
    print(&held)?;
    Ok(Outcome::Done)
}

fn list(enforcer: &Enforcer) -> Result<Outcome> {
    let now = now_s();
    for held in enforcer.status()?.state.quarantines.iter().filter(|held| held.expires_s > now) {
        print(held)?;
    }
    Ok(Outcome::Done)
}

fn print(held: &Quarantine) -> Result<()> {
    let addresses: Vec<_> = held.addresses.iter().map(ToString::to_string).collect();
    let second = held.second.as_ref().map(|second| format!(" and {second}")).unwrap_or_default();
    writeln!(
        std::io::stdout().lock(),
        "{}  {}  {}  {} s left  by {}{second}: {}",
        held.step.name(),
        held.device,
        addresses.join(","),
        held.expires_s.saturating_sub(now_s()),
        held.by,
        held.reason
    )?;
    Ok(())
}

pub(crate) fn keep(arguments: &SegmentKeep) -> Result<Outcome> {
    let (enforcer, _) = open(&arguments.place)?;
    if keep_lease(&enforcer, arguments.adopt, |error| complain(&error.to_string()))? == Ended::AnotherKeeps {
        complain("another keeper is at work");
    }
    Ok(Outcome::Done)
}

pub(crate) fn log(arguments: &SegmentStatus) -> Result<Outcome> {
    let (enforcer, _) = open(arguments)?;
    let mut lines = Vec::new();
    let sound = audit::verify(&enforcer.audit_path(), |number, entry| {
        lines.extend(serde_json::to_string(&(number, entry)));
    })?;
    let mut output = std::io::stdout().lock();
    for line in lines {
        writeln!(output, "{line}")?;
    }
    writeln!(output, "Sound: {} entries, last seal {}", sound.lines, sound.seal)?;
    Ok(Outcome::Done)
}
