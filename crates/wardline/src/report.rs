//! `wardline report` and `wardline audit verify`: evidence on paper.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use wardline_enforce::Enforcer;
use wardline_exports::{ComplianceReport, DevicePassport, Records, RiskProfile, SiteReport};
use wardline_model::{DeviceId, Summary, Vulnerability};
use wardline_store::{DeviceQuery, EdgeQuery, ExposureQuery, FindingQuery, Store};

use crate::cli::{Audit, Report, ReportKind};
use crate::{Outcome, complain, enforcement, hygiene, intel, patch, place};

/// What is written, in either form.
enum Document {
    Site(Box<SiteReport>),
    Device(Box<DevicePassport>),
    Compliance(ComplianceReport),
}

pub(crate) fn run(arguments: &Report) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    if !place::holds_state(&state) {
        bail!(
            "{}: holds no state to report on; fill it with `wardline watch -i IFACE` or `wardline serve --replay CAPTURE`, or name another with --state DIR",
            state.display()
        );
    }
    let store = place::store(&state)?;
    let document = match (arguments.kind, &arguments.device) {
        (ReportKind::Device, None) => {
            bail!("a device passport needs --device ID; `wardline devices --json` lists the identifiers")
        }
        (ReportKind::Device, Some(id)) | (ReportKind::Site, Some(id)) => {
            Document::Device(Box::new(passport(store.as_ref(), &state, id)?))
        }
        (ReportKind::Site, None) => Document::Site(Box::new(site(store.as_ref(), &state)?)),
        (ReportKind::Compliance, Some(_)) => {
            bail!("compliance evidence is about the whole site: leave --device out")
        }
        (ReportKind::Compliance, None) => Document::Compliance(compliance(store.as_ref(), &state)?),
    };
    match &arguments.out {
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("{}: cannot be written", path.display()))?;
            let mut output = BufWriter::new(file);
            write(&document, arguments.json, &mut output)?;
            output.flush().with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        None => {
            let mut output = BufWriter::new(std::io::stdout().lock());
            write(&document, arguments.json, &mut output)?;
            output.flush()?;
        }
    }
    Ok(Outcome::Done)
}

