//! Who did what: a file of lines, each of which seals the one before.
//!
//! A line that is changed, moved or taken out of the middle is noticed. Lines cut off at the end are noticed by whoever noted
//! the seal of the last one.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Its name in the directory of the enforcer.
pub const FILE: &str = "audit.jsonl";
/// Longest line; texts that people write are limited far below.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A policy is about to be applied.
    ApplyIntent,
    /// It was applied, unconfirmed.
    Applied,
    /// It was confirmed.
    Confirmed,
    /// Somebody took it back.
    RolledBack,
    /// Nobody confirmed it in time; it was taken back.
    Reverted,
    /// A device is about to be put in quarantine.
    QuarantineIntent,
    /// It was.
    Quarantined,
    /// Somebody let it go.
    Released,
    /// Its time was over.
    Expired,
    /// Members of the policy in force have further addresses; nothing else changed.
    Refreshed,
    /// The kernel or the verifier refused.
    Failed,
}

impl Act {
    /// Its name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApplyIntent => "apply-intent",
            Self::Applied => "applied",
            Self::Confirmed => "confirmed",
            Self::RolledBack => "rolled-back",
            Self::Reverted => "reverted",
            Self::QuarantineIntent => "quarantine-intent",
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Refreshed => "refreshed",
            Self::Failed => "failed",
        }
    }
}

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, seconds since 1970.
    pub time_s: u64,
    /// What.
    pub act: Act,
    /// With what: a policy or device.
    pub subject: String,
    /// Who; `keeper` for what happened by itself.
    pub by: String,
    /// Reason or details.
    pub detail: String,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    sequence: u64,
    entry: Entry,
    /// SHA-256, hexadecimal, over the seal of the line before, the sequence number and the entry.
    seal: String,
}

/// What is wrong with the file.
#[derive(Debug, Error)]
pub enum AuditError {
    /// It cannot be read or written.
    #[error("audit log: {0}")]
    File(#[from] std::io::Error),
    /// A line is not what was written.
    #[error("audit log: line {0} was changed, or lines before it are missing")]
    Broken(u64),
    /// The last line has no end: it was never acknowledged, or the file was cut.
    #[error(
        "audit log: line {0}, the last, is unfinished: the machine went down while it was written, or the file was cut"
    )]
    Unfinished(u64),
    /// Acts were written down, and the file is gone.
    #[error("audit log: it is gone, although restrictions were set here: somebody took it away")]
    Gone,
}

/// State of a sound file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Lines.
    pub lines: u64,
    /// Seal of the last; note it elsewhere to notice lines cut off.
    pub seal: String,
}

/// Appends; it is on the disk when this returns.
pub fn append(path: &Path, entry: Entry) -> Result<(), AuditError> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    let last = last_line(&mut file)?;
    let (sequence, before) = match &last {
        Some(sealed) => (sealed.sequence + 1, sealed.seal.as_str()),
        None => (1, ""),
    };
    let seal = seal(before, sequence, &entry)?;
    let mut line = serde_json::to_vec(&Sealed { sequence, entry, seal }).map_err(std::io::Error::from)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_all()?;
    Ok(())
}

/// Reads all of it and checks every seal; `each` sees every entry.
pub fn verify(path: &Path, mut each: impl FnMut(u64, &Entry)) -> Result<Sound, AuditError> {
    verify_seals(path, |number, entry, _| each(number, entry))
}

/// As [`verify`]; `each` sees every entry with its seal.
pub fn verify_seals(path: &Path, mut each: impl FnMut(u64, &Entry, &str)) -> Result<Sound, AuditError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sound::default()),
        Err(error) => return Err(error.into()),
    };
    let mut reader = BufReader::new(file);
    let mut sound = Sound::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let number = sound.lines + 1;
        if (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(sound);
        }
        if !line.ends_with(b"\n") {
            return Err(AuditError::Unfinished(number));
        }
        let sealed: Sealed = serde_json::from_slice(&line).map_err(|_| AuditError::Broken(number))?;
        let expected = seal(&sound.seal, number, &sealed.entry)?;
        if sealed.sequence != number || sealed.seal != expected {
            return Err(AuditError::Broken(number));
        }
        each(number, &sealed.entry, &sealed.seal);
        sound = Sound { lines: number, seal: sealed.seal };
    }
}

fn seal(before: &str, sequence: u64, entry: &Entry) -> Result<String, AuditError> {
    let body = serde_json::to_vec(&(before, sequence, entry)).map_err(std::io::Error::from)?;
    Ok(Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The last line; a torn one, from a power cut, is cut off first: it was never acknowledged.
fn last_line(file: &mut File) -> Result<Option<Sealed>, AuditError> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(2 * LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    if whole < tail.len() {
        file.set_len(start + whole as u64)?;
    }
    tail.truncate(whole);
    let Some(line) =
        tail.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().filter(|line| !line.is_empty())
    else {
        return Ok(None);
    };
    serde_json::from_slice(line).map(Some).map_err(|_| AuditError::Broken(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time_s: u64) -> Entry {
        Entry {
            time_s,
            act: Act::Applied,
            subject: "ward".into(),
            by: "A. Example".into(),
            detail: "new zones".into(),
        }
    }

    #[test]
    fn every_change_of_what_was_written_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit");
        for time_s in 0..5 {
            append(&path, entry(time_s)).unwrap();
        }
        assert_eq!(verify(&path, |_, _| ()).unwrap().lines, 5);
        let sound = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = sound.lines().collect();
        let without_third = [lines[0], lines[1], lines[3], lines[4], ""].join("\n");
        let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4], ""].join("\n");
        let renamed = sound.replacen("A. Example", "B. Example", 1);
        for tampered in [without_third, swapped, renamed] {
            std::fs::write(&path, tampered).unwrap();
            assert!(matches!(verify(&path, |_, _| ()), Err(AuditError::Broken(_))));
        }
        std::fs::write(&path, &sound[..sound.len() - 7]).unwrap();
        assert!(matches!(verify(&path, |_, _| ()), Err(AuditError::Unfinished(5))));
        append(&path, entry(9)).unwrap();
        assert_eq!(verify(&path, |_, _| ()).unwrap().lines, 5);
    }
}
