//! Compliance evidence: what the records show for the controls of rules that hospitals answer to.
//!
//! Evidence is what was seen on the network, with its date and a hash by which an auditor can tell that the records
//! behind it are the ones that were judged. It never says that a rule is met: a rule asks for more than traffic shows.

mod controls;

use std::io::Write;

use askama::Template;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wardline_model::{
    Category, Device, Exposure, ExposureKind, Finding, Priority, Severity, Timestamp, Vulnerability,
};

use crate::report::known;
use controls::CONTROLS;
pub use controls::{Control, Framework, Measure};

/// What the evidence is taken from.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Devices.
    pub devices: Vec<Device>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Exposures.
    pub exposures: Vec<Exposure>,
    /// What is to be corrected; absent where there are no advisories to match with.
    pub vulnerabilities: Option<Vec<Vulnerability>>,
    /// Conversations counted.
    pub flows: u64,
    /// Packets that were read, and that the kernel dropped before.
    pub packets: u64,
    /// Packets that the kernel dropped.
    pub dropped: u64,
    /// From when to when there was traffic.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Indicators of compromise that are kept.
    pub indicators: u64,
    /// Entries of the audit log, and the seal of the last; absent where the log is broken.
    pub audit: Option<(u64, String)>,
}

/// How much of a control the records show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing, or the opposite.
    Gap,
    /// Some of it.
    Partly,
    /// What traffic can show of it.
    Shown,
}

impl Standing {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Partly => "partly",
            Self::Shown => "shown",
        }
    }
}

/// What the records show of a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The control.
    pub control: &'static Control,
    /// How much is shown.
    pub standing: Standing,
    /// What was seen, in a sentence.
    pub evidence: String,
    /// The newest time that it is about.
    pub date: Option<Timestamp>,
    /// SHA-256, hexadecimal, over the records behind it as JSON, in the order of the store.
    pub hash: String,
    /// The command that lists the records behind it.
    pub command: &'static str,
}

/// All controls with what the records show.
#[derive(Clone, Debug, Serialize, Template)]
#[template(path = "compliance.html")]
pub struct ComplianceReport {
    /// From when to when there was traffic.
    pub period: Option<(Timestamp, Timestamp)>,
    /// The evidence, framework by framework.
    pub proofs: Vec<Proof>,
}

impl ComplianceReport {
    /// Judges every control.
    pub fn new(records: &Records) -> Self {
        let proofs = CONTROLS.iter().map(|control| prove(control, records)).collect();
        Self { period: records.period, proofs }
    }

    /// Writes the page. The same records give the same bytes.
    pub fn write_html(&self, output: &mut impl Write) -> std::io::Result<()> {
        output.write_all(self.render().map_err(std::io::Error::other)?.as_bytes())
    }

    fn seen(&self) -> String {
        match &self.period {
            Some((start, end)) => format!("{start} to {end}"),
            None => "No traffic was seen".to_owned(),
        }
    }

    fn of(&self, framework: Framework) -> Vec<&Proof> {
        self.proofs.iter().filter(|proof| proof.control.framework == framework).collect()
    }

    fn count(&self, standing: Standing) -> usize {
        self.proofs.iter().filter(|proof| proof.standing == standing).count()
    }
}

fn prove(control: &'static Control, records: &Records) -> Proof {
    let (standing, evidence, hash) = judge(control.measure, records);
    // Nothing can be said of a network of which nothing was seen.
    let (standing, evidence) = if records.devices.is_empty() {
        (Standing::Gap, "No device was seen: nothing can be said.".to_owned())
    } else {
        (standing, evidence)
    };
    let date = records.period.map(|(_, end)| end);
    Proof { control, standing, evidence, date, hash, command: control.measure.command() }
}

