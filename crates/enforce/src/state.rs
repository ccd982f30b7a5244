//! What is in force and what was there before, on disk: small files, each replaced whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wardline_model::{Policy, PolicyError};

use crate::audit::AuditError;
use crate::kernel::KernelError;
use crate::quarantine::{Quarantine, QuarantineError};
use crate::verify::Refusal;

/// Shortest lease: the keeper must be able to renew it in time on a busy machine.
pub const LEASE_MIN_S: u64 = 2;
/// Longest lease: restrictions outlive the keeper by as much.
pub const LEASE_MAX_S: u64 = 300;
/// How long somebody else may work on the state.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(20);
const STATE_BYTES_MAX: u64 = 32 << 20;
const POLICY_BYTES_MAX: u64 = 256 << 20;

/// What went wrong; what was in force before is still in force, unless it says otherwise.
#[derive(Debug, Error)]
pub enum EnforceError {
    /// The policy is not sound.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It could cut what a life hangs on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Quarantine was asked for what may not be.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// The kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The audit log; nothing is done that cannot be written down.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A file of the state.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Somebody else is at work, or was stopped while at work.
    #[error("another wardline changes enforcement; try again, or roll back: that does not wait")]
    Busy,
    /// Lease or time to confirm out of range.
    #[error("{0}")]
    Range(&'static str),
    /// There is a change that waits.
    #[error("a change waits for confirmation: 'wardline segment confirm' or 'rollback' first")]
    Unconfirmed,
    /// There is nothing that waits.
    #[error("no change waits for confirmation: it was confirmed, rolled back, or its time was over")]
    NothingPending,
    /// Nobody said what a life hangs on.
    #[error("no policy is in force: give one that says which conversations a life hangs on (--policy)")]
    NoPolicy,
    /// More than addresses would change.
    #[error("only addresses may be added without confirmation; apply the policy, and confirm it")]
    NotARefresh,
    /// A switch or access point.
    #[error("{address}: {cause}; it must take orders of RFC 5176 from this machine, with this secret")]
    Switch {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// It took the order, and did not follow.
    #[error("{address} refused{}", cause.map_or_else(String::new, |cause| format!(": error cause {cause} of RFC 5176 section 3.5")))]
    NotFollowed {
        /// Where.
        address: std::net::SocketAddr,
        /// Its reason.
        cause: Option<u32>,
    },
    /// An order to a switch that cannot be written.
    #[error(transparent)]
    Radius(#[from] crate::radius::RadiusError),
    /// There is nothing to take back.
    #[error("no policy is in force: there is nothing to roll back")]
    NothingInForce,
    /// The keeper died meanwhile.
    #[error("the lease ended: the keeper died, and restrictions are lifted; apply again")]
    Lapsed,
    /// Nothing to release.
    #[error("'{0}' is not in quarantine")]
    NotHeld(String),
}

/// A change that waits for confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Its number.
    pub generation: u64,
    /// Seconds in which somebody must confirm it.
    pub confirm_within_s: u64,
    /// Seconds that its restrictions outlive the keeper.
    pub lease_s: u64,
    /// When it was applied, seconds since 1970: for people; the keeper counts by its own clock.
    pub applied_s: u64,
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Number of the newest change.
    pub generation: u64,
    /// Seconds that confirmed restrictions outlive the keeper.
    pub lease_s: u64,
    /// Number of the policy that somebody confirmed.
    pub confirmed: Option<u64>,
    /// Number of the policy that was confirmed before that one.
    pub previous: Option<u64>,
    /// Number of a policy that restricts nobody, but says what care and a life hang on while only quarantine is in force.
    pub basis: Option<u64>,
    /// What waits.
    pub pending: Option<Pending>,
    /// Devices in quarantine.
    pub quarantines: Vec<Quarantine>,
}

impl State {
    /// Number of the policy in force.
    pub fn in_force(&self) -> Option<u64> {
        self.pending.as_ref().map(|pending| pending.generation).or(self.confirmed)
    }

    /// Whether nothing is to be kept.
    pub fn is_empty(&self) -> bool {
        self.in_force().is_none() && self.quarantines.is_empty()
    }
}

/// Directory of the state.
#[derive(Clone, Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn open(path: &Path) -> Result<Self, EnforceError> {
        fs::create_dir_all(path).map_err(|cause| EnforceError::File { path: path.to_owned(), cause })?;
        Ok(Self(path.to_owned()))
    }

