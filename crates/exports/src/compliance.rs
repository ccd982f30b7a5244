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
    Category, Device, Exposure, ExposureKind, Finding, Priority, Record, Severity, Timestamp, Vulnerability,
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
    /// SHA-256, hexadecimal, over what the command prints; for the audit log, its last seal. Absent where the command
    /// prints counts only.
    pub hash: Option<String>,
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
    let (standing, evidence) = judge(control.measure, records);
    // Nothing can be said of a network of which nothing was seen.
    let (standing, evidence) = if records.devices.is_empty() {
        (Standing::Gap, "No device was seen: nothing can be said.".to_owned())
    } else {
        (standing, evidence)
    };
    let date = records.period.map(|(_, end)| end);
    let hash = hash(control.measure, records);
    Proof { control, standing, evidence, date, hash, command: control.measure.command() }
}

fn judge(measure: Measure, records: &Records) -> (Standing, String) {
    match measure {
        Measure::Inventory => inventory(records),
        Measure::Conversations => (
            if records.flows > 0 { Standing::Shown } else { Standing::Gap },
            format!("{} conversations between devices were recorded.", records.flows),
        ),
        Measure::Weaknesses => (
            Standing::Shown,
            format!(
                "{} weaknesses were identified on {} devices.",
                records.exposures.len(),
                affected(&records.exposures)
            ),
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
        Measure::Monitoring => monitoring(records),
        Measure::Incidents => incidents(records),
        Measure::Vulnerabilities => vulnerabilities(records),
        Measure::ThreatIntelligence => (
            if records.indicators > 0 { Standing::Shown } else { Standing::Gap },
            format!("{} indicators of compromise are kept; every run looks for them.", records.indicators),
        ),
        Measure::Audit => match &records.audit {
            Some((0, _)) => {
                (Standing::Partly, "Nothing was restricted yet, so nothing was written down.".to_owned())
            }
            Some((lines, _)) => {
                (Standing::Shown, format!("The log of who restricted what is sound: {lines} entries."))
            }
            None => (Standing::Gap, "The audit log was changed or taken away.".to_owned()),
        },
    }
}

/// Watching means to go on: less than a day is a look.
fn monitoring(records: &Records) -> (Standing, String) {
    const DAY_NANOSECONDS: i64 = 24 * 3_600 * 1_000_000_000;
    let span = records.period.map_or(0, |(start, end)| end.nanoseconds_since(start));
    let standing = match records.packets {
        0 => Standing::Gap,
        _ if span < DAY_NANOSECONDS || records.dropped > 0 => Standing::Partly,
        _ => Standing::Shown,
    };
    let hours = span as f64 / 3.6e12;
    let (packets, lost) = (records.packets, records.dropped);
    (standing, format!("{packets} packets of {hours:.1} h were examined; {lost} were lost before that."))
}

fn inventory(records: &Records) -> (Standing, String) {
    let all = records.devices.len();
    let named = records.devices.iter().filter(|device| device.category != Category::Unknown).count();
    let vendors = records.devices.iter().filter(|device| device.vendor.is_some()).count();
    // One in ten may be new or silent; more than that is a network that nobody knows.
    let standing = if named * 10 >= all * 9 { Standing::Shown } else { Standing::Partly };
    (standing, format!("{all} devices are listed; the kind of {named} and the maker of {vendors} are known."))
}

/// A protection that is judged by who lacks it.
fn exposed(records: &Records, kinds: &[ExposureKind], lack: &str) -> (Standing, String) {
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
    (standing, evidence)
}

fn incidents(records: &Records) -> (Standing, String) {
    let serious = records.findings.iter().filter(|finding| finding.severity >= Severity::High).count();
    let silent = records.findings.iter().filter(|finding| finding.playbook.is_empty()).count();
    let counts = format!("Findings: {}, high or critical: {serious}", records.findings.len());
    if silent == 0 {
        (Standing::Shown, format!("{counts}; each says what to do."))
    } else {
        (Standing::Partly, format!("{counts}; {silent} do not say what to do."))
    }
}

fn vulnerabilities(records: &Records) -> (Standing, String) {
    let Some(queue) = &records.vulnerabilities else {
        return (
            Standing::Gap,
            "There are no advisories to match with; feeds update brings them.".to_owned(),
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
    )
}

fn affected(exposures: &[Exposure]) -> usize {
    let devices: std::collections::BTreeSet<_> =
        exposures.iter().filter_map(|exposure| exposure.device.as_ref()?.id.as_ref()).collect();
    devices.len()
}

/// Over the very bytes that the command of the measure prints, so that anybody can make it again.
fn hash(measure: Measure, records: &Records) -> Option<String> {
    match measure {
        Measure::Inventory => Some(digest(&records.devices, Record::Device)),
        Measure::Weaknesses | Measure::Encryption | Measure::Authentication | Measure::Separation => {
            Some(digest(&records.exposures, Record::Exposure))
        }
        Measure::Incidents => Some(digest(&records.findings, Record::Finding)),
        Measure::Vulnerabilities => Some(digest(records.vulnerabilities.as_ref()?, Record::Vulnerability)),
        Measure::Audit => {
            records.audit.as_ref().map(|(_, seal)| seal.clone()).filter(|seal| !seal.is_empty())
        }
        Measure::Conversations | Measure::Monitoring | Measure::ThreatIntelligence => None,
    }
}

fn digest<T: Clone>(records: &[T], record: impl Fn(Box<T>) -> Record) -> String {
    let mut hash = Sha256::new();
    for one in records {
        // Records have a form in JSON by their making; a hash over less would be told from the right one.
        hash.update(serde_json::to_vec(&record(Box::new(one.clone()))).unwrap_or_default());
        hash.update(b"\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
        let hour = |hour: i64| Timestamp::from_seconds(1_700_000_000 + hour * 3_600);
        let period = Some((hour(0), hour(30)));
        let mut records =
            Records { devices: vec![device], packets: 5, flows: 1, period, ..Records::default() };
        let report = ComplianceReport::new(&records);
        assert_eq!(proof(&report, Measure::Vulnerabilities).standing, Standing::Gap);
        assert_eq!(proof(&report, Measure::Audit).standing, Standing::Gap);
        assert_eq!(proof(&report, Measure::Monitoring).standing, Standing::Shown);
        assert_eq!(proof(&report, Measure::Encryption).standing, Standing::Shown);
        records.audit = Some((3, "seal".into()));
        records.vulnerabilities = Some(vec![]);
        records.period = Some((hour(0), hour(3)));
        let later = ComplianceReport::new(&records);
        assert_eq!(proof(&later, Measure::Vulnerabilities).standing, Standing::Shown);
        assert_eq!(proof(&later, Measure::Audit).standing, Standing::Shown);
        assert_eq!(proof(&later, Measure::Monitoring).standing, Standing::Partly);
        // The hash tells the records apart that evidence was taken from.
        assert_eq!(proof(&report, Measure::Inventory).hash, proof(&later, Measure::Inventory).hash);
        records.devices.clone_from(&[crate::report::tests::invented_device("mon-2")].to_vec());
        let other = ComplianceReport::new(&records);
        assert_ne!(proof(&later, Measure::Inventory).hash, proof(&other, Measure::Inventory).hash);
        records.dropped = 1;
        records.period = period;
        assert_eq!(proof(&ComplianceReport::new(&records), Measure::Monitoring).standing, Standing::Partly);
    }
}
