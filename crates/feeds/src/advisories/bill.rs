//! Software bills of materials: CycloneDX 1.4 to 1.7 (ECMA-424) and SPDX 2.2 and 2.3 (ISO/IEC 5962), in JSON;
//! SPDX 3 is read in `spdx_3`.
//!
//! Who makes a part is told best by its CPE, since advisories use the same words; then by supplier, maker, publisher, group
//! and package URL.

use serde_json::Value;
use wardline_model::{BillOfMaterials, Component, Label};

use super::{FeedError, items, nvd, text};

/// Components within components, at most.
const DEPTH_MAX: usize = 32;

/// Components of one bill, at most.
pub(super) const COMPONENTS_MAX: usize = 200_000;

/// Reads a bill; `None` where the document is none.
pub(super) fn read(json: &Value) -> Option<Result<BillOfMaterials, FeedError>> {
    if text(json, "bomFormat") == Some("CycloneDX") {
        return Some(cyclonedx(json));
    }
    let spdx = text(json, "spdxVersion").is_some_and(|version| version.starts_with("SPDX-2."));
    spdx.then(|| spdx_2(json))
}

fn cyclonedx(json: &Value) -> Result<BillOfMaterials, FeedError> {
    let product = json.get("metadata").and_then(|metadata| metadata.get("component")).and_then(part);
    let product =
        product.ok_or(FeedError::Missing { kind: "a CycloneDX bill", field: "metadata.component.name" })?;
    let mut components = Vec::new();
    gather(json, 0, &mut components)?;
    Ok(BillOfMaterials { product, components })
}

fn gather(parent: &Value, depth: usize, found: &mut Vec<Component>) -> Result<(), FeedError> {
    if depth >= DEPTH_MAX {
        return Ok(());
    }
    for component in items(parent, "components") {
        if found.len() >= COMPONENTS_MAX {
            return Err(FeedError::TooMany(COMPONENTS_MAX));
        }
        found.extend(part(component));
        gather(component, depth + 1, found)?;
    }
    Ok(())
}

/// A component of CycloneDX.
pub(super) fn part(json: &Value) -> Option<Component> {
    let named = |field: &str| {
        let value = json.get(field)?;
        value.as_str().or_else(|| text(value, "name")).map(str::to_owned)
    };
    let by_cpe = text(json, "cpe").and_then(nvd::vendor_and_product);
    let vendor = ["supplier", "manufacturer", "publisher", "group"].into_iter().find_map(named);
    let vendor = by_cpe.as_ref().map(|(vendor, _)| vendor.clone()).or(vendor);
    let vendor = vendor.or_else(|| text(json, "purl").and_then(namespace)).unwrap_or_default();
    let name = by_cpe.map(|(_, product)| product).or_else(|| named("name"))?;
    Some(Component {
        vendor: Label::new(&vendor),
        name: Label::new(&name),
        version: text(json, "version").filter(|version| !version.is_empty()).map(Label::new),
    })
}

fn spdx_2(json: &Value) -> Result<BillOfMaterials, FeedError> {
    let described = items(json, "documentDescribes").first().and_then(Value::as_str).or_else(|| {
        let describes = items(json, "relationships")
            .iter()
            .find(|one| text(one, "relationshipType") == Some("DESCRIBES"));
        describes.and_then(|one| text(one, "relatedSpdxElement"))
    });
    let packages = items(json, "packages");
    if packages.len() > COMPONENTS_MAX {
        return Err(FeedError::TooMany(COMPONENTS_MAX));
    }
    let is_product = |one: &&Value| described.is_some() && text(one, "SPDXID") == described;
    let product = packages.iter().find(is_product).and_then(package);
    let product =
        product.ok_or(FeedError::Missing { kind: "an SPDX bill", field: "the package that it describes" })?;
    let components = packages.iter().filter(|one| !is_product(one)).filter_map(package).collect();
    Ok(BillOfMaterials { product, components })
}

