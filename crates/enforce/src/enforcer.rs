//! Apply, confirm, roll back, quarantine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wardline_model::Policy;

use crate::audit::{self, Act, Entry};
use crate::compile::{Scope, compile};
use crate::kernel;
use crate::quarantine::{self, QUARANTINES_MAX, Quarantine, QuarantineError, Request};
use crate::state::{Directory, EnforceError, LEASE_MAX_S, LEASE_MIN_S, Pending, State};
use crate::verify::verify;

/// Longest time to confirm.
const CONFIRM_MAX_S: u64 = 3_600;
/// Lease where only quarantine is in force and nobody chose another.
const LEASE_DEFAULT_S: u64 = 30;
/// Name in the audit log of what happens by itself.
const KEEPER: &str = "keeper";

/// A change that is in force and waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number; the keeper that is started for it is told.
    pub generation: u64,
    /// Life-sustaining conversations that were verified.
    pub protected: usize,
}

/// What a roll back left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// Whether the rules of the machine are byte for byte what they were before; not, where others changed them meanwhile.
    pub identical: bool,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// As written down.
    pub state: State,
    /// Whether the kernel restricts now.
    pub leased: bool,
}

/// The only hand on the kernel's rules.
#[derive(Clone, Debug)]
pub struct Enforcer {
    directory: Directory,
}

impl Enforcer {
    /// Uses a directory for state and audit log, and makes it.
    pub fn open(directory: &Path) -> Result<Self, EnforceError> {
        Ok(Self { directory: Directory::open(directory)? })
    }

    /// Reads the audit log below `directory` and checks every seal; `each` sees every entry with its seal. Makes and changes
    /// nothing; a log that is gone although something was done here is broken.
    pub fn verify_audit(
        directory: &Path,
        each: impl FnMut(u64, &Entry, &str),
    ) -> Result<audit::Sound, EnforceError> {
        let directory = Directory::at(directory);
        let sound = audit::verify_seals(&directory.audit(), each)?;
        // Every change is written down before it is made.
        if sound.lines == 0 && directory.read_state()?.generation > 0 {
            return Err(audit::AuditError::Gone.into());
        }
        Ok(sound)
    }

    /// Where the audit log is.
    pub fn audit_path(&self) -> PathBuf {
        self.directory.audit()
    }

    pub(crate) const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What is in force.
    pub fn status(&self) -> Result<Status, EnforceError> {
        Ok(Status { state: self.directory.read_state()?, leased: kernel::is_leased()? })
    }

    /// Puts a policy in force until it is confirmed, or for `confirm_within_s` seconds.
    pub fn apply(
        &self,
        policy: &Policy,
        confirm_within_s: u64,
        lease_s: u64,
        by: &str,
        now_s: u64,
    ) -> Result<Applied, EnforceError> {
        if !(LEASE_MIN_S..=LEASE_MAX_S).contains(&lease_s) {
            return Err(EnforceError::Range("a lease lasts between 2 s and 300 s"));
        }
        if !(1..=CONFIRM_MAX_S).contains(&confirm_within_s) {
            return Err(EnforceError::Range("the time to confirm is between 1 s and 3600 s"));
        }
        policy.check()?;
        let _lock = self.directory.change()?.ok_or(EnforceError::Busy)?;
        let before = self.directory.read_state()?;
        if before.pending.is_some() {
            return Err(EnforceError::Unconfirmed);
        }
        let generation = before.generation + 1;
        let detail =
            format!("generation {generation}, confirm within {confirm_within_s} s, lease {lease_s} s");
        self.record(now_s, Act::ApplyIntent, policy.name.as_str(), by, &detail)?;
        let listing = kernel::listing()?;
        self.directory.write_policy(generation, policy, &listing)?;
        let pending = Pending { generation, confirm_within_s, lease_s, applied_s: now_s };
        let state = State { generation, pending: Some(pending), ..before.clone() };
        self.directory.write_state(&state)?;
        let first_lease_s = lease_s.min(confirm_within_s);
        if let Err(error) = install(policy, Scope::Policy, &state.quarantines, first_lease_s, now_s) {
            self.directory.write_state(&State { generation, ..before })?;
            self.directory.forget(generation);
            self.record(now_s, Act::Failed, policy.name.as_str(), by, &error.to_string())?;
            return Err(error);
        }
        self.record(now_s, Act::Applied, policy.name.as_str(), by, &detail)?;
        Ok(Applied { generation, protected: policy.protected.len() })
    }

    /// Makes the change that waits the one that stays.
    pub fn confirm(&self, by: &str, now_s: u64) -> Result<(), EnforceError> {
        let _lock = self.directory.change()?.ok_or(EnforceError::Busy)?;
        let mut state = self.directory.read_state()?;
        let pending = state.pending.take().ok_or(EnforceError::NothingPending)?;
        if !kernel::is_leased()? {
            return Err(EnforceError::Lapsed);
        }
        let subject = format!("generation {}", pending.generation);
        self.record(now_s, Act::Confirmed, &subject, by, "")?;
        let oldest = state.previous.take();
        state.previous = state.confirmed.replace(pending.generation);
        state.lease_s = pending.lease_s;
        self.directory.write_state(&state)?;
        if let Some(oldest) = oldest {
            self.directory.forget(oldest);
        }
        Ok(())
    }

