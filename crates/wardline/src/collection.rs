//! Files that the user gives or that are kept for him: found, unpacked, and kept whole or not at all.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// How deep folders are read.
const DEPTH_MAX: usize = 8;

/// The files below a path, in the order of their names.
pub(crate) fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let about = fs::metadata(path).with_context(|| {
        format!("{}: cannot be read; give a file or a folder that exists", path.display())
    })?;
    if !about.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth >= DEPTH_MAX {
        bail!("{}: lies more than {DEPTH_MAX} folders deep", path.display());
    }
    let mut entries = fs::read_dir(path)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("{}: the folder cannot be read", path.display()))?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden {
            list(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

/// A file's bytes, unpacked where it is gzip; at most one byte more than `bytes_max`.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>> {
    let raw = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(raw.as_slice())
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{}: is damaged gzip; fetch it again", path.display()))?;
    Ok(bytes)
}

/// Keeps a file under its own name and the hash of its place: the same file twice is kept once, and a newer one of the same
/// name takes the place of the older.
pub(crate) fn keep(folder: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = plain(name.trim_end_matches(".gz"));
    // Two files of one name in different folders are two.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mark = mark(place.as_os_str().as_encoded_bytes());
    write(&folder.join(format!("{mark}-{}", name.trim_start_matches('.'))), bytes)
}

/// Writes a file whole or not at all, also through a power cut.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = path.with_file_name(format!(".{}.part", name.trim_start_matches('.')));
    let written = fs::File::create(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    });
    written.with_context(|| format!("{}: cannot be written", path.display()))
}

/// A text as a part of a file's name.
pub(crate) fn plain(text: &str) -> String {
    let name = text.chars();
    name.map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect()
}

/// What tells the file of one place or address from that of another.
pub(crate) fn mark(place: &[u8]) -> String {
    Sha256::digest(place).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
