//! What is known of vulnerabilities in devices here, for others to read (VEX): OpenVEX 0.2, CSAF 2.0 profile 5 (VEX), and
//! CycloneDX 1.6.
//!
//! A statement is about a product: maker, model and version. Nothing of a single device, its addresses or its place is in it.
//! A sure match is `affected`, one that a person must look at `under investigation`, and what was patched on all devices of
//! a product `fixed`. That a product is not affected is the maker's to say, so it is never said here.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardline_model::{
    Device, DeviceId, Label, MatchKind, PatchStatus, PlanEvent, RemedyKind, Timestamp, Vulnerability,
};

/// Who says it, and when.
#[derive(Clone, Debug)]
pub struct VexAuthor {
    /// Name of the hospital or its office.
    pub name: String,
    /// Web address that is its own.
    pub namespace: String,
    /// When.
    pub time: Timestamp,
}

/// A form of VEX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VexForm {
    /// OpenVEX 0.2.
    OpenVex,
    /// CSAF 2.0.
    Csaf,
    /// CycloneDX 1.6.
    CycloneDx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Fixed,
    UnderInvestigation,
    Affected,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Product {
    vendor: String,
    model: String,
    version: Option<String>,
}

struct Said {
    status: Status,
    /// What to do, as far as the maker or the network offers anything.
    action: String,
    update: bool,
}

type Statements = BTreeMap<Label, BTreeMap<Product, Said>>;

/// Writes what is known of these devices.
pub fn vex(
    form: VexForm,
    devices: &[Device],
    queue: &[Vulnerability],
    events: &[PlanEvent],
    author: &VexAuthor,
) -> Value {
    let said = statements(devices, queue, events);
    match form {
        VexForm::OpenVex => open_vex(&said, author),
        VexForm::Csaf => csaf(&said, author),
        VexForm::CycloneDx => cyclone_dx(&said, author),
    }
}

fn statements(devices: &[Device], queue: &[Vulnerability], events: &[PlanEvent]) -> Statements {
    let products: BTreeMap<&DeviceId, Product> = devices
        .iter()
        .filter_map(|device| {
            let version = device.firmware.as_ref().map(|version| version.to_string());
            let (vendor, model) = (device.vendor.as_ref()?.to_string(), device.model.as_ref()?.to_string());
            Some((&device.id, Product { vendor, model, version }))
        })
        .collect();
    let mut patched: BTreeMap<(&DeviceId, &Label), bool> = BTreeMap::new();
    for event in events {
        if let wardline_model::PlanAction::Status { status } = &event.action {
            patched.insert((&event.device, &event.cve), *status == PatchStatus::Patched);
        }
    }
    let mut said = Statements::new();
    for entry in queue {
        let Some(product) = products.get(&entry.device) else { continue };
        let status = match (patched.get(&(&entry.device, &entry.cve)), entry.matched.kind) {
            (Some(true), _) => Status::Fixed,
            (_, MatchKind::Possible) => Status::UnderInvestigation,
            _ => Status::Affected,
        };
        let of_cve = said.entry(entry.cve.clone()).or_default();
        let known = of_cve.entry(product.clone()).or_insert_with(|| Said {
            status,
            action: entry.fix.text.clone(),
            update: entry.fix.kind == RemedyKind::Update,
        });
        // One device that has it still makes the product one that has it.
        known.status = known.status.max(status);
    }
    said
}

impl Product {
    /// Package URL of type `generic` (purl specification): nobody registers medical devices.
    fn purl(&self) -> String {
        let version = self.version.as_deref().map(|version| format!("@{}", escape(version)));
        format!("pkg:generic/{}/{}{}", escape(&self.vendor), escape(&self.model), version.unwrap_or_default())
    }

    fn name(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {} {version}", self.vendor, self.model),
            None => format!("{} {}", self.vendor, self.model),
        }
    }
}

/// RFC 3986, section 2.1, but for letters, digits and `-._~`.
fn escape(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

/// A name of this document that no other has: it is made of its author and its time.
fn identifier(author: &VexAuthor) -> String {
    let letters = author.time.to_string();
    letters.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn open_vex(said: &Statements, author: &VexAuthor) -> Value {
    let mut all = Vec::new();
    for (cve, products) in said {
        for (product, said) in products {
            let mut statement = json!({
                "vulnerability": { "name": cve.as_str() },
                "products": [{ "@id": product.purl(), "identifiers": { "purl": product.purl() } }],
                "status": match said.status {
                    Status::Affected => "affected",
                    Status::UnderInvestigation => "under_investigation",
                    Status::Fixed => "fixed",
                },
            });
            if said.status == Status::Affected {
                statement["action_statement"] = json!(said.action);
            }
            all.push(statement);
        }
    }
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": format!("{}/vex/{}", author.namespace.trim_end_matches('/'), identifier(author)),
        "author": author.name,
        "timestamp": author.time,
        "version": 1,
        "tooling": "Wardline",
        "statements": all,
    })
}

