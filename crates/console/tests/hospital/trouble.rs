//! What goes wrong in the invented hospital.

use wardline_model::fact::PatientField;
use wardline_model::{
    Attack, CommunityId, Device, Evidence, Exposure, ExposureKind, Finding, Label, Protocol, Severity,
    Transport,
};

use super::{at, named, reference};

/// Findings of every severity.
pub(crate) fn findings(devices: &[Device]) -> Vec<Finding> {
    let desk = named(devices, "desk-03");
    vec![
        finding(
            ("f-0001", Severity::Critical, Attack::FalseNode),
            (named(devices, "icu-monitor-04"), None),
            "Results under one bed were sent for another patient than the one who was admitted there",
            (24_600, 24_930, 41, &["T0856", "T0832"]),
            (Protocol::Hl7, "PID-3", "pseudonym 7f3a…, admitted: pseudonym c210…"),
            "The chart of one patient may show values of another. Decisions taken from it may hurt both.",
            &[
                "Go to the bed and compare the wristband with the name on the monitor and in the chart.",
                "Do not act on values charted since the time this began until they are confirmed at the bedside.",
                "Correct the patient at the monitor, and ask the integration team to withdraw the wrong results.",
            ],
        ),
        finding(
            ("f-0002", Severity::High, Attack::PassiveGathering),
            (named(devices, "icu-gateway"), Some(desk)),
            "desk-03 answers ARP requests in the name of icu-gateway, so traffic of the gateway passes through it",
            (21_300, 25_020, 388, &["T0830", "T1557.002"]),
            (Protocol::Arp, "arp.spa", "10.20.3.10 is-at 02:57:4c:11:10:02"),
            "Whoever stands in between can read and change what bedside monitors report. Trust the bedside, not the central view.",
            &[
                "Take desk-03 off the network at its switch port; do not unplug the gateway.",
                "Watch patients at the bedside until the gateway's address is right again.",
                "Keep desk-03 switched on for those who will examine it.",
            ],
        ),
        finding(
            ("f-0003", Severity::High, Attack::DenialOfService),
            (named(devices, "pacs"), None),
            "pacs is flooded with connection attempts that nobody completes, 1,900 a second",
            (15_000, 15_640, 61_240, &["T0814"]),
            (Protocol::Tcp, "tcp.flags.syn", "61,240 SYN without ACK"),
            "Images may come late or not at all. Scanners keep their images; nothing is lost at first.",
            &[
                "Read urgent images at the scanner's own console.",
                "Let the network team limit connection attempts towards the archive.",
            ],
        ),
        finding(
            ("f-0004", Severity::Medium, Attack::PolicyViolation),
            (named(devices, "icu-pump-02"), Some(desk)),
            "desk-03 opened the service page of an infusion pump, which only the integration engine may do",
            (22_410, 22_470, 2, &["T0886"]),
            (Protocol::Http, "http.request.uri", "/service"),
            "Somebody looked at settings of a pump. Nothing shows that they were changed.",
            &["Check the pump's settings against the order.", "Ask who uses desk-03."],
        ),
        finding(
            ("f-0005", Severity::Low, Attack::Anomaly),
            (named(devices, "cabinet-02"), None),
            "cabinet-02 spoke at an hour in which it was always silent before",
            (9_000, 9_120, 3, &[]),
            (Protocol::Tls, "tls.handshake", "03:30 local time"),
            "Most likely somebody worked late. It matters only together with other signs.",
            &["Compare with the log of the cabinet."],
        ),
    ]
}

fn finding(
    (id, severity, attack): (&str, Severity, Attack),
    (device, source): (&Device, Option<&Device>),
    summary: &str,
    (started, last_seen, observations, techniques): (u64, u64, u64, &[&str]),
    (protocol, field, value): (Protocol, &str, &str),
    clinical: &str,
    playbook: &[&str],
) -> Finding {
    let kept = observations.min(12);
    let evidence = (0..kept).map(|number| Evidence {
        file: Label::new("core-switch-mirror.pcapng"),
        packet: 180_000 + started * 3 + number * 17,
        time: at(started + number * (last_seen - started) / kept),
        community_id: source.and_then(|source| {
            CommunityId::new(Transport::TCP, (source.ips[0], 50_000), (device.ips[0], 80))
        }),
        protocol,
        field: Label::new(field),
        value: Label::new(value),
    });
    Finding {
        id: id.to_owned(),
        time: at(started + 20),
        started: at(started),
        last_seen: at(last_seen),
        attack,
        techniques: techniques.iter().map(|technique| (*technique).to_owned()).collect(),
        detector: Label::new(&format!("{attack}/invented")),
        severity,
        confidence: 0.93,
        device: Some(reference(device)),
        source: source.map(reference),
        summary: summary.to_owned(),
        evidence: evidence.collect(),
        observations,
        updates: observations / 10,
        silent_if:
            "The address had been announced with the same link address before, or the site file names it."
                .to_owned(),
        clinical: clinical.to_owned(),
        playbook: playbook.iter().map(|step| (*step).to_owned()).collect(),
    }
}

/// Exposures of several kinds.
pub(crate) fn exposures(devices: &[Device]) -> Vec<Exposure> {
    let mut exposures = Vec::new();
    let integration = named(devices, "integration");
    for number in 1..=8 {
        let monitor = named(devices, &format!("surg-monitor-{number:02}"));
        exposures.push(exposure(
            (monitor, Some(integration), ExposureKind::CleartextPhi, Severity::High),
            "Admissions and results with patient data travel unencrypted to the integration engine",
            (Protocol::Hl7, "PID-5", "readable, 214 messages"),
            &[PatientField::Name, PatientField::Identifier, PatientField::BirthDate],
            "Turn on TLS for HL7 at the sender and the engine, or put both into a zone that nobody else can listen in.",
        ));
    }
    for number in 1..=5 {
        let pump = named(devices, &format!("icu-pump-{number:02}"));
        exposures.push(exposure(
            (pump, Some(integration), ExposureKind::CleartextCredentials, Severity::Medium),
            "The pump logs in with HTTP Basic authentication, which anybody on the way can read",
            (Protocol::Http, "http.authorization", "Basic, user name readable"),
            &[],
            "Ask the maker for TLS; until then allow only the integration engine to reach the pump.",
        ));
    }
    for name in ["ct-01", "reading-01", "reading-02"] {
        exposures.push(exposure(
            (named(devices, name), None, ExposureKind::LegacyOs, Severity::Medium),
            "Runs Windows 7, which has had no updates since 2020",
            (Protocol::Smb2, "ntlmssp.version", "6.1.7601"),
            &[],
            "Plan the replacement with the maker; until then separate it from office networks.",
        ));
    }
    exposures
}

fn exposure(
    (device, peer, kind, severity): (&Device, Option<&Device>, ExposureKind, Severity),
    summary: &str,
    (protocol, field, value): (Protocol, &str, &str),
    patient_fields: &[PatientField],
    remedy: &str,
) -> Exposure {
    Exposure {
        id: format!("{kind}/{}", device.id),
        device: Some(reference(device)),
        peer: peer.map(reference),
        kind,
        severity,
        summary: summary.to_owned(),
        patient_fields: patient_fields.to_vec(),
        hearing: None,
        first_seen: at(400),
        last_seen: at(24_000),
        observations: 214,
        evidence: vec![Evidence {
            file: Label::new("core-switch-mirror.pcapng"),
            packet: 5_120,
            time: at(400),
            community_id: None,
            protocol,
            field: Label::new(field),
            value: Label::new(value),
        }],
        remedy: remedy.to_owned(),
    }
}