fn write(document: &Document, json: bool, output: &mut impl Write) -> Result<()> {
    fn plain(kind: &str, of: &impl Serialize, output: &mut impl Write) -> Result<()> {
        #[derive(Serialize)]
        struct Told<'a, T> {
            r#type: &'static str,
            kind: &'a str,
            #[serde(flatten)]
            of: &'a T,
        }
        // Whatever goes wrong is the place that is written to: the records themselves always have a form.
        serde_json::to_writer_pretty(&mut *output, &Told { r#type: "report", kind, of })
            .map_err(std::io::Error::from)?;
        Ok(writeln!(output)?)
    }
    match (document, json) {
        (Document::Site(site), true) => plain("site", &**site, output)?,
        (Document::Device(passport), true) => plain("device", &**passport, output)?,
        (Document::Compliance(compliance), true) => plain("compliance", compliance, output)?,
        (Document::Site(site), false) => site.write_html(output)?,
        (Document::Device(passport), false) => passport.write_html(output)?,
        (Document::Compliance(compliance), false) => compliance.write_html(output)?,
    }
    Ok(())
}

/// The patch queue, where there are advisories to match with.
fn vulnerabilities(store: &dyn Store, state: &Path) -> Result<Option<Vec<Vulnerability>>> {
    let advisories = hygiene::gather(state, &[])?;
    if advisories.is_empty() { Ok(None) } else { patch::compute(store, &advisories).map(Some) }
}

fn site(store: &dyn Store, state: &Path) -> Result<SiteReport> {
    let overview = store.overview()?;
    let devices = store.devices(&DeviceQuery::default())?.items;
    let span = match (overview.oldest, overview.newest) {
        (Some(oldest), Some(newest)) => newest.nanoseconds_since(oldest) as f64 / 1e9,
        _ => 0.0,
    };
    Ok(SiteReport {
        findings: store.findings(&FindingQuery::default())?.items,
        exposures: store.exposures(&ExposureQuery::default())?.items,
        vulnerabilities: vulnerabilities(store, state)?.unwrap_or_default(),
        summary: Summary {
            captures: vec!["the records that are kept".to_owned()],
            packets: overview.packets,
            bytes: overview.bytes,
            start: overview.oldest,
            end: overview.newest,
            capture_seconds: span,
            flows: overview.flows,
            devices: devices.len() as u64,
            findings: overview.attacks,
            exposures: overview.exposures,
            ..Summary::default()
        },
        devices,
    })
}

fn passport(store: &dyn Store, state: &Path, id: &str) -> Result<DevicePassport> {
    let id = DeviceId::from(id);
    let Some(device) = store.device(&id)? else {
        bail!("{id}: no such device is kept; `wardline devices --json` lists the identifiers");
    };
    let vulnerabilities = vulnerabilities(store, state)?.map(|mut queue| {
        queue.retain(|vulnerability| vulnerability.device == id);
        queue
    });
    Ok(DevicePassport {
        profile: RiskProfile::of(device.category),
        findings: store
            .findings(&FindingQuery { device: Some(id.clone()), ..FindingQuery::default() })?
            .items,
        exposures: store
            .exposures(&ExposureQuery { device: Some(id.clone()), ..ExposureQuery::default() })?
            .items,
        vulnerabilities,
        edges: store.edges(&EdgeQuery { device: Some(id), ..EdgeQuery::default() })?.items,
        names: store
            .devices(&DeviceQuery::default())?
            .items
            .into_iter()
            .map(|device| (device.id.clone(), device.display_name().to_string()))
            .collect(),
        device,
    })
}

fn compliance(store: &dyn Store, state: &Path) -> Result<ComplianceReport> {
    let overview = store.overview()?;
    let log = match Enforcer::verify_audit(&state.join(enforcement::FOLDER), |_, _, _| ()) {
        Ok(sound) => Some((sound.lines, sound.seal)),
        Err(error) => {
            complain(&error.to_string());
            None
        }
    };
    Ok(ComplianceReport::new(&Records {
        devices: store.devices(&DeviceQuery::default())?.items,
        findings: store.findings(&FindingQuery::default())?.items,
        exposures: store.exposures(&ExposureQuery::default())?.items,
        vulnerabilities: vulnerabilities(store, state)?,
        flows: overview.flows,
        packets: overview.packets,
        dropped: overview.dropped,
        period: overview.oldest.zip(overview.newest),
        indicators: intel::gather(state, &[])?.indicators.len() as u64,
        audit: log,
    }))
}

/// `wardline audit verify`: reads the audit log and checks every seal.
pub(crate) fn verify(arguments: &Audit) -> Result<Outcome> {
    let Audit::Verify { state, expect, json } = arguments;
    let state = place::state(state.as_deref())?;
    let directory = state.join(enforcement::FOLDER);
    let mut seen = expect.is_none();
    let sound = Enforcer::verify_audit(&directory, |_, _, seal| seen |= expect.as_deref() == Some(seal))
        .with_context(|| directory.display().to_string())?;
    if !seen {
        bail!(
            "{}: the seal that you noted is not in it: lines were cut off or the whole was written anew",
            directory.display()
        );
    }
    let mut output = std::io::stdout().lock();
    if *json {
        let told = serde_json::json!({"type": "audit", "entries": sound.lines, "seal": sound.seal});
        writeln!(output, "{told}")?;
    } else if sound.lines == 0 {
        writeln!(
            output,
            "{}: there is no audit log; nothing was ever restricted from here.",
            directory.display()
        )?;
    } else {
        writeln!(
            output,
            "Sound: {} entries. Note the last seal elsewhere, and give it next time with --expect, to notice lines cut off:\n{}",
            sound.lines, sound.seal
        )?;
    }
    Ok(Outcome::Done)
}
