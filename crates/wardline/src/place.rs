//! Where state and secrets are kept.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};
use wardline_model::PseudonymKey;
use wardline_store::{PostgresStore, SqliteStore, Store};

/// What `--store` names, for the whole run.
static STORE: OnceLock<String> = OnceLock::new();

/// Records go to this database instead of the state directory.
pub(crate) fn use_store(address: &str) {
    // Said once, when the program starts.
    let _ = STORE.set(address.to_owned());
}

/// Where records are kept: what `--store` names, or the state directory.
pub(crate) fn store(state: &Path) -> Result<Arc<dyn Store>> {
    match STORE.get() {
        Some(address) => open_store(address),
        None => Ok(Arc::new(SqliteStore::open(state)?)),
    }
}

/// A store by its address: `postgres://…`, or a directory.
pub(crate) fn open_store(address: &str) -> Result<Arc<dyn Store>> {
    if is_server(address) {
        return Ok(Arc::new(PostgresStore::open(address)?));
    }
    Ok(Arc::new(SqliteStore::open(Path::new(address))?))
}

/// Whether an address is that of a server, and not of a directory.
pub(crate) fn is_server(address: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme))
}

/// Whether records are kept already; a server holds them however many.
pub(crate) fn holds_state(state: &Path) -> bool {
    STORE.get().map_or_else(
        || state.join("wardline.db").exists(),
        |address| is_server(address) || Path::new(address).join("wardline.db").exists(),
    )
}

/// The state directory: as given, or that of the user (XDG base directory specification).
pub(crate) fn state(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("wardline"))
        .context("no state directory: neither HOME nor XDG_STATE_HOME is set; give one with --state DIR")
}

/// The secret under which pseudonyms are made: from the file given, or from the state directory, where it is
/// made when there is none. The same secret gives the same pseudonyms, so runs can be compared.
pub(crate) fn key(given: Option<&Path>, state: &Path) -> Result<PseudonymKey> {
    if let Some(path) = given {
        return read_key(path);
    }
    let path = state.join("pseudonym.key");
    if path.exists() {
        return read_key(&path);
    }
    fs::create_dir_all(state).with_context(|| {
        format!("{}: cannot be made; give another place with --state DIR", state.display())
    })?;
    make_key(&path)
}

/// Writes a copy of the secret for a sensor of the same site; only its owner may read it.
pub(crate) fn share_key(given: Option<&Path>, state: &Path, copy: &Path) -> Result<()> {
    // Made where there is none.
    key(given, state)?;
    let path = given.map_or_else(|| state.join("pseudonym.key"), Path::to_owned);
    let secret = fs::read(&path).with_context(|| format!("{}: the key cannot be read", path.display()))?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy);
    file.as_mut()
        .map_err(|cause| std::io::Error::new(cause.kind(), cause.to_string()))
        .and_then(|file| file.write_all(&secret).and_then(|()| file.sync_all()))
        .with_context(|| format!("{}: the key cannot be written", copy.display()))
}

fn read_key(path: &Path) -> Result<PseudonymKey> {
    let bytes = fs::read(path).with_context(|| format!("{}: the key cannot be read", path.display()))?;
    let Some(secret) = bytes.first_chunk::<32>() else {
        bail!("{}: a key has at least 32 bytes, this file has {}", path.display(), bytes.len());
    };
    Ok(PseudonymKey::new(*secret))
}

fn make_key(path: &Path) -> Result<PseudonymKey> {
    let mut secret = [0; 32];
    let random =
        fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut secret));
    random.context("/dev/urandom: no randomness for a key")?;
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(mut file) => {
            file.write_all(&secret)
                .and_then(|()| file.sync_all())
                .with_context(|| format!("{}: the key cannot be written", path.display()))?;
            Ok(PseudonymKey::new(secret))
        }
        // Another run was faster; its key counts.
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => read_key(path),
        Err(cause) => Err(cause).with_context(|| {
            format!("{}: the key cannot be written; give another place with --state DIR, or a key with --key FILE", path.display())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use wardline_model::Subject;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("new");
        let one = key(None, &state).unwrap().pseudonym(Subject::PatientId, b"1");
        let two = key(None, &state).unwrap().pseudonym(Subject::PatientId, b"1");
        assert_eq!(one, two);
        let mode = fs::metadata(state.join("pseudonym.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, b"short").unwrap();
        let error = key(Some(&path), directory.path()).unwrap_err().to_string();
        assert!(error.contains("at least 32 bytes") && error.contains("key"), "{error}");
    }
}
