//! Records of the National Vulnerability Database, as its API 2.0 and its yearly files give them.
//!
//! NVD CVE API 2.0 (schema `cve_api_json_2.0`); names of products by CPE 2.3 (NIST IR 7695, formatted strings). What runs
//! on what (nodes joined by AND) is read as the vulnerable part alone: a firmware says by its name whose it is.

use serde_json::Value;
use wardline_model::{
    AdvisedVulnerability, Advisory, ExploitedVulnerability, Label, ProductStatement, ProductStatus,
};

use super::csaf::cvss;
use super::{Knowledge, items, label, text, timestamp};

/// Nodes within nodes, at most; the API gives two.
const DEPTH_MAX: usize = 4;

/// Whether a document is one of NVD.
pub(super) fn is_response(json: &Value) -> bool {
    text(json, "format") == Some("NVD_CVE")
}

pub(super) fn read(json: &Value) -> Knowledge {
    let mut knowledge = Knowledge::default();
    for cve in items(json, "vulnerabilities").iter().filter_map(|entry| entry.get("cve")) {
        let Some(id) = text(cve, "id") else { continue };
        if text(cve, "vulnStatus") == Some("Rejected") {
            continue;
        }
        if let Some(added) = text(cve, "cisaExploitAdd") {
            knowledge.exploited.push(ExploitedVulnerability {
                cve: Label::new(id),
                added: Label::new(added),
                ransomware: false,
            });
        }
        let mut products = Vec::new();
        for configuration in items(cve, "configurations") {
            nodes(configuration, 0, &mut products);
        }
        let scores = ["cvssMetricV40", "cvssMetricV31", "cvssMetricV30"]
            .into_iter()
            .flat_map(|field| cve.get("metrics").map_or(&[][..], |metrics| items(metrics, field)))
            .filter_map(|metric| metric.get("cvssData").and_then(cvss));
        knowledge.advisories.push(Advisory {
            // One record of one CVE may come from the CVE Program as well, and is no revision of it.
            id: Label::new(&format!("NVD:{id}")),
            title: Label::default(),
            publisher: Label::new("NVD"),
            revision: label(text(cve, "lastModified")),
            // The API gives UTC without saying so.
            released: text(cve, "lastModified").and_then(|time| timestamp(&format!("{time}Z"))),
            vulnerabilities: vec![AdvisedVulnerability {
                cve: Label::new(id),
                title: None,
                cvss: scores.max_by(|one, other| one.score.total_cmp(&other.score)),
                products,
                remedies: Vec::new(),
            }],
        });
    }
    knowledge
}

fn nodes(parent: &Value, depth: usize, products: &mut Vec<ProductStatement>) {
    let negated = |node: &Value| node.get("negate").and_then(Value::as_bool) == Some(true);
    if depth >= DEPTH_MAX || negated(parent) {
        return;
    }
    let vulnerable = |entry: &&Value| entry.get("vulnerable").and_then(Value::as_bool) == Some(true);
    products.extend(items(parent, "cpeMatch").iter().filter(vulnerable).filter_map(product));
    for node in items(parent, "nodes").iter().chain(items(parent, "children")) {
        nodes(node, depth + 1, products);
    }
}

fn product(entry: &Value) -> Option<ProductStatement> {
    let parts = components(text(entry, "criteria")?)?;
    let [vendor, product, version, update] =
        [3, 4, 5, 6].map(|place| parts.get(place).cloned().unwrap_or_default());
    let bound = |field: &str, operator: &str| text(entry, field).map(|value| format!("{operator} {value}"));
    let lower = bound("versionStartIncluding", ">=").or_else(|| bound("versionStartExcluding", ">"));
    let upper = bound("versionEndIncluding", "<=").or_else(|| bound("versionEndExcluding", "<"));
    let versions = match (lower, upper) {
        (Some(lower), Some(upper)) => format!("{lower} | {upper}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) if matches!(update.as_str(), "" | "*" | "-") => version,
        (None, None) => format!("{version} {update}"),
    };
    let name = product.replace('_', " ");
    Some(ProductStatement {
        vendor: Label::new(&vendor.replace('_', " ")),
        product: Label::new(name.strip_suffix(" firmware").unwrap_or(&name)),
        versions,
        status: ProductStatus::Affected,
        justification: None,
    })
}

/// Whose and which product a CPE 2.3 formatted string names.
pub(super) fn vendor_and_product(criteria: &str) -> Option<(String, String)> {
    let parts = components(criteria)?;
    let word = |place: usize| parts.get(place).filter(|word| *word != "*").map(|word| word.replace('_', " "));
    Some((word(3)?, word(4)?))
}

/// The parts of a formatted string: between colons that no backslash stands before.
fn components(criteria: &str) -> Option<Vec<String>> {
    criteria.strip_prefix("cpe:2.3:")?;
    let mut parts = vec![String::new()];
    let mut letters = criteria.chars();
    while let Some(letter) = letters.next() {
        let part = parts.last_mut()?;
        match letter {
            '\\' => part.extend(letters.next()),
            ':' => parts.push(String::new()),
            letter => part.push(letter),
        }
    }
    (parts.len() == 13).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &str = r#"{"resultsPerPage": 2, "format": "NVD_CVE", "version": "2.0", "vulnerabilities": [
      {"cve": {"id": "CVE-2025-0001", "vulnStatus": "Analyzed", "lastModified": "2025-02-03T04:05:06.789",
        "cisaExploitAdd": "2025-02-01",
        "metrics": {"cvssMetricV31": [{"cvssData": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]},
        "configurations": [{"operator": "AND", "nodes": [
          {"operator": "OR", "negate": false, "cpeMatch": [{"vulnerable": true,
            "criteria": "cpe:2.3:o:example_medical:pump_7\\:b_firmware:*:*:*:*:*:*:*:*",
            "versionStartIncluding": "2.0", "versionEndExcluding": "2.3"}]},
          {"operator": "OR", "negate": false, "cpeMatch": [{"vulnerable": false,
            "criteria": "cpe:2.3:h:example_medical:pump_7:-:*:*:*:*:*:*:*"}]}]}]}},
      {"cve": {"id": "CVE-2025-0002", "vulnStatus": "Rejected"}}]}"#;

    #[test]
    fn a_record_names_the_vulnerable_part_and_its_versions() {
        let knowledge = super::super::read(RESPONSE.as_bytes()).unwrap();
        let [advisory] = &knowledge.advisories[..] else { panic!("one") };
        let vulnerability = &advisory.vulnerabilities[0];
        let [product] = &vulnerability.products[..] else { panic!("one") };
        assert_eq!((product.vendor.as_str(), product.product.as_str()), ("example medical", "pump 7:b"));
        assert_eq!(product.versions, ">= 2.0 | < 2.3");
        // The score was not given: it follows from the vector.
        assert_eq!(vulnerability.cvss.as_ref().unwrap().score, 9.8);
        assert_eq!(knowledge.exploited[0].added.as_str(), "2025-02-01");
        assert!(advisory.released.is_some());
    }

    #[test]
    fn what_is_no_name_of_a_product_is_passed_over() {
        for criteria in ["", "cpe:/o:a:b", "cpe:2.3:a:b", "cpe:2.3:a:b\\"] {
            assert_eq!(
                product(&serde_json::json!({"criteria": criteria, "vulnerable": true})),
                None,
                "{criteria}"
            );
        }
    }
}