    /// To look only: makes nothing.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.0.join(crate::audit::FILE)
    }

    /// Holds the lock of one kind while the file lives; `None` when somebody else holds it for too long.
    pub(crate) fn lock(&self, name: &str, patience: Duration) -> Result<Option<File>, EnforceError> {
        let path = self.0.join(name);
        let failed = |cause| EnforceError::File { path: path.clone(), cause };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
    }

    pub(crate) fn change(&self) -> Result<Option<File>, EnforceError> {
        self.lock("change.lock", LOCK_PATIENCE)
    }

    pub(crate) fn read_state(&self) -> Result<State, EnforceError> {
        match self.read("state.json", STATE_BYTES_MAX)? {
            Some(bytes) => self.parse("state.json", &bytes),
            None => Ok(State::default()),
        }
    }

    pub(crate) fn write_state(&self, state: &State) -> Result<(), EnforceError> {
        self.write("state.json", &serde_json::to_vec_pretty(state).unwrap_or_default())
    }

    /// For what lifts restrictions: where the new state cannot be written, the old one goes, so that no keeper puts back what
    /// was lifted. Nothing is in force then.
    pub(crate) fn write_state_or_none(&self, state: &State) -> Result<(), EnforceError> {
        let Err(error) = self.write_state(state) else { return Ok(()) };
        let path = self.0.join("state.json");
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(_) => Err(error),
        }
    }

    pub(crate) fn read_policy(&self, generation: u64) -> Result<Policy, EnforceError> {
        let name = format!("policy-{generation}.json");
        let bytes = self.read(&name, POLICY_BYTES_MAX)?.ok_or_else(|| EnforceError::File {
            path: self.0.join(&name),
            cause: std::io::ErrorKind::NotFound.into(),
        })?;
        let policy: Policy = self.parse(&name, &bytes)?;
        policy.check()?;
        Ok(policy)
    }

    /// Keeps a policy and the listing of what was there before it.
    pub(crate) fn write_policy(
        &self,
        generation: u64,
        policy: &Policy,
        before: &str,
    ) -> Result<(), EnforceError> {
        let bytes = serde_json::to_vec(policy)
            .map_err(|cause| EnforceError::File { path: self.0.clone(), cause: cause.into() })?;
        self.write(&format!("policy-{generation}.json"), &bytes)?;
        self.write(&format!("before-{generation}.nft"), before.as_bytes())
    }

    pub(crate) fn read_before(&self, generation: u64) -> Option<String> {
        let bytes = self.read(&format!("before-{generation}.nft"), POLICY_BYTES_MAX).ok()??;
        String::from_utf8(bytes).ok()
    }

    /// Forgets a policy that nothing names any more.
    pub(crate) fn forget(&self, generation: u64) {
        for name in [format!("policy-{generation}.json"), format!("before-{generation}.nft")] {
            // It is only room on the disk.
            let _ = fs::remove_file(self.0.join(name));
        }
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, EnforceError> {
        let path = self.0.join(name);
        let failed = |cause| EnforceError::File { path: path.clone(), cause };
        match fs::metadata(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed(cause)),
            Ok(metadata) if metadata.len() > bytes_max => {
                return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
            }
            Ok(_) => {}
        }
        fs::read(&path).map(Some).map_err(failed)
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> Result<T, EnforceError> {
        serde_json::from_slice(bytes)
            .map_err(|cause| EnforceError::File { path: self.0.join(name), cause: cause.into() })
    }

    /// Replaced whole: a power cut leaves the old or the new.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EnforceError> {
        let path = self.0.join(name);
        let new = self.0.join(format!("{name}.new"));
        let written = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.0)?.sync_all()
        };
        written().map_err(|cause| EnforceError::File { path: path.clone(), cause })
    }
}
