//! Makes `knowledge/oui/assignments.tsv` of the registries of IEEE.
//!
//! `cargo run -p wardline-assess --example oui -- FOLDER knowledge/oui/assignments.tsv`, where FOLDER holds
//! `oui.csv` (MA-L), `oui28.csv` (MA-M), `oui36.csv` (MA-S) and `iab.csv` (IAB) as IEEE publishes them.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const REGISTRIES: &[&str] = &["oui.csv", "oui28.csv", "oui36.csv", "iab.csv"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("usage: oui FOLDER_WITH_CSV TARGET".into());
    };
    let mut organizations: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for registry in REGISTRIES {
        let text = std::fs::read_to_string(Path::new(&folder).join(registry))?;
        for record in records(&text).iter().skip(1) {
            let [_, prefix, name, ..] = record.as_slice() else { continue };
            let prefix = prefix.to_ascii_lowercase();
            let known = matches!(prefix.len(), 6 | 7 | 9) && prefix.bytes().all(|b| b.is_ascii_hexdigit());
            // These tell nobody's name: the first is hidden, the others are blocks of which parts were given away.
            if known && !matches!(name.as_str(), "Private" | "IEEE Registration Authority") {
                organizations.entry(name.clone()).or_default().insert(prefix);
            }
        }
    }
    let mut text = String::new();
    for (name, prefixes) in &organizations {
        let prefixes: Vec<_> = prefixes.iter().map(String::as_str).collect();
        text.push_str(&format!("{name}\t{}\n", prefixes.join(" ")));
    }
    std::fs::write(target, text)?;
    Ok(())
}

/// Comma-separated values, RFC 4180; white space within a value is made one blank.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut value = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    let end_value = |value: &mut String, record: &mut Vec<String>| {
        record.push(value.split_whitespace().collect::<Vec<_>>().join(" "));
        value.clear();
    };
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                value.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => end_value(&mut value, &mut record),
            '\n' if !quoted => {
                end_value(&mut value, &mut record);
                records.push(std::mem::take(&mut record));
            }
            letter => value.push(letter),
        }
    }
    if !value.is_empty() || !record.is_empty() {
        end_value(&mut value, &mut record);
        records.push(record);
    }
    records
}
