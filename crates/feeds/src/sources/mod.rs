//! Where feeds are published: official addresses, the layout of a mirror, and what their directories say.
//!
//! Nothing here asks the network: whoever calls fetches, and shows what came.

pub mod checksum;
pub mod directory;
pub mod release;
pub mod retry;

use thiserror::Error;

/// Who publishes what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Security advisories of CISA for industrial and medical systems (CSAF 2.0).
    Csaf,
    /// CVE records 5.x, all of them (CVE Program, cvelistV5).
    Cve,
    /// Known exploited vulnerabilities (CISA KEV).
    Kev,
    /// Predictions of exploitation (FIRST EPSS).
    Epss,
    /// Recalls of medical devices (FDA, through openFDA).
    Recalls,
    /// Kinds of medical devices (FDA, through openFDA).
    Classes,
    /// How long products are supported (endoflife.date).
    Support,
}

/// A file that is fetched whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Name under which a mirror holds it and it is kept.
    pub name: &'static str,
    /// Official addresses, in the order in which they are tried.
    pub addresses: &'static [&'static str],
    /// Longest file as it comes, bytes.
    pub bytes_max: u64,
    /// Whether only the facts in it are kept: what is long for its words.
    pub packed: bool,
}

/// Longest index, metadata or feed of a directory, bytes.
pub const INDEX_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Longest CSAF document, bytes (CSAF 2.0 section 10 expects 15 MB at least).
pub const DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Longest sidecar with a checksum, bytes.
pub const SIDECAR_BYTES_MAX: u64 = 4 * 1024;

/// Metadata of CISA as a CSAF provider (CSAF 2.0 section 7.1.7), and its repository, which answers when the site does not.
pub const CSAF_PROVIDER: &str = "https://www.cisa.gov/sites/default/files/csaf/provider-metadata.json";

/// The directory of the same advisories in CISA's public repository.
pub const CSAF_DIRECTORY: &str =
    "https://raw.githubusercontent.com/cisagov/CSAF/develop/csaf_files/OT/white/";

/// The latest release of all CVE records.
pub const CVE_RELEASE: &str = "https://api.github.com/repos/CVEProject/cvelistV5/releases/latest";

/// All CVE records, as a mirror holds them.
pub const CVE_ARCHIVE: PublishedFile =
    PublishedFile { name: "cves.zip", addresses: &[], bytes_max: 4 * 1024 * 1024 * 1024, packed: true };

const KEV_FILE: PublishedFile = PublishedFile {
    name: "known_exploited_vulnerabilities.json",
    addresses: &[
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
        "https://raw.githubusercontent.com/cisagov/kev-data/develop/known_exploited_vulnerabilities.json",
    ],
    bytes_max: 64 * 1024 * 1024,
    packed: false,
};

const EPSS_FILE: PublishedFile = PublishedFile {
    name: "epss_scores-current.csv.gz",
    addresses: &["https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"],
    bytes_max: 64 * 1024 * 1024,
    packed: false,
};

const RECALL_FILES: [PublishedFile; 2] = [
    PublishedFile {
        name: "device-enforcement.json.zip",
        addresses: &[
            "https://download.open.fda.gov/device/enforcement/device-enforcement-0001-of-0001.json.zip",
        ],
        bytes_max: 256 * 1024 * 1024,
        packed: true,
    },
    PublishedFile {
        name: "device-recall.json.zip",
        addresses: &["https://download.open.fda.gov/device/recall/device-recall-0001-of-0001.json.zip"],
        bytes_max: 256 * 1024 * 1024,
        packed: true,
    },
];

const CLASS_FILE: PublishedFile = PublishedFile {
    name: "device-classification.json.zip",
    addresses: &[
        "https://download.open.fda.gov/device/classification/device-classification-0001-of-0001.json.zip",
    ],
    bytes_max: 64 * 1024 * 1024,
    packed: true,
};

const SUPPORT_FILE: PublishedFile = PublishedFile {
    name: "products.json",
    addresses: &["https://endoflife.date/api/v1/products/full"],
    bytes_max: 64 * 1024 * 1024,
    packed: false,
};

impl Source {
    /// All of them, the most telling for medical devices first.
    pub const ALL: [Self; 7] =
        [Self::Csaf, Self::Kev, Self::Epss, Self::Recalls, Self::Classes, Self::Support, Self::Cve];

    /// Its name on the command line, in folders and in a mirror's addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csaf => "csaf",
            Self::Cve => "cve",
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Recalls => "recalls",
            Self::Classes => "classes",
            Self::Support => "support",
        }
    }

    /// The files that it is, where it is no directory or archive of documents.
    pub const fn files(self) -> &'static [PublishedFile] {
        match self {
            Self::Kev => &[KEV_FILE],
            Self::Epss => &[EPSS_FILE],
            Self::Recalls => &RECALL_FILES,
            Self::Classes => &[CLASS_FILE],
            Self::Support => &[SUPPORT_FILE],
            Self::Csaf | Self::Cve => &[],
        }
    }

    /// Address of a file of this source in a mirror: `MIRROR/csaf/changes.csv`, `MIRROR/kev/...`.
    pub fn mirrored(self, mirror: &str, name: &str) -> String {
        format!("{}/{}/{name}", mirror.trim_end_matches('/'), self.name())
    }
}

/// Why a publisher's directory tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// No JSON.
    #[error("is no JSON: {0}")]
    Json(String),
    /// Lacks what makes it one.
    #[error("is {kind} without {field}")]
    Missing {
        /// What it is.
        kind: &'static str,
        /// What it lacks.
        field: &'static str,
    },
    /// Lists more than is fetched.
    #[error("lists more than {0} documents")]
    TooMany(usize),
    /// Names a place to which nobody may send us.
    #[error("line {line}: `{path}` is no path of a document below this directory")]
    Path {
        /// Line or entry, from 1.
        line: usize,
        /// What stands there, cut.
        path: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_holds_each_source_in_a_folder() {
        let mirror = "http://mirror.hospital.example/feeds/";
        assert_eq!(
            Source::Csaf.mirrored(mirror, "changes.csv"),
            "http://mirror.hospital.example/feeds/csaf/changes.csv"
        );
        for source in Source::ALL {
            for file in source.files() {
                assert!(
                    file.addresses.iter().all(|address| address.starts_with("https://")),
                    "{}",
                    file.name
                );
            }
        }
    }
}
