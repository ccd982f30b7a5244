//! Which state a card shows: conservative, and only from what was seen.

use serde::{Deserialize, Serialize};
use wardline_model::{Attack, Category, Criticality, Device, Finding, Severity, Timestamp};

/// How long a device may be silent before nothing is known of it.
const SEEN_WITHIN_SECONDS: f64 = 24.0 * 3_600.0;
/// How long a finding counts after it was last seen to go on: a day, so that each shift hears of it.
const FINDING_COUNTS_SECONDS: f64 = 24.0 * 3_600.0;

/// What a nurse is told about a device, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing is known: it was not seen lately, or what it is is not known.
    Unknown,
    /// No reason was found not to use it.
    UseNormally,
    /// Its network features may fail; its own display and alarms count.
    UseStandAlone,
    /// What it shows or sends may be wrong.
    DoNotStart,
    /// It treats, and what it does may be wrong: change it, therapy first.
    SwapNow,
}

impl State {
    /// Every state.
    pub const ALL: &'static [Self] =
        &[Self::Unknown, Self::UseNormally, Self::UseStandAlone, Self::DoNotStart, Self::SwapNow];

    /// Its name in records and in the files of words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::UseNormally => "use-normally",
            Self::UseStandAlone => "use-stand-alone",
            Self::DoNotStart => "do-not-start",
            Self::SwapNow => "swap-now",
        }
    }

    /// The state of a device at `now`. Of `findings` only those above low that name it count, for a day after they were
    /// last seen; vulnerabilities never do: the bed must not be alarmed by what nobody uses.
    pub fn of(device: &Device, findings: &[Finding], now: Timestamp) -> Self {
        let counts = |finding: &&Finding| {
            finding.severity > Severity::Low && now.seconds_since(finding.last_seen) <= FINDING_COUNTS_SECONDS
        };
        let names = |reference: &Option<wardline_model::DeviceReference>| {
            reference.as_ref().is_some_and(|named| named.id.as_ref() == Some(&device.id))
        };
        let worst = findings
            .iter()
            .filter(counts)
            .filter_map(|finding| {
                if names(&finding.device) {
                    Some(Self::suffering(device, finding))
                } else {
                    // A device that attacks others is not itself any more.
                    names(&finding.source).then(|| Self::altered(device))
                }
            })
            .max();
        match worst {
            Some(state) if state > Self::UseNormally => state,
            _ if device.category.is_medical()
                && now.seconds_since(device.last_seen) <= SEEN_WITHIN_SECONDS =>
            {
                Self::UseNormally
            }
            _ => Self::Unknown,
        }
    }

    fn suffering(device: &Device, finding: &Finding) -> Self {
        match finding.attack {
            Attack::Physical | Attack::MessageCorruption | Attack::FalseNode | Attack::NodeMalfunction => {
                Self::altered(device)
            }
            Attack::Outage | Attack::Routing | Attack::TrafficAnalysis | Attack::DenialOfService => {
                Self::UseStandAlone
            }
            // Who stands in between can change what central displays show.
            Attack::PassiveGathering if finding.severity >= Severity::High => Self::UseStandAlone,
            Attack::PassiveGathering
            | Attack::Eavesdropping
            | Attack::ThreatIntel
            | Attack::PolicyViolation
            | Attack::Anomaly => Self::UseNormally,
        }
    }

    fn altered(device: &Device) -> Self {
        let treats =
            matches!(
                device.category,
                Category::InfusionPump
                    | Category::InsulinPump
                    | Category::Ventilator
                    | Category::Anesthesia
                    | Category::Defibrillator
            ) || matches!(device.criticality, Some(Criticality::LifeSustaining | Criticality::Therapy));
        if treats { Self::SwapNow } else { Self::DoNotStart }
    }
}

/// Devices of which the same is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Infusion, syringe and PCA pumps.
    InfusionPump,
    /// Worn pumps, glucose meters.
    InsulinPump,
    /// Monitors at the bed and worn sensors.
    PatientMonitor,
    /// Central stations, gateways of telemetry.
    CentralStation,
    /// Ventilators, anaesthesia machines.
    Ventilator,
    /// Defibrillators.
    Defibrillator,
    /// Scanners.
    Imaging,
    /// Image archives and reading stations.
    Archive,
    /// Analysers.
    Laboratory,
    /// Dispensing cabinets.
    MedicationCabinet,
    /// Programmers and home monitors of implants.
    Implant,
    /// Records and the engines that feed them.
    Records,
    /// Nurse call.
    NurseCall,
    /// Everything else.
    Other,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::InfusionPump,
        Self::InsulinPump,
        Self::PatientMonitor,
        Self::CentralStation,
        Self::Ventilator,
        Self::Defibrillator,
        Self::Imaging,
        Self::Archive,
        Self::Laboratory,
        Self::MedicationCabinet,
        Self::Implant,
        Self::Records,
        Self::NurseCall,
        Self::Other,
    ];

    /// The class of a category.
    pub const fn of(category: Category) -> Self {
        match category {
            Category::InfusionPump => Self::InfusionPump,
            Category::InsulinPump | Category::GlucoseMeter => Self::InsulinPump,
            Category::PatientMonitor
            | Category::Ecg
            | Category::BloodPressureMonitor
            | Category::PulseOximeter
            | Category::Wearable => Self::PatientMonitor,
            Category::TelemetryGateway => Self::CentralStation,
            Category::Ventilator | Category::Anesthesia => Self::Ventilator,
            Category::Defibrillator => Self::Defibrillator,
            Category::ImagingModality => Self::Imaging,
            Category::Pacs | Category::RadiologyWorkstation => Self::Archive,
            Category::LabAnalyzer => Self::Laboratory,
            Category::MedicationCabinet => Self::MedicationCabinet,
            Category::PacemakerProgrammer | Category::CardiacImplantMonitor => Self::Implant,
            Category::Ehr | Category::IntegrationEngine => Self::Records,
            Category::NurseCall => Self::NurseCall,
            _ => Self::Other,
        }
    }
}
