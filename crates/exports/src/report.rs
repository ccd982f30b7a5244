//! The site report: one page that can be read, printed and sent, with nothing loaded from anywhere.

use std::collections::BTreeMap;
use std::io::Write;

use askama::Template;
use serde::Serialize;
use wardline_model::{
    Category, Device, DeviceReference, Exposure, ExposureKind, Finding, Severity, Summary, Vulnerability,
};

/// What was seen, for people: findings first, then exposures, then devices, then what could not be seen.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "site_report.html")]
pub struct SiteReport {
    /// Devices.
    pub devices: Vec<Device>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Exposures.
    pub exposures: Vec<Exposure>,
    /// What is to be corrected, the most pressing first.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Numbers of the run.
    pub summary: Summary,
}

impl SiteReport {
    /// Writes the page. The same records give the same bytes.
    pub fn write_html(&self, output: &mut impl Write) -> std::io::Result<()> {
        let page = self.render().map_err(std::io::Error::other)?;
        output.write_all(page.as_bytes())
    }

    /// Findings, the worst first.
    fn findings_by_severity(&self) -> Vec<&Finding> {
        let mut findings: Vec<_> = self.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// Exposures by kind, the worst kind first.
    fn exposures_by_kind(&self) -> Vec<(ExposureKind, Vec<&Exposure>)> {
        let mut kinds: BTreeMap<ExposureKind, Vec<&Exposure>> = BTreeMap::new();
        for exposure in &self.exposures {
            kinds.entry(exposure.kind).or_default().push(exposure);
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, exposures)| {
            std::cmp::Reverse(exposures.iter().map(|exposure| exposure.severity).max())
        });
        kinds
    }

    /// How many devices of each category there are, with the length of a bar in percent of the longest.
    fn categories(&self) -> Vec<(Category, usize, usize)> {
        let mut counts: BTreeMap<Category, usize> = BTreeMap::new();
        for device in &self.devices {
            *counts.entry(device.category).or_default() += 1;
        }
        let longest = counts.values().copied().max().unwrap_or(1);
        counts.into_iter().map(|(category, count)| (category, count, count * 100 / longest)).collect()
    }

    /// The first of what is to be corrected: as much as a person reads.
    fn pressing(&self) -> impl Iterator<Item = &Vulnerability> {
        self.vulnerabilities.iter().take(50)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn period(&self) -> String {
        match (self.summary.start, self.summary.end) {
            (Some(start), Some(end)) => format!("{start} to {end}"),
            _ => "no packet was read".to_owned(),
        }
    }
}

/// A device as a person would call it.
pub(crate) fn reference(device: &Option<DeviceReference>) -> String {
    let Some(device) = device else { return "not known".to_owned() };
    let address = device.ip.map(|ip| ip.to_string()).or_else(|| device.mac.map(|mac| mac.to_string()));
    match (&device.name, address) {
        (Some(name), Some(address)) if name.as_str() != address => format!("{name} ({address})"),
        (Some(name), _) => name.to_string(),
        (None, Some(address)) => address,
        (None, None) => device.id.as_ref().map_or_else(|| "not known".to_owned(), ToString::to_string),
    }
}

/// A value, or a dash for what is not known.
pub(crate) fn known<T: std::fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)
}

/// All values of a list.
pub(crate) fn joined<T: std::fmt::Display>(values: &[T]) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A shape that goes with the word, so that neither colour nor sight of it is needed.
pub(crate) const fn shape(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "⯃",
        Severity::High => "▲",
        Severity::Medium => "◆",
        Severity::Low => "●",
        Severity::Info => "■",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use wardline_model::{DeviceId, Label, Timestamp};

    /// A monitor that does not exist.
    pub(crate) fn invented_device(name: &str) -> Device {
        let time = Timestamp::from_seconds(1_700_000_000);
        Device {
            id: DeviceId::from("d-1"),
            macs: vec!["00:09:fb:00:00:01".parse().unwrap()],
            ips: vec!["192.0.2.7".parse().unwrap()],
            hostnames: vec![Label::new(name)],
            vendor: None,
            model: None,
            category: Category::PatientMonitor,
            os: None,
            firmware: None,
            serial: None,
            protocols: Default::default(),
            role: vec![],
            zone: None,
            criticality: None,
            first_seen: time,
            last_seen: time,
            confidence: 0.75,
            evidence: vec![],
            mismatches: Vec::new(),
        }
    }

    fn report(name: &str) -> SiteReport {
        let device = invented_device(name);
        SiteReport {
            devices: vec![device],
            findings: vec![],
            exposures: vec![],
            vulnerabilities: vec![],
            summary: Summary::default(),
        }
    }

    fn html(report: &SiteReport) -> String {
        let mut output = Vec::new();
        report.write_html(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn names_from_the_wire_cannot_become_markup() {
        let page = html(&report("<script>alert(1)</script>"));
        assert!(!page.contains("<script>"), "a host name became markup");
        assert!(page.contains("script&#62;") || page.contains("script&gt;"), "{page}");
    }

    #[test]
    fn an_empty_report_says_why_and_loads_nothing() {
        let empty = SiteReport {
            devices: vec![],
            findings: vec![],
            exposures: vec![],
            vulnerabilities: vec![],
            summary: Summary::default(),
        };
        let page = html(&empty);
        assert!(page.contains("No attack was found") && page.contains("no packet was read"));
        for foreign in ["http://", "https://", "src="] {
            assert!(!page.contains(foreign), "loads {foreign}");
        }
        assert_eq!(page, html(&empty));
    }
}
