//! Directories of CSAF documents: provider metadata, `changes.csv`, `index.txt`, and ROLIE feeds.
//!
//! OASIS CSAF 2.0 sections 7.1.7 (provider-metadata.json), 7.1.12 (index.txt), 7.1.13 (changes.csv), 7.1.15 (ROLIE feed);
//! ROLIE: RFC 8322. Whatever a directory says, we go only below it, or over https where a ROLIE feed names an address.

use serde_json::Value;

use super::SourceError;
use crate::advisories::{items, text};

/// Documents that a directory may list.
pub const DOCUMENTS_MAX: usize = 50_000;

/// Parts of a path below a directory.
const PARTS_MAX: usize = 4;

/// How a provider distributes its documents to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// A folder with `changes.csv` and `index.txt`; the address ends with a slash.
    Directory(String),
    /// A ROLIE feed.
    Feed(String),
}

/// A document in a directory or feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub address: String,
    /// Path below the folder in which it is kept.
    pub path: String,
    /// When it last changed, as listed; empty where nobody says.
    pub changed: String,
}

/// Every way in which a provider distributes documents that all may read. Folders come first: they need one request.
pub fn distributions(bytes: &[u8]) -> Result<Vec<Distribution>, SourceError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| SourceError::Json(error.to_string()))?;
    let mut found = Vec::new();
    for distribution in items(&json, "distributions") {
        if let Some(address) = text(distribution, "directory_url").filter(|address| is_web(address)) {
            found.push(Distribution::Directory(format!("{}/", address.trim_end_matches('/'))));
        }
        for feed in distribution.get("rolie").map_or(&[][..], |rolie| items(rolie, "feeds")) {
            // WHITE became CLEAR in TLP 2.0; what is amber or red is not for us to ask for.
            let public = matches!(text(feed, "tlp_label"), Some("WHITE" | "CLEAR" | "UNLABELED"));
            if let Some(address) = text(feed, "url").filter(|address| public && is_web(address)) {
                found.push(Distribution::Feed(address.to_owned()));
            }
        }
    }
    found.sort_by_key(|distribution| matches!(distribution, Distribution::Feed(_)));
    found.dedup();
    if found.is_empty() {
        return Err(SourceError::Missing {
            kind: "provider metadata",
            field: "a directory or a ROLIE feed for all",
        });
    }
    Ok(found)
}

/// What `changes.csv` lists: path and time of the last change, quoted or not.
pub fn changes(base: &str, bytes: &[u8]) -> Result<Vec<Listed>, SourceError> {
    list(base, &String::from_utf8_lossy(bytes), |line| {
        let (path, changed) = line.split_once(',').unwrap_or((line, ""));
        (path.trim().trim_matches('"').to_owned(), changed.trim().trim_matches('"').to_owned())
    })
}

/// What `index.txt` lists: one path a line.
pub fn index(base: &str, bytes: &[u8]) -> Result<Vec<Listed>, SourceError> {
    list(base, &String::from_utf8_lossy(bytes), |line| (line.to_owned(), String::new()))
}

fn list(base: &str, text: &str, split: fn(&str) -> (String, String)) -> Result<Vec<Listed>, SourceError> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (path, changed) = split(line.trim());
        if !path.ends_with(".json") {
            continue;
        }
        if !is_below(&path) {
            return Err(SourceError::Path { line: number + 1, path: path.chars().take(80).collect() });
        }
        if found.len() == DOCUMENTS_MAX {
            return Err(SourceError::TooMany(DOCUMENTS_MAX));
        }
        found.push(Listed { address: format!("{base}{path}"), path, changed });
    }
    if found.is_empty() {
        return Err(SourceError::Missing { kind: "a list of CSAF documents", field: "documents" });
    }
    Ok(found)
}

