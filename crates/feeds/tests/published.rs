//! Advisories and intelligence as they were really published, where they are at hand: beside the corpus that
//! `WARDLINE_CORPUS` names, in `../intel`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use wardline_feeds::{advisories, indicators};

type Files = Vec<(PathBuf, Vec<u8>)>;

fn published(folder: &str) -> Option<Files> {
    let corpus = PathBuf::from(std::env::var_os("WARDLINE_CORPUS")?);
    let folder = corpus.parent()?.join("intel").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.into_iter().filter(|path| path.is_file());
    Some(files.map(|path| (path.clone(), fs::read(path).unwrap())).collect())
}

#[test]
fn every_medical_advisory_is_read_with_all_its_products_and_scores() {
    let Some(files) = published("icsma") else { return };
    let facts = include_str!("../../../fixtures/advisories/products.tsv");
    let facts: BTreeSet<String> = facts.lines().skip(1).map(str::to_owned).collect();
    let (mut read, mut products, mut scores) = (0, 0, 0);
    for (path, bytes) in files.iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "json"))
    {
        let knowledge = advisories::read(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let [advisory] = &knowledge.advisories[..] else { panic!("{}", path.display()) };
        read += 1;
        let mut named: Vec<_> = advisory
            .vulnerabilities
            .iter()
            .flat_map(|vulnerability| &vulnerability.products)
            .map(|product| (product.vendor.clone(), product.product.clone(), product.versions.clone()))
            .collect();
        assert!(named.iter().all(|(vendor, product, _)| !vendor.is_empty() && !product.is_empty()));
        let file = path.file_stem().unwrap().to_string_lossy();
        for (vendor, product, versions) in &named {
            let fact = format!("{file}\t{vendor}\t{product}\t{versions}");
            assert!(facts.contains(&fact), "the facts in `fixtures` lack {fact}");
        }
        named.sort();
        named.dedup();
        products += named.len();
        scores +=
            advisory.vulnerabilities.iter().filter(|vulnerability| vulnerability.cvss.is_some()).count();
    }
    assert!(read >= 153, "{read}");
    assert!(products >= 600 && scores >= 450, "{products} products, {scores} scores");
}

#[test]
fn every_score_of_the_medical_advisories_follows_from_its_vector() {
    let Some(files) = published("icsma") else { return };
    let (mut recomputed, mut other) = (0, Vec::new());
    for (path, bytes) in files.iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "json"))
    {
        let json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        for vulnerability in json["vulnerabilities"].as_array().into_iter().flatten() {
            for score in vulnerability["scores"].as_array().into_iter().flatten() {
                let vector = score["cvss_v3"]["vectorString"].as_str().unwrap();
                let computed = advisories::score::base_score(vector);
                if computed.is_some() && computed == score["cvss_v3"]["baseScore"].as_f64() {
                    recomputed += 1;
                } else {
                    other.push(format!("{}: {vector}: {computed:?}", path.display()));
                }
            }
        }
    }
    assert!(other.is_empty(), "{other:?}");
    assert!(recomputed >= 453, "{recomputed}");
}

#[test]
fn every_score_of_version_4_in_the_records_follows_from_its_vector() {
    let Some(files) = published("vulnrichment") else { return };
    let mut recomputed = 0;
    for (path, bytes) in &files {
        let json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        for metric in json["containers"]["cna"]["metrics"].as_array().into_iter().flatten() {
            let Some(vector) = metric["cvssV4_0"]["vectorString"].as_str() else { continue };
            let computed = advisories::score::base_score(vector);
            assert_eq!(computed, metric["cvssV4_0"]["baseScore"].as_f64(), "{}: {vector}", path.display());
            recomputed += 1;
        }
    }
    assert!(recomputed >= 9, "{recomputed}");
}

#[test]
fn exploited_vulnerabilities_and_records_are_read() {
    let Some(files) = published("kev") else { return };
    let catalogues: Vec<_> = files.iter().filter_map(|(_, bytes)| advisories::read(bytes).ok()).collect();
    assert!(catalogues.iter().any(|knowledge| knowledge.exploited.len() > 1_000));
    let records = published("vulnrichment").unwrap_or_default();
    for (path, bytes) in &records {
        let knowledge = advisories::read(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(knowledge.advisories.len(), 1, "{}", path.display());
    }
}

#[test]
fn a_bill_of_materials_is_read_with_its_parts() {
    let Some(files) = published("sbom") else { return };
    let is_bill = |path: &PathBuf| path.to_string_lossy().ends_with("-bom.json");
    let mut read = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| is_bill(path)) {
        let knowledge = advisories::read(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let [bill] = &knowledge.bills[..] else { panic!("{}", path.display()) };
        assert!(bill.components.len() >= 40 && bill.components.iter().all(|part| part.version.is_some()));
        read += 1;
    }
    assert!(read > 0, "no bill among {} files", files.len());
}

#[test]
fn statements_of_exploitability_are_read_in_every_form() {
    for form in ["vex/csaf", "vex/openvex", "vex/cyclonedx"] {
        let Some(files) = published(form) else { return };
        let is_statement = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            !["schema", "provider-metadata", "rolie", "testdata"].iter().any(|other| name.contains(other))
        };
        let mut read = 0;
        for (path, bytes) in files.iter().filter(|(path, _)| is_statement(path)) {
            let knowledge =
                advisories::read(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(knowledge.advisories.len() == 1, "{}", path.display());
            assert!(!knowledge.advisories[0].vulnerabilities.is_empty(), "{}", path.display());
            read += 1;
        }
        assert!(read >= 2, "{form}: {read}");
    }
}

#[test]
fn bundles_and_warning_lists_are_read() {
    let Some(files) = published("ti/stix") else { return };
    let mut found = 0;
    for (path, bytes) in &files {
        let read =
            indicators::read("bundle", bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        found += read.indicators.len();
    }
    assert!(found >= 10, "{found}");
    for (path, bytes) in published("ti/warninglists").unwrap_or_default() {
        let read =
            indicators::read("list", &bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(read.warning_lists.len(), 1, "{}", path.display());
    }
}
