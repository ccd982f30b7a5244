//! CSAF 2.0 and 2.1: security advisories and VEX. OASIS CSAF, sections 3.2.2 (product tree) and 3.2.3.

use std::collections::BTreeMap;

use serde_json::Value;
use wardline_model::{
    AdvisedVulnerability, Advisory, CvssScore, Label, ProductStatement, ProductStatus, Remedy, RemedyKind,
};

use super::score::base_score;
use super::{FeedError, items, label, text, timestamp};

/// Branches within branches, at most (section 3.1.2.2 gives no limit; real ones have three).
const DEPTH_MAX: usize = 32;

/// A product of the tree.
#[derive(Clone, Debug, Default)]
struct Product {
    vendor: String,
    product: String,
    versions: String,
}

pub(super) fn read(json: &Value) -> Result<Advisory, FeedError> {
    let document = json.get("document").ok_or(FeedError::Missing { kind: "CSAF", field: "document" })?;
    let tracking =
        document.get("tracking").ok_or(FeedError::Missing { kind: "CSAF", field: "document.tracking" })?;
    let id =
        text(tracking, "id").ok_or(FeedError::Missing { kind: "CSAF", field: "document.tracking.id" })?;
    let mut products = BTreeMap::new();
    if let Some(tree) = json.get("product_tree") {
        for branch in items(tree, "branches") {
            walk(branch, &Product::default(), 0, &mut products);
        }
        for full in items(tree, "full_product_names") {
            add(full, &Product::default(), &mut products);
        }
        relationships(tree, &mut products);
    }
    Ok(Advisory {
        id: Label::new(id),
        title: label(text(document, "title")),
        publisher: label(document.get("publisher").and_then(|publisher| text(publisher, "name"))),
        revision: label(text(tracking, "version")),
        released: text(tracking, "current_release_date").and_then(timestamp),
        vulnerabilities: items(json, "vulnerabilities")
            .iter()
            .map(|vulnerability| self::vulnerability(vulnerability, id, &products))
            .collect(),
    })
}

fn walk(branch: &Value, above: &Product, depth: usize, products: &mut BTreeMap<String, Product>) {
    if depth > DEPTH_MAX {
        return;
    }
    let mut here = above.clone();
    let name = text(branch, "name").unwrap_or_default();
    match text(branch, "category") {
        Some("vendor") => name.clone_into(&mut here.vendor),
        Some("product_name") => name.clone_into(&mut here.product),
        Some("product_family") if here.product.is_empty() => name.clone_into(&mut here.product),
        Some("product_version" | "product_version_range") => name.clone_into(&mut here.versions),
        _ => {}
    }
    if let Some(product) = branch.get("product") {
        add(product, &here, products);
    }
    for below in items(branch, "branches") {
        walk(below, &here, depth + 1, products);
    }
}

fn add(product: &Value, here: &Product, products: &mut BTreeMap<String, Product>) {
    let Some(id) = text(product, "product_id") else { return };
    let mut product_here = here.clone();
    if product_here.product.is_empty() {
        text(product, "name").unwrap_or_default().clone_into(&mut product_here.product);
    }
    products.insert(id.to_owned(), product_here);
}

/// A product on or within another one (section 3.2.2.5): the component's maker and name, on its platform.
fn relationships(tree: &Value, products: &mut BTreeMap<String, Product>) {
    for relationship in items(tree, "relationships") {
        let part = text(relationship, "product_reference").and_then(|id| products.get(id)).cloned();
        let whole =
            text(relationship, "relates_to_product_reference").and_then(|id| products.get(id)).cloned();
        let id = relationship.get("full_product_name").and_then(|name| text(name, "product_id"));
        if let (Some(mut part), Some(id)) = (part.or(whole.clone()), id) {
            if let Some(whole) = whole
                && whole.product != part.product
            {
                part.product = format!("{} on {}", part.product, whole.product);
            }
            products.insert(id.to_owned(), part);
        }
    }
}

fn vulnerability(json: &Value, advisory: &str, products: &BTreeMap<String, Product>) -> AdvisedVulnerability {
    let status = json.get("product_status");
    let groups = [
        ("known_affected", ProductStatus::Affected),
        ("first_affected", ProductStatus::Affected),
        ("last_affected", ProductStatus::Affected),
        ("known_not_affected", ProductStatus::NotAffected),
        ("fixed", ProductStatus::Fixed),
        ("first_fixed", ProductStatus::Fixed),
        ("under_investigation", ProductStatus::UnderInvestigation),
    ];
    let mut ids: Vec<&str> = Vec::new();
    let mut statements = Vec::new();
    for (field, status_here) in groups {
        let listed = status.map_or(&[][..], |status| items(status, field));
        for id in listed.iter().filter_map(Value::as_str) {
            let Some(product) = products.get(id) else { continue };
            ids.push(id);
            statements.push(ProductStatement {
                vendor: Label::new(&product.vendor),
                product: Label::new(&product.product),
                versions: product.versions.clone(),
                status: status_here,
                justification: justification(json, id),
            });
        }
    }
    let remedies = items(json, "remediations").iter().map(|remedy| self::remedy(remedy, &ids)).collect();
    let own_id = items(json, "ids").first().and_then(|id| text(id, "text"));
    AdvisedVulnerability {
        cve: label(text(json, "cve").or(own_id).or(Some(advisory))),
        title: text(json, "title").map(Label::new),
        cvss: score(json),
        products: statements,
        remedies,
    }
}

/// A flag (section 3.2.3.5), or the text of an impact threat that a VEX uses instead.
fn justification(json: &Value, id: &str) -> Option<Label> {
    let names = |item: &&Value| items(item, "product_ids").iter().any(|known| known.as_str() == Some(id));
    let flag = items(json, "flags").iter().find(names).and_then(|flag| text(flag, "label"));
    let threat = || {
        let impacts =
            items(json, "threats").iter().filter(|threat| text(threat, "category") == Some("impact"));
        impacts.into_iter().find(names).and_then(|threat| text(threat, "details"))
    };
    flag.or_else(threat).map(Label::new)
}

fn remedy(json: &Value, ids: &[&str]) -> Remedy {
    let kind = match text(json, "category") {
        Some("vendor_fix") => RemedyKind::Update,
        _ => RemedyKind::Mitigation,
    };
    let named = items(json, "product_ids").iter().filter_map(Value::as_str);
    let places = named.filter_map(|id| ids.iter().position(|known| *known == id));
    Remedy {
        kind,
        text: text(json, "details").unwrap_or_default().to_owned(),
        products: places.filter_map(|place| u32::try_from(place).ok()).collect(),
    }
}

/// The highest score; version 2.1 of CSAF keeps it under `metrics`.
fn score(json: &Value) -> Option<CvssScore> {
    let old = items(json, "scores").iter();
    let new = items(json, "metrics").iter().filter_map(|metric| metric.get("content"));
    let every = old
        .chain(new)
        .flat_map(|score| ["cvss_v4", "cvss_v3"].into_iter().filter_map(|field| score.get(field)));
    every.filter_map(cvss).max_by(|one, other| one.score.total_cmp(&other.score))
}

/// A score as published; where only a vector was, what follows from it.
pub(super) fn cvss(json: &Value) -> Option<CvssScore> {
    let published = json.get("baseScore").and_then(Value::as_f64);
    let computed = || text(json, "vectorString").and_then(base_score);
    let score = published.or_else(computed).filter(|score| (0.0..=10.0).contains(score))?;
    Some(CvssScore {
        version: label(text(json, "version")),
        vector: label(text(json, "vectorString")),
        score: score as f32,
    })
}