    /// Gives members of the confirmed policy further addresses, as the inventory learns them. Needs no confirmation, since it may
    /// change nothing else: groups, rules and protected conversations must be those in force, and no member may go.
    pub fn refresh(&self, policy: &Policy, by: &str, now_s: u64) -> Result<u64, EnforceError> {
        policy.check()?;
        let _lock = self.directory.change()?.ok_or(EnforceError::Busy)?;
        let before = self.directory.read_state()?;
        if before.pending.is_some() {
            return Err(EnforceError::Unconfirmed);
        }
        let confirmed = before.confirmed.ok_or(EnforceError::NothingInForce)?;
        let old = self.directory.read_policy(confirmed)?;
        let added = added_members(&old, policy).ok_or(EnforceError::NotARefresh)?;
        if added == 0 {
            return Ok(0);
        }
        let generation = before.generation + 1;
        // What a roll back compares with is what was there before the policy, not before its refreshment.
        let listing = self.directory.read_before(confirmed).unwrap_or_default();
        self.directory.write_policy(generation, policy, &listing)?;
        let state = State { generation, confirmed: Some(generation), ..before.clone() };
        self.directory.write_state(&state)?;
        if let Err(error) = self.install_state(&state, now_s) {
            self.directory.write_state(&before)?;
            self.directory.forget(generation);
            self.record(now_s, Act::Failed, policy.name.as_str(), by, &error.to_string())?;
            return Err(error);
        }
        self.directory.forget(confirmed);
        let detail = format!("generation {generation}: {added} addresses more");
        self.record(now_s, Act::Refreshed, policy.name.as_str(), by, &detail)?;
        Ok(added)
    }

    /// The policy that somebody confirmed.
    pub fn confirmed(&self) -> Result<Policy, EnforceError> {
        let confirmed = self.directory.read_state()?.confirmed.ok_or(EnforceError::NothingInForce)?;
        self.directory.read_policy(confirmed)
    }

    /// Takes back what waits, or else what was confirmed last: what was confirmed before that comes back. Does not wait for others: it only lifts.
    pub fn rollback(&self, by: &str, now_s: u64) -> Result<RolledBack, EnforceError> {
        let _lock = self.directory.change()?;
        let mut state = self.directory.read_state()?;
        let pending = state.pending.take().map(|pending| pending.generation);
        let confirmed = |state: &mut State| std::mem::replace(&mut state.confirmed, state.previous.take());
        let undone = pending.or_else(|| confirmed(&mut state)).ok_or(EnforceError::NothingInForce)?;
        self.undo(undone, state, Act::RolledBack, by, now_s)
    }

    /// What the keeper does when nobody confirmed in time.
    pub(crate) fn revert(&self, generation: u64, now_s: u64) -> Result<(), EnforceError> {
        let _lock = self.directory.change()?;
        let mut state = self.directory.read_state()?;
        // Confirmed or rolled back a moment ago.
        if state.pending.as_ref().map(|pending| pending.generation) != Some(generation) {
            return Ok(());
        }
        state.pending = None;
        self.undo(generation, state, Act::Reverted, KEEPER, now_s).map(drop)
    }

    /// The kernel first: what lifts restrictions may not fail because a disk is full.
    fn undo(
        &self,
        generation: u64,
        mut state: State,
        act: Act,
        by: &str,
        now_s: u64,
    ) -> Result<RolledBack, EnforceError> {
        // Devices in quarantine keep what the policy says a life hangs on.
        let is_basis = state.in_force().is_none() && !state.quarantines.is_empty();
        if is_basis {
            state.basis = Some(generation);
        }
        self.install_state(&state, now_s)?;
        let before = self.directory.read_before(generation);
        let identical = before.is_some_and(|before| kernel::listing().is_ok_and(|now| now == before));
        self.directory.write_state_or_none(&state)?;
        if !is_basis {
            self.directory.forget(generation);
        }
        let detail = if identical { "the rules are as before" } else { "the rules differ from before" };
        self.record(now_s, act, &format!("generation {generation}"), by, detail)?;
        Ok(RolledBack { identical })
    }

    /// Puts in force what the state says, or takes the table away where it says nothing.
    pub(crate) fn install_state(&self, state: &State, now_s: u64) -> Result<(), EnforceError> {
        if state.is_empty() {
            return Ok(kernel::remove()?);
        }
        let policy = self.policy(state)?.unwrap_or_else(|| Policy::empty("quarantine".into()));
        let scope = if state.in_force().is_some() { Scope::Policy } else { Scope::QuarantineOnly };
        install(&policy, scope, &state.quarantines, lease_of(state), now_s)
    }

    /// The policy in force, or else the one that quarantine rests on.
    fn policy(&self, state: &State) -> Result<Option<Policy>, EnforceError> {
        state.in_force().or(state.basis).map(|generation| self.directory.read_policy(generation)).transpose()
    }

