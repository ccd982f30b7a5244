//! The latest release of all CVE records: a description by GitHub's REST API ("Get the latest release").

use serde_json::Value;

use super::SourceError;
use crate::advisories::{items, text};

/// How the one asset is called that holds every record; the others hold an hour's changes.
const ASSET_END: &str = "_all_CVEs_at_midnight.zip.zip";

/// Address of the archive of all records.
pub fn archive(bytes: &[u8]) -> Result<String, SourceError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| SourceError::Json(error.to_string()))?;
    let whole = items(&json, "assets")
        .iter()
        .filter(|asset| text(asset, "name").is_some_and(|name| name.ends_with(ASSET_END)))
        .filter_map(|asset| text(asset, "browser_download_url"))
        .find(|address| address.starts_with("https://"));
    whole
        .map(str::to_owned)
        .ok_or(SourceError::Missing { kind: "a release of CVE records", field: "an archive of all of them" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_archive_is_found_among_the_assets() {
        let release = br#"{"tag_name": "cve_2026-01-02_0000Z", "assets": [
          {"name": "2026-01-02_delta_CVEs_at_0000Z.zip", "browser_download_url": "https://example.org/delta.zip"},
          {"name": "2026-01-02_all_CVEs_at_midnight.zip.zip", "browser_download_url": "https://example.org/all.zip.zip"}]}"#;
        assert_eq!(archive(release).unwrap(), "https://example.org/all.zip.zip");
        assert!(archive(br#"{"assets": []}"#).is_err() && archive(b"").is_err());
    }
}