fn judge(measure: Measure, records: &Records) -> (Standing, String, String) {
    match measure {
        Measure::Inventory => inventory(records),
        Measure::Conversations => (
            if records.flows > 0 { Standing::Shown } else { Standing::Gap },
            format!("{} conversations between devices were recorded.", records.flows),
            hash(&records.flows),
        ),
        Measure::Weaknesses => (
            Standing::Shown,
            format!(
                "{} weaknesses were identified on {} devices.",
                records.exposures.len(),
                affected(&records.exposures)
            ),
            hash(&records.exposures),
        ),
        Measure::Encryption => exposed(
            records,
            &[ExposureKind::CleartextPhi, ExposureKind::UnencryptedProtocol, ExposureKind::WeakCrypto],
            "send patient data or commands readable, or badly encrypted",
        ),
        Measure::Authentication => exposed(
            records,
            &[
                ExposureKind::CleartextCredentials,
                ExposureKind::DefaultCredentials,
                ExposureKind::HardCodedCredentials,
                ExposureKind::UnauthenticatedControl,
            ],
            "show their credentials, use those of the factory, or obey anybody",
        ),
        Measure::Separation => exposed(
            records,
            &[ExposureKind::FlatNetwork, ExposureKind::InternetExposed, ExposureKind::RemoteAccess],
            "can be reached from where they need not be",
        ),
        Measure::Monitoring => {
            let lost = records.dropped;
            (
                if records.packets == 0 {
                    Standing::Gap
                } else if lost > 0 {
                    Standing::Partly
                } else {
                    Standing::Shown
                },
                format!("{} packets were examined; {lost} were lost before that.", records.packets),
                hash(&(records.packets, lost)),
            )
        }
        Measure::Incidents => incidents(records),
        Measure::Vulnerabilities => vulnerabilities(records),
        Measure::ThreatIntelligence => (
            if records.indicators > 0 { Standing::Shown } else { Standing::Gap },
            format!(
                "{} indicators of compromise are kept and compared with all traffic.",
                records.indicators
            ),
            hash(&records.indicators),
        ),
        Measure::Audit => match &records.audit {
            Some((0, _)) => (
                Standing::Partly,
                "The audit log is sound and empty: no restriction was ever set.".to_owned(),
                hash(&0),
            ),
            Some((lines, seal)) => {
                (Standing::Shown, format!("The audit log is sound: {lines} entries."), seal.clone())
            }
            None => (Standing::Gap, "The audit log is broken: somebody changed it.".to_owned(), hash(&())),
        },
    }
}

fn inventory(records: &Records) -> (Standing, String, String) {
    let all = records.devices.len();
    let named = records.devices.iter().filter(|device| device.category != Category::Unknown).count();
    let vendors = records.devices.iter().filter(|device| device.vendor.is_some()).count();
    // One in ten may be new or silent; more than that is a network that nobody knows.
    let standing = if named * 10 >= all * 9 { Standing::Shown } else { Standing::Partly };
    (
        standing,
        format!("{all} devices are listed; the kind of {named} and the maker of {vendors} are known."),
        hash(&records.devices),
    )
}

/// A protection that is judged by who lacks it.
fn exposed(records: &Records, kinds: &[ExposureKind], lack: &str) -> (Standing, String, String) {
    let exposures: Vec<_> =
        records.exposures.iter().filter(|exposure| kinds.contains(&exposure.kind)).cloned().collect();
    let count = affected(&exposures);
    let standing = if exposures.iter().any(|exposure| exposure.severity >= Severity::High) {
        Standing::Gap
    } else if exposures.is_empty() {
        Standing::Shown
    } else {
        Standing::Partly
    };
    let evidence = match (exposures.len(), count) {
        (0, _) => format!("No device was seen to {lack}."),
        // A flat network, for example, is nobody's fault alone.
        (weaknesses, 0) => {
            format!("The network as a whole has {weaknesses} such weaknesses: devices {lack}.")
        }
        _ => format!("{count} of {} devices {lack}.", records.devices.len()),
    };
    (standing, evidence, hash(&exposures))
}