    /// Puts a device in quarantine. `knowledge` says what the device is where no policy is in force.
    pub fn quarantine(
        &self,
        request: &Request,
        knowledge: Option<&Policy>,
        now_s: u64,
    ) -> Result<Quarantine, EnforceError> {
        let _lock = self.directory.change()?.ok_or(EnforceError::Busy)?;
        let before = self.directory.read_state()?;
        let mut state = before.clone();
        let mut policy = self.policy(&before)?;
        if let (None, Some(knowledge)) = (before.in_force(), knowledge) {
            knowledge.check()?;
            state.generation += 1;
            state.basis = Some(state.generation);
            self.directory.write_policy(state.generation, knowledge, "")?;
            policy = Some(knowledge.clone());
        }
        if policy.is_none() && request.step.restricts() {
            return Err(EnforceError::NoPolicy);
        }
        let policy = policy.unwrap_or_else(|| Policy::empty("quarantine".into()));
        let held = quarantine::decide(request, &policy, now_s)?;
        state.quarantines.retain(|one| one.device != held.device && one.expires_s > now_s);
        if state.quarantines.len() >= QUARANTINES_MAX {
            return Err(QuarantineError::TooMany.into());
        }
        let by = held
            .second
            .as_ref()
            .map_or_else(|| held.by.clone(), |second| format!("{} and {second}", held.by));
        let detail = format!("{} for {} s: {}", held.step.name(), request.duration_s, held.reason);
        self.record(now_s, Act::QuarantineIntent, &held.device, &by, &detail)?;
        state.quarantines.push(held.clone());
        self.directory.write_state(&state)?;
        if let Err(error) = self.install_state(&state, now_s) {
            self.directory.write_state(&before)?;
            self.record(now_s, Act::Failed, &held.device, &by, &error.to_string())?;
            return Err(error);
        }
        self.record(now_s, Act::Quarantined, &held.device, &by, &detail)?;
        Ok(held)
    }

    /// Lets a device go. Does not wait for others: it only lifts.
    pub fn release(&self, device: &str, by: &str, now_s: u64) -> Result<(), EnforceError> {
        let _lock = self.directory.change()?;
        let mut state = self.directory.read_state()?;
        let count = state.quarantines.len();
        state.quarantines.retain(|one| one.device != device);
        if state.quarantines.len() == count {
            return Err(EnforceError::NotHeld(device.to_owned()));
        }
        self.install_state(&state, now_s)?;
        self.directory.write_state_or_none(&state)?;
        self.record(now_s, Act::Released, device, by, "")
    }

    /// Writes down quarantines that ended; the kernel let go of them by itself.
    pub(crate) fn expire(&self, now_s: u64) -> Result<(), EnforceError> {
        let _lock = self.directory.change()?.ok_or(EnforceError::Busy)?;
        let mut state = self.directory.read_state()?;
        let (live, ended): (Vec<_>, Vec<_>) =
            state.quarantines.into_iter().partition(|one| one.expires_s > now_s);
        state.quarantines = live;
        if ended.is_empty() {
            return Ok(());
        }
        self.directory.write_state(&state)?;
        self.install_state(&state, now_s)?;
        for one in ended {
            self.record(now_s, Act::Expired, &one.device, KEEPER, one.step.name())?;
        }
        Ok(())
    }

    pub(crate) fn record(
        &self,
        time_s: u64,
        act: Act,
        subject: &str,
        by: &str,
        detail: &str,
    ) -> Result<(), EnforceError> {
        let entry =
            Entry { time_s, act, subject: subject.to_owned(), by: by.to_owned(), detail: detail.to_owned() };
        Ok(audit::append(&self.directory.audit(), entry)?)
    }
}

/// How many members a policy has more than another; `None` where they differ otherwise.
fn added_members(old: &Policy, new: &Policy) -> Option<u64> {
    let same = (&old.name, &old.zones, &old.groups, &old.rules, &old.protected)
        == (&new.name, &new.zones, &new.groups, &new.rules, &new.protected);
    let places = |policy: &Policy| -> BTreeSet<(ipnet::IpNet, wardline_model::Label)> {
        policy.members.iter().map(|member| (member.address, member.group.clone())).collect()
    };
    let (before, after) = (places(old), places(new));
    (same && before.is_subset(&after)).then(|| (after.len() - before.len()) as u64)
}

/// Lease of a state; files written by hand are brought into range.
pub(crate) fn lease_of(state: &State) -> u64 {
    let lease_s = state.pending.as_ref().map_or(state.lease_s, |pending| pending.lease_s);
    if lease_s == 0 { LEASE_DEFAULT_S } else { lease_s.clamp(LEASE_MIN_S, LEASE_MAX_S) }
}

/// Nothing comes into the kernel but through here, and nothing through here unverified.
fn install(
    policy: &Policy,
    scope: Scope,
    quarantines: &[Quarantine],
    lease_s: u64,
    now_s: u64,
) -> Result<(), EnforceError> {
    let ruleset = compile(policy, scope, quarantines, now_s);
    verify(&ruleset, &policy.protected)?;
    Ok(kernel::install(&ruleset, lease_s)?)
}
