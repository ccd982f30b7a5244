//! Where the records of a run go: standard output, files, or a text for people.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wardline_model::{FlowRecord, Record, Summary, Vulnerability};
use wardline_store::FlowFileWriter;

use super::text;
use crate::cli::Analyze;
use crate::engine::Engine;

pub(super) struct Output {
    json: Option<BufWriter<std::io::Stdout>>,
    files: Option<Files>,
}

struct Files {
    directory: PathBuf,
    flows: FlowFileWriter,
}

impl Output {
    pub(super) fn open(arguments: &Analyze) -> Result<Self> {
        let json = arguments.json.then(|| BufWriter::with_capacity(1 << 16, std::io::stdout()));
        let files = arguments.out.as_deref().map(Files::create).transpose()?;
        Ok(Self { json, files })
    }

    /// Conversations go out as they end, so that a million of them need no memory.
    pub(super) fn flows(&mut self, flows: Vec<FlowRecord>) -> Result<()> {
        for flow in flows {
            match (&mut self.json, &mut self.files) {
                (Some(json), Some(files)) => {
                    line(json, &Record::Flow(Box::new(flow.clone())))?;
                    files.flows.push(flow)?;
                }
                (Some(json), None) => line(json, &Record::Flow(Box::new(flow)))?,
                (None, Some(files)) => files.flows.push(flow)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Devices, findings, exposures, and the summary as the last.
    pub(super) fn finish(self, engine: &Engine, queue: &[Vulnerability], summary: Summary) -> Result<()> {
        if let Some(files) = self.files {
            files.finish(engine, queue, &summary)?;
        }
        match self.json {
            Some(mut json) => {
                for record in records(engine) {
                    line(&mut json, &record)?;
                }
                for vulnerability in queue {
                    line(&mut json, &Record::Vulnerability(Box::new(vulnerability.clone())))?;
                }
                line(&mut json, &Record::Summary(Box::new(summary)))?;
                json.flush()?;
            }
            None => text::print(&mut BufWriter::new(std::io::stdout().lock()), engine, queue, &summary)?,
        }
        Ok(())
    }
}

fn records(engine: &Engine) -> impl Iterator<Item = Record> {
    let assessor = engine.assessor();
    let devices = assessor.devices().into_iter().map(|device| Record::Device(Box::new(device)));
    let findings = assessor.findings().map(|finding| Record::Finding(Box::new(finding.clone())));
    let exposures = assessor.exposures().map(|exposure| Record::Exposure(Box::new(exposure.clone())));
    devices.chain(findings).chain(exposures)
}

fn line(output: &mut impl Write, record: &Record) -> Result<()> {
    serde_json::to_writer(&mut *output, record).map_err(std::io::Error::from)?;
    output.write_all(b"\n")?;
    Ok(())
}

impl Files {
    fn create(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("{}: the output directory cannot be made", directory.display()))?;
        let flows = FlowFileWriter::create(&directory.join("flows.parquet"))?;
        Ok(Self { directory: directory.to_owned(), flows })
    }

    fn finish(self, engine: &Engine, queue: &[Vulnerability], summary: &Summary) -> Result<()> {
        self.flows.finish()?;
        let open = |name: &str| -> Result<BufWriter<File>> {
            let path = self.directory.join(name);
            Ok(BufWriter::new(
                File::create(&path).with_context(|| format!("{}: cannot be written", path.display()))?,
            ))
        };
        let mut devices = open("devices.ndjson")?;
        let mut findings = open("findings.ndjson")?;
        let mut exposures = open("exposures.ndjson")?;
        for record in records(engine) {
            match &record {
                Record::Device(_) => line(&mut devices, &record)?,
                Record::Finding(_) => line(&mut findings, &record)?,
                _ => line(&mut exposures, &record)?,
            }
        }
        if !queue.is_empty() {
            let mut vulnerabilities = open("vulnerabilities.ndjson")?;
            for vulnerability in queue {
                line(&mut vulnerabilities, &Record::Vulnerability(Box::new(vulnerability.clone())))?;
            }
            vulnerabilities.flush()?;
        }
        let mut report = open("report.html")?;
        let assessor = engine.assessor();
        let mut reported = summary.clone();
        // The report is a document about the capture, not about the machine that made it.
        reported.wall_seconds = None;
        reported.packets_per_second = None;
        reported.peak_memory_bytes = None;
        let site = wardline_exports::SiteReport {
            devices: assessor.devices(),
            findings: assessor.findings().cloned().collect(),
            exposures: assessor.exposures().cloned().collect(),
            vulnerabilities: queue.to_vec(),
            summary: reported,
        };
        site.write_html(&mut report)?;
        for mut file in [devices, findings, exposures, report] {
            file.flush()?;
        }
        Ok(())
    }
}
