//! What is inside a device, by its bill of materials, and the statements about products of that name.
//!
//! Makers of parts are named in many ways ("apache", "org.apache.tomcat", "Apache Software Foundation"). Statements are
//! found by the product's name without its maker's words; where the makers share no word, a person must look.

use std::collections::{BTreeMap, BTreeSet};

use wardline_model::{Advisory, BillOfMaterials, Component, Device, Label, Match, MatchKind};

use super::product::{self, Likeness};
use super::{Place, vendors};

/// Bills of materials, and where their parts are named.
#[derive(Default)]
pub(super) struct Bills {
    bills: Vec<BillOfMaterials>,
    by_name: BTreeMap<String, Vec<Place>>,
}

/// A part of a device, and whether the bill is surely that of the device.
pub(super) struct Part<'a> {
    pub component: &'a Component,
    pub sure: bool,
}

/// That a bill of a device is here.
pub(super) struct Held {
    pub parts: usize,
    /// It is surely that of the device.
    pub sure: bool,
}

impl Bills {
    /// Whether a bill of a device is here, and how many parts it names.
    pub(super) fn held(&self, device: &Device) -> Option<Held> {
        let parts = self.parts(device);
        let sure = parts.first()?.sure;
        Some(Held { parts: parts.len(), sure })
    }

    pub(super) fn new(bills: Vec<BillOfMaterials>, advisories: &[Advisory]) -> Self {
        let names: BTreeSet<String> = bills
            .iter()
            .flat_map(|bill| &bill.components)
            .map(|part| bare_name(part.name.as_str(), part.vendor.as_str()))
            .collect();
        let mut by_name: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        if !names.is_empty() {
            for (a, advisory) in advisories.iter().enumerate() {
                for (v, vulnerability) in advisory.vulnerabilities.iter().enumerate() {
                    for (s, statement) in vulnerability.products.iter().enumerate() {
                        let name = bare_name(statement.product.as_str(), statement.vendor.as_str());
                        if names.contains(&name) {
                            by_name.entry(name).or_default().push((a, v, s));
                        }
                    }
                }
            }
        }
        Self { bills, by_name }
    }

    /// The parts of a device: of every bill of its maker, model and version.
    pub(super) fn parts<'a>(&'a self, device: &Device) -> Vec<Part<'a>> {
        let (Some(vendor), Some(model)) = (&device.vendor, &device.model) else { return Vec::new() };
        let makers = vendors(vendor.as_str());
        let mut parts = Vec::new();
        for bill in &self.bills {
            let same_maker = vendors(bill.product.vendor.as_str()).iter().any(|maker| makers.contains(maker));
            let (name, maker) = (bill.product.name.as_str(), bill.product.vendor.as_str());
            if !same_maker || product::likeness(model.as_str(), name, maker) != Some(Likeness::Wholly) {
                continue;
            }
            let sure = match (&bill.product.version, &device.firmware) {
                (Some(of_bill), Some(here)) if of_bill != here => continue,
                (Some(_), None) => false,
                _ => true,
            };
            parts.extend(bill.components.iter().map(|component| Part { component, sure }));
        }
        parts
    }

    /// Statements about products of a part's name.
    pub(super) fn named(&self, component: &Component) -> &[Place] {
        self.by_name
            .get(&bare_name(component.name.as_str(), component.vendor.as_str()))
            .map_or(&[], Vec::as_slice)
    }
}

/// What a match of a part means for the device.
pub(super) fn within(part: &Part<'_>, vendor: &Label, matched: Match) -> Match {
    let same = share_word(part.component.vendor.as_str(), vendor.as_str());
    let mut reason = format!("by its bill of materials it holds {}; {}", part.component.name, matched.reason);
    if !same {
        reason.push_str(&format!("; whether that of \u{201c}{vendor}\u{201d} is meant must be looked at"));
    }
    if !part.sure {
        reason.push_str(
            "; which version of the device this is, and so whether the bill is its own, is not known",
        );
    }
    let kind = if same && part.sure { matched.kind } else { MatchKind::Possible };
    Match { kind, reason }
}

fn words(text: &str) -> Vec<String> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric() && letter != '+');
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// A product's name without the words of its maker, unless it has no others.
fn bare_name(product: &str, vendor: &str) -> String {
    let (of_product, of_vendor) = (words(product), words(vendor));
    let own: Vec<&str> =
        of_product.iter().filter(|word| !of_vendor.contains(word)).map(String::as_str).collect();
    if own.is_empty() { of_product.join(" ") } else { own.join(" ") }
}

/// Whether two makers' names share a word that says something.
fn share_word(one: &str, other: &str) -> bool {
    const EMPTY: &[&str] = &[
        "com",
        "org",
        "net",
        "io",
        "the",
        "inc",
        "ltd",
        "gmbh",
        "corporation",
        "foundation",
        "software",
        "project",
        "group",
        "systems",
    ];
    let of_other = words(other);
    words(one).iter().any(|word| !EMPTY.contains(&word.as_str()) && of_other.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_their_makers() {
        assert_eq!(bare_name("Apache Tomcat", "Apache Software Foundation"), "tomcat");
        assert_eq!(bare_name("tomcat", "apache"), "tomcat");
        assert_eq!(bare_name("OpenSSL", "OpenSSL"), "openssl");
        assert_eq!(bare_name("libssl_dev", ""), "libssl dev");
    }

    #[test]
    fn makers_are_the_same_when_a_telling_word_is() {
        assert!(share_word("org.apache.tomcat", "Apache Software Foundation"));
        assert!(!share_word("The Example Foundation", "Another Software Foundation"));
        assert!(!share_word("", "OpenSSL"));
    }
}