fn csaf(said: &Statements, author: &VexAuthor) -> Value {
    let mut products: Vec<&Product> = said.values().flat_map(BTreeMap::keys).collect();
    products.sort();
    products.dedup();
    let id = |product: &Product| {
        let place = products.binary_search(&product).unwrap_or_default();
        format!("WARDLINE-{:04}", place + 1)
    };
    let full: Vec<Value> = products
        .iter()
        .map(|product| {
            json!({
                "name": product.name(), "product_id": id(product),
                "product_identification_helper": { "purl": product.purl() },
            })
        })
        .collect();
    let vulnerabilities: Vec<Value> = said
        .iter()
        .map(|(cve, products)| {
            let mut status = BTreeMap::<&str, Vec<String>>::new();
            let mut remediations = Vec::new();
            for (product, said) in products {
                let of = match said.status {
                    Status::Affected => "known_affected",
                    Status::UnderInvestigation => "under_investigation",
                    Status::Fixed => "fixed",
                };
                status.entry(of).or_default().push(id(product));
                if said.status == Status::Affected {
                    remediations.push(json!({
                        "category": if said.update { "vendor_fix" } else { "mitigation" },
                        "details": said.action, "product_ids": [id(product)],
                    }));
                }
            }
            let mut vulnerability = json!({
                "notes": [{ "category": "description", "text": "See the record of this vulnerability." }],
                "product_status": status,
            });
            if is_cve(cve.as_str()) {
                vulnerability["cve"] = json!(cve.as_str());
            } else {
                vulnerability["ids"] = json!([{ "system_name": "publisher", "text": cve.as_str() }]);
            }
            if !remediations.is_empty() {
                vulnerability["remediations"] = json!(remediations);
            }
            vulnerability
        })
        .collect();
    json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0",
            "title": format!("Vulnerabilities of devices in use, by {}", author.name),
            "publisher": { "category": "user", "name": author.name, "namespace": author.namespace },
            "tracking": {
                "id": format!("wardline-{}", identifier(author)), "status": "final", "version": "1",
                "initial_release_date": author.time, "current_release_date": author.time,
                "revision_history": [{ "number": "1", "date": author.time, "summary": "First version." }],
            },
        },
        "product_tree": { "full_product_names": full },
        "vulnerabilities": vulnerabilities,
    })
}

/// `CVE-YYYY-N…` (CSAF 2.0, section 3.2.3.2).
fn is_cve(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(year, number)| year.len() == 4 && number.len() >= 4 && digits(year) && digits(number))
}

fn cyclone_dx(said: &Statements, author: &VexAuthor) -> Value {
    let mut products: Vec<&Product> = said.values().flat_map(BTreeMap::keys).collect();
    products.sort();
    products.dedup();
    let components: Vec<Value> = products
        .iter()
        .map(|product| {
            let mut component = json!({
                "type": "device", "bom-ref": product.purl(), "name": product.model,
                "supplier": { "name": product.vendor }, "purl": product.purl(),
            });
            if let Some(version) = &product.version {
                component["version"] = json!(version);
            }
            component
        })
        .collect();
    let mut vulnerabilities = Vec::new();
    for (cve, products) in said {
        for (product, said) in products {
            let mut analysis = json!({
                "state": match said.status {
                    Status::Affected => "exploitable",
                    Status::UnderInvestigation => "in_triage",
                    Status::Fixed => "resolved",
                },
            });
            if said.status == Status::Affected {
                analysis["detail"] = json!(said.action);
                analysis["response"] = json!([if said.update { "update" } else { "workaround_available" }]);
            }
            vulnerabilities.push(json!({
                "id": cve.as_str(), "analysis": analysis, "affects": [{ "ref": product.purl() }],
            }));
        }
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": author.time,
            "component": { "type": "platform", "name": author.name, "bom-ref": "site" },
        },
        "components": components,
        "vulnerabilities": vulnerabilities,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_package_addresses_want_it() {
        let product = Product {
            vendor: "B. Braun".to_owned(),
            model: "Space/Com @2".to_owned(),
            version: Some("1.0 ß".to_owned()),
        };
        assert_eq!(product.purl(), "pkg:generic/B.%20Braun/Space%2FCom%20%402@1.0%20%C3%9F");
    }

    #[test]
    fn only_numbers_of_the_cve_program_are_called_so() {
        assert!(is_cve("CVE-2025-0001") && is_cve("CVE-2025-1234567"));
        assert!(!is_cve("CVE-25-0001") && !is_cve("CVE-2025-001") && !is_cve("GHSA-1"));
    }
}
