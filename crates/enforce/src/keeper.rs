//! The keeper: renews the lease, reverts what nobody confirmed, and does nothing else.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::enforcer::{Enforcer, lease_of};
use crate::kernel;
use crate::state::{EnforceError, Pending, State};

const POLL: Duration = Duration::from_millis(200);
/// Parts of a lease after which it is renewed: two renewals may fail before restrictions lapse.
const RENEWALS_PER_LEASE: u32 = 3;

/// Why the keeper ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Another keeper is at work.
    AnotherKeeps,
    /// Nothing is in force any more.
    NothingToKeep,
}

/// Keeps until nothing is in force. `adopted` is the change it was started for; a change that waits for confirmation and is
/// not that one was left by a keeper that died, and is taken back. `complain` hears what went wrong; keeping goes on.
pub fn keep(
    enforcer: &Enforcer,
    adopted: Option<u64>,
    mut complain: impl FnMut(&EnforceError),
) -> Result<Ended, EnforceError> {
    let Some(_lock) = enforcer.directory().lock("keeper.lock", Duration::ZERO)? else {
        return Ok(Ended::AnotherKeeps);
    };
    let mut state = enforcer.directory().read_state()?;
    if let Some(pending) = &state.pending
        && adopted != Some(pending.generation)
    {
        enforcer.revert(pending.generation, now_s())?;
        state = enforcer.directory().read_state()?;
    } else if adopted.is_none() && !state.is_empty() {
        enforcer.install_state(&state, now_s())?;
    }
    let mut keeper = Keeper { enforcer, waiting: None, renewed: None, missed: None };
    loop {
        // What cannot be read now is kept as it was: a full or broken disk lifts no confirmed policy.
        match enforcer.directory().read_state() {
            Ok(read) => state = read,
            Err(error) => complain(&error),
        }
        if state.is_empty() {
            return Ok(Ended::NothingToKeep);
        }
        if let Err(error) = keeper.tick(&state) {
            complain(&error);
        }
        thread::sleep(POLL);
    }
}

struct Keeper<'a> {
    enforcer: &'a Enforcer,
    /// Change that waits, and when its time is over by the clock that nobody sets.
    waiting: Option<(u64, Instant)>,
    renewed: Option<Instant>,
    /// Change that was not taken back although its time was over: it is not renewed.
    missed: Option<u64>,
}

impl Keeper<'_> {
    fn tick(&mut self, state: &State) -> Result<(), EnforceError> {
        let lease_s = lease_of(state);
        let mut renew_s = lease_s;
        if let Some(pending) = &state.pending {
            let left = self.deadline(pending).saturating_duration_since(Instant::now());
            if left.is_zero() || self.missed == Some(pending.generation) {
                self.missed = Some(pending.generation);
                return self.enforcer.revert(pending.generation, now_s());
            }
            // Never beyond the time to confirm; nft counts in whole seconds.
            renew_s = lease_s.min(left.as_secs());
        }
        let now = now_s();
        if state.quarantines.iter().any(|one| one.expires_s <= now) {
            self.enforcer.expire(now)?;
        }
        let interval = Duration::from_secs(lease_s) / RENEWALS_PER_LEASE;
        let due = self.renewed.is_none_or(|renewed| renewed.elapsed() >= interval);
        if due && renew_s > 0 {
            self.renew(state, renew_s)?;
        }
        Ok(())
    }

    fn deadline(&mut self, pending: &Pending) -> Instant {
        match self.waiting {
            Some((generation, deadline)) if generation == pending.generation => deadline,
            _ => {
                let deadline = Instant::now() + Duration::from_secs(pending.confirm_within_s);
                self.waiting = Some((pending.generation, deadline));
                deadline
            }
        }
    }

    fn renew(&mut self, state: &State, renew_s: u64) -> Result<(), EnforceError> {
        let start = Instant::now();
        if kernel::renew(renew_s).is_err() {
            // Somebody flushed the rules. Only what was confirmed is put back.
            if state.pending.is_none() && self.enforcer.directory().read_state()? == *state {
                self.enforcer.install_state(state, now_s())?;
            }
        }
        self.renewed = Some(start);
        Ok(())
    }
}

/// Seconds since 1970, for the audit log and the end of quarantine.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
