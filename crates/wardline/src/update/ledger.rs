//! What was fetched, when, and by which marks its publisher will know whether it changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::collection;

/// Marks of a version of a file (RFC 9110 section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
    /// When the newest object of an answer was added to its collection: TAXII 2.1 section 3.4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_last: Option<String>,
}

impl Validators {
    /// What `If-Range` may hold: a strong mark, or a date (RFC 9110 section 13.1.5).
    pub(super) fn for_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// A file that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Where it came from.
    pub address: String,
    /// Its marks.
    pub validators: Validators,
    /// When it changed, in the words of its publisher's list.
    pub changed: String,
}

/// All that are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// By path below the folder of feeds.
    #[serde(default)]
    files: BTreeMap<String, Kept>,
    /// When each source was last asked with success (RFC 3339).
    #[serde(default)]
    pub updated: BTreeMap<String, String>,
    #[serde(skip)]
    path: PathBuf,
}

impl Ledger {
    /// The ledger of a folder. One that is damaged counts as empty: then everything is asked for again.
    pub(super) fn open(path: &Path) -> Self {
        let read = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Self { path: path.to_owned(), ..read.unwrap_or_default() }
    }

    /// What is known of a file, if the file is still there.
    pub(super) fn kept(&self, folder: &Path, name: &str) -> Option<&Kept> {
        self.files.get(name).filter(|_| folder.join(name).is_file())
    }

    pub(super) fn keep(&mut self, name: &str, kept: Kept) {
        self.files.insert(name.to_owned(), kept);
    }

    /// Writes it, whole or not at all.
    pub(super) fn save(&self) -> Result<()> {
        collection::write(&self.path, &serde_json::to_vec(self)?)
    }
}
