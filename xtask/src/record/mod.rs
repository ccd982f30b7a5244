//! `cargo xtask record`: traffic of real software, recorded in network namespaces, as small captures in `fixtures/`.
//!
//! Everybody in them is invented, no packet leaves the namespaces, and what is written names the software and its
//! version: `fixtures/ORIGIN.md` for people, `fixtures/recorded/index.json` for tests and for the lab.

mod astm;
mod dhcp;
mod dicom;
mod fhir;
mod hl7;
mod mqtt;
mod network;
mod people;
mod plan;
mod python;
mod smb;
mod snmp;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::install;
use crate::shell::{has, root, say};
use network::{Network, address, checked, link_address};
use plan::Plan;

/// Record real software at work, in network namespaces, as fixtures.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Only this recording (repeatable).
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

const PLANS: &[Plan] = &[
    astm::PLAN,
    dhcp::PLAN,
    dicom::DCMTK,
    dicom::ORTHANC,
    fhir::PLAN,
    hl7::PLAN,
    mqtt::PLAN,
    smb::PLAN,
    snmp::PLAN,
];

/// All captures together may have so many bytes: they are part of every checkout.
const BYTES_MAX: u64 = 1_000_000;

/// Programs that recording itself needs, and the packages that bring them.
const TOOLS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("tcpdump", "tcpdump"),
    ("zstd", "zstd"),
    ("sysctl", "procps"),
];

pub(crate) fn run(record: &Record) -> Result<()> {
    let wanted = |plan: &&Plan| record.only.is_empty() || record.only.iter().any(|name| name == plan.name);
    let plans: Vec<&Plan> = PLANS.iter().filter(wanted).collect();
    if plans.is_empty() {
        let names: Vec<_> = PLANS.iter().map(|plan| plan.name).collect();
        bail!("no such recording; there are {}", names.join(", "));
    }
    packages(&plans)?;
    python::packages(&plans)?;
    let directory = root().join("fixtures/recorded");
    std::fs::create_dir_all(&directory)?;
    for plan in plans {
        say(&format!("{}: {}", plan.name, plan.what));
        play(plan, &directory).with_context(|| plan.name.to_owned())?;
    }
    std::fs::write(directory.join("canaries.txt"), people::canaries().join("\n") + "\n")?;
    let index = index(&directory, record)?;
    std::fs::write(directory.join("index.json"), serde_json::to_string_pretty(&index)? + "\n")?;
    std::fs::write(root().join("fixtures/ORIGIN.md"), origin(&index, &directory)?)?;
    Ok(())
}

/// Installs what these recordings need.
fn packages(plans: &[&Plan]) -> Result<()> {
    let mut missing: Vec<&str> =
        TOOLS.iter().filter(|(program, _)| !has(program)).map(|(_, package)| *package).collect();
    let software = plans.iter().flat_map(|plan| plan.stations).flat_map(|station| station.packages);
    missing.extend(software.copied().filter(|package| version(package).is_none()));
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() && !install::these(&missing)? {
        bail!("recording needs {}", missing.join(", "));
    }
    Ok(())
}

/// The version of an installed Debian package.
fn version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !version.is_empty()).then_some(version)
}

fn play(plan: &Plan, directory: &Path) -> Result<()> {
    let capture = std::env::temp_dir().join(format!("wardline-{}-{}.pcap", plan.name, std::process::id()));
    let mut network = Network::new(plan.stations, &capture)?;
    (plan.play)(&mut network).with_context(|| network.logs())?;
    network.finish()?;
    let packed = directory.join(format!("{}.pcap.zst", plan.name));
    checked(
        Command::new("zstd").args(["-19", "--force", "--quiet", "--rm"]).arg(&capture).arg("-o").arg(&packed),
    )?;
    let bytes: u64 = captures(directory)?.iter().map(|(_, bytes)| bytes).sum();
    if bytes > BYTES_MAX {
        bail!("the recordings have {bytes} bytes together; at most {BYTES_MAX} are kept in the checkout");
    }
    Ok(())
}

/// Names and lengths of the captures.
fn captures(directory: &Path) -> Result<Vec<(String, u64)>> {
    let mut captures = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".pcap.zst") {
            captures.push((name, entry.metadata()?.len()));
        }
    }
    captures.sort();
    Ok(captures)
}

/// What was recorded. Of recordings that were not made now, what was known of them stays.
fn index(directory: &Path, record: &Record) -> Result<Value> {
    let old: Value = match std::fs::read(directory.join("index.json")) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => json!([]),
    };
    let known =
        |name: &str| old.as_array().into_iter().flatten().find(|entry| entry["name"] == name).cloned();
    let entries = PLANS.iter().filter_map(|plan| {
        let now = record.only.is_empty() || record.only.iter().any(|name| name == plan.name);
        if now { Some(entry(plan)) } else { known(plan.name) }
    });
    Ok(Value::Array(entries.collect()))
}

fn entry(plan: &Plan) -> Value {
    let stations: Vec<_> = plan
        .stations
        .iter()
        .map(|station| {
            let debian = station
                .packages
                .iter()
                .map(|package| json!({ "package": package, "version": version(package) }));
            let python = station.python.iter().map(|requirement| {
                let (package, version) = python::release(requirement);
                json!({ "package": format!("{package} (PyPI)"), "version": version })
            });
            // The environment is not what speaks.
            let software: Vec<_> =
                if station.python.is_empty() { debian.collect() } else { python.collect() };
            json!({
                "name": station.name,
                "ip": (!station.asks_for_address).then(|| address(station)),
                "mac": link_address(station),
                "category": station.category,
                "software": software,
            })
        })
        .collect();
    json!({
        "name": plan.name,
        "what": plan.what,
        "names_addresses": plan.names_addresses,
        "stations": stations,
    })
}

fn origin(index: &Value, directory: &Path) -> Result<String> {
    let mut page = String::from(
        "# Where these captures come from\n\n\
         `cargo xtask record` made them: real software of Debian and of PyPI spoke with itself in network namespaces that have no way\n\
         out, and tcpdump listened at the bridge between them. Every patient, account and password is invented\n\
         (`recorded/canaries.txt` lists what may be in no output). The captures are part of this project, under its\n\
         Apache-2.0 licence. This page is written by the same command.\n\n\
         | capture | bytes | what happens | software, by station |\n| --- | --- | --- | --- |\n",
    );
    let sizes = captures(directory)?;
    for entry in index.as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default();
        let file = format!("{name}.pcap.zst");
        let bytes = sizes.iter().find(|(known, _)| *known == file).map_or(0, |(_, bytes)| *bytes);
        let software: Vec<_> = entry["stations"].as_array().into_iter().flatten().map(station_line).collect();
        writeln!(
            page,
            "| `recorded/{file}` | {bytes} | {} | {} |",
            entry["what"].as_str().unwrap_or_default(),
            software.join("; ")
        )?;
    }
    Ok(page)
}

fn station_line(station: &Value) -> String {
    let packages: Vec<_> = station["software"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|software| {
            format!(
                "{} {}",
                software["package"].as_str().unwrap_or_default(),
                software["version"].as_str().unwrap_or("(version unknown)")
            )
        })
        .collect();
    format!("{}: {}", station["name"].as_str().unwrap_or_default(), packages.join(", "))
}
