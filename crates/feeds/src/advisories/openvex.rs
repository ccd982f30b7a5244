//! OpenVEX 0.2: statements about products and vulnerabilities.

use serde_json::Value;
use wardline_model::{
    AdvisedVulnerability, Advisory, Label, ProductStatement, ProductStatus, Remedy, RemedyKind,
};

use super::{FeedError, items, label, text, timestamp};

pub(super) fn read(json: &Value) -> Result<Advisory, FeedError> {
    let id = text(json, "@id").ok_or(FeedError::Missing { kind: "OpenVEX", field: "@id" })?;
    let vulnerabilities = items(json, "statements").iter().filter_map(|statement| {
        let vulnerability = statement.get("vulnerability")?;
        let cve = vulnerability.as_str().or_else(|| text(vulnerability, "name"))?;
        let status = match text(statement, "status")? {
            "affected" => ProductStatus::Affected,
            "not_affected" => ProductStatus::NotAffected,
            "fixed" => ProductStatus::Fixed,
            _ => ProductStatus::UnderInvestigation,
        };
        let products = items(statement, "products").iter().filter_map(|product| {
            let id = product.as_str().or_else(|| text(product, "@id"))?;
            let (vendor, name, version) = package(id);
            Some(ProductStatement {
                vendor: Label::new(&vendor),
                product: Label::new(&name),
                versions: version,
                status,
                justification: text(statement, "justification").map(Label::new),
            })
        });
        let action = text(statement, "action_statement").map(|text| Remedy {
            kind: RemedyKind::Mitigation,
            text: text.to_owned(),
            products: Vec::new(),
        });
        Some(AdvisedVulnerability {
            cve: Label::new(cve),
            title: None,
            cvss: None,
            products: products.collect(),
            remedies: action.into_iter().collect(),
        })
    });
    Ok(Advisory {
        id: Label::new(id),
        title: Label::new("VEX"),
        publisher: label(text(json, "author")),
        revision: json.get("version").map(|version| Label::new(&version.to_string())).unwrap_or_default(),
        released: text(json, "timestamp").and_then(timestamp),
        vulnerabilities: vulnerabilities.collect(),
    })
}

/// Namespace, name and version of a package URL; another identifier is a name alone.
fn package(id: &str) -> (String, String, String) {
    let Some(rest) = id.strip_prefix("pkg:") else { return (String::new(), id.to_owned(), "*".to_owned()) };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (path, version) = rest.split_once('@').map_or((rest, "*"), |(path, version)| (path, version));
    let mut parts = path.split('/').skip(1).collect::<Vec<_>>();
    let name = parts.pop().unwrap_or_default();
    (parts.join("/"), name.to_owned(), version.to_owned())
}
