//! CISA's catalogue of known exploited vulnerabilities.

use serde_json::Value;
use wardline_model::{ExploitedVulnerability, Label};

use super::{FeedError, items, label, text};

pub(super) fn read(json: &Value) -> Result<Vec<ExploitedVulnerability>, FeedError> {
    if json.get("vulnerabilities").is_none() {
        return Err(FeedError::Missing { kind: "CISA KEV", field: "vulnerabilities" });
    }
    let entries = items(json, "vulnerabilities").iter().filter_map(|entry| {
        Some(ExploitedVulnerability {
            cve: Label::new(text(entry, "cveID")?),
            added: label(text(entry, "dateAdded")),
            ransomware: text(entry, "knownRansomwareCampaignUse") == Some("Known"),
        })
    });
    Ok(entries.collect())
}
