//! `cargo xtask tidy`: what no compiler checks.
//!
//! Each complaint names file and line, what is wrong, and what to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, root, say};

/// Longest source file, lines.
const LINES_MAX: usize = 1_000;

/// Which of our crates a crate may use: the walls of the house.
const WALLS: &[(&str, &[&str])] = &[
    ("wardline-model", &[]),
    ("wardline-wire", &[]),
    ("wardline-bus", &["wardline-model"]),
    ("wardline-capture", &[]),
    ("wardline-flows", &["wardline-wire", "wardline-model"]),
    ("wardline-feeds", &["wardline-model"]),
    ("wardline-assess", &["wardline-model"]),
    ("wardline-store", &["wardline-model"]),
    ("wardline-enforce", &["wardline-model"]),
    ("wardline-shield", &["wardline-wire", "wardline-model"]),
    ("wardline-exports", &["wardline-model"]),
    ("wardline-lab", &["wardline-model"]),
    ("wardline-evaluation", &["wardline-model", "wardline-flows", "wardline-assess", "wardline-lab"]),
    ("wardline-console", &["wardline-model", "wardline-store", "wardline-assess", "wardline-exports"]),
    (
        "wardline",
        &[
            "wardline-model",
            "wardline-wire",
            "wardline-bus",
            "wardline-capture",
            "wardline-flows",
            "wardline-feeds",
            "wardline-assess",
            "wardline-store",
            "wardline-enforce",
            "wardline-shield",
            "wardline-exports",
            "wardline-lab",
            "wardline-console",
        ],
    ),
    ("xtask", &[]),
];

/// Libraries that only the rooms named may use.
const HEAVY: &[(&str, &[&str])] = &[
    ("async-nats", &["wardline-bus"]),
    ("postgres", &["wardline-store"]),
    ("tokio", &["wardline-bus", "wardline-console", "wardline-shield", "wardline"]),
    ("axum", &["wardline-console"]),
    ("rusqlite", &["wardline-store"]),
    ("parquet", &["wardline-store"]),
    ("libc", &["wardline-capture"]),
    ("anyhow", &["wardline", "xtask"]),
];

/// Crates that ask no clock, disk, network or chance.
const PURE: &[&str] = &["model", "wire", "flows", "feeds", "assess"];
const IMPURE: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "std::fs",
    "TcpStream",
    "UdpSocket",
    "TcpListener",
    "std::env",
    "thread::sleep",
    "rand::",
];

/// Words that say nothing about what a file holds.
const EMPTY_WORDS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Licences that go with Apache-2.0, and crates with another one that were looked at.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "BSL-1.0",
    "0BSD",
    "Unlicense",
    "MIT-0",
    "Apache-2.0 WITH LLVM-exception",
];
const LICENCE_EXCEPTIONS: &[&str] = &[];

pub(crate) fn run() -> Result<()> {
    let mut complaints = Vec::new();
    let files = tracked()?;
    for file in &files {
        path(file, &mut complaints);
        if let Ok(text) = std::fs::read_to_string(root().join(file)) {
            content(file, &text, &mut complaints);
        }
    }
    let page = std::fs::read_to_string(root().join(RULES_PAGE)).context(RULES_PAGE)?;
    for file in files.iter().filter(|file| file.starts_with("crates/assess/src/detection/")) {
        let source = std::fs::read_to_string(root().join(file))?;
        for rule in rules(&source).into_iter().filter(|rule| !page.contains(&format!("`{rule}`"))) {
            complaints.push(format!("{file}: the rule '{rule}' stands nowhere in {RULES_PAGE}; describe it"));
        }
    }
    let metadata = metadata()?;
    walls(&metadata, &mut complaints);
    licences(&metadata, &mut complaints);
    for complaint in &complaints {
        say(complaint);
    }
    if complaints.is_empty() {
        say(&format!("tidy: {} files", files.len()));
        return Ok(());
    }
    bail!("{} complaints", complaints.len())
}

