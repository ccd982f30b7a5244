//! `wardline export`: records in the formats of others.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wardline_exports::events::Exporter;
use wardline_model::Record;
use wardline_store::{DeviceQuery, ExposureQuery, FindingQuery};

use crate::cli::{Export, ExportKind};
use crate::{Outcome, complain, place};

/// Records that cannot be read are named so often.
const NAMED_MAX: u64 = 10;
/// Longest line that is a record, bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

pub(crate) fn run(arguments: &Export) -> Result<Outcome> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut exporter = Exporter::new(arguments.format);
    let mut tell = |record: &Record| -> Result<()> {
        let wanted = arguments.only.is_empty() || arguments.only.iter().any(|kind| kind.is_of(record));
        if let Some(line) = wanted.then(|| exporter.line(record)).flatten() {
            writeln!(output, "{line}")?;
        }
        Ok(())
    };
    let broken = match &arguments.input {
        Some(path) => from_lines(path, &mut tell)?,
        None => {
            from_state(arguments, &mut tell)?;
            0
        }
    };
    let (last, left_out) = exporter.finish();
    if let Some(last) = last {
        writeln!(output, "{last}")?;
    }
    output.flush()?;
    if left_out > 0 {
        complain(&format!("{left_out} records have no place in {} and were left out", arguments.format));
    }
    Ok(if broken > 0 { Outcome::Incomplete } else { Outcome::Done })
}

/// What `analyze --json` or `watch --json` wrote. How many lines are no records.
fn from_lines(path: &Path, tell: &mut impl FnMut(&Record) -> Result<()>) -> Result<u64> {
    let mut reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(|| path.display().to_string())?))
    };
    let name = if path == Path::new("-") { "standard input".into() } else { path.to_string_lossy() };
    let (mut line, mut number, mut broken) = (Vec::new(), 0_u64, 0);
    loop {
        line.clear();
        let length = std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(broken);
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(record) => tell(&record)?,
            Err(error) => {
                broken += 1;
                if broken <= NAMED_MAX {
                    complain(&format!("{name}: line {number} is no record and is left out: {error}"));
                }
            }
        }
    }
}

fn from_state(arguments: &Export, tell: &mut impl FnMut(&Record) -> Result<()>) -> Result<()> {
    let state = place::state(arguments.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!(
            "{}: holds no state yet; fill it with `wardline watch -i IFACE`, or give records: wardline analyze CAPTURE --json | wardline export {} -",
            state.display(),
            arguments.format
        );
    }
    let store = place::store(&state)?;
    let wanted = |kind: ExportKind| arguments.only.is_empty() || arguments.only.contains(&kind);
    if wanted(ExportKind::Devices) {
        for device in store.devices(&DeviceQuery::default())?.items {
            tell(&Record::Device(Box::new(device)))?;
        }
    }
    if wanted(ExportKind::Findings) {
        for finding in store.findings(&FindingQuery::default())?.items {
            tell(&Record::Finding(Box::new(finding)))?;
        }
    }
    if wanted(ExportKind::Exposures) {
        for exposure in store.exposures(&ExposureQuery::default())?.items {
            tell(&Record::Exposure(Box::new(exposure)))?;
        }
    }
    if wanted(ExportKind::Flows) {
        let mut told = Ok(());
        store.visit_flows(&mut |flow| {
            if told.is_ok() {
                told = tell(&Record::Flow(Box::new(flow)));
            }
        })?;
        told?;
    }
    Ok(())
}

impl ExportKind {
    const fn is_of(self, record: &Record) -> bool {
        matches!(
            (self, record),
            (Self::Devices, Record::Device(_))
                | (Self::Findings, Record::Finding(_))
                | (Self::Exposures, Record::Exposure(_))
                | (Self::Vulnerabilities, Record::Vulnerability(_))
                | (Self::Flows, Record::Flow(_))
        )
    }
}
