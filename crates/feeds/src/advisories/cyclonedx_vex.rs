//! The statements about vulnerabilities in a CycloneDX document (VEX; CycloneDX 1.4 to 1.7, `vulnerabilities`).
//!
//! A statement names parts of the document by reference. What points into another document (BOM-Link) names no product that
//! could be compared, and is left out.

use std::collections::BTreeMap;

use serde_json::Value;
use wardline_model::{
    AdvisedVulnerability, Advisory, Component, Label, ProductStatement, ProductStatus, Remedy, RemedyKind,
};

use super::bill::part;
use super::csaf::cvss;
use super::{FeedError, items, label, text, timestamp};

/// Components within components, at most.
const DEPTH_MAX: usize = 32;

/// Statements of one document, at most.
const STATEMENTS_MAX: usize = 200_000;

/// Reads the statements; `None` where the document makes none.
pub(super) fn read(json: &Value) -> Option<Result<Advisory, FeedError>> {
    let vulnerabilities = items(json, "vulnerabilities");
    if vulnerabilities.is_empty() {
        return None;
    }
    let mut parts = BTreeMap::new();
    let product = json.pointer("/metadata/component");
    if let Some(product) = product {
        refer(product, 0, &mut parts);
    }
    for component in items(json, "components") {
        refer(component, 0, &mut parts);
    }
    let mut count = 0;
    let mut advised = Vec::new();
    for vulnerability in vulnerabilities {
        let Some(one) = statement(vulnerability, &parts) else { continue };
        count += one.products.len();
        if count > STATEMENTS_MAX {
            return Some(Err(FeedError::TooMany(STATEMENTS_MAX)));
        }
        advised.push(one);
    }
    let author =
        ["/metadata/supplier/name", "/metadata/manufacturer/name", "/metadata/component/supplier/name"]
            .into_iter()
            .find_map(|place| json.pointer(place).and_then(Value::as_str));
    let name = product.and_then(|product| text(product, "name")).unwrap_or_default();
    let id = text(json, "serialNumber").map_or_else(|| format!("CycloneDX VEX {name}"), str::to_owned);
    let time = json.pointer("/metadata/timestamp").and_then(Value::as_str);
    Some(Ok(Advisory {
        id: Label::new(&id),
        title: Label::new("VEX"),
        publisher: label(author),
        revision: json.get("version").map(|version| Label::new(&version.to_string())).unwrap_or_default(),
        released: time.and_then(timestamp),
        vulnerabilities: advised,
    }))
}

fn refer<'a>(component: &'a Value, depth: usize, parts: &mut BTreeMap<&'a str, Component>) {
    if depth >= DEPTH_MAX {
        return;
    }
    if let (Some(reference), Some(part)) = (text(component, "bom-ref"), part(component)) {
        parts.insert(reference, part);
    }
    for inner in items(component, "components") {
        refer(inner, depth + 1, parts);
    }
}

fn statement(json: &Value, parts: &BTreeMap<&str, Component>) -> Option<AdvisedVulnerability> {
    let analysis = json.get("analysis")?;
    let status = match text(analysis, "state")? {
        "exploitable" => ProductStatus::Affected,
        "not_affected" | "false_positive" => ProductStatus::NotAffected,
        "resolved" | "resolved_with_pedigree" => ProductStatus::Fixed,
        _ => ProductStatus::UnderInvestigation,
    };
    let justification = text(analysis, "justification").map(Label::new);
    let mut products = Vec::new();
    for affected in items(json, "affects") {
        let Some(part) = text(affected, "ref").and_then(|reference| parts.get(reference)) else { continue };
        let listed = items(affected, "versions");
        let whole = part.version.as_ref().map_or("*", Label::as_str);
        let say = |versions: &str, status| ProductStatement {
            vendor: part.vendor.clone(),
            product: part.name.clone(),
            versions: versions.to_owned(),
            status,
            justification: justification.clone(),
        };
        if listed.is_empty() {
            products.push(say(whole, status));
        }
        for version in listed {
            // A version may say for itself that it is not affected.
            let own = match text(version, "status") {
                Some("unaffected") => ProductStatus::NotAffected,
                Some("unknown") => ProductStatus::UnderInvestigation,
                _ => status,
            };
            if let Some(versions) = text(version, "version").or_else(|| text(version, "range")) {
                products.push(say(versions, own));
            }
        }
    }
    let action = text(analysis, "detail").filter(|_| status == ProductStatus::Affected);
    let updates = items(analysis, "response").iter().any(|response| response.as_str() == Some("update"));
    Some(AdvisedVulnerability {
        cve: label(text(json, "id")),
        title: None,
        cvss: items(json, "ratings")
            .iter()
            .filter_map(rating)
            .max_by(|one, other| one.score.total_cmp(&other.score)),
        products,
        remedies: action
            .map(|text| Remedy {
                kind: if updates { RemedyKind::Update } else { RemedyKind::Mitigation },
                text: text.to_owned(),
                products: Vec::new(),
            })
            .into_iter()
            .collect(),
    })
}

/// A rating by CVSS 3.0, 3.1 or 4.0, in the form in which advisories write it.
fn rating(json: &Value) -> Option<wardline_model::CvssScore> {
    let version = match text(json, "method")? {
        "CVSSv3" => "3.0",
        "CVSSv31" => "3.1",
        "CVSSv4" => "4.0",
        _ => return None,
    };
    let vector = text(json, "vector").unwrap_or_default();
    let vector = if vector.is_empty() || vector.starts_with("CVSS:") {
        vector.to_owned()
    } else {
        format!("CVSS:{version}/{vector}")
    };
    cvss(&serde_json::json!({ "version": version, "vectorString": vector, "baseScore": json.get("score") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_with_the_parts_that_they_name() {
        let json = serde_json::json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 3, "serialNumber": "urn:uuid:1",
            "metadata": { "component": { "bom-ref": "p", "type": "device", "name": "Pump 7", "version": "2.1",
                "supplier": { "name": "Example Medical" } } },
            "vulnerabilities": [
                { "id": "CVE-2025-0001", "analysis": { "state": "not_affected", "justification": "code_not_present" },
                  "affects": [{ "ref": "p" }, { "ref": "urn:cdx:2/1#q" }] },
                { "id": "CVE-2025-0002", "analysis": { "state": "exploitable", "detail": "Update.", "response": ["update"] },
                  "ratings": [{ "method": "CVSSv31", "vector": "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
                  "affects": [{ "ref": "p", "versions": [{ "version": "2.0" }, { "version": "2.1", "status": "unaffected" }] }] },
                { "id": "CVE-2025-0003" },
            ],
        });
        let advisory = read(&json).unwrap().unwrap();
        let [first, second] = &advisory.vulnerabilities[..] else { panic!("what says nothing is left out") };
        assert_eq!(first.products.len(), 1);
        assert_eq!(
            (first.products[0].status, first.products[0].versions.as_str()),
            (ProductStatus::NotAffected, "2.1")
        );
        assert_eq!(first.products[0].justification, Some(Label::new("code_not_present")));
        assert_eq!(second.cvss.as_ref().unwrap().score, 9.8);
        let statuses: Vec<_> = second.products.iter().map(|product| product.status).collect();
        assert_eq!(statuses, [ProductStatus::Affected, ProductStatus::NotAffected]);
        assert_eq!(second.remedies[0].kind, RemedyKind::Update);
        assert!(read(&serde_json::json!({ "bomFormat": "CycloneDX", "components": [] })).is_none());
    }
}