/// What a ROLIE feed lists.
pub fn feed(bytes: &[u8]) -> Result<Vec<Listed>, SourceError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| SourceError::Json(error.to_string()))?;
    let feed = json.get("feed").ok_or(SourceError::Missing { kind: "a ROLIE feed", field: "`feed`" })?;
    let mut found = Vec::new();
    for (number, entry) in items(feed, "entry").iter().enumerate() {
        let own = items(entry, "link").iter().find(|link| text(link, "rel") == Some("self"));
        let address = entry
            .get("content")
            .and_then(|content| text(content, "src"))
            .or_else(|| own.and_then(|link| text(link, "href")));
        let Some(address) = address else { continue };
        let name = address.rsplit('/').next().unwrap_or_default();
        if !is_web(address) || !is_below(name) || !name.ends_with(".json") {
            return Err(SourceError::Path { line: number + 1, path: address.chars().take(80).collect() });
        }
        if found.len() == DOCUMENTS_MAX {
            return Err(SourceError::TooMany(DOCUMENTS_MAX));
        }
        found.push(Listed {
            address: address.to_owned(),
            path: name.to_owned(),
            changed: text(entry, "updated").unwrap_or_default().to_owned(),
        });
    }
    if found.is_empty() {
        return Err(SourceError::Missing { kind: "a ROLIE feed", field: "entries" });
    }
    Ok(found)
}

/// Whether an address is one to which a publisher may send us: over TLS.
fn is_web(address: &str) -> bool {
    address.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}@".contains(&byte))
    })
}

/// Whether a path stays below its directory and can be a file's name everywhere.
fn is_below(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    parts.len() <= PARTS_MAX
        && parts.iter().all(|part| {
            !part.is_empty()
                && part.len() <= 160
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_indices_list_documents_below_them() {
        let base = "https://example.org/csaf/white/";
        let csv = b"\"2025/ex-25-001-01.json\",\"2025-01-02T03:04:05Z\"\n2024/ex-24-001-01.json,2024-02-03T00:00:00Z\n";
        let listed = changes(base, csv).unwrap();
        assert_eq!(listed[0].address, "https://example.org/csaf/white/2025/ex-25-001-01.json");
        assert_eq!(listed[1].changed, "2024-02-03T00:00:00Z");
        assert_eq!(index(base, b"2025/a.json\r\n\n2025/a.json.asc\n").unwrap().len(), 1);
        for away in
            ["../a.json", "/etc/a.json", "2025/../../a.json", "https://other.example/a.json", "a/.b.json"]
        {
            assert!(matches!(index(base, away.as_bytes()), Err(SourceError::Path { line: 1, .. })), "{away}");
        }
        assert!(index(base, b"").is_err());
    }

    #[test]
    fn metadata_tells_what_all_may_read() {
        let metadata = br#"{"canonical_url": "https://example.org/provider-metadata.json", "distributions": [
          {"rolie": {"feeds": [
            {"tlp_label": "WHITE", "url": "https://example.org/white.json"},
            {"tlp_label": "AMBER", "url": "https://example.org/amber.json"},
            {"tlp_label": "WHITE", "url": "http://example.org/plain.json"}]}},
          {"directory_url": "https://example.org/csaf"}]}"#;
        let found = distributions(metadata).unwrap();
        assert_eq!(
            found,
            [
                Distribution::Directory("https://example.org/csaf/".to_owned()),
                Distribution::Feed("https://example.org/white.json".to_owned())
            ]
        );
        assert!(distributions(b"{}").is_err() && distributions(b"<html>").is_err());
    }

    #[test]
    fn a_feed_lists_its_entries() {
        let text = br#"{"feed": {"id": "x", "entry": [{"id": "ex-1", "updated": "2025-05-06T00:00:00Z",
          "link": [{"rel": "self", "href": "https://example.org/2025/ex-1.json"}],
          "content": {"type": "application/json", "src": "https://example.org/2025/ex-1.json"}}]}}"#;
        let listed = feed(text).unwrap();
        assert_eq!(
            (listed[0].path.as_str(), listed[0].changed.as_str()),
            ("ex-1.json", "2025-05-06T00:00:00Z")
        );
        assert!(feed(br#"{"feed": {"entry": [{"content": {"src": "file:///etc/shadow.json"}}]}}"#).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_line_leads_out_of_a_directory(line in "[ -~]{0,60}") {
            let base = "https://example.org/a/";
            for one in index(base, line.as_bytes()).into_iter().flatten() {
                proptest::prop_assert!(one.address.starts_with(base) && !one.path.contains(".."));
            }
        }
    }
}
