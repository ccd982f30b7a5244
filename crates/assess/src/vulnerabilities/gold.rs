//! All products and version texts of CISA's 153 medical advisories against what a person reads in them.
//!
//! `fixtures/advisories/readings.tsv` says of every text what it is and which versions or models lie inside and outside of
//! it; `fixtures/advisories/products.tsv` says where each text stands. Neither was made with the code that is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use wardline_model::{Category, DeviceId, Timestamp};

use super::*;
use crate::vulnerabilities::product::names_model;

const PRODUCTS: &str = include_str!("../../../../fixtures/advisories/products.tsv");
const READINGS: &str = include_str!("../../../../fixtures/advisories/readings.tsv");

/// What a person reads in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    All,
    Versions,
    Models,
    /// A date of making, or a condition beside the version: nothing that a device tells on the wire decides it.
    Person,
}

struct Reading {
    class: Class,
    inside: Vec<&'static str>,
    outside: Vec<&'static str>,
}

struct Leaf {
    advisory: &'static str,
    vendor: &'static str,
    product: &'static str,
    versions: &'static str,
}

fn readings() -> BTreeMap<&'static str, Reading> {
    let list = |text: &'static str| text.split(';').filter(|item| !item.is_empty()).collect();
    let row = |line: &'static str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [text, class, inside, outside] = columns[..] else { panic!("{line}") };
        let class = match class {
            "all" => Class::All,
            "versions" => Class::Versions,
            "models" => Class::Models,
            "date" | "condition" => Class::Person,
            _ => panic!("{line}"),
        };
        (text, Reading { class, inside: list(inside), outside: list(outside) })
    };
    READINGS.lines().skip(1).map(row).collect()
}

fn leaves() -> Vec<Leaf> {
    let row = |line: &'static str| {
        let columns: Vec<_> = line.split('\t').collect();
        let [advisory, vendor, product, versions] = columns[..] else { panic!("{line}") };
        Leaf { advisory, vendor, product, versions }
    };
    PRODUCTS.lines().skip(1).map(row).collect()
}

/// Whether a text is accepted, that is not left to a person, and if so whether as what it is.
fn accepted(text: &str, reading: &Reading) -> Option<bool> {
    let versions = Versions::parse(text);
    let answer =
        |item: &&str| Version::parse(item).map_or(Answer::Unknown, |version| versions.holds(&version));
    let inside = |item: &&str| match &versions {
        Versions::Models(models) => names_model(item, models),
        Versions::Codes { models, .. } if reading.class == Class::Models => names_model(item, models),
        _ => matches!(answer(item), Answer::Named | Answer::Within),
    };
    // Where two lines of versions are named, another of one line is outside of it and may be within the other.
    let outside = |item: &&str| match &versions {
        Versions::Models(models) => !names_model(item, models),
        _ => matches!(answer(item), Answer::Outside | Answer::Unknown),
    };
    let class = match &versions {
        Versions::Unread => return None,
        Versions::All => reading.class == Class::All,
        Versions::Ranges(_) => reading.class == Class::Versions,
        Versions::Models(_) => reading.class == Class::Models,
        Versions::Codes { .. } => matches!(reading.class, Class::Versions | Class::Models),
    };
    Some(class && reading.inside.iter().all(inside) && reading.outside.iter().all(outside))
}

#[test]
fn every_text_of_the_medical_advisories_is_read_rightly_or_left_to_a_person() {
    let (readings, leaves) = (readings(), leaves());
    assert_eq!(leaves.len(), 629);
    let (mut right, mut wrong) = (0, Vec::new());
    let mut left = BTreeMap::<&str, u32>::new();
    for leaf in &leaves {
        let reading =
            readings.get(leaf.versions).unwrap_or_else(|| panic!("no reading of {}", leaf.versions));
        match accepted(leaf.versions, reading) {
            Some(true) => right += 1,
            Some(false) => wrong.push(leaf.versions),
            None => left.entry(leaf.versions).or_default().add_assign(1),
        }
    }
    let persons: u32 = left.values().sum();
    println!("{right} right, {} wrong {wrong:?}, {persons} left to a person", wrong.len());
    assert!(wrong.len() * 100 <= right, "less than 99 of 100 are right: {wrong:?}");
    assert!(persons <= 105, "{left:?}");
}

