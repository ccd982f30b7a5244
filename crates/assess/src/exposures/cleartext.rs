//! Patient data and credentials that anybody on the path could read.

use wardline_model::fact::{CredentialFact, CredentialKind, PatientDataFact, PatientField, PatientFields};
use wardline_model::{ExposureKind, Label, Protocol, Severity};

use super::{Scene, Sighting};

pub(super) fn patient_data(scene: &Scene<'_>, data: &PatientDataFact) -> Sighting {
    let observation = scene.observation;
    let fields: Vec<_> = data.fields.iter().map(PatientField::name).collect();
    Sighting {
        kind: ExposureKind::CleartextPhi,
        protocol: data.protocol,
        cause: Label::default(),
        device: Some(observation.from),
        peer: Some(observation.to),
        severity: if data.fields.identifies() { Severity::High } else { Severity::Medium },
        fields: data.fields,
        summary: format!(
            "{{device}} sends patient data readable to {{peer}} over {}: {{fields}}.",
            data.protocol
        ),
        remedy: remedy_for_patient_data(data.protocol).to_owned(),
        evidence: scene.names.evidence(
            observation,
            data.protocol,
            "patient data, readable",
            &fields.join(", "),
        ),
        time: observation.sighting.time,
    }
}

/// The server is whose door it is: the one that takes the credentials.
pub(super) fn credential(scene: &Scene<'_>, credential: &CredentialFact) -> Sighting {
    let observation = scene.observation;
    let (cause, severity, remedy) = match credential.kind {
        CredentialKind::Password | CredentialKind::Basic => (
            "password",
            Severity::High,
            "Log in over TLS or SSH instead, then change the password: it must be taken as known. Where the device can do neither, allow this protocol from one management station only.",
        ),
        CredentialKind::Community => (
            "community",
            Severity::Medium,
            "Use SNMP version 3 with authentication and encryption; until then, read-only, and only from the management station.",
        ),
        CredentialKind::Bearer => {
            ("bearer", Severity::Medium, "Use TLS: whoever reads the token can act in its owner's name.")
        }
        CredentialKind::ChallengeResponse => (
            "challenge-response",
            Severity::Low,
            "Prefer Kerberos and require signing or encryption: the response can be attacked off-line.",
        ),
    };
    Sighting {
        kind: ExposureKind::CleartextCredentials,
        protocol: credential.protocol,
        cause: Label::new(cause),
        device: Some(observation.to),
        peer: Some(observation.from),
        severity,
        fields: PatientFields::default(),
        summary: format!(
            "Credentials for {{device}} travel readable from {{peer}} over {}.",
            credential.protocol
        ),
        remedy: remedy.to_owned(),
        evidence: scene.names.evidence(
            observation,
            credential.protocol,
            credential.field.as_str(),
            "readable",
        ),
        time: observation.sighting.time,
    }
}

const fn remedy_for_patient_data(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Hl7 => {
            "Use MLLP over TLS between both ends, or put both into one segment that nobody else can listen to."
        }
        Protocol::Dicom => {
            "Use DICOM over TLS (PS3.15 annex B), or put both into one imaging segment that nobody else can listen to."
        }
        Protocol::Mqtt => {
            "Use MQTT over TLS with client certificates, and topics without patient identifiers."
        }
        Protocol::Http | Protocol::Fhir | Protocol::Dicomweb => {
            "Use HTTPS, and redirect or close the readable port."
        }
        _ => "Encrypt this conversation, or put both ends into one segment that nobody else can listen to.",
    }
}
