//! `wardline analyze`: captures in, records and a summary out, once.

mod output;
mod progress;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wardline_assess::Changes;
use wardline_capture::{Filter, MergedCapture};
use wardline_model::{Finding, Severity, Summary};

use crate::cli::{Analyze, Knowledge};
use crate::engine::{Engine, Making};
use crate::measure::{Stopwatch, peak_memory_bytes};
use crate::{Outcome, complain, hygiene, intel, place, site_file};
use output::Output;
use progress::ProgressBar;

/// Frames after which what changed is handed on, so that memory does not grow with the capture.
const DRAIN_FRAMES: u64 = 8_192;

pub(crate) fn run(arguments: &Analyze) -> Result<Outcome> {
    let stopwatch = Stopwatch::start();
    let making = making(&arguments.knowledge)?;
    let filter = filter(arguments.filter.as_deref())?;
    let captures: Vec<PathBuf> = arguments.captures.iter().chain(&arguments.read).cloned().collect();
    let given = [arguments.feeds.as_slice(), &arguments.sbom].concat();
    let advisories = hygiene::gather(&place::state(arguments.knowledge.state.as_deref())?, &given)?;
    let mut output = Output::open(arguments)?;
    let mut engine = Engine::new(making);
    let mut errors = learn(&mut engine, &arguments.knowledge.baseline, arguments.quiet)?;
    let mut run = Run { flows: 0, errors: Vec::new() };
    run.read(&mut engine, &captures, filter, arguments.quiet, &mut output)?;
    errors.append(&mut run.errors);
    for error in &errors {
        complain(error);
    }
    let mut summary = summary(&engine, &captures, errors, run.flows);
    if !arguments.reproducible {
        measure(&mut summary, stopwatch);
    }
    let incomplete = !summary.capture_errors.is_empty();
    let reached = arguments.fail_on.is_some_and(|severity| reaches(engine.assessor().findings(), severity));
    let exposures: Vec<_> = engine.assessor().exposures().cloned().collect();
    let queue = advisories.queue(&engine.assessor().devices(), &exposures);
    output.finish(&engine, &queue, summary)?;
    Ok(match (incomplete, reached) {
        (true, _) => Outcome::Incomplete,
        (false, true) => Outcome::Reached,
        (false, false) => Outcome::Done,
    })
}

/// What every run is made with, from the command line.
pub(crate) fn making(knowledge: &Knowledge) -> Result<Making> {
    let site = site_file::gather(knowledge.site.as_deref(), &knowledge.inventory)?;
    let state = place::state(knowledge.state.as_deref())?;
    let key = place::key(knowledge.key.as_deref(), &state)?;
    let intelligence = intel::gather(&state, &knowledge.intel)?;
    let policy = knowledge.adopted_policy.as_deref().map(crate::segment::read_policy).transpose()?;
    Ok(Making {
        site,
        policy,
        key,
        workers: knowledge.workers,
        indicators: intelligence.indicators,
        warning_lists: intelligence.warning_lists,
    })
}

/// A filter from its text.
pub(crate) fn filter(text: Option<&str>) -> Result<Option<Filter>> {
    text.map(|text| Filter::parse(text).with_context(|| format!("filter '{text}'"))).transpose()
}

/// Reads the baselines. What could not be read is returned.
pub(crate) fn learn(engine: &mut Engine, baselines: &[PathBuf], quiet: bool) -> Result<Vec<String>> {
    if baselines.is_empty() {
        return Ok(Vec::new());
    }
    let mut capture = MergedCapture::open(baselines);
    let bar = ProgressBar::new("learning", quiet);
    let mut frames = 0_u64;
    while let Some(frame) = capture.next_frame() {
        engine.learn(frame);
        frames += 1;
        if frames.is_multiple_of(DRAIN_FRAMES) {
            bar.show(capture.progress(), frames);
        }
    }
    engine.end_baseline();
    Ok(capture.take_errors().iter().map(ToString::to_string).collect())
}

struct Run {
    flows: u64,
    errors: Vec<String>,
}

impl Run {
    fn read(
        &mut self,
        engine: &mut Engine,
        captures: &[PathBuf],
        mut filter: Option<Filter>,
        quiet: bool,
        output: &mut Output,
    ) -> Result<()> {
        for (number, path) in captures.iter().enumerate() {
            engine.name_capture(u32::try_from(number)?, &shown(path));
        }
        let mut capture = MergedCapture::open(captures);
        let bar = ProgressBar::new("reading", quiet);
        let mut frames = 0_u64;
        while let Some(frame) = capture.next_frame() {
            frames += 1;
            let wanted = match &mut filter {
                Some(filter) => filter.matches(&frame)?,
                None => true,
            };
            if wanted {
                engine.read(frame);
            }
            if frames.is_multiple_of(DRAIN_FRAMES) {
                self.hand_on(engine.drain(), output)?;
                bar.show(capture.progress(), frames);
            }
        }
        engine.finish(|changes| self.hand_on(changes, output))?;
        self.errors = capture.take_errors().iter().map(ToString::to_string).collect();
        for (number, link_type) in engine.unreadable() {
            let path = captures.get(number as usize).map(|path| shown(path)).unwrap_or_default();
            self.errors.push(format!(
                "{path}: has frames of link type {link_type}, which this version does not read; they were counted and left out; capture on an Ethernet, Linux cooked, raw IP or loopback interface"
            ));
        }
        Ok(())
    }

    fn hand_on(&mut self, changes: Changes, output: &mut Output) -> Result<()> {
        self.flows += changes.flows.len() as u64;
        output.flows(changes.flows)
    }
}

/// A path as errors and evidence name it.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

fn reaches<'a>(findings: impl IntoIterator<Item = &'a Finding>, severity: Severity) -> bool {
    findings.into_iter().any(|finding| finding.severity >= severity)
}

fn summary(engine: &Engine, captures: &[PathBuf], errors: Vec<String>, flows: u64) -> Summary {
    let span = engine.span();
    let (undecoded, over_limit) = engine.refusals();
    let mut findings = BTreeMap::new();
    for finding in engine.assessor().findings() {
        *findings.entry(finding.attack).or_default() += 1;
    }
    let mut exposures = BTreeMap::new();
    for exposure in engine.assessor().exposures() {
        *exposures.entry(exposure.kind).or_default() += 1;
    }
    Summary {
        captures: captures.iter().map(|path| shown(path)).collect(),
        capture_errors: errors,
        packets: span.packets,
        bytes: span.bytes,
        start: span.start,
        end: span.end,
        capture_seconds: match (span.start, span.end) {
            (Some(start), Some(end)) => end.seconds_since(start),
            _ => 0.0,
        },
        flows,
        devices: engine.assessor().device_count() as u64,
        findings,
        exposures,
        undecoded,
        over_limit,
        inventory: engine.assessor().inventory_comparison(),
        wall_seconds: None,
        packets_per_second: None,
        peak_memory_bytes: None,
    }
}

fn measure(summary: &mut Summary, stopwatch: Stopwatch) {
    let seconds = stopwatch.seconds();
    summary.wall_seconds = Some(seconds);
    summary.packets_per_second = Some(if seconds > 0.0 { summary.packets as f64 / seconds } else { 0.0 });
    summary.peak_memory_bytes = peak_memory_bytes();
}