#[test]
fn a_text_that_cannot_be_read_never_lets_a_device_go() {
    for leaf in leaves() {
        if Versions::parse(leaf.versions) != Versions::Unread {
            continue;
        }
        let advisories = Advisories::new(vec![advisory(&leaf)], Vec::new(), Vec::new(), Vec::new());
        let device = device(leaf.vendor, leaf.product, Some("999.999"));
        let queue = advisories.queue(&[device], []);
        assert!(
            queue.iter().any(|vulnerability| vulnerability.matched.kind == MatchKind::Possible),
            "{}: {}: {}",
            leaf.advisory,
            leaf.product,
            leaf.versions
        );
    }
}

/// A device that is made from a product of an advisory, and whether that is truly about it.
struct Made {
    kind: &'static str,
    vendor: String,
    model: String,
    firmware: Option<&'static str>,
    /// `None` where only a person can tell.
    affected: Option<bool>,
}

/// Other names of makers: as others write them, and who bought whom.
const ALIASES: [(&str, &str); 14] = [
    ("Philips", "Koninklijke Philips N.V."),
    ("Phillips", "Philips Healthcare"),
    ("Becton, Dickinson and Company (BD)", "CareFusion"),
    ("St. Jude Medical", "Abbott Laboratories"),
    ("Hillrom", "Baxter International Inc."),
    ("Hospira", "ICU Medical"),
    ("Smiths Medical", "ICU Medical, Inc."),
    ("Medtronic", "Medtronic MiniMed, Inc."),
    ("GE Healthcare", "GE HealthCare Technologies"),
    ("General Electric (GE)", "GE Healthcare"),
    ("B. Braun Medical", "B. Braun Melsungen AG"),
    ("Baxter", "Baxter Healthcare Corporation"),
    ("Siemens", "Siemens Healthineers"),
    ("Boston Scientific", "Boston Scientific Corporation"),
];

/// Two letters of the longest word are changed with each other.
fn mistyped(product: &str, vendor: &str) -> Option<String> {
    let ours = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphabetic());
        plain && word.len() >= 6 && !vendor.to_lowercase().contains(&word.to_lowercase())
    };
    let word = product.split(' ').filter(ours).max_by_key(|word| word.len())?;
    let mut letters: Vec<char> = word.chars().collect();
    let place = (2..letters.len() - 1).find(|place| letters[*place] != letters[place + 1])?;
    letters.swap(place, place + 1);
    Some(product.replacen(word, &letters.into_iter().collect::<String>(), 1))
}

/// Every number becomes another; a product without any becomes one that nobody makes.
fn other_model(product: &str) -> String {
    let other =
        |c: char| c.to_digit(10).and_then(|digit| char::from_digit((digit + 3) % 10, 10)).unwrap_or(c);
    let changed: String = product.chars().map(other).collect();
    if changed == product { "Zentrion 4400".to_owned() } else { changed }
}

fn made(leaf: &Leaf, reading: &Reading) -> Vec<Made> {
    let (vendor, product) = (leaf.vendor.to_owned(), leaf.product.to_owned());
    let of = |kind, vendor: &str, model: &str, firmware, affected| Made {
        kind,
        vendor: vendor.to_owned(),
        model: model.to_owned(),
        firmware,
        affected,
    };
    let mut all = Vec::new();
    if reading.class == Class::Person {
        all.push(of("condition", &vendor, &product, Some("1.0"), None));
        return all;
    }
    let models = reading.class == Class::Models;
    let named = |item: &&'static str| {
        if models { ((*item).to_owned(), None) } else { (product.clone(), Some(*item)) }
    };
    for item in &reading.inside {
        let (model, firmware) = named(item);
        all.push(of("in range", &vendor, &model, firmware, Some(true)));
    }
    for item in &reading.outside {
        let (model, firmware) = named(item);
        all.push(of("outside", &vendor, &model, firmware, Some(false)));
    }
    let Some((model, firmware)) = reading.inside.first().map(named) else { return all };
    for (_, alias) in ALIASES.iter().filter(|(name, _)| *name == vendor.trim()) {
        all.push(of("alias", alias, &model, firmware, Some(true)));
    }
    if let Some(mistyped) = mistyped(&model, &vendor) {
        all.push(of("typo", &vendor, &mistyped, firmware, Some(true)));
    }
    all.push(of("wrong model", &vendor, &other_model(&model), firmware, Some(false)));
    all
}

/// What is said of made devices: rightly and wrongly of itself, and what a person is asked about or never hears of.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    right: u32,
    wrong: u32,
    asked_rightly: u32,
    asked_wrongly: u32,
    missed: u32,
}

