//! Files that are either whole or not there, and that nobody else reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::ShieldError;

/// Makes a directory that only its owner may enter.
pub(crate) fn make_private_directory(path: &Path) -> Result<(), ShieldError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(ShieldError::file(path))
}

/// Replaces `path` by `bytes`: readable by its owner alone, on disk when this returns, never half written.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ShieldError> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = directory.join(name);
    let write = || -> std::io::Result<()> {
        // One that a crash left behind may have any mode.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(ShieldError::file(path))
}

/// Reads a file that only its owner may read; another mode is refused, as a key in it is no secret.
pub(crate) fn read_private(path: &Path) -> Result<String, ShieldError> {
    let metadata = std::fs::metadata(path).map_err(ShieldError::file(path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(ShieldError::content(path, "others may read it; make it mode 0600, or enrol anew"));
    }
    std::fs::read_to_string(path).map_err(ShieldError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_whole_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        std::fs::write(directory.path().join("key.pem.new"), "left by a crash").unwrap();
        write_private(&path, b"secret").unwrap();
        write_private(&path, b"another").unwrap();
        assert_eq!(read_private(&path).unwrap(), "another");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_private(&path).unwrap_err().to_string().contains("0600"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
