//! CVE records 5.x, with the container that CISA adds (vulnrichment).

use serde_json::Value;
use wardline_model::{
    AdvisedVulnerability, Advisory, Exploitation, ExploitedVulnerability, Label, ProductStatement,
    ProductStatus, Remedy, RemedyKind, StakeholderFacts,
};

use super::csaf::cvss;
use super::{FeedError, Knowledge, items, label, text, timestamp};

pub(super) fn read(json: &Value) -> Result<Knowledge, FeedError> {
    let about =
        json.get("cveMetadata").ok_or(FeedError::Missing { kind: "a CVE record", field: "cveMetadata" })?;
    let cve = text(about, "cveId")
        .ok_or(FeedError::Missing { kind: "a CVE record", field: "cveMetadata.cveId" })?;
    let mut knowledge = Knowledge::default();
    if text(about, "state") == Some("REJECTED") {
        return Ok(knowledge);
    }
    let Some(containers) = json.get("containers") else {
        return Err(FeedError::Missing { kind: "a CVE record", field: "containers" });
    };
    let own = containers.get("cna");
    let added = items(containers, "adp");
    let every = || own.into_iter().chain(added);
    let products = every().flat_map(|container| items(container, "affected")).flat_map(product).collect();
    let scores = every().flat_map(|container| items(container, "metrics")).flat_map(|metric| {
        ["cvssV4_0", "cvssV3_1", "cvssV3_0"].into_iter().filter_map(|field| metric.get(field))
    });
    let solutions = own.map_or(&[][..], |own| items(own, "solutions")).iter();
    knowledge.advisories.push(Advisory {
        id: Label::new(cve),
        title: label(own.and_then(|own| text(own, "title"))),
        publisher: label(text(about, "assignerShortName")),
        revision: label(text(about, "dateUpdated")),
        released: text(about, "dateUpdated").and_then(timestamp),
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new(cve),
            title: own.and_then(|own| text(own, "title")).map(Label::new),
            cvss: scores.filter_map(cvss).max_by(|one, other| one.score.total_cmp(&other.score)),
            products,
            remedies: solutions
                .filter_map(|solution| text(solution, "value"))
                .map(|text| Remedy { kind: RemedyKind::Update, text: text.to_owned(), products: Vec::new() })
                .collect(),
        }],
    });
    for other in
        every().flat_map(|container| items(container, "metrics")).filter_map(|metric| metric.get("other"))
    {
        let content = other.get("content");
        match (text(other, "type"), content) {
            (Some("ssvc"), Some(content)) => knowledge.stakeholder.push(stakeholder(cve, content)),
            (Some("kev"), Some(content)) => knowledge.exploited.push(ExploitedVulnerability {
                cve: Label::new(cve),
                added: label(text(content, "dateAdded")),
                ransomware: false,
            }),
            _ => {}
        }
    }
    Ok(knowledge)
}

/// The letters of these records are of either case.
fn stakeholder(cve: &str, content: &Value) -> StakeholderFacts {
    let option = |name: &str| {
        let found = items(content, "options").iter().find_map(|option| text(option, name));
        found.map(str::to_ascii_lowercase)
    };
    StakeholderFacts {
        cve: Label::new(cve),
        exploitation: match option("Exploitation").as_deref() {
            Some("active") => Exploitation::Active,
            Some("poc") => Exploitation::ProofOfConcept,
            _ => Exploitation::None,
        },
        automatable: option("Automatable").map(|answer| answer == "yes"),
        total_impact: option("Technical Impact").map(|answer| answer == "total"),
    }
}

/// A product of the record, with one text for all its affected versions.
fn product(json: &Value) -> Option<ProductStatement> {
    let (vendor, name) = (text(json, "vendor")?, text(json, "product")?);
    if matches!((vendor, name), ("n/a", _) | (_, "n/a")) {
        return None;
    }
    let otherwise = text(json, "defaultStatus") == Some("affected");
    let versions: Vec<_> = items(json, "versions")
        .iter()
        .filter(|version| text(version, "status") == Some("affected"))
        .filter_map(|version| {
            let from = text(version, "version")?;
            let lower = if matches!(from, "0" | "*" | "unspecified" | "n/a") { None } else { Some(from) };
            let upper = text(version, "lessThan").map(|upper| format!("< {upper}"));
            let upper = upper.or_else(|| text(version, "lessThanOrEqual").map(|upper| format!("<= {upper}")));
            match (lower, upper) {
                (_, Some(upper)) if upper.ends_with('*') => {
                    Some(lower.map_or("*".to_owned(), |lower| format!(">= {lower}")))
                }
                (Some(lower), Some(upper)) => Some(format!(">= {lower} | {upper}")),
                (None, Some(upper)) => Some(upper),
                (Some(exact), None) => Some(exact.to_owned()),
                (None, None) => (from != "n/a").then(|| "*".to_owned()),
            }
        })
        .collect();
    let versions = match versions.as_slice() {
        [] if otherwise => "*".to_owned(),
        [] => return None,
        [one] => one.clone(),
        several => several.join(" , "),
    };
    Some(ProductStatement {
        vendor: Label::new(vendor),
        product: Label::new(name),
        versions,
        status: ProductStatus::Affected,
        justification: None,
    })
}