fn incidents(records: &Records) -> (Standing, String, String) {
    let serious = records.findings.iter().filter(|finding| finding.severity >= Severity::High).count();
    let instructed = records.findings.iter().all(|finding| !finding.playbook.is_empty());
    (
        if instructed { Standing::Shown } else { Standing::Partly },
        format!(
            "Findings: {}, high or critical: {serious}; each with evidence down to the packet and what to do.",
            records.findings.len()
        ),
        hash(&records.findings),
    )
}

fn vulnerabilities(records: &Records) -> (Standing, String, String) {
    let Some(queue) = &records.vulnerabilities else {
        return (
            Standing::Gap,
            "There are no advisories to match with; feeds update brings them.".to_owned(),
            hash(&()),
        );
    };
    let act = queue.iter().filter(|vulnerability| vulnerability.priority == Priority::Act).count();
    let exploited = queue.iter().filter(|vulnerability| vulnerability.kev).count();
    (
        if act == 0 { Standing::Shown } else { Standing::Partly },
        format!(
            "{} vulnerabilities are listed in the order of urgency; {act} call for action now, {exploited} are known to be exploited.",
            queue.len()
        ),
        hash(queue),
    )
}

fn affected(exposures: &[Exposure]) -> usize {
    let devices: std::collections::BTreeSet<_> =
        exposures.iter().filter_map(|exposure| exposure.device.as_ref()?.id.as_ref()).collect();
    devices.len()
}

fn hash(records: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(records).unwrap_or_default();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(report: &ComplianceReport, measure: Measure) -> Proof {
        report.proofs.iter().find(|proof| proof.control.measure == measure).unwrap().clone()
    }

    #[test]
    fn of_a_network_that_nobody_saw_nothing_is_shown() {
        let report = ComplianceReport::new(&Records::default());
        assert!(report.proofs.iter().all(|proof| proof.standing == Standing::Gap));
        let mut page = Vec::new();
        report.write_html(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("No traffic was seen") && page.contains("164.312(e)(1)"));
        for foreign in ["http://", "https://", "src="] {
            assert!(!page.contains(foreign), "loads {foreign}");
        }
    }

    #[test]
    fn every_framework_has_controls_and_no_control_comes_twice() {
        for framework in Framework::ALL {
            assert!(CONTROLS.iter().any(|control| control.framework == framework), "{framework:?}");
        }
        let mut seen = std::collections::BTreeSet::new();
        for control in CONTROLS {
            assert!(seen.insert((control.framework.name(), control.id)), "{}", control.id);
        }
    }

    #[test]
    fn without_advisories_or_with_a_broken_log_there_is_a_gap() {
        let device = crate::report::tests::invented_device("mon-1");
        let mut records = Records { devices: vec![device], packets: 5, flows: 1, ..Records::default() };
        let report = ComplianceReport::new(&records);
        assert_eq!(proof(&report, Measure::Vulnerabilities).standing, Standing::Gap);
        assert_eq!(proof(&report, Measure::Audit).standing, Standing::Gap);
        assert_eq!(proof(&report, Measure::Monitoring).standing, Standing::Shown);
        assert_eq!(proof(&report, Measure::Encryption).standing, Standing::Shown);
        records.audit = Some((3, "seal".into()));
        records.vulnerabilities = Some(vec![]);
        records.dropped = 1;
        let later = ComplianceReport::new(&records);
        assert_eq!(proof(&later, Measure::Vulnerabilities).standing, Standing::Shown);
        assert_eq!(proof(&later, Measure::Audit).standing, Standing::Shown);
        assert_eq!(proof(&later, Measure::Monitoring).standing, Standing::Partly);
        // The hash tells the records apart that evidence was taken from.
        assert_ne!(proof(&report, Measure::Monitoring).hash, proof(&later, Measure::Monitoring).hash);
        assert_eq!(proof(&report, Measure::Inventory).hash, proof(&later, Measure::Inventory).hash);
    }
}