/// A package of SPDX (section 7).
fn package(json: &Value) -> Option<Component> {
    let reference = |kind: &str| {
        let found = items(json, "externalRefs").iter().find(|one| text(one, "referenceType") == Some(kind));
        found.and_then(|one| text(one, "referenceLocator"))
    };
    let by_cpe = reference("cpe23Type").and_then(nvd::vendor_and_product);
    let by_whom = ["supplier", "originator"].into_iter().filter_map(|field| text(json, field));
    let vendor = by_whom
        .filter_map(|name| name.strip_prefix("Organization:"))
        .map(|name| name.trim().to_owned())
        .next();
    let vendor = by_cpe.as_ref().map(|(vendor, _)| vendor.clone()).or(vendor);
    let vendor = vendor.or_else(|| reference("purl").and_then(namespace)).unwrap_or_default();
    let name = by_cpe.map(|(_, product)| product).or_else(|| text(json, "name").map(str::to_owned))?;
    Some(Component {
        vendor: Label::new(&vendor),
        name: Label::new(&name),
        version: text(json, "versionInfo").filter(|version| !version.is_empty()).map(Label::new),
    })
}

/// The namespace of a package URL: `org.apache.tomcat` of `pkg:maven/org.apache.tomcat/tomcat@9`.
pub(super) fn namespace(purl: &str) -> Option<String> {
    let path = purl.strip_prefix("pkg:")?.split(['@', '?', '#']).next()?;
    let parts: Vec<&str> = path.split('/').collect();
    let between = parts.get(1..parts.len().checked_sub(1)?)?.join("/");
    (!between.is_empty()).then_some(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cyclonedx_bill_gives_the_product_and_all_its_parts() {
        let json = serde_json::json!({"bomFormat": "CycloneDX", "specVersion": "1.5",
          "metadata": {"component": {"type": "device", "name": "Pump 7", "version": "2.1", "supplier": {"name": "Example Medical"}}},
          "components": [
            {"type": "library", "name": "openssl", "version": "1.0.2", "cpe": "cpe:2.3:a:openssl:openssl:1.0.2:*:*:*:*:*:*:*",
             "components": [{"type": "library", "name": "zlib", "version": "1.2.3", "purl": "pkg:generic/zlib@1.2.3"}]},
            {"type": "library", "name": "tomcat", "version": "9.0.1", "purl": "pkg:maven/org.apache.tomcat/tomcat@9.0.1"}]});
        let bill = read(&json).unwrap().unwrap();
        assert_eq!((bill.product.vendor.as_str(), bill.product.name.as_str()), ("Example Medical", "Pump 7"));
        let parts: Vec<_> =
            bill.components.iter().map(|part| (part.vendor.as_str(), part.name.as_str())).collect();
        assert_eq!(parts, [("openssl", "openssl"), ("", "zlib"), ("org.apache.tomcat", "tomcat")]);
    }

    #[test]
    fn an_spdx_bill_gives_the_same() {
        let json = serde_json::json!({"spdxVersion": "SPDX-2.3", "documentDescribes": ["SPDXRef-1"], "packages": [
          {"SPDXID": "SPDXRef-1", "name": "Pump 7", "versionInfo": "2.1", "supplier": "Organization: Example Medical"},
          {"SPDXID": "SPDXRef-2", "name": "libssl", "versionInfo": "1.0.2", "externalRefs": [
            {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:openssl:openssl:1.0.2:*:*:*:*:*:*:*"}]}]});
        let bill = read(&json).unwrap().unwrap();
        assert_eq!(bill.product.vendor.as_str(), "Example Medical");
        assert_eq!(bill.components[0].name.as_str(), "openssl");
        assert!(read(&serde_json::json!({"spdxVersion": "SPDX-2.3"})).unwrap().is_err());
        assert!(read(&serde_json::json!({"bomFormat": "CycloneDX"})).unwrap().is_err());
        assert!(read(&serde_json::json!({})).is_none());
    }
}
