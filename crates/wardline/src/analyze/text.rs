//! The summary for people: what needs attention first, then what is there.

use std::io::Write;

use wardline_model::{Category, Device, Exposure, Finding, Severity, Summary, Vulnerability};

use crate::engine::Engine;
use crate::list::{DEVICE_HEAD, device_row, reference, table};

/// Rows of a list before it is cut and the rest counted.
const ROWS_MAX: usize = 40;

pub(super) fn print(
    output: &mut impl Write,
    engine: &Engine,
    queue: &[Vulnerability],
    summary: &Summary,
) -> std::io::Result<()> {
    let assessor = engine.assessor();
    let mut findings: Vec<&Finding> = assessor.findings().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut exposures: Vec<&Exposure> = assessor.exposures().collect();
    exposures.sort_by_key(|exposure| std::cmp::Reverse(exposure.severity));
    let devices = assessor.devices();
    print_findings(output, &findings)?;
    print_exposures(output, &exposures)?;
    print_queue(output, queue)?;
    print_devices(output, &devices)?;
    print_numbers(output, summary)?;
    output.flush()
}

fn print_findings(output: &mut impl Write, findings: &[&Finding]) -> std::io::Result<()> {
    if findings.is_empty() {
        return writeln!(
            output,
            "No attack found. That is not proof of none: a silent tap, for one, cannot be seen from here.\n"
        );
    }
    writeln!(output, "What is happening ({})", findings.len())?;
    for finding in findings.iter().take(ROWS_MAX) {
        writeln!(output, "\n  {} {}: {}", mark(finding.severity), finding.attack, finding.summary)?;
        writeln!(output, "    since {}, seen {} times", finding.started, finding.observations)?;
        writeln!(
            output,
            "    device {}, source {}",
            reference(finding.device.as_ref()),
            reference(finding.source.as_ref())
        )?;
        if let Some(evidence) = finding.evidence.first() {
            writeln!(
                output,
                "    first evidence: {} packet {}: {} = {}",
                evidence.file, evidence.packet, evidence.field, evidence.value
            )?;
        }
        if !finding.clinical.is_empty() {
            writeln!(output, "    at the bedside: {}", finding.clinical)?;
        }
        if let Some(step) = finding.playbook.first() {
            writeln!(output, "    first step: {step}")?;
        }
    }
    cut(output, findings.len())?;
    writeln!(output)
}

fn print_exposures(output: &mut impl Write, exposures: &[&Exposure]) -> std::io::Result<()> {
    if exposures.is_empty() {
        return Ok(());
    }
    writeln!(output, "What is weak ({})\n", exposures.len())?;
    for exposure in exposures.iter().take(ROWS_MAX) {
        writeln!(output, "  {} {}: {}", mark(exposure.severity), exposure.kind, exposure.summary)?;
    }
    cut(output, exposures.len())?;
    writeln!(output)
}

fn print_queue(output: &mut impl Write, queue: &[Vulnerability]) -> std::io::Result<()> {
    if queue.is_empty() {
        return Ok(());
    }
    writeln!(output, "What to correct first ({})\n", queue.len())?;
    for vulnerability in queue.iter().take(ROWS_MAX) {
        writeln!(
            output,
            "  {:>4}. {:<7} {} on {} ({}): {}",
            vulnerability.rank,
            vulnerability.priority.name(),
            vulnerability.cve,
            vulnerability.device_name,
            vulnerability.advisory,
            vulnerability.matched.reason
        )?;
    }
    cut(output, queue.len())?;
    writeln!(output)
}

fn print_devices(output: &mut impl Write, devices: &[Device]) -> std::io::Result<()> {
    if devices.is_empty() {
        return writeln!(
            output,
            "No device found: the captures hold no frame that a device sent and that could be read.\n"
        );
    }
    let unknown = devices.iter().filter(|device| device.category == Category::Unknown).count();
    let medical = devices.iter().filter(|device| device.category.is_medical()).count();
    writeln!(
        output,
        "What is there: {} devices, {medical} of them medical, {unknown} unknown\n",
        devices.len()
    )?;
    let mut shown: Vec<_> = devices.iter().collect();
    shown.sort_by_key(|device| {
        (!device.category.is_medical(), device.category == Category::Unknown, device.category)
    });
    let rows: Vec<_> = shown.iter().take(ROWS_MAX).map(|device| device_row(device)).collect();
    table(output, &DEVICE_HEAD, &rows)?;
    cut(output, devices.len())?;
    writeln!(output)
}

fn print_numbers(output: &mut impl Write, summary: &Summary) -> std::io::Result<()> {
    if let Some(lists) = &summary.inventory {
        writeln!(
            output,
            "Inventory lists name {} devices: {} were seen, {} of them contradict the wire; {} devices are in no list.",
            lists.listed,
            lists.seen,
            lists.contradicting,
            lists.not_listed.len()
        )?;
        for place in lists.never_seen.iter().take(ROWS_MAX) {
            writeln!(output, "  never seen: {place}")?;
        }
        cut(output, lists.never_seen.len())?;
    }
    let undecoded: u64 = summary.undecoded.values().sum();
    writeln!(
        output,
        "{} packets, {} bytes, {} conversations in {:.1} s of capture",
        summary.packets, summary.bytes, summary.flows, summary.capture_seconds
    )?;
    if undecoded > 0 {
        let mut reasons: Vec<_> = summary.undecoded.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let listed: Vec<_> =
            reasons.iter().take(5).map(|(reason, count)| format!("{reason} ({count})")).collect();
        writeln!(output, "{undecoded} packets could not be decoded to their end: {}", listed.join(", "))?;
    }
    for (limit, count) in &summary.over_limit {
        writeln!(output, "over a limit: {limit} ({count})")?;
    }
    if let (Some(seconds), Some(rate)) = (summary.wall_seconds, summary.packets_per_second) {
        let memory = summary
            .peak_memory_bytes
            .map_or_else(String::new, |bytes| format!(", {} MiB of memory", bytes >> 20));
        writeln!(output, "read in {seconds:.2} s ({rate:.0} packets per second{memory})")?;
    }
    writeln!(output, "All of it as JSON: add --json. As files: add --out DIR.")
}

fn cut(output: &mut impl Write, total: usize) -> std::io::Result<()> {
    if total > ROWS_MAX {
        writeln!(output, "  … and {} more; --json shows all", total - ROWS_MAX)
    } else {
        Ok(())
    }
}

/// A word and a shape; no colour is needed to tell them apart.
const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "[!!] critical",
        Severity::High => "[!]  high",
        Severity::Medium => "[+]  medium",
        Severity::Low => "[.]  low",
        Severity::Info => "[i]  info",
    }
}
