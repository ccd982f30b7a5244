//! The controls, by framework, and by which measure the records speak to each.

use serde::Serialize;

/// A rule that hospitals or makers answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Framework {
    /// HIPAA Security Rule, 45 CFR part 164 subpart C (United States).
    #[serde(rename = "HIPAA")]
    Hipaa,
    /// NIST Cybersecurity Framework 2.0 (2024).
    #[serde(rename = "NIST CSF 2.0")]
    NistCsf,
    /// Health Industry Cybersecurity Practices, edition 2023, section 405(d).
    #[serde(rename = "HICP")]
    Hicp,
    /// IEC 80001-1:2021, safety, effectiveness and security of connected medical devices.
    #[serde(rename = "IEC 80001-1")]
    Iec80001,
    /// Directive (EU) 2022/2555.
    #[serde(rename = "NIS2")]
    Nis2,
    /// Section 524B of the FD&C Act and FDA's guidance on postmarket management of cybersecurity (2016).
    #[serde(rename = "FDA postmarket")]
    FdaPostmarket,
}

impl Framework {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Hipaa, Self::NistCsf, Self::Hicp, Self::Iec80001, Self::Nis2, Self::FdaPostmarket];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hipaa => "HIPAA Security Rule (45 CFR 164)",
            Self::NistCsf => "NIST CSF 2.0",
            Self::Hicp => "HICP 2023",
            Self::Iec80001 => "IEC 80001-1:2021",
            Self::Nis2 => "NIS2 (Directive (EU) 2022/2555)",
            Self::FdaPostmarket => "FDA postmarket (FD&C 524B, guidance of 2016)",
        }
    }
}

/// What the records are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Which devices there are.
    Inventory,
    /// Who speaks with whom.
    Conversations,
    /// What is weak.
    Weaknesses,
    /// What is readable on the wire.
    Encryption,
    /// Who proves who he is.
    Authentication,
    /// Who can be reached from where.
    Separation,
    /// Whether somebody looks.
    Monitoring,
    /// What happened, and what was to be done.
    Incidents,
    /// What is to be corrected.
    Vulnerabilities,
    /// What is known of attackers.
    ThreatIntelligence,
    /// Who restricted what.
    Audit,
}

impl Measure {
    /// The command that lists the records behind it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Inventory => "wardline devices --json",
            Self::Conversations => "wardline flows --json",
            Self::Weaknesses | Self::Encryption | Self::Authentication | Self::Separation => {
                "wardline exposures --json"
            }
            Self::Monitoring => "wardline report --json",
            Self::Incidents => "wardline findings --json",
            Self::Vulnerabilities => "wardline patch --json",
            Self::ThreatIntelligence => "wardline intel status",
            Self::Audit => "wardline audit verify",
        }
    }
}

/// A control.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Whose.
    pub framework: Framework,
    /// Where it stands.
    pub id: &'static str,
    /// What it asks, in our words.
    pub asks: &'static str,
    /// By what it is judged.
    pub measure: Measure,
}

const fn control(framework: Framework, id: &'static str, asks: &'static str, measure: Measure) -> Control {
    Control { framework, id, asks, measure }
}

use Framework::{FdaPostmarket, Hicp, Hipaa, Iec80001, Nis2, NistCsf};

/// Every control that traffic can speak to.
pub(super) const CONTROLS: &[Control] = &[
    control(Hipaa, "164.308(a)(1)(ii)(A)", "Know the risks to patient data.", Measure::Weaknesses),
    control(Hipaa, "164.308(a)(1)(ii)(B)", "Reduce them.", Measure::Vulnerabilities),
    control(
        Hipaa,
        "164.308(a)(1)(ii)(D)",
        "Look regularly at what happens on the systems.",
        Measure::Monitoring,
    ),
    control(Hipaa, "164.308(a)(6)(ii)", "Find incidents, answer and write them down.", Measure::Incidents),
    control(Hipaa, "164.312(b)", "Record and examine activity.", Measure::Audit),
    control(Hipaa, "164.312(d)", "Know that whoever asks is who he says.", Measure::Authentication),
    control(Hipaa, "164.312(e)(1)", "Guard patient data on its way.", Measure::Encryption),
    control(NistCsf, "ID.AM-01", "List the hardware.", Measure::Inventory),
    control(NistCsf, "ID.AM-03", "Keep a picture of who speaks with whom.", Measure::Conversations),
    control(NistCsf, "ID.RA-01", "Identify and record vulnerabilities.", Measure::Vulnerabilities),
    control(NistCsf, "ID.RA-02", "Receive threat intelligence.", Measure::ThreatIntelligence),
    control(NistCsf, "PR.AA-03", "Authenticate people, services and hardware.", Measure::Authentication),
    control(NistCsf, "PR.DS-02", "Protect data on its way.", Measure::Encryption),
    control(NistCsf, "PR.IR-01", "Keep out who has no business on the network.", Measure::Separation),
    control(NistCsf, "DE.CM-01", "Watch the network.", Measure::Monitoring),
    control(NistCsf, "DE.AE-02", "Examine what looks harmful.", Measure::Incidents),
    control(Hicp, "Practice 5: IT asset management", "Know what is there.", Measure::Inventory),
    control(Hicp, "Practice 6: network management", "Divide the network.", Measure::Separation),
    control(
        Hicp,
        "Practice 7: vulnerability management",
        "Find and correct vulnerabilities.",
        Measure::Vulnerabilities,
    ),
    control(
        Hicp,
        "Practice 8: security operations and incident response",
        "See incidents and answer them.",
        Measure::Incidents,
    ),
    control(
        Hicp,
        "Practice 9: network connected medical devices",
        "Know what is weak about medical devices.",
        Measure::Weaknesses,
    ),
    control(Iec80001, "Risk analysis", "Know which devices are on the medical network.", Measure::Inventory),
    control(
        Iec80001,
        "Risk evaluation",
        "Know what could harm safety, effectiveness or security.",
        Measure::Weaknesses,
    ),
    control(Iec80001, "Risk control", "Separate what need not meet.", Measure::Separation),
    control(
        Iec80001,
        "Monitoring and event management",
        "Watch the network while it is used.",
        Measure::Monitoring,
    ),
    control(Iec80001, "Change management", "Record who changed what.", Measure::Audit),
    control(Nis2, "Article 21(2)(a)", "Analyse the risks.", Measure::Weaknesses),
    control(Nis2, "Article 21(2)(b)", "Handle incidents.", Measure::Incidents),
    control(Nis2, "Article 21(2)(e)", "Handle vulnerabilities.", Measure::Vulnerabilities),
    control(Nis2, "Article 21(2)(h)", "Encrypt where it is due.", Measure::Encryption),
    control(Nis2, "Article 21(2)(i)", "Control access and manage assets.", Measure::Inventory),
    control(Nis2, "Article 21(2)(j)", "Authenticate.", Measure::Authentication),
    control(
        FdaPostmarket,
        "Section 524B(b)(1)",
        "Watch for vulnerabilities after the sale; here: what the hospital can tell the maker.",
        Measure::Vulnerabilities,
    ),
    control(
        FdaPostmarket,
        "Guidance 2016, section V",
        "Take in signals of vulnerabilities and attacks from the field.",
        Measure::ThreatIntelligence,
    ),
];
