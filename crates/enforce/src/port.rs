//! Sessions that a switch restricts: quarantine of one device where no router is on its way.
//!
//! Each is a file that says until when, and a process that asks the switch again before the lease ends. Whoever kills the
//! process, or takes the file away, lets the device go: at the latest when the lease ends, the switch asks its RADIUS server anew.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use wardline_model::Policy;

use crate::audit::Act;
use crate::enforcer::Enforcer;
use crate::quarantine::{self, Request, Step};
use crate::radius::{Answer, Restriction, Switch};
use crate::state::{EnforceError, LEASE_MAX_S, LEASE_MIN_S};

const POLL: Duration = Duration::from_millis(200);
/// Parts of a lease after which it is renewed.
const RENEWALS_PER_LEASE: u32 = 3;
const HELD_BYTES_MAX: u64 = 64 * 1024;

/// A session that is restricted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldPort {
    /// Device as it was named.
    pub device: String,
    /// Link address, as the switch writes it.
    pub station: String,
    /// Where the switch takes orders.
    pub switch: std::net::SocketAddr,
    /// File that holds the shared secret.
    pub secret: PathBuf,
    /// What the session shall be.
    pub restriction: Restriction,
    /// Seconds that the restriction outlives who renews it.
    pub lease_s: u64,
    /// Until when, seconds since 1970.
    pub expires_s: u64,
    /// Who decided, and who agreed.
    pub by: String,
}

/// What is asked of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOrder {
    /// Link address, as the switch writes it.
    pub station: String,
    /// Where the switch takes orders.
    pub switch: std::net::SocketAddr,
    /// File that holds the shared secret.
    pub secret: PathBuf,
    /// What the session shall be.
    pub restriction: Restriction,
    /// Seconds that the restriction outlives who renews it.
    pub lease_s: u64,
}

impl Enforcer {
    /// Has a switch restrict the session of a device, until the first lease ends; [`Enforcer::keep_port`] goes on. A switch
    /// accepts no protected conversation first: what keeps a patient alive is never restricted so.
    pub fn hold_port(
        &self,
        request: &Request,
        order: &PortOrder,
        knowledge: Option<&Policy>,
        now_s: u64,
    ) -> Result<HeldPort, EnforceError> {
        if !(LEASE_MIN_S..=LEASE_MAX_S).contains(&order.lease_s) {
            return Err(EnforceError::Range("a lease lasts between 2 s and 300 s"));
        }
        let path = self.port_path(&order.station)?;
        let policy = match knowledge {
            Some(policy) => policy.clone(),
            None => self.confirmed().map_err(|_| EnforceError::NoPolicy)?,
        };
        let decided =
            quarantine::decide(&Request { step: Step::Isolate, ..request.clone() }, &policy, now_s)?;
        let by = decided
            .second
            .as_ref()
            .map_or_else(|| decided.by.clone(), |second| format!("{} and {second}", decided.by));
        let held = HeldPort {
            device: decided.device,
            station: order.station.clone(),
            switch: order.switch,
            secret: order.secret.clone(),
            restriction: order.restriction.clone(),
            lease_s: order.lease_s,
            expires_s: decided.expires_s,
            by: by.clone(),
        };
        let detail =
            format!("{} at {} for {} s: {}", held.station, held.switch, request.duration_s, decided.reason);
        self.record(now_s, Act::QuarantineIntent, &held.device, &by, &detail)?;
        write(&path, &held)?;
        if let Err(error) = renew(&held, now_s) {
            remove(&path)?;
            self.record(now_s, Act::Failed, &held.device, &by, &error.to_string())?;
            return Err(error);
        }
        self.record(now_s, Act::Quarantined, &held.device, &by, &detail)?;
        Ok(held)
    }

    /// Renews the lease of a session until its time is over or somebody lets it go. `complain` hears what went wrong.
    pub fn keep_port(
        &self,
        station: &str,
        mut complain: impl FnMut(&EnforceError),
    ) -> Result<(), EnforceError> {
        let path = self.port_path(station)?;
        let Some(held) = read(&path)? else { return Ok(()) };
        let mut renewed = Instant::now();
        let interval = Duration::from_secs(held.lease_s) / RENEWALS_PER_LEASE;
        // The clock that nobody sets counts the time; the other is for people.
        let left = Duration::from_secs(held.expires_s.saturating_sub(now_s()));
        let end = Instant::now() + left;
        while path.exists() {
            if Instant::now() >= end {
                remove(&path)?;
                let ended = disconnect(&held);
                self.record(now_s(), Act::Expired, &held.device, "keeper", &held.station)?;
                return ended;
            }
            if renewed.elapsed() >= interval {
                renewed = Instant::now();
                if let Err(error) = renew(&held, now_s()) {
                    complain(&error);
                }
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Lets the session of a station go: it is admitted anew, as before.
    pub fn release_port(&self, station: &str, by: &str, now_s: u64) -> Result<(), EnforceError> {
        let path = self.port_path(station)?;
        let held = read(&path)?.ok_or_else(|| EnforceError::NotHeld(station.to_owned()))?;
        remove(&path)?;
        let ended = disconnect(&held);
        self.record(now_s, Act::Released, &held.device, by, station)?;
        ended
    }

    /// Sessions that are restricted.
    pub fn held_ports(&self) -> Result<Vec<HeldPort>, EnforceError> {
        let directory = self.directory().path().join("ports");
        let Ok(entries) = fs::read_dir(&directory) else { return Ok(Vec::new()) };
        entries.flatten().filter_map(|entry| read(&entry.path()).transpose()).collect()
    }

    fn port_path(&self, station: &str) -> Result<PathBuf, EnforceError> {
        let sound = (1..=64).contains(&station.len())
            && station.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '.'))
            && !station.starts_with('.');
        if !sound {
            return Err(EnforceError::Range("a station is a link address, such as 02-00-5e-10-00-01"));
        }
        Ok(self.directory().path().join("ports").join(format!("{station}.json")))
    }
}

fn switch(held: &HeldPort) -> Result<Switch, EnforceError> {
    let secret =
        fs::read(&held.secret).map_err(|cause| EnforceError::File { path: held.secret.clone(), cause })?;
    Ok(Switch { address: held.switch, secret: secret.trim_ascii().to_vec() })
}

fn renew(held: &HeldPort, now_s: u64) -> Result<(), EnforceError> {
    let lease_s = u32::try_from(held.lease_s).unwrap_or(u32::MAX);
    followed(held, switch(held)?.restrict(&held.station, &held.restriction, lease_s, now_s)?)
}

fn disconnect(held: &HeldPort) -> Result<(), EnforceError> {
    followed(held, switch(held)?.disconnect(&held.station, now_s())?)
}

const fn followed(held: &HeldPort, answer: Answer) -> Result<(), EnforceError> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Refused(cause) => Err(EnforceError::NotFollowed { address: held.switch, cause }),
    }
}

fn write(path: &Path, held: &HeldPort) -> Result<(), EnforceError> {
    let written = || -> std::io::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let new = path.with_extension("new");
        let mut file =
            fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(held)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(|cause| EnforceError::File { path: path.to_owned(), cause })
}

fn read(path: &Path) -> Result<Option<HeldPort>, EnforceError> {
    let failed = |cause| EnforceError::File { path: path.to_owned(), cause };
    match fs::metadata(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
        Ok(metadata) if metadata.len() > HELD_BYTES_MAX => {
            return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(failed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into()))
}

fn remove(path: &Path) -> Result<(), EnforceError> {
    fs::remove_file(path).map_err(|cause| EnforceError::File { path: path.to_owned(), cause })
}

/// Seconds since 1970.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
