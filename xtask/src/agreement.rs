//! `cargo xtask agreement`: compares what we read with what tshark reads, and writes `docs/agreement.md` of it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::{cargo, root, run, say, target};
use crate::test::corpus;

/// What one test counted.
struct Row {
    protocol: String,
    captures: u64,
    compared: u64,
    agreed: u64,
    fields: String,
    /// How often, and why.
    reasons: Vec<(u64, String)>,
}

/// Compare what we read with what tshark reads, and write docs/agreement.md of it.
#[derive(Debug, Args)]
pub(crate) struct Agreement {
    /// Only the tests with this in their name, such as `clinical`; rows of earlier runs stay.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub only: String,
}

pub(crate) fn write(agreement: &Agreement) -> Result<()> {
    let Some(corpus) = corpus() else {
        bail!("WARDLINE_CORPUS names no folder of captures; the recordings alone say little");
    };
    let directory = target().join("agreement");
    std::fs::create_dir_all(&directory)?;
    let filter = format!("application::corpus::{}", agreement.only);
    let mut tests = cargo(&["test", "--package", "wardline-flows", "--lib", &filter, "--no-fail-fast"]);
    tests.env("WARDLINE_CORPUS", &corpus).env("WARDLINE_AGREEMENT", &directory);
    run(&mut tests)?;
    let rows = rows(&directory)?;
    std::fs::write(root().join("docs/agreement.md"), page(&rows)?)?;
    say(&format!("docs/agreement.md: {} protocols", rows.len()));
    Ok(())
}

fn rows(directory: &Path) -> Result<Vec<Row>> {
    let mut files: Vec<_> = std::fs::read_dir(directory)?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| row(file).with_context(|| file.display().to_string())).collect()
}

fn row(file: &Path) -> Result<Row> {
    let text = std::fs::read_to_string(file)?;
    let mut lines = text.lines();
    let counts: Vec<&str> = lines.next().unwrap_or_default().splitn(4, '\t').collect();
    let [captures, compared, agreed, fields] = counts[..] else { bail!("not what the tests write") };
    let mut reasons = Vec::new();
    for line in lines {
        let (count, reason) = line.split_once('\t').context("a reason without its count")?;
        reasons.push((count.parse()?, reason.to_owned()));
    }
    Ok(Row {
        protocol: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        captures: captures.parse()?,
        compared: compared.parse()?,
        agreed: agreed.parse()?,
        fields: fields.to_owned(),
        reasons,
    })
}

/// In hundredths of a percent, rounded down: what is not whole is never shown as whole.
fn percent(row: &Row) -> String {
    let hundredths = row.agreed * 10_000 / row.compared.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn page(rows: &[Row]) -> Result<String> {
    let mut page = format!(
        "# Agreement with tshark\n\n\
         `cargo xtask agreement` wrote this page, of what the tests in `crates/flows/src/application/corpus` counted over\n\
         the recordings of real software in `fixtures/recorded` and the captures that `WARDLINE_CORPUS` names, beside\n\
         {}. A field is one value of one packet, message or conversation. A test fails\n\
         under 99.5 %. What may tell of a patient is compared by its digest. Protocols that are compared by tests but stand\n\
         in no row were not measured when this page was written.\n\n\
         | protocol | captures | fields compared | agree | agree % | fields |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
        tshark_version()
    );
    for row in rows {
        let Row { protocol, captures, compared, agreed, fields, .. } = row;
        writeln!(page, "| {protocol} | {captures} | {compared} | {agreed} | {} | {fields} |", percent(row))?;
    }
    page.push_str(
        "\n## Why the others do not agree\n\n| protocol | fields | reason |\n| --- | ---: | --- |\n",
    );
    for row in rows {
        for (count, reason) in &row.reasons {
            writeln!(page, "| {} | {count} | {reason} |", row.protocol)?;
        }
    }
    Ok(page)
}

fn tshark_version() -> String {
    let output = Command::new("tshark").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = text.lines().next().and_then(|line| line.split_whitespace().nth(2)).unwrap_or("unknown");
    format!("tshark {}", version.trim_end_matches('.'))
}