fn tracked() -> Result<Vec<String>> {
    let output =
        Command::new("git").args(["ls-files"]).current_dir(root()).output().context("git ls-files")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter(|file| root().join(file).is_file()).map(str::to_owned).collect())
}

/// The page that describes every rule of the detectors.
const RULES_PAGE: &str = "docs/attacks.md";

/// Names of the rules in the source of a detector: whatever is written as a `detector`, the first text given to
/// `Alarm::about`, and what the list of serious rules names.
fn rules(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    // Quotation marks that begin or end no text.
    let source = source.replace("\\\"", "").replace("'\"'", "");
    let mut found: Vec<String> = Vec::new();
    let mut before = "";
    for (number, part) in source.split('"').enumerate() {
        if number % 2 == 1 {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let named = before.trim_end().ends_with("detector:")
                || before.ends_with("rule(")
                || before.rsplit_once("Alarm::about(").is_some_and(|(_, rest)| !rest.contains(')'));
            if named && part.bytes().all(plain) && !found.iter().any(|rule| rule == part) {
                found.push(part.to_owned());
            }
        }
        before = part;
    }
    found
}

fn metadata() -> Result<Value> {
    let output =
        cargo(&["metadata", "--format-version", "1", "--locked"]).output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn path(file: &str, complaints: &mut Vec<String>) {
    let parts = file.split(['/', '.', '_', '-']);
    for word in parts.filter(|part| EMPTY_WORDS.contains(part)) {
        complaints
            .push(format!("{file}: '{word}' says nothing about what is in it; name it after its subject"));
    }
}

fn content(file: &str, text: &str, complaints: &mut Vec<String>) {
    let source = ["rs", "ts", "svelte", "mjs"]
        .iter()
        .any(|ending| Path::new(file).extension().is_some_and(|found| found == *ending));
    if source && text.lines().count() > LINES_MAX {
        complaints.push(format!("{file}: longer than {LINES_MAX} lines; split it by subject"));
    }
    let pure = PURE.iter().any(|room| file.starts_with(&format!("crates/{room}/src/")));
    // This file names what it looks for.
    let mine = file == "xtask/src/tidy.rs";
    // Whole files of tests, which their module declares as such.
    let mut in_tests = file.ends_with("/tests.rs") || file.contains("/tests/") || file.contains("/corpus/");
    for (number, line) in text.lines().enumerate().filter(|_| !mine) {
        let place = format!("{file}:{}", number + 1);
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        if source {
            for mark in ["todo!(", "unimplemented!(", "TODO", "FIXME"] {
                if line.contains(mark) {
                    complaints.push(format!(
                        "{place}: {mark}: finish it, or open an issue and say so in the documents"
                    ));
                }
            }
        }
        if pure && !in_tests && file.ends_with(".rs") && !line.trim_start().starts_with("//") {
            for call in IMPURE.iter().filter(|call| line.contains(*call)) {
                complaints
                    .push(format!("{place}: {call}: time, files, network and chance are arguments here"));
            }
        }
        for home in ["/work/", "/tmp/t/", "/root/", "/home/"] {
            if line.contains(home) && !file.ends_with("package-lock.json") {
                complaints.push(format!(
                    "{place}: {home} is a path of somebody's machine; use one relative to the checkout"
                ));
            }
        }
    }
    roots(file, text, complaints);
}

/// What stands at the root of every crate.
fn roots(file: &str, text: &str, complaints: &mut Vec<String>) {
    let is_root =
        file.starts_with("crates/") && (file.ends_with("/src/lib.rs") || file.ends_with("/src/main.rs"));
    if is_root && !file.starts_with("crates/capture/") && !text.contains("#![forbid(unsafe_code)]") {
        complaints
            .push(format!("{file}: begins without #![forbid(unsafe_code)]; only capture may be unsafe"));
    }
    if file == "crates/wire/src/lib.rs" && !text.contains("#![deny(clippy::indexing_slicing)]") {
        complaints.push(format!(
            "{file}: begins without #![deny(clippy::indexing_slicing)]; bytes are read through Reader"
        ));
    }
}

fn walls(metadata: &Value, complaints: &mut Vec<String>) {
    let walls: BTreeMap<&str, &[&str]> = WALLS.iter().copied().collect();
    let ours = |name: &str| walls.contains_key(name);
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if package["source"].is_string() {
            continue;
        }
        let Some(allowed) = walls.get(name) else {
            complaints.push(format!(
                "{name}: a crate without a place in the house; add it to WALLS in xtask/src/tidy.rs"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            // Tests may look through walls.
            if dependency["kind"] == "dev" {
                continue;
            }
            if ours(used) && !allowed.contains(&used) {
                complaints.push(format!("crates/{name}: may not use {used}; see ARCHITECTURE.md"));
            }
            let rooms = HEAVY.iter().find(|(heavy, _)| *heavy == used).map(|(_, rooms)| *rooms);
            if rooms.is_some_and(|rooms| !rooms.contains(&name)) {
                complaints.push(format!(
                    "crates/{name}: may not use {used}; it belongs to {:?} alone",
                    rooms.unwrap_or_default()
                ));
            }
        }
    }
}

fn licences(metadata: &Value, complaints: &mut Vec<String>) {
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !allowed(licence) && !LICENCE_EXCEPTIONS.contains(&name) {
            complaints.push(format!("{name}: licence '{licence}'; use another crate, or name it among LICENCE_EXCEPTIONS with the reason"));
        }
    }
}

/// Whether an SPDX expression can be met: by one side of every OR, and by both of every AND.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    let met = |licence: &str| LICENCES.contains(&licence.trim());
    expression.split(" AND ").all(|either| either.split(" OR ").any(met))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(file: &str, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        path(file, &mut complaints);
        content(file, text, &mut complaints);
        complaints
    }

    #[test]
    fn this_project_is_tidy() {
        run().expect("see the complaints above");
    }

    #[test]
    fn a_clock_in_a_pure_room_is_named_with_its_line() {
        let found = complaints("crates/assess/src/x.rs", "fn a() {\n    let now = Instant::now();\n}\n");
        assert!(
            found.len() == 1 && found[0].starts_with("crates/assess/src/x.rs:2: Instant::now"),
            "{found:?}"
        );
        let in_tests = "#[cfg(test)]\nmod tests { fn a() { Instant::now(); } }\n";
        assert!(complaints("crates/assess/src/x.rs", in_tests).is_empty());
        assert!(complaints("crates/store/src/x.rs", "Instant::now()").is_empty());
    }

    #[test]
    fn rules_are_found_however_they_are_written() {
        let source = r#"
            detector: "scan", summary: "a scan", code: "8867-4", key: "ip",
            ..Alarm::about(Attack::Outage, "silence", key.to_string(), observation)
            rule("syn-flood", &[Less]), State::Off => "audio-off",
            #[cfg(test)]
            mod tests { detector: "made-up" }
        "#;
        assert_eq!(rules(source), ["scan", "silence", "syn-flood"]);
    }

    #[test]
    fn empty_names_long_files_and_bare_roots_are_named() {
        assert_eq!(complaints("crates/flows/src/utils.rs", "").len(), 1);
        assert_eq!(complaints("crates/flows/src/x.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
        assert_eq!(complaints("crates/flows/src/lib.rs", "mod x;").len(), 1);
    }

    #[test]
    fn licences_are_read_as_expressions() {
        assert!(
            allowed("MIT OR Apache-2.0")
                && allowed("MIT/Apache-2.0")
                && allowed("(MIT OR GPL-3.0) AND Unicode-3.0")
        );
        assert!(!allowed("GPL-3.0-or-later") && !allowed("MIT AND GPL-2.0") && !allowed(""));
    }

    #[test]
    fn a_hole_in_a_wall_is_named() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "wardline-wire", "source": null, "license": "Apache-2.0",
            "dependencies": [
                { "name": "wardline-model", "kind": null },
                { "name": "tokio", "kind": null },
                { "name": "wardline-lab", "kind": "dev" },
            ],
        }]});
        let mut found = Vec::new();
        walls(&metadata, &mut found);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