#[test]
fn devices_made_from_the_advisories_are_matched() {
    let (readings, leaves) = (readings(), leaves());
    let all = Advisories::new(leaves.iter().map(advisory_of_its_own()).collect(), vec![], vec![], vec![]);
    let mut counts = BTreeMap::<&str, Count>::new();
    let mut examples = Vec::new();
    for (place, leaf) in leaves.iter().enumerate() {
        for made in made(leaf, &readings[leaf.versions]) {
            let found = all.queue(&[device(&made.vendor, &made.model, made.firmware)], []);
            let own = found.iter().find(|found| found.advisory.as_str() == place.to_string());
            let sure = own.map(|own| own.matched.kind != MatchKind::Possible);
            let count = counts.entry(made.kind).or_default();
            match (made.affected, sure) {
                (Some(true), Some(true)) => count.right += 1,
                (Some(true), Some(false)) => count.asked_rightly += 1,
                (None, Some(false)) => count.asked_rightly += 1,
                (Some(true) | None, None) => count.missed += 1,
                (Some(false), None) => {}
                (Some(false), Some(false)) => count.asked_wrongly += 1,
                (Some(false) | None, Some(true)) => count.wrong += 1,
            }
            let mistaken =
                matches!((made.affected, sure), (Some(true) | None, None) | (Some(false) | None, Some(true)));
            if mistaken && examples.len() < 40 {
                examples.push(format!(
                    "{}: {} {} {:?} and {} {}",
                    made.kind, made.vendor, made.model, made.firmware, leaf.product, leaf.versions
                ));
            }
            // A maker of another name makes other products.
            for other in found.iter().filter(|found| found.matched.kind != MatchKind::Possible) {
                let other = &leaves[other.advisory.as_str().parse::<usize>().unwrap()];
                let same = with_parents(&made.vendor).iter().any(|name| vendors(other.vendor).contains(name));
                assert!(same, "{} {} is none of {}", made.vendor, made.model, other.vendor);
            }
        }
    }
    let mut sum = Count::default();
    for (kind, count) in &counts {
        println!("{kind}: {count:?}");
        sum.right += count.right;
        sum.wrong += count.wrong;
        sum.asked_rightly += count.asked_rightly;
        sum.asked_wrongly += count.asked_wrongly;
        sum.missed += count.missed;
    }
    let precision = f64::from(sum.right) / f64::from(sum.right + sum.wrong);
    let found = sum.right + sum.asked_rightly;
    let recall = f64::from(found) / f64::from(found + sum.missed);
    println!("precision {precision:.4}, recall with review {recall:.4}, {sum:?}");
    assert!(precision >= 0.97 && recall >= 0.98, "{precision} {recall}\n{}", examples.join("\n"));
}

/// Advisories that are told apart by the place of their leaf.
fn advisory_of_its_own() -> impl FnMut(&Leaf) -> Advisory {
    let mut place = 0_u32;
    move |leaf| {
        let mut advisory = advisory(leaf);
        advisory.id = Label::new(&place.to_string());
        for vulnerability in &mut advisory.vulnerabilities {
            vulnerability.cve = advisory.id.clone();
        }
        place += 1;
        advisory
    }
}

fn advisory(leaf: &Leaf) -> Advisory {
    let statement = ProductStatement {
        vendor: Label::new(leaf.vendor),
        product: Label::new(leaf.product),
        versions: leaf.versions.to_owned(),
        status: ProductStatus::Affected,
        justification: None,
    };
    Advisory {
        id: Label::new(leaf.advisory),
        title: Label::default(),
        publisher: Label::new("CISA"),
        revision: Label::new("1"),
        released: None,
        vulnerabilities: vec![AdvisedVulnerability {
            cve: Label::new(leaf.advisory),
            title: None,
            cvss: None,
            products: vec![statement],
            remedies: Vec::new(),
        }],
    }
}

fn device(vendor: &str, model: &str, firmware: Option<&str>) -> Device {
    Device {
        id: DeviceId::from("d-000000000001"),
        macs: Vec::new(),
        ips: Vec::new(),
        hostnames: Vec::new(),
        vendor: Some(Label::new(vendor)),
        model: Some(Label::new(model)),
        category: Category::Unknown,
        os: None,
        firmware: firmware.map(Label::new),
        serial: None,
        protocols: BTreeSet::new(),
        role: Vec::new(),
        zone: None,
        criticality: None,
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        confidence: 1.0,
        evidence: Vec::new(),
        mismatches: Vec::new(),
    }
}
