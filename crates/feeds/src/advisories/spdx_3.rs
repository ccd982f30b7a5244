//! Bills of materials in SPDX 3.0 (ISO/IEC 5962 is version 2; this is its successor), as JSON-LD: a graph of elements that
//! name each other by identifier.
//!
//! The document names its root; where that is a bill (`software_Sbom`), the bill names the package that it is about. Every
//! other package is a part, however it is related: a relationship that is not understood hides no part.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wardline_model::{BillOfMaterials, Component, Label};

use super::bill::{COMPONENTS_MAX, namespace};
use super::{FeedError, items, nvd, text};

/// Roots that are followed from one to the next.
const ROOTS_MAX: usize = 8;

/// Whether a document is one of SPDX 3.
pub(super) fn is_bill(json: &Value) -> bool {
    let contexts = json.get("@context");
    let named = |context: &Value| context.as_str().is_some_and(|name| name.contains("spdx.org/rdf/3."));
    contexts
        .is_some_and(|context| named(context) || context.as_array().is_some_and(|all| all.iter().any(named)))
}

type Graph<'a> = BTreeMap<&'a str, &'a Value>;

pub(super) fn read(json: &Value) -> Result<BillOfMaterials, FeedError> {
    let elements = items(json, "@graph");
    if elements.len() > COMPONENTS_MAX {
        return Err(FeedError::TooMany(COMPONENTS_MAX));
    }
    let graph: Graph<'_> = elements.iter().filter_map(|element| Some((id(element)?, element))).collect();
    let described = root(elements, &graph);
    let product =
        described.and_then(|described| graph.get(described)).and_then(|package| part(package, &graph));
    let product = product.ok_or(FeedError::Missing {
        kind: "an SPDX 3 bill",
        field: "the package that it describes (rootElement)",
    })?;
    let others = elements.iter().filter(|element| is_package(element) && id(element) != described);
    Ok(BillOfMaterials { product, components: others.filter_map(|package| part(package, &graph)).collect() })
}

fn id(element: &Value) -> Option<&str> {
    text(element, "spdxId").or_else(|| text(element, "@id"))
}

fn kind(element: &Value) -> &str {
    text(element, "type").or_else(|| text(element, "@type")).unwrap_or_default()
}

fn is_package(element: &Value) -> bool {
    kind(element) == "software_Package"
}

/// A value, or the first of several.
fn first<'a>(element: &'a Value, field: &str) -> Option<&'a str> {
    text(element, field).or_else(|| items(element, field).first()?.as_str())
}

/// The package that the document is about.
fn root<'a>(elements: &'a [Value], graph: &Graph<'a>) -> Option<&'a str> {
    let begin = |wanted: &str| elements.iter().find(|element| kind(element) == wanted);
    let mut here = begin("SpdxDocument").or_else(|| begin("software_Sbom"))?;
    let mut seen = BTreeSet::new();
    for _ in 0..ROOTS_MAX {
        if is_package(here) {
            return id(here);
        }
        let next = first(here, "rootElement").or_else(|| first(here, "element"))?;
        if !seen.insert(next) {
            return None;
        }
        here = graph.get(next)?;
    }
    None
}

fn part(package: &Value, graph: &Graph<'_>) -> Option<Component> {
    let cpe = items(package, "externalIdentifier")
        .iter()
        .find(|one| text(one, "externalIdentifierType") == Some("cpe23"));
    let by_cpe = cpe.and_then(|one| text(one, "identifier")).and_then(nvd::vendor_and_product);
    let by_whom = ["suppliedBy", "originatedBy"].into_iter().find_map(|field| {
        let agent = first(package, field)?;
        graph.get(agent).and_then(|agent| text(agent, "name")).map(str::to_owned)
    });
    let by_address = || text(package, "software_packageUrl").and_then(namespace);
    let vendor =
        by_cpe.as_ref().map(|(vendor, _)| vendor.clone()).or(by_whom).or_else(by_address).unwrap_or_default();
    let name = by_cpe.map(|(_, product)| product).or_else(|| text(package, "name").map(str::to_owned))?;
    Some(Component {
        vendor: Label::new(&vendor),
        name: Label::new(&name),
        version: text(package, "software_packageVersion")
            .filter(|version| !version.is_empty())
            .map(Label::new),
    })
}

#[cfg(test)]
mod tests {
    const BILL: &str = r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
      {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": "2025-01-02T03:04:05Z", "createdBy": ["urn:a"]},
      {"type": "Organization", "spdxId": "urn:a", "name": "Example Medical", "creationInfo": "_:c"},
      {"type": "SpdxDocument", "spdxId": "urn:d", "creationInfo": "_:c", "rootElement": ["urn:b"]},
      {"type": "software_Sbom", "spdxId": "urn:b", "creationInfo": "_:c", "rootElement": ["urn:p"]},
      {"type": "software_Package", "spdxId": "urn:p", "name": "Pump 700", "software_packageVersion": "2.1", "suppliedBy": "urn:a"},
      {"type": "software_Package", "spdxId": "urn:q", "name": "libssl", "software_packageVersion": "1.0.2",
       "externalIdentifier": [{"type": "ExternalIdentifier", "externalIdentifierType": "cpe23", "identifier": "cpe:2.3:a:openssl:openssl:1.0.2:*:*:*:*:*:*:*"}]},
      {"type": "software_Package", "spdxId": "urn:r", "name": "tomcat", "software_packageUrl": "pkg:maven/org.apache.tomcat/tomcat@9.0.1"},
      {"type": "Relationship", "spdxId": "urn:s", "from": "urn:p", "relationshipType": "contains", "to": ["urn:q", "urn:r"]}]}"#;

    #[test]
    fn a_graph_gives_the_product_and_its_parts() {
        let knowledge = super::super::read(BILL.as_bytes()).unwrap();
        let [bill] = &knowledge.bills[..] else { panic!("one") };
        assert_eq!(
            (bill.product.vendor.as_str(), bill.product.name.as_str()),
            ("Example Medical", "Pump 700")
        );
        let parts: Vec<_> =
            bill.components.iter().map(|part| (part.vendor.as_str(), part.name.as_str())).collect();
        assert_eq!(parts, [("openssl", "openssl"), ("org.apache.tomcat", "tomcat")]);
    }

    #[test]
    fn a_bill_of_nothing_or_of_itself_is_refused() {
        let circle = BILL.replace(r#""rootElement": ["urn:p"]"#, r#""rootElement": ["urn:b"]"#);
        let error = super::super::read(circle.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("rootElement"), "{error}");
    }
}
