//! A socket for programs without rights, such as the console: a line of JSON each way, one request a connection.
//!
//! Who may connect is decided by the owner and mode of the socket.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wardline_model::{
    CONTROL_BYTES_MAX, ControlAnswer, ControlRequest, EnforcedPolicy, EnforcedQuarantine, EnforcementAct,
    EnforcementStatus, Timestamp,
};

use crate::Enforcer;
use crate::audit::Entry;
use crate::state::{EnforceError, LEASE_MAX_S, LEASE_MIN_S};

/// How long a caller may take to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Acts that an answer tells.
const ACTS_MAX: usize = 20;

/// Serves until the socket fails. `owner` is the user who may connect, beside root. `applied` is called with the number of each
/// change that was put in force: it starts the keeper. `complain` hears what went wrong; serving goes on.
pub fn listen(
    enforcer: &Enforcer,
    socket: &Path,
    owner: Option<u32>,
    mut applied: impl FnMut(u64),
    mut complain: impl FnMut(&dyn std::fmt::Display),
) -> Result<(), EnforceError> {
    let failed = |cause| EnforceError::File { path: socket.to_owned(), cause };
    // Of an enforcer that was killed. Another kind of file is somebody's.
    if fs::symlink_metadata(socket).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(socket).map_err(failed)?;
    }
    let listener = UnixListener::bind(socket).map_err(failed)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    if owner.is_some() {
        chown(socket, owner, None).map_err(failed)?;
    }
    for stream in listener.incoming() {
        let served = stream.and_then(|stream| serve(enforcer, &stream, &mut applied));
        if let Err(error) = served {
            complain(&error);
        }
    }
    Ok(())
}

fn serve(enforcer: &Enforcer, stream: &UnixStream, applied: &mut impl FnMut(u64)) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    BufReader::new(stream.take(CONTROL_BYTES_MAX)).read_until(b'\n', &mut line)?;
    let answer = match serde_json::from_slice(&line) {
        Ok(request) => answer(enforcer, &request, now_s(), applied),
        Err(error) => ControlAnswer::Refused { reason: format!("the request is not understood: {error}") },
    };
    let mut bytes = serde_json::to_vec(&answer)?;
    bytes.push(b'\n');
    let mut writer = stream;
    writer.write_all(&bytes)
}

/// Does what is asked.
pub fn answer(
    enforcer: &Enforcer,
    request: &ControlRequest,
    now_s: u64,
    applied: &mut impl FnMut(u64),
) -> ControlAnswer {
    let done = match request {
        ControlRequest::Status => Ok(()),
        ControlRequest::Apply { policy, confirm_within_s, lease_s, by } => {
            let lease_s = (*lease_s).clamp(LEASE_MIN_S, LEASE_MAX_S);
            let done = enforcer.apply(policy, *confirm_within_s, lease_s, by, now_s);
            done.map(|change| applied(change.generation))
        }
        ControlRequest::Confirm { by } => enforcer.confirm(by, now_s),
        ControlRequest::Rollback { by } => enforcer.rollback(by, now_s).map(drop),
    };
    match done.and_then(|()| status(enforcer, now_s)) {
        Ok(status) => ControlAnswer::Status(status),
        Err(error) => ControlAnswer::Refused { reason: error.to_string() },
    }
}

fn status(enforcer: &Enforcer, now_s: u64) -> Result<EnforcementStatus, EnforceError> {
    let status = enforcer.status()?;
    let state = status.state;
    let policy = state.in_force().and_then(|generation| {
        let policy = enforcer.directory().read_policy(generation).ok()?;
        Some(EnforcedPolicy {
            name: policy.name.clone(),
            generation,
            rules: policy.rules.len() as u64,
            members: policy.members.len() as u64,
            protected: policy.protected.len() as u64,
        })
    });
    let mut acts = VecDeque::new();
    let log_problem = crate::audit::verify(&enforcer.audit_path(), |_, entry| {
        if acts.len() == ACTS_MAX {
            acts.pop_back();
        }
        acts.push_front(act(entry));
    });
    Ok(EnforcementStatus {
        leased: status.leased,
        policy,
        confirm_within_s: state
            .pending
            .map(|pending| (pending.applied_s + pending.confirm_within_s).saturating_sub(now_s)),
        quarantines: state
            .quarantines
            .into_iter()
            .filter(|one| one.expires_s > now_s)
            .map(|one| EnforcedQuarantine {
                device: one.device,
                step: one.step.name().to_owned(),
                reason: one.reason,
                until: time(one.expires_s),
            })
            .collect(),
        acts: acts.into(),
        log_problem: log_problem.err().map(|error| error.to_string()),
    })
}

fn act(entry: &Entry) -> EnforcementAct {
    EnforcementAct {
        time: time(entry.time_s),
        act: entry.act.name().to_owned(),
        subject: entry.subject.clone(),
        by: entry.by.clone(),
        detail: entry.detail.clone(),
    }
}

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Seconds since 1970.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
